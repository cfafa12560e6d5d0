/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
#ifndef GRAPH_SLAB_H
#define GRAPH_SLAB_H

#include <stddef.h>

struct graph_slabs;

/** slabs_add - one more slab, uninitialised; 0 or -ENOMEM, without an error text */
int slabs_add(struct graph_slabs *slabs);
void slabs_free(struct graph_slabs *slabs);

/**
 * slabs_fit - give back what the last slab, a fresh one, has too much
 * @used:	bytes of it; 0: all
 *
 * What is left of its last huge page goes back to the system, if that is much. What is added
 * there later is in small pages. Not for a slab from the cache: there graphs of that size were
 * before.
 */
void slabs_fit(struct graph_slabs *slabs, size_t used);

#endif
