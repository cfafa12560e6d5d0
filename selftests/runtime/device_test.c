// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Orchestrations that run on the device: arguments, threads, launches again, failures. */
#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "kselftest_harness.h"

#include "runtime_test.h"

#define N	64

FIXTURE(device) {
	struct pto_device *dev;
	void *rt;
	int64_t x[N], y[N], z[N];
	uint64_t args[6];
	struct init_call init;
	struct pto_mem_stat before;
};

FIXTURE_SETUP(device)
{
	int i;

	ASSERT_EQ(0, set_device(0));
	ASSERT_EQ(0, pto_device_open(getenv("PTO_DEVICE") ?: "embedded0", &self->dev));
	self->rt = calloc(1, get_runtime_size());
	for (i = 0; i < N; i++) {
		self->x[i] = i;
		self->y[i] = 1000;
		self->z[i] = -1;
	}
	self->args[0] = (uint64_t)self->x;
	self->args[1] = (uint64_t)self->y;
	self->args[2] = (uint64_t)self->z;
	self->args[3] = N;
	self->args[4] = 100;
	self->before.size = sizeof(self->before);
	ASSERT_EQ(0, pto_mem_stat(self->dev, &self->before));
}

FIXTURE_TEARDOWN(device)
{
	struct pto_mem_stat after = { .size = sizeof(after) };

	EXPECT_EQ(0, pto_mem_stat(self->dev, &after));
	EXPECT_EQ(self->before.count, after.count);
	pto_device_close(self->dev);
	free(self->rt);
}

static const int types[] = { 1, 3, 2, 0, 0, 0 };
static const uint64_t sizes[] = { N * 8, N * 8, N * 8, 0, 0, 0 };

static int init_of(FIXTURE_DATA(device) *self, const char *name, int nargs)
{
	struct init_call *c = &self->init;

	good_init(c, self->rt, "ignored", self->args, nargs);
	c->orch = image(name);
	return init_runtime(c->rt, c->orch.bytes, c->orch.size, c->func, c->args, c->nargs, types,
			    sizes, c->ids, c->binaries, c->sizes, c->count);
}

static int init(FIXTURE_DATA(device) *self, int nargs)
{
	return init_of(self, "orch_flow", nargs);
}

static int launch(FIXTURE_DATA(device) *self, int threads, int orch_threads)
{
	return launch_runtime(self->rt, threads, 3, 0, NULL, 0, NULL, 0, orch_threads);
}

static int wrong(FIXTURE_DATA(device) *self, int launches)
{
	int i, n = 0;

	for (i = 0; i < N; i++) {
		int64_t before = 1000 + (100 * launches - 1) * (int64_t)i;

		n += self->y[i] != before + i;
		n += self->z[i] != 2 * (before + i) + 99;
	}
	return n;
}

TEST_F(device, copies_in_and_out)
{
	ASSERT_EQ(0, init(self, 5)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(1000, self->y[1]);
	ASSERT_EQ(0, launch(self, 1, 0)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(1000, self->y[1]);
	ASSERT_EQ(0, finalize_runtime(self->rt));
	EXPECT_EQ(0, wrong(self, 1));
}

TEST_F(device, threads)
{
	static const int counts[][2] = { { 1, 1 }, { 2, 1 }, { 4, 4 }, { 4, 2 }, { 3, 3 } };
	size_t i;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		ASSERT_EQ(0, setenv("PTO2_RING_TASK_WINDOW", i % 2 ? "4" : "64", 1));
		ASSERT_EQ(0, setenv("PTO2_RING_HEAP", i % 2 ? "1024" : "65536", 1));
		ASSERT_EQ(0, setenv("PTO2_ORCH_TO_SCHED", i % 2 ? "1" : "0", 1));
		ASSERT_EQ(0, setenv("PTO_DEPS", "full", 1));
		memset(self->rt, 0, get_runtime_size());
		for (int k = 0; k < N; k++)
			self->y[k] = 1000;
		/* With one thread a round needs the heap for all four chunks. */
		if (counts[i][1] < 4)
			setenv("PTO2_RING_HEAP", "4096", 1);
		ASSERT_EQ(0, init(self, 5)) TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, launch(self, counts[i][0], counts[i][1])) TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, finalize_runtime(self->rt));
		EXPECT_EQ(0, wrong(self, 1)) TH_LOG("%d of %d threads", counts[i][1], counts[i][0]);
	}
	unsetenv("PTO2_RING_TASK_WINDOW");
	unsetenv("PTO2_RING_HEAP");
	unsetenv("PTO2_ORCH_TO_SCHED");
	unsetenv("PTO_DEPS");
}

