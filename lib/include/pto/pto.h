/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * libpto: task graphs on neural processing units.
 *
 * Every function that can fail returns 0 (or a value >= 0 where it says so) or
 * a negative errno, and leaves a text that names the cause in
 * pto_last_error() of the calling thread. No function aborts, exits, or waits
 * without a bound in the caller's process.
 *
 * Objects are opaque. A device, a program and a stream may be used by any
 * number of threads at once. A graph is built by one thread at a time, and is
 * not changed while it is launched. An object keeps what it is made from: a
 * device closed while a graph lives is freed with the graph.
 *
 * With PTO_CHECK=1 in the environment when a device is opened, its graphs and flows are
 * checked for tasks that touch the same bytes without an order, as far as tasks say what
 * they access: with pto_graph_submit() and pto_flow_submit(). With PTO_SEED=n its tasks run
 * one at a time, on one scheduler thread of the built-in AICPU program, in an order that
 * edges allow and the number n decides; that of a flow is the same each time if one thread
 * submits to it.
 *
 * After fork() the child can not use what the parent opened: calls return
 * -EPERM, and the memory of a device of the driver is not mapped there. (What needs neither, a
 * task without arguments or an edge, may still be added: to the child's copy of a graph, which
 * it can not launch.) It may open devices of its own.
 */
#ifndef PTO_PTO_H
#define PTO_PTO_H

#include <stddef.h>
#include <stdint.h>

#include "task.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PTO_VERSION_MAJOR	0
#define PTO_VERSION_MINOR	1
#define PTO_VERSION_PATCH	0

struct pto_device;
struct pto_program;
struct pto_stream;
struct pto_graph;
struct pto_launch;

/* ---- the library ------------------------------------------------------- */

/** pto_version - version of the library in use, as 0xMMmmpp */
PTO_API unsigned int pto_version(void);

/**
 * pto_has_feature - ask whether the library in use has a feature
 * @name: "embedded", "chardev", "profile", "tensors", "flows", "mixed", "params", ...
 *
 * Returns 1 or 0; a name that it does not know is a feature it does not have.
 */
PTO_API int pto_has_feature(const char *name);

/**
 * pto_last_error - text of this thread's last failed call
 *
 * Never NULL; "" when nothing has failed yet. Valid until the thread's next
 * failed call.
 */
PTO_API const char *pto_last_error(void);

/* ---- devices ----------------------------------------------------------- */

/** enum pto_core - kinds of core */
enum pto_core {
	PTO_AIC = 0,	/* cube core (matrix) */
	PTO_AIV = 1,	/* vector core */
};

/**
 * struct pto_device_info - what a device is
 * @size:	sizeof(struct pto_device_info), set by the caller
 * @index:	0 to 15
 * @blocks:	clusters of one AIC and two AIV
 * @cores:	3 * @blocks
 * @mem_total:	bytes of device memory; other processes may use some of it
 * @mem_used:	bytes that this process has allocated
 * @host_threads: threads the emulator runs on, 0 before the first is needed
 * @aicpu_threads: scheduler threads that the last launch had, 0 before the first
 * @backend:	"embedded", or "chardev": a device of the driver
 * @mode:	how tasks get to the cores: "inplace" or "threads" on the embedded device,
 *		"uring" or "ioctl" on one of the driver
 * @name:	the name that opens the device
 */
struct pto_device_info {
	uint32_t size;
	uint32_t index;
	uint32_t blocks;
	uint32_t cores;
	uint64_t mem_total;
	uint64_t mem_used;
	uint32_t host_threads;
	uint32_t aicpu_threads;
	char backend[16];
	char mode[16];
	char name[32];
};

