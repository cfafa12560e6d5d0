// SPDX-License-Identifier: GPL-2.0
/*
 * Calls by io_uring.
 *
 * A call runs when the SQE is issued, in the submitter's address space; only then are
 * the SQE and user memory looked at. One that waits is parked as a struct pto_waiter, and
 * ends in task work, by whoever took it off its stream's list. Work never waits for
 * the ring: cancelling ends the wait only.
 */
#include <linux/fs.h>

#include <linux/pto.h>

#include "call.h"
#include "compat.h"
#include "ctx.h"
#include "stream.h"
#include "uring.h"
#include "wait.h"

struct pto_uring_pdu {
	struct pto_waiter *waiter;
};

static struct pto_uring_pdu *pto_uring_pdu(struct io_uring_cmd *cmd)
{
	BUILD_BUG_ON(sizeof(struct pto_uring_pdu) > sizeof(cmd->pdu));
	return (struct pto_uring_pdu *)cmd->pdu;
}

/* From now on a cancel finds the waiter. */
void pto_uring_park(struct io_uring_cmd *cmd, struct pto_waiter *waiter)
{
	pto_uring_pdu(cmd)->waiter = waiter;
}

struct pto_waiter *pto_uring_waiter(struct io_uring_cmd *cmd)
{
	return pto_uring_pdu(cmd)->waiter;
}

/* The ring goes away. If the wait was just ended by another, his task work is under way. */
static int pto_uring_cancel(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct pto_waiter *waiter = pto_uring_waiter(cmd);

	if (pto_wait_take(waiter, -ECANCELED))
		pto_wait_finish(waiter, issue_flags);
	return 0;
}

int pto_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	const struct pto_uring *sqe;
	struct pto_uring payload;
	struct pto_call call;

	if (issue_flags & PTO_URING_CANCEL)
		return pto_uring_cancel(cmd, issue_flags);
	if (issue_flags & IO_URING_F_IOPOLL)
		return -EOPNOTSUPP;
	/* Shared with the caller: read it once. */
	sqe = pto_uring_payload(cmd);
	payload.arg = READ_ONCE(sqe->arg);
	payload.size = READ_ONCE(sqe->size);
	payload.flags = READ_ONCE(sqe->flags);
	if (payload.flags)
		return -EOPNOTSUPP;
	if (!payload.size)
		return -EINVAL;
	call.ctx = cmd->file->private_data;
	call.user = u64_to_user_ptr(payload.arg);
	call.cmd = cmd;
	call.issue_flags = issue_flags;
	return pto_call_run(&call, cmd->cmd_op, payload.size);
}
