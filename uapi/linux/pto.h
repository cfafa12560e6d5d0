/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */
/*
 * What user programs and the pto driver say to each other.
 *
 * /dev/pto/ptoN is one device. An open file of it is a **context**: device
 * memory, programs and streams of one process, named by u32 handles. It is used
 * by ioctl(), by io_uring (IORING_OP_URING_CMD), mmap() and poll().
 *
 * Life of a context
 *	open()			fresh: QUERY works, all else answers EBADFD
 *	mmap(PTO_MMAP_CTL)	live: bound to the address space that maps it.
 *				Calls from another one answer EPERM
 *	last munmap() of it	dead: what ran is cancelled, what was held is
 *				freed, calls answer ENODEV. So exit, kill and
 *				exec() end a context, whoever still holds the
 *				file: forked children do not inherit the mapping.
 *				CTX_CLOSE, a device reset and an unplug do the
 *				same
 *	close()			frees what is left
 *
 * Calls
 *	Each call's structure begins with its size and with flags. A structure
 *	shorter than the call's first version is EINVAL; a longer one than the
 *	driver knows is fine as long as the rest is zero, else E2BIG. Outputs are
 *	written as far as the caller's size reaches. Layout is the same for
 *	32-bit and 64-bit callers. The ioctl number is _IO(type, nr).
 *
 *	By io_uring, cmd_op is the ioctl number, and the SQE's command area holds
 *	a struct pto_uring, which points to the same structure. Outputs are
 *	written before the call is queued, never when it completes.
 *
 * Addresses
 *	A pointer is the same number for host and device. The process reserves
 *	a range of its address space, names it once (CTX_SET, the aperture), and
 *	maps memory objects inside it with MAP_FIXED at their device address.
 *
 * Streams
 *	A stream executes commands in order. Each gets the stream's next seqno,
 *	from 1. A read-only page shows how far it got and how each one ended, see
 *	struct pto_stream_page.
 *
 * Errors
 *	Each call has a list of "errno case: meaning" lines under "Errors:".
 *	The format is fixed: tests are generated from it. These hold for all:
 *
 * COMMON Errors:
 *	ENOTTY	unknown_nr: no call has this number
 *	EFAULT	bad_arg: the structure can not be read or written
 *	EINVAL	size_small: size is under that of the call's first version
 *	E2BIG	tail_nonzero: size is over the driver's and the excess is not zero, or
 *		over a page
 *	EOPNOTSUPP	unknown_flag: a bit in flags that this driver does not know
 *	EOPNOTSUPP	reserved_nonzero: a reserved member is not zero
 *	EPERM	other_mm: the context belongs to another address space
 *	EBADFD	unbound: the control page was not mapped yet (not for QUERY)
 *	ENODEV	dead: the context is closed, or its device was reset or is gone
 *
 * Where several apply, the one higher up in COMMON wins, then the call's own.
 * ETIME is always the end of a wait's own bound, ETIMEDOUT always work that hung.
 */
#ifndef _UAPI_LINUX_PTO_H
#define _UAPI_LINUX_PTO_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include "pto_info.h"
#include "pto_queue.h"

#define PTO_ABI			1
#define PTO_IOC_TYPE		0xBA

/* Call numbers; never reused. */
enum {
	PTO_CALL_QUERY = 0,
	PTO_CALL_CTX_SET = 1,
	PTO_CALL_CTX_CLOSE = 2,
	PTO_CALL_MEM_ALLOC = 3,
	PTO_CALL_MEM_COPY = 4,
	PTO_CALL_PROG_LOAD = 5,
	PTO_CALL_STREAM_CREATE = 6,
	PTO_CALL_STREAM_SUBMIT = 7,
	PTO_CALL_STREAM_WAIT = 8,
	PTO_CALL_STREAM_CTL = 9,
	PTO_CALL_EVENT_FD = 10,
	PTO_CALL_FAULT_QUERY = 11,
	PTO_CALL_RESET = 12,
	PTO_CALL_OBJ_DESTROY = 13,
	PTO_CALL_EMU_ATTACH = 14,
	PTO_CALL_EMU_STEP = 15,
};

/* Limits */
#define PTO_APERTURE_MAX	(1ULL << 40)	/* bytes of a context's aperture */
#define PTO_IMAGE_MAX		(64U << 20)	/* bytes of a program */
#define PTO_MEM_COPY_MAX	(1U << 20)	/* bytes of one MEM_COPY */
#define PTO_HOST_COPY_MAX	(16U << 20)	/* bytes of one PTO_CMD_COPY from or to the host */
#define PTO_PINNED_MAX		(64U << 20)	/* bytes of host memory pinned by one context */
#define PTO_STREAM_DEPTH_MIN	2
#define PTO_STREAM_DEPTH_MAX	4096
#define PTO_BATCH_MAX		256		/* commands that one SUBMIT accepts */
#define PTO_STREAMS_MAX		256		/* streams of one context */
#define PTO_OBJECTS_MAX		65535U		/* handles of one context */
#define PTO_WAITS_MAX		4096		/* waits by io_uring of one context */
#define PTO_FAULTS_MAX		64		/* unread fault records that are kept */
#define PTO_TIMEOUT_MAX_MS	240000U
#define PTO_TIMEOUT_MAX_NS	240000000000ULL
#define PTO_DELAY_MIN_NS	1000U

