// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Keeping the records of a profiled launch, and handing them out. */
#include "profile/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pto/pto.h>

#include "base/error.h"
#include "device/device.h"

struct profile *profile_new(struct profile_log *log)
{
	struct profile *p = calloc(1, sizeof(*p));

	if (!p) {
		fail(-ENOMEM, "no memory for a profile");
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	p->log = log_get(log);
	p->begin = log ? log->begin : now_ns();
	return p;
}

void profile_free(struct profile *p)
{
	struct profile_block *block;

	if (!p)
		return;
	while ((block = p->blocks)) {
		p->blocks = block->next;
		free(block);
	}
	free(p->visits);
	log_put(p->log);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct profile_block *profile_add_block(struct profile *p)
{
	struct profile_block *block = malloc(sizeof(*block));

	if (!block)
		return NULL;
	block->used = 0;
	pthread_mutex_lock(&p->lock);
	block->next = p->blocks;
	p->blocks = block;
	pthread_mutex_unlock(&p->lock);
	return block;
}

void profile_end_block(struct sched_record *block_end, struct sched_record *end)
{
	struct sched_record *first = block_end - PROFILE_BLOCK;

	container_of(first, struct profile_block, record[0])->used = end - first;
}

void profile_visit(struct profile *p, const struct profile_visit *visit)
{
	struct profile_visit *grown;

	pthread_mutex_lock(&p->lock);
	/* Powers of two: the array grows when it is full. */
	if (!(p->nvisits & (p->nvisits - 1))) {
		grown = realloc(p->visits, max(2 * p->nvisits, 1u) * sizeof(*grown));
		if (!grown)
			goto unlock;
		p->visits = grown;
	}
	p->visits[p->nvisits++] = *visit;
unlock:
	pthread_mutex_unlock(&p->lock);
}

int pto_profile_read(struct pto_graph *g, struct pto_profile_task *tasks, int count)
{
	const struct profile_block *block;
	int n = 0;
	uint32_t i;

	if (!g)
		return fail(-EINVAL, "pto_profile_read: the graph is NULL");
	if (!g->profile)
		return fail(-ENODATA, "the last launch of this graph was not profiled");
	if (atomic_load(&g->launched))
		return fail(-EBUSY, "the graph is being launched");
	for (block = g->profile->blocks; block; block = block->next) {
		for (i = 0; i < block->used; i++, n++) {
			const struct sched_record *r = &block->record[i];

			if (!tasks || n >= count)
				continue;
			tasks[n] = (struct pto_profile_task){
				.task_id = r->task, .func_id = r->func_id,
				.core_id = r->core, .thread = r->worker,
				.core = r->lane == PTO_LANE_AIC ? PTO_AIC : PTO_AIV,
				.dispatch = r->dispatch, .start = r->start,
				.end = r->end, .finish = r->finish,
				.accepted = r->accepted, .done = r->done,
			};
		}
	}
	return n;
}
