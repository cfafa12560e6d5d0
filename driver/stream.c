// SPDX-License-Identifier: GPL-2.0
/* Streams: creation, the run loop, completion, draining, the watchdog. See stream.h. */
#include <linux/eventfd.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include "call.h"
#include "ctx.h"
#include "device.h"
#include "emu.h"
#include "stream.h"
#include "trace.h"
#include "wait.h"

struct pto_stream *pto_stream_find(struct pto_ctx *ctx, u32 handle)
{
	struct pto_object *obj = pto_object_find(ctx, handle, PTO_OBJ_STREAM);

	return obj ? to_stream(obj) : NULL;
}

/* Drop what a command holds, by @put: pto_object_put() or pto_object_put_atomic(). */
void pto_task_put(struct pto_task *task, void (*put)(struct pto_object *obj))
{
	int i;

	for (i = 0; i < ARRAY_SIZE(task->refs); i++) {
		if (task->refs[i])
			put(task->refs[i]);
		task->refs[i] = NULL;
	}
}

/* How a command that is done has ended; 0 when its entry was written over. */
int pto_stream_status(struct pto_stream *stream, u64 seqno)
{
	const struct pto_completion *entry;

	entry = &pto_stream_page(stream)->ring[seqno & (stream->depth - 1)];
	return entry->seqno == seqno ? entry->status : 0;
}

void pto_stream_set_state(struct pto_stream *stream, u32 state)
{
	stream->state = state;
	WRITE_ONCE(pto_stream_page(stream)->state, state);
	if (state == PTO_STREAM_DEAD)
		pto_wait_fire(stream);
}

/* Its next command may be able to start. */
void pto_stream_wake(struct pto_stream *stream)
{
	lockdep_assert_held(&stream->obj.ctx->qlock);
	if (list_empty(&stream->run_node))
		list_add_tail(&stream->run_node, &stream->obj.ctx->runnable);
}

static void pto_stream_publish(struct pto_stream *stream, u64 seqno, int status)
{
	struct pto_stream_page *page = pto_stream_page(stream);
	struct pto_completion *entry = &page->ring[seqno & (stream->depth - 1)];
	struct pto_task *task = pto_stream_task(stream, seqno);
	bool times = task->flags & PTO_CMD_TIMESTAMP;

	WRITE_ONCE(entry->seqno, seqno);
	/* Who is still reading what was here, and sees any of the new, sees the new seqno. */
	smp_wmb();
	entry->status = status;
	entry->accepted = task->accepted;
	entry->start = times && task->ended ? task->started : 0;
	entry->end = times ? task->ended : 0;
	entry->done = times ? ktime_get_ns() : 0;
	/* The user, who sees it, sees the entry, and what the command wrote. */
	smp_store_release(&page->completed, seqno);
}

/* Streams whose WAIT this completion has fulfilled. */
static void pto_stream_unblock(struct pto_stream *stream)
{
	struct pto_stream *waiter, *next;

	list_for_each_entry_safe(waiter, next, &stream->blocked, blocked_node) {
		if (pto_stream_head(waiter)->wait.seqno > stream->completed)
			continue;
		list_del_init(&waiter->blocked_node);
		pto_stream_wake(waiter);
	}
}

/* What the head kept busy. Launches are accounted when they land. */
static void pto_stream_account(struct pto_stream *stream, const struct pto_task *task)
{
	u64 *busy_ns = stream->obj.ctx->counters.busy_ns;
	u64 ns = task->ended - task->started;

	if (!task->ended || task->opcode == PTO_CMD_LAUNCH)
		return;
	switch (stream->engine) {
	case PTO_ENGINE_COPY:
		busy_ns[PTO_BUSY_COPY] += ns;
		break;
	case PTO_ENGINE_AIC:
		busy_ns[PTO_BUSY_AIC] += ns;
		break;
	case PTO_ENGINE_AIV:
		busy_ns[PTO_BUSY_AIV] += ns;
		break;
	case PTO_ENGINE_BLOCK:
		busy_ns[PTO_BUSY_AIC] += ns;
		busy_ns[PTO_BUSY_AIV] += 2 * ns;
		break;
	}
}