/**
 * pto_device_open - open a device
 * @name:	"embedded" or "embedded0" to "embedded15": in this process;
 *		"pto0" to "pto15", or "/dev/pto/pto0": of the driver;
 *		"0" to "15": of the driver if it has that one, else embedded;
 *		NULL: $PTO_DEVICE, or else "embedded"
 * @dev:	where to put the handle
 *
 * Opening the same device again gives another reference to the same one, unless that
 * was reset or unplugged in the meantime: it is dead for good, all calls that need it
 * answer -ENODEV (to free, to list and to count does not), and a device that comes back is
 * opened anew.
 *
 * A device of the driver is used by io_uring where that works, else by ioctl;
 * PTO_SUBMIT=uring or ioctl decides. What a device takes from the environment it
 * reads when it is opened first. Errors: -EINVAL (no such name), -ENODEV (index over
 * 15, or the driver has no such device), -EACCES (the text names the group to join),
 * -ENOMEM (no address space, or no memory), -EPROTO (a driver of another ABI), and with
 * PTO_SUBMIT=uring why there is no io_uring (-ENOSYS, -EPERM, ...).
 */
PTO_API int pto_device_open(const char *name, struct pto_device **dev);

/** pto_device_close - give a reference back; NULL is allowed */
PTO_API void pto_device_close(struct pto_device *dev);

/** pto_device_query - fill in @info; -EINVAL if info->size is too small */
PTO_API int pto_device_query(struct pto_device *dev, struct pto_device_info *info);

/* ---- memory ------------------------------------------------------------ */

/**
 * pto_mem_alloc - allocate device memory
 * @dev:	the device
 * @size:	bytes, at least 1
 * @ptr:	where to put the address, aligned to 512 bytes
 *
 * Device memory can be read and written at its address by kernels and, on
 * devices that share the host's memory, by the host. Its content is
 * undefined. An unallocated gap lies behind each allocation.
 * Errors: -EINVAL (size 0), -ENOMEM (more than the device has left).
 */
PTO_API int pto_mem_alloc(struct pto_device *dev, size_t size, void **ptr);

/**
 * pto_mem_free - free an allocation by its start; NULL is allowed
 *
 * Errors: -EINVAL (not the start of a live allocation: a stray pointer, a
 * pointer inside an allocation, or one that was freed before).
 */
PTO_API int pto_mem_free(struct pto_device *dev, void *ptr);

/**
 * pto_mem_write, pto_mem_read, pto_mem_copy - copy host to device, device to
 * host, device to device
 *
 * The device side must lie inside one live allocation. Copying 0 bytes is
 * allowed. Errors: -EINVAL (NULL, or a device range that is not inside one
 * allocation).
 */
PTO_API int pto_mem_write(struct pto_device *dev, void *dst, const void *src, size_t size);
PTO_API int pto_mem_read(struct pto_device *dev, void *dst, const void *src, size_t size);
PTO_API int pto_mem_copy(struct pto_device *dev, void *dst, const void *src, size_t size);

/**
 * struct pto_mem_stat - use of a device's memory
 * @size:	sizeof(struct pto_mem_stat), set by the caller
 * @count:	live allocations
 * @used:	their bytes
 * @peak:	the most bytes that were ever live at once
 * @total:	bytes that may be allocated
 */
struct pto_mem_stat {
	uint32_t size;
	uint32_t count;
	uint64_t used;
	uint64_t peak;
	uint64_t total;
};

PTO_API int pto_mem_stat(struct pto_device *dev, struct pto_mem_stat *stat);

/**
 * pto_mem_list - call @visit for each live allocation, by address
 *
 * Ends early when @visit returns other than 0, and returns that. @visit must
 * not allocate or free on @dev.
 */
PTO_API int pto_mem_list(struct pto_device *dev,
			 int (*visit)(void *arg, void *ptr, size_t size), void *arg);

/* ---- programs ---------------------------------------------------------- */

/**
 * pto_program_load - load a kernel image
 * @dev:	the device
 * @image:	an ELF shared object of the device's kind that exports
 *		`void kernel_entry(int64_t *args)`; copied
 * @size:	its bytes
 * @prog:	where to put the handle
 *
 * Errors: -EINVAL (NULL or empty), -ENOEXEC (not an ELF image that this device
 * can run; the text says which check failed), -ENOENT (no kernel_entry),
 * -ENOMEM; of a device of the driver -EFBIG (over 64 MiB), -EMFILE (too many programs),
 * -EINTR, -ENODEV.
 */
PTO_API int pto_program_load(struct pto_device *dev, const void *image, size_t size,
			     struct pto_program **prog);

