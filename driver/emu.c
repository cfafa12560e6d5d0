// SPDX-License-Identifier: GPL-2.0
/* Emulators: pushing launches, reaping what comes back. The rules are in emu.h. */
#include <linux/log2.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <linux/pto_dump.h>

#include "call.h"
#include "ctx.h"
#include "device.h"
#include "emu.h"
#include "mem.h"
#include "prog.h"
#include "stream.h"

#define PTO_EMU_DEPTH_MAX	1024
#define PTO_EMU_BUDGET		64	/* completions, or launches of a stream, at once */

static struct pto_queue_sub *pto_emu_sub(struct pto_emu *emu, u32 core)
{
	return emu->sub.base + (size_t)core * emu->sub_stride;
}

static struct pto_queue_core *pto_emu_core(struct pto_emu *emu, u32 core)
{
	return emu->core.base + (size_t)core * emu->core_stride;
}

static struct pto_flight *pto_emu_flight(struct pto_emu *emu, u32 core, u32 index)
{
	return &emu->cores[core].flight[index & (emu->depth - 1)];
}

/* The flat number of the core that runs a lane of the stream's launches. */
static u32 pto_stream_core(const struct pto_stream *stream, u32 lane)
{
	u32 blocks = stream->obj.ctx->pdev->blocks;

	switch (stream->engine) {
	case PTO_ENGINE_AIC:
		return stream->index;
	case PTO_ENGINE_AIV:
		return blocks + stream->index;
	default:
		return lane == PTO_LANE_AIC ? stream->index :
					      blocks + 2 * stream->index + (lane - PTO_LANE_AIV0);
	}
}

/* The lane of its block that a core is. */
static u32 pto_core_lane(const struct pto_emu *emu, u32 core)
{
	u32 blocks = emu->n_cores / PTO_BLOCK_CORES;

	return core < blocks ? PTO_LANE_AIC : PTO_LANE_AIV0 + (core - blocks) % 2;
}

/* ---- pushing ---- */

static bool pto_core_has_room(struct pto_emu *emu, u32 core)
{
	struct pto_core *c = &emu->cores[core];

	return c->tail - c->head < emu->depth;
}

/* Put @desc on a core's ring, which has room; the flight is the caller's to fill. */
static struct pto_flight *pto_emu_put(struct pto_emu *emu, u32 core, struct pto_desc *desc)
{
	struct pto_queue_sub *sub = pto_emu_sub(emu, core);
	struct pto_core *c = &emu->cores[core];
	struct pto_flight *flight = pto_emu_flight(emu, core, c->tail);

	if (!emu->in_flight++)
		emu->progress = jiffies;
	desc->cookie = (u64)core << 32 | c->tail;
	sub->sq[c->tail & (emu->depth - 1)] = *desc;
	memset(flight, 0, sizeof(*flight));
	c->tail++;
	/* The emulator, which sees the tail, sees the descriptor. */
	smp_store_release(&sub->sq_tail, c->tail);
	return flight;
}

/* Where the lanes of a gang are about to be put. */
static void pto_emu_lane_at(struct pto_emu *emu, struct pto_stream *stream, unsigned long lanes,
			    u16 *at)
{
	u32 lane;

	for_each_set_bit(lane, &lanes, PTO_LANES)
		at[lane] = emu->cores[pto_stream_core(stream, lane)].tail;
}

static void pto_emu_push_lane(struct pto_emu *emu, struct pto_stream *stream, u64 seqno, u32 lane,
			      const u16 *lane_at)
{
	struct pto_task *task = pto_stream_task(stream, seqno);
	struct pto_prog *prog = container_of(task->refs[lane], struct pto_prog, obj);
	struct pto_object *args = task->refs[PTO_LANES];
	bool gang = stream->engine == PTO_ENGINE_BLOCK && !is_power_of_2(task->launch.lanes);
	u32 core = pto_stream_core(stream, lane);
	struct pto_desc desc = {
		.opcode = PTO_OP_LAUNCH,
		.flags = task->flags & PTO_CMD_TIMESTAMP ? PTO_DESC_TIMESTAMP : 0,
		.lane = pto_core_lane(emu, core),
		.lane_mask = gang ? task->launch.lanes : 0,
		.gang = gang ? emu->gang : 0,
		.launch = {
			.serial = prog->serial,
			.image = prog->image->addr,
			.image_size = prog->bytes,
			.args = task->launch.args,
			.nargs = task->launch.nargs,
			.func_id = task->launch.func_id,
		},
	};
	struct pto_flight *flight;

	if (gang)
		memcpy(desc.launch.lane_at, lane_at, sizeof(desc.launch.lane_at));
	flight = pto_emu_put(emu, core, &desc);
	prog->launched = true;
	pto_object_get(&prog->obj);
	if (args)
		pto_object_get(args);
	flight->stream = stream;
	flight->seqno = seqno;
	flight->lane = lane;
	flight->prog = &prog->obj;
	flight->args = args;
	flight->pushed_ns = ktime_get_ns();
}

