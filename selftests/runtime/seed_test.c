// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * libpto_runtime.so as its callers use it: opened at run time, by path or from
 * bytes, more than once, and known by its functions' names only.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "runtime_test.h"

#define N	100

static int load(const char *path, struct api *api)
{
	void *lib = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
	struct { void **at; const char *name; } f[] = {
#define F(member, name)	{ (void **)&api->member, name }
		F(get_runtime_size, "get_runtime_size"),
		F(enable_runtime_profiling, "enable_runtime_profiling"),
		F(set_device, "set_device"),
		F(device_malloc, "device_malloc"),
		F(device_free, "device_free"),
		F(copy_to_device, "copy_to_device"),
		F(copy_from_device, "copy_from_device"),
		F(init_runtime, "init_runtime"),
		F(launch_runtime, "launch_runtime"),
		F(finalize_runtime, "finalize_runtime"),
		F(record_tensor_pair, "record_tensor_pair"),
		F(get_incore_compiler, "get_incore_compiler"),
		F(get_orchestration_compiler, "get_orchestration_compiler"),
		F(last_error, "pto_last_error"),
		F(launch_async, "pto_runtime_launch_async"),
		F(wait, "pto_runtime_wait"),
		F(cancel, "pto_runtime_cancel"),
#undef F
	};

	if (!lib) {
		fprintf(stderr, "# %s\n", dlerror());
		return -1;
	}
	for (size_t i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
		*f[i].at = dlsym(lib, f[i].name);
		if (!*f[i].at)
			return -1;
	}
	return 0;
}

/* As callers do that have the library's bytes: nothing lies beside the file. */
static int load_copy(struct api *api)
{
	char name[] = "/tmp/pto-seed-XXXXXX";
	char *path = path_of(RUNTIME_LIB);
	int in = open(path, O_RDONLY), out = mkstemp(name), rc = -1;
	char buffer[65536];
	ssize_t n;

	while (in >= 0 && out >= 0 && (n = read(in, buffer, sizeof(buffer))) > 0)
		if (write(out, buffer, n) != n)
			break;
	rc = load(name, api);
	unlink(name);
	close(in);
	close(out);
	free(path);
	return rc;
}

FIXTURE(seed) {
	struct api api;
	void *rt;
	int64_t x[N], y[N];
	uint64_t args[3];
	struct init_call init;
	char dir[32];
};

FIXTURE_SETUP(seed)
{
	char *path = path_of(RUNTIME_LIB);

	ASSERT_EQ(0, load(path, &self->api));
	free(path);
	ASSERT_EQ(0, self->api.set_device(0));
	self->rt = calloc(1, self->api.get_runtime_size());
	for (int i = 0; i < N; i++) {
		self->x[i] = i;
		self->y[i] = 1000 + i;
	}
	self->args[0] = (uint64_t)self->x;
	self->args[1] = (uint64_t)self->y;
	self->args[2] = N;
	good_init(&self->init, self->rt, "axpy", self->args, 3);
	strcpy(self->dir, "/tmp/pto-seed-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_EQ(0, setenv("PTO_OUTPUT_DIR", self->dir, 1));
	ASSERT_EQ(0, chdir(self->dir));
}

FIXTURE_TEARDOWN(seed)
{
	unlink("swim_time.json");
	rmdir(self->dir);
	free(self->rt);
}

/* y as it was, plus @k times x */
#define EXPECT_Y(k) do { \
	int _wrong = 0; \
	for (int _i = 0; _i < N; _i++) \
		_wrong += self->y[_i] != 1000 + _i + (k) * _i; \
	EXPECT_EQ(0, _wrong); \
} while (0)

TEST_F(seed, handle_is_small)
{
	EXPECT_LT(0, self->api.get_runtime_size());
	EXPECT_LT(self->api.get_runtime_size(), 4096);
}

TEST_F(seed, compilers)
{
	EXPECT_EQ(1, self->api.get_incore_compiler());
	EXPECT_EQ(2, self->api.get_orchestration_compiler());
}

