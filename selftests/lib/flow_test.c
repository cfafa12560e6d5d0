// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Graphs that run while they are built: any window does, memory is bounded, nothing hangs. */
#include <signal.h>
#include <sys/wait.h>

#include "flow_test.h"

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
		if (n == ROUNDS / 2)
			ASSERT_EQ(0, add_no_leaf(self));
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
		if (n == ROUNDS / 6)
			ASSERT_EQ(0, add_no_leaf(self));
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

/* ---- who submits runs tasks itself -------------------------------------- */

static bool in_place(void)
{
	const char *mode = getenv("PTO_EMULATOR");

	return !mode || strcmp(mode, "threads");
}

static unsigned int visits(const struct pto_flow *flow)
{
	return atomic_load(&flow->stream->window.visits);
}

/* As who submits does itself, if tasks are tiny: here they may not be, with a sanitizer. */
static void ask(struct pto_flow *flow)
{
	struct sched_window *w = &flow->stream->window;

	if (!atomic_load(&w->recall) && atomic_load(&w->seat) == SEAT_WORKER)
		atomic_store(&w->recall, true);
}

/* Submit until that runs tasks itself, where it may: that is seldom where the CPUs are busy. */
static int submit_until_visit(FIXTURE_DATA(flow) *self, bool may)
{
	double end = seconds(CLOCK_MONOTONIC) + 20;
	int i;

	for (i = 0; i < 1000 || (may && !visits(self->flow)); i++) {
		ask(self->flow);
		if (submit(self->flow, NOOP, NULL, 0) != i)
			return -1;
		if (i % 1000 == 0 && seconds(CLOCK_MONOTONIC) > end)
			break;
	}
	return i;
}

