/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* out = exp(a b + bias); each tile of rows is one matmul and one add_exp. */
#include <errno.h>

#include <pto/orch.h>

enum { MATMUL, ADD_EXP };

/* args: a, b, bias, out on the host, m, n, k, tile */
int build_matmul(struct pto_orch *o, uint64_t *args, int nargs)
{
	if (nargs != 8 || !args[7])
		return -EINVAL;

	uint64_t m = args[4], n = args[5], k = args[6], tile = args[7];
	size_t out_bytes = m * n * sizeof(float);
	float *a = pto_orch_malloc(o, m * k * sizeof(float));
	float *b = pto_orch_malloc(o, k * n * sizeof(float));
	float *bias = pto_orch_malloc(o, out_bytes);
	float *product = pto_orch_malloc(o, out_bytes);
	float *out = pto_orch_malloc(o, out_bytes);

	pto_orch_copy_in(o, a, (void *)args[0], m * k * sizeof(float));
	pto_orch_copy_in(o, b, (void *)args[1], k * n * sizeof(float));
	pto_orch_copy_in(o, bias, (void *)args[2], out_bytes);
	pto_orch_record(o, (void *)args[3], out, out_bytes);

	for (uint64_t row = 0; row < m; row += tile) {
		uint64_t rows = m - row < tile ? m - row : tile;
		uint64_t mul[] = { (uint64_t)(a + row * k), (uint64_t)b,
				   (uint64_t)(product + row * n), rows, n, k };
		uint64_t add[] = { (uint64_t)(product + row * n), (uint64_t)(bias + row * n),
				   (uint64_t)(out + row * n), rows * n };

		int t0 = pto_orch_task(o, MATMUL, PTO_ORCH_AIC, mul, 6);
		int t1 = pto_orch_task(o, ADD_EXP, PTO_ORCH_AIV, add, 4);

		pto_orch_edge(o, t0, t1);
	}
	return 0;
}