TEST_F(seed, one_launch)
{
	ASSERT_EQ(0, call_init(&self->api, &self->init));
	ASSERT_EQ(0, launch_default(&self->api, self->rt));
	EXPECT_Y(0);
	ASSERT_EQ(0, self->api.finalize_runtime(self->rt));
	EXPECT_Y(5);
}

/* What one launch leaves in memory is what the next one finds. */
TEST_F(seed, three_launches)
{
	ASSERT_EQ(0, call_init(&self->api, &self->init));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, launch_default(&self->api, self->rt));
	EXPECT_Y(0);
	ASSERT_EQ(0, self->api.finalize_runtime(self->rt));
	EXPECT_Y(15);
}

TEST_F(seed, all_block_dims_and_threads)
{
	for (int blocks = 1; blocks <= 24; blocks++)
		ASSERT_EQ(0, good_run(&self->api, blocks, 1));
	for (int threads = 1; threads <= 64; threads += 7)
		ASSERT_EQ(0, good_run(&self->api, 24, threads));
}

TEST_F(seed, same_handle_again)
{
	for (int i = 1; i <= 3; i++) {
		ASSERT_EQ(0, call_init(&self->api, &self->init));
		ASSERT_EQ(0, launch_default(&self->api, self->rt));
		ASSERT_EQ(0, self->api.finalize_runtime(self->rt));
		EXPECT_Y(5 * i);
	}
}

/* The AICPU and AICore programs that are built beside the library. */
TEST_F(seed, programs_brought_along)
{
	struct file aicpu = image("../../../aicpu"), aicore = image("../../../aicore");
	struct launch_call call = {
		.rt = self->rt, LAUNCH_DEFAULTS,
		.aicpu = aicpu.bytes, .aicpu_size = aicpu.size,
		.aicore = aicore.bytes, .aicore_size = aicore.size,
	};

	ASSERT_LT(0, aicpu.size);
	ASSERT_LT(0, aicore.size);
	ASSERT_EQ(0, call_init(&self->api, &self->init));
	ASSERT_EQ(0, call_launch(&self->api, &call));
	call.aicpu_size = 0;
	ASSERT_EQ(0, call_launch(&self->api, &call));
	ASSERT_EQ(0, self->api.finalize_runtime(self->rt));
	EXPECT_Y(10);
}

static void *run_often(void *arg)
{
	const struct api *api = arg;
	long failed = 0;

	for (int i = 0; i < 20; i++)
		failed += !!good_run(api, 1 + i, 1 + i % 3);
	return (void *)failed;
}

TEST_F(seed, runtimes_of_several_threads)
{
	pthread_t thread[4];
	void *failed;

	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, run_often, &self->api));
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], &failed);
		EXPECT_EQ(NULL, failed);
	}
}

/* Nothing that was given is looked at after the call. */
TEST_F(seed, arguments_are_copied)
{
	struct init_call *c = &self->init;
	uint8_t *orch = malloc(c->orch.size);

	memcpy(orch, c->orch.bytes, c->orch.size);
	c->orch.bytes = orch;
	ASSERT_EQ(0, call_init(&self->api, c));
	memset(orch, 0xff, c->orch.size);
	free(orch);
	memset(self->args, 0xff, sizeof(self->args));
	memset(c, 0xff, sizeof(*c));
	ASSERT_EQ(0, launch_default(&self->api, self->rt));
	ASSERT_EQ(0, self->api.finalize_runtime(self->rt));
	EXPECT_Y(5);
}

