// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Who has read and written which bytes. */
#include "graph/depmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pto/pto.h>

#include "base/error.h"
#include "base/util.h"

#define BUCKETS_FIRST	64
#define BLOCK		64
#define SWEEP_LEAST	256

/** struct access - a task's entry in a zone */
struct access {
	struct access *next;
	uint32_t task;
};

/** struct near - another zone with bytes in common; entry @back there is this one's partner */
struct near {
	struct zone *zone;
	uint32_t back;
};

/**
 * struct zone - a region that tasks have named
 * @chain:	of its bucket, or of unused zones
 * @left, @right: the tree, ordered by r.lo and address; a heap by @prio
 * @max_hi:	the largest r.hi of the tree below
 * @near:	the zones that overlap it
 */
struct zone {
	struct region r;
	struct access *writers, *readers;
	struct zone *chain;
	struct zone *left, *right;
	uint64_t max_hi;
	uint32_t prio;
	uint32_t nnear, near_size;
	struct near *near;
};

/* Zones and accesses are allocated many at a time, and not given back one by one. */
struct block {
	struct block *next;
	char bytes[];
};

/**
 * struct depmap
 * @tail:	tasks before it are complete, if @retires; @head: the task that comes next
 * @sweep_at:	look through all zones for empty ones when there are so many
 */
struct depmap {
	bool retires;
	uint32_t tail, head;
	uint32_t seed;
	struct zone **bucket;
	uint32_t nbuckets;
	uint32_t nzones;
	uint32_t sweep_at;
	struct zone *root;
	struct zone *unused_zones;
	struct access *unused;
	struct block *blocks;
};

struct depmap *depmap_new(void)
{
	struct depmap *m = calloc(1, sizeof(*m));

	if (m)
		m->bucket = calloc(BUCKETS_FIRST, sizeof(*m->bucket));
	if (!m || !m->bucket) {
		free(m);
		fail(-ENOMEM, "no memory for dependencies");
		return NULL;
	}
	m->seed = 1;
	m->nbuckets = BUCKETS_FIRST;
	m->sweep_at = SWEEP_LEAST;
	return m;
}

void depmap_free(struct depmap *m)
{
	struct block *block;
	struct zone *z;
	uint32_t i;

	if (!m)
		return;
	for (i = 0; i < m->nbuckets; i++)
		for (z = m->bucket[i]; z; z = z->chain)
			free(z->near);
	for (z = m->unused_zones; z; z = z->chain)
		free(z->near);
	while ((block = m->blocks)) {
		m->blocks = block->next;
		free(block);
	}
	free(m->bucket);
	free(m);
}

uint32_t depmap_zones(const struct depmap *m)
{
	return m->nzones;
}

static __attribute__((cold)) int no_memory(void)
{
	return fail(-ENOMEM, "no memory to note what tasks read and write");
}

/* Memory for BLOCK more; NULL with an error text. */
static void *add_block(struct depmap *m, size_t size)
{
	struct block *block = calloc(1, sizeof(*block) + BLOCK * size);

	if (!block) {
		no_memory();
		return NULL;
	}
	block->next = m->blocks;
	m->blocks = block;
	return block->bytes;
}

/* ---- entries ------------------------------------------------------------ */

static int entry_add(struct depmap *m, struct access **list, uint32_t task)
{
	struct access *a;
	uint32_t i;

	/* A task that reads a tensor twice. */
	if (*list && (*list)->task == task)
		return 0;
	if (unlikely(!m->unused)) {
		a = add_block(m, sizeof(*a));
		if (!a)
			return -ENOMEM;
		for (i = 0; i < BLOCK; i++, a++) {
			a->next = m->unused;
			m->unused = a;
		}
	}
	a = m->unused;
	m->unused = a->next;
	a->task = task;
	a->next = *list;
	*list = a;
	return 0;
}

