// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Who has read and written which bytes. */
#include "graph/depmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pto/pto.h>

#include "base/error.h"
#include "base/util.h"
#include "graph/grid.h"

/* What is complete is kept this long, since to find a zone costs less than to make it anew. */
#define KEPT_ZONES	1024u
#define KEPT_ENTRIES	8192u
#define KEPT_TASKS	(1u << 24)	/* long before task numbers begin anew */

/** struct access - a task's entry in a zone */
struct access {
	struct access *next;
	uint32_t task;
};

/** struct entries - @count of them, the oldest one first; there is a @last if there is a @first */
struct entries {
	struct access *first, *last;
	uint32_t count;
};

/** struct near - another zone with bytes in common; entry @back there is this one's partner */
struct near {
	struct zone *zone;
	uint32_t back;
};

/**
 * struct zone - a region that tasks have named
 * @latest:	the newest of them; @looked_at: when it was last seen whether that is complete
 * @older, @newer: zones by @looked_at
 * @near:	the zones that overlap it
 */
struct zone {
	/* What is needed when it is made and dropped. */
	struct zone *older, *newer;
	struct grid_range range;
	/* What is needed when it is named again, and no more than two cache lines of it. */
	struct table_node node;
	struct entries writers, readers;
	uint32_t latest, looked_at;
	uint32_t nnear, near_size;
	struct near *near;
	struct region r;
};

/**
 * struct depmap
 * @tail:	tasks before it are complete, if @retires; @head: the task that comes next
 * @zones:	by their region; @nentries: of all of them
 * @zone_pool:	those that are flat, which are all but the layout of their region, in the second
 */
struct depmap {
	bool retires;
	uint32_t tail, head;
	uint32_t nentries;
	struct table zones;
	struct zone *oldest, *newest;
	struct pool zone_pool[2], access_pool;
	struct grid grid;
};

#define FLAT_ZONE	align_up(offsetof(struct zone, r) + offsetof(struct region, ndims), 8)

struct depmap *depmap_new(void)
{
	struct depmap *m = calloc(1, sizeof(*m));
	bool full;

	if (m) {
		m->zone_pool[false].size = sizeof(struct zone);
		m->zone_pool[true].size = FLAT_ZONE;
		m->access_pool.size = sizeof(struct access);
		full = table_init(&m->zones);
		if (grid_init(&m->grid) && full)
			return m;
	}
	depmap_free(m);
	fail(-ENOMEM, "no memory for dependencies");
	return NULL;
}

static void free_zones(struct pool *p)
{
	struct pool_block *block;
	uint32_t i;

	for (block = p->blocks; block; block = block->next)
		for (i = 0; i < POOL_BLOCK; i++)
			free(((struct zone *)(block->object + i * p->size))->near);
	pool_free(p);
}

void depmap_free(struct depmap *m)
{
	if (!m)
		return;
	free_zones(&m->zone_pool[false]);
	free_zones(&m->zone_pool[true]);
	pool_free(&m->access_pool);
	grid_free(&m->grid);
	free(m->zones.bucket);
	free(m);
}

uint32_t depmap_zones(const struct depmap *m)
{
	return m->zones.count;
}

uint32_t depmap_entries(const struct depmap *m)
{
	return m->nentries;
}

static __attribute__((cold)) int no_memory(void)
{
	return fail(-ENOMEM, "no memory to note what tasks read and write");
}

/* ---- entries ------------------------------------------------------------ */

static int entry_add(struct depmap *m, struct entries *e, uint32_t task)
{
	struct access *a;

	/* A task that reads a tensor twice. */
	if (e->first && e->last->task == task)
		return 0;
	a = pool_get(&m->access_pool);
	if (!a)
		return no_memory();
	m->nentries++;
	a->next = NULL;
	a->task = task;
	if (e->first)
		e->last->next = a;
	else
		e->first = a;
	e->last = a;
	e->count++;
	return 0;
}

static void entries_clear(struct depmap *m, struct entries *e)
{
	if (!e->first)
		return;
	m->nentries -= e->count;
	pool_put_list(&m->access_pool, e->first, e->last);
	e->first = NULL;
	e->count = 0;
}

