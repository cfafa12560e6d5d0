/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * PTO_CHECK: do tasks touch the same bytes, one of them writing, without an order between
 * them?
 *
 * Tasks are noted with what they access, and with the tasks that they wait for, whatever
 * these come from. To look at them is to infer the dependencies of all accesses once
 * more, without any way to opt out: the tasks are in order if each inferred edge leads
 * from a task to one that comes after it. Most of these edges are there; for the others
 * 64 tasks at a time are carried along the edges, a bit each, to all that comes after them.
 *
 * That inferred edges will do, and not each pair of accesses needs a look, is since what the
 * dependency map forgets has been written, or read, anew by tasks that wait for the ones
 * forgotten: who conflicts with those conflicts with these.
 *
 * Of a flow the last tasks are kept, three windows of them at the most. Tasks that lie a
 * window or more apart are in order, as the window is.
 *
 * A call that fails is remembered: check_verdict() tells. Not thread-safe.
 */
#ifndef GRAPH_CHECK_H
#define GRAPH_CHECK_H

#include <stdint.h>

#include <pto/pto.h>

struct check;
struct pto_graph;

/** enum check_level - what PTO_CHECK asks for */
enum check_level {
	CHECK_OFF,
	CHECK_TRUST,	/* all but tensors with manual_dep */
	CHECK_ALL,
};

/** check_level - as the environment says; a bad value is warned of */
enum check_level check_level(void);

/** check_new - for a flow with a window of so many tasks; 0: for a graph. NULL: no memory */
struct check *check_new(enum check_level level, uint32_t window);
void check_free(struct check *c);

/** check_task - the next task is @id, or later in a graph: those between access nothing */
void check_task(struct check *c, uint32_t id, const struct pto_task *t);

/** check_after - @task, which was noted, runs after @pred */
void check_after(struct check *c, uint32_t task, uint32_t pred);

/** check_graph - a graph's tasks as it is now; what it returns is check_verdict()'s */
int check_graph(struct check *c, const struct pto_graph *g);

/** check_flow - look at what is left of a flow that is over */
int check_flow(struct check *c);

#endif