static void entries_clear(struct depmap *m, struct access **list)
{
	struct access *a;

	while ((a = *list)) {
		*list = a->next;
		a->next = m->unused;
		m->unused = a;
	}
}

/* Entries are added in front: behind one that lies before the tail all do. */
static void entries_prune(struct depmap *m, struct access **list)
{
	while (*list && (*list)->task - m->tail <= m->head - m->tail)
		list = &(*list)->next;
	entries_clear(m, list);
}

static void zone_prune(struct depmap *m, struct zone *z)
{
	if (!m->retires)
		return;
	entries_prune(m, &z->writers);
	entries_prune(m, &z->readers);
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

/* ---- the tree ----------------------------------------------------------- */

static bool before(const struct zone *a, const struct zone *b)
{
	return a->r.lo != b->r.lo ? a->r.lo < b->r.lo : a < b;
}

static void set_max(struct zone *z)
{
	z->max_hi = z->r.hi;
	if (z->left)
		z->max_hi = max(z->max_hi, z->left->max_hi);
	if (z->right)
		z->max_hi = max(z->max_hi, z->right->max_hi);
}

/* Part a tree into the zones before @at and those after. */
static void tree_split(struct zone *tree, const struct zone *at, struct zone **low,
		       struct zone **high)
{
	if (!tree) {
		*low = *high = NULL;
	} else if (before(tree, at)) {
		tree_split(tree->right, at, &tree->right, high);
		set_max(*low = tree);
	} else {
		tree_split(tree->left, at, low, &tree->left);
		set_max(*high = tree);
	}
}

static struct zone *tree_merge(struct zone *low, struct zone *high)
{
	if (!low || !high)
		return low ?: high;
	if (low->prio > high->prio) {
		low->right = tree_merge(low->right, high);
		set_max(low);
		return low;
	}
	high->left = tree_merge(low, high->left);
	set_max(high);
	return high;
}

static void tree_insert(struct zone **at, struct zone *z)
{
	while (*at && (*at)->prio > z->prio) {
		(*at)->max_hi = max((*at)->max_hi, z->r.hi);
		at = before(*at, z) ? &(*at)->right : &(*at)->left;
	}
	tree_split(*at, z, &z->left, &z->right);
	set_max(z);
	*at = z;
}

static void tree_remove(struct zone **at, struct zone *z)
{
	if (*at == z) {
		*at = tree_merge(z->left, z->right);
		return;
	}
	tree_remove(before(*at, z) ? &(*at)->right : &(*at)->left, z);
	set_max(*at);
}

/* ---- zones -------------------------------------------------------------- */

static int near_add(struct zone *z, struct zone *other, uint32_t back)
{
	uint32_t size;
	struct near *grown;

	if (z->nnear == z->near_size) {
		size = max(2 * z->near_size, 4u);
		grown = realloc(z->near, size * sizeof(*grown));
		if (!grown)
			return no_memory();
		z->near = grown;
		z->near_size = size;
	}
	z->near[z->nnear++] = (struct near){ other, back };
	return 0;
}

static void near_remove(struct zone *z, uint32_t at)
{
	const struct near last = z->near[--z->nnear];

	if (at == z->nnear)
		return;
	z->near[at] = last;
	last.zone->near[last.back].back = at;
}

/* Make @z and each zone below @tree that overlaps it known to each other. */
static int near_find(struct zone *tree, struct zone *z)
{
	int ret;

	while (tree && tree->max_hi > z->r.lo) {
		ret = near_find(tree->left, z);
		if (ret)
			return ret;
		if (tree->r.lo >= z->r.hi)
			return 0;
		if (region_overlaps(&tree->r, &z->r)) {
			ret = near_add(z, tree, tree->nnear) ?: near_add(tree, z, z->nnear - 1);
			if (ret)
				return ret;
		}
		tree = tree->right;
	}
	return 0;
}

static uint32_t bucket_of(const struct depmap *m, const struct region *r)
{
	uint64_t h = (r->lo ^ r->hi << 32) * 0x9e3779b97f4a7c15ull;

	return h >> 32 & (m->nbuckets - 1);
}

static void more_buckets(struct depmap *m)
{
	uint32_t i, n = m->nbuckets;
	struct zone **old = m->bucket, **bucket = calloc(2 * n, sizeof(*bucket));
	struct zone *z, *next;

	/* Longer chains will do. */
	if (!bucket)
		return;
	m->bucket = bucket;
	m->nbuckets = 2 * n;
	for (i = 0; i < n; i++) {
		for (z = old[i]; z; z = next) {
			struct zone **at = &bucket[bucket_of(m, &z->r)];

			next = z->chain;
			z->chain = *at;
			*at = z;
		}
	}
	free(old);
}

static struct zone *zone_get(struct depmap *m)
{
	struct zone *z;
	uint32_t i;

	if (unlikely(!m->unused_zones)) {
		z = add_block(m, sizeof(*z));
		if (!z)
			return NULL;
		for (i = 0; i < BLOCK; i++, z++) {
			z->chain = m->unused_zones;
			m->unused_zones = z;
		}
	}
	z = m->unused_zones;
	m->unused_zones = z->chain;
	return z;
}

static struct zone *zone_add(struct depmap *m, const struct region *r)
{
	struct zone *z = zone_get(m), **at;

	if (!z)
		return NULL;
	if (m->nzones >= m->nbuckets)
		more_buckets(m);
	z->r = *r;
	z->writers = z->readers = NULL;
	z->nnear = 0;
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 17;
	m->seed ^= m->seed << 5;
	z->prio = m->seed;
	at = &m->bucket[bucket_of(m, r)];
	z->chain = *at;
	*at = z;
	m->nzones++;
	/* Before it is in the tree itself. */
	if (near_find(m->root, z))
		return NULL;
	tree_insert(&m->root, z);
	return z;
}

static void zone_drop(struct depmap *m, struct zone *z)
{
	struct zone **at = &m->bucket[bucket_of(m, &z->r)];

	while (*at != z)
		at = &(*at)->chain;
	*at = z->chain;
	while (z->nnear) {
		const struct near n = z->near[--z->nnear];

		near_remove(n.zone, n.back);
	}
	tree_remove(&m->root, z);
	z->chain = m->unused_zones;
	m->unused_zones = z;
	m->nzones--;
}

static bool zone_empty(const struct zone *z)
{
	return !z->writers && !z->readers;
}

/* Amortised: as many zones were made since the last time as are looked at. */
static void sweep(struct depmap *m)
{
	struct zone *z, *next;
	uint32_t i;

	for (i = 0; i < m->nbuckets; i++) {
		for (z = m->bucket[i]; z; z = next) {
			next = z->chain;
			zone_prune(m, z);
			if (zone_empty(z))
				zone_drop(m, z);
		}
	}
	m->sweep_at = max(2 * m->nzones, (uint32_t)SWEEP_LEAST);
}

static struct zone *zone_find(struct depmap *m, const struct region *r)
{
	struct zone *z;

	for (z = m->bucket[bucket_of(m, r)]; z; z = z->chain)
		if (region_same(&z->r, r))
			return z;
	if (m->retires && m->nzones >= m->sweep_at)
		sweep(m);
	return zone_add(m, r);
}

void depmap_retire(struct depmap *m, uint32_t tail, uint32_t head)
{
	m->tail = tail;
	m->head = head;
	m->retires = true;
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
	if (rule == DEPMAP_FULL && dir != PTO_IN && z->readers) {
		ret = collect(preds, z->readers, task);
		if (ret || !z->writers || (int32_t)(z->readers->task - z->writers->task) > 0)
			return ret;
	}
	return collect(preds, z->writers, task);
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
	struct zone *z = zone_find(m, r), *other;
	uint32_t i;
	int ret;

	if (!z)
		return -ENOMEM;
	zone_prune(m, z);
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
