// SPDX-License-Identifier: GPL-2.0
/* Calls: the table, and what is checked for all of them. */
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "call.h"
#include "compat.h"
#include "ctx.h"
#include "emu.h"
#include "fault.h"
#include "mem.h"
#include "prog.h"
#include "stream.h"
#include "wait.h"

/**
 * struct pto_call_op - a call
 * @size:	size of the structure
 * @min_size:	size of the structure's first version
 * @flags:	bits that it knows
 * @reserved:	offset of a u32 that must be zero; 0: none
 * @run:	the handler
 * @unbound:	works without a bound context, and decides itself what a dead one answers
 * @sleeps:	by io_uring it runs in a worker, since it may take long
 * @outputs:	it has some, and leaves it to the dispatcher to write them
 */
struct pto_call_op {
	u16 size;
	u16 min_size;
	u32 flags;
	u16 reserved;
	bool unbound;
	bool sleeps;
	bool outputs;
	int (*run)(struct pto_call *call);
};

#define OP(nr, _struct, last, fn, ...)				\
	[PTO_CALL_##nr] = {					\
		.size = sizeof(struct _struct),			\
		.min_size = offsetofend(struct _struct, last),	\
		.run = fn,					\
		__VA_ARGS__					\
	}
#define RESERVED(_struct)	.reserved = offsetof(struct _struct, reserved)

static const struct pto_call_op pto_calls[] = {
	OP(QUERY, pto_query, reserved, pto_call_query, RESERVED(pto_query), .unbound = true,
	   .outputs = true),
	OP(CTX_SET, pto_ctx_set, label, pto_call_ctx_set,
	   .flags = PTO_CTX_LABEL | PTO_CTX_APERTURE | PTO_CTX_TIMEOUT | PTO_CTX_ON_FAULT),
	OP(CTX_CLOSE, pto_ctx_close, flags, pto_call_ctx_close, .sleeps = true),
	OP(MEM_ALLOC, pto_mem_alloc, mmap_offset, pto_call_mem_alloc,
	   RESERVED(pto_mem_alloc), .sleeps = true),
	OP(MEM_COPY, pto_mem_copy, bytes, pto_call_mem_copy, RESERVED(pto_mem_copy),
	   .sleeps = true),
	OP(PROG_LOAD, pto_prog_load, mmap_offset, pto_call_prog_load, .sleeps = true),
	OP(STREAM_CREATE, pto_stream_create, mmap_size, pto_call_stream_create,
	   .sleeps = true),
	OP(STREAM_SUBMIT, pto_stream_submit, first_seqno, pto_call_stream_submit,
	   RESERVED(pto_stream_submit), .flags = PTO_SUBMIT_WAIT),
	OP(STREAM_WAIT, pto_stream_wait, timeout_ns, pto_call_stream_wait,
	   RESERVED(pto_stream_wait)),
	OP(STREAM_CTL, pto_stream_ctl, op, pto_call_stream_ctl),
	OP(EVENT_FD, pto_event_fd, seqno, pto_call_event_fd),
	OP(FAULT_QUERY, pto_fault_query, lost, pto_call_fault_query, .outputs = true),
	OP(RESET, pto_reset, flags, pto_call_reset),
	OP(OBJ_DESTROY, pto_obj_destroy, reserved, pto_call_obj_destroy,
	   RESERVED(pto_obj_destroy), .sleeps = true),
	OP(EMU_ATTACH, pto_emu_attach, core_offset, pto_call_emu_attach,
	   RESERVED(pto_emu_attach), .sleeps = true),
	OP(EMU_STEP, pto_emu_step, reserved, pto_call_emu_step, RESERVED(pto_emu_step),
	   .flags = PTO_EMU_REAP | PTO_EMU_WAIT, .sleeps = true, .outputs = true),
};

u32 pto_call_count(void)
{
	return ARRAY_SIZE(pto_calls);
}

/* Write the outputs as far as the caller's structure reaches. */
int pto_call_reply(struct pto_call *call)
{
	return copy_to_user(call->user, &call->args, call->size) ? -EFAULT : 0;
}

static int pto_call_fetch(struct pto_call *call, const struct pto_call_op *op,
			  u32 expected_size)
{
	u32 size, reserved;
	int err;

	if (get_user(size, (u32 __user *)call->user))
		return -EFAULT;
	if (size < op->min_size || (expected_size && size != expected_size))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&call->args, op->size, call->user, size);
	if (err)
		return err;
	/* It was read twice: what was checked is what counts. */
	call->args.head.size = size;
	call->size = min_t(u32, size, op->size);
	if (call->args.head.flags & ~op->flags)
		return -EOPNOTSUPP;
	memcpy(&reserved, (void *)&call->args + op->reserved, sizeof(reserved));
	if (op->reserved && reserved)
		return -EOPNOTSUPP;
	return 0;
}

/**
 * pto_call_run - run a call
 * @call:	@ctx, @user, @cmd and @issue_flags are set
 * @cmd:	the ioctl number
 * @expected_size: what the structure must give as its size; 0: anything
 *
 * Returns 0, a negative errno, PTO_CALL_PARKED, or -EAGAIN: again, from a worker.
 */
int pto_call_run(struct pto_call *call, unsigned int cmd, u32 expected_size)
{
	unsigned int nr = _IOC_NR(cmd);
	const struct pto_call_op *op;
	int err;

	if (nr >= ARRAY_SIZE(pto_calls) || cmd != _IO(PTO_IOC_TYPE, nr))
		return -ENOTTY;
	op = &pto_calls[array_index_nospec(nr, ARRAY_SIZE(pto_calls))];
	if (op->sleeps && (call->issue_flags & IO_URING_F_NONBLOCK))
		return -EAGAIN;
	err = pto_call_fetch(call, op, expected_size);
	if (err)
		return err;
	if (!op->unbound) {
		err = pto_ctx_check(call->ctx);
		if (err)
			return err;
	}
	err = op->run(call);
	/* A handle, device memory or the emulator was not found. */
	if (err == -ENOENT || err == -ERANGE || err == -ENOTCONN)
		err = pto_ctx_missing(call->ctx, err);
	if (!err && op->outputs)
		err = pto_call_reply(call);
	return err;
}

long pto_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pto_call call;

	call.ctx = file->private_data;
	call.user = (void __user *)arg;
	call.cmd = NULL;
	call.issue_flags = 0;
	return pto_call_run(&call, cmd, 0);
}
