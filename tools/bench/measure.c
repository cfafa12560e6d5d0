// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Measuring in children: a runtime starts its threads once, keeps memory, and
 * may crash or hang; none of it reaches the next measurement.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "kernels/body.h"
#include "peer.h"

#define CHILD_SECONDS	120	/* the longest that one may take */
#define COLD_NS		3000000
#define NOISE_REPS	2000
#define NOISE_LOOPS	40000

/** struct job - what a child is to do with its peer */
struct job {
	const struct options *opt;
	const struct contender *contender;
	unsigned int threads;
	const struct shape *shape;
	const struct peer *peer;
	int (*measure)(struct job *job);
	struct cell *cell;
	struct latency *latency;
	struct streamed *streamed;
	unsigned int reps;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void *shared_zalloc(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

struct cell *cell_new(const struct contender *peer, enum contender_kind kind,
		      const struct shape *shape, unsigned int threads, unsigned int reps)
{
	struct cell *cell = shared_zalloc(sizeof(*cell) + reps * sizeof(cell->sample[0]));

	if (!cell)
		return NULL;
	cell->peer = peer;
	cell->kind = kind;
	cell->graph = shape->name;
	cell->threads = threads;
	cell->tasks = shape->ntasks;
	return cell;
}

struct latency *latency_new(const struct contender *peer, unsigned int threads, unsigned int turns)
{
	const size_t n = HOT_REPS + COLD_REPS;
	struct latency *l = shared_zalloc(sizeof(*l) + 2 * n * turns * sizeof(*l->room));

	if (!l)
		return NULL;
	l->peer = peer;
	l->threads = threads;
	l->hot.enter = l->room;
	l->hot.total = l->hot.enter + HOT_REPS * turns;
	l->cold.enter = l->hot.total + HOT_REPS * turns;
	l->cold.total = l->cold.enter + COLD_REPS * turns;
	return l;
}

struct streamed *streamed_new(uint32_t tasks)
{
	struct streamed *s = shared_zalloc(sizeof(*s));

	if (s)
		s->tasks = tasks;
	return s;
}

/* ---- children ----------------------------------------------------------- */

static int start_peer(struct job *job)
{
	const struct setup setup = {
		.workers = job->threads,
		.blocks = job->opt->blocks,
		.emulator_threads = job->contender->emulator_threads,
		.dir = job->opt->dir,
	};

	return job->peer->start(&setup);
}

static int load_peer(struct job *job)
{
	char path[512];
	void *object;

	snprintf(path, sizeof(path), "%s/%s.so", job->opt->dir, contender_object(job->contender));
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	job->peer = object ? dlsym(object, "bench_peer") : NULL;
	if (job->peer)
		return 0;
	fprintf(stderr, "pto-bench: %s\n", dlerror());
	return -1;
}

static int child(struct job *job)
{
	alarm(CHILD_SECONDS);
	/* First touch costs more than a task does: a heap that stays is best for who uses it. */
	if (!job->contender->trim) {
		mallopt(M_MMAP_MAX, 0);
		mallopt(M_TRIM_THRESHOLD, -1);
	}
	return load_peer(job) ? -1 : job->measure(job);
}

void progress(const char *graph, const char *peer, unsigned int threads)
{
	if (!isatty(STDERR_FILENO))
		return;
	fputs("\r\033[K", stderr);
	if (*graph)
		fprintf(stderr, "%s, %s, %u thread%s", graph, peer, threads, threads == 1 ? "" : "s");
	fflush(stderr);
}

static int in_child(struct job *job)
{
	int status = 0;
	pid_t pid;

	progress(job->shape->name, job->contender->name, job->threads);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(child(job) ? 1 : 0);
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		fprintf(stderr, "pto-bench: %s\n", strerror(errno));
		return -1;
	}
	progress("", "", 0);
	if (!status)
		return 0;
	fprintf(stderr, "pto-bench: %s with %u threads, %s of %u tasks: %s\n",
		job->contender->name, job->threads, job->shape->name, job->shape->ntasks,
		WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "failed");
	return -1;
}

static double ns_per_tick(void)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	uint64_t t = ticks();
	double start = now();

