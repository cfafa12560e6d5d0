/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Hash tables and pools of what is in them: nothing is allocated one by one, or given back. */
#ifndef GRAPH_TABLE_H
#define GRAPH_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define TABLE_FIRST	64	/* buckets */
#define POOL_BLOCK	64	/* objects allocated at once */

/** struct table_node - at the beginning of what is in a table */
struct table_node {
	struct table_node *next;
	uint64_t hash;
};

/** struct table - @count nodes in @size buckets, a power of two */
struct table {
	struct table_node **bucket;
	uint32_t size;
	uint32_t count;
};

/* 64 keys of one @group lie in 64 buckets that follow each other: neighbours share cache lines. */
static __inline uint64_t table_hash(uint64_t group, unsigned int key)
{
	uint64_t h = group * 0x9e3779b97f4a7c15ull;

	return (h ^ h >> 32) ^ (key & 63);
}

static __inline struct table_node *table_first(const struct table *t, uint64_t hash)
{
	return t->bucket[hash & (t->size - 1)];
}

static inline bool table_init(struct table *t)
{
	t->bucket = calloc(TABLE_FIRST, sizeof(*t->bucket));
	t->size = TABLE_FIRST;
	t->count = 0;
	return t->bucket;
}

static __attribute__((noinline, cold, unused)) void table_grow(struct table *t)
{
	uint32_t i, n = 2 * t->size;
	struct table_node **bucket = calloc(n, sizeof(*bucket)), *node, *next;

	/* Longer chains will do. */
	if (!bucket)
		return;
	for (i = 0; i < t->size; i++) {
		for (node = t->bucket[i]; node; node = next) {
			struct table_node **at = &bucket[node->hash & (n - 1)];

			next = node->next;
			node->next = *at;
			*at = node;
		}
	}
	free(t->bucket);
	t->bucket = bucket;
	t->size = n;
}

static __inline void table_add(struct table *t, struct table_node *node, uint64_t hash)
{
	struct table_node **at;

	if (unlikely(2 * t->count++ >= t->size))
		table_grow(t);
	at = &t->bucket[hash & (t->size - 1)];
	node->hash = hash;
	node->next = *at;
	*at = node;
}

static __inline void table_remove(struct table *t, struct table_node *node)
{
	struct table_node **at = &t->bucket[node->hash & (t->size - 1)];

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	t->count--;
}

struct pool_block {
	struct pool_block *next;
	_Alignas(CACHE_LINE) char object[];
};

/** struct pool - objects of @size bytes; the first word of @unused ones links them */
struct pool {
	void **unused;
	size_t size;
	struct pool_block *blocks;
};

/* POOL_BLOCK more objects, zeroed. */
static __attribute__((noinline, cold, unused)) bool pool_more(struct pool *p)
{
	size_t bytes = align_up(sizeof(struct pool_block) + POOL_BLOCK * p->size, CACHE_LINE);
	struct pool_block *block = aligned_alloc(CACHE_LINE, bytes);
	uint32_t i;

	if (!block)
		return false;
	memset(block, 0, bytes);
	block->next = p->blocks;
	p->blocks = block;
	for (i = POOL_BLOCK; i--; ) {
		void **object = (void **)(block->object + i * p->size);

		*object = p->unused;
		p->unused = object;
	}
	return true;
}

/* An object as it was when it was given back, but for its first word; NULL: no memory. */
static __inline void *pool_get(struct pool *p)
{
	void **object;

	if (unlikely(!p->unused) && !pool_more(p))
		return NULL;
	object = p->unused;
	p->unused = *object;
	return object;
}

static __inline void pool_put(struct pool *p, void *object)
{
	*(void **)object = p->unused;
	p->unused = object;
}

/* Objects that are linked by their first words. */
static __inline void pool_put_list(struct pool *p, void *first, void *last)
{
	*(void **)last = p->unused;
	p->unused = first;
}

static inline void pool_free(struct pool *p)
{
	struct pool_block *block;

	while ((block = p->blocks)) {
		p->blocks = block->next;
		free(block);
	}
}

#endif
