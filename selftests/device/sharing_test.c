// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Several processes on a device, several devices in a process, copies beside launches, load. */
#include "kselftest_harness.h"

#include <sys/mman.h>

#include "device_test.h"

#define MIB	(1ul << 20)

/* ---- two processes ------------------------------------------------------ */

/* Launches that crash, again and again, until it is killed. */
static int crash_for_ever(int ready)
{
	uint64_t how = 2;
	struct rig r;

	if (rig_open(&r, NULL) || pto_graph_add_task(r.graph, 2, PTO_AIV, &how, 1) ||
	    write(ready, "", 1) != 1)
		return 1;
	while (rig_launch(&r) == -EIO)
		;
	return 1;
}

/* Takes most of the device's memory, and works. */
static int work_for_ever(int ready)
{
	struct pto_device_info info = { .size = sizeof(info) };
	struct rig r;
	void *most;

	if (rig_open(&r, NULL) || rig_add_busy(&r, 50, 500) || pto_device_query(r.dev, &info) ||
	    pto_mem_alloc(r.dev, info.mem_total / 4 * 3, &most) || write(ready, "", 1) != 1)
		return 1;
	while (!rig_launch(&r))
		;
	return 1;
}

static pid_t start(int (*child)(int ready))
{
	char byte;
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid)
		_exit(child(fds[1]));
	close(fds[1]);
	if (read(fds[0], &byte, 1) != 1) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(fds[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST(another_process_that_crashes)
{
	pid_t pid = start(crash_for_ever);
	struct rig r;
	int i;

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, rig_open(&r, NULL)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, rig_add_busy(&r, 20, 100));
	for (i = 0; i < 30; i++)
		EXPECT_EQ(0, rig_launch(&r)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(30 * 20, *r.word);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	end(pid);
	EXPECT_EQ(0, rig_close(&r));
}

TEST(one_of_two_is_killed)
{
	struct pto_device_info info = { .size = sizeof(info) };
	pid_t pid = start(work_for_ever);
	struct rig r;
	void *most;
	int i;

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, rig_open(&r, NULL)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_device_query(r.dev, &info));
	EXPECT_EQ(-ENOMEM, pto_mem_alloc(r.dev, info.mem_total / 4 * 3, &most));
	ASSERT_EQ(0, rig_add_busy(&r, 20, 100));
	for (i = 0; i < 20; i++) {
		if (i == 5)
			kill(pid, SIGKILL);
		EXPECT_EQ(0, rig_launch(&r)) TH_LOG("%s", pto_last_error());
	}
	EXPECT_EQ(20 * 20, *r.word);
	end(pid);
	/* Its memory comes back. */
	EXPECT_TRUE(UNTIL(!pto_mem_alloc(r.dev, info.mem_total / 4 * 3, &most)));
	EXPECT_EQ(0, pto_mem_free(r.dev, most));
	EXPECT_EQ(0, rig_close(&r));
}

/* ---- four devices ------------------------------------------------------- */

struct on_device {
	pthread_t thread;
	int index;
	int bad;
};

static void *use_device(void *arg)
{
	struct on_device *on = arg;
	struct rig r;
	char name[16];
	int i;

	snprintf(name, sizeof(name), "pto%d", on->index);
	if (rig_open(&r, name) || rig_add_busy(&r, 30, 50)) {
		on->bad = 1;
		return NULL;
	}
	for (i = 0; i < 20; i++)
		on->bad += rig_launch(&r) != 0;
	on->bad += *r.word != 20 * 30;
	on->bad += rig_close(&r);
	return NULL;
}

TEST(four_devices_at_once)
{
	struct on_device on[4] = { { .bad = 0 } };
	int i;

	for (i = 0; i < 4; i++) {
		on[i].index = i;
		ASSERT_EQ(0, pthread_create(&on[i].thread, NULL, use_device, &on[i]));
	}
	for (i = 0; i < 4; i++) {
		pthread_join(on[i].thread, NULL);
		EXPECT_EQ(0, on[i].bad) TH_LOG("pto%d", i);
	}
}

/* ---- copies ------------------------------------------------------------- */

static void pattern(uint32_t *words, size_t bytes, uint32_t seed)
{
	size_t i;

	for (i = 0; i < bytes / sizeof(*words); i++)
		words[i] = seed += 2654435761u;
}

/* Larger than the driver pins at once: they go in pieces, and beside launches. */
TEST(large_copies_beside_launches)
{
	const size_t size = 40 * MIB + 4096;
	uint32_t *host = malloc(size), *back = malloc(size);
	int64_t in, on, out;
	struct pto_stream *s;
	void *a, *b;
	struct rig r;
	int i;

	ASSERT_TRUE(host && back);
	ASSERT_EQ(0, rig_open(&r, NULL)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, rig_add_busy(&r, 20, 100));
	ASSERT_EQ(0, pto_stream_create(r.dev, &s));
	ASSERT_EQ(0, pto_mem_alloc(r.dev, size, &a)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_mem_alloc(r.dev, size, &b)) TH_LOG("%s", pto_last_error());
	pattern(host, size, 1);
	in = pto_stream_write(s, a, host, size);
	on = pto_stream_copy(s, b, a, size);
	out = pto_stream_read(s, back, b, size);
	EXPECT_EQ(1, in);
	EXPECT_EQ(2, on);
	EXPECT_EQ(3, out) TH_LOG("%s", pto_last_error());
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, rig_launch(&r)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(-EINVAL, pto_stream_wait(s, 4, 0));
	EXPECT_EQ(0, pto_stream_wait(s, out, BOUND_MS)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(out, pto_stream_done(s));
	EXPECT_EQ(0, memcmp(host, back, size));
	/* Nobody waits for this one: it is complete before the stream is gone. */
	pattern(host, size, 2);
	EXPECT_EQ(4, pto_stream_write(s, a, host, size));
	pto_stream_destroy(s);
	EXPECT_EQ(0, memcmp(host, a, size));
	EXPECT_EQ(0, pto_mem_free(r.dev, a));
	EXPECT_EQ(0, pto_mem_free(r.dev, b));
	EXPECT_EQ(0, rig_close(&r));
	free(host);
	free(back);
}

/* More host memory than the driver pins for a context, which is 64 MiB: some have to wait. */
TEST(many_streams_copy_at_once)
{
	enum { STREAMS = 6, COPIES = 8 };
	static const char latency[] = "/sys/kernel/debug/pto/pto0/latency_ns";
	struct pto_stream *s[STREAMS];
	const size_t size = 4 * MIB;
	int64_t last[STREAMS];
	char *host, *a;
	struct rig r;
	int i, k;

	host = calloc(1, size + 64);
	ASSERT_NE(NULL, host);
	ASSERT_EQ(0, rig_open(&r, "pto0")) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_mem_alloc(r.dev, size, (void **)&a)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, write_file(latency, "20000000\n"));
	for (i = 0; i < STREAMS; i++)
		ASSERT_EQ(0, pto_stream_create(r.dev, &s[i])) TH_LOG("%s", pto_last_error());
	pattern((uint32_t *)(host + 64), size, 3);
	for (k = 0; k < COPIES; k++) {
		for (i = 0; i < STREAMS; i++) {
			last[i] = pto_stream_write(s[i], a, host + 64, size);
			EXPECT_EQ(k + 1, last[i]) TH_LOG("%s", pto_last_error());
		}
	}
	for (i = 0; i < STREAMS; i++) {
		EXPECT_EQ(0, pto_stream_wait(s[i], last[i], BOUND_MS)) TH_LOG("%s", pto_last_error());
		EXPECT_EQ(COPIES * size, pto_stream_bytes(s[i]));
		pto_stream_destroy(s[i]);
	}
	EXPECT_EQ(0, write_file(latency, "0\n"));
	EXPECT_EQ(0, memcmp(host + 64, a, size));
	EXPECT_EQ(0, pto_mem_free(r.dev, a));
	EXPECT_EQ(0, rig_close(&r));
	free(host);
}

/* A kernel waits for what a copy brings: one that waited for the kernel would never end. */
TEST(copies_run_beside_kernels)
{
	struct pto_launch_opts o = { .size = sizeof(o), .timeout_ms = BOUND_MS };
	int64_t one = 1, seqno;
	struct pto_launch *l;
	struct pto_stream *s;
	uint64_t arg;
	struct rig r;
	int core;

	ASSERT_EQ(0, rig_open(&r, NULL)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_stream_create(r.dev, &s));
	arg = (uintptr_t)r.word;
	for (core = 0; core < 2; core++)
		ASSERT_EQ(core, pto_graph_add_task(r.graph, 3, core ? PTO_AIV : PTO_AIC, &arg, 1));
	ASSERT_EQ(0, pto_graph_launch_async(r.graph, &o, &l));
	EXPECT_EQ(-EINPROGRESS, pto_launch_wait(l, 50));
	seqno = pto_stream_write(s, r.word, &one, sizeof(one));
	EXPECT_EQ(0, pto_stream_wait(s, seqno, BOUND_MS)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, pto_launch_wait(l, BOUND_MS)) TH_LOG("%s", pto_last_error());
	pto_launch_free(l);
	pto_stream_destroy(s);
	EXPECT_EQ(0, rig_close(&r));
}

/* The pieces of a large copy are seen to come, and they add up. */
TEST(a_large_copy_tells_how_far_it_is)
{
	static const char latency[] = "/sys/kernel/debug/pto/pto0/latency_ns";
	const int64_t size = 100 * MIB;
	int64_t bytes, last = 0, seqno;
	int ms = BOUND_MS, steps = 0;
	struct pto_stream *s;
	struct rig r;
	char *host;
	void *a;

	host = calloc(1, size);
	ASSERT_NE(NULL, host);
	ASSERT_EQ(0, rig_open(&r, "pto0")) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_stream_create(r.dev, &s));
	ASSERT_EQ(0, pto_mem_alloc(r.dev, size, &a)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, pto_stream_bytes(s));
	/* So slow that who looks is in time for a piece. */
	ASSERT_EQ(0, write_file(latency, "5000000\n"));
	seqno = pto_stream_write(s, a, host, size);
	EXPECT_LT(0, seqno) TH_LOG("%s", pto_last_error());
	while (seqno > 0 && last < size && ms--) {
		bytes = pto_stream_bytes(s);
		EXPECT_LE(last, bytes);
		steps += bytes > last && bytes < size;
		last = bytes;
		usleep(1000);
	}
	EXPECT_EQ(0, write_file(latency, "0\n"));
	EXPECT_EQ(size, last);
	EXPECT_LT(0, steps);
	EXPECT_EQ(0, pto_stream_wait(s, seqno, BOUND_MS));
	pto_stream_destroy(s);
	EXPECT_EQ(0, pto_mem_free(r.dev, a));
	EXPECT_EQ(0, rig_close(&r));
	free(host);
}

