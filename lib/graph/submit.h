/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What tasks with tensors need, in a graph and in a window. @id names a task in error texts. */
#ifndef GRAPH_SUBMIT_H
#define GRAPH_SUBMIT_H

#include <pto/pto.h>

#include "graph/depmap.h"
#include "graph/graph.h"

/** submit_check - 0 or -EINVAL: sizes, numbers, and flags */
int submit_check(const struct pto_task *t, uint64_t id);

/** submit_check_tensors - the tensors of a task that is fine so far */
int submit_check_tensors(const struct pto_task *t, uint64_t id);

extern const char *const lane_name[PTO_LANES];

/** submit_lanes - the lanes of a task, a bit each; or -errno */
int submit_lanes(const struct pto_graph *g, const struct pto_task *t, uint64_t id);

/* Is it more than one? */
static inline bool lanes_mixed(unsigned int lanes)
{
	return lanes & (lanes - 1);
}

/*
 * What a task has beside its place: if it is mixed, a descriptor for each lane; copies of
 * the tensors; and what the kernels are called with.
 */
static inline size_t submit_size(const struct pto_task *t, unsigned int lanes)
{
	return (lanes_mixed(lanes) ? PTO_LANES * sizeof(struct pto_desc) : 0) +
	       t->naccesses * (sizeof(struct pto_tensor) + sizeof(uint64_t)) +
	       t->nscalars * sizeof(uint64_t);
}

/* Of a task with tensors: their copies lie right before what its kernels are called with. */
static inline struct pto_tensor *submit_copies(const struct pto_desc *desc, uint32_t naccesses)
{
	return (struct pto_tensor *)(uintptr_t)desc->launch.args - naccesses;
}

/** submit_fill - fill in @desc, and what it points to, of submit_size() bytes, at @at */
void submit_fill(const struct pto_graph *g, const struct pto_task *t, unsigned int lanes,
		 uint64_t id, void *at, struct pto_desc *desc);

/** submit_infer - whom task number @id must wait for; on failure @deps lacks something */
int submit_infer(const struct pto_task *t, uint32_t id, struct depmap *deps,
		 struct depmap_preds *preds);

#endif