/**
 * struct pto_uring - the command area of an io_uring SQE
 * @arg:	address of the call's structure
 * @size:	the structure's own size member once more
 * @flags:	0
 *
 * The CQE's res is 0 or a negative errno, as the ioctl's. STREAM_WAIT, and
 * STREAM_SUBMIT with PTO_SUBMIT_WAIT, complete when the work is done or their
 * timeout is over; ending the ring ends the wait, never the work. Linux does not
 * find a call that waits so for IORING_OP_ASYNC_CANCEL or a linked timeout.
 *
 * Linux 6.12 looks at a linked SQE when its turn comes: do not use its slot
 * again before, or set IOSQE_ASYNC.
 *
 * URING Errors:
 *	EINVAL	size_differs: @size is not the structure's size
 *	EOPNOTSUPP	uring_flags: @flags is not 0
 *	EOPNOTSUPP	iopoll: the ring was made with IORING_SETUP_IOPOLL
 *	ECANCELED	ring_closed: the ring went away while the call waited
 */
struct pto_uring {
	__u64 arg;
	__u32 size;
	__u32 flags;
};

/* ---- mmap ---------------------------------------------------------------- */

/*
 * Mappings are shared, never executable, not inherited by fork(), and can be
 * neither moved nor grown. The control page lies at offset 0; the calls that make an
 * object return its offset (64 bits: a 32-bit program needs mmap64()). Mappings stay
 * usable when the context is dead: device memory then is private zero pages.
 *
 * MMAP Errors:
 *	EINVAL	bad_offset: nothing is mapped at this offset, or it is shorter
 *	EINVAL	private: MAP_PRIVATE, or the file is not open for reading and writing
 *	EACCES	exec: PROT_EXEC
 *	EACCES	readonly: PROT_WRITE of the control page, a stream page, a
 *		program, or the queues that only the driver writes
 *	EPERM	other_mm: the context belongs to another address space
 *	EBADFD	unbound: the control page is not mapped yet
 *	ENODEV	dead: the context is closed, or its device was reset or is gone
 */
#define PTO_MMAP_CTL		0

/* pto_ctl_page.state */
#define PTO_CTX_LIVE		1
#define PTO_CTX_DEAD		2

/**
 * struct pto_ctl_page - the control page, read-only
 * @abi:	PTO_ABI of the driver
 * @state:	PTO_CTX_LIVE or PTO_CTX_DEAD
 * @faults:	fault records written since open
 * @reserved:	0
 */
struct pto_ctl_page {
	__u32 abi;
	__u32 state;
	__u64 faults;
	__u64 reserved[6];
};

/* ---- QUERY --------------------------------------------------------------- */

/* pto_query.item; the structures are in pto_info.h */
#define PTO_QUERY_DRIVER	0	/* struct pto_info_driver */
#define PTO_QUERY_DEVICE	1	/* struct pto_info_device */
#define PTO_QUERY_CLOCK		2	/* struct pto_info_clock */
#define PTO_QUERY_CTX		3	/* struct pto_info_ctx */
#define PTO_QUERY_OBJECT	4	/* struct pto_info_object */

/**
 * struct pto_query - ask about driver, device, clock, context or an object
 * @size:	sizeof(struct pto_query)
 * @flags:	0
 * @item:	PTO_QUERY_*
 * @handle:	PTO_QUERY_OBJECT: which; otherwise 0
 * @data:	address of the item's structure
 * @data_size:	in: bytes at @data; out: size of the driver's structure. The
 *		smaller number of bytes is written, a larger rest is zeroed
 * @reserved:	0
 *
 * DRIVER, DEVICE and CLOCK may be asked by any address space, before a context is
 * bound, and DRIVER after its death.
 *
 * QUERY Errors:
 *	EOPNOTSUPP	unknown_item: @item is not known
 *	E2BIG	data_long: @data_size is over a page
 *	EINVAL	handle_unused: @handle is not 0 and @item is not an object
 *	EFAULT	bad_data: @data can not be written
 *	ENOENT	no_object: no object has this handle
 */
struct pto_query {
	__u32 size;
	__u32 flags;
	__u32 item;
	__u32 handle;
	__u64 data;
	__u32 data_size;
	__u32 reserved;
};

#define PTO_IOC_QUERY		_IO(PTO_IOC_TYPE, PTO_CALL_QUERY)

/* ---- contexts ------------------------------------------------------------ */