TEST_F(seed, two_copies)
{
	struct api copy, another;

	ASSERT_EQ(0, load_copy(&copy));
	ASSERT_EQ(0, load_copy(&another));
	ASSERT_NE((void *)copy.init_runtime, (void *)self->api.init_runtime);
	ASSERT_NE((void *)copy.init_runtime, (void *)another.init_runtime);
	EXPECT_EQ(NULL, copy.device_malloc(1));
	EXPECT_NE(NULL, strstr(copy.last_error(), "set_device"));
	EXPECT_EQ(NULL, strstr(self->api.last_error(), "set_device"));
	ASSERT_EQ(0, copy.set_device(1));
	ASSERT_EQ(0, another.set_device(0));

	ASSERT_EQ(0, call_init(&self->api, &self->init));
	EXPECT_EQ(-EINVAL, copy.finalize_runtime(self->rt));
	ASSERT_EQ(0, good_run(&another, 2, 2));
	ASSERT_EQ(0, launch_default(&self->api, self->rt));
	ASSERT_EQ(0, self->api.finalize_runtime(self->rt));
	EXPECT_Y(5);
}

/* What makes it another caller's memory: it comes back zeroed. */
TEST_F(seed, handle_freed_without_finalize)
{
	ASSERT_EQ(0, call_init(&self->api, &self->init));
	ASSERT_EQ(0, launch_default(&self->api, self->rt));
	memset(self->rt, 0, self->api.get_runtime_size());
	EXPECT_EQ(-EINVAL, self->api.launch_runtime(self->rt, 1, 1, 0, NULL, 0, NULL, 0, 1));
	EXPECT_EQ(-EINVAL, self->api.finalize_runtime(self->rt));

	ASSERT_EQ(0, call_init(&self->api, &self->init));
	EXPECT_Y(0);
	ASSERT_EQ(0, launch_default(&self->api, self->rt));
	ASSERT_EQ(0, self->api.finalize_runtime(self->rt));
	EXPECT_Y(5);
}

TEST_F(seed, failed_launch_is_finalized_without_copies)
{
	struct launch_call bad = { .rt = self->rt, .blocks = 25, .threads = 1 };

	ASSERT_EQ(0, call_init(&self->api, &self->init));
	ASSERT_EQ(0, launch_default(&self->api, self->rt));
	ASSERT_EQ(-EINVAL, call_launch(&self->api, &bad));
	EXPECT_EQ(-EBADFD, launch_default(&self->api, self->rt));
	EXPECT_NE(NULL, strstr(self->api.last_error(), "finalize"));
	EXPECT_EQ(0, self->api.finalize_runtime(self->rt));
	EXPECT_Y(0);
	EXPECT_EQ(0, good_run(&self->api, 1, 1));
}

