// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Launches that go wrong, and what is left of the library after them. */
#include "kselftest_harness.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib_test.h"

static int threads_now(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n - 2;
}

/* A thread that was joined may be listed for a moment longer. */
static bool threads_settle(int want)
{
	double end = seconds(CLOCK_MONOTONIC) + 5;

	while (threads_now() > want)
		if (seconds(CLOCK_MONOTONIC) > end)
			return false;
	return true;
}

FIXTURE(launch)
{
	struct pto_device *dev;
	struct pto_program *noop, *crash, *spin;
	struct pto_graph *graph;
	struct pto_launch_opts o;
	int threads;
};

FIXTURE_VARIANT(launch)
{
	uint64_t how;
	int error;
	const char *text;
};

FIXTURE_SETUP(launch)
{
	self->threads = threads_now();
	ASSERT_EQ(0, pto_device_open(NULL, &self->dev));
	self->noop = load_kernel(self->dev, "noop");
	self->crash = load_kernel(self->dev, "crash");
	self->spin = load_kernel(self->dev, "spin");
	ASSERT_TRUE(self->noop && self->crash && self->spin) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_graph_create(self->dev, &self->graph));
	self->o = (struct pto_launch_opts){ .size = sizeof(self->o), .block_dim = 2,
					    .aicpu_threads = 2 };
}

FIXTURE_TEARDOWN(launch)
{
	EXPECT_EQ(0, pto_graph_destroy(self->graph));
	pto_program_unload(self->noop);
	pto_program_unload(self->crash);
	pto_program_unload(self->spin);
	pto_device_close(self->dev);
	/* Two launches each gave up a thread that nothing can make leave. */
	if (!SANITIZED)
		EXPECT_TRUE(threads_settle(self->threads + (variant->how == 6 ? 2 : 0)));
}

/* A healthy graph of another kind still runs on the same device. */
static int good_run(struct pto_device *dev, struct pto_program *noop)
{
	struct pto_launch_opts o = { .size = sizeof(o), .block_dim = 24, .aicpu_threads = 2 };
	struct pto_graph *g;
	int i, ret;

	ret = pto_graph_create(dev, &g);
	if (ret)
		return ret;
	ret = pto_graph_set_kernel(g, 0, noop);
	for (i = 0; i < 200 && ret >= 0; i++) {
		ret = pto_graph_add_task(g, 0, i % 2, NULL, 0);
		if (i > 2 && ret >= 0)
			ret = pto_graph_add_edge(g, i - 2, i);
	}
	if (ret >= 0)
		ret = pto_graph_launch(g, &o);
	pto_graph_destroy(g);
	return ret;
}

FIXTURE_VARIANT_ADD(launch, divides_by_zero) { 1, -EIO, "SIGFPE" };
FIXTURE_VARIANT_ADD(launch, writes_to_null) { 2, -EIO, "address 0" };
FIXTURE_VARIANT_ADD(launch, aborts) { 3, -EIO, "SIGABRT" };
FIXTURE_VARIANT_ADD(launch, overflows_its_stack) { 4, -EIO, "SIGSEGV" };
FIXTURE_VARIANT_ADD(launch, never_returns) { 5, -ETIMEDOUT, "did not return" };
FIXTURE_VARIANT_ADD(launch, sleeps_for_ever) { 6, -ETIMEDOUT, "did not return" };
FIXTURE_VARIANT_ADD(launch, runs_into_a_trap) { 7, -EIO, "SIGILL" };

TEST_F(launch, a_kernel_that)
{
	uint64_t good = 0, bad = variant->how;
	int i;

#ifdef __SANITIZE_THREAD__
	if (bad == 5 || bad == 6 || bad == 4)
		SKIP(return, "ThreadSanitizer defers signals, and owns the stack");
#endif
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 3, self->crash));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(i, pto_graph_add_task(self->graph, 3, i % 2, i == 4 ? &bad : &good, 1));
		if (i)
			ASSERT_EQ(0, pto_graph_add_edge(self->graph, i - 1, i));
	}
	/* The others end by themselves, however slow the machine is. */
	if (variant->error == -ETIMEDOUT)
		self->o.task_timeout_ms = 100;
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(variant->error, pto_graph_launch(self->graph, &self->o));
		EXPECT_NE(NULL, strstr(pto_last_error(), variant->text))
			TH_LOG("%s", pto_last_error());
		EXPECT_NE(NULL, strstr(pto_last_error(), "task 4 (func_id 3) on AIC core"))
			TH_LOG("%s", pto_last_error());
		EXPECT_EQ(0, good_run(self->dev, self->noop)) TH_LOG("%s", pto_last_error());
	}
}

FIXTURE(timing)
{
	struct pto_device *dev;
	struct pto_program *noop, *spin;
	struct pto_graph *graph;
	struct pto_launch_opts o;
	uint64_t *flag;
};

