/* SPDX-License-Identifier: GPL-2.0 */
/* Fault records of a context: the last ones that nobody has read yet. */
#ifndef PTO_FAULT_H
#define PTO_FAULT_H

#include <linux/types.h>

#include <linux/pto.h>

struct pto_call;
struct pto_ctx;
struct pto_stream;

/**
 * struct pto_fault - a record, as kept
 * @stream:	handle; 0: the whole context
 * @core:	flat number; -1: none
 */
struct pto_fault {
	u64 time_ns;
	u64 seqno;
	u64 addr;
	u64 pc;
	u32 stream;
	s32 core;
	u32 fault_class;
	u32 code;
	s32 func_id;
};

/* Free-running indices; all under the context's queue lock. */
struct pto_fault_log {
	struct pto_fault record[PTO_FAULTS_MAX];
	u64 written;
	u64 read;
	u32 lost;
};

void pto_fault_record(struct pto_ctx *ctx, const struct pto_fault *fault);
void pto_fault_task(struct pto_stream *stream, u32 fault_class, u32 code);
bool pto_fault_unread(struct pto_ctx *ctx);
int pto_call_fault_query(struct pto_call *call);

#endif