/* pto_ctx_set.flags: which members to set */
#define PTO_CTX_LABEL		(1 << 0)
#define PTO_CTX_APERTURE	(1 << 1)
#define PTO_CTX_TIMEOUT		(1 << 2)
#define PTO_CTX_ON_FAULT	(1 << 3)

/* pto_ctx_set.on_fault: what a command that ends with an error does to its stream */
#define PTO_ON_FAULT_STOP	0	/* cancel what is behind, take no more until resumed */
#define PTO_ON_FAULT_CONTINUE	1	/* the next command runs */

/**
 * struct pto_ctx_set - change the context's settings, all or none
 * @size:	sizeof(struct pto_ctx_set)
 * @flags:	PTO_CTX_*: the members that count
 * @aperture_base:	first address of the range that device memory may use
 * @aperture_size:	its bytes, at most PTO_APERTURE_MAX; both multiples of the
 *		page size. Once per context
 * @timeout_ms:	1 to PTO_TIMEOUT_MAX_MS: a command that the driver runs, but WAIT, may take
 *		this long from reaching the head of its stream; a LAUNCH, from
 *		the last progress of the context's emulator
 * @on_fault:	PTO_ON_FAULT_*; STOP when never set
 * @label:	a name for lists, NUL-terminated
 *
 * CTX_SET Errors:
 *	EINVAL	no_flags: @flags is 0
 *	EINVAL	bad_aperture: empty, too large, not aligned, or outside the
 *		addresses that a process can have
 *	EBUSY	aperture_set: the aperture was set before
 *	EINVAL	bad_timeout: @timeout_ms is out of range
 *	EOPNOTSUPP	unknown_policy: @on_fault is not known
 *	EINVAL	bad_label: @label has no NUL
 */
struct pto_ctx_set {
	__u32 size;
	__u32 flags;
	__u64 aperture_base;
	__u64 aperture_size;
	__u32 timeout_ms;
	__u32 on_fault;
	char label[PTO_LABEL_SIZE];
};

#define PTO_IOC_CTX_SET		_IO(PTO_IOC_TYPE, PTO_CALL_CTX_SET)

/**
 * struct pto_ctx_close - end the context, as the last unmap of the control page does
 * @size:	sizeof(struct pto_ctx_close)
 * @flags:	0
 *
 * When it returns, nothing of the context runs any more. Its mappings stay.
 *
 * CTX_CLOSE Errors: none of its own
 */
struct pto_ctx_close {
	__u32 size;
	__u32 flags;
};

#define PTO_IOC_CTX_CLOSE	_IO(PTO_IOC_TYPE, PTO_CALL_CTX_CLOSE)

/**
 * struct pto_reset - bring the own context back to work
 * @size:	sizeof(struct pto_reset)
 * @flags:	0
 *
 * Every command that is not done completes ECANCELED, stopped streams run again,
 * unread fault records are dropped, and an emulator that broke the rules, or that
 * is stuck, is detached. Objects and their content stay.
 *
 * RESET Errors: none of its own
 */
struct pto_reset {
	__u32 size;
	__u32 flags;
};

#define PTO_IOC_RESET		_IO(PTO_IOC_TYPE, PTO_CALL_RESET)

/**
 * struct pto_obj_destroy - drop a handle
 * @size:	sizeof(struct pto_obj_destroy)
 * @flags:	0
 * @handle:	the object
 * @reserved:	0
 *
 * The handle is gone at once. Memory and programs are freed when no command in
 * flight and no mapping uses them any more; until then their address range stays
 * taken. A stream's commands complete ECANCELED. Destroying the emulator detaches it:
 * launches in flight complete ECANCELED.
 *
 * OBJ_DESTROY Errors:
 *	ENOENT	no_object: no object has this handle
 */
struct pto_obj_destroy {
	__u32 size;
	__u32 flags;
	__u32 handle;
	__u32 reserved;
};

#define PTO_IOC_OBJ_DESTROY	_IO(PTO_IOC_TYPE, PTO_CALL_OBJ_DESTROY)

/* ---- memory and programs ------------------------------------------------- */

/**
 * struct pto_mem_alloc - allocate zeroed device memory
 * @size:	sizeof(struct pto_mem_alloc)
 * @flags:	0
 * @bytes:	in: how many, at least 1; out: rounded up to the page size
 * @addr:	in: device address wanted, a multiple of the page size, or 0 for the
 *		first fit, behind which a page is left free; out: the address
 * @handle:	out: the memory object
 * @reserved:	0
 * @mmap_offset:	out: for mmap()
 *
 * MEM_ALLOC Errors:
 *	ENXIO	no_aperture: CTX_SET did not name an aperture yet
 *	EINVAL	zero_bytes: @bytes is 0
 *	EINVAL	unaligned: @addr is not a multiple of the page size
 *	ERANGE	outside: the range is not inside the aperture
 *	EEXIST	overlap: the range meets another object's
 *	ENOSPC	device_full: the device has not as much memory left
 *	ENOSPC	aperture_full: no gap in the aperture is large enough
 *	EMFILE	handles: PTO_OBJECTS_MAX handles are in use
 *	ENOMEM	no_memory: the host has none, or a cgroup's limit was met
 *	EINTR	killed: a fatal signal came
 */
