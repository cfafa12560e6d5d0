// SPDX-License-Identifier: GPL-2.0
/* Fault records. */
#include <linux/ktime.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>

#include "call.h"
#include "ctx.h"
#include "fault.h"
#include "stream.h"
#include "trace.h"

/* Keep a copy of @fault, stamped now; the oldest unread one gives way. */
void pto_fault_record(struct pto_ctx *ctx, const struct pto_fault *fault)
{
	struct pto_fault_log *log = &ctx->faults;
	struct pto_fault *record = &log->record[log->written % PTO_FAULTS_MAX];

	lockdep_assert_held(&ctx->qlock);
	*record = *fault;
	record->time_ns = ktime_get_ns();
	log->written++;
	if (log->written - log->read > PTO_FAULTS_MAX) {
		log->read++;
		log->lost++;
	}
	WRITE_ONCE(ctx->ctl->faults, log->written);
	wake_up_poll(&ctx->wait, EPOLLPRI);
	trace_pto_fault(ctx, record);
	pto_event_fault(ctx, record);
}

/* The stream's head faulted. */
void pto_fault_task(struct pto_stream *stream, u32 fault_class, u32 code)
{
	const struct pto_fault fault = {
		.stream = stream->obj.handle,
		.seqno = stream->completed + 1,
		.core = -1,
		.fault_class = fault_class,
		.code = code,
	};

	pto_fault_record(stream->obj.ctx, &fault);
}

bool pto_fault_unread(struct pto_ctx *ctx)
{
	return ctx->faults.read != ctx->faults.written;
}

int pto_call_fault_query(struct pto_call *call)
{
	struct pto_fault_query *out = &call->args.fault_query;
	struct pto_ctx *ctx = call->ctx;
	struct pto_fault_log *log = &ctx->faults;
	struct pto_fault fault;
	u32 lost;

	spin_lock_irq(&ctx->qlock);
	if (!pto_fault_unread(ctx)) {
		spin_unlock_irq(&ctx->qlock);
		return -ENODATA;
	}
	fault = log->record[log->read % PTO_FAULTS_MAX];
	lost = log->lost;
	log->read++;
	log->lost = 0;
	spin_unlock_irq(&ctx->qlock);

	out->time_ns = fault.time_ns;
	out->seqno = fault.seqno;
	out->addr = fault.addr;
	out->pc = fault.pc;
	out->ctx = ctx->id;
	out->stream = fault.stream;
	out->pid = pid_nr_ns(ctx->pid, task_active_pid_ns(current));
	out->core = fault.core;
	out->fault_class = fault.fault_class;
	out->code = fault.code;
	out->func_id = fault.func_id;
	out->lost = lost;
	return 0;
}
