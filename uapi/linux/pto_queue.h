/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */
/*
 * The queue ABI: what a submitter and an NPU core say to each other.
 *
 * A core is fed by a submission ring and answers on a completion ring. Both
 * lie in shared memory, in two regions: one that only the submitter writes
 * (struct pto_queue_sub), one that only the core writes (struct
 * pto_queue_core). Ring indices run freely (they are not reduced modulo the
 * depth, and wrap at 2^32); a slot is index & (depth - 1), depth a power of
 * two. Each index has one writer, who stores it with release semantics after
 * the slots it covers; the other side loads it with acquire semantics.
 *
 * A core executes its ring in order, so the submission ring's head is the
 * completion count. A completion record is written only when a descriptor
 * faults or asks for one.
 *
 * Sleep: the core stores asleep = 1, then looks at sq_tail once more before
 * it sleeps; the submitter stores sq_tail, then rings the doorbell if it reads
 * asleep != 0. Either side has a full fence between its store and its load,
 * so that one of them sees the other. The same holds the other way round: the
 * submitter stores irq_head and irq_wanted, then looks at sq_head once more;
 * the core stores sq_head, then raises an interrupt if it reads irq_wanted
 * != 0 and its head has reached irq_head, or it has halted.
 *
 * The ABI is used between libpto and its emulator, between the driver and the
 * emulator attached to a mock device, and between the driver and a PCI device.
 */
#ifndef _UAPI_LINUX_PTO_QUEUE_H
#define _UAPI_LINUX_PTO_QUEUE_H

#include <linux/types.h>

#define PTO_QUEUE_ABI		1

/* Limits of a device; flat core numbers are AIC 0..B-1, then AIV B..3B-1. */
#define PTO_MAX_DEVICES		16
#define PTO_MAX_BLOCKS		24
#define PTO_BLOCK_CORES		3
#define PTO_MAX_CORES		(PTO_MAX_BLOCKS * PTO_BLOCK_CORES)
#define PTO_MAX_ARGS		144
#define PTO_QUEUE_MAX_DEPTH	4096

/* Kinds of core. */
#define PTO_CORE_AIC		0
#define PTO_CORE_AIV		1

/* Lanes of a block, in the order of pto_desc.lane_mask's bits. */
#define PTO_LANE_AIC		0
#define PTO_LANE_AIV0		1
#define PTO_LANE_AIV1		2
#define PTO_LANES		3

/* pto_desc.opcode */
#define PTO_OP_NOP		0
#define PTO_OP_LAUNCH		1	/* run a kernel */
#define PTO_OP_COPY		2	/* copy device memory to device memory */
#define PTO_OP_FILL		3	/* fill device memory with a 32-bit pattern */
#define PTO_OP_DESTROY		4	/* forget a program: its serial is not used again */

/* pto_desc.flags */
#define PTO_DESC_COMPLETION	(1 << 0)	/* write a completion record */
#define PTO_DESC_TIMESTAMP	(1 << 1)	/* write one with start and end times */
#define PTO_DESC_FLAGS		(PTO_DESC_COMPLETION | PTO_DESC_TIMESTAMP)

/**
 * struct pto_desc - one entry of a submission ring, 64 bytes
 * @opcode:	PTO_OP_*
 * @flags:	PTO_DESC_*
 * @lane:	the lane of its block that this is for, PTO_LANE_*; the core's kind
 *		must match it
 * @lane_mask:	the lanes of the mixed task, a bit each; 0 when not a gang
 * @gang:	LAUNCH: equal and non-zero in each descriptor of one mixed task,
 *		on the cores of one block; all its lanes start together, when the
 *		descriptors of all are next on their rings. 0: none.
 *		When one lane is cancelled or skipped, since its core has halted,
 *		the others complete CANCELED and their cores go on
 * @cookie:	chosen by the submitter, returned in the completion record
 * @launch.serial:	names the program; never used for another one
 * @launch.image:	address of the program's bytes in device memory
 * @launch.image_size:	their number
 * @launch.args:	device address of @launch.nargs u64
 * @launch.nargs:	0 to PTO_MAX_ARGS
 * @launch.func_id:	for diagnosis only
 * @launch.lane_at:	gang: the index of each lane's descriptor on its core's ring,
 *		modulo 2^16. A head that has passed it says that the lane is gone
 * @copy:	@copy.size bytes from @copy.src to @copy.dst; they do not overlap
 * @fill:	@fill.size bytes at @fill.dst, both multiples of 4
 * @destroy.serial:	the program to forget
 *
 * What a descriptor does not use is zero.
 */