TEST_F(device, launched_again)
{
	setenv("PTO_DEPS", "full", 1);
	ASSERT_EQ(0, init(self, 5));
	ASSERT_EQ(0, launch(self, 2, 1));
	ASSERT_EQ(0, launch(self, 1, 1));
	ASSERT_EQ(0, pto_runtime_launch_async(self->rt, 2, 24, 0, NULL, 0, NULL, 0, 2));
	ASSERT_EQ(0, pto_runtime_wait(self->rt, INT_MAX)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, finalize_runtime(self->rt));
	EXPECT_EQ(0, wrong(self, 3));
	unsetenv("PTO_DEPS");
}

/* Each orchestrator is a thread of the profile, with the tasks that it has submitted. */
TEST_F(device, profile)
{
	char folder[] = "/tmp/pto-profile-XXXXXX", path[64];
	json_t *json, *threads;
	int i, submitted = 0;

	ASSERT_NE(NULL, mkdtemp(folder));
	ASSERT_EQ(0, setenv("PTO_OUTPUT_DIR", folder, 1));
	snprintf(path, sizeof(path), "%s/swim_time.json", folder);
	ASSERT_EQ(0, enable_runtime_profiling(self->rt, 1));
	ASSERT_EQ(0, init(self, 5)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, launch(self, 2, 2)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, finalize_runtime(self->rt)) TH_LOG("%s", pto_last_error());
	json = json_load_file(path, 0, NULL);
	ASSERT_NE(NULL, json);
	threads = json_object_get(json, "aicpu_orchestrator_phases");
	ASSERT_EQ(2, json_array_size(threads));
	for (i = 0; i < 2; i++) {
		json_t *phase = json_array_get(json_array_get(threads, i), 0);

		EXPECT_STREQ("orchestrate", json_string_value(json_object_get(phase, "phase")));
		submitted += json_integer_value(json_object_get(phase, "tasks_processed"));
	}
	EXPECT_LT(0, submitted);
	EXPECT_EQ(submitted, json_array_size(json_object_get(json, "tasks")));
	json_decref(json);
	unlink(path);
	rmdir(folder);
}

TEST_F(device, too_few_arguments)
{
	EXPECT_EQ(-EINVAL, init(self, 4));
	EXPECT_NE(NULL, strstr(pto_last_error(), "wants 5 arguments, and gets 4"));
	self->args[1] = 0;
	EXPECT_EQ(-EINVAL, init(self, 5));
	EXPECT_NE(NULL, strstr(pto_last_error(), "argument 1"));
}

