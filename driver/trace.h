/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints. Each names device, context and, where it has one, stream, as the host's lists
 * do. Times are those of the device's clock, which a mock has from CLOCK_MONOTONIC.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pto

#if !defined(PTO_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define PTO_TRACE_H

#include <linux/tracepoint.h>

#include "ctx.h"
#include "device.h"
#include "mem.h"
#include "stream.h"

/* Numbers of linux/pto.h, which a trace shows by name. */
#define pto_show_opcode(opcode) __print_symbolic(opcode,	\
	{ PTO_CMD_NOP, "NOP" },					\
	{ PTO_CMD_LAUNCH, "LAUNCH" },				\
	{ PTO_CMD_COPY, "COPY" },				\
	{ PTO_CMD_FILL, "FILL" },				\
	{ PTO_CMD_WAIT, "WAIT" },				\
	{ PTO_CMD_DELAY, "DELAY" },				\
	{ PTO_CMD_FAULT, "FAULT" },				\
	{ PTO_CMD_HANG, "HANG" })

/* A command was accepted. */
TRACE_EVENT(pto_submit,
	TP_PROTO(const struct pto_stream *stream, u64 seqno, const struct pto_task *task),
	TP_ARGS(stream, seqno, task),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, ctx)
		__field(u32, stream)
		__field(u32, opcode)
		__field(u64, seqno)
		__field(s32, func_id)
	),
	TP_fast_assign(
		__entry->dev = stream->obj.ctx->pdev->index;
		__entry->ctx = stream->obj.ctx->id;
		__entry->stream = stream->obj.handle;
		__entry->opcode = task->opcode;
		__entry->seqno = seqno;
		__entry->func_id = task->opcode == PTO_CMD_LAUNCH ? task->launch.func_id : -1;
	),
	TP_printk("pto%u ctx=%u stream=%u seqno=%llu %s func_id=%d", __entry->dev, __entry->ctx,
		  __entry->stream, __entry->seqno, pto_show_opcode(__entry->opcode),
		  __entry->func_id)
);

/* A command is done. start and end are 0 where nobody took the time. */
TRACE_EVENT(pto_complete,
	TP_PROTO(const struct pto_stream *stream, u64 seqno, const struct pto_task *task,
		 int status),
	TP_ARGS(stream, seqno, task, status),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, ctx)
		__field(u32, stream)
		__field(u32, opcode)
		__field(u64, seqno)
		__field(s32, status)
		__field(u64, start)
		__field(u64, end)
	),
	TP_fast_assign(
		__entry->dev = stream->obj.ctx->pdev->index;
		__entry->ctx = stream->obj.ctx->id;
		__entry->stream = stream->obj.handle;
		__entry->opcode = task->opcode;
		__entry->seqno = seqno;
		__entry->status = status;
		__entry->start = task->ended ? task->started : 0;
		__entry->end = task->ended;
	),
	TP_printk("pto%u ctx=%u stream=%u seqno=%llu %s status=%d start=%llu end=%llu",
		  __entry->dev, __entry->ctx, __entry->stream, __entry->seqno,
		  pto_show_opcode(__entry->opcode), __entry->status, __entry->start,
		  __entry->end)
);

/* All that a stream has accepted up to seqno is to end with status. */
TRACE_EVENT(pto_cancel,
	TP_PROTO(const struct pto_stream *stream, int status),
	TP_ARGS(stream, status),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, ctx)
		__field(u32, stream)
		__field(u64, completed)
		__field(u64, seqno)
		__field(s32, status)
	),
	TP_fast_assign(
		__entry->dev = stream->obj.ctx->pdev->index;
		__entry->ctx = stream->obj.ctx->id;
		__entry->stream = stream->obj.handle;
		__entry->completed = stream->completed;
		__entry->seqno = stream->submitted;
		__entry->status = status;
	),
	TP_printk("pto%u ctx=%u stream=%u completed=%llu seqno=%llu status=%d", __entry->dev,
		  __entry->ctx, __entry->stream, __entry->completed, __entry->seqno,
		  __entry->status)
);

TRACE_EVENT(pto_fault,
	TP_PROTO(const struct pto_ctx *ctx, const struct pto_fault *fault),
	TP_ARGS(ctx, fault),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, ctx)
		__field(u32, stream)
		__field(s32, core)
		__field(u64, seqno)
		__field(u32, fault_class)
		__field(u32, code)
		__field(s32, func_id)
		__field(u64, addr)
		__field(u64, pc)
	),
	TP_fast_assign(
		__entry->dev = ctx->pdev->index;
		__entry->ctx = ctx->id;
		__entry->stream = fault->stream;
		__entry->core = fault->core;
		__entry->seqno = fault->seqno;
		__entry->fault_class = fault->fault_class;
		__entry->code = fault->code;
		__entry->func_id = fault->func_id;
		__entry->addr = fault->addr;
		__entry->pc = fault->pc;
	),
	TP_printk("pto%u ctx=%u stream=%u seqno=%llu core=%d class=%u code=%u func_id=%d addr=%llx pc=%llx",
		  __entry->dev, __entry->ctx, __entry->stream, __entry->seqno, __entry->core,
		  __entry->fault_class, __entry->code, __entry->func_id, __entry->addr,
		  __entry->pc)
);

DECLARE_EVENT_CLASS(pto_memory,
	TP_PROTO(const struct pto_mem *mem),
	TP_ARGS(mem),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, ctx)
		__field(u64, addr)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->dev = mem->obj.ctx->pdev->index;
		__entry->ctx = mem->obj.ctx->id;
		__entry->addr = mem->addr;
		__entry->bytes = mem->bytes;
	),
	TP_printk("pto%u ctx=%u addr=%llx bytes=%llu", __entry->dev, __entry->ctx, __entry->addr,
		  __entry->bytes)
);

/* Device memory, of programs too. */
DEFINE_EVENT(pto_memory, pto_alloc, TP_PROTO(const struct pto_mem *mem), TP_ARGS(mem));
DEFINE_EVENT(pto_memory, pto_free, TP_PROTO(const struct pto_mem *mem), TP_ARGS(mem));

/* A device's reset begins. */
TRACE_EVENT(pto_reset,
	TP_PROTO(const struct pto_device *pdev),
	TP_ARGS(pdev),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, generation)
		__field(u32, contexts)
	),
	TP_fast_assign(
		__entry->dev = pdev->index;
		__entry->generation = pdev->generation;
		__entry->contexts = pdev->n_contexts;
	),
	TP_printk("pto%u generation=%u contexts=%u", __entry->dev, __entry->generation,
		  __entry->contexts)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
