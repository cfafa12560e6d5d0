/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events: what the host is told of devices and faults.
 *
 * They are noted where they happen, which may be an interrupt with a context's queue lock
 * held, and sent from a work item, in their order. What finds no room, or is too much for a
 * while, is dropped, and counted. Of faults a device keeps the last ones, so that they can be
 * asked for when the process is gone.
 */
#ifndef PTO_EVENT_H
#define PTO_EVENT_H

#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include <linux/pto_netlink.h>

#include "fault.h"

struct pto_ctx;
struct pto_device;

/**
 * struct pto_fault_entry - a fault, and whose
 * @pid:	the process, referenced; NULL: not bound
 */
struct pto_fault_entry {
	u32 ctx;
	kuid_t uid;
	struct pid *pid;
	char comm[TASK_COMM_LEN];
	struct pto_fault fault;
};

/**
 * struct pto_fault_history - the last faults of a device
 * @lock:	protects it; a leaf
 * @written:	free-running
 */
struct pto_fault_history {
	struct mutex lock;		/* a leaf */
	u64 written;
	struct pto_fault_entry entry[PTO_FAULTS_MAX];
};

/**
 * struct pto_event - what happened
 * @pdev:	where, referenced
 * @fault:	it is a fault: @entry; otherwise @what, @generation and @time_ns
 */
struct pto_event {
	struct pto_device *pdev;
	bool fault;
	enum pto_dev_event what;
	u32 generation;
	u64 time_ns;
	struct pto_fault_entry entry;
};

void pto_event_device(struct pto_device *pdev, enum pto_dev_event what);
void pto_event_fault(struct pto_ctx *ctx, const struct pto_fault *fault);
void pto_event_flush(void);
u64 pto_events_dropped(void);

void pto_fault_history_init(struct pto_fault_history *history);
void pto_fault_history_clear(struct pto_fault_history *history);

#endif
