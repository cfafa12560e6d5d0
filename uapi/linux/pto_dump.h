/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */
/*
 * What is left of a stream whose command hung until the driver's timeout: a device core dump
 * (/sys/class/devcoredump), or, where the kernel has none, /sys/kernel/debug/pto/ptoN/dump.
 *
 * It is a struct pto_dump, then @tasks struct pto_dump_task, then @cores struct
 * pto_dump_core, in the byte order of the host. The first dump of a device is kept until it
 * is removed by writing to the file.
 */
#ifndef _UAPI_LINUX_PTO_DUMP_H
#define _UAPI_LINUX_PTO_DUMP_H

#include <linux/types.h>

#include "pto_info.h"

#define PTO_DUMP_MAGIC		0x504d55446f7470ULL	/* "ptoDUMP" */
#define PTO_DUMP_VERSION	1
#define PTO_DUMP_TASKS_MAX	64

/**
 * struct pto_dump - the stream
 * @magic:	PTO_DUMP_MAGIC
 * @version:	PTO_DUMP_VERSION
 * @size:	bytes, with all that follows
 * @time_ns:	CLOCK_MONOTONIC when the time was over
 * @dev:	N of /dev/pto/ptoN
 * @ctx:	number of the context
 * @pid:	process that bound it, in the initial pid namespace
 * @generation:	of the device
 * @comm:	the process's name
 * @label:	the context's
 * @stream:	handle
 * @engine:	PTO_ENGINE_*
 * @index:	of the core or block
 * @depth:	commands in flight at most
 * @state:	PTO_STREAM_*
 * @timeout_ms:	that was over
 * @submitted:	last seqno assigned
 * @pushed:	last seqno that is on the queue of a core
 * @completed:	last seqno done; the next one hung
 * @tasks:	commands that follow: those before the one that hung, it, those behind it
 * @cores:	queues that follow, those that the stream uses; 0 without an emulator
 */
struct pto_dump {
	__u64 magic;
	__u32 version;
	__u32 size;
	__u64 time_ns;
	__u32 dev;
	__u32 ctx;
	__s32 pid;
	__u32 generation;
	char comm[16];
	char label[PTO_LABEL_SIZE];
	__u32 stream;
	__u32 engine;
	__u32 index;
	__u32 depth;
	__u32 state;
	__u32 timeout_ms;
	__u64 submitted;
	__u64 pushed;
	__u64 completed;
	__u32 tasks;
	__u32 cores;
};

/**
 * struct pto_dump_task - a command
 * @seqno:	its number
 * @started:	CLOCK_MONOTONIC when it was started; 0: not, or not known
 * @opcode:	PTO_CMD_*
 * @flags:	PTO_CMD_TIMESTAMP or 0
 * @status:	how it ended, if @seqno is not over pto_dump.completed
 * @lanes:	LAUNCH: its lanes, a bit each
 * @left:	LAUNCH: those that are not done
 * @func_id:	LAUNCH: as given
 * @nargs:	LAUNCH: as given
 * @value:	LAUNCH: address of the arguments; COPY, FILL: bytes; WAIT: seqno; DELAY: ns
 */
struct pto_dump_task {
	__u64 seqno;
	__u64 started;
	__u16 opcode;
	__u16 flags;
	__s32 status;
	__u16 lanes;
	__u16 left;
	__s32 func_id;
	__u32 nargs;
	__u32 reserved;
	__u64 value;
};

/**
 * struct pto_dump_core - a core's queue
 * @core:	flat number
 * @head:	of the submission ring, as the driver knows it
 * @tail:	the same
 * @cq_head:	of the completion ring, as the driver knows it
 * @emu_head:	sq_head, as the emulator says
 * @emu_cq_tail: cq_tail, as the emulator says
 * @emu_asleep:	whether it waits for the doorbell
 * @emu_state:	PTO_QUEUE_*
 */
struct pto_dump_core {
	__u32 core;
	__u32 head;
	__u32 tail;
	__u32 cq_head;
	__u32 emu_head;
	__u32 emu_cq_tail;
	__u32 emu_asleep;
	__u32 emu_state;
};

#endif
