// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Graphs that run while they are built: any window does, memory is bounded, nothing hangs. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sched/launch.h"
#include "stream/flow.h"

#include "kselftest_harness.h"

#include "lib_test.h"
#include "programs.h"

#define SHAPE(...)	((const uint32_t[]){ __VA_ARGS__ })
#define ROUNDS		(SLOWER ? 20 : 150)
#define THREADS		4

enum { NOOP, MIX, COUNT, CRASH, SPIN, KERNELS };

FIXTURE(flow)
{
	struct pto_device *dev;
	struct pto_program *prog[KERNELS];
	struct pto_graph *graph;
	struct pto_flow *flow;
	struct pto_launch_opts opts;
	struct pto_flow_opts flow_opts;
	uint8_t *buffer;
	struct program program;
};

FIXTURE_SETUP(flow)
{
	static const char *const names[] = { "noop", "mix", "count", "crash", "spin" };
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
	pto_device_close(self->dev);
}

static int start(FIXTURE_DATA(flow) *self)
{
	return pto_flow_start(self->graph, &self->opts, &self->flow_opts, &self->flow);
}

static int64_t submit(struct pto_flow *flow, int func_id, struct pto_tensor *t, uint32_t dir)
{
	struct pto_access access = { t, dir };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, func_id, -1 },
				 .naccesses = !!t, .accesses = &access };

	return pto_flow_submit(flow, &task);
}

static int64_t submit_flags(struct pto_flow *flow, struct pto_tensor *t, uint32_t flags)
{
	struct pto_access access = { t, PTO_OUT };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, NOOP, -1 }, .flags = flags,
				 .naccesses = 1, .accesses = &access };

	return pto_flow_submit(flow, &task);
}

static int64_t submit_on(struct pto_flow *flow, int lane, int func_id, void *at)
{
	const uint64_t arg = (uintptr_t)at;
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, -1, -1 },
				 .nscalars = 1, .scalars = &arg };

	task.kernels[lane] = func_id;
	return pto_flow_submit(flow, &task);
}

static int64_t submit_scalar(struct pto_flow *flow, int func_id, void *at)
{
	return submit_on(flow, PTO_LANE_AIV0, func_id, at);
}

static bool becomes(atomic_ulong *counter, unsigned long n)
{
	double begin = seconds(CLOCK_MONOTONIC);

	while (atomic_load(counter) != n && seconds(CLOCK_MONOTONIC) - begin < 10)
		usleep(100);
	return atomic_load(counter) == n;
}

TEST_F(flow, nothing_submitted)
{
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, start(self)) TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	}
}

TEST_F(flow, bad_arguments)
{
	struct pto_flow_stat stat = { .size = 4 };

	EXPECT_EQ(-EINVAL, pto_flow_start(NULL, NULL, NULL, &self->flow));
	EXPECT_EQ(-EINVAL, pto_flow_start(self->graph, NULL, NULL, NULL));
	self->flow_opts.window = 5;
	EXPECT_EQ(-EINVAL, start(self));
	EXPECT_NE(NULL, strstr(pto_last_error(), "window is 5"));
	self->flow_opts.window = 2;
	EXPECT_EQ(-EINVAL, start(self));
	self->flow_opts.window = 0;
	self->flow_opts.heap = 1000;
	EXPECT_EQ(-EINVAL, start(self));
	self->flow_opts.heap = 0;
	self->flow_opts.dep_pool = 3;
	EXPECT_EQ(-EINVAL, start(self));
	self->flow_opts.dep_pool = 0;
	self->flow_opts.flags = 1;
	EXPECT_EQ(-EINVAL, start(self));
	self->flow_opts.flags = 0;
	self->opts.block_dim = 99;
	EXPECT_EQ(-EINVAL, start(self));
	self->opts.block_dim = 1;
	ASSERT_EQ(0, start(self));
	EXPECT_EQ(-EBUSY, pto_graph_launch(self->graph, NULL));
	EXPECT_EQ(-EBUSY, pto_graph_destroy(self->graph));
	EXPECT_EQ(-EBUSY, pto_graph_add_task(self->graph, 0, PTO_AIC, NULL, 0));
	EXPECT_EQ(-EINVAL, pto_flow_submit(self->flow, NULL));
	EXPECT_EQ(-ENOENT, submit(self->flow, 77, NULL, 0));
	EXPECT_EQ(-EINVAL, submit(self->flow, -1, NULL, 0));
	EXPECT_EQ(-EINVAL, pto_flow_stat(self->flow, &stat));
	EXPECT_EQ(-EINVAL, pto_flow_scope_end(self->flow));
	EXPECT_EQ(0, submit(self->flow, NOOP, NULL, 0));
	EXPECT_EQ(0, pto_flow_finish(self->flow));
	ASSERT_EQ(0, pto_graph_add_task(self->graph, 0, PTO_AIC, NULL, 0));
	EXPECT_EQ(-EINVAL, start(self));
	EXPECT_NE(NULL, strstr(pto_last_error(), "has 1 tasks"));
}

