// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Slabs: address space, aligned so that the kernel can back it by huge pages.
 *
 * The beginning of the first slab of an array is left to small pages, as most
 * graphs are small. All else is filled in huge ones: the first touch of a
 * small page costs more than the tasks in it do. What is left of the last one
 * is given back when the graph is launched.
 *
 * So freed slabs are kept for the next graph, too, as many as there are. What
 * no graph has needed for a while goes back to the system.
 */
#include "graph/slab.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "graph/graph.h"

#define HUGE_SIZE	(2u << 20)
#define SMALL_SIZE	(64u << 10)	/* or less, on all processors */
#define REST_LEAST	(HUGE_SIZE / 8)

/* Else a part of its last huge page would be taken for nothing. */
_Static_assert(SLAB_TASKS * sizeof(struct graph_task) % HUGE_SIZE == 0,
	       "a slab's tasks fill huge pages");

/**
 * struct cache - slabs in no graph, the last one first
 * @front:	one that is had without the lock, which is enough for small graphs
 * @lock:	guards all but @front
 * @unused:	how many of @count have been there since it was trimmed last
 */
static struct {
	struct graph_slab *_Atomic front;
	pthread_mutex_t lock;
	struct graph_slab *first;
	unsigned int count;
	unsigned int unused;
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct graph_slab *slab_map(void)
{
	const size_t size = sizeof(struct graph_slab);
	char *map = mmap(NULL, size + HUGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *slab;

	if (map == MAP_FAILED)
		return NULL;
	slab = (char *)align_up((uintptr_t)map, HUGE_SIZE);
	if (slab > map)
		munmap(map, slab - map);
	munmap(slab + size, map + HUGE_SIZE - slab);
	return (struct graph_slab *)slab;
}

static struct graph_slab *slab_new(bool first)
{
	struct graph_slab *slab = slab_map();
	size_t small = first ? HUGE_SIZE : 0;

	if (slab)
		madvise((char *)slab + small, sizeof(*slab) - small, MADV_HUGEPAGE);
	return slab;
}

static struct graph_slab *slab_cached(void)
{
	struct graph_slab *slab = atomic_exchange(&cache.front, NULL);

	if (likely(slab))
		return slab;
	pthread_mutex_lock(&cache.lock);
	slab = cache.first;
	if (slab) {
		cache.first = slab->next;
		cache.count--;
		cache.unused = min(cache.unused, cache.count);
	}
	pthread_mutex_unlock(&cache.lock);
	return slab;
}

int slabs_add(struct graph_slabs *slabs)
{
	bool one = slabs->at == &slabs->first;
	struct graph_slab *slab, **grown;
	bool fresh;

	if (!slabs->count) {
		slabs->at = &slabs->first;
	} else if (!(slabs->count & (slabs->count - 1))) {
		/* Powers of two: the array grows when it is full. */
		grown = realloc(one ? NULL : slabs->at, 2 * slabs->count * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		if (one)
			grown[0] = slabs->first;
		slabs->at = grown;
	}
	slab = slab_cached();
	fresh = !slab;
	if (unlikely(fresh))
		slab = slab_new(!slabs->count);
	if (!slab)
		return -ENOMEM;
	slabs->fresh = fresh;
	slabs->at[slabs->count++] = slab;
	return 0;
}

void slabs_fit(struct graph_slabs *slabs, size_t used)
{
	size_t end = align_up(used, SMALL_SIZE), huge = align_up(used, HUGE_SIZE);
	char *slab = (char *)slabs->at[slabs->count - 1];

	/* An array begins with small pages. */
	if (huge == (slabs->count == 1 ? HUGE_SIZE : 0) || huge - end < REST_LEAST)
		return;
	slabs->fresh = false;
	/* To be called cold splits a huge page, of which else no part becomes free, */
	madvise(slab + end, huge - end, MADV_COLD);
	madvise(slab + end, huge - end, MADV_DONTNEED);
	/* and which would soon be made of its parts again. */
	madvise(slab + huge - HUGE_SIZE, HUGE_SIZE, MADV_NOHUGEPAGE);
}

/* The first one of an array is the first one to be had again. */
void slabs_free(struct graph_slabs *slabs)
{
	struct graph_slab *none = NULL;
	unsigned int i;

	if (!slabs->count)
		return;
	if (slabs->count == 1 && slabs->at == &slabs->first &&
	    atomic_compare_exchange_strong(&cache.front, &none, slabs->first))
		return;
	pthread_mutex_lock(&cache.lock);
	for (i = slabs->count; i--; ) {
		slabs->at[i]->next = cache.first;
		cache.first = slabs->at[i];
	}
	cache.count += slabs->count;
	pthread_mutex_unlock(&cache.lock);
	if (slabs->at != &slabs->first)
		free(slabs->at);
}

bool graph_trim(void)
{
	struct graph_slab *front = atomic_exchange(&cache.front, NULL);
	struct graph_slab *slab, **at = &cache.first;
	unsigned int i;
	bool left;

	pthread_mutex_lock(&cache.lock);
	for (i = cache.unused; i < cache.count; i++)
		at = &(*at)->next;
	slab = *at;
	*at = NULL;
	cache.count -= cache.unused;
	/* It becomes the latest of them: it is needed at once, or not at all. */
	if (front) {
		front->next = cache.first;
		cache.first = front;
		cache.count++;
	}
	cache.unused = cache.count;
	left = cache.count;
	pthread_mutex_unlock(&cache.lock);
	while (slab) {
		struct graph_slab *gone = slab;

		slab = slab->next;
		munmap(gone, sizeof(*gone));
	}
	return left;
}

/* A child of fork() must not find the lock held by a thread that it has not. */
static void cache_lock(void)
{
	pthread_mutex_lock(&cache.lock);
}

static void cache_unlock(void)
{
	pthread_mutex_unlock(&cache.lock);
}

static void __attribute__((constructor)) cache_init(void)
{
	pthread_atfork(cache_lock, cache_unlock, cache_unlock);
}
