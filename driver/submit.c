// SPDX-License-Identifier: GPL-2.0
/*
 * STREAM_SUBMIT: commands are read once, checked and prepared without a lock (objects
 * found and held, host pages pinned), then appended under it, as far as there is room.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "call.h"
#include "ctx.h"
#include "device.h"
#include "emu.h"
#include "prog.h"
#include "stream.h"
#include "trace.h"
#include "wait.h"

/* What a command does not use must be zero, from @used bytes of the union on. */
static int pto_cmd_unused(const struct pto_cmd *cmd, size_t used)
{
	return memchr_inv((u8 *)cmd->raw + used, 0, sizeof(cmd->raw) - used) ? -EOPNOTSUPP : 0;
}

static int pto_prepare_args(struct pto_ctx *ctx, const struct pto_cmd *cmd, struct pto_task *task)
{
	struct pto_range range;
	u64 args = cmd->launch.args;
	u32 nargs = cmd->launch.nargs;
	int err;

	if (nargs > PTO_MAX_ARGS || !args != !nargs || args % sizeof(u64))
		return -EINVAL;
	if (!nargs)
		return 0;
	err = pto_range_device(ctx, args, nargs * sizeof(u64), false, &range);
	if (!err)
		task->refs[PTO_LANES] = range.obj;
	return err;
}

static int pto_prepare_launch(struct pto_stream *stream, const struct pto_cmd *cmd,
			      struct pto_task *task)
{
	bool block = stream->engine == PTO_ENGINE_BLOCK;
	u32 mask = cmd->launch.lane_mask, lanes = block ? mask : 1, lane;
	struct pto_ctx *ctx = stream->obj.ctx;
	int err = pto_cmd_unused(cmd, sizeof(cmd->launch));

	if (err)
		return err;
	if (stream->engine == PTO_ENGINE_COPY)
		return -EINVAL;
	if (block ? !mask || mask >> PTO_LANES : mask)
		return -EINVAL;
	for (lane = 0; lane < PTO_LANES; lane++)
		if (!cmd->launch.prog[lane] != !(lanes & BIT(lane)))
			return -EINVAL;
	for (lane = 0; lane < PTO_LANES; lane++) {
		if (!(lanes & BIT(lane)))
			continue;
		task->refs[lane] = pto_object_find(ctx, cmd->launch.prog[lane], PTO_OBJ_PROG);
		if (!task->refs[lane])
			return -ENOENT;
	}
	err = pto_prepare_args(ctx, cmd, task);
	if (err)
		return err;
	if (!READ_ONCE(ctx->emu))
		return -ENOTCONN;
	task->launch.args = cmd->launch.args;
	task->launch.nargs = cmd->launch.nargs;
	task->launch.func_id = cmd->launch.func_id;
	task->launch.lanes = lanes;
	return 0;
}

/* One end of a copy, on the device or on the host; the command holds it from now on. */
static int pto_prepare_end(struct pto_ctx *ctx, struct pto_task *task, int which, bool host,
			   u64 addr)
{
	bool write = which == PTO_DST;
	struct pto_range range;
	int err;

	if (host)
		err = pto_range_host(ctx, addr, task->copy.bytes, write, &range);
	else
		err = pto_range_device(ctx, addr, task->copy.bytes, write, &range);
	if (!err) {
		task->refs[which] = range.obj;
		task->copy.offset[which] = range.offset;
	}
	return err;
}

static int pto_prepare_copy(struct pto_stream *stream, const struct pto_cmd *cmd,
			    struct pto_task *task)
{
	struct pto_ctx *ctx = stream->obj.ctx;
	u64 dst = cmd->copy.dst, src = cmd->copy.src, bytes = cmd->copy.bytes;
	int err = pto_cmd_unused(cmd, sizeof(cmd->copy));

