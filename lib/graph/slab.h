/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
#ifndef GRAPH_SLAB_H
#define GRAPH_SLAB_H

#include <stdbool.h>

struct graph_slab;

/** slab_get - an uninitialised slab; @huge: it will be filled; NULL with an error text */
struct graph_slab *slab_get(bool huge);
void slab_put(struct graph_slab *slab);

#endif
