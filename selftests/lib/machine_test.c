// SPDX-License-Identifier: MIT OR LGPL-2.1
/* How many threads a launch has, where they run, and that too many of them do no harm. */
#include <limits.h>
#include <sched.h>

#include "kselftest_harness.h"

#include "base/machine.h"
#include "lib_test.h"

#define TASKS	(SANITIZED ? 2000 : 20000)
#define WIDTH	100

/* ---- cgroups ------------------------------------------------------------ */

static int write_text(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	if (!f || fputs(text, f) == EOF)
		return -1;
	return fclose(f);
}

TEST(quota_of_a_cgroup_and_those_above)
{
	char root[] = "/tmp/pto-cgroup-XXXXXX", a[64], b[64], c[80];

	ASSERT_NE(NULL, mkdtemp(root));
	snprintf(a, sizeof(a), "%s/a", root);
	snprintf(b, sizeof(b), "%s/a/b", root);
	snprintf(c, sizeof(c), "%s/a/b/cpu.max", root);
	ASSERT_EQ(0, mkdir(a, 0700));
	ASSERT_EQ(0, mkdir(b, 0700));
	EXPECT_EQ(UINT_MAX, machine_quota(root, "/a/b"));
	ASSERT_EQ(0, write_text(b, "cpu.max", "max 100000\n"));
	EXPECT_EQ(UINT_MAX, machine_quota(root, "/a/b"));
	ASSERT_EQ(0, write_text(a, "cpu.max", "250000 100000\n"));
	EXPECT_EQ(3, machine_quota(root, "/a/b"));
	ASSERT_EQ(0, write_text(b, "cpu.max", "50000 100000\n"));
	EXPECT_EQ(1, machine_quota(root, "/a/b"));
	EXPECT_EQ(3, machine_quota(root, "/a"));
	ASSERT_EQ(0, write_text(root, "cpu.max", "200000 100000\n"));
	EXPECT_EQ(2, machine_quota(root, "/a"));
	EXPECT_EQ(2, machine_quota(root, "/"));
	ASSERT_EQ(0, write_text(root, "cpu.max", "garbage"));
	EXPECT_EQ(3, machine_quota(root, "/a"));
	ASSERT_EQ(0, unlink(c));
	ASSERT_EQ(0, rmdir(b));
	snprintf(c, sizeof(c), "%s/cpu.max", a);
	ASSERT_EQ(0, unlink(c));
	ASSERT_EQ(0, rmdir(a));
	snprintf(c, sizeof(c), "%s/cpu.max", root);
	ASSERT_EQ(0, unlink(c));
	ASSERT_EQ(0, rmdir(root));
}

/* ---- cores and memory nodes --------------------------------------------- */

