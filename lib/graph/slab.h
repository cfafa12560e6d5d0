/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
#ifndef GRAPH_SLAB_H
#define GRAPH_SLAB_H

struct graph_slabs;

/** slabs_add - one more slab, uninitialised; 0 or -ENOMEM, without an error text */
int slabs_add(struct graph_slabs *slabs);
void slabs_free(struct graph_slabs *slabs);

#endif
