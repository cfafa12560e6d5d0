// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * What a device of the driver costs against the embedded one, in one run: ns and system
 * calls per task of task graphs, the latency of a launch, the bandwidth of copies.
 *
 * Each way to run is a process of its own. System calls are counted from outside, by
 * ptrace, of the thread that launches alone: the emulator's threads are the device.
 */
#include <errno.h>
#include <error.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <pto/pto.h>

#include "shapes.h"

#define ROUNDS		5
#define TASKS		2000
#define LAUNCHES	200
#define BLOCKS		8
#define COPY_BYTES	(16u << 20)
#define MAX_SHAPES	16
#define MAX_IMAGE	(1u << 20)

static const struct way {
	const char *name, *device, *submit, *emulator;
} ways[] = {
	{ "embedded", "embedded", "uring", "inplace" },
	{ "threads", "embedded", "uring", "threads" },
	{ "uring", "pto0", "uring", "threads" },
	{ "ioctl", "pto0", "ioctl", "threads" },
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

enum copies { MEMCPY, WRITE, STREAM_WRITE, STREAM_READ, STREAM_COPY, COPIES };

static const char *const copy_names[] = {
	"memcpy", "pto_mem_write", "to the device, on a stream", "from it", "on it",
};

/** struct results - in memory that all processes share */
static struct results {
	double ns[MAX_SHAPES];
	unsigned int tasks[MAX_SHAPES];
	long calls[MAX_SHAPES];
	double launch_ns;
	double copy_ns[COPIES];
	char mode[16];
} *results;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void check(int64_t ret, const char *what)
{
	if (ret < 0)
		error(1, 0, "%s: %s", what, pto_last_error());
}

static struct pto_program *load(struct pto_device *dev, const char *path)
{
	static char image[MAX_IMAGE];
	struct pto_program *prog;
	size_t size;
	FILE *f = fopen(path, "re");

	if (!f)
		error(1, errno, "%s", path);
	size = fread(image, 1, sizeof(image), f);
	fclose(f);
	check(pto_program_load(dev, image, size, &prog), path);
	return prog;
}

static struct pto_graph *build(struct pto_device *dev, struct pto_program *prog,
			       const struct shape *shape)
{
	struct pto_graph *g;
	uint32_t task, i;

	check(pto_graph_create(dev, &g), "graph");
	check(pto_graph_set_kernel(g, 0, prog), "kernel");
	for (task = 0; task < shape->ntasks; task++) {
		check(pto_graph_add_task(g, 0, PTO_AIV, NULL, 0), "task");
		for (i = shape->first[task]; i < shape->first[task + 1]; i++)
			check(pto_graph_add_edge(g, shape->pred[i], task), "edge");
	}
	return g;
}

static double launch(struct pto_graph *g)
{
	struct pto_launch_opts o = { .size = sizeof(o), .block_dim = BLOCKS, .aicpu_threads = 1 };
	double start = now();

	check(pto_graph_launch(g, &o), "launch");
	return now() - start;
}

static struct pto_graph *build_shape(struct pto_device *dev, struct pto_program *prog,
				     unsigned int i, unsigned int *tasks)
{
	struct pto_graph *g;
	struct shape shape;

	if (shape_make(&shape, shape_names[i], TASKS))
		error(1, 0, "no memory");
	*tasks = shape.ntasks;
	g = build(dev, prog, &shape);
	shape_free(&shape);
	return g;
}

/* ---- time --------------------------------------------------------------- */

static void measure_shapes(struct pto_device *dev, struct pto_program *prog, struct results *r)
{
	struct pto_graph *g;
	unsigned int i, round;
	double ns;

	for (i = 0; i < shape_count; i++) {
		g = build_shape(dev, prog, i, &r->tasks[i]);
		launch(g);
		for (round = 0; round < ROUNDS; round++) {
			ns = launch(g) / r->tasks[i];
			if (!round || ns < r->ns[i])
				r->ns[i] = ns;
		}
		pto_graph_destroy(g);
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure_launch(struct pto_device *dev, struct pto_program *prog, struct results *r)
{
	double ns[LAUNCHES];
	struct pto_graph *g;
	int i;

	check(pto_graph_create(dev, &g), "graph");
	check(pto_graph_set_kernel(g, 0, prog), "kernel");
	check(pto_graph_add_task(g, 0, PTO_AIV, NULL, 0), "task");
	for (i = 0; i < LAUNCHES; i++)
		ns[i] = launch(g);
	qsort(ns, LAUNCHES, sizeof(ns[0]), by_size);
	r->launch_ns = ns[LAUNCHES / 2];
	pto_graph_destroy(g);
}

static double copy_once(struct pto_device *dev, struct pto_stream *s, enum copies kind, char *a,
			char *b, char *host)
{
	double start = now();
	int64_t seqno = 0;

	switch (kind) {
	case MEMCPY:
		memcpy(host + COPY_BYTES, host, COPY_BYTES);
		break;
	case WRITE:
		check(pto_mem_write(dev, a, host, COPY_BYTES), "write");
		break;
	case STREAM_WRITE:
		seqno = pto_stream_write(s, a, host, COPY_BYTES);
		break;
	case STREAM_READ:
		seqno = pto_stream_read(s, host, a, COPY_BYTES);
		break;
	default:
		seqno = pto_stream_copy(s, b, a, COPY_BYTES);
	}
	check(seqno, "copy");
	check(pto_stream_wait(s, seqno, 60000), "copy");
	return now() - start;
}

static void measure_copies(struct pto_device *dev, struct results *r)
{
	char *host = malloc(2 * COPY_BYTES);
	struct pto_stream *s;
	unsigned int i, round;
	void *a, *b;
	double ns;

	if (!host)
		error(1, 0, "no memory");
	memset(host, 1, 2 * COPY_BYTES);
	check(pto_mem_alloc(dev, COPY_BYTES, &a), "memory");
	check(pto_mem_alloc(dev, COPY_BYTES, &b), "memory");
	check(pto_stream_create(dev, &s), "stream");
	for (i = 0; i < COPIES; i++) {
		copy_once(dev, s, i, a, b, host);
		for (round = 0; round < ROUNDS; round++) {
			ns = copy_once(dev, s, i, a, b, host);
			if (!round || ns < r->copy_ns[i])
				r->copy_ns[i] = ns;
		}
	}
	pto_stream_destroy(s);
	free(host);
}

static struct pto_device *open_device(const struct way *way)
{
	struct pto_device *dev;

	setenv("PTO_SUBMIT", way->submit, 1);
	setenv("PTO_EMULATOR", way->emulator, 1);
	check(pto_device_open(way->device, &dev), way->device);
	return dev;
}

static void measure(const struct way *way, struct results *r, const char *image)
{
	struct pto_device_info info = { .size = sizeof(info) };
	struct pto_device *dev = open_device(way);
	struct pto_program *prog = load(dev, image);

	check(pto_device_query(dev, &info), "query");
	snprintf(r->mode, sizeof(r->mode), "%s", info.mode);
	measure_shapes(dev, prog, r);
	measure_launch(dev, prog, r);
	measure_copies(dev, r);
}

/* ---- system calls ------------------------------------------------------- */

/* Tell who counts, by one system call. */
static void mark(void)
{
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGSTOP);
}

static void be_counted(const struct way *way, const char *image)
{
	struct pto_device *dev = open_device(way);
	struct pto_program *prog = load(dev, image);
	struct pto_graph *g;
	unsigned int i, tasks;

	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	for (i = 0; i < shape_count; i++) {
		g = build_shape(dev, prog, i, &tasks);
		launch(g);
		mark();
		launch(g);
		mark();
		pto_graph_destroy(g);
	}
}

/* Let the child go on to its next mark. Returns the system calls that it has begun. */
static long until_mark(pid_t pid, enum __ptrace_request how)
{
	long stops = 0;
	int status, sig = 0;

	for (;;) {
		ptrace(how, pid, NULL, (void *)(long)sig);
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			error(1, 0, "the process whose system calls are counted has ended");
		sig = 0;
		if (WSTOPSIG(status) == SIGSTOP)
			break;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			stops++;
		else
			sig = WSTOPSIG(status);
	}
	/* Each call stops at its begin and at its end. */
	return stops / 2;
}

static void count(pid_t pid, struct results *r)
{
	unsigned int i;
	int status;

	for (i = 0; i < shape_count; i++) {
		until_mark(pid, PTRACE_CONT);
		ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(long)PTRACE_O_TRACESYSGOOD);
		/* The two calls that make the mark, and itself. */
		r->calls[i] = until_mark(pid, PTRACE_SYSCALL) - 3;
	}
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	waitpid(pid, &status, 0);
}

/* ---- the table ---------------------------------------------------------- */

static void run(const struct way *way, struct results *r, const char *image)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		measure(way, r, image);
		exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		error(1, 0, "%s: status %#x", way->name, status);
	pid = fork();
	if (!pid) {
		be_counted(way, image);
		exit(0);
	}
	count(pid, r);
}