TEST_F(flow, random_programs_as_one_after_the_other)
{
	static const uint32_t windows[] = { 4, 8, 64, 0 };
	struct program *p = &self->program;
	struct program_task t;
	uint8_t want[BUFFER];
	uint64_t seed = 5;
	int i, n;

	for (n = 0; n < ROUNDS; n++) {
		make_program(p, self->buffer, &seed, n % 2);
		memset(self->buffer, 0, BUFFER);
		run_program(p);
		memcpy(want, self->buffer, BUFFER);
		memset(self->buffer, 0, BUFFER);
		self->opts.aicpu_threads = 1 + n % 3;
		self->flow_opts.window = windows[n / 2 % 4];
		self->flow_opts.dep_pool = n % 4 ? 0 : 4;
		ASSERT_EQ(0, start(self)) TH_LOG("%s", pto_last_error());
		for (i = 0; i < p->ntasks; i++)
			ASSERT_EQ(i, pto_flow_submit(self->flow, program_task(p, i, MIX, &t)))
				TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, memcmp(want, self->buffer, BUFFER)) TH_LOG("program %d", n);
	}
}

/* One task that reads what each of the others has written. */
static int64_t submit_gather(struct pto_flow *f, struct pto_tensor *t, uint32_t n, int func_id)
{
	uint64_t scalars[] = { n, 1, 7 };	/* the first is written */
	struct pto_access access[PTO_MAX_ARGS + 1];
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, func_id, -1 },
				 .naccesses = n, .accesses = access,
				 .nscalars = func_id == MIX ? 3 : 0, .scalars = scalars };
	uint32_t i;

	for (i = 0; i < n; i++)
		access[i] = (struct pto_access){ &t[i], i ? PTO_IN : PTO_OUT };
	return pto_flow_submit(f, &task);
}

TEST_F(flow, a_task_may_have_more_than_16_tensors)
{
	static const uint32_t counts[] = { 16, 17, MIX_MOST, PTO_MAX_ARGS };
	struct pto_tensor t[PTO_MAX_ARGS + 1], *all[MIX_MOST];
	uint64_t scalars[] = { 1, 1, 7 }, want;
	uint32_t i, k, n;

	for (i = 0; i < PTO_MAX_ARGS + 1; i++)
		pto_tensor_init(&t[i], self->buffer + 8 * i, (const uint32_t[]){ 1 }, 1, PTO_INT64);
	for (k = 0; k < 4; k++) {
		n = counts[k];
		ASSERT_EQ(0, start(self)) TH_LOG("%s", pto_last_error());
		for (i = 1; i < n; i++) {
			struct pto_access access = { &t[i], PTO_OUT };
			struct pto_task task = {
				.size = sizeof(task), .kernels = { -1, MIX, -1 },
				.naccesses = 1, .accesses = &access,
				.nscalars = 3, .scalars = scalars,
			};

			scalars[2] = n << 8 | i;
			ASSERT_LE(0, pto_flow_submit(self->flow, &task));
		}
		ASSERT_EQ(n - 1, submit_gather(self->flow, t, n, n > MIX_MOST ? NOOP : MIX))
			TH_LOG("%s", pto_last_error());
		EXPECT_EQ(-EINVAL, submit_gather(self->flow, t, PTO_MAX_ARGS + 1, NOOP));
		ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
		if (n > MIX_MOST)
			continue;
		memcpy(&want, self->buffer, sizeof(want));
		for (i = 0; i < n; i++)
			all[i] = &t[i];
		mix(all, n, 1, 7);
		EXPECT_EQ(0, memcmp(&want, self->buffer, sizeof(want))) TH_LOG("%u tensors", n);
	}
}

/* ---- several submitters ------------------------------------------------- */

struct submitter {
	struct pto_flow *flow;
	struct program *program;
	uint64_t *counter;
	int failed;
};

static void *submit_all(void *arg)
{
	struct submitter *s = arg;
	struct program_task t;
	int i;

	for (i = 0; i < s->program->ntasks; i++)
		s->failed |= pto_flow_submit(s->flow, program_task(s->program, i, MIX, &t)) < 0;
	s->failed |= pto_flow_finish(s->flow);
	return NULL;
}

TEST_F(flow, several_submitters)
{
	static struct program program[THREADS];
	uint8_t want[THREADS * BUFFER];
	struct submitter s[THREADS];
	pthread_t thread[THREADS];
	uint64_t seed = 6;
	int i, n;

	for (n = 0; n < ROUNDS / 3; n++) {
		memset(self->buffer, 0, sizeof(want));
		for (i = 0; i < THREADS; i++) {
			make_program(&program[i], self->buffer + i * BUFFER, &seed, false);
			run_program(&program[i]);
		}
		memcpy(want, self->buffer, sizeof(want));
		memset(self->buffer, 0, sizeof(want));
		self->opts.aicpu_threads = 1 + n % 2;
		self->flow_opts.window = n % 3 ? 16 : 4;
		ASSERT_EQ(0, start(self));
		for (i = 0; i < THREADS; i++) {
			s[i] = (struct submitter){ .program = &program[i] };
			ASSERT_EQ(0, pto_flow_fork(self->flow, &s[i].flow));
			ASSERT_EQ(0, pthread_create(&thread[i], NULL, submit_all, &s[i]));
		}
		for (i = 0; i < THREADS; i++) {
			pthread_join(thread[i], NULL);
			EXPECT_EQ(0, s[i].failed);
		}
		ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, memcmp(want, self->buffer, sizeof(want))) TH_LOG("round %d", n);
	}
}