static int stay_on(int cpus)
{
	cpu_set_t set;
	int i;

	CPU_ZERO(&set);
	for (i = 0; i < cpus; i++)
		CPU_SET(i, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

static int cpus_now(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? -1 : CPU_COUNT(&set);
}

FIXTURE(machine) {
};

/* Each test is a process of its own. CPUs 0 and 1 are in all of these machines. */
FIXTURE_SETUP(machine)
{
	if (stay_on(2) || cpus_now() != 2 || machine_cpus() != 2)
		SKIP(exit(KSFT_SKIP), "not for two CPUs: there are fewer, or a quota");
}

FIXTURE_TEARDOWN(machine)
{
}

TEST_F(machine, nodes_get_as_many_threads_as_they_have_cores)
{
	cpu_set_t set;

	setenv("HWLOC_SYNTHETIC", "node:2 core:1 pu:1", 1);
	ASSERT_TRUE(machine_place(0, 1, 2, 0));
	ASSERT_EQ(0, sched_getaffinity(0, sizeof(set), &set));
	EXPECT_EQ(1, CPU_COUNT(&set));
	EXPECT_TRUE(CPU_ISSET(1, &set));
	/* The one that the first thread is on comes first. */
	ASSERT_EQ(0, stay_on(2));
	EXPECT_EQ(2, machine_cores());
	ASSERT_TRUE(machine_place(0, 1, 2, 1));
	ASSERT_EQ(0, sched_getaffinity(0, sizeof(set), &set));
	EXPECT_EQ(1, CPU_COUNT(&set));
	EXPECT_TRUE(CPU_ISSET(0, &set));
}

TEST_F(machine, threads_that_a_node_has_room_for_are_left_alone)
{
	setenv("HWLOC_SYNTHETIC", "node:2 core:2 pu:1", 1);
	ASSERT_TRUE(machine_place(0, 1, 2, 0));
	EXPECT_EQ(2, cpus_now());
	EXPECT_EQ(2, machine_cores());
}

TEST_F(machine, and_so_are_more_than_there_are_cores)
{
	setenv("HWLOC_SYNTHETIC", "node:2 core:1 pu:1", 1);
	ASSERT_TRUE(machine_place(0, 2, 3, 0));
	EXPECT_EQ(2, cpus_now());
}

TEST_F(machine, one_node_needs_no_places)
{
	setenv("HWLOC_SYNTHETIC", "node:1 core:2 pu:1", 1);
	ASSERT_TRUE(machine_place(0, 1, 2, 0));
	EXPECT_EQ(2, cpus_now());
}

TEST_F(machine, leave_a_cpu)
{
	int i, here, left = 0;

	for (i = 0; i < 100; i++) {
		here = machine_here();
		machine_leave(1 - here);
		machine_leave(here);
		/* The kernel may have moved it back. */
		left += machine_here() != here;
		ASSERT_EQ(2, cpus_now());
	}
	EXPECT_LT(50, left);
	/* Where there is no other, one stays. */
	ASSERT_EQ(0, stay_on(1));
	machine_leave(0);
	EXPECT_EQ(0, machine_here());
	EXPECT_EQ(1, cpus_now());
}

TEST_F(machine, threads_of_a_core_count_once)
{
	setenv("HWLOC_SYNTHETIC", "node:2 core:2 pu:2", 1);
	EXPECT_EQ(2, machine_cores());
	ASSERT_TRUE(machine_place(0, 0, 1, 0));
	EXPECT_EQ(1, machine_cores());
	EXPECT_EQ(2, machine_cpus());
}

TEST_F(machine, what_hwloc_can_not_read_is_a_machine_without_any_of_it)
{
	setenv("HWLOC_SYNTHETIC", "nonsense", 1);
	setenv("HWLOC_COMPONENTS", "stop", 1);
	ASSERT_TRUE(machine_place(0, 1, 2, 0));
	EXPECT_EQ(2, machine_cores());
	EXPECT_EQ(2, cpus_now());
}

/* ---- launches ----------------------------------------------------------- */

FIXTURE(workers)
{
	struct pto_device *dev;
	struct pto_program *noop;
	struct pto_graph *graph;
	struct pto_launch_opts opts;
};

/* Each task depends on two in the layer before. */
static int add_tasks(struct pto_graph *g, int kernel, int tasks)
{
	int i, layer, ret = 0, first = pto_graph_task_count(g);

	for (i = 0; i < tasks && ret >= 0; i++) {
		ret = pto_graph_add_task(g, kernel, PTO_AIV, NULL, 0);
		layer = i / WIDTH * WIDTH - WIDTH;
		if (layer >= 0 && ret >= 0)
			ret = pto_graph_add_edge(g, first + layer + i % WIDTH, first + i) ?:
			      pto_graph_add_edge(g, first + layer + (i + 1) % WIDTH, first + i);
	}
	return ret < 0 ? ret : 0;
}

FIXTURE_SETUP(workers)
{
	ASSERT_EQ(0, pto_device_open("embedded", &self->dev));
	self->noop = load_kernel(self->dev, "noop");
	ASSERT_NE(NULL, self->noop);
	ASSERT_EQ(0, pto_graph_create(self->dev, &self->graph));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 0, self->noop));
	ASSERT_EQ(0, add_tasks(self->graph, 0, TASKS));
	self->opts = (struct pto_launch_opts){ .size = sizeof(self->opts), .block_dim = 24 };
}

FIXTURE_TEARDOWN(workers)
{
	EXPECT_EQ(0, pto_graph_destroy(self->graph));
	pto_program_unload(self->noop);
	pto_device_close(self->dev);
}

/* Launch, and say how many scheduler threads that had. */
static int launch(FIXTURE_DATA(workers) *self, struct pto_graph *g)
{
	struct pto_device_info info = { .size = sizeof(info) };
	int ret = pto_graph_launch(g, &self->opts) ?: pto_device_query(self->dev, &info);

	return ret ? ret : (int)info.aicpu_threads;
}

static bool in_place(FIXTURE_DATA(workers) *self)
{
	struct pto_device_info info = { .size = sizeof(info) };

	return !pto_device_query(self->dev, &info) && !strcmp(info.mode, "inplace");
}