static void failing_in(struct __test_metadata *_metadata, FIXTURE_DATA(device) *self,
		       const char *name, int how, int err, const char *text)
{
	const int64_t untouched = self->y[1];

	self->args[5] = how;
	ASSERT_EQ(0, init_of(self, name, 6)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(err, launch(self, 2, 1));
	EXPECT_NE(NULL, strstr(pto_last_error(), text)) TH_LOG("%s", pto_last_error());
	EXPECT_NE(0, launch(self, 2, 1));
	EXPECT_EQ(0, finalize_runtime(self->rt));
	EXPECT_EQ(untouched, self->y[1]);
}

static void failing(struct __test_metadata *_metadata, FIXTURE_DATA(device) *self, int how,
		    int err, const char *text)
{
	failing_in(_metadata, self, "orch_flow", how, err, text);
}

#define FAILING(name, how, err, text) \
	TEST_F(device, name) { failing(_metadata, self, how, err, text); }

FAILING(unknown_kernel, FLOW_BAD_TASK, -ENOENT, "func_id 99")
FAILING(crash, FLOW_CRASH, -EIO, "SIGSEGV")
FAILING(bad_pointer, FLOW_BAD_POINTER, -EIO, "SIGSEGV")
FAILING(fails_by_itself, FLOW_FAIL, -71, "it did not please me")

/* With kernels that may run on the orchestration's own thread, and only these. */
TEST_F(device, crash_of_a_leaf)
{
	struct init_call *c = &self->init;
	int i, n = 0;

	self->args[5] = FLOW_LEAF_CRASH;
	good_init(c, self->rt, "ignored", self->args, 6);
	c->orch = image("orch_flow");
	for (i = 0; i < c->count; i++) {
		if (c->ids[i] != KERNEL_TADD && c->ids[i] != KERNEL_LEAF_CRASH)
			continue;
		c->ids[n] = c->ids[i];
		c->binaries[n] = c->binaries[i];
		c->sizes[n++] = c->sizes[i];
	}
	ASSERT_EQ(0, init_runtime(c->rt, c->orch.bytes, c->orch.size, c->func, c->args, c->nargs,
				  types, sizes, c->ids, c->binaries, c->sizes, n))
		TH_LOG("%s", pto_last_error());
	EXPECT_EQ(-EIO, launch(self, 1, 1));
	EXPECT_NE(NULL, strstr(pto_last_error(), "task 20000 (func_id 3)"))
		TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, finalize_runtime(self->rt));
}

TEST_F(device, heap_too_small)
{
	setenv("PTO2_RING_HEAP", "4096", 1);
	failing(_metadata, self, FLOW_HEAP, -ENOBUFS, "raise PTO2_RING_HEAP to 8192");
	unsetenv("PTO2_RING_HEAP");
}

TEST_F(device, hang)
{
#ifdef __SANITIZE_THREAD__
	SKIP(return, "ThreadSanitizer defers the signal that leaves an orchestration");
#endif
	setenv("PTO_ORCH_TIMEOUT_MS", "100", 1);
	failing(_metadata, self, FLOW_HANG, -ETIMEDOUT, "did not return within 100 ms");
	unsetenv("PTO_ORCH_TIMEOUT_MS");
}

TEST_F(device, sleeps_for_ever)
{
	setenv("PTO_ORCH_TIMEOUT_MS", "300", 1);
	failing(_metadata, self, FLOW_SLEEP, -ETIMEDOUT, "within 300 ms, nor make a call");
	unsetenv("PTO_ORCH_TIMEOUT_MS");
	/* The arguments of its window are left to it. */
	self->before.count++;
}

TEST_F(device, sleeps_and_asks_now_and_then)
{
	setenv("PTO_ORCH_TIMEOUT_MS", "500", 1);
	self->args[5] = FLOW_POLL;
	ASSERT_EQ(0, init(self, 6));
	EXPECT_EQ(0, launch(self, 2, 1)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, finalize_runtime(self->rt));
	unsetenv("PTO_ORCH_TIMEOUT_MS");
	EXPECT_EQ(0, wrong(self, 1));
}

/* It is not idle that waits for its tasks, however long they take. */
TEST_F(device, waits_longer_than_it_may_run)
{
	int64_t count_and_stop[2] = { 0 };

	setenv("PTO_ORCH_TIMEOUT_MS", "1000", 1);
	setenv("PTO2_RING_TASK_WINDOW", "4", 1);
	self->args[4] = (uint64_t)count_and_stop;
	self->args[5] = FLOW_WAIT;
	ASSERT_EQ(0, init(self, 6));
	ASSERT_EQ(0, pto_runtime_launch_async(self->rt, 1, 1, 0, NULL, 0, NULL, 0, 1));
	EXPECT_EQ(-EINPROGRESS, pto_runtime_wait(self->rt, 2500)) TH_LOG("%s", pto_last_error());
	__atomic_store_n(&count_and_stop[1], 1, __ATOMIC_RELAXED);
	EXPECT_EQ(0, pto_runtime_wait(self->rt, INT_MAX)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, finalize_runtime(self->rt));
	unsetenv("PTO2_RING_TASK_WINDOW");
	unsetenv("PTO_ORCH_TIMEOUT_MS");
}

