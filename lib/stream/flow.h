/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Submitters: who adds tasks to a graph that runs. */
#ifndef STREAM_FLOW_H
#define STREAM_FLOW_H

#include "stream/stream.h"

/**
 * struct pto_flow - one submitter; used by one thread at a time
 * @launch:	the first flow's; NULL in others
 * @index:	in stream->flows
 * @heap:	by depth of scope, allocated when first needed
 * @depth:	scopes that are open, the outermost included
 * @locked:	the call under way has taken the stream's lock
 * @first:	by depth: the first buffer of its heap that is the scope's
 * @held:	tasks that are held back, @nheld of them; from @first_held on, by depth,
 *		the scope's
 * @in_vain:	a task that another holds back, and that there was no use in waiting for
 * @task, ...:	a copy of what is being submitted: it may lie in memory that can
 *		not be read, and that must not be found out under a lock
 */
struct pto_flow {
	struct stream *stream;
	struct pto_launch *launch;
	unsigned int index;
	struct heap heap[STREAM_LEVELS];
	unsigned int depth;
	bool locked;
	uint64_t first[STREAM_DEPTH + 1];
	uint32_t first_held[STREAM_DEPTH + 1];
	uint32_t *held;
	uint32_t nheld;
	uint32_t held_size;
	uint32_t in_vain;
	struct pto_task task;
	struct pto_access access[PTO_MAX_ARGS];
	uint64_t scalar[PTO_MAX_ARGS];
	struct pto_tensor tensor[PTO_MAX_ARGS];
};

/** flow_start - as pto_flow_start(); @lends of those who submit call flow_lend() */
int flow_start(struct pto_graph *g, const struct pto_launch_opts *opts,
	       const struct pto_flow_opts *flow_opts, unsigned int lends, struct pto_flow **flow);

/** flow_scope_begin - as pto_flow_scope_begin(), but the outermost one does not count */
int flow_scope_begin(struct pto_flow *f);

/** flow_lend - flow_end(), and then work on the launch until all is done */
void flow_lend(struct pto_flow *f);

/** flow_end - nothing more is submitted through it; the last one's end is the launch's end */
void flow_end(struct pto_flow *f);

/** flow_verdict - 0 or why a launch that ended well is none: a dependency lost, or PTO_CHECK */
int flow_verdict(struct pto_flow *f);

/** flow_free - free all flows of a launch that is over, but not @f->launch */
void flow_free(struct pto_flow *f);

#endif