/* The head is done. */
static void pto_stream_complete(struct pto_stream *stream, int status)
{
	struct pto_ctx *ctx = stream->obj.ctx;
	u64 seqno = stream->completed + 1;
	struct pto_task *task = pto_stream_task(stream, seqno);

	/* The user may destroy what the command used as soon as he sees it done. */
	pto_task_put(task, pto_object_put_atomic);
	pto_stream_publish(stream, seqno, status);
	trace_pto_complete(stream, seqno, task, status);
	pto_stream_account(stream, task);
	ctx->counters.completed++;
	stream->completed = seqno;
	stream->pushed = max(stream->pushed, seqno);
	stream->busy = false;
	stream->head_status = 0;
	pto_wait_completed(stream, status);
	pto_stream_unblock(stream);
	if (status && seqno > stream->drain_to && stream->state == PTO_STREAM_RUNNING &&
	    ctx->on_fault == PTO_ON_FAULT_STOP) {
		pto_stream_set_state(stream, PTO_STREAM_STOPPED);
		pto_emu_forget(stream, U64_MAX);
	}
}

/* The head was started and has now ended. pto_run() must follow. */
void pto_stream_done(struct pto_stream *stream, int status)
{
	struct pto_task *task = pto_stream_head(stream);

	lockdep_assert_held(&stream->obj.ctx->qlock);
	if (task->started && !task->ended)
		task->ended = ktime_get_ns();
	pto_stream_complete(stream, stream->head_status ?: status);
	pto_stream_wake(stream);
}

/* End the head with @status as soon as it can be stopped. */
static void pto_stream_stop_head(struct pto_stream *stream, int status)
{
	stream->head_status = status;
	if (stream->obj.ctx->pdev->ops->stop(stream))
		pto_stream_done(stream, status);
}

/* All that was accepted ends with @status, without being started. pto_run() must follow. */
void pto_stream_drain(struct pto_stream *stream, int status)
{
	lockdep_assert_held(&stream->obj.ctx->qlock);
	trace_pto_cancel(stream, status);
	stream->drain_to = stream->submitted;
	stream->drain_status = status;
	list_del_init(&stream->blocked_node);
	pto_emu_forget(stream, U64_MAX);
	if (stream->busy)
		pto_stream_stop_head(stream, status);
	pto_stream_wake(stream);
}

/* The launches that the emulator had end with @status; it is gone. pto_run() must follow. */
void pto_stream_lose(struct pto_stream *stream, int status)
{
	stream->drain_to = stream->pushed;
	stream->drain_status = status;
	if (stream->state == PTO_STREAM_RUNNING &&
	    stream->obj.ctx->on_fault == PTO_ON_FAULT_STOP)
		pto_stream_set_state(stream, PTO_STREAM_STOPPED);
	pto_stream_wake(stream);
}

/* A WAIT is the head. True: it is done. */
static bool pto_stream_try_wait(struct pto_stream *stream, struct pto_task *task)
{
	struct pto_stream *target = to_stream(task->refs[0]);
	int status;

	if (target->completed < task->wait.seqno) {
		/* It may be there already: this is a second look. */
		list_move_tail(&stream->blocked_node, &target->blocked);
		return false;
	}
	list_del_init(&stream->blocked_node);
	status = pto_stream_status(target, task->wait.seqno);
	pto_stream_complete(stream, status ? -ECANCELED : 0);
	return true;
}

/* The head's time begins, unless it has begun: a LAUNCH is looked at more than once. */
static void pto_stream_reach(struct pto_stream *stream)
{
	if (stream->timed == stream->completed + 1)
		return;
	stream->timed = stream->completed + 1;
	stream->head_since = jiffies;
	pto_watchdog_arm(stream->obj.ctx);
}

