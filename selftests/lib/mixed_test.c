// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Mixed tasks: their lanes start together, and really run at once; they end as one task. */
#include <sched.h>

#include "kselftest_harness.h"

#include "lib_test.h"

enum { MEET, COUNT, CRASH, NOOP, TRAP, SPIN, KERNELS };

FIXTURE(mixed)
{
	struct pto_device *dev;
	struct pto_program *prog[KERNELS];
	struct pto_graph *graph;
	struct pto_launch_opts opts;
	uint64_t *counter;
};

FIXTURE_VARIANT(mixed)
{
	bool one_cpu;
};

FIXTURE_VARIANT_ADD(mixed, all_cpus) { .one_cpu = false };
FIXTURE_VARIANT_ADD(mixed, one_cpu) { .one_cpu = true };

FIXTURE_SETUP(mixed)
{
	static const char *const names[] = { "meet", "count", "crash", "noop", "trap", "spin" };
	cpu_set_t cpus;
	void *counter;
	int i;

	/* As taskset does it: before there is anything but this thread. */
	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	if (variant->one_cpu)
		ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpus), &cpus));
	ASSERT_EQ(0, pto_device_open(NULL, &self->dev));
	ASSERT_EQ(0, pto_graph_create(self->dev, &self->graph));
	for (i = 0; i < KERNELS; i++) {
		self->prog[i] = load_kernel(self->dev, names[i]);
		ASSERT_NE(NULL, self->prog[i]) TH_LOG("%s: %s", names[i], pto_last_error());
		ASSERT_EQ(0, pto_graph_set_kernel(self->graph, i, self->prog[i]));
	}
	ASSERT_EQ(0, pto_mem_alloc(self->dev, 64, &counter));
	self->counter = memset(counter, 0, 64);
	self->opts = (struct pto_launch_opts){
		.size = sizeof(self->opts), .block_dim = 4, .aicpu_threads = 2,
		.timeout_ms = 60000,
	};
}

FIXTURE_TEARDOWN(mixed)
{
	int i;

	EXPECT_EQ(0, pto_graph_destroy(self->graph));
	EXPECT_EQ(0, pto_mem_free(self->dev, self->counter));
	for (i = 0; i < KERNELS; i++)
		pto_program_unload(self->prog[i]);
	pto_device_close(self->dev);
}

/* Kernels of the lanes of @mask, the lanes of @other another; for pto_graph_submit() or a flow. */
static int64_t submit(FIXTURE_DATA(mixed) *self, struct pto_flow *flow, int mask, int kernel,
		      int other_mask, int other, uint64_t first)
{
	uint64_t scalars[] = { first, __builtin_popcount(mask) };
	struct pto_task task = { .size = sizeof(task), .nscalars = 2, .scalars = scalars };
	int lane;

	for (lane = 0; lane < 3; lane++)
		task.kernels[lane] = !(mask & 1 << lane) ? PTO_NO_KERNEL :
				     other_mask & 1 << lane ? other : kernel;
	return flow ? pto_flow_submit(flow, &task) : pto_graph_submit(self->graph, &task);
}

static int64_t submit_meet(FIXTURE_DATA(mixed) *self, struct pto_flow *flow, int mask)
{
	return submit(self, flow, mask, MEET, 0, 0, (uintptr_t)self->counter);
}