TEST_F(flow, who_submits_runs_some)
{
	ASSERT_EQ(0, start(self));
	ASSERT_LT(0, submit_until_visit(self, in_place())) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(in_place(), visits(self->flow) > 0);
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	/* But no kernel that it might not get out of. */
	ASSERT_EQ(0, add_no_leaf(self));
	ASSERT_EQ(0, start(self));
	ASSERT_LT(0, submit_until_visit(self, false)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, visits(self->flow));
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

/* It submits fewer than it would begin for, and does nothing else. */
TEST_F(flow, the_worker_runs_what_is_left)
{
	atomic_ulong *ran = (void *)self->buffer;
	int i, n, total = 0;

	ASSERT_EQ(0, start(self));
	for (n = 0; n < 10; n++) {
		/* Now and then when it has just done so. */
		for (i = 0; i < (n % 3 ? 10 : 1000); i++, total++)
			ASSERT_EQ(total, submit_scalar(self->flow, COUNT, ran));
		ASSERT_TRUE(becomes(ran, total)) TH_LOG("%lu of %d", atomic_load(ran), total);
	}
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

/* Kernels that take a millisecond or so: they are left to the worker. */
TEST_F(flow, who_submits_is_not_held_up)
{
	atomic_ulong *ran = (void *)self->buffer;
	const uint64_t args[] = { (uintptr_t)ran, SLOW ? 100000 : 1000000 };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, BURN, -1 },
				 .nscalars = 2, .scalars = args };
	double all = seconds(CLOCK_PROCESS_CPUTIME_ID), mine = seconds(CLOCK_THREAD_CPUTIME_ID);
	const int n = 400;
	int i;

	ASSERT_EQ(0, start(self));
	for (i = 0; i < n; i++)
		ASSERT_EQ(i, pto_flow_submit(self->flow, &task)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	mine = seconds(CLOCK_THREAD_CPUTIME_ID) - mine;
	all = seconds(CLOCK_PROCESS_CPUTIME_ID) - all;
	EXPECT_LT(mine, all / 2) TH_LOG("%g s of %g", mine, all);
	EXPECT_EQ(n, atomic_load(ran));
}

/* A kernel fails where it was submitted, though that thread has blocked all signals. */
static void fails_in_a_visit(struct __test_metadata *_metadata, FIXTURE_DATA(flow) *self,
			     int func_id, int error, const char *text)
{
	atomic_ulong *flag = (void *)self->buffer;
	sigset_t all, before, after;
	int64_t ret;

	sigfillset(&all);
	self->opts.task_timeout_ms = 100;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pthread_sigmask(SIG_SETMASK, &all, &before));
	ASSERT_LT(0, submit_until_visit(self, in_place())) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(in_place(), visits(self->flow) > 0);
	ret = submit_scalar(self->flow, func_id, flag);
	while (ret >= 0) {
		ask(self->flow);
		ret = submit(self->flow, NOOP, NULL, 0);
	}
	EXPECT_EQ(-ECANCELED, ret);
	pthread_sigmask(SIG_SETMASK, &before, &after);
	EXPECT_EQ(1, sigismember(&after, SIGURG));
	EXPECT_EQ(error, pto_flow_finish(self->flow));
	EXPECT_NE(NULL, strstr(pto_last_error(), text)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, start(self));
	EXPECT_EQ(0, submit(self->flow, NOOP, NULL, 0));
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

TEST_F(flow, who_submits_outlives_a_crash)
{
	fails_in_a_visit(_metadata, self, CRASH, -EIO, "(func_id 3)");
}

TEST_F(flow, who_submits_leaves_a_kernel_that_does_not_return)
{
#ifdef __SANITIZE_THREAD__
	SKIP(return, "ThreadSanitizer defers the signal that leaves a kernel");
#endif
	fails_in_a_visit(_metadata, self, SPIN, -ETIMEDOUT, "did not return in its time");
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

TEST_F(flow, a_tensor_given_twice_has_one_buffer)
{
	struct pto_flow_stat stat = { .size = sizeof(stat) };
	struct pto_tensor t, other;
	struct pto_access access[] = { { &t, PTO_OUT }, { &other, PTO_OUT }, { &t, PTO_OUT } };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, NOOP, -1 },
				 .naccesses = 3, .accesses = access };
	struct pto_tensor *const *args;

	ASSERT_EQ(0, start(self));
	pto_tensor_init(&t, NULL, SHAPE(1024), 1, PTO_FLOAT32);
	other = t;
	ASSERT_EQ(0, pto_flow_submit(self->flow, &task)) TH_LOG("%s", pto_last_error());
	args = (void *)slab_desc(self->flow->stream->slabs.at, 0)->launch.args;
	EXPECT_NE(0, t.addr);
	EXPECT_NE(other.addr, t.addr);
	EXPECT_EQ(t.addr, args[0]->addr);
	EXPECT_EQ(other.addr, args[1]->addr);
	EXPECT_EQ(t.addr, args[2]->addr);
	EXPECT_EQ(1, submit(self->flow, NOOP, &t, PTO_IN)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, pto_flow_stat(self->flow, &stat));
	EXPECT_EQ(8192, stat.heap_peak[0]);
	EXPECT_EQ(0, pto_flow_finish(self->flow));
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

/* Of the next flow the same number, at the same address, is another buffer; a graph has none. */
TEST_F(flow, a_buffer_dies_with_its_flow)
{
	struct pto_tensor t, next;
	struct pto_access access = { &t, PTO_IN };
	struct pto_task task = {
		.size = sizeof(task), .kernels = { PTO_NO_KERNEL, NOOP, PTO_NO_KERNEL },
		.naccesses = 1, .accesses = &access,
	};

	pto_tensor_init(&t, NULL, SHAPE(100), 1, PTO_FLOAT32);
	next = t;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, submit(self->flow, NOOP, &t, PTO_OUT));
	ASSERT_EQ(1, submit(self->flow, NOOP, &t, PTO_IN));
	ASSERT_EQ(0, pto_flow_finish(self->flow));
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, submit(self->flow, NOOP, &next, PTO_OUT));
	EXPECT_EQ(-ESTALE, submit(self->flow, NOOP, &t, PTO_IN));
	EXPECT_NE(NULL, strstr(pto_last_error(), "task 1, tensor 0")) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(1, submit(self->flow, NOOP, &next, PTO_IN));
	ASSERT_EQ(0, pto_flow_finish(self->flow));
	EXPECT_EQ(-ESTALE, pto_graph_submit(self->graph, &task));
	EXPECT_NE(NULL, strstr(pto_last_error(), "a flow's")) TH_LOG("%s", pto_last_error());
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

