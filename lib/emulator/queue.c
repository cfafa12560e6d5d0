// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A core's side of its queue; see linux/pto_queue.h. Called by who has the core busy. */
#include <string.h>

#include "emulator/internal.h"

void queue_put_cqe(struct emu_core *core, const struct pto_cqe *cqe)
{
	uint32_t tail = core->queue->cq_tail;

	core->queue->cq[tail % EMU_QUEUE_DEPTH] = *cqe;
	store_release(&core->queue->cq_tail, tail + 1);
}

/* What is queued from @head on is completed as cancelled. Returns the index behind it. */
static uint32_t cancel_from(struct emu_core *core, uint32_t head)
{
	uint32_t tail = load_acquire(&core->sub->sq_tail);
	struct pto_cqe cqe = { .core = core->number, .status = PTO_STATUS_CANCELED };

	for (; head != tail; head++) {
		cqe.cookie = core->sub->sq[head % EMU_QUEUE_DEPTH].cookie;
		queue_put_cqe(core, &cqe);
	}
	return tail;
}

/* A fault ends the queue, and takes along what is behind it. */
void queue_halt(struct emu_core *core, unsigned int number, const struct emu_fault *fault)
{
	uint32_t head = READ_ONCE(core->queue->sq_head);
	struct pto_cqe cqe = {
		.cookie = core->sub->sq[head % EMU_QUEUE_DEPTH].cookie,
		.status = fault->status,
		.core = number,
		.code = fault->code,
		.fault.addr = fault->addr,
		.fault.pc = fault->pc,
	};

	queue_put_cqe(core, &cqe);
	head = cancel_from(core, head + 1);
	store_release(&core->queue->state, PTO_QUEUE_HALTED);
	store_release(&core->queue->sq_head, head);
}

void queue_cancel(struct emu_core *core)
{
	if (READ_ONCE(core->queue->state) == PTO_QUEUE_RUNNING)
		store_release(&core->queue->sq_head,
			      cancel_from(core, READ_ONCE(core->queue->sq_head)));
}

static bool has_orders(const struct emu_core *core)
{
	return load_acquire(&core->sub->restarts) != core->restarts;
}

/* A halted core goes on if it has been told to. False: it was not. */
bool queue_obey(struct emu_core *core)
{
	if (!has_orders(core))
		return false;
	core->restarts = core->sub->restarts;
	WRITE_ONCE(core->queue->state, PTO_QUEUE_RUNNING);
	store_release(&core->queue->sq_head, READ_ONCE(core->sub->restart_at));
	return true;
}

/* A gang is none while it waits for the other lanes. */
bool queue_has_work(struct emulator *emu, const struct emu_core *core)
{
	uint32_t head = load_acquire(&core->queue->sq_head);
	const struct pto_desc *desc = &core->sub->sq[head % EMU_QUEUE_DEPTH];

	if (READ_ONCE(core->queue->state) == PTO_QUEUE_HALTED)
		return has_orders(core);
	if (atomic_load_explicit(&core->cancel, memory_order_relaxed) ||
	    head == load_acquire(&core->sub->sq_tail))
		return false;
	return likely(!emu->line || !READ_ONCE(desc->gang)) || gang_has_work(emu, desc, core);
}