TEST_F(mixed, all_shapes)
{
	int mask, lanes = 0;

	for (mask = 1; mask < 8; mask++) {
		ASSERT_EQ(mask - 1, submit(self, NULL, mask, COUNT, 0, 0, (uintptr_t)self->counter))
			TH_LOG("%s", pto_last_error());
		lanes += __builtin_popcount(mask);
	}
	ASSERT_EQ(0, pto_graph_launch(self->graph, &self->opts)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(lanes, self->counter[0]);
	/* A graph is launched again. */
	ASSERT_EQ(0, pto_graph_launch(self->graph, &self->opts)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(2 * lanes, self->counter[0]);
}

TEST_F(mixed, without_arguments)
{
	const struct pto_task task = { .size = sizeof(task), .kernels = { NOOP, NOOP, NOOP } };
	struct pto_flow *flow;

	ASSERT_EQ(0, pto_flow_start(self->graph, &self->opts, NULL, &flow));
	EXPECT_EQ(0, pto_flow_submit(flow, &task)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, pto_flow_finish(flow)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_graph_submit(self->graph, &task)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, pto_graph_launch(self->graph, &self->opts)) TH_LOG("%s", pto_last_error());
}

static void meet_often(struct __test_metadata *_metadata, FIXTURE_DATA(mixed) *self, int mask)
{
	const int n = SANITIZED ? 100 : 1000;
	struct pto_flow *flow;
	int i;

	self->opts.aicpu_threads = 1;
	ASSERT_EQ(0, pto_flow_start(self->graph, &self->opts, NULL, &flow));
	for (i = 0; i < n; i++)
		ASSERT_EQ(i, submit_meet(self, flow, mask)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_flow_finish(flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(n * __builtin_popcount(mask), self->counter[0]);
	EXPECT_EQ(n * __builtin_popcount(mask), self->counter[1]);
}

TEST_F(mixed, two_lanes_meet)
{
	meet_often(_metadata, self, 3);
}

TEST_F(mixed, three_lanes_meet)
{
	meet_often(_metadata, self, 7);
}

TEST_F(mixed, among_others)
{
	const int n = SANITIZED ? 50 : 300;
	int i, id = 0, mask;

	/* In any order that the edges leave: a chain through all of them, and some aside. */
	self->opts.aicpu_threads = 3;
	self->opts.block_dim = 5;
	for (i = 0; i < n; i++) {
		mask = i % 3 ? 1 << i % 2 : 7;
		ASSERT_EQ(id++, submit(self, NULL, mask, COUNT, 0, 0, (uintptr_t)self->counter));
		if (i)
			ASSERT_EQ(0, pto_graph_add_edge(self->graph, id - 3, id - 1));
		ASSERT_EQ(id++, submit(self, NULL, 6, COUNT, 2, NOOP, (uintptr_t)self->counter));
	}
	ASSERT_EQ(0, pto_graph_launch(self->graph, &self->opts)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(n + n + 2 * ((n + 2) / 3), self->counter[0]);
}

static bool until(const uint64_t *word, uint64_t value)
{
	int ms = 10000;

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value && --ms)
		usleep(1000);
	return ms;
}

/*
 * Both blocks have a task that waits for a third one when a mixed task comes. One of them is
 * kept for it, so it is on the other one that the third is run.
 */
TEST_F(mixed, other_blocks_go_on)
{
	const char *mode = getenv("PTO_EMULATOR");
	uint64_t *third = self->counter + 2, scalars[] = { (uintptr_t)third, 3 };
	struct pto_task task = { .size = sizeof(task), .nscalars = 2, .scalars = scalars };
	struct pto_flow *flow;
	int i, round;

	if (!mode || strcmp(mode, "threads"))
		SKIP(return, "a worker that runs kernels itself waits for each");
	self->opts.block_dim = 2;
	self->opts.aicpu_threads = 1;
	ASSERT_EQ(0, pto_flow_start(self->graph, &self->opts, NULL, &flow));
	for (round = 1; round < 6; round++) {
		for (i = 0; i < 3; i++)
			task.kernels[i] = i ? PTO_NO_KERNEL : MEET;
		for (i = 0; i < 2; i++)
			ASSERT_LE(0, pto_flow_submit(flow, &task));
		ASSERT_TRUE(until(third, 3 * round - 1));
		ASSERT_LE(0, submit_meet(self, flow, 7));
		usleep(20000);
		EXPECT_EQ(3 * (round - 1), self->counter[0]);
		task.kernels[0] = PTO_NO_KERNEL;
		task.kernels[1] = MEET;
		ASSERT_LE(0, pto_flow_submit(flow, &task));
		ASSERT_TRUE(until(self->counter, 3 * round)) TH_LOG("round %d", round);
	}
	ASSERT_EQ(0, pto_flow_finish(flow)) TH_LOG("%s", pto_last_error());
}

/* More of them than there are threads for at once, on several blocks, with others between. */
TEST_F(mixed, in_flows)
{
	const int n = SANITIZED ? 60 : 300;
	struct pto_flow *flow;
	int i, lanes = 0, mask;

	self->opts.aicpu_threads = 2;
	ASSERT_EQ(0, pto_flow_start(self->graph, &self->opts, NULL, &flow));
	for (i = 0; i < n; i++) {
		mask = 1 + i % 7;
		lanes += __builtin_popcount(mask);
		ASSERT_EQ(i, submit(self, flow, mask, COUNT, 0, 0, (uintptr_t)self->counter))
			TH_LOG("%s", pto_last_error());
	}
	ASSERT_EQ(0, pto_flow_finish(flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(lanes, self->counter[0]);
}

TEST_F(mixed, profiled)
{
	struct pto_profile_task t[3];
	int i;

	self->opts.flags = PTO_LAUNCH_PROFILE;
	ASSERT_EQ(0, submit_meet(self, NULL, 7));
	ASSERT_EQ(0, pto_graph_launch(self->graph, &self->opts));
	ASSERT_EQ(3, pto_profile_read(self->graph, t, 3));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, t[i].task_id);
		EXPECT_EQ(i ? PTO_AIV : PTO_AIC, t[i].core);
		/* They have met, so none began after another's end; a clock may be coarse. */
		EXPECT_LE(t[i].start, t[0].end);
		EXPECT_LE(t[i].start, t[1].end);
		EXPECT_LE(t[i].start, t[2].end);
	}
	EXPECT_EQ(t[0].core_id * 2 + 4, t[1].core_id);
	EXPECT_EQ(t[1].core_id + 1, t[2].core_id);
}

TEST_F(mixed, unknown_kernels)
{
	EXPECT_EQ(-ENOENT, submit(self, NULL, 7, MEET, 4, 77, 0));
	EXPECT_NE(NULL, strstr(pto_last_error(), "func_id 77 (AIV1)"));
	EXPECT_EQ(0, pto_graph_task_count(self->graph));
}

/* ---- failures ----------------------------------------------------------- */

/* One lane goes wrong while the others wait for it; afterwards all is as before. */
static void fails(struct __test_metadata *_metadata, FIXTURE_DATA(mixed) *self, uint64_t how,
		  int err, const char *text)
{
	struct pto_graph *graph = self->graph;

	ASSERT_EQ(0, submit(self, NULL, 7, CRASH, 0, 0, how));
	EXPECT_EQ(err, pto_graph_launch(self->graph, &self->opts));
	EXPECT_NE(NULL, strstr(pto_last_error(), "task 0")) TH_LOG("%s", pto_last_error());
	EXPECT_NE(NULL, strstr(pto_last_error(), text)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_graph_create(self->dev, &self->graph));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, MEET, self->prog[MEET]));
	ASSERT_EQ(0, submit_meet(self, NULL, 7));
	EXPECT_EQ(0, pto_graph_launch(self->graph, &self->opts)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(3, self->counter[0]);
	EXPECT_EQ(0, pto_graph_destroy(graph));
}

TEST_F(mixed, lanes_crash)
{
	fails(_metadata, self, 2, -EIO, "SIGSEGV");
}

/* The others wait for it, and are made to leave. */
TEST_F(mixed, one_lane_crashes)
{
	static const char *const lanes[] = { "AIC", "AIV0", "AIV1" };
	struct pto_graph *graph;
	char text[32];
	int lane;

	for (lane = 0; lane < 3; lane++) {
		snprintf(text, sizeof(text), "lane %s (func_id %d): SIG", lanes[lane], TRAP);
		ASSERT_EQ(0, submit(self, NULL, 7, SPIN, 1 << lane, TRAP, (uintptr_t)self->counter))
			TH_LOG("%s", pto_last_error());
		EXPECT_EQ(-EIO, pto_graph_launch(self->graph, &self->opts));
		EXPECT_NE(NULL, strstr(pto_last_error(), text)) TH_LOG("%s", pto_last_error());
		graph = self->graph;
		ASSERT_EQ(0, pto_graph_create(self->dev, &self->graph));
		EXPECT_EQ(0, pto_graph_destroy(graph));
		ASSERT_EQ(0, pto_graph_set_kernel(self->graph, SPIN, self->prog[SPIN]));
		ASSERT_EQ(0, pto_graph_set_kernel(self->graph, TRAP, self->prog[TRAP]));
	}
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, MEET, self->prog[MEET]));
	ASSERT_EQ(0, submit_meet(self, NULL, 7));
	EXPECT_EQ(0, pto_graph_launch(self->graph, &self->opts)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(3, *self->counter);
}

TEST_F(mixed, a_lane_is_waited_for_in_vain)
{
	uint64_t scalars[] = { (uintptr_t)self->counter, 2 };
	struct pto_task task = { .size = sizeof(task), .kernels = { MEET, NOOP, -1 },
				 .nscalars = 2, .scalars = scalars };

#ifdef __SANITIZE_THREAD__
	SKIP(return, "ThreadSanitizer defers the signal that leaves a kernel");
#endif
	self->opts.task_timeout_ms = 200;
	ASSERT_EQ(0, pto_graph_submit(self->graph, &task));
	EXPECT_EQ(-ETIMEDOUT, pto_graph_launch(self->graph, &self->opts));
	EXPECT_NE(NULL, strstr(pto_last_error(), "lane AIC (func_id 0)"))
		TH_LOG("%s", pto_last_error());
}

TEST_F(mixed, lanes_that_can_not_be_left)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
	SKIP(return, "a thread that is given up is left behind");
#endif
	self->opts.task_timeout_ms = 200;
	fails(_metadata, self, 6, -ETIMEDOUT, "did not return");
}

TEST_HARNESS_MAIN
