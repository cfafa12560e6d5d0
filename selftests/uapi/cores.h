/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The cores of a mock device, played by hand: a test takes descriptors off a core's ring and
 * says how they end, when it likes, or lies. All in the test's own thread.
 */
#ifndef CORES_H
#define CORES_H

#include "uapi.h"

/**
 * struct cores - an emulator
 * @sub:	what the driver writes
 * @core:	what the emulator writes
 * @doorbell:	as EMU_STEP last told
 * @reaped:	the same
 */
struct cores {
	struct uapi *u;
	struct pto_emu_attach emu;
	void *sub;
	void *core;
	__u32 doorbell;
	__u32 reaped;
};

int cores_attach(struct cores *c, struct uapi *u, __u32 depth);
void cores_unmap(struct cores *c);
volatile struct pto_queue_sub *cores_sub(struct cores *c, __u32 core);
volatile struct pto_queue_core *cores_core(struct cores *c, __u32 core);

/* How many descriptors a core has not completed; the oldest of them plus @index. */
__u32 cores_queued(struct cores *c, __u32 core);
struct pto_desc cores_desc(struct cores *c, __u32 core, __u32 index);

/* Write a completion record, whatever it says. */
void cores_record(struct cores *c, __u32 core, const struct pto_cqe *cqe);
/* Complete the oldest descriptor of a core, with a record if @status or its flags want one. */
void cores_end(struct cores *c, __u32 core, __u32 status, __u32 code);
/* Fault with it, cancel what is behind it and halt, as the queue ABI tells. */
void cores_fault(struct cores *c, __u32 core, __u32 status, __u32 code);
/* Obey an order to run again. True: there was one. */
bool cores_restart(struct cores *c, __u32 core);

int cores_step(struct cores *c, __u32 flags, __u64 timeout_ns);
#define cores_reap(c)	cores_step(c, PTO_EMU_REAP, 0)

#endif