/* All lanes of a launch go on their rings, or none. */
static bool pto_emu_push_launch(struct pto_emu *emu, struct pto_stream *stream, u64 seqno)
{
	struct pto_task *task = pto_stream_task(stream, seqno);
	unsigned long lanes = task->launch.lanes;
	u16 lane_at[PTO_LANES] = {};
	u32 lane;

	for_each_set_bit(lane, &lanes, PTO_LANES)
		if (!pto_core_has_room(emu, pto_stream_core(stream, lane)))
			return false;
	/* 0 is no gang. */
	if (!++emu->gang)
		emu->gang = 1;
	task->launch.left = task->launch.lanes;
	pto_emu_lane_at(emu, stream, lanes, lane_at);
	for_each_set_bit(lane, &lanes, PTO_LANES)
		pto_emu_push_lane(emu, stream, seqno, lane, lane_at);
	return true;
}

static void pto_emu_ring(struct pto_emu *emu)
{
	WRITE_ONCE(emu->doorbell, emu->doorbell + 1);
	wake_up_all(&emu->wait);
}

/*
 * The stream's head is a LAUNCH. On a core, the launches behind it go ahead too; on a block
 * they wait for it, since its lanes would let them overtake. True: there are more.
 */
bool pto_emu_push(struct pto_stream *stream)
{
	struct pto_emu *emu = stream->obj.ctx->emu;
	u64 before = stream->pushed;
	bool more = false;

	list_del_init(&stream->blocked_node);
	while (stream->pushed < stream->submitted &&
	       pto_stream_task(stream, stream->pushed + 1)->opcode == PTO_CMD_LAUNCH) {
		if (stream->engine == PTO_ENGINE_BLOCK && stream->pushed > stream->completed)
			break;
		more = stream->pushed - before == PTO_EMU_BUDGET;
		if (more)
			break;
		if (!pto_emu_push_launch(emu, stream, stream->pushed + 1)) {
			list_add_tail(&stream->blocked_node, &emu->starved);
			break;
		}
		stream->pushed++;
	}
	if (stream->pushed != before)
		pto_emu_ring(emu);
	return more;
}

/* Tell the emulator of programs that are gone, as far as there is room. */
static void pto_emu_push_destroyed(struct pto_emu *emu)
{
	struct pto_prog *prog, *next;
	bool pushed = false;

	list_for_each_entry_safe(prog, next, &emu->destroyed, node) {
		struct pto_desc desc = {
			.opcode = PTO_OP_DESTROY,
			.destroy.serial = prog->serial,
		};

		if (!pto_core_has_room(emu, 0))
			break;
		list_del(&prog->node);
		pto_emu_put(emu, 0, &desc)->gone = prog;
		pushed = true;
	}
	if (pushed)
		pto_emu_ring(emu);
}

/* The last reference to @prog is gone. True: an emulator has seen it, and will free it. */
bool pto_emu_forget_prog(struct pto_ctx *ctx, struct pto_prog *prog)
{
	bool taken = false;

	spin_lock_irq(&ctx->qlock);
	if (ctx->emu && prog->launched) {
		list_add_tail(&prog->node, &ctx->emu->destroyed);
		pto_emu_push_destroyed(ctx->emu);
		taken = true;
	}
	spin_unlock_irq(&ctx->qlock);
	return taken;
}

/* ---- forgetting ---- */

