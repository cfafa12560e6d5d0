// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Mixed tasks on queues; what runs their lanes is a team (team.c).
 *
 * On a device of this process a mixed task is one descriptor on a queue of its block's own,
 * and who put it there sees to it that the block's cores have nothing else to do.
 *
 * On a line it is a gang: a descriptor on the queue of each core, among others. It can start
 * when all are at the heads of their queues. Then the thread that has the first lane's core
 * busy takes the others as well. Who takes a core that is not the first lane's finds no
 * work there, but for a gang that has lost a lane: what is left of it is cancelled.
 *
 * That nobody misses the moment: who leaves a core looks at all of them before it sleeps, so
 * the last one to leave a core of the block sees them all free.
 *
 * Modelled in selftests/models/gang.pml.
 */
#include <string.h>

#include "base/error.h"
#include "emulator/internal.h"

/* ---- on a queue of the block's ------------------------------------------ */

static unsigned int lane_number(struct emulator *emu, const struct emu_core *queue,
				unsigned int lane)
{
	unsigned int block = queue->slot - EMU_FIRST_BLOCK;

	return emu_core_if(emu, block * PTO_BLOCK_CORES + lane)->number;
}

static void put_times(struct emulator *emu, struct emu_core *queue, const struct pto_desc *desc,
		      const struct emu_lane *lane)
{
	struct pto_cqe cqe = { .cookie = desc->cookie, .status = PTO_STATUS_OK };
	unsigned int i;

	for (i = 0; i < PTO_LANES; i++) {
		if (!lane[i].desc)
			continue;
		cqe.core = lane_number(emu, queue, i);
		cqe.start = lane[i].start;
		cqe.end = lane[i].end;
		queue_put_cqe(queue, &cqe);
	}
}

/* One record a lane, if the task asks for any. False: the queue has halted. */
bool mixed_execute(struct emu_thread *t, struct emu_core *core, const struct pto_desc *desc)
{
	const struct pto_desc *lanes = (const struct pto_desc *)(uintptr_t)desc->launch.image;
	struct emu_fault fault = { .status = PTO_STATUS_BAD_PROGRAM };
	struct emu_lane lane[PTO_LANES] = { { .desc = NULL } };
	int i, failed, ret;

	for (i = 0; i < PTO_LANES; i++)
		if (desc->lane_mask & 1u << i)
			lane[i].desc = &lanes[i];
	ret = emu_team_run(t->emu, lane, &failed);
	if (!ret && failed < 0) {
		if (desc->flags & PTO_DESC_FLAGS)
			put_times(t->emu, core, desc, lane);
		return true;
	}
	fault.code = -ret;
	i = max(failed, __builtin_ctz(desc->lane_mask));
	queue_halt(core, lane_number(t->emu, core, i), ret ? &fault : &lane[i].fault);
	return false;
}

/* ---- as a gang, on the queues of the block's cores ---------------------- */

/** struct gang - the cores of a gang, NULL where it has no lane; @desc is one of its own */
struct gang {
	const struct pto_desc *desc;
	struct emu_core *core[PTO_LANES];
};

enum gang_state { GANG_WAITS, GANG_COMPLETE, GANG_BROKEN };

static unsigned int first_lane(const struct pto_desc *desc)
{
	return __builtin_ctz(desc->lane_mask);
}

static void gang_of(struct emulator *emu, const struct pto_desc *desc, const struct emu_core *core,
		    struct gang *g)
{
	unsigned int blocks = emu->line->cores / PTO_BLOCK_CORES;
	unsigned int block = core->slot < blocks ? core->slot : (core->slot - blocks) / 2;
	unsigned int i;

	g->desc = desc;
	for (i = 0; i < PTO_LANES; i++)
		g->core[i] = !(desc->lane_mask & 1u << i) ? NULL :
			     emu_core_if(emu, i == PTO_LANE_AIC ? block :
					 blocks + 2 * block + i - PTO_LANE_AIV0);
}

/* A lane is gone when its queue's head has passed it, but the others are still there. */
static enum gang_state lane_state(const struct gang *g, unsigned int lane)
{
	const struct emu_core *core = g->core[lane];
	uint32_t head = load_acquire(&core->queue->sq_head);
	int16_t ahead = g->desc->launch.lane_at[lane] - (uint16_t)head;

	if (ahead < 0)
		return GANG_BROKEN;
	if (ahead || head == load_acquire(&core->sub->sq_tail) ||
	    READ_ONCE(core->queue->state) == PTO_QUEUE_HALTED || atomic_load(&core->cancel))
		return GANG_WAITS;
	return GANG_COMPLETE;
}