/** pto_program_unload - give the handle back; NULL is allowed; graphs that use it keep it */
PTO_API void pto_program_unload(struct pto_program *prog);

/* ---- streams ----------------------------------------------------------- */

/**
 * pto_stream_create - create an in-order queue of copies
 *
 * What is queued runs beside the caller, and beside launches, in order. Errors: -ENOMEM,
 * -EBUSY (96 streams are in use, or what the driver has), -EAGAIN (no thread to run it),
 * -ENODEV (the device is gone).
 */
PTO_API int pto_stream_create(struct pto_device *dev, struct pto_stream **stream);

/**
 * pto_stream_destroy - wait for what is queued, then free; NULL is allowed
 *
 * On a device of the driver, what is not done within a minute is cancelled.
 */
PTO_API void pto_stream_destroy(struct pto_stream *stream);

/**
 * pto_stream_write, pto_stream_read, pto_stream_copy, pto_stream_fill - queue a copy
 *
 * As pto_mem_write() and so on, but of at least one byte, and source and destination must
 * not overlap; pto_stream_fill() repeats a 32-bit pattern, @dst and @size are multiples of 4.
 * Host and device memory must stay valid until the copy is complete. Host memory may be
 * pageable: the driver pins it for as long as it needs it, a piece of a large copy after the other. Returns the copy's
 * seqno (>= 1) or: -EINVAL as there; -EBUSY (the queue is full: wait for an older seqno);
 * -EFAULT (the driver finds that host memory is not there; the embedded device finds out
 * when it comes to the copy, and the stream fails with -EIO); -ENOMEM, -EAGAIN (no memory
 * may be pinned, or no thread be started, for it); -EIO, -ETIMEDOUT or -ENODEV
 * (an earlier copy has failed, or the device: the stream takes no more).
 */
PTO_API int64_t pto_stream_write(struct pto_stream *s, void *dst, const void *src, size_t size);
PTO_API int64_t pto_stream_read(struct pto_stream *s, void *dst, const void *src, size_t size);
PTO_API int64_t pto_stream_copy(struct pto_stream *s, void *dst, const void *src, size_t size);
PTO_API int64_t pto_stream_fill(struct pto_stream *s, void *dst, uint32_t pattern, size_t size);

/** pto_stream_done - the completion counter: all up to this seqno are complete */
PTO_API int64_t pto_stream_done(struct pto_stream *stream);

/**
 * pto_stream_bytes - how many bytes the stream's copies and fills have moved so far
 *
 * It grows while a large copy is under way, by the pieces in which the driver does it; on the
 * embedded device by whole copies. Means nothing once a copy has failed. Errors: -EINVAL
 * (NULL), -ENODEV.
 */
PTO_API int64_t pto_stream_bytes(struct pto_stream *stream);

/**
 * pto_stream_wait - wait until @seqno is complete
 * @timeout_ms:	0: only look; must not be negative
 *
 * Errors: -EINVAL (a seqno not yet queued), -ETIME (the bound ran out), -EIO, -ETIMEDOUT
 * or -ENODEV (a copy has failed; the text says why).
 */
PTO_API int pto_stream_wait(struct pto_stream *stream, int64_t seqno, int timeout_ms);

/* ---- graphs ------------------------------------------------------------ */

/** pto_graph_create - an empty task graph on a device; -ENOMEM */
PTO_API int pto_graph_create(struct pto_device *dev, struct pto_graph **graph);

/** pto_graph_destroy - free a graph; -EBUSY while it is launched; NULL is allowed */
PTO_API int pto_graph_destroy(struct pto_graph *graph);

/**
 * pto_graph_set_kernel - give a func_id its program
 * @func_id:	0 to 65535, not yet given
 *
 * Errors: -EINVAL (func_id out of range), -EEXIST (given before), -ENOMEM,
 * -EXDEV (program of another device), -EBUSY (launched).
 */
PTO_API int pto_graph_set_kernel(struct pto_graph *graph, int func_id,
				 struct pto_program *prog);