/* Nobody waits for the stream's launches up to seqno @to any more. */
void pto_emu_forget(struct pto_stream *stream, u64 to)
{
	struct pto_emu *emu = stream->obj.ctx->emu;
	u32 lane, core, i;

	if (!emu || stream->pushed == stream->completed || stream->engine == PTO_ENGINE_COPY)
		return;
	for (lane = 0; lane < (stream->engine == PTO_ENGINE_BLOCK ? PTO_LANES : 1); lane++) {
		core = pto_stream_core(stream, lane);
		for (i = emu->cores[core].head; i != emu->cores[core].tail; i++) {
			struct pto_flight *flight = pto_emu_flight(emu, core, i);

			if (flight->stream == stream && flight->seqno <= to)
				flight->stream = NULL;
		}
	}
}

static void pto_flight_put(struct pto_flight *flight)
{
	if (flight->prog)
		pto_object_put_atomic(flight->prog);
	if (flight->args)
		pto_object_put_atomic(flight->args);
	flight->prog = NULL;
	flight->args = NULL;
}

/* @done: the emulator has executed it. */
static void pto_flight_release(struct pto_emu *emu, struct pto_flight *flight, bool done)
{
	pto_flight_put(flight);
	if (flight->gone && done)
		kfree(flight->gone);
	else if (flight->gone)
		list_add(&flight->gone->node, &emu->destroyed);
	memset(flight, 0, sizeof(*flight));
}

/* Streams that found no room look again. */
static void pto_emu_feed(struct pto_emu *emu)
{
	struct pto_stream *stream, *next;

	list_for_each_entry_safe(stream, next, &emu->starved, blocked_node) {
		list_del_init(&stream->blocked_node);
		pto_stream_wake(stream);
	}
}

/* Launches in flight end with @status. pto_run() must follow. */
void pto_emu_detach(struct pto_emu *emu, int status)
{
	struct pto_ctx *ctx = emu->obj.ctx;
	struct pto_stream *stream;
	u32 core, i;

	lockdep_assert_held(&ctx->qlock);
	emu->attached = false;
	WRITE_ONCE(ctx->emu, NULL);
	for (core = 0; core < emu->n_cores; core++)
		for (i = emu->cores[core].head; i != emu->cores[core].tail; i++)
			pto_flight_release(emu, pto_emu_flight(emu, core, i), false);
	emu->in_flight = 0;
	pto_emu_feed(emu);
	list_for_each_entry(stream, &ctx->streams, node)
		if (stream->pushed > max(stream->completed, stream->drain_to))
			pto_stream_lose(stream, status);
	wake_up_all(&emu->wait);
}

bool pto_emu_stuck(struct pto_emu *emu)
{
	return emu->in_flight &&
	       time_after(jiffies, emu->progress + msecs_to_jiffies(emu->obj.ctx->timeout_ms));
}

/* The queues that a stream uses; returns their number. @out: NULL, or where to put them. */
u32 pto_emu_dump(struct pto_stream *stream, struct pto_dump_core *out)
{
	u32 lanes = stream->engine == PTO_ENGINE_BLOCK ? PTO_LANES : 1, lane;
	struct pto_emu *emu = stream->obj.ctx->emu;

	if (!emu || stream->engine == PTO_ENGINE_COPY)
		return 0;
	for (lane = 0; out && lane < lanes; lane++, out++) {
		u32 core = pto_stream_core(stream, lane);
		const struct pto_queue_core *q = pto_emu_core(emu, core);

		out->core = core;
		out->head = emu->cores[core].head;
		out->tail = emu->cores[core].tail;
		out->cq_head = emu->cores[core].cq_head;
		out->emu_head = READ_ONCE(q->sq_head);
		out->emu_cq_tail = READ_ONCE(q->cq_tail);
		out->emu_asleep = READ_ONCE(q->asleep);
		out->emu_state = READ_ONCE(q->state);
	}
	return lanes;
}

/* It broke the rules. */
static int pto_emu_break(struct pto_emu *emu, u32 core, u32 code)
{
	const struct pto_fault fault = {
		.core = core,
		.fault_class = PTO_FAULT_EMULATOR,
		.code = code,
	};

	pto_fault_record(emu->obj.ctx, &fault);
	emu->broken = true;
	pto_emu_detach(emu, -EIO);
	return -EIO;
}