FIXTURE_SETUP(timing)
{
	uint64_t arg;

	ASSERT_EQ(0, pto_device_open(NULL, &self->dev));
	self->noop = load_kernel(self->dev, "noop");
	self->spin = load_kernel(self->dev, "spin");
	ASSERT_TRUE(self->noop && self->spin) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_graph_create(self->dev, &self->graph));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 0, self->spin));
	ASSERT_EQ(0, pto_mem_alloc(self->dev, 8, (void **)&self->flag));
	*self->flag = 0;
	arg = (uintptr_t)self->flag;
	ASSERT_EQ(0, pto_graph_add_task(self->graph, 0, PTO_AIV, &arg, 1));
	ASSERT_EQ(1, pto_graph_add_task(self->graph, 0, PTO_AIC, &arg, 1));
	self->o = (struct pto_launch_opts){ .size = sizeof(self->o), .block_dim = 2,
					    .aicpu_threads = 2 };
}

FIXTURE_TEARDOWN(timing)
{
	EXPECT_EQ(0, pto_graph_destroy(self->graph));
	EXPECT_EQ(0, pto_mem_free(self->dev, self->flag));
	pto_program_unload(self->noop);
	pto_program_unload(self->spin);
	pto_device_close(self->dev);
}

TEST_F(timing, async_ends)
{
	struct pto_launch *l;
	struct pollfd pfd = { .events = POLLIN };

	ASSERT_EQ(0, pto_graph_launch_async(self->graph, &self->o, &l));
	EXPECT_EQ(-EINPROGRESS, pto_launch_wait(l, 0));
	EXPECT_EQ(-EBUSY, pto_graph_launch(self->graph, &self->o));
	EXPECT_EQ(-EBUSY, pto_graph_destroy(self->graph));
	EXPECT_EQ(-EINVAL, pto_launch_wait(l, -1));
	__atomic_store_n(self->flag, 1, __ATOMIC_RELAXED);
	pfd.fd = pto_launch_fd(l);
	EXPECT_EQ(1, poll(&pfd, 1, 10000));
	EXPECT_EQ(0, pto_launch_wait(l, 0));
	EXPECT_EQ(0, pto_launch_wait(l, 0));
	pto_launch_cancel(l);
	pto_launch_free(l);
	EXPECT_EQ(0, pto_graph_launch(self->graph, &self->o));
}

TEST_F(timing, cancel)
{
	struct pto_launch *l;

#ifdef __SANITIZE_THREAD__
	SKIP(return, "ThreadSanitizer defers the signal that leaves a kernel");
#endif
	ASSERT_EQ(0, pto_graph_launch_async(self->graph, &self->o, &l));
	EXPECT_EQ(-EINPROGRESS, pto_launch_wait(l, 10));
	pto_launch_cancel(l);
	EXPECT_EQ(-ECANCELED, pto_launch_wait(l, 10000));
	EXPECT_NE(NULL, strstr(pto_last_error(), "cancelled"));
	pto_launch_free(l);
	/* Free alone cancels as well. */
	ASSERT_EQ(0, pto_graph_launch_async(self->graph, &self->o, &l));
	pto_launch_free(l);
	EXPECT_EQ(0, good_run(self->dev, self->noop));
}

TEST_F(timing, launch_budget)
{
#ifdef __SANITIZE_THREAD__
	SKIP(return, "ThreadSanitizer defers the signal that leaves a kernel");
#endif
	self->o.timeout_ms = 50;
	EXPECT_EQ(-ETIME, pto_graph_launch(self->graph, &self->o));
	EXPECT_NE(NULL, strstr(pto_last_error(), "50 ms"));
	*self->flag = 1;
	self->o.timeout_ms = SLOW ? 5000 : 50;
	EXPECT_EQ(0, pto_graph_launch(self->graph, &self->o));
}

TEST_F(timing, launches_take_turns)
{
	struct pto_launch *l;
	struct pto_graph *other;
	struct pto_launch_opts o = self->o;

	ASSERT_EQ(0, pto_graph_create(self->dev, &other));
	ASSERT_EQ(0, pto_graph_set_kernel(other, 0, self->noop));
	ASSERT_EQ(0, pto_graph_add_task(other, 0, PTO_AIC, NULL, 0));
	ASSERT_EQ(0, pto_graph_launch_async(self->graph, &self->o, &l));
	EXPECT_EQ(-EINPROGRESS, pto_launch_wait(l, 5));
	o.timeout_ms = 30;
	EXPECT_EQ(-ETIME, pto_graph_launch(other, &o));
	EXPECT_NE(NULL, strstr(pto_last_error(), "other launches"));
	__atomic_store_n(self->flag, 1, __ATOMIC_RELAXED);
	EXPECT_EQ(0, pto_graph_launch(other, NULL));
	EXPECT_EQ(0, pto_launch_wait(l, 10000));
	pto_launch_free(l);
	EXPECT_EQ(0, pto_graph_destroy(other));
}

