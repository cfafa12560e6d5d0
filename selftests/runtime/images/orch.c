// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Orchestrations that the tests run, good ones first. */
#include <errno.h>
#include <stdlib.h>

#include <pto/orch.h>

#include "images.h"

#define ORCH(name) \
	int name(struct pto_orch *o, uint64_t *args, int nargs); \
	int name(struct pto_orch *o, uint64_t *args, int nargs)

/* ---- good ------------------------------------------------------------ */

/* y = 2 x + y, then y = 3 x + y; args: x, y on the host, elements */
ORCH(axpy)
{
	size_t size = args[2] * sizeof(int64_t);
	void *x = pto_orch_malloc(o, size), *y = pto_orch_malloc(o, size);
	uint64_t twice[] = { (uint64_t)x, (uint64_t)y, args[2], 2 };
	uint64_t thrice[] = { (uint64_t)x, (uint64_t)y, args[2], 3 };
	int first, second;

	if (nargs != 3)
		return -EINVAL;
	pto_orch_copy_in(o, x, (void *)args[0], size);
	pto_orch_copy_in(o, y, (void *)args[1], size);
	pto_orch_record(o, (void *)args[1], y, size);
	first = pto_orch_task(o, KERNEL_AXPY, PTO_ORCH_AIV, twice, 4);
	second = pto_orch_task(o, KERNEL_AXPY, PTO_ORCH_AIC, thrice, 4);
	pto_orch_edge(o, first, second);
	return 0;
}

/* No task at all. */
ORCH(empty)
{
	return 0;
}

/* A task of 144 arguments; args: int64_t[2] on the host */
ORCH(many_args)
{
	void *out = pto_orch_malloc(o, 16);
	uint64_t a[144] = { (uint64_t)out, 142 };

	for (int i = 2; i < 144; i++)
		a[i] = i;
	pto_orch_record(o, (void *)args[0], out, 16);
	pto_orch_task(o, KERNEL_SUM, PTO_ORCH_AIV, a, 144);
	return 0;
}

/* Three interior tensors of one allocation; args: 3 int64_t on the host */
ORCH(one_slab)
{
	int64_t *slab = pto_orch_malloc(o, 3 * sizeof(*slab));

	pto_orch_copy_in(o, slab, (void *)args[0], 3 * sizeof(*slab));
	for (int i = 0; i < 3; i++) {
		uint64_t a[] = { (uint64_t)(slab + i), (uint64_t)(slab + i), 1, i + 1 };

		pto_orch_record(o, (int64_t *)args[0] + i, slab + i, sizeof(*slab));
		pto_orch_task(o, KERNEL_AXPY, PTO_ORCH_AIC, a, 4);
	}
	return 0;
}

/* Frees most of what it gets itself, and gets the same address again. */
ORCH(frees)
{
	int64_t value = 42, back = 0;
	void *kept = NULL;

	for (int i = 0; i < 100; i++) {
		kept = pto_orch_malloc(o, 64);
		if (i < 99)
			pto_orch_free(o, kept);
	}
	pto_orch_free(o, NULL);
	if (pto_orch_copy_in(o, kept, &value, 8) || pto_orch_copy_out(o, &back, kept, 8))
		return -EIO;
	pto_orch_log(o, PTO_ORCH_INFO, "frees: done");
	return back == 42 ? 0 : -EIO;
}

/* Each entry of the table, its return value too; args: int64_t[2] on the host */
ORCH(whole_table)
{
	uint64_t a[] = { 0, 1, 7 };
	int64_t in = 5, out = 0;
	void *dev;

	if (o->table->abi != PTO_ORCH_ABI || o->table->size < sizeof(struct pto_orch_table))
		return -100;
	dev = pto_orch_malloc(o, 16);
	if (!dev || (uint64_t)dev % 512)
		return -101;
	if (pto_orch_copy_in(o, (char *)dev + 8, &in, 8))
		return -102;
	if (pto_orch_copy_out(o, &out, (char *)dev + 8, 8) || out != 5)
		return -103;
	if (pto_orch_task_count(o))
		return -104;
	a[0] = (uint64_t)dev;
	if (pto_orch_task(o, KERNEL_SUM, PTO_ORCH_AIC, a, 3) != 0 ||
	    pto_orch_task(o, KERNEL_SUM, PTO_ORCH_AIV, a, 3) != 1)
		return -105;
	if (pto_orch_task_count(o) != 2)
		return -106;
	if (pto_orch_edge(o, 0, 1))
		return -107;
	pto_orch_record(o, (void *)args[0], dev, 16);
	pto_orch_record(o, NULL, pto_orch_malloc(o, 1), 0);
	for (int i = -1; i < 5; i++)
		pto_orch_log(o, i, "whole_table: a line");
	return 0;
}

/* args: func_id, first argument, further arguments */
ORCH(one_task)
{
	pto_orch_task(o, args[0], PTO_ORCH_AIV, args + 1, nargs - 1);
	return 0;
}

