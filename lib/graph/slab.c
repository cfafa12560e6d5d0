// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Slabs: aligned to their size, so that the kernel can back one by a huge page.
 *
 * Freed slabs are kept for the next graph, since the first touch of a page
 * costs more than a task does. graph_trim() gives them back when the process
 * has been idle for a while.
 */
#include "graph/slab.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "base/error.h"
#include "graph/graph.h"

#define CACHE_SLABS	64

static struct {
	pthread_mutex_t lock;
	unsigned int count;
	struct graph_slab *slab[CACHE_SLABS];
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct graph_slab *slab_map(void)
{
	char *map = mmap(NULL, 2 * SLAB_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *slab;

	if (map == MAP_FAILED)
		return NULL;
	slab = (char *)align_up((uintptr_t)map, SLAB_SIZE);
	if (slab > map)
		munmap(map, slab - map);
	munmap(slab + SLAB_SIZE, map + SLAB_SIZE - slab);
	return (struct graph_slab *)slab;
}

struct graph_slab *slab_get(bool huge)
{
	struct graph_slab *slab = NULL;

	pthread_mutex_lock(&cache.lock);
	if (cache.count)
		slab = cache.slab[--cache.count];
	pthread_mutex_unlock(&cache.lock);
	if (slab)
		return slab;
	slab = slab_map();
	if (!slab) {
		fail(-ENOMEM, "no memory for another %u tasks", SLAB_TASKS);
		return NULL;
	}
	if (huge)
		madvise(slab, SLAB_SIZE, MADV_HUGEPAGE);
	return slab;
}

void slab_put(struct graph_slab *slab)
{
	pthread_mutex_lock(&cache.lock);
	if (cache.count < CACHE_SLABS) {
		cache.slab[cache.count++] = slab;
		slab = NULL;
	}
	pthread_mutex_unlock(&cache.lock);
	if (slab)
		munmap(slab, SLAB_SIZE);
}

void graph_trim(void)
{
	pthread_mutex_lock(&cache.lock);
	while (cache.count)
		munmap(cache.slab[--cache.count], SLAB_SIZE);
	pthread_mutex_unlock(&cache.lock);
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