TEST_F(flow, forks_are_finished_first)
{
	struct pto_flow *other;

	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_fork(self->flow, &other));
	EXPECT_EQ(-EBUSY, pto_flow_finish(self->flow));
	EXPECT_EQ(0, submit(other, NOOP, NULL, 0));
	EXPECT_EQ(1, submit(self->flow, NOOP, NULL, 0));
	EXPECT_EQ(0, pto_flow_finish(other));
	/* It is memory of the flow's until that is finished. */
	EXPECT_EQ(-EINVAL, submit(other, NOOP, NULL, 0));
	EXPECT_EQ(-EINVAL, pto_flow_scope_begin(other));
	EXPECT_EQ(-EINVAL, pto_flow_finish(other));
	EXPECT_NE(NULL, strstr(pto_last_error(), "the flow was finished"));
	EXPECT_EQ(2, submit(self->flow, NOOP, NULL, 0));
	EXPECT_EQ(0, pto_flow_finish(self->flow));
}

TEST_F(flow, one_fork_after_the_other)
{
	struct pto_flow *other;
	struct pto_tensor t;
	int i;

	self->flow_opts.heap = 8192;
	ASSERT_EQ(0, start(self));
	for (i = 0; i < 3 * STREAM_FLOWS; i++) {
		ASSERT_EQ(0, pto_flow_fork(self->flow, &other)) TH_LOG("%s", pto_last_error());
		pto_tensor_init(&t, NULL, SHAPE(1024), 1, PTO_INT8);
		ASSERT_EQ(2 * i, submit(other, NOOP, &t, PTO_OUT));
		ASSERT_EQ(2 * i + 1, submit(other, NOOP, &t, PTO_INOUT));
		ASSERT_EQ(0, pto_flow_finish(other));
		ASSERT_EQ(-ESTALE, submit(self->flow, NOOP, &t, PTO_IN));
	}
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

static void *submit_until_told(void *arg)
{
	FIXTURE_DATA(flow) *self = arg;

	while (!__atomic_load_n(self->buffer, __ATOMIC_RELAXED))
		if (submit(self->flow, NOOP, NULL, 0) < 0)
			break;
	return NULL;
}

/* What a child of fork() gets of each call; 0 if all is well. */
static int calls_of_child(struct pto_flow *flow)
{
	struct pto_flow_stat stat = { .size = sizeof(stat) };
	struct pto_flow *other;

	alarm(30);
	return (submit(flow, NOOP, NULL, 0) != -EPERM) << 0 |
	       (pto_flow_scope_begin(flow) != -EPERM) << 1 |
	       (pto_flow_scope_end(flow) != -EPERM) << 2 |
	       (pto_flow_add_edge(flow, 0, 1) != -EPERM) << 3 |
	       (pto_flow_fork(flow, &other) != -EPERM) << 4 |
	       (pto_flow_stat(flow, &stat) != -EPERM) << 5 |
	       (pto_flow_finish(flow) != -EPERM) << 6 |
	       !strstr(pto_last_error(), "before fork()") << 7;
}

TEST_F(flow, a_child_of_fork_is_refused)
{
	pthread_t thread;
	int i, status = 0;
	pid_t pid;

	ASSERT_EQ(0, start(self));
	/* It is as likely as not that it has the lock. */
	ASSERT_EQ(0, pthread_create(&thread, NULL, submit_until_told, self));
	for (i = 0; i < 10 && !status; i++) {
		pid = fork();
		if (!pid)
			_exit(calls_of_child(self->flow));
		ASSERT_LT(0, pid);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
	}
	EXPECT_EQ(0, status) TH_LOG("child %d", i);
	__atomic_store_n(self->buffer, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, pto_flow_finish(self->flow));
}

/* ---- edges -------------------------------------------------------------- */

TEST_F(flow, more_edges_than_the_pool_has)
{
	struct pto_flow_stat stat = { .size = sizeof(stat) };
	struct pto_tensor all, one;
	int i, n, round;

	self->flow_opts.window = 1024;
	self->flow_opts.dep_pool = 4;
	ASSERT_EQ(0, start(self));
	pto_tensor_init(&all, self->buffer, SHAPE(BUFFER), 1, PTO_INT8);
	for (round = 0; round < 20; round++) {
		/* One before and one after a great many. */
		ASSERT_LE(0, submit(self->flow, NOOP, &all, PTO_OUT));
		n = BUFFER;
		for (i = 0; i < n; i++) {
			pto_tensor_view(&all, SHAPE(1), SHAPE(i), &one);
			ASSERT_LE(0, submit(self->flow, NOOP, &one, PTO_INOUT))
				TH_LOG("%s", pto_last_error());
		}
		ASSERT_LE(0, submit(self->flow, NOOP, &all, PTO_IN));
	}
	EXPECT_EQ(0, pto_flow_stat(self->flow, &stat));
	EXPECT_EQ(20 * (BUFFER + 2), stat.tasks);
	EXPECT_GE(4, stat.dep_peak);
	EXPECT_GE(1024, stat.window_peak);
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

/* A task that is held back; what it writes is left to edges. */
static int64_t submit_held(struct pto_flow *flow, uint64_t *counter)
{
	uint64_t scalars[] = { (uintptr_t)counter };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, COUNT, -1 },
				 .flags = PTO_TASK_HELD | PTO_TASK_NO_DEPS,
				 .nscalars = 1, .scalars = scalars };

	return pto_flow_submit(flow, &task);
}