struct pto_desc {
	__u8 opcode;
	__u8 flags;
	__u8 lane;
	__u8 lane_mask;
	__u32 gang;
	__u64 cookie;
	union {
		struct {
			__u64 serial;
			__u64 image;
			__u64 image_size;
			__u64 args;
			__u32 nargs;
			__s32 func_id;
			__u16 lane_at[PTO_LANES];
			__u16 reserved;
		} launch;
		struct {
			__u64 dst;
			__u64 src;
			__u64 size;
		} copy;
		struct {
			__u64 dst;
			__u64 size;
			__u32 pattern;
			__u32 reserved;
		} fill;
		struct {
			__u64 serial;
		} destroy;
		__u64 reserved[6];
	};
};

/* pto_cqe.status */
#define PTO_STATUS_OK		0
#define PTO_STATUS_FAULT	1	/* the kernel crashed; code is the signal's number */
#define PTO_STATUS_HANG		2	/* the kernel was over its time budget */
#define PTO_STATUS_BAD_PROGRAM	3	/* the image could not be loaded; code is an errno */
#define PTO_STATUS_BAD_DESC	4	/* the descriptor makes no sense */
#define PTO_STATUS_CANCELED	5	/* queued behind a fault, or taken back */

/**
 * struct pto_cqe - one entry of a completion ring, 32 bytes
 * @cookie:	the descriptor's
 * @status:	PTO_STATUS_*
 * @core:	flat number of the core
 * @code:	what @status says it is, or 0
 * @start:	CLOCK_MONOTONIC ns at the start, if TIMESTAMP was asked for
 * @end:	the same at the end
 * @fault.addr:	on a fault, the address that was touched
 * @fault.pc:	on a fault, the offset of the instruction in the image
 */
struct pto_cqe {
	__u64 cookie;
	__u32 status;
	__u16 core;
	__u16 code;
	union {
		struct {
			__u64 start;
			__u64 end;
		};
		struct {
			__u64 addr;
			__u64 pc;
		} fault;
	};
};

/*
 * pto_queue_core.state
 *
 * After a fault a core completes what it finds queued behind as CANCELED, stores
 * HALTED, then sq_head, and executes nothing more: what was submitted later would
 * overtake the submitter's learning of the fault. Who writes both regions, may reset
 * them. Otherwise the submitter, which has seen sq_head pass the fault, counts what lies
 * between it and sq_tail as cancelled, stores sq_tail as restart_at, then the next value
 * of restarts, and rings the doorbell. The core, which counts the orders that it has
 * obeyed, moves sq_head to restart_at and stores RUNNING.
 */
#define PTO_QUEUE_RUNNING	0
#define PTO_QUEUE_HALTED	1

/**
 * struct pto_queue_sub - the submitter's region of a queue
 * @sq_tail:	descriptors submitted
 * @cq_head:	completion records consumed
 * @irq_wanted:	non-zero: raise an interrupt when sq_head reaches @irq_head
 * @irq_head:	the completion that the submitter waits for
 * @depth:	slots of each ring, a power of two
 * @restarts:	counts orders to a halted core to run again, see PTO_QUEUE_HALTED
 * @restart_at:	the index where it then goes on
 * @sq:		the submission ring
 */
struct pto_queue_sub {
	__u32 sq_tail;
	__u32 cq_head;
	__u32 irq_wanted;
	__u32 irq_head;
	__u32 depth;
	__u32 restarts;
	__u32 restart_at;
	__u32 reserved[9];
	struct pto_desc sq[];
};

/**
 * struct pto_queue_core - the core's region of a queue
 * @sq_head:	descriptors completed
 * @cq_tail:	completion records written
 * @asleep:	non-zero: ring the doorbell after moving sq_tail
 * @state:	PTO_QUEUE_*
 * @cq:		the completion ring, as deep as the submission ring
 */
struct pto_queue_core {
	__u32 sq_head;
	__u32 cq_tail;
	__u32 asleep;
	__u32 state;
	__u32 reserved[12];
	struct pto_cqe cq[];
};

#define PTO_QUEUE_SUB_SIZE(depth)	(64 + 64 * (depth))
#define PTO_QUEUE_CORE_SIZE(depth)	(64 + 32 * (depth))

#endif
