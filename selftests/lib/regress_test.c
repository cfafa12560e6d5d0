// SPDX-License-Identifier: MIT OR LGPL-2.1
/* What has gone wrong once: faults that were lost, waits without end, work in one thread. */
#include "base/error.h"
#include "emulator/guard.h"

#include "kselftest_harness.h"

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>

#include "lib_test.h"

/* What selftests/lib/images/crash.c is told to do. */
enum { FINE, WRITE_TO_NULL = 2, SLEEP_FOR_EVER = 6 };

/* ---- threads that can not be started ------------------------------------ */

/* How many threads may still be started; below 0: any number. */
static atomic_int threads_left = -1;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*main)(void *arg), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*main)(void *arg), void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*main)(void *arg), void *arg)
{
	int left = threads_left;

	while (left > 0 && !atomic_compare_exchange_weak(&threads_left, &left, left - 1))
		;
	if (!left)
		return EAGAIN;
	return __real_pthread_create(thread, attr, main, arg);
}

/* There is no room for one more thread that runs kernels. */
static atomic_bool too_many;

int __real_emu_watch_thread(struct emulator *emu, struct emu_thread *t);
int __wrap_emu_watch_thread(struct emulator *emu, struct emu_thread *t);

int __wrap_emu_watch_thread(struct emulator *emu, struct emu_thread *t)
{
	return too_many ? fail(-EAGAIN, "too many threads") : __real_emu_watch_thread(emu, t);
}

/* ---- one device, one graph ---------------------------------------------- */

FIXTURE(regress)
{
	struct pto_device *dev;
	struct pto_program *noop, *crash, *spin, *busy;
	struct pto_graph *graph;
	struct pto_launch_opts o;
	struct pto_device_info info;
	int64_t *word;
};

FIXTURE_SETUP(regress)
{
	self->info.size = sizeof(self->info);
	ASSERT_EQ(0, pto_device_open(NULL, &self->dev));
	ASSERT_EQ(0, pto_device_query(self->dev, &self->info));
	self->noop = load_kernel(self->dev, "noop");
	self->crash = load_kernel(self->dev, "crash");
	self->spin = load_kernel(self->dev, "spin");
	self->busy = load_kernel(self->dev, "busy");
	ASSERT_TRUE(self->noop && self->crash && self->spin && self->busy)
		TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_graph_create(self->dev, &self->graph));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 0, self->noop));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 1, self->crash));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 2, self->spin));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 3, self->busy));
	ASSERT_EQ(0, pto_mem_alloc(self->dev, 64, (void **)&self->word));
	*self->word = 0;
	self->o = (struct pto_launch_opts){ .size = sizeof(self->o), .block_dim = 1,
					    .aicpu_threads = 1 };
}

FIXTURE_TEARDOWN(regress)
{
	EXPECT_EQ(0, pto_graph_destroy(self->graph));
	EXPECT_EQ(0, pto_mem_free(self->dev, self->word));
	pto_program_unload(self->noop);
	pto_program_unload(self->crash);
	pto_program_unload(self->spin);
	pto_program_unload(self->busy);
	pto_device_close(self->dev);
}

static int add_noop(struct pto_graph *g)
{
	return pto_graph_add_task(g, 0, PTO_AIC, NULL, 0);
}

/* A graph of one task, and of no kernel that could hang. */
static int healthy_graph(struct pto_device *dev, struct pto_program *noop, struct pto_graph **g)
{
	int ret = pto_graph_create(dev, g);

	if (!ret)
		ret = pto_graph_set_kernel(*g, 0, noop);
	return ret ? ret : add_noop(*g);
}

static int add_crash(struct pto_graph *g, uint64_t how)
{
	return pto_graph_add_task(g, 1, PTO_AIC, &how, 1);
}

/* It ends when *@word is not 0. */
static int add_spin(struct pto_graph *g, int64_t *word)
{
	uint64_t arg = (uintptr_t)word;

	return pto_graph_add_task(g, 2, PTO_AIC, &arg, 1);
}

static int add_busy(struct pto_graph *g, int64_t *count, uint64_t us)
{
	uint64_t args[] = { (uintptr_t)count, us };

	return pto_graph_add_task(g, 3, PTO_AIC, args, 2);
}

static void set(int64_t *word)
{
	__atomic_store_n(word, 1, __ATOMIC_RELAXED);
}

/* ---- faults ------------------------------------------------------------- */