/* The profile of the last finalized runtime, "" if there is none. */
static const char *profile(void)
{
	static char text[65536];
	int fd = open("swim_time.json", O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	close(fd);
	unlink("swim_time.json");
	return text;
}

TEST_F(seed, profile)
{
	ASSERT_EQ(0, self->api.enable_runtime_profiling(self->rt, 1));
	ASSERT_EQ(0, call_init(&self->api, &self->init));
	ASSERT_EQ(0, launch_default(&self->api, self->rt));
	EXPECT_STREQ("", profile());
	ASSERT_EQ(0, self->api.finalize_runtime(self->rt));
	EXPECT_NE(NULL, strstr(profile(), "start_time_us"));
}

TEST_F(seed, profile_in_current_directory)
{
	unsetenv("PTO_OUTPUT_DIR");
	ASSERT_EQ(0, self->api.enable_runtime_profiling(self->rt, 1));
	ASSERT_EQ(0, call_init(&self->api, &self->init));
	ASSERT_EQ(0, launch_default(&self->api, self->rt));
	ASSERT_EQ(0, self->api.finalize_runtime(self->rt));
	EXPECT_NE(NULL, strstr(profile(), "start_time_us"));
}

TEST_F(seed, profile_of_nothing)
{
	self->init.func = "empty";
	ASSERT_EQ(0, self->api.enable_runtime_profiling(self->rt, 1));
	ASSERT_EQ(0, call_init(&self->api, &self->init));
	ASSERT_EQ(0, launch_default(&self->api, self->rt));
	ASSERT_EQ(0, self->api.finalize_runtime(self->rt));
	EXPECT_NE(NULL, strstr(profile(), "tasks"));
}

TEST_F(seed, no_profile)
{
	ASSERT_EQ(0, self->api.enable_runtime_profiling(self->rt, 1));
	ASSERT_EQ(0, self->api.enable_runtime_profiling(self->rt, 0));
	ASSERT_EQ(0, call_init(&self->api, &self->init));
	ASSERT_EQ(0, launch_default(&self->api, self->rt));
	ASSERT_EQ(0, self->api.finalize_runtime(self->rt));
	EXPECT_STREQ("", profile());
}

TEST_F(seed, profile_that_can_not_be_written)
{
	ASSERT_EQ(0, setenv("PTO_OUTPUT_DIR", "/nowhere", 1));
	ASSERT_EQ(0, self->api.enable_runtime_profiling(self->rt, 1));
	ASSERT_EQ(0, call_init(&self->api, &self->init));
	ASSERT_EQ(0, launch_default(&self->api, self->rt));
	EXPECT_EQ(-ENOENT, self->api.finalize_runtime(self->rt));
	EXPECT_NE(NULL, strstr(self->api.last_error(), "/nowhere"));
	EXPECT_Y(5);
	EXPECT_EQ(-EINVAL, self->api.finalize_runtime(self->rt));
}

TEST_F(seed, device_memory)
{
	int64_t *dev = self->api.device_malloc(sizeof(self->x)), out[2] = { 0 };

	ASSERT_NE(NULL, dev);
	EXPECT_EQ(0, self->api.copy_to_device(dev, self->x, sizeof(self->x)));
	EXPECT_EQ(0, self->api.copy_from_device(out, dev + 7, sizeof(out)));
	EXPECT_EQ(7, out[0]);
	EXPECT_EQ(8, out[1]);
	self->api.device_free(dev);
	EXPECT_EQ(-EINVAL, self->api.copy_from_device(out, dev, 8));
}

/* The current device may change while no runtime lives, and memory stays. */
TEST_F(seed, devices)
{
	int64_t *dev = self->api.device_malloc(8), out = 0;

	EXPECT_EQ(0, self->api.copy_to_device(dev, &self->y[1], 8));
	EXPECT_EQ(0, self->api.set_device(0));
	ASSERT_EQ(0, call_init(&self->api, &self->init));
	EXPECT_EQ(0, self->api.set_device(0));
	EXPECT_EQ(-EBUSY, self->api.set_device(15));
	EXPECT_NE(NULL, strstr(self->api.last_error(), "finalize"));
	ASSERT_EQ(0, self->api.finalize_runtime(self->rt));
	EXPECT_EQ(0, self->api.set_device(15));
	EXPECT_EQ(-EINVAL, self->api.copy_from_device(&out, dev, 8));
	EXPECT_EQ(0, self->api.set_device(0));
	EXPECT_EQ(0, self->api.copy_from_device(&out, dev, 8));
	EXPECT_EQ(1001, out);
	self->api.device_free(dev);
}

TEST_F(seed, recorded_by_the_caller)
{
	int64_t *dev = self->api.device_malloc(8), *other = self->api.device_malloc(8);
	int64_t in = 77, out = 0;

	self->init.func = "empty";
	ASSERT_EQ(0, call_init(&self->api, &self->init));
	EXPECT_EQ(0, self->api.copy_to_device(dev, &in, 8));
	self->api.record_tensor_pair(self->rt, &out, dev, 8);
	self->api.record_tensor_pair(self->rt, NULL, other, 8);
	ASSERT_EQ(0, self->api.finalize_runtime(self->rt));
	EXPECT_EQ(77, out);
	EXPECT_EQ(-EINVAL, self->api.copy_from_device(&out, dev, 8));
	EXPECT_EQ(-EINVAL, self->api.copy_from_device(&out, other, 8));
}

/* ---- launches that others can end ------------------------------------ */

FIXTURE(async) {
	struct api api;
	void *rt;
	int64_t *dev;		/* count, stop */
	uint64_t args[2];
};

/* A graph of one task, which spins until told to stop. */
FIXTURE_SETUP(async)
{
	char *path = path_of(RUNTIME_LIB);
	struct init_call init;
	int64_t zeros[2] = { 0 };

	ASSERT_EQ(0, load(path, &self->api));
	free(path);
	ASSERT_EQ(0, self->api.set_device(0));
	self->rt = calloc(1, self->api.get_runtime_size());
	self->dev = self->api.device_malloc(sizeof(zeros));
	ASSERT_NE(NULL, self->dev);
	ASSERT_EQ(0, self->api.copy_to_device(self->dev, zeros, sizeof(zeros)));
	self->args[0] = (uint64_t)self->dev;
	self->args[1] = 1;
	good_init(&init, self->rt, "spin", self->args, 2);
	ASSERT_EQ(0, call_init(&self->api, &init));
}

FIXTURE_TEARDOWN(async)
{
	EXPECT_EQ(0, self->api.finalize_runtime(self->rt));
	self->api.device_free(self->dev);
	EXPECT_EQ(0, good_run(&self->api, 1, 1));
	free(self->rt);
}

static int start(FIXTURE_DATA(async) *self)
{
	return self->api.launch_async(self->rt, 1, 1, 0, NULL, 0, NULL, 0, 1);
}

static int stop(FIXTURE_DATA(async) *self)
{
	int64_t one = 1;

	return self->api.copy_to_device(self->dev + 1, &one, sizeof(one));
}

TEST_F(async, busy_until_waited_for)
{
	ASSERT_EQ(0, start(self));
	EXPECT_EQ(-EINPROGRESS, self->api.wait(self->rt, 0));
	EXPECT_EQ(-EBUSY, start(self));
	EXPECT_EQ(-EBUSY, launch_default(&self->api, self->rt));
	EXPECT_NE(NULL, strstr(self->api.last_error(), "being launched"));
	EXPECT_EQ(-EBUSY, self->api.finalize_runtime(self->rt));
	EXPECT_EQ(-EBUSY, self->api.enable_runtime_profiling(self->rt, 1));
	ASSERT_EQ(0, stop(self));
	EXPECT_EQ(0, self->api.wait(self->rt, 10000));
	EXPECT_EQ(-EINVAL, self->api.wait(self->rt, 0));
	EXPECT_EQ(0, launch_default(&self->api, self->rt));
}

/* The kernel ends by itself then, and the test is over. */
#ifdef __SANITIZE_THREAD__
#define SKIP_LEAVING_A_KERNEL() do { \
	EXPECT_EQ(0, stop(self)); \
	EXPECT_EQ(0, start(self)); \
	EXPECT_EQ(0, self->api.wait(self->rt, 10000)); \
	SKIP(return, "ThreadSanitizer defers the signal that leaves a kernel"); \
} while (0)
#else
#define SKIP_LEAVING_A_KERNEL() do { } while (0)
#endif

