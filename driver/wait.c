// SPDX-License-Identifier: GPL-2.0
/* Waiting for a seqno. */
#include <linux/eventfd.h>
#include <linux/slab.h>

#include "call.h"
#include "compat.h"
#include "ctx.h"
#include "stream.h"
#include "uring.h"
#include "wait.h"

static void pto_uring_finish(struct io_uring_cmd *cmd, unsigned int issue_flags);

/* Take it off the list and tell it. The queue lock is held. */
static void pto_waiter_end(struct pto_waiter *waiter, int result)
{
	hlist_del_init(&waiter->node);
	waiter->result = result;
	if (!waiter->cmd)
		complete(&waiter->done);
}

/* The head has just completed with @status: end the waits for it. */
void pto_wait_completed(struct pto_stream *stream, int status)
{
	struct pto_task *task = pto_stream_task(stream, stream->completed);
	struct pto_waiter *waiter;
	struct hlist_node *next;

	hlist_for_each_entry_safe(waiter, next, &task->waiters, node) {
		pto_waiter_end(waiter, status);
		if (waiter->cmd)
			io_uring_cmd_complete_in_task(waiter->cmd, pto_uring_finish);
	}
	if (stream->armed && stream->completed >= stream->armed)
		pto_wait_fire(stream);
}

/* An armed stream got there, or will never. */
void pto_wait_fire(struct pto_stream *stream)
{
	if (!stream->armed || stream->fired)
		return;
	stream->fired = true;
	if (stream->eventfd)
		pto_eventfd_signal(stream->eventfd);
	wake_up_poll(&stream->obj.ctx->wait, EPOLLIN);
}

/* End a wait, unless somebody else has. True: it was us. */
bool pto_wait_take(struct pto_waiter *waiter, int result)
{
	unsigned long flags;
	bool ours;

	spin_lock_irqsave(&waiter->ctx->qlock, flags);
	ours = !hlist_unhashed(&waiter->node);
	if (ours)
		pto_waiter_end(waiter, result);
	spin_unlock_irqrestore(&waiter->ctx->qlock, flags);
	return ours;
}

/* Answer a parked command whose wait has ended, and free the waiter. In task context. */
void pto_wait_finish(struct pto_waiter *waiter, unsigned int issue_flags)
{
	hrtimer_cancel(&waiter->timer);
	atomic_dec(&waiter->ctx->n_waits);
	/* Before the command lets go of the file, and with it of the context. */
	pto_object_put(&waiter->stream->obj);
	io_uring_cmd_done(waiter->cmd, waiter->result, 0, issue_flags);
	/* Until then a cancel may look at it. */
	kfree(waiter);
}

static void pto_uring_finish(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	pto_wait_finish(pto_uring_waiter(cmd), issue_flags);
}

static enum hrtimer_restart pto_waiter_timeout(struct hrtimer *timer)
{
	struct pto_waiter *waiter = container_of(timer, struct pto_waiter, timer);

	/* Whoever frees it cancels the timer before, and so waits for this. */
	if (pto_wait_take(waiter, -ETIME) && waiter->cmd)
		io_uring_cmd_complete_in_task(waiter->cmd, pto_uring_finish);
	return HRTIMER_NORESTART;
}

/*
 * Put @waiter on the list of its stream. Returns 0, or -EEXIST when the wait is over already,
 * with its end in waiter->result.
 */
static int pto_waiter_add(struct pto_waiter *waiter, u64 timeout_ns)
{
	struct pto_stream *stream = waiter->stream;
	int ret = -EEXIST;

	spin_lock_irq(&waiter->ctx->qlock);
	if (!waiter->seqno || waiter->seqno > stream->submitted) {
		waiter->result = -EINVAL;
	} else if (stream->completed >= waiter->seqno) {
		waiter->result = pto_stream_status(stream, waiter->seqno);
	} else if (!timeout_ns) {
		waiter->result = -ETIME;
	} else {
		hlist_add_head(&waiter->node, &pto_stream_task(stream, waiter->seqno)->waiters);
		/* With the lock held, since the wait may end right after it. */
		hrtimer_start(&waiter->timer, ns_to_ktime(timeout_ns), HRTIMER_MODE_REL);
		ret = 0;
	}
	spin_unlock_irq(&waiter->ctx->qlock);
	return ret;
}

