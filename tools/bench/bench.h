/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * pto-bench: what a task costs.
 *
 * Each measurement is made by a process of its own, which loads one peer, and
 * leaves its result in memory that it shares with the parent.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shapes.h"

#define MAX_LIST	4	/* numbers of threads, sizes */
#define MAX_REPS	1000

/**
 * enum contender_kind - what a comparison says about a peer
 * @ABSENT:	it has no part in it
 * @SUBJECT:	libpto, which is compared
 * @RIVAL:	it is compared with the best of these
 * @SHOWN:	shown only, as it does something else
 * @FLOOR:	what is possible
 */
enum contender_kind { ABSENT, SUBJECT, RIVAL, SHOWN, FLOOR };

/**
 * struct contender - something that is measured
 * @object:	what is loaded for it, if it is not called @name
 * @kind:	where edges are given
 * @inferred:	where they follow from what tasks read and write
 * @counts_from: as a RIVAL only with so many threads
 * @max_threads: it knows no more; 0: any number
 * @trim:	malloc gives memory back, as is its default
 * @emulator_threads: libpto: cores run on threads of their own, not in place
 * @asked:	only when it is asked for
 * @slow:	it takes many times as long as others, and has fewer repetitions
 * @present:	it has been built, and is asked for; @named: it was, by its name
 */
struct contender {
	const char *name;
	const char *object;
	const char *title;
	enum contender_kind kind, inferred;
	unsigned int counts_from;
	unsigned int max_threads;
	bool trim;
	bool emulator_threads;
	bool asked;
	bool slow;
	bool present;
	bool named;
};

/** struct list - numbers from the command line */
struct list {
	unsigned int count;
	uint32_t at[MAX_LIST];
};

struct options {
	const char *graph;	/* NULL: all */
	uint32_t tasks;		/* 0: each shape's usual number */
	unsigned int reps;
	bool reps_given;
	unsigned int blocks;
	bool json;
	bool graphs, inferred, bodies, latency, growth, bare;
	struct list threads;
	struct list sizes;
	struct list body;	/* ns */
	char *dir;		/* of peers and kernels */
};

/** struct sample - one repetition, in ns */
struct sample {
	double build, run, again, free;
};

/**
 * struct cell - a graph run by a peer
 * @kind:	what a comparison says about it
 * @tasks:	how many it has
 * @body:	ns that each of them takes
 * @checked:	a run of a checking kernel found nothing wrong
 * @inlined:	the part of the tasks that the thread that made them ran meanwhile
 * @bytes:	of memory per task; 0: not measured
 * @first:	the first graph of this size in a process: its memory is new
 */
struct cell {
	const struct contender *peer;
	enum contender_kind kind;
	const char *graph;
	unsigned int threads;
	uint32_t tasks;
	uint32_t body;
	bool checked;
	double inlined;
	double bytes;
	struct sample first;
	unsigned int count;
	struct sample sample[];
};

struct stat {
	double min, median;
};

/* Launches that one process makes. */
#define HOT_REPS	500
#define COLD_REPS	20

/**
 * struct launches - of a graph of one task, @count of them, in ns from before it is built
 * @enter:	until its body is entered
 * @total:	until it has run and is freed
 */
struct launches {
	unsigned int count;
	double *enter, *total;
};

/** struct latency - @hot: one right after the other; @cold: the caches have had other use */
struct latency {
	const struct contender *peer;
	unsigned int threads;
	struct launches hot, cold;
	double room[];
};

/**
 * struct verdict - what libpto took, over what the best peer took
 * @peer:	the one with the least minimum; "": none is here
 * @limit:	a ratio below it is ahead
 */
struct verdict {
	const char *peer;
	struct stat ratio;
	double limit;
};

/** struct noise - how long a loop of always the same work took, over its minimum */
struct noise {
	double median, p90, max;
};

#define STREAM_WINDOW	1024

/**
 * struct streamed - resident memory of a process that streams tasks through a window of STREAM_WINDOW
 * @tasks:	how many in all
 * @bytes:	after each tenth of them, @count of these
 */
struct streamed {
	uint32_t tasks;
	unsigned int count;
	double bytes[10];
};

/** struct results - all that was measured; cells in the order of the tables */
struct results {
	struct noise noise;
	struct cell **graph;
	struct cell **inferred;
	struct cell **body;
	struct cell **growth;
	struct latency **latency;
	struct streamed *streamed;	/* NULL: not measured */
	unsigned int graphs, inferreds, bodies, growths, latencies;
};

/* ---- contenders.c ------------------------------------------------------- */

extern struct contender contenders[];
extern const unsigned int contender_count;

const char *contender_object(const struct contender *c);
bool contender_able(const struct contender *c, unsigned int threads);

/* Has it been built, and is asked for? */
bool contender_here(const char *name);

/* Which ones are asked for: those that need not be; none; one more, or -1. */
void contenders_usual(void);
void contenders_none(void);
int contenders_add(const char *name);
int contenders_find(const char *dir);

/* ---- measure.c ---------------------------------------------------------- */

/* Results that children fill in; NULL: no memory. For the life of the process. */
struct cell *cell_new(const struct contender *peer, enum contender_kind kind,
		      const struct shape *shape, unsigned int threads, unsigned int reps);
struct latency *latency_new(const struct contender *peer, unsigned int threads, unsigned int turns);
struct streamed *streamed_new(uint32_t tasks);

/* Each 0, or -1 when the peer failed, which has said why. */
int measure_times(const struct options *o, const struct shape *shape, struct cell *cell,
		  unsigned int reps);
int measure_bytes(const struct options *o, const struct shape *shape, struct cell *cell);
int measure_check(const struct options *o, const struct shape *shape, struct cell *cell);
int measure_streamed(const struct options *o, const struct contender *peer, struct streamed *s);
int measure_latency(const struct options *o, const struct shape *one, struct latency *l);

int measure_noise(struct noise *noise);

/* To a terminal on standard error, what is being measured; "": no more. */
void progress(const char *graph, const char *peer, unsigned int threads);

/* ---- report.c, json.c --------------------------------------------------- */

struct stat stat_of(double *value, unsigned int n);

/* Is libpto compared with it? */
bool cell_counts(const struct cell *cell);

/* ns per task of building, running and freeing; of the first time; and of one of the parts. */
struct stat cell_total(const struct cell *cell);
struct stat cell_part(const struct cell *cell, size_t offset);
double cell_first(const struct cell *cell);
#define CELL_PART(cell, name) cell_part(cell, offsetof(struct sample, name))

void report_noise(const struct noise *noise);
/* Of graphs with edges that are given, or @inferred. */
void report_head(const struct options *o, unsigned int threads, bool inferred);
void report_cells(struct cell *const *cell, unsigned int n, bool inferred);
struct verdict compare_total(struct cell *const *all, unsigned int n, const struct cell *cell);
struct verdict compare_again(struct cell *const *all, unsigned int n, const struct cell *cell);
void report_compare(struct cell *const *cell, unsigned int n, unsigned int threads);
void report_streamed(const struct streamed *s);
/* Cells of one graph, number of threads and body follow each other, by peer. */
void report_bodies(const struct results *r);
/* Cells of one graph, peer and number of threads follow each other, by size. */
void report_growth(const struct options *o, const struct results *r);
void report_latency(const struct results *r);

/* 0, or -1: could not be written. */
int report_json(const struct options *o, const struct results *r);

#endif
