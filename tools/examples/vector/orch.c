/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * f = (a + b + 1) (a + b + 2)
 *
 *	          add_scalar 1
 *	        /              \
 *	add a b                  mul -> f
 *	        \              /
 *	          add_scalar 2
 */
#include <errno.h>
#include <string.h>

#include <pto/orch.h>

enum { ADD, ADD_SCALAR, MUL };

static uint64_t float_bits(float value)
{
	uint64_t bits = 0;

	memcpy(&bits, &value, sizeof(value));
	return bits;
}

/* args: a, b, f on the host, rows, cols */
int build_vector(struct pto_orch *o, uint64_t *args, int nargs)
{
	if (nargs != 5)
		return -EINVAL;

	uint64_t n = args[3] * args[4];
	size_t bytes = n * sizeof(float);
	void *a = pto_orch_malloc(o, bytes);
	void *b = pto_orch_malloc(o, bytes);
	void *sum = pto_orch_malloc(o, bytes);
	void *plus1 = pto_orch_malloc(o, bytes);
	void *plus2 = pto_orch_malloc(o, bytes);
	void *f = pto_orch_malloc(o, bytes);

	pto_orch_copy_in(o, a, (void *)args[0], bytes);
	pto_orch_copy_in(o, b, (void *)args[1], bytes);
	pto_orch_record(o, (void *)args[2], f, bytes);

	uint64_t add[] = { (uint64_t)a, (uint64_t)b, (uint64_t)sum, n };
	uint64_t add1[] = { (uint64_t)sum, float_bits(1), (uint64_t)plus1, n };
	uint64_t add2[] = { (uint64_t)sum, float_bits(2), (uint64_t)plus2, n };
	uint64_t mul[] = { (uint64_t)plus1, (uint64_t)plus2, (uint64_t)f, n };

	int t0 = pto_orch_task(o, ADD, PTO_ORCH_AIV, add, 4);
	int t1 = pto_orch_task(o, ADD_SCALAR, PTO_ORCH_AIV, add1, 4);
	int t2 = pto_orch_task(o, ADD_SCALAR, PTO_ORCH_AIV, add2, 4);
	int t3 = pto_orch_task(o, MUL, PTO_ORCH_AIV, mul, 4);

	pto_orch_edge(o, t0, t1);
	pto_orch_edge(o, t0, t2);
	pto_orch_edge(o, t1, t3);
	pto_orch_edge(o, t2, t3);
	return 0;
}