/* Kernels that count until told to stop; args: int64_t[2] on the device, tasks */
ORCH(spin)
{
	uint64_t a[] = { args[0], args[0] + 8 };

	for (uint64_t i = 0; i < args[1]; i++)
		pto_orch_task(o, KERNEL_SPIN, PTO_ORCH_AIV, a, 2);
	return 0;
}

/* ---- bad ------------------------------------------------------------- */

ORCH(returns_errno)
{
	pto_orch_malloc(o, 1000);
	return -EDOM;
}

ORCH(returns_minus_one)
{
	return -1;
}

ORCH(returns_positive)
{
	return 3;
}

/* Crashes as args[0] says, with memory that it holds. */
ORCH(crashes)
{
	static int *volatile nowhere;
	static volatile int zero;

	pto_orch_malloc(o, 1000);
	switch (args[0]) {
	case CRASH_DIVIDE:
		zero = 100 / zero;
		break;
	case CRASH_HANG:
		while (!zero)
			;
		break;
	case CRASH_NULL:
		*nowhere = 1;
		break;
	case CRASH_ABORT:
		abort();
	case CRASH_STACK:
		return overflow_stack(1);
	}
	return 0;
}

ORCH(bad_host_pointer)
{
	pto_orch_copy_in(o, pto_orch_malloc(o, 64), (void *)8, 64);
	return 0;
}

static void two_tasks(struct pto_orch *o)
{
	static int64_t x;
	uint64_t a[] = { (uint64_t)&x, (uint64_t)&x, 0, 0 };

	pto_orch_task(o, KERNEL_AXPY, PTO_ORCH_AIV, a, 4);
	pto_orch_task(o, KERNEL_AXPY, PTO_ORCH_AIV, a, 4);
}

ORCH(self_edge)
{
	two_tasks(o);
	pto_orch_edge(o, 1, 1);
	return 0;
}

ORCH(edge_to_nowhere)
{
	two_tasks(o);
	pto_orch_edge(o, 0, 2);
	return 0;
}

ORCH(edge_from_nowhere)
{
	two_tasks(o);
	pto_orch_edge(o, -1, 1);
	return 0;
}

ORCH(cycle)
{
	two_tasks(o);
	pto_orch_edge(o, 0, 1);
	pto_orch_edge(o, 1, 0);
	return 0;
}

ORCH(unknown_func_id)
{
	pto_orch_task(o, 77, PTO_ORCH_AIV, NULL, 0);
	return 0;
}

ORCH(bad_core)
{
	pto_orch_task(o, KERNEL_SUM, 2, NULL, 0);
	return 0;
}

ORCH(too_many_args)
{
	static uint64_t a[145];

	pto_orch_task(o, KERNEL_SUM, PTO_ORCH_AIV, a, 145);
	return 0;
}

ORCH(negative_args)
{
	pto_orch_task(o, KERNEL_SUM, PTO_ORCH_AIV, NULL, -1);
	return 0;
}

ORCH(null_args)
{
	pto_orch_task(o, KERNEL_SUM, PTO_ORCH_AIV, NULL, 1);
	return 0;
}

/* Ends with the error of the first call, whatever is returned. */
ORCH(out_of_memory)
{
	void *some = pto_orch_malloc(o, 1 << 20);

	if (some && pto_orch_malloc(o, (size_t)1 << 60))
		return 0;
	pto_orch_edge(o, 5, 6);
	return -EDOM;
}

/* Takes no notice of it. */
ORCH(out_of_memory_unseen)
{
	*(volatile char *)pto_orch_malloc(o, (size_t)1 << 60) = 1;
	return 0;
}

ORCH(double_free)
{
	void *dev = pto_orch_malloc(o, 64);

	pto_orch_free(o, dev);
	pto_orch_free(o, dev);
	return 0;
}

ORCH(free_inside)
{
	pto_orch_free(o, (char *)pto_orch_malloc(o, 64) + 8);
	return 0;
}

ORCH(copy_beyond)
{
	static char buffer[65];

	pto_orch_copy_in(o, pto_orch_malloc(o, 64), buffer, 65);
	return 0;
}

ORCH(record_host_memory)
{
	pto_orch_record(o, (void *)args[0], (void *)args[0], 8);
	return 0;
}

ORCH(record_null)
{
	pto_orch_record(o, (void *)args[0], NULL, 8);
	return 0;
}

ORCH(record_beyond)
{
	pto_orch_record(o, (void *)args[0], pto_orch_malloc(o, 64), 65);
	return 0;
}

/* Freed by itself after it was recorded: finalize has nothing to copy. */
ORCH(record_then_free)
{
	void *dev = pto_orch_malloc(o, 64);

	pto_orch_record(o, (void *)args[0], dev, 64);
	pto_orch_free(o, dev);
	return 0;
}