TEST_F(regress, a_fault_is_never_a_completion)
{
	double end = seconds(CLOCK_MONOTONIC) + 2;
	int i, lost = 0;

	/* All wait for the same core. */
	ASSERT_EQ(0, add_crash(self->graph, WRITE_TO_NULL));
	for (i = 1; i <= 4; i++)
		ASSERT_EQ(i, add_noop(self->graph));
	for (i = 0; i < 100000 && seconds(CLOCK_MONOTONIC) < end; i++)
		lost += pto_graph_launch(self->graph, &self->o) != -EIO;
	EXPECT_EQ(0, lost) TH_LOG("of %d launches", i);
}

TEST_F(regress, nothing_behind_a_fault_on_a_stream)
{
	double end = seconds(CLOCK_MONOTONIC) + 1.5;
	int32_t *behind = (int32_t *)self->word + 1;
	struct pto_stream *s;
	int64_t bad, last;
	int i, k;

	if (on_driver(self->dev))
		SKIP(return, "the driver refuses host memory that is not there");
	for (i = 0; i < 20000 && seconds(CLOCK_MONOTONIC) < end; i++) {
		ASSERT_EQ(0, pto_stream_create(self->dev, &s));
		bad = pto_stream_write(s, self->word, (void *)16, 4);
		ASSERT_LT(0, bad);
		/* They meet the fault at any time: none may pass it. */
		for (k = 0, last = 1; k < 50 && (last > 0 || last == -EBUSY); k++)
			last = pto_stream_fill(s, behind, 7, 4);
		EXPECT_TRUE(last > 0 || last == -EBUSY || last == -EIO);
		EXPECT_EQ(-EIO, pto_stream_wait(s, bad, 10000));
		EXPECT_EQ(-EIO, pto_stream_fill(s, behind, 7, 4));
		pto_stream_destroy(s);
		ASSERT_EQ(0, *behind) TH_LOG("in round %d", i);
	}
}

/* ---- the watchdog, and threads that are given up ------------------------ */

TEST_F(regress, profile_of_a_launch_that_gave_up_a_thread)
{
	struct pto_graph *good;

#ifdef __SANITIZE_THREAD__
	SKIP(return, "ThreadSanitizer defers the signal that leaves a kernel");
#endif
	ASSERT_EQ(0, add_crash(self->graph, SLEEP_FOR_EVER));
	self->o.flags = PTO_LAUNCH_PROFILE;
	self->o.task_timeout_ms = 50;
	EXPECT_EQ(-ETIMEDOUT, pto_graph_launch(self->graph, &self->o));
	EXPECT_LE(0, pto_profile_read(self->graph, NULL, 0));
	ASSERT_EQ(0, healthy_graph(self->dev, self->noop, &good));
	EXPECT_EQ(0, pto_graph_launch(good, &self->o));
	EXPECT_EQ(1, pto_profile_read(good, NULL, 0));
	EXPECT_EQ(0, pto_graph_destroy(good));
}

/* The second launch is long over the time of a kernel if that of the first counts. */
TEST_F(regress, a_long_task_after_one_that_was_left)
{
	struct pto_launch *l;

#ifdef __SANITIZE_THREAD__
	SKIP(return, "ThreadSanitizer defers the signal that leaves a kernel");
#endif
	ASSERT_EQ(0, add_spin(self->graph, self->word));
	self->o.task_timeout_ms = 800;
	EXPECT_EQ(-ETIMEDOUT, pto_graph_launch(self->graph, &self->o));
	self->o.task_timeout_ms = 1200;
	ASSERT_EQ(0, pto_graph_launch_async(self->graph, &self->o, &l));
	EXPECT_EQ(-EINPROGRESS, pto_launch_wait(l, 700));
	set(self->word);
	EXPECT_EQ(0, pto_launch_wait(l, 10000)) TH_LOG("%s", pto_last_error());
	pto_launch_free(l);
}

/* Not even of kernels that run on the calling thread: somebody must watch them. */
TEST_F(regress, no_launch_without_threads)
{
	struct pto_launch *l;
	struct pto_graph *g;
	int i, ret = -EAGAIN;

	ASSERT_EQ(0, healthy_graph(self->dev, self->noop, &g));
	threads_left = 0;
	EXPECT_EQ(-EAGAIN, pto_graph_launch_async(g, &self->o, &l));
	EXPECT_EQ(-EAGAIN, pto_graph_launch(g, &self->o));
	EXPECT_NE(NULL, strstr(pto_last_error(), "thread")) TH_LOG("%s", pto_last_error());
	/* What a launch has started the next one need not. */
	for (i = 0; i < 20 && ret; i++) {
		threads_left = 1;
		ret = pto_graph_launch(g, &self->o);
		EXPECT_TRUE(!ret || ret == -EAGAIN) TH_LOG("%d: %s", ret, pto_last_error());
	}
	EXPECT_EQ(0, ret);
	threads_left = -1;
	EXPECT_EQ(0, pto_graph_launch(g, &self->o));
	EXPECT_EQ(0, pto_graph_destroy(g));
}