/**
 * pto_graph_add_task - add a task
 * @func_id:	one that pto_graph_set_kernel() knows
 * @core:	the kind of core that runs it
 * @args:	@nargs values, copied; the kernel gets a pointer to the copy
 * @nargs:	0 to 144
 *
 * Returns the task's id: 0 for the first, 1 for the next, and so on. Errors:
 * -EINVAL, -ENOENT (func_id without a kernel), -EBUSY (launched), -ENOMEM, -ENODEV or
 * -EPERM (no memory for arguments, as the device is gone, or a parent process's).
 */
PTO_API int pto_graph_add_task(struct pto_graph *graph, int func_id, enum pto_core core,
			       const uint64_t *args, int nargs);

/**
 * pto_graph_add_edge - @to runs after @from
 *
 * Any number of edges may enter a task, and 16,777,215 may leave it. Errors: -EINVAL
 * (an unknown task, or a task after itself), -EMLINK (one more would leave @from), -EBUSY,
 * -ENOMEM. A cycle is found at launch.
 */
PTO_API int pto_graph_add_edge(struct pto_graph *graph, int from, int to);

/**
 * pto_graph_submit - add a task, and the edges that its tensors call for
 *
 * It runs after the earlier tasks whose accesses conflict with its own: who
 * reads bytes waits for who wrote them last; who writes them, for who wrote or
 * read them last. Bytes count, not tensors: see pto_tensor_overlap(). Tasks that
 * share no byte do not wait for each other. What a tensor with manual_dep set
 * or a task with PTO_TASK_NO_DEPS does is not seen; pto_graph_add_edge() works beside.
 *
 * Returns the task's id, as pto_graph_add_task(). Nothing of @task is kept.
 * Errors: -EINVAL (an argument; a tensor that is read and has no address),
 * -ENOENT (func_id without a kernel), -EBUSY (launched), -ESTALE (a buffer of a flow's, which
 * would go with it), -ENOMEM, -EMLINK (as for an edge;
 * after this one, or if memory ran out while dependencies were noted, the graph can only be
 * destroyed).
 */
PTO_API int64_t pto_graph_submit(struct pto_graph *graph, const struct pto_task *task);

/**
 * pto_graph_param - tell of memory that may be other memory at another launch
 * @addr, @size: where it is while the graph is built
 *
 * Tensors of tasks that are submitted from now on, and lie in it, are part of the parameter,
 * whatever they are views of. Returns its number: 0 for the first, 1 for the next, and
 * so on. Errors: -EINVAL (NULL; it overlaps another parameter; one has been moved),
 * -EBUSY (launched), -ENOMEM.
 */
PTO_API int pto_graph_param(struct pto_graph *graph, void *addr, size_t size);

/**
 * struct pto_binding - memory for a parameter
 * @param:	its number
 * @reserved:	0
 * @addr, @size: what it is from now on; at least as large as it was declared
 */
struct pto_binding {
	uint32_t param;
	uint32_t reserved;
	void *addr;
	uint64_t size;
};

/**
 * pto_graph_bind - give parameters other memory, for the launches to come
 * @bindings:	@count of them; parameters that are not among them stay where they are
 *
 * All are moved at once, or none. Tasks and edges stay as they are. That is right if
 * parameters share bytes with nothing else that the graph uses; of parameters it is
 * seen to, of other memory PTO_CHECK=1 does. When a parameter has been moved, tasks with
 * tensors can not be submitted any more. It takes as long as tasks use what is moved, and
 * there are parameters. Errors: -ENOENT (no such parameter), -EINVAL (NULL, a size that is
 * too small, one bound twice, two that overlap while one of them is written), -EBUSY
 * (launched).
 */
PTO_API int pto_graph_bind(struct pto_graph *graph, const struct pto_binding *bindings,
			   uint32_t count);

/**
 * pto_graph_set_scalar - give a task another number, for the launches to come
 * @index:	among its scalars, or its arguments if pto_graph_add_task() added it
 *
 * Errors: -EINVAL (no such task or scalar), -EBUSY (launched).
 */
PTO_API int pto_graph_set_scalar(struct pto_graph *graph, int task, uint32_t index, uint64_t value);

/** pto_graph_task_count - number of tasks */
PTO_API int pto_graph_task_count(const struct pto_graph *graph);

/* ---- launches ---------------------------------------------------------- */