TEST_F(flow, tasks_that_are_held_back)
{
	uint64_t *counter = (uint64_t *)self->buffer;
	struct pto_tensor t;
	int i;

	self->flow_opts.window = 64;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(i, submit_held(self->flow, counter)) TH_LOG("%s", pto_last_error());
		if (i)
			ASSERT_EQ(0, pto_flow_add_edge(self->flow, i - 1, i));
	}
	EXPECT_EQ(-EINVAL, pto_flow_add_edge(self->flow, 7, 6));
	EXPECT_EQ(-EINVAL, pto_flow_add_edge(self->flow, 7, 7));
	EXPECT_EQ(-EINVAL, pto_flow_add_edge(self->flow, -1, 7));
	EXPECT_EQ(-EINVAL, pto_flow_add_edge(self->flow, 7, 50));
	EXPECT_EQ(0, __atomic_load_n(counter, __ATOMIC_RELAXED));
	ASSERT_EQ(0, pto_flow_scope_end(self->flow));
	EXPECT_EQ(-EINVAL, pto_flow_add_edge(self->flow, 7, 8));
	EXPECT_NE(NULL, strstr(pto_last_error(), "its scope has ended"));
	/* The outermost scope is one, too; others do not hold back. */
	pto_tensor_init(&t, self->buffer, SHAPE(64), 1, PTO_INT8);
	ASSERT_EQ(50, submit_held(self->flow, counter));
	ASSERT_EQ(51, submit(self->flow, NOOP, &t, PTO_IN));
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(51, *counter);
}

TEST_F(flow, an_edge_keeps_what_its_task_has_made)
{
	struct pto_tensor t, other;
	uint32_t user;
	int i;

	self->flow_opts.heap = 4096;
	ASSERT_EQ(0, start(self));
	for (i = 0; i < 20; i++) {
		const struct heap *h = &self->flow->heap[1];

		ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
		pto_tensor_init(&t, NULL, SHAPE(3000), 1, PTO_INT8);
		ASSERT_EQ(3 * i, submit_flags(self->flow, &t, PTO_TASK_HELD | PTO_TASK_NO_DEPS))
			TH_LOG("%s", pto_last_error());
		/* One that knows its address, perhaps, and not as a tensor; and one that does not. */
		ASSERT_EQ(3 * i + 1, submit_held(self->flow, (uint64_t *)self->buffer));
		ASSERT_EQ(3 * i + 2, submit_held(self->flow, (uint64_t *)self->buffer));
		EXPECT_FALSE(heap_blocker(h, &user));
		EXPECT_EQ(3 * i, user);
		ASSERT_EQ(0, pto_flow_add_edge(self->flow, 3 * i, 3 * i + 1));
		EXPECT_FALSE(heap_blocker(h, &user));
		ASSERT_EQ(0, pto_flow_scope_end(self->flow));
		EXPECT_TRUE(heap_blocker(h, &user));
		EXPECT_EQ(3 * i + 1, user);
	}
	/* A task that comes later can not be given it, though. */
	other = t;
	EXPECT_EQ(-ESTALE, submit(self->flow, NOOP, &other, PTO_IN));
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(40, *(uint64_t *)self->buffer);
}

TEST_F(flow, more_held_back_than_the_window_has)
{
	uint64_t *counter = (uint64_t *)self->buffer;
	int i;

	self->flow_opts.window = 8;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	for (i = 0; i < 8; i++)
		ASSERT_EQ(i, submit_held(self->flow, counter));
	EXPECT_EQ(-ENOBUFS, submit_held(self->flow, counter));
	EXPECT_NE(NULL, strstr(pto_last_error(), "raise PTO2_RING_TASK_WINDOW to 16"));
	ASSERT_EQ(0, pto_flow_scope_end(self->flow));
	EXPECT_EQ(8, submit_held(self->flow, counter));
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(9, *counter);
}

/*
 * The first task that is held back is also the first at the beginning of the ring of arguments,
 * where that begins anew before it was ever full: the others have all of it nevertheless.
 */