static void heading(const char *text)
{
	unsigned int i;

	printf("%-28s", text);
	for (i = 0; i < WAYS; i++)
		printf("%10s", ways[i].name);
	printf("\n");
}

static void report(void)
{
	unsigned int i, k;

	heading("ns per task");
	for (i = 0; i < shape_count; i++) {
		printf("  %-26s", shape_names[i]);
		for (k = 0; k < WAYS; k++)
			printf("%10.0f", results[k].ns[i]);
		printf("\n");
	}
	heading("system calls per task");
	for (i = 0; i < shape_count; i++) {
		printf("  %-26s", shape_names[i]);
		for (k = 0; k < WAYS; k++)
			printf("%10.3f", (double)results[k].calls[i] / results[k].tasks[i]);
		printf("\n");
	}
	heading("us for a launch of one task");
	printf("%-28s", "");
	for (k = 0; k < WAYS; k++)
		printf("%10.1f", results[k].launch_ns / 1e3);
	printf("\n");
	heading("copies, MB/s");
	for (i = 0; i < COPIES; i++) {
		printf("  %-26s", copy_names[i]);
		for (k = 0; k < WAYS; k++)
			printf("%10.0f", COPY_BYTES / results[k].copy_ns[i] * 1e3);
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	unsigned int k;

	if (argc != 2)
		error(2, 0, "usage: vm KERNEL.so");
	results = mmap(NULL, WAYS * sizeof(*results), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED)
		error(1, errno, "mmap");
	for (k = 0; k < WAYS; k++)
		run(&ways[k], &results[k], argv[1]);
	printf("%u tasks, %u blocks, one scheduler thread, best of %u\n", TASKS, BLOCKS, ROUNDS);
	report();
	return 0;
}