static bool is_complete(const struct depmap *m, uint32_t task)
{
	return m->retires && task - m->tail > m->head - m->tail;
}

static void entries_prune(struct depmap *m, struct entries *e)
{
	struct access *a;

	while ((a = e->first) && is_complete(m, a->task)) {
		e->first = a->next;
		e->count--;
		m->nentries--;
		pool_put(&m->access_pool, a);
	}
}

static void zone_clear(struct depmap *m, struct zone *z)
{
	entries_clear(m, &z->writers);
	entries_clear(m, &z->readers);
}

static void zone_prune(struct depmap *m, struct zone *z)
{
	if (is_complete(m, z->latest)) {
		zone_clear(m, z);
	} else {
		entries_prune(m, &z->writers);
		entries_prune(m, &z->readers);
	}
}

static int collect(struct depmap_preds *p, const struct access *a, uint32_t task)
{
	uint32_t *grown, size;

	for (; a; a = a->next) {
		if (a->task == task)
			continue;
		if (unlikely(p->count == p->size)) {
			size = max(2 * p->size, 64u);
			grown = realloc(p->task, size * sizeof(*grown));
			if (!grown)
				return no_memory();
			p->task = grown;
			p->size = size;
		}
		p->task[p->count++] = a->task;
	}
	return 0;
}

/* ---- zones -------------------------------------------------------------- */

static bool near_add(struct zone *z, struct zone *other, uint32_t back)
{
	uint32_t size;
	struct near *grown;

	if (z->nnear == z->near_size) {
		size = max(2 * z->near_size, 4u);
		grown = realloc(z->near, size * sizeof(*grown));
		if (!grown)
			return false;
		z->near = grown;
		z->near_size = size;
	}
	z->near[z->nnear++] = (struct near){ other, back };
	return true;
}

static void near_remove(struct zone *z, uint32_t at)
{
	const struct near last = z->near[--z->nnear];

	if (at == z->nnear)
		return;
	z->near[at] = last;
	last.zone->near[last.back].back = at;
}

/* They share a part of the address space, and perhaps bytes. */
static bool near_meet(struct grid_range *range, struct grid_range *met)
{
	struct zone *z = container_of(range, struct zone, range);
	struct zone *other = container_of(met, struct zone, range);

	return !region_overlaps(&other->r, &z->r) ||
	       (near_add(z, other, other->nnear) && near_add(other, z, z->nnear - 1));
}

static void look_later(struct depmap *m, struct zone *z, uint32_t task)
{
	z->looked_at = task;
	z->newer = NULL;
	z->older = m->newest;
	if (m->newest)
		m->newest->newer = z;
	else
		m->oldest = z;
	m->newest = z;
}

static void look_no_more(struct depmap *m, struct zone *z)
{
	*(z->older ? &z->older->newer : &m->oldest) = z->newer;
	*(z->newer ? &z->newer->older : &m->newest) = z->older;
}

static struct zone *zone_add(struct depmap *m, const struct region *r, uint64_t hash, uint32_t task)
{
	struct zone *z = pool_get(&m->zone_pool[r->flat]);

	if (!z) {
		no_memory();
		return NULL;
	}
	region_copy(&z->r, r);
	z->writers.first = z->readers.first = NULL;
	z->writers.count = z->readers.count = 0;
	z->nnear = 0;
	z->range.lo = r->lo;
	z->range.hi = r->hi;
	table_add(&m->zones, &z->node, hash);
	z->latest = task;
	look_later(m, z, task);
	if (grid_add(&m->grid, &z->range, near_meet))
		return z;
	no_memory();
	return NULL;
}

static void zone_drop(struct depmap *m, struct zone *z)
{
	table_remove(&m->zones, &z->node);
	look_no_more(m, z);
	while (z->nnear) {
		const struct near n = z->near[--z->nnear];

		near_remove(n.zone, n.back);
	}
	grid_remove(&m->grid, &z->range);
	pool_put(&m->zone_pool[z->r.flat], z);
}