/* Submit @n tasks, or as many as it takes; what the flow has come to. */
static int flow_of(struct pto_flow *flow, int n)
{
	struct pto_task t = { .size = sizeof(t), .kernels = { 0, PTO_NO_KERNEL, PTO_NO_KERNEL } };

	while (n-- && pto_flow_submit(flow, &t) >= 0)
		;
	return pto_flow_finish(flow);
}

TEST_F(regress, no_flow_without_threads)
{
	struct pto_flow *flow;
	int left, ret = -EAGAIN;

	for (left = 0; left < 20 && ret; left++) {
		threads_left = left;
		ret = pto_flow_start(self->graph, &self->o, NULL, &flow);
		if (!ret)
			break;
		EXPECT_EQ(-EAGAIN, ret);
		EXPECT_NE(NULL, strstr(pto_last_error(), "thread")) TH_LOG("%s", pto_last_error());
	}
	threads_left = -1;
	ASSERT_EQ(0, ret);
	EXPECT_LT(1, left);
	EXPECT_EQ(0, flow_of(flow, 1000)) TH_LOG("%s", pto_last_error());
}

/* Neither where who submits could run its tasks, nor where the launch's own thread could. */
TEST_F(regress, no_flow_that_is_not_watched)
{
	struct pto_flow *flow;
	struct pto_graph *g;
	int i;

	ASSERT_EQ(0, pto_graph_create(self->dev, &g));
	ASSERT_EQ(0, pto_graph_set_kernel(g, 0, self->noop));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, pto_flow_start(g, &self->o, NULL, &flow)) TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, flow_of(flow, 1000)) TH_LOG("%s", pto_last_error());
		too_many = true;
		ASSERT_EQ(0, pto_flow_start(g, &self->o, NULL, &flow)) TH_LOG("%s", pto_last_error());
		ASSERT_EQ(-EAGAIN, flow_of(flow, 1 << 20)) TH_LOG("%s", pto_last_error());
		EXPECT_NE(NULL, strstr(pto_last_error(), "too many")) TH_LOG("%s", pto_last_error());
		too_many = false;
	}
	EXPECT_EQ(0, pto_graph_destroy(g));
}

/* A flow does not overtake a launch that was made before it. */
TEST_F(regress, launches_keep_their_order)
{
	struct pto_launch *l;
	struct pto_flow *flow;
	struct pto_graph *g;
	int i;

	ASSERT_EQ(0, healthy_graph(self->dev, self->noop, &g));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, pto_graph_launch_async(g, &self->o, &l));
		ASSERT_EQ(0, pto_flow_start(self->graph, &self->o, NULL, &flow));
		ASSERT_EQ(0, pto_launch_wait(l, 10000)) TH_LOG("%s", pto_last_error());
		pto_launch_free(l);
		ASSERT_EQ(0, flow_of(flow, 10)) TH_LOG("%s", pto_last_error());
	}
	EXPECT_EQ(0, pto_graph_destroy(g));
}

/* ---- what others do meanwhile ------------------------------------------- */

struct often {
	struct pto_graph *graph;
	const struct pto_launch_opts *o;
	atomic_bool *stop;
};

/* One launch right after the other; returns what has failed. */
static void *launch_often(void *arg)
{
	struct often *often = arg;
	long ret = 0;

	while (!ret && !atomic_load(often->stop))
		ret = pto_graph_launch(often->graph, often->o);
	return (void *)ret;
}

TEST_F(regress, nobody_waits_for_ever)
{
	struct often often[3];
	pthread_t thread[ARRAY_SIZE(often)];
	atomic_bool stop = false;
	int64_t before, worst = 0;
	void *ret;
	int i;

	for (i = 0; i < ARRAY_SIZE(often); i++) {
		often[i] = (struct often){ .o = &self->o, .stop = &stop };
		ASSERT_EQ(0, pto_graph_create(self->dev, &often[i].graph));
		ASSERT_EQ(0, pto_graph_set_kernel(often[i].graph, 3, self->busy));
		ASSERT_EQ(0, add_busy(often[i].graph, self->word, 2000));
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, launch_often, &often[i]));
	}
	ASSERT_EQ(0, add_noop(self->graph));
	for (i = 0; i < 30; i++) {
		before = __atomic_load_n(self->word, __ATOMIC_RELAXED);
		EXPECT_EQ(0, pto_graph_launch(self->graph, &self->o));
		worst = max(worst, __atomic_load_n(self->word, __ATOMIC_RELAXED) - before);
	}
	stop = true;
	for (i = 0; i < ARRAY_SIZE(often); i++) {
		ASSERT_EQ(0, pthread_join(thread[i], &ret));
		EXPECT_EQ(NULL, ret);
		EXPECT_EQ(0, pto_graph_destroy(often[i].graph));
	}
	/* What comes after 2 ms comes after others that wait, and some while it got no CPU. */
	EXPECT_GT(50, worst) TH_LOG("%lld launches of others came first", (long long)worst);
}