/* Long after a task has begun. */
static void *stop_later(void *arg)
{
	int64_t *count_and_stop = arg;

	while (!__atomic_load_n(count_and_stop, __ATOMIC_RELAXED))
		usleep(1000);
	usleep(400000);
	__atomic_store_n(&count_and_stop[1], 1, __ATOMIC_RELAXED);
	return NULL;
}

/* Neither in the log, which is opened at the first line for it, nor to the caller. */
TEST(taking_its_time_is_no_error)
{
	FIXTURE_DATA(device) *self = calloc(1, sizeof(*self));
	char name[] = "/tmp/pto-device-XXXXXX", log[4096] = "";
	static int64_t count_and_stop[2];
	int fd = mkstemp(name), rc;
	pthread_t thread;

	setenv("PTO_LOG_FILE", name, 1);
	setenv("PTO_LOG_LEVEL", "error", 1);
	self->rt = calloc(1, get_runtime_size());
	self->args[0] = self->args[1] = self->args[2] = (uint64_t)self->x;
	self->args[3] = N;
	self->args[4] = (uint64_t)count_and_stop;
	self->args[5] = FLOW_WAIT;
	EXPECT_EQ(-EINVAL, set_device(99));
	ASSERT_EQ(0, set_device(0));
	ASSERT_EQ(0, init(self, 6)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pthread_create(&thread, NULL, stop_later, count_and_stop));
	EXPECT_EQ(0, launch(self, 2, 1));
	EXPECT_NE(NULL, strstr(pto_last_error(), "99")) TH_LOG("%s", pto_last_error());
	pthread_join(thread, NULL);
	count_and_stop[0] = count_and_stop[1] = 0;
	ASSERT_EQ(0, pto_runtime_launch_async(self->rt, 2, 1, 0, NULL, 0, NULL, 0, 1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, stop_later, count_and_stop));
	while ((rc = pto_runtime_wait(self->rt, 50)) == -EINPROGRESS)
		EXPECT_NE(NULL, strstr(pto_last_error(), "has not ended yet"));
	EXPECT_EQ(0, rc) TH_LOG("%s", pto_last_error());
	pthread_join(thread, NULL);
	EXPECT_EQ(0, finalize_runtime(self->rt));
	ASSERT_LT(0, read(fd, log, sizeof(log) - 1));
	EXPECT_NE(NULL, strstr(log, "99"));
	EXPECT_EQ(NULL, strstr(log, "has not ended")) TH_LOG("%s", log);
	close(fd);
	unlink(name);
	free(self->rt);
	free(self);
}