struct pto_mem_alloc {
	__u32 size;
	__u32 flags;
	__u64 bytes;
	__u64 addr;
	__u32 handle;
	__u32 reserved;
	__u64 mmap_offset;
};

#define PTO_IOC_MEM_ALLOC	_IO(PTO_IOC_TYPE, PTO_CALL_MEM_ALLOC)

/* Directions of a copy */
#define PTO_COPY_H2D		0	/* host to device */
#define PTO_COPY_D2H		1	/* device to host */
#define PTO_COPY_D2D		2	/* device to device */

/**
 * struct pto_mem_copy - copy now, in order with nothing
 * @size:	sizeof(struct pto_mem_copy)
 * @flags:	0
 * @dir:	PTO_COPY_*
 * @reserved:	0
 * @dst:	host or device address
 * @src:	host or device address
 * @bytes:	at most PTO_MEM_COPY_MAX; 0 is fine
 *
 * A device range lies inside one memory object. D2D ranges do not overlap.
 *
 * MEM_COPY Errors:
 *	EOPNOTSUPP	unknown_dir: @dir is not known
 *	EFBIG	too_long: @bytes is over PTO_MEM_COPY_MAX
 *	EINVAL	overlap: the ranges of a D2D copy overlap
 *	ERANGE	bad_device_range: not inside one memory object, or a program's image is to
 *		be written
 *	EFAULT	bad_host_range: the host range can not be read or written; part of
 *		the copy may be done
 */
struct pto_mem_copy {
	__u32 size;
	__u32 flags;
	__u32 dir;
	__u32 reserved;
	__u64 dst;
	__u64 src;
	__u64 bytes;
};

#define PTO_IOC_MEM_COPY	_IO(PTO_IOC_TYPE, PTO_CALL_MEM_COPY)

/**
 * struct pto_prog_load - load a program
 * @size:	sizeof(struct pto_prog_load)
 * @flags:	0
 * @image:	host address of its bytes, which the driver does not look into
 * @image_size:	1 to PTO_IMAGE_MAX
 * @handle:	out: the program
 * @serial:	out: what names it in LAUNCH descriptors on the queues
 * @addr:	out: device address of the bytes, in the aperture
 * @mmap_offset:	out: for a read-only mmap()
 *
 * PROG_LOAD Errors:
 *	ENXIO	no_aperture: CTX_SET did not name an aperture yet
 *	EINVAL	zero_size: @image_size is 0
 *	EFBIG	too_large: @image_size is over PTO_IMAGE_MAX
 *	EFAULT	bad_image: the bytes can not be read
 *	ENOSPC	device_full: the device has not as much memory left
 *	ENOSPC	aperture_full: no gap in the aperture is large enough
 *	EMFILE	handles: PTO_OBJECTS_MAX handles are in use
 *	ENOMEM	no_memory: the host has none, or a cgroup's limit was met
 *	EINTR	killed: a fatal signal came
 */
struct pto_prog_load {
	__u32 size;
	__u32 flags;
	__u64 image;
	__u32 image_size;
	__u32 handle;
	__u64 serial;
	__u64 addr;
	__u64 mmap_offset;
};

#define PTO_IOC_PROG_LOAD	_IO(PTO_IOC_TYPE, PTO_CALL_PROG_LOAD)

/* ---- streams ------------------------------------------------------------- */

/* pto_stream_create.engine */
#define PTO_ENGINE_COPY		0	/* no core: takes anything but LAUNCH */
#define PTO_ENGINE_AIC		1	/* cube core @index, 0 to blocks - 1 */
#define PTO_ENGINE_AIV		2	/* vector core @index, 0 to 2 * blocks - 1 */
#define PTO_ENGINE_BLOCK	3	/* block @index, 0 to blocks - 1: mixed tasks */

/**
 * struct pto_stream_create - create a stream
 * @size:	sizeof(struct pto_stream_create)
 * @flags:	0
 * @engine:	PTO_ENGINE_*
 * @index:	the core's or block's number; 0 with PTO_ENGINE_COPY
 * @depth:	commands in flight at most, a power of two from
 *		PTO_STREAM_DEPTH_MIN to PTO_STREAM_DEPTH_MAX
 * @handle:	out: the stream
 * @mmap_offset:	out: of its struct pto_stream_page
 * @mmap_size:	out: bytes that may be mapped there
 *
 * Streams on one core share it: what one pushed ahead of another runs first, and
 * a fault cancels what both have queued on the core.
 *
 * STREAM_CREATE Errors:
 *	EOPNOTSUPP	unknown_engine: @engine is not known
 *	EINVAL	bad_index: the device has no such core or block
 *	EINVAL	bad_depth: @depth is out of range or no power of two
 *	EMFILE	streams: PTO_STREAMS_MAX streams exist
 *	EMFILE	handles: PTO_OBJECTS_MAX handles are in use
 *	ENOMEM	no_memory: the host has none, or a cgroup's limit was met
 */
