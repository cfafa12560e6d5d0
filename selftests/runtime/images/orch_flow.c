// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * An orchestration that runs on the device: x (in), y (in/out), z (out) of n
 * int64, a number of rounds, and what to do wrong.
 */
#include <time.h>
#include <unistd.h>

#include <pto/orch.h>

#include "images.h"

struct config {
	int expected_arg_count;
};

struct config aicpu_orchestration_config(uint64_t *args, int nargs);
void aicpu_orchestration_entry(struct pto_orch *o, uint64_t *args, int nargs, int threads, int index);

#define CHUNKS	4

struct config aicpu_orchestration_config(uint64_t *args, int nargs)
{
	return (struct config){ 5 };
}

static void add(struct pto_orch *o, struct pto_tensor *a, struct pto_tensor *b,
		struct pto_tensor *out, uint64_t scalar)
{
	struct pto_access access[] = { { a, PTO_IN }, { b, PTO_IN }, { out, PTO_OUT } };
	struct pto_task task = {
		.size = sizeof(task), .kernels = { PTO_NO_KERNEL, KERNEL_TADD, PTO_NO_KERNEL },
		.naccesses = 3, .accesses = access, .nscalars = 1, .scalars = &scalar,
	};

	pto_orch_submit(o, &task);
}

/* A task crashes, and this returns long after that, with a task held back. */
static void return_late(struct pto_orch *o)
{
	uint64_t how = CRASH_DIVIDE;
	struct pto_task task = {
		.size = sizeof(task), .kernels = { PTO_NO_KERNEL, KERNEL_CRASH, PTO_NO_KERNEL },
		.nscalars = 1, .scalars = &how,
	};
	struct timespec left = { .tv_sec = 4 };

	o->table->submit_held(o, &task);
	pto_orch_submit(o, &task);
	while (nanosleep(&left, &left))
		;
}

/* There is no room for as many at once, and they spin until they are told. */
static void wait_for_tasks(struct pto_orch *o, int64_t *count_and_stop)
{
	uint64_t args[] = { (uint64_t)count_and_stop, (uint64_t)(count_and_stop + 1) };
	struct pto_task task = {
		.size = sizeof(task), .kernels = { PTO_NO_KERNEL, KERNEL_SPIN, PTO_NO_KERNEL },
		.nscalars = 2, .scalars = args,
	};
	int i;

	for (i = 0; i < 6; i++)
		pto_orch_submit(o, &task);
	/* Until one runs: then there is a launch that this thread may be lent to. */
	while (!__atomic_load_n(count_and_stop, __ATOMIC_RELAXED) && !pto_orch_failed(o))
		;
}

/* So many tasks that this thread runs some itself, one that crashes among them. */
static void run_a_crash(struct pto_orch *o, struct pto_tensor *x)
{
	uint64_t how = CRASH_NULL;
	struct pto_task task = {
		.size = sizeof(task), .kernels = { PTO_NO_KERNEL, KERNEL_LEAF_CRASH, PTO_NO_KERNEL },
		.nscalars = 1, .scalars = &how,
	};
	struct pto_tensor tmp;
	int i;

	o->table->tensor_init(&tmp, NULL, x->shapes, 1, PTO_INT64);
	for (i = 0; i < 20000; i++)
		add(o, x, x, &tmp, 0);
	pto_orch_submit(o, &task);
	while (!pto_orch_failed(o))
		add(o, x, x, &tmp, 0);
}

/* A second, in which it asks now and then whether all is well, and does nothing else. */
static void poll_for_errors(struct pto_orch *o)
{
	struct timespec nap = { .tv_nsec = 10000000 };
	int i;

	for (i = 0; i < 100 && !pto_orch_failed(o); i++)
		nanosleep(&nap, NULL);
}

static void go_wrong(struct pto_orch *o, uint64_t how, struct pto_tensor *x)
{
	struct pto_task task = { .size = sizeof(task), .kernels = { 99, -1, -1 } };
	volatile uint64_t n = 0;
	struct pto_tensor big;

	switch (how) {
	case FLOW_BAD_TASK:
		pto_orch_submit(o, &task);
		break;
	case FLOW_CRASH:
		*(volatile int *)n = 1;
		break;
	case FLOW_BAD_POINTER:
		task.kernels[0] = KERNEL_TADD;
		task.naccesses = 1;
		task.accesses = (const struct pto_access *)8;
		pto_orch_submit(o, &task);
		break;
	case FLOW_HANG:
		for (;;)
			n++;
	case FLOW_HEAP:
		o->table->tensor_init(&big, NULL, x->shapes, 1, PTO_INT64);
		while (!pto_orch_failed(o)) {
			big.addr = big.owner = 0;
			add(o, x, x, &big, 0);
		}
		break;
	case FLOW_FAIL:
		pto_orch_fail(o, -71, "it did not please me");
		break;
	case FLOW_LATE:
		return_late(o);
		break;
	case FLOW_LEAF_CRASH:
		run_a_crash(o, x);
		break;
	case FLOW_POLL:
		poll_for_errors(o);
		break;
	case FLOW_SLEEP:
		for (;;)
			pause();
	}
}

/* y += x, and z = y + round, through a buffer of its own for each round. */
void aicpu_orchestration_entry(struct pto_orch *o, uint64_t *args, int nargs, int threads, int index)
{
	uint32_t n = args[3], part = n / CHUNKS;
	struct pto_tensor x, y, z, cx, cy, cz, tmp;
	uint64_t round;
	uint32_t i;

	if (nargs > 5 && args[5] == FLOW_WAIT) {
		wait_for_tasks(o, (int64_t *)args[4]);
		return;
	}
	o->table->tensor_init(&x, (void *)args[0], &n, 1, PTO_INT64);
	o->table->tensor_init(&y, (void *)args[1], &n, 1, PTO_INT64);
	o->table->tensor_init(&z, (void *)args[2], &n, 1, PTO_INT64);
	if (nargs > 5)
		go_wrong(o, args[5], &x);
	for (round = 0; round < args[4]; round++) {
		pto_orch_scope_begin(o);
		for (i = index; i < CHUNKS; i += threads) {
			uint32_t at = i * part;

			o->table->tensor_view(&x, &part, &at, &cx);
			o->table->tensor_view(&y, &part, &at, &cy);
			o->table->tensor_view(&z, &part, &at, &cz);
			o->table->tensor_init(&tmp, NULL, &part, 1, PTO_INT64);
			add(o, &cx, &cy, &tmp, 0);
			add(o, &tmp, &tmp, &cz, round);
			add(o, &cx, &cy, &cy, 0);
		}
		pto_orch_scope_end(o);
	}
}