	nanosleep(&pause, NULL);
	return (now() - start) / (ticks() - t);
}

/* ---- times -------------------------------------------------------------- */

static void body_noop(void *ctx, uint32_t task)
{
}

static const struct work noop = { .kernel = "noop", .body = body_noop };

/* Build, run twice, free. */
static int repeat(const struct peer *peer, const struct shape *shape, const struct work *work,
		  struct sample *s)
{
	double t[5];
	void *graph;
	int ret;

	t[0] = now();
	graph = peer->build(shape, work);
	if (!graph)
		return -1;
	t[1] = now();
	ret = peer->run(graph);
	t[2] = now();
	ret |= peer->run(graph);
	t[3] = now();
	peer->free(graph);
	t[4] = now();
	*s = (struct sample){ t[1] - t[0], t[2] - t[1], t[3] - t[2], t[4] - t[3] };
	return ret;
}

/* A graph of one task starts threads and loads kernels; the next one is the first of its size. */
static int times(struct job *job)
{
	const struct shape one = { .ntasks = 1, .first = (uint32_t[]){ 0, 0 } };
	struct cell *cell = job->cell;
	uint64_t body = cell->body ? cell->body / ns_per_tick() : 0;
	const struct work busy = { .kernel = "busy", .body = body_busy, .ctx = &body };
	const struct work *work = body ? &busy : &noop;
	struct sample sample;
	unsigned int i;

	if (start_peer(job) || repeat(job->peer, &one, work, &sample) ||
	    repeat(job->peer, job->shape, work, &sample))
		return -1;
	if (!cell->count)
		cell->first = sample;
	for (i = 0; i < job->reps; i++) {
		if (repeat(job->peer, job->shape, work, &cell->sample[cell->count]))
			return -1;
		cell->count++;
	}
	return 0;
}

int measure_times(const struct options *o, const struct shape *shape, struct cell *cell,
		  unsigned int reps)
{
	struct job job = {
		.opt = o, .contender = cell->peer, .threads = cell->threads,
		.shape = shape, .cell = cell, .reps = reps, .measure = times,
	};

	return in_child(&job);
}

/* ---- memory ------------------------------------------------------------- */

/* Of /proc/self/smaps_rollup, which is exact where the counts in statm lag behind. */
static double memory_bytes(const char *which)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	size_t length = strlen(which);
	unsigned long kib = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, which, length) && sscanf(line + length, ": %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib * 1024.0;
}

/* Without code, which is mapped from files. */
static double anonymous_bytes(void)
{
	return memory_bytes("Anonymous");
}

/* The heap is not trimmed here, so what was in use for a time is still there afterwards. */
static int bytes(struct job *job)
{
	double before;
	void *graph;

	malloc_trim(0);
	before = anonymous_bytes();
	if (start_peer(job))
		return -1;
	graph = job->peer->build(job->shape, &noop);
	if (!graph || job->peer->run(graph))
		return -1;
	job->cell->bytes = (anonymous_bytes() - before) / job->shape->ntasks;
	job->peer->free(graph);
	return 0;
}

int measure_bytes(const struct options *o, const struct shape *shape, struct cell *cell)
{
	struct contender untrimmed = *cell->peer;
	struct job job = {
		.opt = o, .contender = &untrimmed, .threads = cell->threads,
		.shape = shape, .cell = cell, .measure = bytes,
	};

	untrimmed.trim = false;
	return in_child(&job);
}

static void note_bytes(void *arg)
{
	struct streamed *s = arg;

	s->bytes[s->count++] = memory_bytes("Rss");
}

static int streams(struct job *job)
{
	struct streamed *s = job->streamed;

	if (start_peer(job))
		return -1;
	return job->peer->stream(s->tasks, STREAM_WINDOW, note_bytes, s);
}

int measure_streamed(const struct options *o, const struct contender *peer, struct streamed *s)
{
	const struct shape all = { .name = "stream", .ntasks = s->tasks };
	struct job job = {
		.opt = o, .contender = peer, .threads = 1, .shape = &all, .streamed = s,
		.measure = streams,
	};

	return in_child(&job);
}