static int pto_wait_sleep(struct pto_stream *stream, u64 seqno, u64 timeout_ns)
{
	struct pto_waiter waiter = {
		.ctx = stream->obj.ctx,
		.stream = stream,
		.seqno = seqno,
	};

	init_completion(&waiter.done);
	hrtimer_init_on_stack(&waiter.timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	waiter.timer.function = pto_waiter_timeout;
	if (!pto_waiter_add(&waiter, timeout_ns)) {
		wait_for_completion_interruptible(&waiter.done);
		/*
		 * If it was a signal. If not, who ended it may still hold the lock, and look
		 * at it.
		 */
		pto_wait_take(&waiter, -EINTR);
		hrtimer_cancel(&waiter.timer);
	}
	destroy_hrtimer_on_stack(&waiter.timer);
	return waiter.result;
}

static int pto_wait_park(struct pto_call *call, struct pto_stream *stream, u64 seqno,
			 u64 timeout_ns)
{
	struct pto_waiter *waiter;

	/* They may all be for one command, whose end then tells each of them. */
	if (atomic_inc_return(&call->ctx->n_waits) > PTO_WAITS_MAX)
		goto no_memory;
	waiter = kzalloc(sizeof(*waiter), PTO_GFP);
	if (!waiter)
		goto no_memory;
	waiter->ctx = call->ctx;
	waiter->stream = stream;
	waiter->seqno = seqno;
	waiter->cmd = call->cmd;
	hrtimer_init(&waiter->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	waiter->timer.function = pto_waiter_timeout;
	pto_object_get(&stream->obj);
	/*
	 * Cancelable before it is on the list, as it may be done right after. A cancel in
	 * between finds it off the list; the ring will try again.
	 */
	pto_uring_park(call->cmd, waiter);
	pto_uring_mark_cancelable(call->cmd, call->issue_flags);
	if (pto_waiter_add(waiter, timeout_ns))
		pto_wait_finish(waiter, call->issue_flags);
	return PTO_CALL_PARKED;

no_memory:
	atomic_dec(&call->ctx->n_waits);
	return -ENOMEM;
}

/**
 * pto_wait - wait until @seqno of @stream is done, for a call
 * @call:	if by io_uring, it is parked
 * @stream:	the stream
 * @seqno:	should be assigned
 * @timeout_ns:	bound, at most PTO_TIMEOUT_MAX_NS; 0: only ask
 *
 * Returns how the command ended, -EINVAL, -ETIME, -EINTR, or PTO_CALL_PARKED: the answer
 * is the io_uring command's completion.
 */
int pto_wait(struct pto_call *call, struct pto_stream *stream, u64 seqno, u64 timeout_ns)
{
	struct pto_waiter now = { .ctx = call->ctx, .stream = stream, .seqno = seqno };

	if (!call->cmd)
		return pto_wait_sleep(stream, seqno, timeout_ns);
	/* Most often there is nothing to park. */
	pto_waiter_add(&now, 0);
	if (now.result != -ETIME || !timeout_ns)
		return now.result;
	return pto_wait_park(call, stream, seqno, timeout_ns);
}

int pto_call_stream_wait(struct pto_call *call)
{
	const struct pto_stream_wait *args = &call->args.stream_wait;
	struct pto_stream *stream;
	int err;

	if (args->timeout_ns > PTO_TIMEOUT_MAX_NS)
		return -EINVAL;
	stream = pto_stream_find(call->ctx, args->stream);
	if (!stream)
		return -ENOENT;
	err = pto_wait(call, stream, args->seqno, args->timeout_ns);
	pto_object_put(&stream->obj);
	return err;
}

__poll_t pto_poll(struct file *file, struct poll_table_struct *table)
{
	struct pto_ctx *ctx = file->private_data;
	struct pto_stream *stream;
	__poll_t mask = 0;

	poll_wait(file, &ctx->wait, table);
	spin_lock_irq(&ctx->qlock);
	if (ctx->dead)
		mask |= EPOLLHUP | EPOLLERR;
	if (pto_fault_unread(ctx))
		mask |= EPOLLPRI;
	list_for_each_entry(stream, &ctx->streams, node)
		if (stream->fired)
			mask |= EPOLLIN;
	spin_unlock_irq(&ctx->qlock);
	return mask;
}

int pto_call_event_fd(struct pto_call *call)
{
	const struct pto_event_fd *args = &call->args.event_fd;
	struct eventfd_ctx *eventfd = NULL;
	struct pto_ctx *ctx = call->ctx;
	struct pto_stream *stream;

	if (args->fd < -1 || (!args->seqno && args->fd != -1))
		return -EINVAL;
	stream = pto_stream_find(ctx, args->stream);
	if (!stream)
		return -ENOENT;
	if (args->fd != -1) {
		eventfd = eventfd_ctx_fdget(args->fd);
		if (IS_ERR(eventfd)) {
			pto_object_put(&stream->obj);
			return PTR_ERR(eventfd);
		}
	}
	spin_lock_irq(&ctx->qlock);
	swap(stream->eventfd, eventfd);
	stream->armed = args->seqno;
	stream->fired = false;
	if (stream->completed >= stream->armed || stream->state == PTO_STREAM_DEAD)
		pto_wait_fire(stream);
	spin_unlock_irq(&ctx->qlock);
	if (eventfd)
		eventfd_ctx_put(eventfd);
	pto_object_put(&stream->obj);
	return 0;
}