TEST_F(flow, held_back_where_the_arguments_begin_anew)
{
	atomic_ulong *flag = (void *)self->buffer, *ran = flag + 1;
	unsigned long done = 0;
	const struct stream *s;
	int i;

	self->opts.aicpu_threads = 2;
	ASSERT_EQ(0, start(self));
	s = self->flow->stream;
	/* Not when it looks which are complete: that would be all. */
	for (i = 0; s->args_head <= s->args_warm / 2 + 4096 || i % 16 == 0; i++, done++) {
		ASSERT_EQ(i, submit_scalar(self->flow, COUNT, ran));
	}
	ASSERT_TRUE(becomes(ran, done));
	ASSERT_EQ(i++, submit_scalar(self->flow, SPIN, flag));
	for (; s->args_head < s->args_warm; i++, done++) {
		ASSERT_EQ(i, submit_scalar(self->flow, COUNT, ran));
	}
	/* At the ring's beginning, unless workers were late to tell what is complete. */
	ASSERT_EQ(i++, submit_held(self->flow, (uint64_t *)ran));
	atomic_store(flag, 1);
	ASSERT_TRUE(becomes(ran, done));
	for (done++; s->head - s->tail < s->window.mask; i++, done++) {
		ASSERT_EQ(i, submit_held(self->flow, (uint64_t *)ran)) TH_LOG("%s", pto_last_error());
	}
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(done, atomic_load(ran));
}

TEST_F(flow, more_edges_of_held_back_tasks_than_the_pool_has)
{
	uint64_t *counter = (uint64_t *)self->buffer;
	int64_t task;
	int ret = 0;

	self->flow_opts.window = 256;
	self->flow_opts.dep_pool = 5;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	ASSERT_EQ(0, submit_held(self->flow, counter));
	for (task = 1; task < 200 && !ret; task++) {
		ASSERT_EQ(task, submit_held(self->flow, counter));
		ret = pto_flow_add_edge(self->flow, 0, task);
	}
	EXPECT_EQ(-ENOBUFS, ret);
	EXPECT_EQ(4 + 5 * 7 + 1, task - 1);
	EXPECT_NE(NULL, strstr(pto_last_error(), "raise PTO2_RING_DEP_POOL to 10"));
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(task, *counter);
}

/* As if @n more tasks had come and gone; those that there are have no edges beyond their nodes. */
static void skip_tasks(struct __test_metadata *_metadata, struct stream *s, uint32_t n)
{
	uint32_t task;
	int ms;

	for (task = s->tail; task != s->head; task++) {
		for (ms = 0; ms < 10000 && load_acquire(&stream_task(s, task)->node.npred); ms++)
			usleep(1000);
		ASSERT_GT(10000, ms);
	}
	pthread_mutex_lock(&s->lock);
	s->head += n;
	s->tail = s->head;
	s->stat.tasks += n;
	atomic_fetch_add(&s->sched->run.finished, n);
	pthread_mutex_unlock(&s->lock);
}

/* A number is 32 bits of a task's: one of a long time ago is not taken for one that is to come. */
TEST_F(flow, tasks_of_a_long_time_ago)
{
	const uint32_t many = 3u << 30;
	uint64_t *counter = (uint64_t *)self->buffer;
	struct pto_tensor whole, part, buffer;
	int64_t task = 0;
	int i;

	self->opts.timeout_ms = 20000;
	self->flow_opts.window = 64;
	self->flow_opts.heap = 4096;
	ASSERT_EQ(0, start(self));
	pto_tensor_init(&whole, self->buffer + 64, SHAPE(64), 1, PTO_INT8);
	pto_tensor_view(&whole, SHAPE(32), SHAPE(0), &part);
	for (i = 0; i < 3; i++, task += many) {
		/* Each begins at place 0: it would wait for itself. */
		ASSERT_EQ(task, submit(self->flow, NOOP, i % 2 ? &part : &whole, PTO_INOUT))
			TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
		pto_tensor_init(&buffer, NULL, SHAPE(4096), 1, PTO_INT8);
		ASSERT_EQ(++task, submit(self->flow, NOOP, &buffer, PTO_OUT))
			TH_LOG("%s", pto_last_error());
		ASSERT_EQ(++task, submit_held(self->flow, counter));
		ASSERT_EQ(0, pto_flow_add_edge(self->flow, task % many - 1, task))
			TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, pto_flow_scope_end(self->flow));
		for (; (task + 1) % 64; task++)
			ASSERT_EQ(task + 1, submit(self->flow, NOOP, NULL, 0));
		task++;
		skip_tasks(_metadata, self->flow->stream, many);
	}
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(3, *counter);
}

/* Chains of three, each in a scope of its own. */
static void *submit_chains(void *arg)
{
	struct submitter *s = arg;
	int i, k;

	for (i = 0; i < 10 * ROUNDS; i++) {
		int64_t id[3];

		s->failed |= pto_flow_scope_begin(s->flow);
		for (k = 0; k < 3; k++) {
			id[k] = submit_held(s->flow, s->counter);
			s->failed |= id[k] < 0 || (k && pto_flow_add_edge(s->flow, id[k - 1], id[k]));
		}
		s->failed |= pto_flow_scope_end(s->flow);
	}
	s->failed |= pto_flow_finish(s->flow);
	return NULL;
}