TEST_F(timing, a_forked_child_is_refused_and_can_open_its_own)
{
	int status;
	pid_t pid;

#ifdef __SANITIZE_THREAD__
	SKIP(return, "ThreadSanitizer allows no threads after fork()");
#endif
	*self->flag = 1;
	ASSERT_EQ(0, pto_graph_launch(self->graph, &self->o));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct pto_device *dev;
		struct pto_program *noop;
		void *p;
		int bad = 0;

		bad |= pto_graph_launch(self->graph, &self->o) != -EPERM;
		bad |= !strstr(pto_last_error(), "fork");
		bad |= pto_mem_alloc(self->dev, 64, &p) != -EPERM;
		bad |= pto_graph_destroy(self->graph) != -EPERM;
		bad |= pto_device_open(NULL, &dev) != 0;
		noop = load_kernel(dev, "noop");
		bad |= !noop || good_run(dev, noop) != 0;
		pto_program_unload(noop);
		pto_device_close(dev);
		_exit(bad);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, pto_graph_launch(self->graph, &self->o));
}

static int one_task(struct pto_device *dev, struct pto_program *noop, struct pto_graph **g)
{
	int ret = pto_graph_create(dev, g);

	if (!ret)
		ret = pto_graph_set_kernel(*g, 0, noop);
	return ret ? ret : pto_graph_add_task(*g, 0, PTO_AIC, NULL, 0);
}

TEST_F(timing, no_growth_over_launches)
{
	const int many = SLOWER ? 1000 : SLOW ? 5000 : 100000, graphs = SLOWER ? 300 : 2000;
	double end = seconds(CLOCK_MONOTONIC) + 1;
	struct pto_graph *g;
	long before;
	int i;

	ASSERT_EQ(0, one_task(self->dev, self->noop, &g));
	/* By then threads have found out where they are. */
	while (seconds(CLOCK_MONOTONIC) < end)
		ASSERT_EQ(0, pto_graph_launch(g, &self->o));
	before = rss_kib();
	for (i = 0; i < many; i++)
		ASSERT_EQ(0, pto_graph_launch(g, &self->o));
	if (!SANITIZED)
		EXPECT_LE(rss_kib() - before, 256);
	ASSERT_EQ(0, pto_graph_destroy(g));
	/* Nor over graphs. */
	for (i = 0; i < graphs; i++) {
		ASSERT_EQ(0, one_task(self->dev, self->noop, &g));
		ASSERT_EQ(0, pto_graph_launch(g, &self->o));
		ASSERT_EQ(0, pto_graph_destroy(g));
		if (i == 100)
			before = rss_kib();
	}
	if (!SANITIZED)
		EXPECT_LE(rss_kib() - before, 256);
}

TEST_F(timing, an_idle_device_sleeps)
{
	struct timespec five = { .tv_sec = 5 };
	double used;

	if (SANITIZED)
		SKIP(return, "a sanitizer's own thread uses the CPU");
	/* Opened, but never launched on. What a launch leaves behind goes to sleep in a second. */
	*self->flag = 1;
	ASSERT_EQ(0, pto_graph_launch(self->graph, &self->o));
	sleep(2);
	used = seconds(CLOCK_PROCESS_CPUTIME_ID);
	nanosleep(&five, NULL);
	used = seconds(CLOCK_PROCESS_CPUTIME_ID) - used;
	/* Under emulation this call alone, and reading the clock, take about that. */
	EXPECT_GT(SLOW ? 0.01 : 0.001, used) TH_LOG("%g s of CPU", used);
}

struct hammer {
	struct pto_device *dev;
	struct pto_program *noop;
	int ret;
};

static void *hammer(void *arg)
{
	struct hammer *h = arg;
	int i;

	for (i = 0; i < 50 && !h->ret; i++)
		h->ret = good_run(h->dev, h->noop);
	return NULL;
}

TEST_F(timing, many_threads_launch)
{
	struct hammer h[4];
	pthread_t t[4];
	int i;

	for (i = 0; i < 4; i++) {
		h[i] = (struct hammer){ self->dev, self->noop, 0 };
		ASSERT_EQ(0, pthread_create(&t[i], NULL, hammer, &h[i]));
	}
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		EXPECT_EQ(0, h[i].ret);
	}
}

TEST_F(timing, programs_come_along)
{
	char path[600], exe[512];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	static char aicpu[1 << 21], aicore[1 << 21];
	int fd;

	ASSERT_LT(0, n);
	exe[n] = 0;
	snprintf(path, sizeof(path), "%s/../aicpu.so", dirname(exe));
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	self->o.aicpu_size = read(fd, aicpu, sizeof(aicpu));
	close(fd);
	snprintf(path, sizeof(path), "%s/../aicore.so", exe);
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	self->o.aicore_size = read(fd, aicore, sizeof(aicore));
	close(fd);
	self->o.aicpu = aicpu;
	self->o.aicore = aicore;
	*self->flag = 1;
	for (n = 0; n < 3; n++)
		EXPECT_EQ(0, pto_graph_launch(self->graph, &self->o))
			TH_LOG("%s", pto_last_error());
	/* The one is not the other. */
	self->o.aicpu = aicore;
	self->o.aicpu_size = self->o.aicore_size;
	EXPECT_EQ(-ENOEXEC, pto_graph_launch(self->graph, &self->o));
	EXPECT_NE(NULL, strstr(pto_last_error(), "pto_aicpu_program"));
}

TEST_HARNESS_MAIN