struct pto_stream_create {
	__u32 size;
	__u32 flags;
	__u32 engine;
	__u32 index;
	__u32 depth;
	__u32 handle;
	__u64 mmap_offset;
	__u64 mmap_size;
};

#define PTO_IOC_STREAM_CREATE	_IO(PTO_IOC_TYPE, PTO_CALL_STREAM_CREATE)

/**
 * struct pto_completion - how a command ended
 * @seqno:	the command's
 * @status:	0; -EIO it faulted; -ETIMEDOUT it hung; -ECANCELED it did not run to
 *		its end; -ENODEV the device was reset or went away
 * @reserved:	0
 * @accepted:	device clock when the driver took it, if PTO_CMD_TIMESTAMP was asked
 *		for, like those below
 * @start:	when it started; 0: it did not
 * @end:	when it ended; 0: it did not start
 * @done:	when the driver saw that it had
 */
struct pto_completion {
	__u64 seqno;
	__s32 status;
	__u32 reserved;
	__u64 accepted;
	__u64 start;
	__u64 end;
	__u64 done;
};

/**
 * struct pto_stream_page - how far a stream got, mapped read-only
 * @completed:	seqno of the last command that is done
 * @state:	PTO_STREAM_*
 * @depth:	the stream's
 * @reserved:	0
 * @ring:	@depth completions: seqno s is at index s & (@depth - 1)
 *
 * The driver writes an entry before it moves @completed; it is written over, its seqno
 * first, when @depth more have completed. Load @completed with acquire semantics, copy
 * the entry, then, behind an acquire fence, look whether it still carries the seqno that
 * was looked for. Who has not submitted so many yet needs no second look.
 */
struct pto_stream_page {
	__u64 completed;
	__u32 state;
	__u32 depth;
	__u64 reserved[6];
	struct pto_completion ring[];
};

/* pto_cmd.opcode */
#define PTO_CMD_NOP		0
#define PTO_CMD_LAUNCH		1	/* run a kernel, or the lanes of a mixed task */
#define PTO_CMD_COPY		2
#define PTO_CMD_FILL		3
#define PTO_CMD_WAIT		4	/* until a command of another stream is done */
#define PTO_CMD_DELAY		0x80	/* mocks only: take some time */
#define PTO_CMD_FAULT		0x81	/* mocks only: fault */
#define PTO_CMD_HANG		0x82	/* mocks only: never end */

/* pto_cmd.flags */
#define PTO_CMD_TIMESTAMP	(1 << 0)	/* put start and end into the completion */

/**
 * struct pto_cmd - one command of a stream, 64 bytes
 * @opcode:	PTO_CMD_*
 * @flags:	PTO_CMD_TIMESTAMP or 0
 * @reserved:	0
 * @launch.prog:	handles of the programs, by lane (PTO_LANE_*); on the stream of
 *		a core only the first. 0 where there is none
 * @launch.lane_mask:	a bit for each lane of a block; 0 on the stream of a core
 * @launch.args:	device address of the arguments, a multiple of 8, inside one
 *		memory object; not read by the driver, and left alone until done
 * @launch.nargs:	number of u64 there, 0 to PTO_MAX_ARGS; 0: @launch.args is 0
 * @launch.func_id:	for diagnosis only
 * @copy.dir:	PTO_COPY_*
 * @copy.reserved:	0
 * @copy.dst:	host or device address
 * @copy.src:	host or device address. Host pages are pinned when the command
 *		is accepted. D2D ranges do not overlap
 * @copy.bytes:	at least 1, with the host at most PTO_HOST_COPY_MAX; a device
 *		range lies inside one memory object
 * @fill.dst:	device address, a multiple of 4
 * @fill.bytes:	at least 4, a multiple of 4, inside one memory object
 * @fill.pattern:	what each u32 becomes
 * @fill.reserved:	0
 * @wait.stream:	handle of a stream of this context
 * @wait.reserved:	0
 * @wait.seqno:	already assigned there. The WAIT ends ECANCELED when that command
 *		does not end well, or its stream is destroyed; a seqno that has left
 *		the stream's page counts as one that ended well
 * @delay.ns:	PTO_DELAY_MIN_NS to PTO_TIMEOUT_MAX_NS
 * @fault.code:	goes into the fault record
 * @fault.reserved:	0
 * @raw:	the rest of what is not used is 0
 *
 * A command holds its programs and memory objects until it is done. What kernels
 * reach through pointers is the caller's duty.
 */
