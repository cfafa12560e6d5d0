/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * libpto_runtime.so: run an orchestration's task graph, for callers that know
 * nothing but bytes and integers (Python's ctypes).
 *
 *	set_device(0);
 *	rt = calloc(1, get_runtime_size());
 *	init_runtime(rt, orchestration...);	the orchestration builds the graph
 *	launch_runtime(rt, ...);		any number of times
 *	finalize_runtime(rt);			copies results back, frees
 *
 * Functions that return int return 0 or a negative errno; those that return
 * nothing or a pointer leave a text. pto_last_error() has the calling thread's
 * last text either way. All may be called from any thread. The current device
 * is the process's.
 *
 * The handle is memory of the caller's: get_runtime_size() bytes, zeroed,
 * aligned to 8. It is written only inside calls that are given it. It may be
 * freed without finalize_runtime(): the runtime is then kept until a buffer
 * at the same address is initialised, or the process ends.
 *
 * In a child of fork() the parent's device and runtimes answer -EPERM. The
 * child may call set_device() and work with runtimes of its own.
 *
 * More than one copy of this library may be loaded: they share nothing. Nor does libpto with
 * it: where a program links both, pto_last_error() is that of the one it names first.
 */
#ifndef PTO_RUNTIME_H
#define PTO_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include <pto/pto.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- device and memory ----------------------------------------------- */

/**
 * set_device - open a device and make it the current one
 * @device_id: 0 to 15
 *
 * That is the driver's /dev/pto/ptoN if there is one, and else the embedded device
 * N; PTO_DEVICE=embedded or PTO_DEVICE=pto0 says of which kind devices must be. The log says
 * at level info which one it is.
 *
 * The current device again: nothing to do, unless it was reset or unplugged; then it is
 * opened anew. Devices stay open, with their memory, until the process ends.
 * Errors: -EINVAL (no such device), -EBUSY (another device, or a dead one, while runtimes
 * live), -ENOMEM, and those of pto_device_open().
 */
PTO_API int set_device(int device_id);

/** device_malloc - memory of the current device; NULL with a text on failure */
PTO_API void *device_malloc(size_t size);

/** device_free - free memory by the start of its allocation; NULL is allowed */
PTO_API void device_free(void *dev_ptr);

/**
 * copy_to_device, copy_from_device - copy @size bytes
 *
 * The device side is any range inside one live allocation. Errors: -EINVAL
 * (NULL, or not such a range), -ENODEV (no current device).
 */
PTO_API int copy_to_device(void *dev_ptr, const void *host_ptr, size_t size);
PTO_API int copy_from_device(void *host_ptr, const void *dev_ptr, size_t size);

/* ---- runtimes -------------------------------------------------------- */

/** get_runtime_size - bytes of a handle */
PTO_API size_t get_runtime_size(void);

/**
 * enable_runtime_profiling - record times of tasks
 * @enabled: 0 or 1
 *
 * Before init_runtime(), or between launches. finalize_runtime() writes the
 * last launch's times as swim_time.json to $PTO_OUTPUT_DIR or the current
 * directory. Errors: -EINVAL (NULL or misaligned handle), -EBUSY (in use).
 */
PTO_API int enable_runtime_profiling(void *runtime, int enabled);

/**
 * init_runtime - load kernels and an orchestration, and let it build the graph
 * @runtime:	handle
 * @orch_so, @orch_so_size: orchestration, an ELF shared object
 * @orch_func_name: its function, see <pto/orch.h>; it runs on this thread
 * @func_args, @func_args_count: what the function is called with
 * @arg_types, @arg_sizes: kind and bytes of each argument, for an orchestration that
 *		runs on the device: 0 a value, 1 a pointer to what is copied in, 2
 *		to what is copied back by finalize_runtime(), 3 both. It gets device
 *		memory instead. One that stages its own memory needs neither
 * @kernel_func_ids, @kernel_binaries, @kernel_sizes, @kernel_count: kernels
 *
 * All that is given is copied. On failure everything is undone, and @runtime
 * may be initialised again or freed. An initialised handle that was freed and
 * comes back zeroed is a new one: the old runtime is discarded.
 *
 * Errors: -EINVAL (an argument; the text says which), -ENODEV (no current
 * device), -EBUSY (@runtime is initialised), -ENOEXEC (an image that can not
 * be loaded), -ENOENT (no such function, or a kernel without entry, or a task
 * of an unknown func_id), -EEXIST (a func_id given twice), -ENOMEM, -EAGAIN (no
 * timer for it), -ETIMEDOUT (it took longer than $PTO_ORCH_TIMEOUT_MS), -EDEADLK (called
 * from a kernel or an orchestration), -EPERM (the device was opened before fork()),
 * -EIO (it crashed, or returned -1 or what is no errno), or the negative errno that it
 * returned.
 */
PTO_API int init_runtime(void *runtime, const uint8_t *orch_so, size_t orch_so_size,
			 const char *orch_func_name, const uint64_t *func_args,
			 int func_args_count, const int *arg_types, const uint64_t *arg_sizes,
			 const int *kernel_func_ids, const uint8_t *const *kernel_binaries,
			 const size_t *kernel_sizes, int kernel_count);

/**
 * launch_runtime - run all tasks of the graph, and wait
 * @runtime:	handle
 * @aicpu_thread_num: scheduler threads, 1 to 64
 * @block_dim:	blocks to use, 1 to as many as the device has, 24 at the most
 * @device_id:	the current device
 * @aicpu, @aicpu_size: AICPU program; 0 bytes: the built-in one
 * @aicore, @aicore_size: AICore program; 0 bytes: the built-in one
 * @orch_thread_num: 0 to @aicpu_thread_num: how many of these run an
 *		orchestration that runs on the device; 0 is 1. With PTO2_ORCH_TO_SCHED=1 they
 *		schedule, too, once they are through. Means nothing to a graph that
 *		init_runtime() has built
 *
 * A further launch finds device memory as the last one has left it. After a
 * launch that failed with other than -EBUSY only finalize_runtime() is legal.
 * Errors: -EINVAL (an argument; not initialised), -EBUSY (in use), -EBADFD (a launch
 * failed before), all of pto_graph_launch(), and of an orchestration that runs on the
 * device what failed in it, as pto_flow_submit() says. -ETIMEDOUT and -EIO may also tell
 * of that orchestration, which has $PTO_ORCH_TIMEOUT_MS of CPU time, and of time without
 * a call.
 */
PTO_API int launch_runtime(void *runtime, int aicpu_thread_num, int block_dim, int device_id,
			   const uint8_t *aicpu, size_t aicpu_size,
			   const uint8_t *aicore, size_t aicore_size, int orch_thread_num);

/**
 * finalize_runtime - copy recorded tensors back, free everything, write the profile
 *
 * The handle is afterwards as before init_runtime(). After a failed launch
 * nothing is copied or written, and 0 is returned. Errors: -EINVAL (not
 * initialised, or finalized before), -EBUSY (in use); or the first error of
 * copying back or of writing, after everything has been freed.
 */
PTO_API int finalize_runtime(void *runtime);

/**
 * record_tensor_pair - have finalize_runtime() copy device memory back, and free it
 * @host_ptr:	where to; NULL: only free
 * @dev_ptr:	a range of @size bytes inside one allocation, which is freed if
 *		@dev_ptr is its start
 */
PTO_API void record_tensor_pair(void *runtime, void *host_ptr, void *dev_ptr, size_t size);

/* ---- launches that can be ended -------------------------------------- */

/**
 * pto_runtime_launch_async - launch_runtime() that returns at once
 *
 * What is wrong with the arguments is returned here. Otherwise the runtime is
 * in use until pto_runtime_wait() has returned other than -EINPROGRESS.
 */
PTO_API int pto_runtime_launch_async(void *runtime, int aicpu_thread_num, int block_dim,
				     int device_id, const uint8_t *aicpu, size_t aicpu_size,
				     const uint8_t *aicore, size_t aicore_size,
				     int orch_thread_num);

/**
 * pto_runtime_wait - wait for the end of an asynchronous launch
 * @timeout_ms: 0: only look; must not be negative
 *
 * Returns what launch_runtime() would, or -EINPROGRESS while the launch still
 * runs: @timeout_ms have passed, or a signal has come. Errors of its own:
 * -EINVAL (no asynchronous launch, negative time), -EBUSY (another thread is
 * waiting).
 */
PTO_API int pto_runtime_wait(void *runtime, int timeout_ms);

/**
 * pto_runtime_cancel - end an asynchronous launch soon
 *
 * pto_runtime_wait() then returns -ECANCELED, unless the launch had ended
 * before. Errors: -EINVAL (no asynchronous launch).
 */
PTO_API int pto_runtime_cancel(void *runtime);

/* ---- toolchains ------------------------------------------------------ */

/** enum pto_toolchain - what compiles for the current device */
enum pto_toolchain {
	PTO_TOOLCHAIN_CCEC = 0,		/* the NPU's own compiler */
	PTO_TOOLCHAIN_HOST_GXX_15 = 1,	/* $PTO_CXX, else g++-15, else g++ */
	PTO_TOOLCHAIN_HOST_GXX = 2,	/* the host's g++ */
	PTO_TOOLCHAIN_AARCH64_GXX = 3,	/* a cross compiler */
};

/** get_incore_compiler - enum pto_toolchain for kernels */
PTO_API int get_incore_compiler(void);

/** get_orchestration_compiler - enum pto_toolchain for orchestrations */
PTO_API int get_orchestration_compiler(void);

#ifdef __cplusplus
}
#endif

#endif