/* ---- reaping ---- */

static void pto_flight_fault(const struct pto_flight *flight, u32 core, u32 fault_class)
{
	struct pto_stream *stream = flight->stream;
	const struct pto_fault fault = {
		.stream = stream->obj.handle,
		.seqno = flight->seqno,
		.addr = flight->cqe.fault.addr,
		.pc = flight->cqe.fault.pc,
		.core = core,
		.fault_class = fault_class,
		.code = flight->cqe.code,
		.func_id = pto_stream_task(stream, flight->seqno)->launch.func_id,
	};

	pto_fault_record(stream->obj.ctx, &fault);
}

/* What the emulator said of a descriptor that is back: PTO_STATUS_*. */
static u32 pto_flight_answer(const struct pto_flight *flight)
{
	return flight->answered ? flight->cqe.status : PTO_STATUS_OK;
}

/* How a lane ended, as an errno; a fault leaves a record. */
static int pto_flight_status(const struct pto_flight *flight, u32 core)
{
	static const u32 fault_class[] = {
		[PTO_STATUS_FAULT] = PTO_FAULT_TASK,
		[PTO_STATUS_HANG] = PTO_FAULT_TASK_HANG,
		[PTO_STATUS_BAD_PROGRAM] = PTO_FAULT_PROGRAM,
		[PTO_STATUS_BAD_DESC] = PTO_FAULT_DESC,
	};
	u32 status = pto_flight_answer(flight);

	if (status == PTO_STATUS_OK)
		return 0;
	if (status == PTO_STATUS_CANCELED)
		return -ECANCELED;
	pto_flight_fault(flight, core, fault_class[status]);
	return status == PTO_STATUS_HANG ? -ETIMEDOUT : -EIO;
}

/* The launch began with its first lane and ended with its last; clamped to what can be. */
static void pto_flight_times(const struct pto_flight *flight, struct pto_task *task)
{
	u64 now = ktime_get_ns();
	u64 start = clamp(flight->cqe.start, flight->pushed_ns, now);
	u64 end = clamp(flight->cqe.end, start, now);

	task->started = task->started ? min(task->started, start) : start;
	task->ended = max(task->ended, end);
}

/* A descriptor is back: the lane of a launch is done, and perhaps the launch. */
static void pto_flight_land(struct pto_flight *flight, u32 core)
{
	struct pto_stream *stream = flight->stream;
	struct pto_task *task;
	int status;

	if (!stream)
		return;
	task = pto_stream_task(stream, flight->seqno);
	status = pto_flight_status(flight, core);
	if (!status && flight->answered && task->flags & PTO_CMD_TIMESTAMP)
		pto_flight_times(flight, task);
	/* Among the lanes of a gang, the fault counts, not whom it took along. */
	if (status && (!task->launch.status || task->launch.status == -ECANCELED))
		task->launch.status = status;
	task->launch.left &= ~BIT(flight->lane);
	if (!task->launch.left)
		pto_stream_done(stream, task->launch.status);
}

/*
 * The core was busy with a launch from when it was pushed, or the one before it was found
 * completed, to now. That counts the emulator's waiting for a CPU, but takes nobody's word.
 */
static void pto_emu_account(struct pto_emu *emu, u32 core, const struct pto_flight *flight)
{
	struct pto_ctx *ctx = emu->obj.ctx;
	u32 kind = core < ctx->pdev->blocks ? PTO_BUSY_AIC : PTO_BUSY_AIV;
	struct pto_core *c = &emu->cores[core];
	u64 now = ktime_get_ns();

	ctx->counters.busy_ns[kind] += now - max(flight->pushed_ns, c->landed_ns);
	c->landed_ns = now;
}

/* The oldest descriptor of a core's ring is back. */
static void pto_emu_land(struct pto_emu *emu, u32 core)
{
	struct pto_core *c = &emu->cores[core];
	struct pto_flight *flight = pto_emu_flight(emu, core, c->head);
	u32 status = pto_flight_answer(flight);

	c->head++;
	emu->in_flight--;
	emu->progress = jiffies;
	/* Whom a fault takes along is cancelled; by itself that halts no core. */
	c->faulted |= status != PTO_STATUS_OK && status != PTO_STATUS_CANCELED;
	if (flight->prog)
		pto_emu_account(emu, core, flight);
	/* The user may destroy what a launch used as soon as he sees it done. */
	pto_flight_put(flight);
	pto_flight_land(flight, core);
	pto_flight_release(emu, flight, status == PTO_STATUS_OK);
}