TEST_F(flow, several_submitters_that_hold_back)
{
	uint64_t *counter = (uint64_t *)self->buffer;
	struct submitter s[THREADS];
	pthread_t thread[THREADS];
	int i;

	self->flow_opts.window = 16;
	ASSERT_EQ(0, start(self));
	for (i = 0; i < THREADS; i++) {
		s[i] = (struct submitter){ .counter = counter };
		ASSERT_EQ(0, pto_flow_fork(self->flow, &s[i].flow));
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, submit_chains, &s[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, s[i].failed);
	}
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(3 * 10 * ROUNDS * THREADS, *counter);
}

static void *submit_one_more(void *arg)
{
	struct submitter *s = arg;

	s->failed |= submit_held(s->flow, s->counter) < 0;
	s->failed |= pto_flow_finish(s->flow);
	return NULL;
}

TEST_F(flow, who_holds_back_the_oldest_hears_of_it_others_wait)
{
	struct submitter s = { .counter = (uint64_t *)self->buffer };
	pthread_t thread;
	int i;

	self->flow_opts.window = 16;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_fork(self->flow, &s.flow));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	for (i = 0; i < 8; i++)
		ASSERT_EQ(i, submit_held(i < 4 ? self->flow : s.flow, s.counter));
	ASSERT_EQ(0, pthread_create(&thread, NULL, submit_one_more, &s));
	for (; i < 16; i++)
		ASSERT_EQ(i, submit_held(self->flow, s.counter)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(-ENOBUFS, submit_held(self->flow, s.counter));
	EXPECT_EQ(0, pto_flow_scope_end(self->flow));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, s.failed);
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(17, *s.counter);
}

/* ---- memory ------------------------------------------------------------- */