TEST_F(workers, are_as_many_as_are_of_use)
{
	struct pto_device_info info = { .size = sizeof(info) };
	struct pto_graph *one;
	int all = machine_cpus() < 24 ? machine_cpus() : 24;

	ASSERT_EQ(0, pto_device_query(self->dev, &info));
	EXPECT_EQ(0, info.aicpu_threads);
	ASSERT_EQ(0, pto_graph_create(self->dev, &one));
	ASSERT_EQ(0, pto_graph_set_kernel(one, 0, self->noop));
	ASSERT_EQ(0, pto_graph_add_task(one, 0, PTO_AIV, NULL, 0));
	EXPECT_EQ(1, launch(self, one));
	EXPECT_EQ(in_place(self) ? all : 1, launch(self, self->graph));
	EXPECT_EQ(1, launch(self, one));
	self->opts.block_dim = 1;
	EXPECT_EQ(1, launch(self, self->graph));
	self->opts.block_dim = 24;
	self->opts.aicpu_threads = 3;
	EXPECT_EQ(3, launch(self, self->graph));
	self->opts.block_dim = 2;
	EXPECT_EQ(2, launch(self, self->graph));
	self->opts.aicpu_threads = -1;
	EXPECT_EQ(-EINVAL, launch(self, self->graph));
	EXPECT_EQ(0, pto_graph_destroy(one));
}

TEST_F(workers, are_no_more_than_cpus_that_the_process_may_use)
{
	ASSERT_EQ(0, stay_on(1));
	EXPECT_EQ(1, launch(self, self->graph));
}

/* Once hwloc has been asked, which is not in anybody's way. */
TEST_F(workers, are_not_counted_for_threads_of_a_core)
{
	double end = seconds(CLOCK_MONOTONIC) + 20;

	if (!in_place(self))
		SKIP(return, "one thread schedules");
	setenv("HWLOC_SYNTHETIC", "node:1 core:1 pu:2", 1);
	if (stay_on(2) || machine_cpus() != 2)
		SKIP(return, "there are fewer than two CPUs");
	EXPECT_EQ(2, launch(self, self->graph));
	while (launch(self, self->graph) != 1 && seconds(CLOCK_MONOTONIC) < end)
		;
	EXPECT_EQ(1, launch(self, self->graph));
}

/* ---- more threads than CPUs --------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* What a launch takes: the median of several. */
static double median(FIXTURE_DATA(workers) *self, int threads)
{
	double took[9];
	int i;

	self->opts.aicpu_threads = threads;
	launch(self, self->graph);
	for (i = 0; i < 9; i++) {
		took[i] = seconds(CLOCK_MONOTONIC);
		launch(self, self->graph);
		took[i] = seconds(CLOCK_MONOTONIC) - took[i];
	}
	qsort(took, 9, sizeof(took[0]), by_size);
	return took[4];
}

/*
 * Tasks of about 1 us, and more threads than CPUs to do them: may take twice as long as one
 * thread does, and five times where all tasks go through other threads. (One that held up others
 * while it has no CPU would make that hundreds of times.) A sanitizer's graphs are so small that
 * it is the waking that counts.
 */
static void crowd(struct __test_metadata *_metadata, FIXTURE_DATA(workers) *self, int threads,
		  unsigned int cpus)
{
	struct pto_program *work = load_kernel(self->dev, "work");
	int times = (in_place(self) ? 2 : 5) * (SLOW ? 10 : 1), tries = 5;
	double one, many;

	if (machine_cpus() < cpus)
		SKIP(return, "there are fewer CPUs");
	ASSERT_EQ(0, stay_on(cpus));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 1, work));
	ASSERT_EQ(0, add_tasks(self->graph, 1, TASKS / 2));
	pto_program_unload(work);
	do {
		one = median(self, 1);
		many = median(self, threads);
	} while (many > times * one && --tries);
	TH_LOG("%d threads on %d CPUs: %.2f ms, one thread %.2f ms", threads, cpus, many * 1e3,
	       one * 1e3);
	EXPECT_GE(times * one, many);
}

TEST_F_TIMEOUT(workers, four_on_one_cpu_do_not_collapse, 120)
{
	crowd(_metadata, self, 4, 1);
}

TEST_F_TIMEOUT(workers, a_thread_for_each_of_24_blocks_on_one_cpu, 120)
{
	crowd(_metadata, self, 24, 1);
}

TEST_F_TIMEOUT(workers, a_thread_for_each_of_24_blocks_on_two_cpus, 120)
{
	crowd(_metadata, self, 24, 2);
}

TEST_HARNESS_MAIN