static enum gang_state gang_state(const struct gang *g)
{
	enum gang_state lane, ret = GANG_COMPLETE;
	unsigned int i;

	for (i = 0; i < PTO_LANES; i++) {
		if (!g->core[i])
			continue;
		lane = lane_state(g, i);
		if (lane == GANG_BROKEN)
			return GANG_BROKEN;
		if (lane == GANG_WAITS)
			ret = GANG_WAITS;
	}
	return ret;
}

/* False: it waits, or another core's thread is to start it. */
bool gang_has_work(struct emulator *emu, const struct pto_desc *desc, const struct emu_core *core)
{
	enum gang_state state;
	struct gang g;
	unsigned int i;

	gang_of(emu, desc, core, &g);
	state = gang_state(&g);
	if (state != GANG_COMPLETE || core != g.core[first_lane(desc)])
		return state == GANG_BROKEN;
	for (i = 0; i < PTO_LANES; i++)
		if (g.core[i] && g.core[i] != core && atomic_load(&g.core[i]->busy))
			return false;
	return true;
}

/* Become the others' only consumer, too; @core's we are. False: they have got another one. */
static bool take_others(struct gang *g, const struct emu_core *core)
{
	unsigned int i;

	for (i = 0; i < PTO_LANES; i++) {
		if (!g->core[i] || g->core[i] == core)
			continue;
		if (!atomic_exchange(&g->core[i]->busy, 1))
			continue;
		while (i--)
			if (g->core[i] && g->core[i] != core)
				atomic_store(&g->core[i]->busy, 0);
		return false;
	}
	return true;
}

static void leave_others(struct gang *g, const struct emu_core *core)
{
	unsigned int i;

	for (i = 0; i < PTO_LANES; i++)
		if (g->core[i] && g->core[i] != core)
			atomic_store(&g->core[i]->busy, 0);
}

/* Take a lane off its queue; of one that was run @lane says how. */
static void complete_lane(struct emu_core *core, const struct emu_lane *lane)
{
	uint32_t head = READ_ONCE(core->queue->sq_head);
	const struct pto_desc *desc = &core->sub->sq[head % EMU_QUEUE_DEPTH];
	struct pto_cqe cqe = {
		.cookie = desc->cookie, .core = core->number, .status = lane->fault.status,
		.start = lane->start, .end = lane->end,
	};

	if (lane->fault.status && lane->fault.status != PTO_STATUS_CANCELED) {
		queue_halt(core, core->number, &lane->fault);
		return;
	}
	if (lane->fault.status || desc->flags & PTO_DESC_FLAGS)
		queue_put_cqe(core, &cqe);
	store_release(&core->queue->sq_head, head + 1);
}

static void run(struct emulator *emu, struct gang *g)
{
	struct emu_lane lane[PTO_LANES] = { { .desc = NULL } };
	int i, failed, ret;

	for (i = 0; i < PTO_LANES; i++)
		if (g->core[i])
			lane[i].desc = &g->core[i]->sub->sq[g->desc->launch.lane_at[i] %
							    EMU_QUEUE_DEPTH];
	ret = emu_team_run(emu, lane, &failed);
	for (i = 0; ret && i < PTO_LANES; i++)
		lane[i].fault.status = PTO_STATUS_CANCELED;
	if (ret)
		lane[first_lane(g->desc)].fault = (struct emu_fault){
			.status = PTO_STATUS_BAD_PROGRAM, .code = -ret,
		};
	for (i = 0; i < PTO_LANES; i++)
		if (g->core[i])
			complete_lane(g->core[i], &lane[i]);
	if (ret || failed >= 0)
		line_tell_all(emu);
}

/*
 * See to the gang at the head of @core's queue, by who has the core busy. False: nothing
 * can be done yet.
 */
bool gang_execute(struct emulator *emu, const struct pto_desc *desc, struct emu_core *core)
{
	static const struct emu_lane canceled = { .fault.status = PTO_STATUS_CANCELED };
	enum gang_state state;
	struct gang g;

	gang_of(emu, desc, core, &g);
	state = gang_state(&g);
	if (state == GANG_BROKEN)
		complete_lane(core, &canceled);
	if (state != GANG_COMPLETE || core != g.core[first_lane(desc)])
		return state == GANG_BROKEN;
	if (!take_others(&g, core))
		return false;
	/* Somebody may have had one of them busy until a moment ago, and cancelled. */
	state = gang_state(&g);
	if (state == GANG_COMPLETE)
		run(emu, &g);
	leave_others(&g, core);
	return state == GANG_COMPLETE;
}
