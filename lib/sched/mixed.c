// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Mixed tasks in place: kernels for several lanes of one block, which start together.
 *
 * The worker that has the task has nothing else under way, so all its cores are idle: it picks
 * a block, has a team run the lanes (see emulator/team.c), and sleeps until all have ended.
 */
#include "base/error.h"
#include "sched/launch.h"
#include "sched/ready.h"

static unsigned int number(struct sched_worker *w, unsigned int block, unsigned int lane)
{
	return sched_lane(w, block, lane)->core->number;
}

static void record(struct sched_worker *w, const struct emu_lane *l, unsigned int core,
		   uint64_t dispatch)
{
	if (w->record == w->record_end && !w->run->ops->more_records(w))
		return;
	*w->record++ = (struct sched_record){
		.task = l->desc->cookie, .func_id = l->desc->launch.func_id, .lane = l->desc->lane,
		.core = core, .worker = w->index, .dispatch = dispatch,
		.start = l->start, .end = l->end, .finish = now_ns(),
	};
}

bool launch_mixed(struct sched_worker *w, uint32_t task)
{
	const struct pto_desc *desc = slab_desc(w->run->slabs, task);
	const struct pto_desc *lanes = (const struct pto_desc *)(uintptr_t)desc->launch.image;
	unsigned int i, block = ++w->turn[SCHED_MIXED] % w->first_aiv;
	struct emu_lane lane[PTO_LANES] = { { .desc = NULL } };
	uint64_t dispatch = w->run->profile ? now_ns() : 0;
	int ret, failed;

	for (i = 0; i < PTO_LANES; i++)
		if (desc->lane_mask & 1u << i)
			lane[i].desc = &lanes[i];
	ret = emu_team_run(w->run->emu, lane, &failed);
	if (ret)
		launch_task_failed(w, desc->cookie, -1 - (int)number(w, block, PTO_LANE_AIC), ret,
				   pto_last_error());
	else if (failed >= 0)
		launch_failed(w, desc->cookie, number(w, block, failed), &lane[failed].fault);
	if (ret || failed >= 0 || stopped(w))
		return false;
	for (i = 0; w->run->profile && i < PTO_LANES; i++)
		if (lane[i].desc)
			record(w, &lane[i], number(w, block, i), dispatch);
	return true;
}