/** pto_launch_opts.flags: record start and end of each task */
#define PTO_LAUNCH_PROFILE	(1u << 0)

/**
 * struct pto_launch_opts - how to launch; zero means the default
 * @size:	sizeof(struct pto_launch_opts), set by the caller
 * @flags:	PTO_LAUNCH_*
 * @block_dim:	blocks to use, 1 to as many as the device has, 24 at the most; default 1
 * @aicpu_threads: scheduler threads, 1 to 64, but no more than blocks. Default: in place, as
 *		many as the machine has cores that the process may use (threads of a core
 *		count once, and a cgroup's quota counts), of which all but the first come when
 *		the launch has lasted for 20 us; a flow has one less. Else one
 * @timeout_ms:	the longest the launch may take; default
 *		$PTO_LAUNCH_TIMEOUT_MS, else no bound of its own
 * @task_timeout_ms: the longest one kernel may run; default
 *		$PTO_TASK_TIMEOUT_MS, else 10 s; on a device of the driver 240 s at the most
 * @aicpu, @aicpu_size: AICPU program; NULL or 0: the built-in one. It is trusted: one that does
 *		not return keeps the launch, and the device, for ever
 * @aicore, @aicore_size: AICore program; NULL or 0: the built-in one
 */
struct pto_launch_opts {
	uint32_t size;
	uint32_t flags;
	int32_t block_dim;
	int32_t aicpu_threads;
	uint32_t timeout_ms;
	uint32_t task_timeout_ms;
	const void *aicpu;
	size_t aicpu_size;
	const void *aicore;
	size_t aicore_size;
};

/**
 * pto_graph_launch - run all tasks of a graph, and wait
 * @opts:	NULL: all defaults
 *
 * A graph may be launched again and again, also after a failed launch. Launches
 * on one device run one after the other. Those that wait for their turn get it in the order of
 * the calls; one that is made when the device is free may come before them, but not before one
 * that has waited for 2 ms or more. Errors:
 * -EINVAL	an option out of range
 * -EBUSY	this graph is being launched
 * -ELOOP	the tasks wait for each other in a cycle, which the text names
 * -EMLINK	an edge of a submitted task had no room, see pto_graph_submit()
 * -EL2NSYNC	PTO_CHECK: two tasks touch the same bytes, one of them writes, and nothing
 *		orders them; the text names both, and how to mend it. Nothing was run
 * -ENOEXEC	an AICPU or AICore program of another ABI, or garbage
 * -EIO		a task crashed; the text names task, func_id, core and cause
 * -ETIMEDOUT	a task ran longer than task_timeout_ms
 * -ENODEV	the device was reset or unplugged
 * -ETIME	the launch took longer than timeout_ms
 * -ECANCELED	pto_launch_cancel()
 * -ENOMEM, -EAGAIN	no memory, or no thread, to launch with
 * -E2BIG	options of a newer library that this one does not know
 * -EDEADLK	called from inside a kernel or an orchestration
 * -EPERM	the device was opened before fork()
 * -ESHUTDOWN	the process is ending
 *
 * In place, kernels that call nothing but mem* and libm run on the calling thread. Do not
 * block SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT or SIGURG there: a
 * kernel that crashes would end the process, one that hangs could not be left.
 */
PTO_API int pto_graph_launch(struct pto_graph *graph, const struct pto_launch_opts *opts);

/**
 * pto_graph_launch_async - start a launch, and return
 * @launch: handle to wait with; give it back with pto_launch_free()
 *
 * If no other launch is under way on the device it is this one's turn at once, and none that is
 * started later comes before it; else it waits from now on, as pto_graph_launch() does. The same
 * goes for pto_flow_start().
 *
 * What can be found out without a run is returned here: all errors above but -EIO, -ETIMEDOUT
 * and -ETIME.
 */
PTO_API int pto_graph_launch_async(struct pto_graph *graph,
				   const struct pto_launch_opts *opts,
				   struct pto_launch **launch);

/** pto_launch_fd - a file descriptor that polls readable once the launch has ended */
PTO_API int pto_launch_fd(const struct pto_launch *launch);