static bool pto_stream_try_start(struct pto_stream *stream, struct pto_task *task)
{
	struct pto_ctx *ctx = stream->obj.ctx;

	if (task->opcode != PTO_CMD_NOP || task->flags)
		task->started = ktime_get_ns();
	pto_stream_reach(stream);
	stream->busy = true;
	if (!ctx->pdev->ops->start(stream))
		return false;
	if (task->started)
		task->ended = ktime_get_ns();
	pto_stream_complete(stream, 0);
	return true;
}

/* Move the stream on by one command. False: it can not go on now. */
static bool pto_stream_step(struct pto_stream *stream)
{
	struct pto_task *task = pto_stream_head(stream);

	if (stream->busy || stream->completed == stream->submitted)
		return false;
	if (stream->completed < stream->drain_to) {
		pto_stream_complete(stream, stream->drain_status);
		return true;
	}
	/* Stopped by a fault: no command is accepted, what is left did not run. */
	if (stream->state != PTO_STREAM_RUNNING) {
		pto_stream_complete(stream, -ECANCELED);
		return true;
	}
	switch (task->opcode) {
	case PTO_CMD_LAUNCH:
		if (!stream->obj.ctx->emu) {
			pto_stream_complete(stream, -ECANCELED);
			return true;
		}
		pto_stream_reach(stream);
		return pto_emu_push(stream);
	case PTO_CMD_WAIT:
		return pto_stream_try_wait(stream, task);
	default:
		return pto_stream_try_start(stream, task);
	}
}

/* Start what can be started. Iterative, bounded; the rest is left to run_work. */
void pto_run(struct pto_ctx *ctx)
{
	unsigned int budget = PTO_RUN_BUDGET;
	struct pto_stream *stream;

	lockdep_assert_held(&ctx->qlock);
	while ((stream = list_first_entry_or_null(&ctx->runnable, struct pto_stream, run_node))) {
		if (!budget--) {
			queue_work(pto_wq, &ctx->run_work);
			return;
		}
		if (!pto_stream_step(stream))
			list_del_init(&stream->run_node);
	}
}

void pto_run_work(struct work_struct *work)
{
	struct pto_ctx *ctx = container_of(work, struct pto_ctx, run_work);

	spin_lock_irq(&ctx->qlock);
	pto_run(ctx);
	spin_unlock_irq(&ctx->qlock);
}

/* ---- the watchdog ---- */

/* The jiffy in which a time begins does not count, or it would be up to one too short. */
static unsigned long pto_timeout_jiffies(const struct pto_ctx *ctx)
{
	return msecs_to_jiffies(ctx->timeout_ms) + 1;
}

/* Has the stream's head a deadline? @since: jiffies from when it counts. */
static bool pto_stream_timed(struct pto_stream *stream, unsigned long *since)
{
	struct pto_emu *emu = stream->obj.ctx->emu;

	/* A WAIT has none; one that was told to stop has had it. */
	if (stream->timed != stream->completed + 1 || stream->head_status)
		return false;
	*since = stream->head_since;
	if (!stream->busy && emu && time_after(emu->progress, *since))
		*since = emu->progress;
	return true;
}

static void pto_stream_timeout(struct pto_stream *stream)
{
	pto_fault_task(stream, PTO_FAULT_TIMEOUT, pto_stream_head(stream)->opcode);
	pto_dump_stream(stream);
	if (stream->busy) {
		pto_stream_stop_head(stream, -ETIMEDOUT);
		return;
	}
	/* The emulator may still run it; who comes behind it on the core waits for it. */
	pto_emu_forget(stream, stream->completed + 1);
	pto_stream_done(stream, -ETIMEDOUT);
}

void pto_watchdog(struct timer_list *timer)
{
	struct pto_ctx *ctx = container_of(timer, struct pto_ctx, watchdog);
	unsigned long since, timeout, next = 0, flags;
	struct pto_stream *stream;
	bool armed = false;

	spin_lock_irqsave(&ctx->qlock, flags);
	timeout = pto_timeout_jiffies(ctx);
	list_for_each_entry(stream, &ctx->streams, node) {
		if (!pto_stream_timed(stream, &since))
			continue;
		if (time_after_eq(jiffies, since + timeout)) {
			pto_stream_timeout(stream);
		} else if (!armed || time_before(since + timeout, next)) {
			next = since + timeout;
			armed = true;
		}
	}
	if (armed && !ctx->dead)
		mod_timer(&ctx->watchdog, next);
	pto_run(ctx);
	spin_unlock_irqrestore(&ctx->qlock, flags);
}