TEST_F_TIMEOUT(flow, two_million_tasks_in_the_memory_of_one, 120)
{
	const char *mode = getenv("PTO_EMULATOR");
	const int n = SLOWER ? 5000 : SLOW ? 30000 : mode && !strcmp(mode, "threads") ? 100000 : 2000000;
	struct pto_flow_stat stat = { .size = sizeof(stat) };
	struct pto_tensor t;
	long before = 0;
	int i;

	self->flow_opts.window = 1024;
	ASSERT_EQ(0, start(self));
	for (i = 0; i < n; i++) {
		/* Addresses of which no kernel takes notice: 64 bytes for each task. */
		pto_tensor_init(&t, (void *)(4096 + (uintptr_t)i * 64), SHAPE(80), 1, PTO_INT8);
		ASSERT_EQ(i, submit(self->flow, NOOP, &t, PTO_INOUT));
		if (i == n / 2)
			before = rss_kib();
	}
	if (!SANITIZED)
		EXPECT_GT(before + 4096, rss_kib());
	EXPECT_EQ(0, pto_flow_stat(self->flow, &stat));
	EXPECT_GE(1024, stat.window_peak);
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

TEST_F(flow, scopes_recycle_buffers)
{
	struct pto_flow_stat stat = { .size = sizeof(stat) };
	struct pto_tensor outer, inner, part;
	int i, k;

	self->flow_opts.heap = 16384;
	self->flow_opts.window = 64;
	ASSERT_EQ(0, start(self));
	pto_tensor_init(&outer, NULL, SHAPE(3000), 1, PTO_FLOAT32);
	ASSERT_EQ(0, submit(self->flow, NOOP, &outer, PTO_OUT)) TH_LOG("%s", pto_last_error());
	EXPECT_NE(0, outer.addr);
	EXPECT_EQ(0, outer.addr % 1024);
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
		for (k = 0; k < 3; k++) {
			pto_tensor_init(&inner, NULL, SHAPE(1000), 1, PTO_FLOAT32);
			ASSERT_LT(0, submit(self->flow, NOOP, &inner, PTO_OUT))
				TH_LOG("%s", pto_last_error());
			ASSERT_EQ(0, pto_tensor_view(&inner, SHAPE(10), SHAPE(10), &part));
			ASSERT_LT(0, submit(self->flow, NOOP, &part, PTO_IN));
		}
		ASSERT_LT(0, submit(self->flow, NOOP, &outer, PTO_INOUT));
		ASSERT_EQ(0, pto_flow_scope_end(self->flow));
	}
	EXPECT_EQ(0, pto_flow_stat(self->flow, &stat));
	EXPECT_EQ(12288, stat.scope_peak[0]);
	EXPECT_EQ(12288, stat.scope_peak[1]);
	EXPECT_EQ(0, stat.scope_peak[2]);
	EXPECT_LE(stat.scope_peak[1], stat.heap_peak[1]);
	EXPECT_GE(16384, stat.heap_peak[1]);
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

TEST_F(flow, a_buffer_dies_with_its_scope)
{
	struct pto_tensor t, part;

	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	pto_tensor_init(&t, NULL, SHAPE(100), 1, PTO_FLOAT32);
	ASSERT_EQ(0, submit(self->flow, NOOP, &t, PTO_OUT));
	pto_tensor_view(&t, SHAPE(10), SHAPE(10), &part);
	ASSERT_EQ(0, pto_flow_scope_end(self->flow));
	EXPECT_EQ(-ESTALE, submit(self->flow, NOOP, &t, PTO_IN));
	EXPECT_NE(NULL, strstr(pto_last_error(), "task 1, tensor 0"));
	EXPECT_EQ(-ESTALE, submit(self->flow, NOOP, &part, PTO_IN));
	/* Neither is what lies there now. */
	t.addr = t.owner = 0;
	EXPECT_EQ(1, submit(self->flow, NOOP, &t, PTO_OUT));
	EXPECT_EQ(-ESTALE, submit(self->flow, NOOP, &part, PTO_IN));
	EXPECT_EQ(0, pto_flow_finish(self->flow));
}

TEST_F(flow, a_scope_that_holds_too_much_is_told)
{
	struct pto_tensor t;
	int i;

	self->flow_opts.heap = 8 << 20;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	for (i = 0; i < 2; i++) {
		pto_tensor_init(&t, NULL, SHAPE(1 << 20), 1, PTO_FLOAT32);
		ASSERT_EQ(i, submit(self->flow, NOOP, &t, PTO_OUT));
	}
	pto_tensor_init(&t, NULL, SHAPE(1 << 20), 1, PTO_FLOAT32);
	EXPECT_EQ(-ENOBUFS, submit(self->flow, NOOP, &t, PTO_OUT));
	EXPECT_NE(NULL, strstr(pto_last_error(), "scope at depth 2 holds 8 MiB"));
	EXPECT_NE(NULL, strstr(pto_last_error(), "heap ring is 8 MiB"));
	EXPECT_NE(NULL, strstr(pto_last_error(), "raise PTO2_RING_HEAP to 16777216,"));
	/* One can go on. */
	ASSERT_EQ(0, pto_flow_scope_end(self->flow));
	EXPECT_EQ(2, submit(self->flow, NOOP, &t, PTO_OUT)) TH_LOG("%s", pto_last_error());
	pto_tensor_init(&t, NULL, SHAPE(3 << 20), 1, PTO_FLOAT32);
	EXPECT_EQ(-ENOBUFS, submit(self->flow, NOOP, &t, PTO_OUT));
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

TEST_F(flow, scopes_nest_to_64)
{
	struct pto_tensor t;
	int i;

	self->flow_opts.heap = 1 << 16;
	ASSERT_EQ(0, start(self));
	for (i = 1; i < 64; i++) {
		ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
		pto_tensor_init(&t, NULL, SHAPE(100), 1, PTO_INT8);
		ASSERT_EQ(i - 1, submit(self->flow, NOOP, &t, PTO_OUT));
	}
	EXPECT_EQ(-EOVERFLOW, pto_flow_scope_begin(self->flow));
	for (i = 1; i < 64; i++)
		ASSERT_EQ(0, pto_flow_scope_end(self->flow));
	EXPECT_EQ(-EINVAL, pto_flow_scope_end(self->flow));
	EXPECT_EQ(0, pto_flow_finish(self->flow));
}

/* ---- failures ----------------------------------------------------------- */

TEST_F(flow, a_crash_ends_the_flow)
{
	uint64_t scalars[] = { 2 };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, CRASH, -1 },
				 .nscalars = 1, .scalars = scalars };
	int64_t ret = 0;
	int i;

	self->flow_opts.window = 16;
	ASSERT_EQ(0, start(self));
	for (i = 0; i < 20; i++)
		ASSERT_EQ(i, submit(self->flow, NOOP, NULL, 0));
	ASSERT_EQ(20, pto_flow_submit(self->flow, &task));
	for (i = 0; i < 1000000 && ret >= 0; i++)
		ret = submit(self->flow, NOOP, NULL, 0);
	EXPECT_EQ(-ECANCELED, ret);
	EXPECT_EQ(-EIO, pto_flow_finish(self->flow));
	EXPECT_NE(NULL, strstr(pto_last_error(), "task 20 (func_id 3)"))
		TH_LOG("%s", pto_last_error());
	/* The graph is fine, and so is the device. */
	ASSERT_EQ(0, start(self));
	EXPECT_EQ(0, submit(self->flow, NOOP, NULL, 0));
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

static void *lend(void *flow)
{
	flow_lend(flow);
	return NULL;
}

/* Another thread may be about to finish the flow that was forked. */
static int finish_last(struct pto_flow *flow)
{
	double begin = seconds(CLOCK_MONOTONIC);
	int ret;

	while ((ret = pto_flow_finish(flow)) == -EBUSY && seconds(CLOCK_MONOTONIC) - begin < 10)
		usleep(100);
	return ret;
}

/* Of the two workers one is busy, and no other thread can be the second one. */
TEST_F(flow, a_submitter_that_is_through_becomes_a_worker)
{
	atomic_ulong *flag = (void *)self->buffer, *ran = flag + 1;
	const char *mode = getenv("PTO_EMULATOR");
	struct pto_profile_task t[3];
	struct pto_flow *other;
	pthread_t thread;

	self->opts.aicpu_threads = 2;
	self->opts.flags = PTO_LAUNCH_PROFILE;
	ASSERT_EQ(0, flow_start(self->graph, &self->opts, &self->flow_opts, 1, &self->flow));
	ASSERT_EQ(0, pto_flow_fork(self->flow, &other));
	ASSERT_EQ(0, submit_scalar(self->flow, COUNT, ran)) TH_LOG("%s", pto_last_error());
	ASSERT_TRUE(becomes(ran, 1));
	/* Of another kind than the next one, which might be put behind it. */
	ASSERT_EQ(1, submit_on(self->flow, PTO_LANE_AIC, SPIN, flag));
	ASSERT_EQ(0, pthread_create(&thread, NULL, lend, other));
	ASSERT_EQ(2, submit_scalar(self->flow, COUNT, ran));
	EXPECT_TRUE(becomes(ran, 2));
	atomic_store(flag, 1);
	EXPECT_EQ(0, finish_last(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(3, pto_profile_read(self->graph, t, 3));
	/* With cores on threads of their own either worker may have served both. */
	if (!mode || strcmp(mode, "threads"))
		EXPECT_EQ(1, t[0].thread + t[1].thread + t[2].thread);
}

/* It takes its kernel with it when that hangs, and the device goes on. */
TEST_F(flow, a_submitter_that_hangs_as_a_worker)
{
	atomic_ulong *flag = (void *)self->buffer, *ran = flag + 1;
	struct pto_flow *other;
	pthread_t thread;

	self->opts.aicpu_threads = 2;
	self->opts.task_timeout_ms = 200;
	ASSERT_EQ(0, flow_start(self->graph, &self->opts, &self->flow_opts, 1, &self->flow));
	ASSERT_EQ(0, pto_flow_fork(self->flow, &other));
	ASSERT_EQ(0, submit_scalar(self->flow, COUNT, ran)) TH_LOG("%s", pto_last_error());
	ASSERT_TRUE(becomes(ran, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, lend, other));
	while (READ_ONCE(self->flow->stream->nflows) > 1)
		usleep(100);
	ASSERT_EQ(1, submit_scalar(self->flow, SPIN, flag));
	ASSERT_EQ(2, submit_scalar(self->flow, SPIN, flag));
	EXPECT_EQ(-ETIMEDOUT, pto_flow_finish(self->flow));
	EXPECT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, start(self));
	EXPECT_EQ(0, submit(self->flow, NOOP, NULL, 0));
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

/* While its only worker waits for a core that takes long, a task for another core is not kept. */
TEST_F(flow, a_task_does_not_wait_for_other_cores)
{
	const char *mode = getenv("PTO_EMULATOR");
	atomic_ulong *ran = (void *)self->buffer, *flag;
	int i, slow = 0;
	double took;

	if (!mode || strcmp(mode, "threads"))
		SKIP(return, "a worker that runs kernels itself waits for each");
	ASSERT_EQ(0, start(self));
	for (i = 0; i < 16; i++) {
		flag = ran + 1 + i;
		ASSERT_LE(0, submit_scalar(self->flow, SPIN, flag)) TH_LOG("%s", pto_last_error());
		usleep(3000);
		took = seconds(CLOCK_MONOTONIC);
		ASSERT_LE(0, submit_scalar(self->flow, COUNT, ran)) TH_LOG("%s", pto_last_error());
		do {
			usleep(100);
		} while (atomic_load(ran) == i && seconds(CLOCK_MONOTONIC) - took < 5);
		took = seconds(CLOCK_MONOTONIC) - took;
		slow += took > 0.03;
		atomic_store(flag, 1);
	}
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(i, atomic_load(ran));
	/* All are when nobody ends a sleep of 50 ms; some, on a machine that has other work. */
	EXPECT_GT(i, slow);
}

TEST_F(flow, cancelled)
{
	int64_t ret = 0;
	int i;

	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, submit(self->flow, NOOP, NULL, 0));
	pto_flow_cancel(self->flow);
	for (i = 0; i < 1000000 && ret >= 0; i++)
		ret = submit(self->flow, NOOP, NULL, 0);
	EXPECT_EQ(-ECANCELED, ret);
	EXPECT_EQ(-ECANCELED, pto_flow_finish(self->flow));
}

TEST_F(flow, its_time_runs_out)
{
	self->opts.timeout_ms = 50;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, submit(self->flow, NOOP, NULL, 0));
	while (submit(self->flow, NOOP, NULL, 0) >= 0)
		;
	EXPECT_EQ(-ETIME, pto_flow_finish(self->flow));
}

TEST_F(flow, profiled)
{
	struct pto_profile_task t[100];
	int i;

	self->opts.flags = PTO_LAUNCH_PROFILE;
	self->flow_opts.window = 4;
	ASSERT_EQ(0, start(self));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(i, submit(self->flow, NOOP, NULL, 0));
	ASSERT_EQ(0, pto_flow_finish(self->flow));
	ASSERT_EQ(100, pto_profile_read(self->graph, t, 100));
	for (i = 0; i < 100; i++) {
		EXPECT_GT(100, t[i].task_id);
		EXPECT_EQ(PTO_AIV, t[i].core);
		EXPECT_EQ(NOOP, t[i].func_id);
	}
}

TEST_HARNESS_MAIN