/**
 * pto_launch_wait - wait for the end of a launch
 * @timeout_ms: 0: only look; must not be negative
 *
 * Returns what pto_graph_launch() would, or -EINPROGRESS while it still runs.
 */
PTO_API int pto_launch_wait(struct pto_launch *launch, int timeout_ms);

/** pto_launch_cancel - end a launch soon; running kernels are left */
PTO_API void pto_launch_cancel(struct pto_launch *launch);

/** pto_launch_free - give the handle back; a launch still running is cancelled first */
PTO_API void pto_launch_free(struct pto_launch *launch);

/* ---- flows: graphs that run while they are built ----------------------- */

/**
 * struct pto_flow_opts - how much a flow may hold; zero means the default
 * @size:	sizeof(struct pto_flow_opts), set by the caller
 * @flags:	none yet
 * @window:	tasks submitted and not complete, a power of two, 4 to 2^24; default
 *		$PTO2_RING_TASK_WINDOW, else 16384
 * @dep_pool:	blocks of 7 edges, for tasks that more than 3 others wait for,
 *		4 to 2^28; default $PTO2_RING_DEP_POOL, else 65536
 * @heap:	bytes for buffers, for each submitter and each depth of scopes up
 *		to the fourth; a power of two, 1024 to 2^40; default
 *		$PTO2_RING_HEAP, else 64 MiB. Allocated when first needed
 */
struct pto_flow_opts {
	uint32_t size;
	uint32_t flags;
	uint32_t window;
	uint32_t dep_pool;
	uint64_t heap;
};

struct pto_flow;

/**
 * pto_flow_start - begin to run a graph that is yet to be built
 * @graph:	what it has are kernels, and no tasks; in use until the flow is finished
 * @opts:	as for pto_graph_launch(); NULL: all defaults
 * @flow_opts:	NULL: all defaults
 * @flow:	where to put the handle, for one thread at a time
 *
 * Tasks run as soon as they are submitted and those before them are done. The
 * memory that this takes is what @flow_opts say, whatever number of tasks there
 * are. A flow is a launch until it is finished: other launches on the device, and what is
 * submitted to other flows, wait for that; who is to finish it must not wait for them.
 * Errors: as pto_graph_launch_async(); -EINVAL (the graph has tasks).
 */
PTO_API int pto_flow_start(struct pto_graph *graph, const struct pto_launch_opts *opts,
			   const struct pto_flow_opts *flow_opts, struct pto_flow **flow);

/**
 * pto_flow_fork - a handle for one more thread that submits, 64 at a time
 *
 * It has scopes of its own. Tasks of all threads count as submitted in the order in
 * which the calls were served. To be finished before the first one. Errors: -EBUSY
 * (too many), -ENOMEM.
 */
PTO_API int pto_flow_fork(struct pto_flow *flow, struct pto_flow **other);

/**
 * pto_flow_submit - as pto_graph_submit(), and the task may run from now on
 *
 * A tensor that is written and has no address gets a buffer, which dies when the
 * innermost scope that is open now has ended and the tasks that were given the
 * tensor, or a part of it, are complete; to give it to a task after the scope's end is
 * an error. Waits while window, heap or pool are full; all that it waits for are tasks,
 * and scopes of other flows that hold tasks back: until they end, where there is no room
 * before, or half of the window or pool is in use, a minute at the most, then it is -ETIMEDOUT;
 * and with the first task that it holds back itself, a second at the most, as flows
 * take turns in holding back.
 *
 * With one scheduler thread, where kernels run in place and import at most mem* and libm, the
 * calling thread runs tiny tasks itself now and then, on its own stack, for a millisecond at the
 * most and what one kernel takes. So a kernel must not wait for what a thread that submits
 * to its flow does later: it might wait until its time is over.
 *
 * Returns the task's number, from 0 on. Errors: as there, and -ENOBUFS (the heap
 * can not hold what open scopes hold, or there will be no room in heap, window or pool
 * before tasks run that are held back: these and all that are submitted after them keep their
 * places, edges and buffers until the scope ends; the text names what to raise),
 * -ESTALE (a buffer that is dead), -ECANCELED (the launch is over, for a reason
 * that pto_flow_finish() tells). After an error one can go on, but for the last, -ENOMEM, and
 * -ENOBUFS for want of edges: then a dependency is lost, and all that is left is to finish, which
 * returns that error, too.
 */
