/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls: one table serves ioctl() and io_uring.
 *
 * The caller's structure is read once, into @args, and checked for size, unknown
 * flags and reserved members before the handler runs. Outputs go back by
 * pto_call_reply(): a handler that makes something calls it itself, before what it made
 * can be seen; for the others the dispatcher does. Without outputs nothing is written.
 */
#ifndef PTO_CALL_H
#define PTO_CALL_H

#include <linux/types.h>

#include <linux/pto.h>

struct file;
struct io_uring_cmd;
struct pto_ctx;
struct seq_file;

/**
 * struct pto_call - one call in progress
 * @ctx:	the file's context
 * @user:	the caller's structure
 * @size:	how much of it is known to both sides
 * @cmd:	the io_uring command, or NULL
 * @issue_flags: IO_URING_F_*
 * @args:	the structure, by value
 */
struct pto_call {
	struct pto_ctx *ctx;
	void __user *user;
	u32 size;
	struct io_uring_cmd *cmd;
	unsigned int issue_flags;
	union {
		struct {
			u32 size;
			u32 flags;
		} head;
		struct pto_query query;
		struct pto_ctx_set ctx_set;
		struct pto_ctx_close ctx_close;
		struct pto_mem_alloc mem_alloc;
		struct pto_mem_copy mem_copy;
		struct pto_prog_load prog_load;
		struct pto_stream_create stream_create;
		struct pto_stream_submit stream_submit;
		struct pto_stream_wait stream_wait;
		struct pto_stream_ctl stream_ctl;
		struct pto_event_fd event_fd;
		struct pto_fault_query fault_query;
		struct pto_reset reset;
		struct pto_obj_destroy obj_destroy;
		struct pto_emu_attach emu_attach;
		struct pto_emu_step emu_step;
	} args;
};

/* An io_uring command whose answer comes later: it was parked. */
#define PTO_CALL_PARKED		(-EIOCBQUEUED)

int pto_call_run(struct pto_call *call, unsigned int cmd, u32 expected_size);
int pto_call_reply(struct pto_call *call);
u32 pto_call_count(void);

long pto_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
int pto_call_query(struct pto_call *call);
void pto_show_fdinfo(struct seq_file *seq, struct file *file);

#endif