/* No ring is large enough, as what inner scopes have used lies behind what an outer one has. */
TEST_F(flow, a_deep_scope_that_keeps_what_inner_ones_used)
{
	struct pto_tensor t;
	int64_t task = 1;
	int i;

	self->flow_opts.heap = 64 << 10;
	ASSERT_EQ(0, start(self));
	for (i = 1; i < 5; i++)
		ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	pto_tensor_init(&t, NULL, SHAPE(1024), 1, PTO_INT8);
	ASSERT_EQ(0, submit(self->flow, NOOP, &t, PTO_OUT));
	for (i = 1; i < 100 && task > 0; i++) {
		ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
		pto_tensor_init(&t, NULL, SHAPE(1024), 1, PTO_INT8);
		task = submit(self->flow, NOOP, &t, PTO_OUT);
		ASSERT_EQ(0, pto_flow_scope_end(self->flow));
	}
	EXPECT_EQ(-ENOBUFS, task);
	EXPECT_EQ(65, i);
	EXPECT_NE(NULL, strstr(pto_last_error(), "shared by all scopes from depth 4 on"));
	EXPECT_NE(NULL, strstr(pto_last_error(), "one at depth 5 has a live output before 64512 bytes"));
	EXPECT_EQ(NULL, strstr(pto_last_error(), "raise"));
	/* Live outputs only: it would help. */
	ASSERT_EQ(0, pto_flow_scope_end(self->flow));
	pto_tensor_init(&t, NULL, SHAPE(1024), 1, PTO_INT8);
	ASSERT_EQ(64, submit(self->flow, NOOP, &t, PTO_OUT)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	pto_tensor_init(&t, NULL, SHAPE(64 << 10), 1, PTO_INT8);
	EXPECT_EQ(-ENOBUFS, submit(self->flow, NOOP, &t, PTO_OUT));
	EXPECT_NE(NULL, strstr(pto_last_error(), "depth 5, with those from depth 4 on"));
	EXPECT_NE(NULL, strstr(pto_last_error(), "raise PTO2_RING_HEAP to 131072,"));
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

TEST_F(flow, an_output_that_no_heap_holds)
{
	struct pto_tensor t;

	ASSERT_EQ(0, start(self));
	pto_tensor_init(&t, NULL, SHAPE(1u << 31, 1 << 10), 2, PTO_INT8);
	EXPECT_EQ(-ENOBUFS, submit(self->flow, NOOP, &t, PTO_OUT));
	EXPECT_NE(NULL, strstr(pto_last_error(), "no heap ring can have"));
	EXPECT_EQ(NULL, strstr(pto_last_error(), "raise"));
	pto_tensor_init(&t, NULL, SHAPE(1u << 30, 1 << 10), 2, PTO_INT8);
	EXPECT_EQ(-ENOBUFS, submit(self->flow, NOOP, &t, PTO_OUT));
	EXPECT_NE(NULL, strstr(pto_last_error(), "raise PTO2_RING_HEAP to 1099511627776,"));
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

/* @size bytes that are allocated, and as many others, by one task. */
static int64_t submit_two(struct pto_flow *flow, struct pto_tensor *a, struct pto_tensor *b,
			  uint32_t size)
{
	struct pto_access access[] = { { a, PTO_OUT }, { b, PTO_OUT } };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, NOOP, -1 }, .naccesses = 2,
				 .accesses = access };

	pto_tensor_init(a, NULL, SHAPE(3072), 1, PTO_INT8);
	pto_tensor_init(b, NULL, SHAPE(size), 1, PTO_INT8);
	return pto_flow_submit(flow, &task);
}

TEST_F(flow, a_task_that_is_refused_leaves_no_buffer)
{
	struct pto_tensor a, b;
	int i;

	self->flow_opts.heap = 4096;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-ENOBUFS, submit_two(self->flow, &a, &b, 2048));
		EXPECT_EQ(0, a.addr);
	}
	EXPECT_EQ(0, submit_two(self->flow, &a, &b, 1024)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(-ENOBUFS, submit_two(self->flow, &a, &b, 1024));
	ASSERT_EQ(0, pto_flow_scope_end(self->flow));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	EXPECT_EQ(-ENOBUFS, submit_two(self->flow, &a, &b, 2048));
	EXPECT_EQ(1, submit_two(self->flow, &a, &b, 1024)) TH_LOG("%s", pto_last_error());
	/* One that it would have read is not kept either. */
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	pto_tensor_init(&b, NULL, SHAPE(4096), 1, PTO_INT8);
	EXPECT_EQ(2, submit(self->flow, NOOP, &b, PTO_OUT)) TH_LOG("%s", pto_last_error());
	{
		struct pto_tensor more;
		struct pto_access access[] = { { &b, PTO_IN }, { &more, PTO_OUT } };
		struct pto_task task = { .size = sizeof(task), .kernels = { -1, NOOP, -1 },
					 .naccesses = 2, .accesses = access };

		pto_tensor_init(&more, NULL, SHAPE(1024), 1, PTO_INT8);
		EXPECT_EQ(-ENOBUFS, pto_flow_submit(self->flow, &task));
		ASSERT_EQ(0, pto_flow_scope_end(self->flow));
		ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
		EXPECT_EQ(3, submit(self->flow, NOOP, &more, PTO_OUT)) TH_LOG("%s", pto_last_error());
	}
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

/* The pool of edges is too small while a task is held back that all others wait for. */
TEST_F(flow, a_lost_dependency_is_told)
{
	struct pto_tensor t;
	int64_t task = 0;
	int i;

	self->flow_opts.dep_pool = 4;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	pto_tensor_init(&t, self->buffer, SHAPE(64), 1, PTO_INT8);
	{
		struct pto_access access = { &t, PTO_INOUT };
		struct pto_task held = { .size = sizeof(held), .flags = PTO_TASK_HELD,
					 .kernels = { -1, NOOP, -1 }, .naccesses = 1,
					 .accesses = &access };

		ASSERT_EQ(0, pto_flow_submit(self->flow, &held));
	}
	for (i = 1; i < 100 && task >= 0; i++)
		task = submit(self->flow, NOOP, &t, PTO_IN);
	EXPECT_EQ(-ENOBUFS, task);
	EXPECT_EQ(3 + 4 * 7 + 2, i);
	EXPECT_NE(NULL, strstr(pto_last_error(), "raise PTO2_RING_DEP_POOL to 8"));
	ASSERT_EQ(0, pto_flow_scope_end(self->flow));
	EXPECT_EQ(-ENOBUFS, submit(self->flow, NOOP, &t, PTO_IN));
	EXPECT_NE(NULL, strstr(pto_last_error(), "no room for a dependency"));
	EXPECT_EQ(-ENOBUFS, pto_flow_finish(self->flow));
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

/* A record that is not what pto_tensor_init() makes is not allocated as it says. */
TEST_F(flow, a_buffer_of_another_size)
{
	struct pto_tensor t;

	ASSERT_EQ(0, start(self));
	pto_tensor_init(&t, NULL, SHAPE(100), 1, PTO_INT32);
	t.size = 399;
	EXPECT_EQ(-EINVAL, submit(self->flow, NOOP, &t, PTO_OUT));
	EXPECT_NE(NULL, strstr(pto_last_error(), "task 0, tensor 0: a tensor that has no address yet: its size is 399 bytes, and its elements need 400"))
		TH_LOG("%s", pto_last_error());
	pto_tensor_init(&t, NULL, SHAPE(1, 1), 2, PTO_INT32);
	t.shapes[0] = t.raw_shapes[0] = t.shapes[1] = t.raw_shapes[1] = 1u << 31;
	t.size = 0;
	EXPECT_EQ(-EINVAL, submit(self->flow, NOOP, &t, PTO_OUT));
	EXPECT_NE(NULL, strstr(pto_last_error(), "more than 2^63 bytes"));
	EXPECT_EQ(0, pto_flow_finish(self->flow));
}

TEST_F(flow, a_crash_ends_the_flow)
{
	int64_t ret = 0;
	int i;

	self->flow_opts.window = 16;
	ASSERT_EQ(0, start(self));
	for (i = 0; i < 20; i++)
		ASSERT_EQ(i, submit(self->flow, NOOP, NULL, 0));
	ASSERT_EQ(20, submit(self->flow, CRASH, NULL, 0));
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

/* Also where the worker's thread comes only then. */
TEST_F(flow, no_kernel_runs_after_a_failure)
{
	atomic_ulong *ran = (void *)self->buffer;
	unsigned long before;
	int i, n;

	if (!in_place())
		SKIP(return, "other cores finish what they have begun");
	self->opts.aicpu_threads = 1;
	for (n = 0; n < 20; n++) {
		ASSERT_EQ(0, start(self));
		ASSERT_LE(-ECANCELED, submit(self->flow, CRASH, NULL, 0));
		for (i = 0; i < 1000000 && submit_scalar(self->flow, COUNT, ran) >= 0; i++)
			;
		before = atomic_load(ran);
		ASSERT_EQ(-EIO, pto_flow_finish(self->flow));
		ASSERT_EQ(before, atomic_load(ran));
	}
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
	/* Whoever runs them. */
	self->flow_opts.window = 0;
	ASSERT_EQ(0, start(self));
	for (i = 0; i < 5000; i++)
		ASSERT_EQ(i, submit(self->flow, NOOP, NULL, 0));
	ASSERT_EQ(0, pto_flow_finish(self->flow));
	EXPECT_EQ(5000, pto_profile_read(self->graph, NULL, 0));
}

TEST_HARNESS_MAIN
