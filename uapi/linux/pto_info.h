/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */
/*
 * What PTO_IOC_QUERY answers. A structure may grow at its end: whoever asks says
 * how much of it he knows.
 */
#ifndef _UAPI_LINUX_PTO_INFO_H
#define _UAPI_LINUX_PTO_INFO_H

#include <linux/types.h>

#define PTO_LABEL_SIZE		32

/* pto_info_driver.features */
#define PTO_FEATURE_URING	(1ULL << 0)	/* calls by io_uring */
#define PTO_FEATURE_URING_CANCEL (1ULL << 1)	/* a dying ring ends its waits at once */

/**
 * struct pto_info_driver - the driver
 * @abi:	PTO_ABI
 * @calls:	number of calls; all numbers below are known
 * @features:	PTO_FEATURE_*
 * @version:	the module's version, as 0xMMmmpp
 * @devices:	devices that are present
 */
struct pto_info_driver {
	__u32 abi;
	__u32 calls;
	__u64 features;
	__u32 version;
	__u32 devices;
};

/* pto_info_device.flags */
#define PTO_DEVICE_MOCK		(1 << 0)	/* takes DELAY, FAULT, HANG and an emulator */

/**
 * struct pto_info_device - a device
 * @index:	N of /dev/pto/ptoN
 * @flags:	PTO_DEVICE_*
 * @blocks:	clusters of one AIC and two AIV
 * @cores:	3 * @blocks
 * @mem_total:	bytes of device memory
 * @mem_used:	bytes allocated, by all contexts
 * @contexts:	open contexts
 * @generation:	device resets so far
 * @timeout_ms:	a new context's timeout
 * @reserved:	0
 * @busy_ns:	sum of the time commands took, over all streams and contexts, and of
 *		each core of a launch
 */
struct pto_info_device {
	__u32 index;
	__u32 flags;
	__u32 blocks;
	__u32 cores;
	__u64 mem_total;
	__u64 mem_used;
	__u32 contexts;
	__u32 generation;
	__u32 timeout_ms;
	__u32 reserved;
	__u64 busy_ns;
};

/**
 * struct pto_info_clock - the device's clock, which times in completions use
 * @device_ns:	the device's clock
 * @host_ns:	CLOCK_MONOTONIC at the same moment
 */
struct pto_info_clock {
	__u64 device_ns;
	__u64 host_ns;
};

/**
 * struct pto_info_ctx - the context of the file asked
 * @id:		its number on the device, unique among those open
 * @state:	PTO_CTX_*; 0 when not bound yet
 * @aperture_base:	as set by CTX_SET
 * @aperture_size:	0 when not set yet
 * @mem_used:	bytes of device memory
 * @pinned:	bytes of host memory pinned by copies in flight
 * @objects:	handles in use
 * @streams:	of them, streams
 * @timeout_ms:	as set by CTX_SET
 * @on_fault:	PTO_ON_FAULT_*
 * @faults:	fault records written since open
 * @faults_unread:	those that FAULT_QUERY would still return
 * @pid:	of the process that bound it, as the caller sees it
 * @busy_ns:	sum of the time commands took, over all streams, and of each core of a
 *		launch
 * @submitted:	commands accepted, over all streams
 * @completed:	commands completed, over all streams
 * @label:	as set by CTX_SET, NUL-terminated
 */
struct pto_info_ctx {
	__u32 id;
	__u32 state;
	__u64 aperture_base;
	__u64 aperture_size;
	__u64 mem_used;
	__u64 pinned;
	__u32 objects;
	__u32 streams;
	__u32 timeout_ms;
	__u32 on_fault;
	__u64 faults;
	__u32 faults_unread;
	__s32 pid;
	__u64 busy_ns;
	__u64 submitted;
	__u64 completed;
	char label[PTO_LABEL_SIZE];
};

/* pto_info_object.type */
#define PTO_OBJ_MEM		1
#define PTO_OBJ_PROG		2
#define PTO_OBJ_STREAM		3
#define PTO_OBJ_EMU		4

/* pto_info_object.stream.state */
#define PTO_STREAM_RUNNING	0
#define PTO_STREAM_STOPPED	1	/* by a fault, until STREAM_CTL resumes it */
#define PTO_STREAM_DEAD		2	/* destroyed, or its context is dead */

/**
 * struct pto_info_object - an object
 * @type:	PTO_OBJ_*
 * @handle:	its handle
 * @mmap_offset:	for mmap(), of the emulator's first region
 * @mmap_size:	bytes that may be mapped there
 * @mem.addr:	device address
 * @mem.bytes:	size
 * @prog.addr:	device address of the image
 * @prog.bytes:	size of the image
 * @prog.serial:	names the program on the queues, never used again
 * @stream.engine:	PTO_ENGINE_*
 * @stream.index:	number of the core or block
 * @stream.depth:	commands in flight at most
 * @stream.state:	PTO_STREAM_*
 * @stream.submitted:	last seqno that was assigned
 * @stream.completed:	last seqno that is done
 * @stream.armed:	as EVENT_FD left it
 * @emu.doorbell:	times the driver rang
 * @emu.depth:	slots of each ring
 * @emu.in_flight:	descriptors on the rings
 */
struct pto_info_object {
	__u32 type;
	__u32 handle;
	__u64 mmap_offset;
	__u64 mmap_size;
	union {
		struct {
			__u64 addr;
			__u64 bytes;
		} mem;
		struct {
			__u64 addr;
			__u64 bytes;
			__u64 serial;
		} prog;
		struct {
			__u32 engine;
			__u32 index;
			__u32 depth;
			__u32 state;
			__u64 submitted;
			__u64 completed;
			__u64 armed;
		} stream;
		struct {
			__u32 doorbell;
			__u32 depth;
			__u32 in_flight;
		} emu;
		__u64 reserved[8];
	};
};

#endif