static int thread_count(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* It has submitted all it has, and works on that. */
TEST(exit_while_a_thread_is_lent)
{
#ifdef __SANITIZE_THREAD__
	SKIP(return, "ThreadSanitizer reports each thread that exit() finds");
#endif
	FIXTURE_DATA(device) *self = calloc(1, sizeof(*self));
	static int64_t count_and_stop[2];
	int status, ms;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		alarm(20);
		setenv("PTO2_ORCH_TO_SCHED", "1", 1);
		self->rt = calloc(1, get_runtime_size());
		self->args[0] = self->args[1] = self->args[2] = (uint64_t)self->x;
		self->args[3] = N;
		self->args[4] = (uint64_t)count_and_stop;
		self->args[5] = FLOW_WAIT;
		if (set_device(0) || init(self, 6) ||
		    pto_runtime_launch_async(self->rt, 2, 2, 0, NULL, 0, NULL, 0, 1))
			_exit(1);
		/* Long enough for that thread to have taken one of the tasks. */
		for (ms = 0; ms < 10000 && !__atomic_load_n(count_and_stop, __ATOMIC_RELAXED); ms++)
			usleep(1000);
		usleep(100000);
		exit(ms < 10000 ? 0 : 2);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	free(self);
}

/* What it touches when all else has been freed is for a sanitizer to see. */
TEST_F(device, returns_when_its_launch_is_long_over)
{
	int threads, ms;

	failing(_metadata, self, FLOW_LATE, -EIO, "SIGFPE");
	threads = thread_count();
	for (ms = 0; ms < 10000 && thread_count() == threads; ms += 10)
		usleep(10000);
	EXPECT_EQ(threads - 1, thread_count());
	/* The arguments of its window are left to it. */
	self->before.count++;
}

TEST_F(device, cancelled)
{
	self->args[4] = UINT64_MAX;
	ASSERT_EQ(0, init(self, 5));
	ASSERT_EQ(0, pto_runtime_launch_async(self->rt, 2, 3, 0, NULL, 0, NULL, 0, 2));
	EXPECT_EQ(-EINPROGRESS, pto_runtime_wait(self->rt, 20));
	EXPECT_EQ(0, pto_runtime_cancel(self->rt));
	/* It would go on for ever, and takes no notice. */
	EXPECT_EQ(-ECANCELED, pto_runtime_wait(self->rt, INT_MAX));
	EXPECT_EQ(0, finalize_runtime(self->rt));
}

/* ---- sources written for other headers ---------------------------------- */

static void existing(struct __test_metadata *_metadata, FIXTURE_DATA(device) *self,
		     const char *name, int threads, int orch_threads)
{
	ASSERT_EQ(0, init_of(self, name, 5)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, launch(self, threads, orch_threads)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, finalize_runtime(self->rt));
	EXPECT_EQ(0, wrong(self, 1));
}

TEST_F(device, source_with_tensors)
{
	setenv("PTO2_RING_TASK_WINDOW", "16", 1);
	setenv("PTO_DEPS", "full", 1);
	existing(_metadata, self, "flow_tensors", 2, 1);
	unsetenv("PTO2_RING_TASK_WINDOW");
	unsetenv("PTO_DEPS");
}

TEST_F(device, source_with_tensors_on_threads)
{
	setenv("PTO_DEPS", "full", 1);
	existing(_metadata, self, "flow_tensors", 4, 4);
	unsetenv("PTO_DEPS");
}

/* On a device that is opened with PTO_CHECK set. */
static int run_checked(FIXTURE_DATA(device) *self, const char *name)
{
	int ret = init_of(self, name, 5) ?: launch_runtime(self->rt, 2, 3, 1, NULL, 0, NULL, 0, 1);
	char text[1024];

	snprintf(text, sizeof(text), "%s", pto_last_error());
	finalize_runtime(self->rt);
	memset(self->rt, 0, get_runtime_size());
	if (ret == -EL2NSYNC && !strstr(text, "PTO_DEPS=full"))
		return -ENOMSG;
	return ret;
}

TEST_F(device, sources_are_checked)
{
	ASSERT_EQ(0, setenv("PTO_CHECK", "1", 1));
	ASSERT_EQ(0, set_device(1));
	EXPECT_EQ(0, run_checked(self, "flow_edges")) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, run_checked(self, "flow_tensors")) TH_LOG("%s", pto_last_error());
#ifndef __SANITIZE_THREAD__
	/* There it may be seen to be a data race, which it is. */
	EXPECT_EQ(-EL2NSYNC, run_checked(self, "flow_unordered"));
#endif
	ASSERT_EQ(0, setenv("PTO_DEPS", "full", 1));
	EXPECT_EQ(0, run_checked(self, "flow_unordered")) TH_LOG("%s", pto_last_error());
	unsetenv("PTO_DEPS");
	unsetenv("PTO_CHECK");
}

TEST_F(device, source_with_edges)
{
	setenv("PTO2_RING_TASK_WINDOW", "16", 1);
	existing(_metadata, self, "flow_edges", 2, 1);
	unsetenv("PTO2_RING_TASK_WINDOW");
}

TEST_F(device, source_with_edges_on_threads)
{
	existing(_metadata, self, "flow_edges", 3, 2);
}

TEST_F(device, source_with_edges_backwards)
{
	failing_in(_metadata, self, "flow_edges", 1, -EINVAL, "edge 5 -> 4");
}

