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

/** submit_lane - the lane of a task of one kernel, and its func_id; or -errno */
int submit_lane(const struct pto_graph *g, const struct pto_task *t, uint64_t id, int *func_id);

/* Bytes of the copies of the tensors and, behind them, of what the kernel is called with. */
static inline size_t submit_args_size(const struct pto_task *t)
{
	return t->naccesses * (sizeof(struct pto_tensor) + sizeof(uint64_t)) +
	       t->nscalars * sizeof(uint64_t);
}

/** submit_fill_args - fill these in at @at, and point @desc to them */
void submit_fill_args(const struct pto_task *t, void *at, struct pto_desc *desc);

/** submit_infer - whom task number @id must wait for; on failure @deps lacks something */
int submit_infer(const struct pto_task *t, uint32_t id, struct depmap *deps,
		 struct depmap_preds *preds);

#endif
