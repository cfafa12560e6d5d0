/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Waiting for a seqno: by a call that sleeps, by a parked io_uring command, by
 * poll() and by eventfd.
 */
#ifndef PTO_WAIT_H
#define PTO_WAIT_H

#include <linux/completion.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/poll.h>

struct io_uring_cmd;
struct pto_call;
struct pto_ctx;
struct pto_stream;

/**
 * struct pto_waiter - one wait for a seqno
 * @node:	in the awaited command's @waiters, under the queue lock. Whoever takes it
 *		off, ends the wait: completion, timeout, cancel or signal; the others
 *		find it off
 * @ctx:	outlives it, since the call holds the file
 * @stream:	referenced
 * @result:	0 or negative errno, set by him
 * @cmd:	the parked command, or NULL: a thread sleeps on @done
 * @timer:	its bound
 */
struct pto_waiter {
	struct hlist_node node;
	struct pto_ctx *ctx;
	struct pto_stream *stream;
	u64 seqno;
	int result;
	struct completion done;
	struct io_uring_cmd *cmd;
	struct hrtimer timer;
};

int pto_wait(struct pto_call *call, struct pto_stream *stream, u64 seqno, u64 timeout_ns);
void pto_wait_completed(struct pto_stream *stream, int status);
void pto_wait_fire(struct pto_stream *stream);
bool pto_wait_take(struct pto_waiter *waiter, int result);
void pto_wait_finish(struct pto_waiter *waiter, unsigned int issue_flags);

__poll_t pto_poll(struct file *file, struct poll_table_struct *table);
int pto_call_stream_wait(struct pto_call *call);
int pto_call_event_fd(struct pto_call *call);

#endif
