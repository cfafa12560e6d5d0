/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* A flow of its own for each test, and ways to submit to it. */
#ifndef FLOW_TEST_H
#define FLOW_TEST_H

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "sched/launch.h"
#include "stream/flow.h"

#include "kselftest_harness.h"

#include "lib_test.h"
#include "programs.h"

#define SHAPE(...)	((const uint32_t[]){ __VA_ARGS__ })
#define ROUNDS		(SLOWER ? 20 : 150)
#define THREADS		4

/* All are leaves: who submits may run them itself. Not so where there is a kernel that is none. */
enum { NOOP, MIX, COUNT, CRASH, SPIN, BURN, KERNELS, NO_LEAF = KERNELS };

FIXTURE(flow)
{
	struct pto_device *dev;
	struct pto_program *prog[KERNELS], *no_leaf;
	struct pto_graph *graph;
	struct pto_flow *flow;
	struct pto_launch_opts opts;
	struct pto_flow_opts flow_opts;
	uint8_t *buffer;
	struct program program;
};

FIXTURE_SETUP(flow)
{
	static const char *const names[] = { "noop", "mix", "count", "trap", "spin", "burn" };
	void *buffer;
	int i;

	ASSERT_EQ(0, pto_device_open(NULL, &self->dev));
	ASSERT_EQ(0, pto_graph_create(self->dev, &self->graph));
	for (i = 0; i < KERNELS; i++) {
		self->prog[i] = load_kernel(self->dev, names[i]);
		ASSERT_NE(NULL, self->prog[i]) TH_LOG("%s: %s", names[i], pto_last_error());
		ASSERT_EQ(0, pto_graph_set_kernel(self->graph, i, self->prog[i]));
	}
	ASSERT_EQ(0, pto_mem_alloc(self->dev, THREADS * BUFFER, &buffer));
	self->buffer = buffer;
	memset(buffer, 0, THREADS * BUFFER);
	self->opts = (struct pto_launch_opts){
		.size = sizeof(self->opts), .block_dim = 4, .aicpu_threads = 1,
		.timeout_ms = 120000,
	};
	self->flow_opts = (struct pto_flow_opts){ .size = sizeof(self->flow_opts) };
}

FIXTURE_TEARDOWN(flow)
{
	struct pto_mem_stat stat = { .size = sizeof(stat) };
	int i;

	EXPECT_EQ(0, pto_graph_destroy(self->graph));
	EXPECT_EQ(0, pto_mem_free(self->dev, self->buffer));
	EXPECT_EQ(0, pto_mem_stat(self->dev, &stat));
	EXPECT_EQ(0, stat.count);
	for (i = 0; i < KERNELS; i++)
		pto_program_unload(self->prog[i]);
	pto_program_unload(self->no_leaf);
	pto_device_close(self->dev);
}

static inline int start(FIXTURE_DATA(flow) *self)
{
	return pto_flow_start(self->graph, &self->opts, &self->flow_opts, &self->flow);
}

static inline int add_no_leaf(FIXTURE_DATA(flow) *self)
{
	self->no_leaf = load_kernel(self->dev, "crash");
	return pto_graph_set_kernel(self->graph, NO_LEAF, self->no_leaf);
}

static inline int64_t submit(struct pto_flow *flow, int func_id, struct pto_tensor *t, uint32_t dir)
{
	struct pto_access access = { t, dir };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, func_id, -1 },
				 .naccesses = !!t, .accesses = &access };

	return pto_flow_submit(flow, &task);
}

static inline int64_t submit_flags(struct pto_flow *flow, struct pto_tensor *t, uint32_t flags)
{
	struct pto_access access = { t, PTO_OUT };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, NOOP, -1 }, .flags = flags,
				 .naccesses = 1, .accesses = &access };

	return pto_flow_submit(flow, &task);
}

static inline int64_t submit_on(struct pto_flow *flow, int lane, int func_id, void *at)
{
	const uint64_t arg = (uintptr_t)at;
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, -1, -1 },
				 .nscalars = 1, .scalars = &arg };

	task.kernels[lane] = func_id;
	return pto_flow_submit(flow, &task);
}

static inline int64_t submit_scalar(struct pto_flow *flow, int func_id, void *at)
{
	return submit_on(flow, PTO_LANE_AIV0, func_id, at);
}

static inline bool becomes(atomic_ulong *counter, unsigned long n)
{
	double begin = seconds(CLOCK_MONOTONIC);

	while (atomic_load(counter) != n && seconds(CLOCK_MONOTONIC) - begin < 10)
		usleep(100);
	return atomic_load(counter) == n;
}

/* A thread that submits. */
struct submitter {
	struct pto_flow *flow;
	struct program *program;
	uint64_t *counter;
	int failed;
};

#endif