TEST_F(regress, a_graph_does_not_change_while_launched)
{
	struct pto_launch *l;

	ASSERT_EQ(0, add_spin(self->graph, self->word));
	ASSERT_EQ(1, add_noop(self->graph));
	ASSERT_EQ(0, pto_graph_launch_async(self->graph, &self->o, &l));
	EXPECT_EQ(-EBUSY, add_noop(self->graph));
	EXPECT_NE(NULL, strstr(pto_last_error(), "launched")) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(-EBUSY, pto_graph_add_edge(self->graph, 0, 1));
	EXPECT_EQ(-EBUSY, pto_graph_set_kernel(self->graph, 4, self->noop));
	EXPECT_EQ(2, pto_graph_task_count(self->graph));
	set(self->word);
	EXPECT_EQ(0, pto_launch_wait(l, 10000));
	EXPECT_EQ(0, pto_graph_set_kernel(self->graph, 4, self->noop));
	EXPECT_EQ(2, add_noop(self->graph));
	EXPECT_EQ(0, pto_graph_add_edge(self->graph, 0, 2));
	EXPECT_EQ(0, pto_graph_launch(self->graph, &self->o));
	pto_launch_free(l);
}

TEST_F(regress, a_forked_child_gives_a_launch_back)
{
	struct pto_launch *l;
	int status;
	pid_t pid;

	ASSERT_EQ(0, add_spin(self->graph, self->word));
	ASSERT_EQ(0, pto_graph_launch_async(self->graph, &self->o, &l));
	EXPECT_EQ(-EINPROGRESS, pto_launch_wait(l, 10));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int bad;

		alarm(10);
		pto_launch_cancel(l);
		bad = pto_launch_wait(l, 0) != -EPERM;
		pto_launch_free(l);
		_exit(bad);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* The parent's own goes on. */
	EXPECT_EQ(-EINPROGRESS, pto_launch_wait(l, 0));
	set(self->word);
	EXPECT_EQ(0, pto_launch_wait(l, 10000));
	pto_launch_free(l);
}

/* ---- the end of the process --------------------------------------------- */

#define EXIT_THREADS	12

/* In a child: exits while threads run kernels of a minute. Returns if it can not. */
static void exit_while_launched(void)
{
	struct pto_launch_opts o = { .size = sizeof(o), .block_dim = EXIT_THREADS,
				     .aicpu_threads = EXIT_THREADS,
				     .task_timeout_ms = 100000 };
	struct pto_device *dev;
	struct pto_program *busy;
	struct pto_launch *l;
	struct pto_graph *g;
	int64_t *running;
	int i, cores;

	if (pto_device_open(NULL, &dev) || pto_graph_create(dev, &g) ||
	    pto_mem_alloc(dev, 64, (void **)&running))
		return;
	busy = load_kernel(dev, "busy");
	if (!busy || pto_graph_set_kernel(g, 3, busy))
		return;
	*running = 0;
	for (i = 0; i < EXIT_THREADS; i++)
		if (add_busy(g, running, 60000000) != i)
			return;
	if (pto_graph_launch_async(g, &o, &l))
		return;
	/* The emulator's threads are as many as it finds CPUs, but two at least. */
	cores = getenv("PTO_EMULATOR") && !strcmp(getenv("PTO_EMULATOR"), "threads") ?
		2 : EXIT_THREADS;
	while (__atomic_load_n(running, __ATOMIC_RELAXED) < cores)
		sched_yield();
	exit(0);
}

static void *allocate_until_told(void *arg)
{
	FIXTURE_DATA(regress) *self = arg;
	void *ptr;

	while (!__atomic_load_n(self->word, __ATOMIC_RELAXED))
		if (pto_mem_alloc(self->dev, 64, &ptr) || pto_mem_free(self->dev, ptr))
			break;
	return NULL;
}