PTO_API int64_t pto_flow_submit(struct pto_flow *flow, const struct pto_task *task);

/**
 * pto_flow_add_edge - task @to, submitted with PTO_TASK_HELD, runs after @from, too
 *
 * @from is an earlier task. Buffers that it was given live until @to is complete. Until the
 * scope that @to was submitted in ends, and by the flow that did it. Errors: -EINVAL (no
 * such tasks; @to is not held back), -ENOBUFS as pto_flow_submit(), -ECANCELED.
 */
PTO_API int pto_flow_add_edge(struct pto_flow *flow, int64_t from, int64_t to);

/**
 * pto_flow_scope_begin, pto_flow_scope_end - bracket the life of buffers
 *
 * Scopes nest, to a depth of 64 with the outermost, which is open from the start.
 * They hold buffers, not tasks. Those from depth 4 on share a heap, and a buffer is free when all
 * are that were made in it before. Errors: -EOVERFLOW (too deep), -EINVAL (none is open).
 */
PTO_API int pto_flow_scope_begin(struct pto_flow *flow);
PTO_API int pto_flow_scope_end(struct pto_flow *flow);

/** pto_flow_cancel - end the launch soon */
PTO_API void pto_flow_cancel(struct pto_flow *flow);

/**
 * struct pto_flow_stat - what a flow has needed so far
 * @size:	sizeof(struct pto_flow_stat), set by the caller
 * @dep_peak:	the most blocks of edges in use
 * @tasks:	tasks submitted
 * @waits:	how often a submitter had to wait
 * @window_peak: the most tasks that were not known to be complete
 * @heap_peak:	by depth of scope, 1 to 4 and more: the most bytes of a heap in use
 * @scope_peak:	the most of these that open scopes held: what the heap must have
 */
struct pto_flow_stat {
	uint32_t size;
	uint32_t dep_peak;
	uint64_t tasks;
	uint64_t waits;
	uint32_t window_peak;
	uint32_t reserved;
	uint64_t heap_peak[4];
	uint64_t scope_peak[4];
};

/** pto_flow_stat - fill in @stat; -EINVAL if its size is wrong. From any thread */
PTO_API int pto_flow_stat(struct pto_flow *flow, struct pto_flow_stat *stat);

/**
 * pto_flow_finish - no more tasks; gives the handle back
 *
 * All its scopes are ended. The first handle's call waits until all tasks are
 * complete, and returns what pto_graph_launch() would; -EL2NSYNC when all have run.
 * Errors of its own: -EBUSY (forked flows are not finished; the handle stays).
 */
PTO_API int pto_flow_finish(struct pto_flow *flow);

/**
 * struct pto_profile_task - one task of a profiled launch; times are ns of
 * CLOCK_MONOTONIC
 * @dispatch:	handed to the core
 * @start, @end: kernel entered and left
 * @finish:	completion seen by the scheduler
 * @accepted, @done: on a device of the driver: taken by it, and seen by it to be
 *		done; else 0
 */
struct pto_profile_task {
	uint32_t task_id;
	int32_t func_id;
	uint16_t core_id;
	uint16_t core;
	uint32_t thread;
	uint64_t dispatch;
	uint64_t start;
	uint64_t end;
	uint64_t finish;
	uint64_t accepted;
	uint64_t done;
};

/**
 * pto_profile_read - the records of the graph's last profiled launch
 * @tasks: array for @count records, or NULL to ask how many there are
 *
 * Returns the number of records there are. Errors: -ENODATA (not profiled),
 * -EBUSY (being launched).
 */
PTO_API int pto_profile_read(struct pto_graph *graph, struct pto_profile_task *tasks, int count);

/**
 * pto_profile_write - write the last profiled launch, also a flow's, as swim_time.json
 * @path: the file, replaced atomically
 *
 * Errors: -ENODATA (not profiled), -EBUSY (being launched), or errno of the file's.
 */
PTO_API int pto_profile_write(struct pto_graph *graph, const char *path);

#ifdef __cplusplus
}
#endif

#endif
