/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* The task graphs that are measured. */
#ifndef BENCH_SHAPES_H
#define BENCH_SHAPES_H

#include <stdint.h>

/**
 * struct shape - a graph, its tasks in an order in which they could run
 * @ntasks:	number of tasks
 * @first:	@ntasks + 1 indexes into @pred
 * @pred:	the predecessors of task i are pred[first[i]] to pred[first[i + 1] - 1]
 */
struct shape {
	const char *name;
	uint32_t ntasks;
	uint32_t *first;
	uint32_t *pred;
};

/**
 * shape_make - make a graph of about @size tasks
 * @name: indep, chain, layered, wave, tree, random or chol
 *
 * Returns 0 or -EINVAL for another name, -ENOMEM.
 */
int shape_make(struct shape *shape, const char *name, uint32_t size);
void shape_free(struct shape *shape);

extern const char *const shape_names[];
extern const unsigned int shape_count;

#endif
