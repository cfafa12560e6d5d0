// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The fuzzer of the driver: rounds, their ends, and what came of them. See driver_fuzz.h. */
#include <argp.h>
#include <glob.h>
#include <pthread.h>
#include <time.h>

#include "../uapi/genl.h"
#include "driver_fuzz.h"

#define ROUND_MS	400
#define STUCK_S		20
#define THREADS_MAX	16

enum round_end {
	END_EXIT,		/* while everything runs */
	END_KILL,
	END_CLOSE,
	END_UNMAP,
	END_RESET,
	END_UNPLUG,
	ENDS,
};

struct options {
	unsigned int seconds, threads;
	uint64_t seed;
};

static struct options options = { .seconds = 60, .threads = 3 };

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

/* ---- a round, in a process of its own ---- */

static void *run_inputs(void *arg)
{
	struct fuzzer *f = arg;

	fuzz_cover_open(f);
	if (fuzz_random(f, 4))
		fuzz_ring_open(f);
	for (;;) {
		fuzz_input_make(f);
		fuzz_input_run(f);
	}
	return NULL;
}

static void sleep_ms(unsigned int ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/* Whoever has the file, the context is over; the threads go on a little. */
static void round_finish(struct round *round, enum round_end end)
{
	switch (end) {
	case END_KILL:
		kill(getpid(), SIGKILL);
		break;
	case END_CLOSE:
		uapi_shutdown(&round->u);
		break;
	case END_UNMAP:
		munmap((void *)round->u.ctl, PAGE);
		break;
	case END_RESET:
		genl_reset_device(round->device);
		break;
	case END_UNPLUG:
		uapi_unplug(round->device);
		break;
	default:
		return;
	}
	sleep_ms(20);
}

static void round_run(struct shared *shared, uint64_t seed, unsigned int device,
		      enum round_end end)
{
	static struct round round;
	static struct fuzzer fuzzers[THREADS_MAX];
	pthread_t thread;
	unsigned int i;
	int err;

	err = round_open(&round, device);
	if (err) {
		fprintf(stderr, "pto%u: %s\n", device, strerror(-err));
		_exit(1);
	}
	for (i = 0; i < options.threads; i++) {
		fuzzers[i].shared = shared;
		fuzzers[i].round = &round;
		fuzzers[i].seed = (seed + i) * 0x9e3779b97f4a7c15ULL + 1;
		pthread_create(&thread, NULL, run_inputs, &fuzzers[i]);
	}
	sleep_ms(ROUND_MS + seed % ROUND_MS);
	round_finish(&round, end);
	_exit(0);
}

/* ---- rounds ---- */

/* What the threads of a process that does not end wait for. */
static void tell_stuck(pid_t pid)
{
	char command[160];

	fprintf(stderr, "process %d does not end\n", pid);
	snprintf(command, sizeof(command),
		 "for t in /proc/%d/task/*; do cat $t/comm $t/syscall $t/stack; done >&2", pid);
	if (system(command))
		fprintf(stderr, "its threads are gone\n");
}

/* A device core dump that nobody takes holds the module for minutes. */
static void coredumps_remove(void)
{
	glob_t found;
	size_t i;

	if (glob("/sys/class/devcoredump/devcd*/data", 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc; i++) {
		FILE *file = fopen(found.gl_pathv[i], "w");

		if (!file)
			continue;
		fputc('1', file);
		fclose(file);
	}
	globfree(&found);
}

/*
 * True: nobody holds the module any more. A ring of a dead process lets go of its files from
 * a kernel worker, a little later; what it never lets go of has leaked.
 */
static bool round_released(void)
{
	double limit = seconds_now() + STUCK_S;
	int users;

	for (;;) {
		FILE *file = fopen("/sys/module/pto/refcnt", "r");

		coredumps_remove();
		if (!file || fscanf(file, "%d", &users) != 1)
			users = -1;
		if (file)
			fclose(file);
		if (!users)
			return true;
		if (seconds_now() > limit)
			break;
		sleep_ms(5);
	}
	fprintf(stderr, "the process is gone, but %d references to the module are left\n", users);
	return false;
}

/* True: the round has ended as it should. */
static bool round_wait(pid_t pid, enum round_end end)
{
	double limit = seconds_now() + STUCK_S;
	int status;

	while (seconds_now() < limit) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			goto ended;
		sleep_ms(5);
	}
	tell_stuck(pid);
	kill(pid, SIGKILL);
	return false;
ended:
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 0;
	if (end == END_KILL && WTERMSIG(status) == SIGKILL)
		return true;
	fprintf(stderr, "the round died of signal %d\n", WTERMSIG(status));
	return false;
}

/* The device and how it ends. The first device is never unplugged. */
static enum round_end round_plan(unsigned int round, unsigned int *device)
{
	enum round_end end = round % ENDS;
	unsigned int last = uapi_last_device();

	*device = round % (last + 1);
	/* Seldom, as each is for good. */
	if (end == END_UNPLUG && (!last || round / ENDS % 4))
		return END_EXIT;
	if (end == END_UNPLUG)
		*device = last;
	return end;
}

static bool rounds_run(struct shared *shared, double until)
{
	enum round_end end;
	unsigned int device, round;
	pid_t pid;

	for (round = 0; seconds_now() < until; round++) {
		end = round_plan(round, &device);
		pid = fork();
		if (!pid)
			round_run(shared, options.seed + round * 1000, device, end);
		if (pid < 0 || !round_wait(pid, end) || !round_released()) {
			fprintf(stderr, "round %u of seed %llu failed\n", round,
				(unsigned long long)options.seed);
			return false;
		}
		uapi_knob(device, "hang", 0);
		uapi_knob(device, "latency_ns", 0);
		atomic_fetch_add(&shared->rounds, 1);
	}
	return true;
}

static void report(struct shared *shared, double seconds)
{
	static const char *const names[CALLS] = {
		"QUERY", "CTX_SET", "CTX_CLOSE", "MEM_ALLOC", "MEM_COPY", "PROG_LOAD",
		"STREAM_CREATE", "STREAM_SUBMIT", "STREAM_WAIT", "STREAM_CTL", "EVENT_FD",
		"FAULT_QUERY", "RESET", "OBJ_DESTROY", "EMU_ATTACH", "EMU_STEP",
	};
	unsigned long calls = 0;
	unsigned int i;

	for (i = 0; i < CALLS; i++) {
		calls += shared->calls[i];
		printf("# %-14s %8lu calls, %8lu good\n", names[i], shared->calls[i],
		       shared->good[i]);
	}
	printf("# netlink        %8lu messages, %8lu of the family came\n", shared->messages,
	       shared->answers);
	printf("# seed %llu: %u rounds, %lu inputs, %u of them kept, %u PCs\n",
	       (unsigned long long)options.seed, shared->rounds, shared->inputs,
	       shared->n_corpus, shared->n_pcs);
	printf("# %.0f steps, of them %.0f calls, per second\n", shared->steps / seconds,
	       calls / seconds);
}

/* ---- the command line ---- */

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 's':
		options.seed = strtoull(arg, NULL, 0);
		return 0;
	case 't':
		options.seconds = atoi(arg);
		return 0;
	case 'j':
		options.threads = atoi(arg);
		if (!options.threads || options.threads > THREADS_MAX)
			argp_error(state, "threads: 1 to %d", THREADS_MAX);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option known[] = {
	{ "seconds", 't', "N", 0, "how long (default 60)", 0 },
	{ "seed", 's', "N", 0, "of the random numbers (default: the time)", 0 },
	{ "threads", 'j', "N", 0, "on one context (default 3)", 0 },
	{ 0 },
};

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = known,
		.parser = parse,
		.doc = "Fuzz the calls, mappings, emulator's queues and netlink family of the pto "
		       "driver.",
	};
	struct shared *shared;
	double start = seconds_now();
	bool ok;

	options.seed = time(NULL);
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	printf("TAP version 13\n1..1\n# seed %llu\n", (unsigned long long)options.seed);
	ok = rounds_run(shared, start + options.seconds);
	report(shared, seconds_now() - start);
	printf("%s 1 - fuzz the driver\n", ok ? "ok" : "not ok");
	return !ok;
}