	if (err)
		return err;
	if (cmd->copy.reserved || cmd->copy.dir > PTO_COPY_D2D)
		return -EOPNOTSUPP;
	if (!bytes)
		return -EINVAL;
	if (cmd->copy.dir != PTO_COPY_D2D && bytes > PTO_HOST_COPY_MAX)
		return -EFBIG;
	if (cmd->copy.dir == PTO_COPY_D2D &&
	    (dst <= src ? src - dst < bytes : dst - src < bytes))
		return -EINVAL;
	task->copy.bytes = bytes;
	/* The device's side first: it is cheap to check. */
	if (cmd->copy.dir != PTO_COPY_D2H)
		err = pto_prepare_end(ctx, task, PTO_DST, false, dst);
	if (!err && cmd->copy.dir != PTO_COPY_H2D)
		err = pto_prepare_end(ctx, task, PTO_SRC, false, src);
	if (!err && cmd->copy.dir == PTO_COPY_D2H)
		err = pto_prepare_end(ctx, task, PTO_DST, true, dst);
	if (!err && cmd->copy.dir == PTO_COPY_H2D)
		err = pto_prepare_end(ctx, task, PTO_SRC, true, src);
	return err;
}

static int pto_prepare_fill(struct pto_stream *stream, const struct pto_cmd *cmd,
			    struct pto_task *task)
{
	int err = pto_cmd_unused(cmd, sizeof(cmd->fill));

	if (err)
		return err;
	if (cmd->fill.reserved)
		return -EOPNOTSUPP;
	if (!cmd->fill.bytes || cmd->fill.bytes % 4 || cmd->fill.dst % 4)
		return -EINVAL;
	task->copy.bytes = cmd->fill.bytes;
	task->copy.pattern = cmd->fill.pattern;
	return pto_prepare_end(stream->obj.ctx, task, PTO_DST, false, cmd->fill.dst);
}

static int pto_prepare_wait(struct pto_stream *stream, const struct pto_cmd *cmd,
			    struct pto_task *task)
{
	struct pto_ctx *ctx = stream->obj.ctx;
	struct pto_stream *target;
	int err = pto_cmd_unused(cmd, sizeof(cmd->wait));

	if (err)
		return err;
	if (cmd->wait.reserved)
		return -EOPNOTSUPP;
	target = pto_stream_find(ctx, cmd->wait.stream);
	if (!target)
		return -ENOENT;
	task->refs[0] = &target->obj;
	task->wait.seqno = cmd->wait.seqno;
	/* Only what is assigned, so that no cycle can come to be. */
	spin_lock_irq(&ctx->qlock);
	if (!cmd->wait.seqno || cmd->wait.seqno > target->submitted)
		err = -EINVAL;
	spin_unlock_irq(&ctx->qlock);
	return err;
}

/* What only a mock does. */
static int pto_prepare_mock(struct pto_stream *stream, const struct pto_cmd *cmd,
			    struct pto_task *task)
{
	int err;

	if (!(stream->obj.ctx->pdev->ops->flags & PTO_DEVICE_MOCK))
		return -EOPNOTSUPP;
	switch (cmd->opcode) {
	case PTO_CMD_DELAY:
		err = pto_cmd_unused(cmd, sizeof(cmd->delay));
		if (!err && (cmd->delay.ns < PTO_DELAY_MIN_NS ||
			     cmd->delay.ns > PTO_TIMEOUT_MAX_NS))
			err = -EINVAL;
		task->delay_ns = cmd->delay.ns;
		return err;
	case PTO_CMD_FAULT:
		task->fault_code = cmd->fault.code;
		return cmd->fault.reserved ? -EOPNOTSUPP : pto_cmd_unused(cmd, sizeof(cmd->fault));
	case PTO_CMD_HANG:
		return pto_cmd_unused(cmd, 0);
	default:
		return -EOPNOTSUPP;
	}
}

/* On failure @task holds nothing. */
static int pto_prepare(struct pto_stream *stream, const struct pto_cmd *cmd, struct pto_task *task)
{
	int err;

	if (cmd->flags & ~PTO_CMD_TIMESTAMP || cmd->reserved)
		return -EOPNOTSUPP;
	task->opcode = cmd->opcode;
	task->flags = cmd->flags;
	switch (cmd->opcode) {
	case PTO_CMD_NOP:
		err = pto_cmd_unused(cmd, 0);
		break;
	case PTO_CMD_LAUNCH:
		err = pto_prepare_launch(stream, cmd, task);
		break;
	case PTO_CMD_COPY:
		err = pto_prepare_copy(stream, cmd, task);
		break;
	case PTO_CMD_FILL:
		err = pto_prepare_fill(stream, cmd, task);
		break;
	case PTO_CMD_WAIT:
		err = pto_prepare_wait(stream, cmd, task);
		break;
	default:
		err = pto_prepare_mock(stream, cmd, task);
		break;
	}
	if (err)
		pto_task_put(task, pto_object_put);
	return err;
}