/* Returns 0 if calls that need device memory are refused. */
static int build_in_child(struct pto_graph *g)
{
	static const uint64_t args[100];
	const uint32_t shape[] = { 64 };
	struct pto_tensor t;
	struct pto_access access = { &t, PTO_OUT };
	struct pto_task task = { .size = sizeof(task), .kernels = { PTO_NO_KERNEL, 0, PTO_NO_KERNEL },
				 .naccesses = 1, .accesses = &access };
	int i, ret = 0;

	alarm(30);
	for (i = 0; i < 10000 && ret >= 0; i++)
		ret = pto_graph_add_task(g, 0, PTO_AIV, args, 100);
	pto_tensor_init(&t, NULL, shape, 1, PTO_INT8);
	return (ret != -EPERM) << 0 | (pto_graph_submit(g, &task) != -EPERM) << 1 |
	       (pto_graph_destroy(g) != -EPERM) << 2;
}

TEST_F(regress, a_forked_child_builds_no_graph_of_its_parents)
{
	pthread_t thread;
	int i, status = 0;
	pid_t pid;

	/* What it has taken at the fork() nobody gives back in the child. */
	ASSERT_EQ(0, pthread_create(&thread, NULL, allocate_until_told, self));
	for (i = 0; i < 20 && !status; i++) {
		pid = fork();
		if (!pid)
			_exit(build_in_child(self->graph));
		ASSERT_LT(0, pid);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
	}
	EXPECT_EQ(0, status) TH_LOG("child %d", i);
	__atomic_store_n(self->word, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

TEST(exit_ends_launches_soon)
{
	double start = seconds(CLOCK_MONOTONIC);
	int status;
	pid_t pid;

#ifdef __SANITIZE_THREAD__
	SKIP(return, "ThreadSanitizer defers the signal that leaves a kernel");
#endif
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		alarm(25);
		exit_while_launched();
		_exit(1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_GT(10, seconds(CLOCK_MONOTONIC) - start);
}

/* ---- sharing work ------------------------------------------------------- */

#define FAN_OUT	100

/* How many of the profiled tasks the worker has run that has run fewer. */
static int smaller_share(struct pto_graph *g)
{
	struct pto_profile_task task[FAN_OUT + 1];
	int i, n = pto_profile_read(g, task, FAN_OUT + 1), first = 0;

	for (i = 0; i < n; i++)
		first += task[i].thread == 0;
	return first < n - first ? first : n - first;
}

/* What becomes ready all at once is not run by the worker alone that has made it ready. */
TEST_F(regress, a_fan_out_is_shared)
{
	int i, share = 0;

	if (strcmp(self->info.mode, "inplace"))
		SKIP(return, "only workers that run kernels themselves share them");
	ASSERT_EQ(0, add_busy(self->graph, self->word, 0));
	for (i = 1; i <= FAN_OUT; i++) {
		ASSERT_EQ(i, add_busy(self->graph, self->word, 2000));
		ASSERT_EQ(0, pto_graph_add_edge(self->graph, 0, i));
	}
	self->o.block_dim = 4;
	self->o.aicpu_threads = 2;
	self->o.flags = PTO_LAUNCH_PROFILE;
	/* The CPUs may have other work to do just now. */
	for (i = 0; i < 5 && share < FAN_OUT / 5; i++) {
		ASSERT_EQ(0, pto_graph_launch(self->graph, &self->o));
		share = smaller_share(self->graph);
	}
	EXPECT_LE(FAN_OUT / 5, share) TH_LOG("after %d launches", i);
	EXPECT_EQ((FAN_OUT + 1) * i, *self->word);
}

static void burn_cpu(double s)
{
	double end = seconds(CLOCK_THREAD_CPUTIME_ID) + s;

	while (seconds(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

/* @arg: how long it needs for itself. */
static int calls_back(void *arg)
{
	if (!guard_nest())
		return -1;
	burn_cpu(0.5);
	guard_unnest();
	burn_cpu(*(double *)arg);
	return 7;
}

/* Kernels that run in a call of an orchestration's are not a part of its time. */
TEST(time_in_a_call_is_not_the_callers)
{
#ifdef __SANITIZE_THREAD__
	SKIP(return, "ThreadSanitizer defers the signal that leaves an orchestration");
#endif
	double need = 0.01;
	int ret = 0;

	ASSERT_EQ(0, guard_call(NULL, "it", CLOCK_THREAD_CPUTIME_ID, 200, calls_back, &need, &ret))
		TH_LOG("%s", pto_last_error());
	EXPECT_EQ(7, ret);
	need = 100;
	EXPECT_EQ(-ETIMEDOUT, guard_call(NULL, "it", CLOCK_THREAD_CPUTIME_ID, 200, calls_back,
					 &need, &ret));
}

TEST_HARNESS_MAIN