static bool zone_empty(const struct zone *z)
{
	return !z->writers.first && !z->readers.first;
}

/* Neighbours are of one size, and lie in one page. */
static uint64_t zone_hash(const struct region *r)
{
	return table_hash(r->lo >> 12 ^ (r->lo & 63) << 56 ^ (r->hi - r->lo) << 28, r->lo >> 6);
}

static struct zone *zone_find(struct depmap *m, const struct region *r, uint32_t task)
{
	uint64_t hash = zone_hash(r);
	struct table_node *n;

	for (n = table_first(&m->zones, hash); n; n = n->next) {
		struct zone *z = container_of(n, struct zone, node);

		if (n->hash == hash && region_same(&z->r, r))
			return z;
	}
	return zone_add(m, r, hash, task);
}

/* Is there room for what is complete? */
static bool keeps(const struct depmap *m, const struct zone *z)
{
	return likely(m->zones.count <= KEPT_ZONES && m->nentries <= KEPT_ENTRIES) &&
	       m->head - z->looked_at < KEPT_TASKS;
}

/*
 * Zones are looked at in the order of the tasks that they were last looked at for, and each
 * once for all the tasks that have named it since.
 */
void depmap_retire(struct depmap *m, uint32_t tail, uint32_t head)
{
	struct zone *z;

	m->tail = tail;
	m->head = head;
	m->retires = true;
	while ((z = m->oldest) && !keeps(m, z) && is_complete(m, z->looked_at)) {
		__builtin_prefetch(z->newer);
		if (is_complete(m, z->latest)) {
			zone_clear(m, z);
			zone_drop(m, z);
		} else {
			look_no_more(m, z);
			look_later(m, z, m->newest && !is_complete(m, m->newest->looked_at) ?
						 m->newest->looked_at : tail);
		}
	}
}

/* ---- accesses ----------------------------------------------------------- */

/*
 * Whom an access waits for in one zone. A reader has waited for the writers of
 * its zone before it, so who waits for readers need not wait for those as well.
 */
static int visit(const struct zone *z, uint32_t dir, enum depmap_rule rule, uint32_t task,
		 struct depmap_preds *preds)
{
	int ret;

	if (rule == DEPMAP_RAW && dir == PTO_OUT)
		return 0;
	if (rule == DEPMAP_FULL && dir != PTO_IN && z->readers.first) {
		ret = collect(preds, z->readers.first, task);
		if (ret || !z->writers.first ||
		    (int32_t)(z->readers.last->task - z->writers.last->task) > 0)
			return ret;
	}
	return collect(preds, z->writers.first, task);
}

/* A write that has waited for those in @old takes their place. */
static void supersede(struct depmap *m, struct zone *old, enum depmap_rule rule)
{
	entries_clear(m, &old->writers);
	if (rule == DEPMAP_FULL)
		entries_clear(m, &old->readers);
}

int depmap_access(struct depmap *m, const struct region *r, uint32_t dir, enum depmap_rule rule,
		  uint32_t task, struct depmap_preds *preds)
{
	bool waits = dir == PTO_INOUT || (dir == PTO_OUT && rule == DEPMAP_FULL);
	struct zone *z = zone_find(m, r, task), *other;
	uint32_t i;
	int ret;

	if (!z)
		return -ENOMEM;
	zone_prune(m, z);
	z->latest = task;
	ret = visit(z, dir, rule, task, preds);
	for (i = z->nnear; !ret && i--; ) {
		other = z->near[i].zone;
		zone_prune(m, other);
		ret = visit(other, dir, rule, task, preds);
		if (waits && region_covers(&z->r, &other->r))
			supersede(m, other, rule);
		if (zone_empty(other))
			zone_drop(m, other);
	}
	if (ret)
		return ret;
	if (dir == PTO_IN)
		return rule == DEPMAP_FULL ? entry_add(m, &z->readers, task) : 0;
	if (waits)
		supersede(m, z, rule);
	return entry_add(m, &z->writers, task);
}