TEST_F(device, source_with_edges_and_a_window_too_small)
{
	setenv("PTO2_RING_TASK_WINDOW", "8", 1);
	ASSERT_EQ(0, init_of(self, "flow_edges", 5));
	EXPECT_EQ(-ENOBUFS, launch(self, 1, 1));
	EXPECT_NE(NULL, strstr(pto_last_error(), "raise PTO2_RING_TASK_WINDOW to 16"))
		TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, finalize_runtime(self->rt));
	unsetenv("PTO2_RING_TASK_WINDOW");
}

TEST_F(device, source_with_an_edge_to_another_ring)
{
	failing_in(_metadata, self, "flow_edges", FLOW_RING, -EINVAL, "edge 0x4 -> 0x100000005");
}

#define SOURCE_FAILING(name, how, err, text) \
	TEST_F(device, name) { failing_in(_metadata, self, "flow_tensors", how, err, text); }

SOURCE_FAILING(source_reads_what_is_not_there, FLOW_BAD_TASK, -EINVAL,
	       "task 0, tensor 0 (func_id 5): an input or inout tensor without address")
SOURCE_FAILING(source_with_a_view_outside, FLOW_CRASH, -EIO,
	       "after 0 tasks: orchestration crashed: SIGABRT, abort() was called: view() of what is not inside the tensor")
SOURCE_FAILING(source_with_a_tensor_behind_a_scalar, FLOW_FAIL, -EINVAL,
	       "task 0, tensor 0 (func_id 5): a tensor behind a scalar: tensors come first")
SOURCE_FAILING(source_with_an_assertion_that_fails, FLOW_ASSERT, -EIO,
	       "assertion failed: how == FLOW_FAIL && \"100%s\", selftests/runtime/images/flow_tensors.cc:")
SOURCE_FAILING(kernel_with_an_assertion_that_fails, FLOW_KERNEL_ASSERT, -EIO,
	       "assertion failed: from->numel() >= to->numel(), selftests/runtime/images/kernel_tcopy.cc:")
SOURCE_FAILING(source_with_a_bad_reshape, FLOW_RESHAPE, -EIO, "reshape() into another number")
SOURCE_FAILING(source_with_six_axes, FLOW_SIX_AXES, -EIO, "a tensor has 1 to 5 dimensions")
SOURCE_FAILING(source_with_2_to_64_bytes, FLOW_HUGE, -EIO, "a tensor of more than 2^63 bytes")
SOURCE_FAILING(source_with_2_to_66_bytes, FLOW_HUGE_IN_AXES, -EIO,
	       "a tensor of more than 2^63 bytes")
SOURCE_FAILING(source_with_a_size_of_its_own, FLOW_SIZE, -EINVAL,
	       "task 0, tensor 1: a tensor that has no address yet: its size is 8 bytes, and its elements need 64")
SOURCE_FAILING(source_with_less_than_no_scalars, FLOW_SCALARS, -EINVAL,
	       "task 0, scalar 1 (func_id 5): add_scalars_i32() of a negative number")
SOURCE_FAILING(source_with_65_scopes, FLOW_65_SCOPES, -EOVERFLOW, "64 scopes are open")

TEST_F(device, source_with_64_scopes)
{
	self->args[5] = FLOW_SCOPES;
	ASSERT_EQ(0, init_of(self, "flow_tensors", 6)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, launch(self, 2, 1)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, finalize_runtime(self->rt));
}

TEST_F(device, source_that_builds_on_the_host)
{
	uint64_t args[] = { (uint64_t)self->x, (uint64_t)self->y, N };
	struct init_call *c = &self->init;
	int i;

	good_init(c, self->rt, "build_axpy", args, 3);
	c->orch = image("host_graph");
	ASSERT_EQ(0, init_runtime(c->rt, c->orch.bytes, c->orch.size, c->func, c->args, c->nargs,
				  NULL, NULL, c->ids, c->binaries, c->sizes, c->count))
		TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, launch(self, 1, 1));
	ASSERT_EQ(0, finalize_runtime(self->rt));
	for (i = 0; i < N; i++)
		ASSERT_EQ(1000 + 2 * 3 * i, self->y[i]);
}

TEST_HARNESS_MAIN
