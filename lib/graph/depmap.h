/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The dependency map: who has read and written which bytes, and whom the next
 * one must therefore wait for.
 *
 * It knows zones, distinct regions that tasks have named, each with the tasks
 * that have written and read it. A zone keeps a list of the zones that
 * share bytes with it, so that a region named again costs one look-up in a hash
 * table, whatever else is in the map; only a region that is new is searched
 * for in a grid. An access visits zones that overlap it, and no others.
 *
 * Entries go when they can say nothing more: a write waits for all before it,
 * so it takes the place of those that it covers; and a task that is complete
 * needs nobody to wait for it. A zone goes with its entries, but not before there
 * are many: tasks are likely to name it again.
 *
 * Tasks are numbered in the order of submission, modulo 2^32.
 *
 * Not thread-safe: its user's lock.
 */
#ifndef GRAPH_DEPMAP_H
#define GRAPH_DEPMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/region.h"

struct depmap;

/** enum depmap_rule - what an access waits for, and who waits for it */
enum depmap_rule {
	DEPMAP_FULL,	/* RAW, WAR and WAW */
	DEPMAP_RAW,	/* PTO_TASK_RAW_ONLY */
};

/** struct depmap_preds - tasks to wait for, some of them perhaps twice; grows as needed */
struct depmap_preds {
	uint32_t *task;
	uint32_t count;
	uint32_t size;
};

/** depmap_new - an empty map; NULL with an error text */
struct depmap *depmap_new(void);
void depmap_free(struct depmap *m);

/**
 * depmap_access - note that @task accesses @r, and add to @preds whom it must wait for
 * @dir:	PTO_IN, PTO_OUT or PTO_INOUT
 *
 * On -ENOMEM the map lacks something, and is not to be used any more.
 */
int depmap_access(struct depmap *m, const struct region *r, uint32_t dir, enum depmap_rule rule,
		  uint32_t task, struct depmap_preds *preds);

/**
 * depmap_retire - all tasks before @tail are complete, and @head is the next one
 *
 * What that leaves is dropped by and by; up to a bound it is kept.
 */
void depmap_retire(struct depmap *m, uint32_t tail, uint32_t head);

/** depmap_zones - number of zones; depmap_entries - of what is noted in them */
uint32_t depmap_zones(const struct depmap *m);
uint32_t depmap_entries(const struct depmap *m);

#endif