/*
 * The driver's head has passed a fault. If the core has halted, then before it moved its
 * head there: what is left on the ring will not be executed, and it is to go on behind that.
 */
static void pto_emu_restart(struct pto_emu *emu, u32 core)
{
	struct pto_queue_sub *sub = pto_emu_sub(emu, core);
	struct pto_core *c = &emu->cores[core];

	c->faulted = false;
	if (READ_ONCE(pto_emu_core(emu, core)->state) != PTO_QUEUE_HALTED)
		return;
	c->halted_at = c->head;
	c->restart_at = c->tail;
	WRITE_ONCE(sub->restart_at, c->restart_at);
	/* Who sees the order, sees where. */
	smp_store_release(&sub->restarts, ++c->restarts);
	pto_emu_ring(emu);
}

static bool pto_core_restarting(const struct pto_core *c)
{
	return c->halted_at != c->restart_at;
}

/* What a core that was told to go on had on its ring ends as cancelled. True: all of it has. */
static bool pto_emu_cancel(struct pto_emu *emu, u32 core, u32 *budget)
{
	struct pto_core *c = &emu->cores[core];

	for (; c->head != c->restart_at && *budget; (*budget)--) {
		struct pto_flight *flight = pto_emu_flight(emu, core, c->head);

		flight->answered = true;
		flight->cqe.status = PTO_STATUS_CANCELED;
		pto_emu_land(emu, core);
	}
	return c->head == c->restart_at;
}

/* Copied once, word by word: the other side may write at any time. */
static void pto_cqe_read(struct pto_cqe *to, const struct pto_cqe *from)
{
	int i;

	for (i = 0; i < sizeof(*to) / sizeof(u64); i++)
		((u64 *)to)[i] = READ_ONCE(((const u64 *)from)[i]);
}

/* Take over one completion record. */
static int pto_emu_take_cqe(struct pto_emu *emu, u32 core)
{
	struct pto_core *c = &emu->cores[core];
	struct pto_flight *flight;
	struct pto_cqe cqe;
	u32 index;

	pto_cqe_read(&cqe, &pto_emu_core(emu, core)->cq[c->cq_head & (emu->depth - 1)]);
	index = lower_32_bits(cqe.cookie);
	if (upper_32_bits(cqe.cookie) != core || index - c->head >= c->tail - c->head)
		return pto_emu_break(emu, core, PTO_EMU_BAD_COOKIE);
	flight = pto_emu_flight(emu, core, index);
	if (flight->answered)
		return pto_emu_break(emu, core, PTO_EMU_BAD_COOKIE);
	if (cqe.status > PTO_STATUS_CANCELED)
		return pto_emu_break(emu, core, PTO_EMU_BAD_STATUS);
	if (cqe.core != core)
		return pto_emu_break(emu, core, PTO_EMU_BAD_CORE);
	flight->cqe = cqe;
	flight->answered = true;
	c->cq_head++;
	return 0;
}

/*
 * Take over what one core has done, at most *@budget of records and descriptors. Its head
 * is read before its tail, as a record is written before the head passes its descriptor.
 * Returns 0, 1 when there is more, or -EIO: the emulator is detached now.
 */
