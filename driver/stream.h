/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Streams: rings of commands, executed in order.
 *
 * A command is a slot of its stream's ring from the moment it is accepted
 * (seqno <= submitted) to its completion (seqno <= completed); the slot is then free.
 * The head is the command completed + 1.
 *
 *	accepted -> started -> done
 *	    \__________\______/ drained: cancelled by abort, fault, destruction or death
 *
 * pto_run() moves streams on. It works on the context's list of runnable streams, never
 * by recursion: a completion puts the streams that waited for it on the list. It completes
 * at most PTO_RUN_BUDGET commands, then leaves the rest to a work item, so that no
 * interrupt is kept long, however many commands become ready at once.
 *
 * Draining is how anything is cancelled: all that was accepted so far (drain_to) is
 * to end with drain_status without being started. A head that runs is told to stop;
 * if it can not at once (a copy), its answer comes later and the drain goes on then.
 *
 * WAIT: a head whose target is not done is linked to the target's @blocked list.
 *
 * All members but the constant ones are under the context's queue lock.
 */
#ifndef PTO_STREAM_H
#define PTO_STREAM_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/workqueue.h>

#include "map.h"
#include "mem.h"
#include "object.h"

struct eventfd_ctx;
struct pto_prog;

#define PTO_RUN_BUDGET		64

/* Indices of a copy's ends in pto_task.refs. */
#define PTO_DST			0
#define PTO_SRC			1

/**
 * struct pto_task - an accepted command
 * @opcode:	PTO_CMD_*
 * @flags:	PTO_CMD_TIMESTAMP
 * @accepted:	ns when it was, of one that is to have times
 * @started:	ns when it reached the head, or when its emulator said
 * @ended:	ns when it was done
 * @waiters:	struct pto_waiter: calls that wait for it
 * @refs:	objects it holds: LAUNCH: programs by lane, then memory of the arguments;
 *		COPY and FILL: PTO_DST and PTO_SRC; WAIT: the other stream
 *
 * LAUNCH: the lanes in @launch.left are not done; @launch.status is the worst so far.
 */
struct pto_task {
	u16 opcode;
	u16 flags;
	u64 accepted;
	u64 started;
	u64 ended;
	struct hlist_head waiters;
	struct pto_object *refs[PTO_LANES + 1];
	union {
		struct {
			u64 args;
			u32 nargs;
			s32 func_id;
			u8 lanes;
			u8 left;
			s16 status;
		} launch;
		struct {
			u64 offset[2];
			u64 bytes;
			u32 pattern;
		} copy;
		struct {
			u64 seqno;
		} wait;
		u64 delay_ns;
		u32 fault_code;
	};
};

/**
 * struct pto_engine - a mock's engine for one stream
 * @timer:	its interrupt: the head is done
 * @due:	when; KTIME_MAX when no head is timed
 * @work:	moves the bytes of the head's copy or fill, in pieces
 * @copying:	@work has not answered yet
 * @stop:	it should
 * @fault, @fault_code: how the head is to end
 */
struct pto_engine {
	struct hrtimer timer;
	ktime_t due;
	struct work_struct work;
	bool copying;
	bool stop;
	bool fault;
	u32 fault_code;
};

/**
 * struct pto_stream - a stream
 * @engine:	PTO_ENGINE_*; constant, like @index, @depth and @ring
 * @node:	in ctx->streams
 * @run_node:	in ctx->runnable, or empty
 * @submitted:	last seqno assigned
 * @pushed:	LAUNCH: last seqno given to the emulator
 * @completed:	last seqno done
 * @busy:	the head was started and has not answered
 * @state:	PTO_STREAM_*
 * @drain_to, @drain_status: see above
 * @head_status: what a head that was told to stop ends with, whatever it answers
 * @timed:	seqno of the last head that the watchdog was to look after
 * @head_since:	jiffies when that became the head
 * @blocked:	streams whose WAIT is for this one
 * @blocked_node: in the @blocked list of the stream that this one's head waits for
 * @armed:	EVENT_FD's seqno; 0: none
 * @fired:	it was reached, @eventfd was told
 * @shared:	struct pto_stream_page
 */
struct pto_stream {
	struct pto_object obj;
	u32 engine;
	u32 index;
	u32 depth;
	struct pto_task *ring;
	struct list_head node;
	struct list_head run_node;
	u64 submitted;
	u64 pushed;
	u64 completed;
	bool busy;
	u32 state;
	u64 drain_to;
	int drain_status;
	int head_status;
	u64 timed;
	unsigned long head_since;
	struct list_head blocked;
	struct list_head blocked_node;
	u64 armed;
	bool fired;
	struct eventfd_ctx *eventfd;
	struct pto_shared shared;
	struct pto_engine hw;
};

extern const struct pto_object_type pto_stream_type;

static inline struct pto_stream *to_stream(struct pto_object *obj)
{
	return container_of(obj, struct pto_stream, obj);
}

static inline struct pto_stream_page *pto_stream_page(struct pto_stream *stream)
{
	return stream->shared.base;
}

static inline struct pto_task *pto_stream_task(struct pto_stream *stream, u64 seqno)
{
	return &stream->ring[seqno & (stream->depth - 1)];
}

static inline struct pto_task *pto_stream_head(struct pto_stream *stream)
{
	return pto_stream_task(stream, stream->completed + 1);
}

/* What a copy works on: PTO_DST or PTO_SRC. */
static inline struct pto_range pto_task_range(const struct pto_task *task, int which)
{
	return (struct pto_range){ task->refs[which], task->copy.offset[which] };
}

struct pto_stream *pto_stream_find(struct pto_ctx *ctx, u32 handle);

/* With the queue lock held. */
void pto_run(struct pto_ctx *ctx);
void pto_stream_wake(struct pto_stream *stream);
void pto_stream_done(struct pto_stream *stream, int status);
void pto_stream_drain(struct pto_stream *stream, int status);
void pto_streams_settle(struct pto_ctx *ctx);
void pto_stream_lose(struct pto_stream *stream, int status);
void pto_stream_set_state(struct pto_stream *stream, u32 state);
int pto_stream_status(struct pto_stream *stream, u64 seqno);

void pto_run_work(struct work_struct *work);
void pto_watchdog(struct timer_list *timer);
void pto_watchdog_arm(struct pto_ctx *ctx);
void pto_watchdog_rearm(struct pto_ctx *ctx);
void pto_task_put(struct pto_task *task, void (*put)(struct pto_object *obj));

int pto_call_stream_create(struct pto_call *call);
int pto_call_stream_submit(struct pto_call *call);
int pto_call_stream_ctl(struct pto_call *call);

#endif