/* ---- correctness -------------------------------------------------------- */

static int run_checked(struct job *job, void *graph, struct check *check)
{
	uint32_t task;

	for (check->run = 1; check->run <= 2; check->run++) {
		if (job->peer->run(graph))
			return -1;
		for (task = 0; task < job->shape->ntasks; task++)
			if (check->ran[task] != check->run)
				check->wrong++;
	}
	if (!check->wrong)
		return 0;
	fprintf(stderr, "pto-bench: %u tasks were not run once and in order\n", check->wrong);
	return -1;
}

static int check(struct job *job)
{
	struct check check = {
		.first = job->shape->first,
		.pred = job->shape->pred,
		.ran = calloc(job->shape->ntasks, sizeof(*check.ran)),
	};
	const struct work work = { .kernel = "check", .body = body_check, .ctx = &check };
	void *graph;

	if (!check.ran || start_peer(job))
		return -1;
	graph = job->peer->build(job->shape, &work);
	if (!graph || run_checked(job, graph, &check))
		return -1;
	if (job->peer->inlined)
		job->cell->inlined = (double)job->peer->inlined(graph) / job->shape->ntasks;
	job->peer->free(graph);
	free(check.ran);
	job->cell->checked = true;
	return 0;
}

int measure_check(const struct options *o, const struct shape *shape, struct cell *cell)
{
	struct job job = {
		.opt = o, .contender = cell->peer, .threads = cell->threads,
		.shape = shape, .cell = cell, .measure = check,
	};

	return in_child(&job);
}

/* ---- latency ------------------------------------------------------------ */

static int launch(struct job *job, unsigned int reps, const struct timespec *pause, double scale,
		  struct launches *l)
{
	double *enter = l->enter + l->count, *total = l->total + l->count;
	uint64_t stamp = 0, start;
	const struct work work = { .kernel = "stamp", .body = body_stamp, .ctx = &stamp };
	unsigned int i;
	void *graph;

	for (i = 0; i < reps; i++) {
		if (pause)
			nanosleep(pause, NULL);
		start = ticks();
		graph = job->peer->build(job->shape, &work);
		if (!graph || job->peer->run(graph))
			return -1;
		job->peer->free(graph);
		total[i] = (ticks() - start) * scale;
		enter[i] = (stamp - start) * scale;
	}
	l->count += reps;
	return 0;
}

static int latency(struct job *job)
{
	const struct timespec pause = { .tv_nsec = COLD_NS };
	struct latency *l = job->latency;
	double scale = ns_per_tick();

	if (start_peer(job) || launch(job, HOT_REPS, NULL, scale, &l->hot))
		return -1;
	return launch(job, COLD_REPS, &pause, scale, &l->cold);
}

int measure_latency(const struct options *o, const struct shape *one, struct latency *l)
{
	struct job job = {
		.opt = o, .contender = l->peer, .threads = l->threads, .shape = one,
		.latency = l, .measure = latency,
	};

	return in_child(&job);
}

/* ---- noise -------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct stat stat_of(double *value, unsigned int n)
{
	qsort(value, n, sizeof(*value), compare);
	return (struct stat){ n ? value[0] : 0, n ? value[n / 2] : 0 };
}

int measure_noise(struct noise *noise)
{
	double *took = malloc(NOISE_REPS * sizeof(*took));
	volatile unsigned int loop;
	unsigned int i;

	if (!took)
		return -1;
	for (i = 0; i < NOISE_REPS; i++) {
		took[i] = now();
		for (loop = 0; loop < NOISE_LOOPS; loop++)
			;
		took[i] = now() - took[i];
	}
	stat_of(took, NOISE_REPS);
	noise->median = took[NOISE_REPS / 2] / took[0];
	noise->p90 = took[NOISE_REPS * 9 / 10] / took[0];
	noise->max = took[NOISE_REPS - 1] / took[0];
	free(took);
	return 0;
}
