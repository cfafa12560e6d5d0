// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Ranges of addresses, and which of them overlap. */
#include "graph/grid.h"

#define CELL_SHIFT	6
#define LEVEL_SHIFT	2
#define TOP		29	/* one cell is all there is */

_Static_assert(CELL_SHIFT + LEVEL_SHIFT * TOP == 64, "the top level is all addresses");

/**
 * struct grid_cell
 * @index:	which of its level
 * @below:	which of the cells in it there are, a bit each
 */
struct grid_cell {
	struct table_node node;
	uint64_t index;
	uint32_t level;
	uint32_t below;
	struct grid_member *members;
};

bool grid_init(struct grid *g)
{
	*g = (struct grid){ .pool.size = sizeof(struct grid_cell) };
	return table_init(&g->cells);
}

void grid_free(struct grid *g)
{
	free(g->cells.bucket);
	pool_free(&g->pool);
}

static __inline uint64_t cell_index(uint64_t at, unsigned int level)
{
	return level == TOP ? 0 : at >> (CELL_SHIFT + LEVEL_SHIFT * level);
}

static __inline uint64_t cell_hash(unsigned int level, uint64_t index)
{
	return table_hash(index >> 6 ^ (uint64_t)level << 58, index);
}

static unsigned int level_for(uint64_t size)
{
	unsigned int bits = size < 2 ? 0 : 64 - __builtin_clzll(size - 1);

	return bits <= CELL_SHIFT ? 0 : (bits - CELL_SHIFT + LEVEL_SHIFT - 1) / LEVEL_SHIFT;
}

static struct grid_cell *cell_find(const struct grid *g, unsigned int level, uint64_t index)
{
	uint64_t hash = cell_hash(level, index);
	struct table_node *n;

	for (n = table_first(&g->cells, hash); n; n = n->next) {
		struct grid_cell *c = (struct grid_cell *)n;

		if (c->index == index && c->level == level)
			return c;
	}
	return NULL;
}

/* NULL: no memory. */
static struct grid_cell *cell_get(struct grid *g, unsigned int level, uint64_t index)
{
	struct grid_cell *c = cell_find(g, level, index), *above;

	if (c)
		return c;
	c = pool_get(&g->pool);
	if (!c)
		return NULL;
	c->index = index;
	c->level = level;
	c->below = 0;
	c->members = NULL;
	table_add(&g->cells, &c->node, cell_hash(level, index));
	if (level >= g->top)
		return c;
	above = cell_get(g, level + 1, index >> LEVEL_SHIFT);
	if (!above)
		return NULL;
	above->below |= 1u << (index & 3);
	return c;
}

static void cell_drop(struct grid *g, struct grid_cell *c)
{
	struct grid_cell *above;

	while (!c->members && !c->below) {
		above = c->level < g->top ? cell_find(g, c->level + 1, c->index >> LEVEL_SHIFT) : NULL;
		if (above)
			above->below &= ~(1u << (c->index & 3));
		table_remove(&g->cells, &c->node);
		pool_put(&g->pool, c);
		if (!above)
			return;
		c = above;
	}
}

/* The cells of what has been the top level get to be in others. */
static bool raise_top(struct grid *g, unsigned int level)
{
	unsigned int was = g->top;
	struct pool_block *block;
	uint32_t i;

	g->top = level;
	for (block = g->pool.blocks; block; block = block->next) {
		for (i = 0; i < POOL_BLOCK; i++) {
			struct grid_cell *c = (struct grid_cell *)block->object + i, *above;

			/* What is not in use is empty. */
			if (c->level != was || (!c->members && !c->below))
				continue;
			above = cell_get(g, was + 1, c->index >> LEVEL_SHIFT);
			if (!above)
				return false;
			above->below |= 1u << (c->index & 3);
		}
	}
	return true;
}

typedef bool (*visit_fn)(struct grid_range *r, struct grid_range *other);

/* Two that have two cells in common meet in the first one. */
static bool visit_cell(const struct grid_cell *c, struct grid_range *r, visit_fn visit)
{
	uint64_t from = cell_index(r->lo, c->level);
	const struct grid_member *m;

	for (m = c->members; m; m = m->next) {
		struct grid_range *other = m->range;

		if (other->lo < r->hi && r->lo < other->hi &&
		    c->index == max(cell_index(other->lo, c->level), from) && !visit(r, other))
			return false;
	}
	return true;
}

static bool visit_below(const struct grid *g, const struct grid_cell *c, struct grid_range *r,
			visit_fn visit)
{
	uint64_t from, end, index;
	const struct grid_cell *in;
	unsigned int i;

	if (!c->below)
		return true;
	from = cell_index(r->lo, c->level - 1);
	end = cell_index(r->hi - 1, c->level - 1);
	for (i = 0; i < 4; i++) {
		index = (c->index << LEVEL_SHIFT) + i;
		if (!(c->below & 1u << i) || index < from || index > end)
			continue;
		in = cell_find(g, c->level - 1, index);
		if (!visit_cell(in, r, visit) || !visit_below(g, in, r, visit))
			return false;
	}
	return true;
}

static bool visit_above(const struct grid *g, unsigned int level, struct grid_range *r,
			visit_fn visit)
{
	uint32_t levels = g->levels >> level >> 1 << 1 << level;
	const struct grid_cell *c;
	uint64_t index, end;

	for (; levels; levels &= levels - 1) {
		level = __builtin_ctz(levels);
		end = cell_index(r->hi - 1, level);
		for (index = cell_index(r->lo, level); index <= end; index++) {
			c = cell_find(g, level, index);
			if (c && !visit_cell(c, r, visit))
				return false;
		}
	}
	return true;
}

/* A cell of the range's own level. */
static bool join(struct grid *g, struct grid_range *r, struct grid_member *m, unsigned int level,
		 uint64_t index, visit_fn visit)
{
	struct grid_cell *c = cell_get(g, level, index);

	if (!c || !visit_cell(c, r, visit) || !visit_below(g, c, r, visit))
		return false;
	m->cell = c;
	m->range = r;
	m->next = c->members;
	m->at = &c->members;
	if (m->next)
		m->next->at = &m->next;
	c->members = m;
	return true;
}

static void leave(struct grid *g, struct grid_member *m)
{
	*m->at = m->next;
	if (m->next)
		m->next->at = m->at;
	if (!m->cell->members)
		cell_drop(g, m->cell);
}

bool grid_add(struct grid *g, struct grid_range *r, visit_fn visit)
{
	unsigned int level = level_for(r->hi - r->lo);
	uint64_t first = cell_index(r->lo, level), last = cell_index(r->hi - 1, level);

	if (unlikely(level > g->top) && !raise_top(g, level))
		return false;
	g->levels |= 1u << level;
	r->member[1].cell = NULL;
	/* The second cell first: there it must not meet itself. */
	if (first != last && !join(g, r, &r->member[1], level, last, visit))
		return false;
	return join(g, r, &r->member[0], level, first, visit) && visit_above(g, level, r, visit);
}

void grid_remove(struct grid *g, struct grid_range *r)
{
	leave(g, &r->member[0]);
	if (r->member[1].cell)
		leave(g, &r->member[1]);
}
