// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The layout: which worker has which cores. It stays for the next launch, unless that one
 * wants another; each launch finds its workers and queues as new.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/machine.h"
#include "device/device.h"
#include "sched/launch.h"

static struct sched_worker *worker_new(struct sched *s, unsigned int index)
{
	struct sched_worker *w = aligned_alloc(CACHE_LINE, sizeof(*w));

	if (!w) {
		fail(-ENOMEM, "no memory for scheduler thread %u", index);
		return NULL;
	}
	memset(w, 0, sizeof(*w));
	w->run = &s->run;
	w->index = index;
	return w;
}

/* Give a worker one more core. */
static int add_core(struct sched *s, struct sched_worker *w, unsigned int slot,
		    unsigned int number, unsigned int kind)
{
	struct emu_core *core, *last = w->core[kind];
	int ret = s->dev->ops->launch_queue(s->dev, slot, &core);

	if (ret)
		return ret;
	core->number = number;
	core->kind = kind;
	core->peer = last ? last->peer : core;
	if (last)
		last->peer = core;
	w->core[kind] = core;
	w->queue[w->nqueues].kind = kind;
	w->queue[w->nqueues++].core = core;
	return 0;
}

/* Give a worker the queue for its block number @index's mixed tasks, behind those of cores. */
static int add_block(struct sched *s, struct sched_worker *w, unsigned int block,
		     unsigned int index)
{
	struct sched_queue *q = &w->queue[w->nqueues + index];
	struct emu_core *core;
	unsigned int lane;
	int ret = s->dev->ops->launch_queue(s->dev, EMU_FIRST_BLOCK + block, &core);

	if (ret)
		return ret;
	core->number = block;
	q->core = core;
	q->kind = SCHED_MIXED;
	q->block = index;
	for (lane = 0; lane < PTO_LANES; lane++)
		sched_lane(w, index, lane)->block = index;
	return 0;
}

/* A worker owns blocks [first, end) of @blocks. */
static int lay_out_worker(struct sched *s, struct sched_worker *w, unsigned int blocks,
			  unsigned int first, unsigned int end)
{
	unsigned int b, lane;
	int ret = 0;

	free(w->queue);
	w->nqueues = 0;
	memset(w->core, 0, sizeof(w->core));
	w->queue = calloc((end - first) * (PTO_BLOCK_CORES + 1), sizeof(*w->queue));
	if (!w->queue)
		return fail(-ENOMEM, "no memory for the cores of %u blocks", end - first);
	for (b = first; !ret && b < end; b++)
		ret = add_core(s, w, b * PTO_BLOCK_CORES, b, PTO_CORE_AIC);
	w->first_aiv = w->nqueues;
	for (b = first; !ret && b < end; b++)
		for (lane = 0; !ret && lane < 2; lane++)
			ret = add_core(s, w, b * PTO_BLOCK_CORES + 1 + lane, blocks + 2 * b + lane,
				       PTO_CORE_AIV);
	for (b = first; !s->dev->inplace && !ret && b < end; b++)
		ret = add_block(s, w, b, b - first);
	return ret;
}

int layout_set(struct sched *s, unsigned int blocks, unsigned int workers)
{
	unsigned int i;
	int ret;

	if (likely(s->config_blocks == blocks && s->config_workers == workers))
		return 0;
	s->config_workers = 0;
	for (i = 0; i < workers; i++) {
		if (!s->workers[i])
			s->workers[i] = worker_new(s, i);
		if (!s->workers[i])
			return -ENOMEM;
		ret = lay_out_worker(s, s->workers[i], blocks, i * blocks / workers,
				     (i + 1) * blocks / workers);
		if (ret)
			return ret;
	}
	s->cpus = machine_cpus();
	s->config_blocks = blocks;
	s->config_workers = workers;
	return 0;
}

void layout_reset_worker(struct sched_worker *w)
{
	unsigned int i;

	atomic_store_explicit(&w->stop, 0, memory_order_relaxed);
	atomic_store_explicit(&w->futex, 0, memory_order_relaxed);
	w->nroots = 0;
	w->executed = 0;
	w->look = 0;
	w->settled = 0;
	w->inflight = 0;
	w->record = w->record_end = NULL;
	for (i = 0; i < SCHED_LISTS; i++) {
		w->ready[i] = TASK_NONE;
		/* Left over from a launch that failed. */
		atomic_store_explicit(&w->ring[i].head,
				      atomic_load_explicit(&w->ring[i].tail, memory_order_relaxed),
				      memory_order_relaxed);
	}
}

void layout_reset_queues(struct sched *s, struct sched_worker *w)
{
	unsigned int i;

	for (i = 0; i < w->nqueues + w->first_aiv; i++) {
		struct sched_queue *q = &w->queue[i];

		q->done = q->tail = q->core->sub->sq_tail;
	}
	w->active = 0;
	w->closed = 0;
	w->awaited = -1;
	w->depth = s->dev->ops->launch_depth;
	w->batch_ns = s->dev->ops->launch_batch_ns;
	for (i = 0; i < SCHED_LISTS; i++)
		w->task_ns[i] = w->batch_ns;
	atomic_store_explicit(&w->at_cores, false, memory_order_relaxed);
	w->width = max(s->dev->ops->launch_width(s->dev) / s->config_workers, 2u);
}

void layout_free(struct sched *s)
{
	unsigned int i;

	for (i = 0; i < SCHED_MAX_WORKERS; i++) {
		if (s->workers[i])
			free(s->workers[i]->queue);
		free(s->workers[i]);
	}
}