struct pto_cmd {
	__u16 opcode;
	__u16 flags;
	__u32 reserved;
	union {
		struct {
			__u32 prog[PTO_LANES];
			__u32 lane_mask;
			__u64 args;
			__u32 nargs;
			__s32 func_id;
		} launch;
		struct {
			__u32 dir;
			__u32 reserved;
			__u64 dst;
			__u64 src;
			__u64 bytes;
		} copy;
		struct {
			__u64 dst;
			__u64 bytes;
			__u32 pattern;
			__u32 reserved;
		} fill;
		struct {
			__u32 stream;
			__u32 reserved;
			__u64 seqno;
		} wait;
		struct {
			__u64 ns;
		} delay;
		struct {
			__u32 code;
			__u32 reserved;
		} fault;
		__u64 raw[7];
	};
};

/* pto_stream_submit.flags */
#define PTO_SUBMIT_WAIT		(1 << 0)	/* return when the last accepted one is done */

/**
 * struct pto_stream_submit - append commands to a stream
 * @size:	sizeof(struct pto_stream_submit)
 * @flags:	PTO_SUBMIT_WAIT or 0
 * @stream:	the stream
 * @count:	commands at @cmds, at least 1
 * @cmds:	address of struct pto_cmd[@count]
 * @timeout_ns:	bound of the wait, at most PTO_TIMEOUT_MAX_NS; 0 without
 *		PTO_SUBMIT_WAIT
 * @accepted:	out: how many were taken
 * @reserved:	0
 * @first_seqno:	out: seqno of the first, the others follow; 0 if none
 *
 * A prefix of the batch is accepted: the commands up to the first one that is
 * wrong or does not fit, PTO_BATCH_MAX at most. If that is at least one, the call
 * succeeds; submit the rest again to learn what stopped it. The outputs are written
 * when the commands are accepted, before any wait. With PTO_SUBMIT_WAIT the result
 * is then that of STREAM_WAIT for the last one accepted.
 *
 * STREAM_SUBMIT Errors:
 *	EINVAL	zero_count: @count is 0
 *	EINVAL	bad_timeout: @timeout_ns is over the limit, or given without a wait
 *	ENOENT	no_stream: no stream has this handle
 *	EIO	stopped: the stream is stopped by a fault
 *	EBUSY	full: as many commands are in flight as the stream is deep
 *	EFAULT	bad_cmds: the commands can not be read
 *	EOPNOTSUPP	unknown_opcode: not known, or only on mocks
 *	EOPNOTSUPP	unknown_cmd_flag: a bit in the command's flags is not known
 *	EOPNOTSUPP	cmd_reserved: what the command does not use is not zero
 *	EINVAL	launch_engine: LAUNCH on a stream that has no core
 *	EINVAL	launch_lanes: lane mask or programs do not fit the stream or each
 *		other
 *	ENOENT	no_program: no program has this handle
 *	EINVAL	launch_args: args is unaligned, nargs is over the limit, or one is
 *		given without the other
 *	ENOTCONN	no_emulator: LAUNCH while no emulator is attached
 *	ERANGE	bad_device_range: not inside one memory object, or a program's image is to
 *		be written
 *	EOPNOTSUPP	unknown_dir: copy.dir is not known
 *	EINVAL	copy_bytes: copy.bytes is 0
 *	EINVAL	copy_overlap: the ranges of a D2D copy overlap
 *	EFBIG	host_too_long: over PTO_HOST_COPY_MAX
 *	EFAULT	bad_host_range: the host pages can not be pinned
 *	ENOMEM	pinned: over PTO_PINNED_MAX, with what is in flight
 *	EINVAL	fill_bytes: fill.bytes is 0, or it or fill.dst not a multiple of 4
 *	ENOENT	no_wait_stream: no stream has the handle wait.stream
 *	EINVAL	wait_seqno: wait.seqno is 0 or not assigned yet
 *	EINVAL	delay_range: delay.ns is out of range
 *	ENOMEM	no_memory: the host has none, or a cgroup's limit was met
 *	EIO	wait_fault: with a wait, the last command faulted
 *	ETIMEDOUT	wait_hang: with a wait, the last command hung
 *	ECANCELED	wait_canceled: with a wait, the last command was cancelled
 *	ETIME	wait_time: with a wait, @timeout_ns is over
 *	EINTR	wait_signal: with a wait, a signal came, or io_uring has something
 *		to do in this thread; the work goes on
 */
struct pto_stream_submit {
	__u32 size;
	__u32 flags;
	__u32 stream;
	__u32 count;
	__u64 cmds;
	__u64 timeout_ns;
	__u32 accepted;
	__u32 reserved;
	__u64 first_seqno;
};

#define PTO_IOC_STREAM_SUBMIT	_IO(PTO_IOC_TYPE, PTO_CALL_STREAM_SUBMIT)