TEST_F(async, canceled)
{
	SKIP_LEAVING_A_KERNEL();
	ASSERT_EQ(0, start(self));
	EXPECT_EQ(-EINPROGRESS, self->api.wait(self->rt, 1));
	EXPECT_EQ(0, self->api.cancel(self->rt));
	EXPECT_EQ(-ECANCELED, self->api.wait(self->rt, 10000));
	EXPECT_EQ(-EINVAL, self->api.cancel(self->rt));
	EXPECT_EQ(-EBADFD, launch_default(&self->api, self->rt));
}

static void *cancel_it(void *arg)
{
	FIXTURE_DATA(async) *self = arg;

	return (void *)(long)self->api.cancel(self->rt);
}

TEST_F(async, canceled_while_another_thread_waits)
{
	pthread_t thread;
	void *ret;

	SKIP_LEAVING_A_KERNEL();
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pthread_create(&thread, NULL, cancel_it, self));
	EXPECT_EQ(-ECANCELED, self->api.wait(self->rt, 10000));
	pthread_join(thread, &ret);
	EXPECT_EQ(NULL, ret);
}

static void *launch_it(void *arg)
{
	FIXTURE_DATA(async) *self = arg;

	return (void *)(long)launch_default(&self->api, self->rt);
}

/* A second thread sees the runtime in use as soon as the kernel counts. */
TEST_F(async, busy_while_another_thread_launches)
{
	volatile int64_t *count = self->dev;
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, launch_it, self));
	while (!__atomic_load_n(count, __ATOMIC_RELAXED))
		sched_yield();
	EXPECT_EQ(-EBUSY, launch_default(&self->api, self->rt));
	EXPECT_EQ(-EBUSY, self->api.finalize_runtime(self->rt));
	EXPECT_EQ(-EINVAL, self->api.cancel(self->rt));
	EXPECT_EQ(0, stop(self));
	pthread_join(thread, &ret);
	EXPECT_EQ(NULL, ret);
}