/* How many commands the stream would take now, or an errno. The queue lock is held. */
static int pto_stream_room(struct pto_stream *stream)
{
	if (stream->state == PTO_STREAM_DEAD)
		return -ENOENT;
	if (stream->state == PTO_STREAM_STOPPED)
		return -EIO;
	return stream->depth - (stream->submitted - stream->completed) ?: -EBUSY;
}

/* Append as many of @n prepared commands as fit. Returns their number or an errno. */
static int pto_stream_append(struct pto_stream *stream, const struct pto_task *tasks, u32 n,
			     u64 *first)
{
	struct pto_ctx *ctx = stream->obj.ctx;
	struct pto_task *task;
	u64 now = 0;
	int ret, i;

	spin_lock_irq(&ctx->qlock);
	ret = pto_stream_room(stream);
	if (ret > 0) {
		ret = min_t(u32, n, ret);
		*first = stream->submitted + 1;
		for (i = 0; i < ret; i++) {
			task = pto_stream_task(stream, *first + i);
			*task = tasks[i];
			if (task->flags & PTO_CMD_TIMESTAMP) {
				now = now ?: ktime_get_ns();
				task->accepted = now;
			}
			trace_pto_submit(stream, *first + i, &tasks[i]);
		}
		stream->submitted += ret;
		ctx->counters.submitted += ret;
		pto_stream_wake(stream);
		pto_run(ctx);
	}
	spin_unlock_irq(&ctx->qlock);
	return ret;
}

/* Prepare and append @count commands. Returns how many were accepted or an errno. */
static int pto_submit(struct pto_stream *stream, const struct pto_cmd *cmds, u32 count, u64 *first)
{
	struct pto_task *tasks;
	u32 n, i;
	int err = 0, accepted = 0;

	tasks = kvcalloc(count, sizeof(*tasks), GFP_KERNEL);
	if (!tasks)
		return -ENOMEM;
	for (n = 0; n < count; n++) {
		err = pto_prepare(stream, &cmds[n], &tasks[n]);
		if (err)
			break;
	}
	if (n)
		accepted = pto_stream_append(stream, tasks, n, first);
	for (i = max(accepted, 0); i < n; i++)
		pto_task_put(&tasks[i], pto_object_put);
	kvfree(tasks);
	return accepted ?: err;
}

static int pto_submit_user(struct pto_stream *stream, const struct pto_stream_submit *args,
			   u64 *first)
{
	u32 count = min_t(u32, args->count, PTO_BATCH_MAX);
	struct pto_ctx *ctx = stream->obj.ctx;
	struct pto_cmd *cmds;
	size_t bytes;
	int ret;

	/* Nothing is read or prepared in vain, unless others submit at the same time. */
	spin_lock_irq(&ctx->qlock);
	ret = pto_stream_room(stream);
	spin_unlock_irq(&ctx->qlock);
	if (ret < 0)
		return ret;
	count = min_t(u32, count, ret);
	bytes = count * sizeof(struct pto_cmd);
	cmds = kvmalloc(bytes, GFP_KERNEL);
	if (!cmds)
		return -ENOMEM;
	if (copy_from_user(cmds, u64_to_user_ptr(args->cmds), bytes))
		ret = -EFAULT;
	else
		ret = pto_submit(stream, cmds, count, first);
	kvfree(cmds);
	return ret;
}

int pto_call_stream_submit(struct pto_call *call)
{
	struct pto_stream_submit *args = &call->args.stream_submit;
	bool wait = args->flags & PTO_SUBMIT_WAIT;
	struct pto_stream *stream;
	u64 first = 0;
	int ret, err;

	if (!args->count || args->timeout_ns > (wait ? PTO_TIMEOUT_MAX_NS : 0))
		return -EINVAL;
	stream = pto_stream_find(call->ctx, args->stream);
	if (!stream)
		return -ENOENT;
	ret = pto_submit_user(stream, args, &first);
	args->accepted = max(ret, 0);
	args->first_seqno = first;
	if (ret < 0)
		goto put;
	/* The work goes on, whether the caller can be told or not. */
	err = pto_call_reply(call);
	if (!err && wait)
		err = pto_wait(call, stream, first + ret - 1, args->timeout_ns);
	ret = err;
put:
	pto_object_put(&stream->obj);
	return ret;
}