static int pto_emu_reap_core(struct pto_emu *emu, u32 core, u32 *budget, u32 *reaped)
{
	struct pto_queue_core *q = pto_emu_core(emu, core);
	struct pto_queue_sub *sub = pto_emu_sub(emu, core);
	struct pto_core *c = &emu->cores[core];
	u32 head, cq_tail;

	if (pto_core_restarting(c) && !pto_emu_cancel(emu, core, budget))
		return 1;
	head = smp_load_acquire(&q->sq_head);	/* pairs with the emulator's release */
	cq_tail = smp_load_acquire(&q->cq_tail);	/* the same */
	/* A core that was told to go on has not seen it yet, while others are reaped. */
	if (pto_core_restarting(c) && head == c->halted_at)
		return 0;
	c->halted_at = c->restart_at;
	if (head - c->head > c->tail - c->head)
		return pto_emu_break(emu, core, PTO_EMU_BAD_HEAD);
	if (cq_tail - c->cq_head > emu->depth)
		return pto_emu_break(emu, core, PTO_EMU_BAD_TAIL);
	for (; c->cq_head != cq_tail; (*budget)--) {
		if (!*budget)
			return 1;
		if (pto_emu_take_cqe(emu, core))
			return -EIO;
	}
	WRITE_ONCE(sub->cq_head, c->cq_head);
	for (; c->head != head; (*budget)--) {
		if (!*budget)
			return 1;
		(*reaped)++;
		pto_emu_land(emu, core);
	}
	WRITE_ONCE(sub->irq_head, c->head + 1);
	if (c->faulted)
		pto_emu_restart(emu, core);
	return pto_core_restarting(c);
}

/* As much as the budget allows. Returns as pto_emu_reap_core(). */
static int pto_emu_reap_some(struct pto_emu *emu, u32 *reaped)
{
	u32 budget = PTO_EMU_BUDGET, core;
	int ret = 0;

	for (core = 0; core < emu->n_cores && !ret; core++)
		ret = pto_emu_reap_core(emu, core, &budget, reaped);
	if (ret >= 0) {
		pto_emu_push_destroyed(emu);
		pto_emu_feed(emu);
	}
	pto_run(emu->obj.ctx);
	return ret;
}

static int pto_emu_state(struct pto_emu *emu)
{
	if (emu->broken)
		return -EIO;
	if (emu->attached)
		return 0;
	return emu->obj.ctx->dead ? -ENODEV : -ECANCELED;
}

static int pto_emu_reap(struct pto_emu *emu, u32 *reaped)
{
	struct pto_ctx *ctx = emu->obj.ctx;
	int ret;

	do {
		spin_lock_irq(&ctx->qlock);
		ret = pto_emu_state(emu) ?: pto_emu_reap_some(emu, reaped);
		spin_unlock_irq(&ctx->qlock);
		cond_resched();
	} while (ret > 0 && !fatal_signal_pending(current));
	return min(ret, 0);
}

static int pto_emu_sleep(struct pto_emu *emu, u32 seen, u64 timeout_ns)
{
	struct pto_ctx *ctx = emu->obj.ctx;
	int ret, err;

	err = wait_event_interruptible_hrtimeout(emu->wait, READ_ONCE(emu->doorbell) != seen ||
						 !READ_ONCE(emu->attached),
						 ns_to_ktime(timeout_ns));
	if (err == -ERESTARTSYS)
		return -EINTR;
	spin_lock_irq(&ctx->qlock);
	ret = pto_emu_state(emu);
	spin_unlock_irq(&ctx->qlock);
	return ret ?: err;
}

/* ---- objects and calls ---- */

static void pto_emu_drop(struct pto_object *obj)
{
	struct pto_ctx *ctx = obj->ctx;

	spin_lock_irq(&ctx->qlock);
	if (to_emu(obj)->attached) {
		pto_emu_detach(to_emu(obj), -ECANCELED);
		pto_run(ctx);
	}
	spin_unlock_irq(&ctx->qlock);
}

static void pto_emu_free(struct pto_object *obj)
{
	struct pto_emu *emu = to_emu(obj);
	struct pto_prog *prog, *next;

	list_for_each_entry_safe(prog, next, &emu->destroyed, node)
		kfree(prog);
	pto_shared_free(&emu->sub);
	pto_shared_free(&emu->core);
	kvfree(emu->flights);
	kfree(emu);
}

const struct pto_object_type pto_emu_type = {
	.type = PTO_OBJ_EMU,
	.drop = pto_emu_drop,
	.free = pto_emu_free,
};