/* Freed in mid-launch: the next owner of the memory ends what still runs. */
TEST_F(async, handle_freed_while_launched)
{
	struct init_call init;

	SKIP_LEAVING_A_KERNEL();
	ASSERT_EQ(0, start(self));
	memset(self->rt, 0, self->api.get_runtime_size());
	good_init(&init, self->rt, "empty", NULL, 0);
	EXPECT_EQ(0, call_init(&self->api, &init));
	EXPECT_EQ(0, launch_default(&self->api, self->rt));
}

TEST_F(async, bad_arguments)
{
	EXPECT_EQ(-EINVAL, self->api.wait(self->rt, 0));
	EXPECT_EQ(-EINVAL, self->api.wait(self->rt, -1));
	EXPECT_EQ(-EINVAL, self->api.wait(NULL, 0));
	EXPECT_EQ(-EINVAL, self->api.cancel(self->rt));
	EXPECT_EQ(-EINVAL, self->api.cancel(NULL));
	EXPECT_EQ(-EINVAL, self->api.launch_async(self->rt, 1, 0, 0, NULL, 0, NULL, 0, 1));
	EXPECT_EQ(-EINVAL, self->api.wait(self->rt, 0));
}

/* In a process of its own: the log is opened at the first line for it. */
TEST(bad_settings_are_named)
{
	char name[] = "/tmp/pto-seed-XXXXXX", *path = path_of(RUNTIME_LIB);
	struct api api;
	char log[4096] = "";
	int fd = mkstemp(name);

	setenv("PTO_LOG_FILE", name, 1);
	setenv("PTO_LOG_LEVEL", "warn", 1);
	setenv("PTO2_RING_TASK_WINDOW", "12", 1);
	setenv("PTO2_RING_HEAP", "64k", 1);
	setenv("PTO2_RING_DEP_POOL", "5", 1);
	setenv("PTO2_ORCH_TO_SCHED", "maybe", 1);
	setenv("PTO_DEPS", "FULL", 1);
	setenv("PTO2_READY_QUEUE_SHARDS", "nonsense", 1);
	ASSERT_EQ(0, load(path, &api));
	free(path);
	ASSERT_EQ(0, api.set_device(0));
	EXPECT_EQ(0, good_run(&api, 1, 1));
	ASSERT_LT(0, read(fd, log, sizeof(log) - 1));
	close(fd);
	unlink(name);
	EXPECT_NE(NULL, strstr(log, "PTO2_RING_TASK_WINDOW=12"));
	EXPECT_NE(NULL, strstr(log, "PTO2_RING_HEAP=64k"));
	EXPECT_NE(NULL, strstr(log, "PTO2_ORCH_TO_SCHED=maybe"));
	EXPECT_NE(NULL, strstr(log, "PTO_DEPS=FULL is not full"));
	EXPECT_EQ(NULL, strstr(log, "PTO2_RING_DEP_POOL"));
	EXPECT_EQ(NULL, strstr(log, "PTO2_READY_QUEUE_SHARDS"));
}

TEST_HARNESS_MAIN
