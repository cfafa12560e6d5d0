/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The grid: which of many ranges of addresses have one in common with a given range.
 *
 * There are levels of cells: one of level k is 4^k times 64 bytes wide, and lies in one of
 * level k + 1. A range is put at the lowest level whose cells are at least as wide as it
 * is, so it touches one cell, or two. Only cells that have something in them exist; each
 * knows which of the four cells in it do, up to the highest level that has a range. So
 * what overlaps a range is found in the cells that it touches at its own level and at those
 * above which have any, and below by going down where there is something: whatever else is in
 * the grid costs nothing.
 *
 * Where all ranges are about as long, as tiles are, there is but one level.
 */
#ifndef GRAPH_GRID_H
#define GRAPH_GRID_H

#include "graph/table.h"

struct grid_cell;

struct grid_range;

/** struct grid_member - a range in a cell; @at points to what points to it */
struct grid_member {
	struct grid_member *next, **at;
	struct grid_cell *cell;
	struct grid_range *range;
};

/** struct grid_range - bytes @lo to @hi - 1, in one cell or two */
struct grid_range {
	uint64_t lo, hi;
	struct grid_member member[2];
};

/**
 * struct grid
 * @levels:	those that have had ranges, a bit each
 * @top:	the highest of them
 */
struct grid {
	struct table cells;
	struct pool pool;
	uint32_t levels;
	unsigned int top;
};

/** grid_init - false: no memory */
bool grid_init(struct grid *g);
void grid_free(struct grid *g);

/**
 * grid_add - put in a range whose @lo and @hi are set, and call @visit for each that overlaps it
 *
 * False: no memory, or @visit has returned false; then the grid can only be freed.
 */
bool grid_add(struct grid *g, struct grid_range *r,
	      bool (*visit)(struct grid_range *r, struct grid_range *other));
void grid_remove(struct grid *g, struct grid_range *r);

#endif
