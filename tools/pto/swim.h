/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Profiles: swim_time.json read, summed up, and drawn.
 *
 * A task of the graph is a node; it has a record for each core that it ran on, and each
 * record is a bar. All times are microseconds from the first thing that happened.
 */
#ifndef TOOLS_SWIM_H
#define TOOLS_SWIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#define SWIM_CORES	72
#define SWIM_KINDS	32	/* of phases */

enum core_type { CORE_AIC, CORE_AIV };

/**
 * struct swim_task - a task's run on one core
 * @node:	index of its node
 * @ready:	the last of its predecessors was seen to be done, or it was submitted; 0 without
 *		either
 * @accepted, @done: the driver took it, and saw that it was done; NAN without the driver
 * @head:	from when on its core was its own: handed over, and done with the one before
 * @took:	from when on, until the start, it was the driver's; the start, if it never was
 * @seen:	until when, after the end, it was
 * @tail:	until when the core is shown as not free: the finish, if nothing began before it
 */
struct swim_task {
	int64_t task_id;
	int func_id;
	int core_id;
	int node;
	double dispatch, start, end, finish;
	double ready;
	double accepted, done;
	double head, took, seen, tail;
};

/**
 * struct swim_node - a task and what waits for it
 * @first:	its first record
 * @edge:	index of its first successor in swim.edges; there are @nedges
 * @npred:	predecessors that ran
 * @start, @end, @finish: from the first of its records to the last
 * @level:	how many nodes the longest way from a root to it has, less one
 * @critical:	it is on the critical path
 * @next:	the one after it there; -1: none
 */
struct swim_node {
	int64_t task_id;
	int first;
	int edge, nedges;
	int npred;
	int level;
	bool critical;
	int next;
	double start, end, finish;
};

/** struct swim_func - what is known of a func_id; the times are durations */
struct swim_func {
	int func_id;
	char name[64];
	int count;
	int critical;
	double total, least, most, p50, p99;
};

/** struct swim_core - what is known of a core; count is 0 for one that is not used */
struct swim_core {
	enum core_type type;
	int count;
	double busy;
};

/** struct swim_phase - what an AICPU thread did for a while; @kind: see swim.kinds */
struct swim_phase {
	int kind;
	double start, end;
};

/**
 * struct swim_thread - an AICPU thread
 * @orchestrator: it builds the graph; otherwise it schedules
 * @index:	among those that do the same
 * @tasks:	that it has processed
 * @time:	in phases of each kind; one phase may lie in another
 */
struct swim_thread {
	bool orchestrator;
	int index;
	int tasks;
	struct swim_phase *phases;
	int nphases;
	double time[SWIM_KINDS];
};

/**
 * struct swim - a profile
 * @tasks:	by start
 * @nodes:	by task_id
 * @edges:	indices of nodes
 * @path:	the critical path, indices of nodes: the chain of edges whose tasks
 *		together take longest
 * @path_time:	what they take
 * @funcs:	by func_id
 * @threads:	schedulers, then orchestrators
 * @kinds:	names of phases
 * @head, @tail: means of start - head and of finish - end
 * @driver:	a task has been through the driver
 * @driver_head, @driver_tail: what of @head and @tail was the driver's
 * @span:	from the first thing that happened to the last
 */
struct swim {
	struct swim_task *tasks;
	int ntasks;
	struct swim_node *nodes;
	int nnodes;
	int *edges;
	int nedges;
	int *path;
	int npath;
	double path_time;
	struct swim_func *funcs;
	int nfuncs;
	struct swim_core cores[SWIM_CORES];
	struct swim_thread *threads;
	int nthreads;
	char kinds[SWIM_KINDS][32];
	int nkinds;
	double head, tail;
	bool driver;
	double driver_head, driver_tail;
	double span;
};

/** swim_load - read a profile; -1 after a complaint; swim_free() in any case */
int swim_load(struct swim *swim, const char *path);
void swim_free(struct swim *swim);

/** swim_name - call a func_id @name; one that no task has is passed over */
void swim_name(struct swim *swim, int func_id, const char *name);

/** swim_printable - copy @text, as far as it fits, as printable UTF-8: all writers rely on it */
void swim_printable(char *to, size_t size, const char *text);

/** swim_func - what is known of a func_id; NULL when no task has it */
struct swim_func *swim_func(const struct swim *swim, int func_id);

/** core_name, thread_name - such as "AIC core 0"; valid until the next call */
const char *core_name(const struct swim *swim, int core_id);
const char *thread_name(const struct swim_thread *thread);

/** swim_hue - the colour of the func at @index, in degrees */
int swim_hue(int index);

/* Parts of swim_load(): -1 after a complaint. */
int swim_path(struct swim *swim);
int swim_sum_up(struct swim *swim);

/* Write a profile, or its task graph; PTO_OK, or PTO_FAILED after a complaint. */
int swim_svg(const struct swim *swim, const char *path);
int swim_perfetto(const struct swim *swim, const char *path);
int swim_page(const struct swim *swim, const char *path);
int swim_dot(const struct swim *swim, const char *path);
int swim_graph(const struct swim *swim, const char *path);

/** swim_summary - the figures as text; swim_json - the same, for json_decref() */
void swim_summary(const struct swim *swim);
json_t *swim_json(const struct swim *swim);

/**
 * svg_begin - the first part of a picture: size, colours, title and legend
 *
 * It takes svg_top() pixels. What belongs to the func at index i has class "fi".
 */
void svg_begin(FILE *f, const struct swim *swim, int width, int height);
int svg_top(const struct swim *swim);

/** swim_xml - write text as XML has it */
void swim_xml(FILE *f, const char *text);

/** swim_close - the result of a writer: @f is closed, and whether all of it was written told */
int swim_close(FILE *f, const char *path);

#endif