/* A command has started: see to it that someone looks after its time. */
void pto_watchdog_arm(struct pto_ctx *ctx)
{
	if (!timer_pending(&ctx->watchdog) && !ctx->dead)
		mod_timer(&ctx->watchdog, jiffies + pto_timeout_jiffies(ctx));
}

/* The timeout has changed: look now. */
void pto_watchdog_rearm(struct pto_ctx *ctx)
{
	lockdep_assert_held(&ctx->qlock);
	if (!ctx->dead)
		mod_timer(&ctx->watchdog, jiffies);
}

/* ---- objects ---- */

/* When it returns, all its commands are done and nothing runs. */
static void pto_stream_drop(struct pto_object *obj)
{
	struct pto_stream *stream = to_stream(obj);
	struct pto_ctx *ctx = obj->ctx;
	bool drained;

	pto_list_changed(PTO_LIST_STREAMS);
	spin_lock_irq(&ctx->qlock);
	if (stream->state != PTO_STREAM_DEAD) {
		pto_stream_set_state(stream, PTO_STREAM_DEAD);
		pto_stream_drain(stream, -ECANCELED);
	}
	spin_unlock_irq(&ctx->qlock);
	ctx->pdev->ops->stream_idle(stream);
	do {
		spin_lock_irq(&ctx->qlock);
		pto_run(ctx);
		drained = stream->completed == stream->submitted;
		spin_unlock_irq(&ctx->qlock);
		cond_resched();
	} while (!drained);
}

/* One that has commands left, with a reference; NULL: none has. */
static struct pto_stream *pto_stream_unsettled(struct pto_ctx *ctx)
{
	struct pto_stream *stream, *found = NULL;

	spin_lock_irq(&ctx->qlock);
	list_for_each_entry(stream, &ctx->streams, node) {
		if (stream->completed != stream->submitted &&
		    kref_get_unless_zero(&stream->obj.ref)) {
			found = stream;
			break;
		}
	}
	spin_unlock_irq(&ctx->qlock);
	return found;
}

/* Of a dead context: wait for streams whose handles a call under way has taken, as it does. */
void pto_streams_settle(struct pto_ctx *ctx)
{
	struct pto_stream *stream;

	while ((stream = pto_stream_unsettled(ctx))) {
		pto_stream_drop(&stream->obj);
		pto_object_put(&stream->obj);
	}
}

static void pto_stream_free(struct pto_object *obj)
{
	struct pto_stream *stream = to_stream(obj);
	struct pto_ctx *ctx = obj->ctx;

	spin_lock_irq(&ctx->qlock);
	list_del(&stream->node);
	list_del(&stream->run_node);
	spin_unlock_irq(&ctx->qlock);
	if (stream->eventfd)
		eventfd_ctx_put(stream->eventfd);
	pto_shared_free(&stream->shared);
	kvfree(stream->ring);
	kfree(stream);
	atomic_dec(&ctx->n_streams);
}

const struct pto_object_type pto_stream_type = {
	.type = PTO_OBJ_STREAM,
	.drop = pto_stream_drop,
	.free = pto_stream_free,
};

static int pto_stream_check(const struct pto_device *pdev, const struct pto_stream_create *args)
{
	static const u8 per_block[] = {
		[PTO_ENGINE_AIC] = 1,
		[PTO_ENGINE_AIV] = 2,
		[PTO_ENGINE_BLOCK] = 1,
	};
	u32 engines;

	if (args->engine > PTO_ENGINE_BLOCK)
		return -EOPNOTSUPP;
	engines = args->engine == PTO_ENGINE_COPY ? 1 : per_block[args->engine] * pdev->blocks;
	if (args->index >= engines)
		return -EINVAL;
	if (!is_power_of_2(args->depth) || args->depth < PTO_STREAM_DEPTH_MIN ||
	    args->depth > PTO_STREAM_DEPTH_MAX)
		return -EINVAL;
	return 0;
}

