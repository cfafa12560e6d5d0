// SPDX-License-Identifier: MIT OR LGPL-2.1
#include "profile/log.h"

#include <errno.h>
#include <stdlib.h>

#include <pto/pto.h>

#include "base/error.h"
#include "base/util.h"

struct profile_log *log_new(void)
{
	struct profile_log *log = calloc(1, sizeof(*log));

	if (!log) {
		fail(-ENOMEM, "no memory for a profile");
		return NULL;
	}
	pthread_mutex_init(&log->lock, NULL);
	atomic_init(&log->refs, 1);
	log->begin = now_ns();
	return log;
}

struct profile_log *log_get(struct profile_log *log)
{
	if (log)
		atomic_fetch_add(&log->refs, 1);
	return log;
}

void log_put(struct profile_log *log)
{
	if (!log || atomic_fetch_sub(&log->refs, 1) != 1)
		return;
	pthread_mutex_destroy(&log->lock);
	free(log->submits);
	free(log->edges);
	free(log);
}

/* Room for one more of @count elements; NULL: there is none. Sizes are powers of two. */
static void *grow(void *array, uint32_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	return realloc(array, max(2 * (size_t)count, (size_t)1) * size);
}

static bool add_edge(struct profile_log *log, uint32_t from, uint32_t to)
{
	struct log_edge *grown = grow(log->edges, log->nedges, sizeof(*grown));

	if (!grown)
		return false;
	log->edges = grown;
	log->edges[log->nedges++] = (struct log_edge){ from, to };
	return true;
}

static bool add_submit(struct profile_log *log, const struct log_submit *submit)
{
	struct log_submit *grown = grow(log->submits, log->nsubmits, sizeof(*grown));

	if (!grown)
		return false;
	log->submits = grown;
	log->submits[log->nsubmits++] = *submit;
	return true;
}

void log_task(struct profile_log *log, const struct log_submit *submit, const uint32_t *preds,
	      uint32_t count)
{
	uint32_t i, task;

	pthread_mutex_lock(&log->lock);
	task = log->nsubmits;
	log->full = log->full || !add_submit(log, submit);
	for (i = 0; i < count && !log->full; i++)
		log->full = !add_edge(log, preds[i], task);
	pthread_mutex_unlock(&log->lock);
}

void log_edge(struct profile_log *log, uint32_t from, uint32_t to)
{
	pthread_mutex_lock(&log->lock);
	log->full = log->full || !add_edge(log, from, to);
	pthread_mutex_unlock(&log->lock);
}

static int by_ends(const void *a, const void *b)
{
	const struct log_edge *x = a, *y = b;

	if (x->from != y->from)
		return x->from > y->from ? 1 : -1;
	return (x->to > y->to) - (x->to < y->to);
}

void log_sort(struct profile_log *log)
{
	uint32_t i, n = 0;

	if (log->nedges)
		qsort(log->edges, log->nedges, sizeof(*log->edges), by_ends);
	for (i = 0; i < log->nedges; i++)
		if (!n || by_ends(&log->edges[n - 1], &log->edges[i]))
			log->edges[n++] = log->edges[i];
	log->nedges = n;
}

const struct log_edge *log_fanout(const struct profile_log *log, uint32_t task, uint32_t *count)
{
	uint32_t low = 0, high = log->nedges, middle, end;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (log->edges[middle].from < task)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < log->nedges && log->edges[end].from == task; end++)
		;
	*count = end - low;
	return log->edges + low;
}