/**
 * struct pto_stream_wait - wait until a command is done
 * @size:	sizeof(struct pto_stream_wait)
 * @flags:	0
 * @stream:	the stream
 * @reserved:	0
 * @seqno:	already assigned
 * @timeout_ns:	bound of the wait, at most PTO_TIMEOUT_MAX_NS; 0 asks only
 *
 * The result is how the command ended. A seqno that has left the stream's page
 * counts as one that ended well.
 *
 * STREAM_WAIT Errors:
 *	EINVAL	bad_timeout: @timeout_ns is over the limit
 *	ENOENT	no_stream: no stream has this handle
 *	EINVAL	bad_seqno: @seqno is 0 or not assigned yet
 *	ENOMEM	no_memory: by io_uring, the host has none, or a cgroup's limit was met,
 *		or PTO_WAITS_MAX have not ended yet
 *	EIO	fault: the command faulted
 *	ETIMEDOUT	hang: the command hung
 *	ECANCELED	canceled: the command was cancelled
 *	ETIME	time: @timeout_ns is over
 *	EINTR	signal: a signal came, or io_uring has something to do in this
 *		thread
 */
struct pto_stream_wait {
	__u32 size;
	__u32 flags;
	__u32 stream;
	__u32 reserved;
	__u64 seqno;
	__u64 timeout_ns;
};

#define PTO_IOC_STREAM_WAIT	_IO(PTO_IOC_TYPE, PTO_CALL_STREAM_WAIT)

/* pto_stream_ctl.op */
#define PTO_STREAM_ABORT	0	/* what is in flight completes ECANCELED */
#define PTO_STREAM_RESUME	1	/* a stopped stream takes commands again */

/**
 * struct pto_stream_ctl - abort or resume a stream
 * @size:	sizeof(struct pto_stream_ctl)
 * @flags:	0
 * @stream:	the stream
 * @op:		PTO_STREAM_ABORT or PTO_STREAM_RESUME
 *
 * A copy that runs ends as soon as it notices, so its completion may come after
 * ABORT has returned. A launch is forgotten at once; its kernel may still run.
 *
 * STREAM_CTL Errors:
 *	EOPNOTSUPP	unknown_op: @op is not known
 *	ENOENT	no_stream: no stream has this handle
 *	EINVAL	not_stopped: RESUME of a stream that is not stopped
 */
struct pto_stream_ctl {
	__u32 size;
	__u32 flags;
	__u32 stream;
	__u32 op;
};

#define PTO_IOC_STREAM_CTL	_IO(PTO_IOC_TYPE, PTO_CALL_STREAM_CTL)

/**
 * struct pto_event_fd - be told when a stream gets somewhere
 * @size:	sizeof(struct pto_event_fd)
 * @flags:	0
 * @stream:	the stream
 * @fd:		an eventfd that is signalled once when @seqno is done, or at once if
 *		it is, or when the stream dies; -1: none
 * @seqno:	arms the stream; need not be assigned yet. 0 disarms it
 *
 * Replaces what the stream was armed with. poll() of the context reports
 * POLLIN while some armed stream has reached its seqno, POLLPRI while a fault
 * record is unread, POLLHUP | POLLERR when the context is dead.
 *
 * EVENT_FD Errors:
 *	ENOENT	no_stream: no stream has this handle
 *	EBADF	bad_fd: @fd is not open
 *	EINVAL	not_eventfd: @fd is not an eventfd, or is under -1
 *	EINVAL	fd_unused: @fd is not -1 although @seqno is 0
 */
struct pto_event_fd {
	__u32 size;
	__u32 flags;
	__u32 stream;
	__s32 fd;
	__u64 seqno;
};

#define PTO_IOC_EVENT_FD	_IO(PTO_IOC_TYPE, PTO_CALL_EVENT_FD)

/* ---- faults -------------------------------------------------------------- */

/* pto_fault_query.fault_class */
#define PTO_FAULT_TASK		1	/* a kernel crashed; code is the signal's number */
#define PTO_FAULT_TASK_HANG	2	/* the emulator left a kernel that was over budget */
#define PTO_FAULT_PROGRAM	3	/* the image could not be loaded; code is an errno */
#define PTO_FAULT_DESC		4	/* the emulator did not understand a descriptor */
#define PTO_FAULT_TIMEOUT	5	/* the driver's timeout; code is the opcode */
#define PTO_FAULT_INJECTED	6	/* FAULT, or a knob of a mock; code is theirs */
#define PTO_FAULT_EMULATOR	7	/* the emulator broke the rules; code is PTO_EMU_BAD_* */

/* pto_fault_query.code of PTO_FAULT_EMULATOR */
#define PTO_EMU_BAD_HEAD	1	/* sq_head passed what was submitted */
#define PTO_EMU_BAD_TAIL	2	/* cq_tail is further than the ring is deep */
#define PTO_EMU_BAD_COOKIE	3	/* a completion of nothing in flight, or a second one */
#define PTO_EMU_BAD_STATUS	4	/* a status that does not exist */
#define PTO_EMU_BAD_CORE	5	/* a completion names another core */