static int pto_emu_alloc(struct pto_emu *emu)
{
	u32 core;
	int err;

	emu->flights = kvcalloc(emu->n_cores * emu->depth, sizeof(*emu->flights), PTO_GFP);
	if (!emu->flights)
		return -ENOMEM;
	err = pto_shared_alloc(&emu->sub, (size_t)emu->n_cores * emu->sub_stride, false);
	if (err)
		goto free;
	err = pto_shared_alloc(&emu->core, (size_t)emu->n_cores * emu->core_stride, true);
	if (err)
		goto free_sub;
	for (core = 0; core < emu->n_cores; core++) {
		emu->cores[core].flight = emu->flights + core * emu->depth;
		pto_emu_sub(emu, core)->depth = emu->depth;
		pto_emu_sub(emu, core)->irq_wanted = 1;
		pto_emu_sub(emu, core)->irq_head = 1;
	}
	return 0;

free_sub:
	pto_shared_free(&emu->sub);
free:
	kvfree(emu->flights);
	return err;
}

static int pto_emu_make(struct pto_ctx *ctx, u32 depth, struct pto_emu **out)
{
	u32 cores = ctx->pdev->blocks * PTO_BLOCK_CORES;
	struct pto_emu *emu;
	int err;

	BUILD_BUG_ON(PTO_MAX_CORES * PTO_QUEUE_SUB_SIZE(PTO_EMU_DEPTH_MAX) > PTO_MMAP_EMU_CORE);
	emu = kzalloc(struct_size(emu, cores, cores), PTO_GFP);
	if (!emu)
		return -ENOMEM;
	emu->n_cores = cores;
	emu->depth = depth;
	emu->sub_stride = PTO_QUEUE_SUB_SIZE(depth);
	emu->core_stride = PTO_QUEUE_CORE_SIZE(depth);
	err = pto_emu_alloc(emu);
	if (err) {
		kfree(emu);
		return err;
	}
	pto_object_init(&emu->obj, ctx, &pto_emu_type);
	INIT_LIST_HEAD(&emu->starved);
	INIT_LIST_HEAD(&emu->destroyed);
	init_waitqueue_head(&emu->wait);

	spin_lock_irq(&ctx->qlock);
	if (ctx->dead) {
		err = -ENODEV;
	} else if (ctx->emu) {
		err = -EBUSY;
	} else {
		emu->attached = true;
		WRITE_ONCE(ctx->emu, emu);
	}
	spin_unlock_irq(&ctx->qlock);
	if (err)
		pto_emu_free(&emu->obj);
	else
		*out = emu;
	return err;
}

int pto_call_emu_attach(struct pto_call *call)
{
	struct pto_emu_attach *args = &call->args.emu_attach;
	struct pto_ctx *ctx = call->ctx;
	struct pto_emu *emu;
	int err;

	if (!(ctx->pdev->ops->flags & PTO_DEVICE_MOCK))
		return -EOPNOTSUPP;
	if (!is_power_of_2(args->depth) || args->depth < 2 || args->depth > PTO_EMU_DEPTH_MAX)
		return -EINVAL;
	err = pto_emu_make(ctx, args->depth, &emu);
	if (err)
		return err;
	err = pto_object_reserve(&emu->obj);
	if (err)
		goto drop;
	args->handle = emu->obj.handle;
	args->cores = emu->n_cores;
	args->sub_stride = emu->sub_stride;
	args->core_stride = emu->core_stride;
	args->sub_offset = (u64)args->handle << PTO_MMAP_SHIFT;
	args->core_offset = args->sub_offset + PTO_MMAP_EMU_CORE;
	err = pto_object_publish(call, &emu->obj);
	if (err)
		goto drop;
	return 0;
drop:
	pto_emu_drop(&emu->obj);
	pto_object_put(&emu->obj);
	return err;
}

int pto_call_emu_step(struct pto_call *call)
{
	struct pto_emu_step *args = &call->args.emu_step;
	bool wait = args->flags & PTO_EMU_WAIT;
	struct pto_object *obj;
	int err = 0;

	if (!args->flags || args->timeout_ns > (wait ? PTO_TIMEOUT_MAX_NS : 0))
		return -EINVAL;
	obj = pto_object_find(call->ctx, args->handle, PTO_OBJ_EMU);
	if (!obj)
		return -ENOENT;
	args->reaped = 0;
	if (args->flags & PTO_EMU_REAP)
		err = pto_emu_reap(to_emu(obj), &args->reaped);
	if (!err && wait)
		err = pto_emu_sleep(to_emu(obj), args->doorbell, args->timeout_ns);
	args->doorbell = READ_ONCE(to_emu(obj)->doorbell);
	pto_object_put(obj);
	return err;
}