/* Memory that was never touched, that can not be paged out, and that may only be read. */
TEST(kinds_of_host_memory)
{
	const size_t size = 5 * MIB + 4096;
	uint32_t *fresh, *locked, *file;
	struct pto_stream *s;
	struct rig r;
	void *a;
	int fd;

	fresh = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	locked = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	file = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT_TRUE(fresh != MAP_FAILED && locked != MAP_FAILED && file != MAP_FAILED);
	ASSERT_EQ(0, mlock(locked, size));
	ASSERT_EQ(0, rig_open(&r, NULL)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_stream_create(r.dev, &s));
	ASSERT_EQ(0, pto_mem_alloc(r.dev, size, &a)) TH_LOG("%s", pto_last_error());
	pattern(locked, size, 3);
	EXPECT_EQ(1, pto_stream_write(s, a, locked, size)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(2, pto_stream_read(s, fresh, a, size)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(3, pto_stream_write(s, a, file, 8192)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(4, pto_stream_read(s, locked, a, 8192)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(-EFAULT, pto_stream_read(s, file, a, 8192));
	EXPECT_EQ(0, pto_stream_wait(s, 4, BOUND_MS)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, memcmp(locked, file, 8192));
	EXPECT_EQ(0, memcmp((char *)locked + 8192, (char *)fresh + 8192, size - 8192));
	pto_stream_destroy(s);
	EXPECT_EQ(0, pto_mem_free(r.dev, a));
	EXPECT_EQ(0, rig_close(&r));
	munmap(file, 8192);
	close(fd);
	munmap(fresh, size);
	munmap(locked, size);
}

/* The host memory of a large copy ends too early. */
TEST(a_large_copy_that_fails_half_way)
{
	const size_t size = 24 * MIB;
	char *host = malloc(size);
	struct pto_stream *s;
	struct rig r;
	int64_t seqno;
	void *a;

	ASSERT_NE(NULL, host);
	memset(host, 1, size);
	ASSERT_EQ(0, rig_open(&r, NULL)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_stream_create(r.dev, &s));
	ASSERT_EQ(0, pto_mem_alloc(r.dev, size, &a));
	/* Behind the first 16 MiB, which go at once, there is nothing. */
	ASSERT_EQ(0, mprotect((void *)(((uintptr_t)host + 17 * MIB) & ~4095ul), MIB, PROT_NONE));
	seqno = pto_stream_write(s, a, host, size);
	ASSERT_LT(0, seqno) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(-EFAULT, pto_stream_wait(s, seqno, BOUND_MS));
	EXPECT_EQ(-EFAULT, pto_stream_write(s, a, host, 4));
	pto_stream_destroy(s);
	EXPECT_EQ(0, mprotect((void *)(((uintptr_t)host + 17 * MIB) & ~4095ul), MIB,
			      PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, pto_mem_free(r.dev, a));
	EXPECT_EQ(0, rig_close(&r));
	free(host);
}

/* ---- load --------------------------------------------------------------- */

static uint32_t rnd(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 33;
}

FIXTURE(load)
{
};

FIXTURE_SETUP(load)
{
}

FIXTURE_TEARDOWN(load)
{
}

/* Random graphs of kernels that count themselves, until so many have run. */
TEST_F_TIMEOUT(load, many_descriptors, 600)
{
	const char *text = getenv("PTO_TEST_SEED"), *load = getenv("PTO_TEST_LOAD");
	uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
	long want = load ? atol(load) : 20000, done = 0;
	struct pto_launch_opts o = { .size = sizeof(o), .timeout_ms = BOUND_MS };
	struct pto_graph *g;
	int64_t before;
	struct rig r;
	int i, k, n;

	TH_LOG("PTO_TEST_SEED=%llu, %ld descriptors", (unsigned long long)seed, want);
	ASSERT_EQ(0, rig_open(&r, NULL)) TH_LOG("%s", pto_last_error());
	while (done < want) {
		uint64_t args[] = { (uintptr_t)r.word, 0 };

		n = 1 + rnd(&seed) % 3000;
		ASSERT_EQ(0, pto_graph_create(r.dev, &g));
		ASSERT_EQ(0, pto_graph_set_kernel(g, 1, r.prog[1]));
		for (i = 0; i < n; i++) {
			ASSERT_EQ(i, pto_graph_add_task(g, 1, rnd(&seed) % 2, args, 2));
			for (k = i ? rnd(&seed) % 4 : 0; k; k--)
				ASSERT_EQ(0, pto_graph_add_edge(g, rnd(&seed) % i, i));
		}
		for (k = 0; k < 3; k++) {
			o.block_dim = 1 + rnd(&seed) % 2;
			o.aicpu_threads = 1 + rnd(&seed) % 4;
			before = *r.word;
			ASSERT_EQ(0, pto_graph_launch(g, &o)) TH_LOG("%s", pto_last_error());
			ASSERT_EQ(n, *r.word - before);
			done += n;
		}
		ASSERT_EQ(0, pto_graph_destroy(g));
	}
	EXPECT_EQ(0, rig_close(&r));
}

TEST_HARNESS_MAIN