static int pto_stream_alloc(struct pto_stream *stream, u32 depth)
{
	int err;

	stream->ring = kvcalloc(depth, sizeof(*stream->ring), PTO_GFP);
	if (!stream->ring)
		return -ENOMEM;
	err = pto_shared_alloc(&stream->shared,
			       struct_size(pto_stream_page(stream), ring, depth), false);
	if (err)
		kvfree(stream->ring);
	return err;
}

static int pto_stream_make(struct pto_ctx *ctx, const struct pto_stream_create *args,
			   struct pto_stream **out)
{
	struct pto_stream *stream;
	int err;

	stream = kzalloc(sizeof(*stream), PTO_GFP);
	if (!stream)
		return -ENOMEM;
	err = pto_stream_alloc(stream, args->depth);
	if (err) {
		kfree(stream);
		return err;
	}
	pto_object_init(&stream->obj, ctx, &pto_stream_type);
	stream->engine = args->engine;
	stream->index = args->index;
	stream->depth = args->depth;
	pto_stream_page(stream)->depth = args->depth;
	INIT_LIST_HEAD(&stream->run_node);
	INIT_LIST_HEAD(&stream->blocked);
	INIT_LIST_HEAD(&stream->blocked_node);
	ctx->pdev->ops->stream_init(stream);

	/* If the context dies before the handle is published, publishing fails. */
	spin_lock_irq(&ctx->qlock);
	list_add_tail(&stream->node, &ctx->streams);
	spin_unlock_irq(&ctx->qlock);
	*out = stream;
	return 0;
}

int pto_call_stream_create(struct pto_call *call)
{
	struct pto_stream_create *args = &call->args.stream_create;
	struct pto_ctx *ctx = call->ctx;
	struct pto_stream *stream;
	int err;

	err = pto_stream_check(ctx->pdev, args);
	if (err)
		return err;
	if (atomic_inc_return(&ctx->n_streams) > PTO_STREAMS_MAX) {
		err = -EMFILE;
		goto uncount;
	}
	err = pto_stream_make(ctx, args, &stream);
	if (err)
		goto uncount;
	err = pto_object_reserve(&stream->obj);
	if (err)
		goto put;
	args->handle = stream->obj.handle;
	args->mmap_offset = (u64)stream->obj.handle << PTO_MMAP_SHIFT;
	args->mmap_size = stream->shared.bytes;
	err = pto_object_publish(call, &stream->obj);
	if (err)
		goto put;
	pto_list_changed(PTO_LIST_STREAMS);
	return 0;

uncount:
	atomic_dec(&ctx->n_streams);
	return err;
put:
	/* Freeing it counts it down. */
	pto_object_put(&stream->obj);
	return err;
}

int pto_call_stream_ctl(struct pto_call *call)
{
	const struct pto_stream_ctl *args = &call->args.stream_ctl;
	struct pto_ctx *ctx = call->ctx;
	struct pto_stream *stream;
	int err = 0;

	if (args->op > PTO_STREAM_RESUME)
		return -EOPNOTSUPP;
	stream = pto_stream_find(ctx, args->stream);
	if (!stream)
		return -ENOENT;
	spin_lock_irq(&ctx->qlock);
	if (stream->state == PTO_STREAM_DEAD) {
		err = -ENOENT;
	} else if (args->op == PTO_STREAM_RESUME && stream->state != PTO_STREAM_STOPPED) {
		err = -EINVAL;
	} else {
		/* A stopped stream may not have cancelled all it had yet. */
		pto_stream_drain(stream, -ECANCELED);
		if (args->op == PTO_STREAM_RESUME)
			pto_stream_set_state(stream, PTO_STREAM_RUNNING);
		pto_run(ctx);
	}
	spin_unlock_irq(&ctx->qlock);
	pto_object_put(&stream->obj);
	return err;
}
