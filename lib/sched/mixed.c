// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Mixed tasks: kernels for several lanes of one block, which start together.
 *
 * In its place a mixed task has a descriptor of lane LANE_MIXED, which no core is
 * given; the lanes' own descriptors lie where its launch.image says. The worker that has
 * the task picks a block of its own that is idle, lends the cores to its team (see
 * emulator/team.c), and sleeps until all lanes have ended.
 */
#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "device/device.h"
#include "emulator/guard.h"
#include "graph/submit.h"
#include "sched/launch.h"
#include "sched/ready.h"

struct mixed {
	struct sched_worker *w;
	struct emu_lane lane[PTO_LANES];
};

/* The worker's queue of a lane of its block number @block. */
static struct sched_queue *lane_queue(struct sched_worker *w, unsigned int block, unsigned int lane)
{
	return lane == PTO_LANE_AIC ? &w->queue[block] :
				      &w->queue[w->first_aiv + 2 * block + lane - PTO_LANE_AIV0];
}

/* Nobody else looks at the core's queue: at most it is about to be left. */
static void borrow(struct emu_core *core)
{
	while (atomic_exchange(&core->busy, 1))
		cpu_relax();
}

static void give_back(struct sched_queue *q)
{
	struct emu_core *core = q->core;

	/* A thread that was given up has it, for ever. */
	if (atomic_load(&core->lost))
		return;
	q->done = q->tail = READ_ONCE(core->queue->sq_head);
	WRITE_ONCE(core->sub->sq_tail, q->tail);
	atomic_store(&core->busy, 0);
}

static void lane_failed(void *arg, unsigned int lane)
{
	struct mixed *m = arg;
	const struct emu_lane *l = &m->lane[lane];
	char fault[160], cause[224];

	guard_describe(fault, sizeof(fault), &l->fault);
	snprintf(cause, sizeof(cause), "lane %s (func_id %d): %s", lane_name[lane],
		 l->desc->launch.func_id, fault);
	launch_task_failed(m->w, l->desc->cookie, l->core->number, fault_errno(&l->fault), cause);
}

static void record(struct sched_worker *w, const struct emu_lane *l, uint64_t dispatch)
{
	if (w->record == w->record_end && !w->run->ops->more_records(w))
		return;
	*w->record++ = (struct sched_record){
		.task = l->desc->cookie, .func_id = l->desc->launch.func_id, .lane = l->desc->lane,
		.core = l->core->number, .worker = w->index, .dispatch = dispatch,
		.start = l->start, .end = l->end, .finish = now_ns(),
	};
}

static int run(struct sched_worker *w, const struct pto_desc *desc, unsigned int block)
{
	const struct pto_desc *lanes = (const struct pto_desc *)(uintptr_t)desc->launch.image;
	struct mixed m = { .w = w };
	uint64_t dispatch = w->run->profile ? now_ns() : 0;
	unsigned int i;
	int ret;

	for (i = 0; i < PTO_LANES; i++) {
		if (!(desc->lane_mask & 1u << i))
			continue;
		m.lane[i].core = lane_queue(w, block, i)->core;
		m.lane[i].desc = &lanes[i];
		borrow(m.lane[i].core);
	}
	ret = emu_team_run(w->team, m.lane, lane_failed, &m);
	for (i = 0; i < PTO_LANES; i++) {
		if (!m.lane[i].desc)
			continue;
		give_back(lane_queue(w, block, i));
		if (w->run->profile && !ret)
			record(w, &m.lane[i], dispatch);
	}
	return ret;
}

bool launch_mixed(struct sched_worker *w, uint32_t task)
{
	const struct pto_desc *desc = slab_desc(w->run->slabs, task);
	int ret = 0;

	if (!w->team)
		ret = emu_team_new(w->run->emu, &w->team);
	if (!ret)
		ret = run(w, desc, w->mixed_turn++ % w->first_aiv);
	/* Of a lane that failed it was told; threads may be all that lacks. */
	if (ret && ret != -ECANCELED)
		launch_task_failed(w, desc->cookie, 0, ret, pto_last_error());
	return !ret && !stopped(w);
}
