/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Emulators: user code that plays the cores of its own context, over the queue ABI.
 *
 * Two regions are shared with it. In the first only the driver writes; the second
 * belongs to the emulator, and nothing read there is believed: indices are kept in
 * private and only compared, each completion record is copied once and then checked
 * against the private table of what is in flight. Breaking the rules detaches the
 * emulator and leaves a fault record.
 *
 * A slot of the table (struct pto_flight) is taken by a push and given back when the
 * emulator's sq_head passes it, or by detaching. It holds the program and the
 * arguments' memory for so long, since the emulator may use them even when their stream
 * has forgotten the launch.
 *
 * All under the context's queue lock, but for the regions' content.
 */
#ifndef PTO_EMU_H
#define PTO_EMU_H

#include <linux/list.h>
#include <linux/wait.h>

#include "map.h"
#include "object.h"
#include "prog.h"

struct pto_ctx;
struct pto_dump_core;
struct pto_stream;

/**
 * struct pto_flight - a descriptor on a core's ring
 * @stream:	whose; NULL: nobody waits for it any more
 * @prog, @args: held for the emulator
 * @gone:	DESTROY: the program, which nothing else remembers
 * @lane:	of the launch
 * @answered:	a completion record came: @cqe
 */
struct pto_flight {
	struct pto_stream *stream;
	u64 seqno;
	struct pto_object *prog;
	struct pto_object *args;
	struct pto_prog *gone;
	u64 pushed_ns;
	u8 lane;
	bool answered;
	struct pto_cqe cqe;
};

/**
 * struct pto_core - a core's queue, the driver's private side
 * @head, @tail: of the submission ring; @cq_head: of the completion ring; free-running
 * @faulted:	a descriptor faulted: the core has halted, and is to be told to go on
 * @landed_ns:	when a descriptor was last found completed
 * @restarts:	orders to a halted core to go on
 * @halted_at, @restart_at: where the core's head was at the last one, and where it is to go
 *		on; equal once it has obeyed
 */
struct pto_core {
	u32 head;
	u32 tail;
	u32 cq_head;
	u64 landed_ns;
	u32 restarts;
	u32 halted_at;
	u32 restart_at;
	bool faulted;
	struct pto_flight *flight;
};

/**
 * struct pto_emu - an emulator
 * @attached:	it is its context's; once detached it stays so
 * @broken:	it was detached because it broke the rules
 * @doorbell:	counts pushes
 * @progress:	jiffies when it last completed something
 * @starved:	streams (blocked_node) whose next LAUNCH finds no room
 * @destroyed:	programs (pto_prog.node) whose DESTROY record is to be pushed
 * @wait:	its threads sleep here
 */
struct pto_emu {
	struct pto_object obj;
	u32 depth;
	u32 sub_stride;
	u32 core_stride;
	bool attached;
	bool broken;
	u32 doorbell;
	u32 gang;
	u32 in_flight;
	unsigned long progress;
	struct list_head starved;
	struct list_head destroyed;
	wait_queue_head_t wait;
	struct pto_shared sub;
	struct pto_shared core;
	struct pto_flight *flights;
	u32 n_cores;
	struct pto_core cores[];
};

extern const struct pto_object_type pto_emu_type;

static inline struct pto_emu *to_emu(struct pto_object *obj)
{
	return container_of(obj, struct pto_emu, obj);
}

/* With the queue lock held. */
bool pto_emu_push(struct pto_stream *stream);
void pto_emu_forget(struct pto_stream *stream, u64 to);
void pto_emu_detach(struct pto_emu *emu, int status);
bool pto_emu_stuck(struct pto_emu *emu);
u32 pto_emu_dump(struct pto_stream *stream, struct pto_dump_core *out);

bool pto_emu_forget_prog(struct pto_ctx *ctx, struct pto_prog *prog);

int pto_call_emu_attach(struct pto_call *call);
int pto_call_emu_step(struct pto_call *call);

#endif