/**
 * struct pto_fault_query - take the oldest unread fault record
 * @size:	sizeof(struct pto_fault_query)
 * @flags:	0
 * @time_ns:	out: CLOCK_MONOTONIC when it happened
 * @seqno:	out: the command's; 0 if the whole context is concerned
 * @addr:	out: the address that was touched, if known
 * @pc:		out: the offset in the program's image, if known
 * @ctx:	out: number of the context
 * @stream:	out: handle of the stream; 0 if the whole context is concerned
 * @pid:	out: process that bound the context, as the caller sees it
 * @core:	out: flat number of the core that reported it; -1 if none did
 * @fault_class:	out: PTO_FAULT_*
 * @code:	out: what @fault_class says
 * @func_id:	out: of a LAUNCH that a core reported; otherwise, as of one that timed out, 0
 * @lost:	out: records dropped, oldest first, since the last one was read
 *
 * FAULT_QUERY Errors:
 *	ENODATA	none: no unread record
 */
struct pto_fault_query {
	__u32 size;
	__u32 flags;
	__u64 time_ns;
	__u64 seqno;
	__u64 addr;
	__u64 pc;
	__u32 ctx;
	__u32 stream;
	__s32 pid;
	__s32 core;
	__u32 fault_class;
	__u32 code;
	__s32 func_id;
	__u32 lost;
};

#define PTO_IOC_FAULT_QUERY	_IO(PTO_IOC_TYPE, PTO_CALL_FAULT_QUERY)

/* ---- emulators of mock devices ------------------------------------------- */

/**
 * struct pto_emu_attach - become the emulator of the own context's cores
 * @size:	sizeof(struct pto_emu_attach)
 * @flags:	0
 * @depth:	slots of each ring, a power of two from 2 to 1024
 * @handle:	out: the emulator, an object
 * @cores:	out: number of queues, one a core by flat number
 * @sub_stride:	out: bytes from one struct pto_queue_sub to the next
 * @core_stride:	out: bytes from one struct pto_queue_core to the next
 * @reserved:	0
 * @sub_offset:	out: for mmap() of the region that only the driver writes, read-only
 * @core_offset:	out: for mmap() of the region that the emulator writes
 *
 * The regions are @cores times the stride, rounded up to the page size. Halted cores
 * are restarted when their fault is reaped. What breaks the rules of pto_queue.h is a
 * fault of the whole context: the emulator is cut off, its launches complete EIO.
 *
 * EMU_ATTACH Errors:
 *	EOPNOTSUPP	not_mock: the device runs launches itself
 *	EINVAL	bad_depth: @depth is out of range or no power of two
 *	EBUSY	attached: the context has an emulator
 *	EMFILE	handles: PTO_OBJECTS_MAX handles are in use
 *	ENOMEM	no_memory: the host has none, or a cgroup's limit was met
 */
struct pto_emu_attach {
	__u32 size;
	__u32 flags;
	__u32 depth;
	__u32 handle;
	__u32 cores;
	__u32 sub_stride;
	__u32 core_stride;
	__u32 reserved;
	__u64 sub_offset;
	__u64 core_offset;
};

#define PTO_IOC_EMU_ATTACH	_IO(PTO_IOC_TYPE, PTO_CALL_EMU_ATTACH)

/* pto_emu_step.flags */
#define PTO_EMU_REAP		(1 << 0)	/* take over what the cores have completed */
#define PTO_EMU_WAIT		(1 << 1)	/* sleep until the doorbell rings */

/**
 * struct pto_emu_step - the interrupt and the doorbell of the emulator
 * @size:	sizeof(struct pto_emu_step)
 * @flags:	PTO_EMU_REAP, PTO_EMU_WAIT or both, done in this order
 * @handle:	the emulator
 * @doorbell:	in: the last count seen; out: the count now. WAIT sleeps while they
 *		are equal. It counts pushes, modulo 2^32
 * @timeout_ns:	bound of the wait, at most PTO_TIMEOUT_MAX_NS; 0 without WAIT
 * @reaped:	out: descriptors that were found completed
 * @reserved:	0
 *
 * Any number of threads may call it at once.
 *
 * EMU_STEP Errors:
 *	EINVAL	no_flags: @flags is 0
 *	EINVAL	bad_timeout: @timeout_ns is over the limit, or given without WAIT
 *	ENOENT	no_emulator: no emulator has this handle
 *	EIO	broken: the emulator broke the rules, now or before
 *	ETIME	time: @timeout_ns is over
 *	ECANCELED	detached: the emulator was destroyed while it slept, or RESET has
 *		detached it
 *	EINTR	signal: a signal came, or io_uring has something to do in this
 *		thread
 */
struct pto_emu_step {
	__u32 size;
	__u32 flags;
	__u32 handle;
	__u32 doorbell;
	__u64 timeout_ns;
	__u32 reaped;
	__u32 reserved;
};

#define PTO_IOC_EMU_STEP	_IO(PTO_IOC_TYPE, PTO_CALL_EMU_STEP)

#endif
