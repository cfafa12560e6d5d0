// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The thirteen functions, and those that can end a launch. */
#include <pto/runtime.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pto_queue.h>

#include "base/error.h"
#include "base/util.h"
#include "device/device.h"
#include "orch/device.h"
#include "runtime/env.h"
#include "runtime/registry.h"

#define MAX_AICPU_THREADS	64
#define PROFILE_NAME		"swim_time.json"

_Static_assert(sizeof(struct orch_handle) < 4096, "handles are small");

/** struct init - the arguments of init_runtime() */
struct init {
	const uint8_t *orch_so;
	size_t orch_so_size;
	const char *func;
	const uint64_t *args;
	int nargs;
	const int *arg_types;
	const uint64_t *arg_sizes;
	const int *func_ids;
	const uint8_t *const *binaries;
	const size_t *sizes;
	int nkernels;
};

/** struct launch - the arguments of launch_runtime() */
struct launch {
	int aicpu_threads;
	int block_dim;
	int device_id;
	const uint8_t *aicpu;
	size_t aicpu_size;
	const uint8_t *aicore;
	size_t aicore_size;
	int orch_threads;
};

int set_device(int device_id)
{
	return registry_set_device(device_id);
}

void *device_malloc(size_t size)
{
	void *ptr = NULL;
	int err;
	struct pto_device *dev = registry_device(&err);

	return dev && !pto_mem_alloc(dev, size, &ptr) ? ptr : NULL;
}

void device_free(void *dev_ptr)
{
	int err;
	struct pto_device *dev = registry_device(&err);

	if (dev)
		pto_mem_free(dev, dev_ptr);
}

int copy_to_device(void *dev_ptr, const void *host_ptr, size_t size)
{
	int err;
	struct pto_device *dev = registry_device(&err);

	return dev ? pto_mem_write(dev, dev_ptr, host_ptr, size) : err;
}

int copy_from_device(void *host_ptr, const void *dev_ptr, size_t size)
{
	int err;
	struct pto_device *dev = registry_device(&err);

	return dev ? pto_mem_read(dev, host_ptr, dev_ptr, size) : err;
}

size_t get_runtime_size(void)
{
	return sizeof(struct orch_handle);
}

int enable_runtime_profiling(void *runtime, int enabled)
{
	return registry_set_profiling(runtime, enabled);
}

/* Free a runtime that nobody can find any more. */
static void destroy(struct runtime *rt)
{
	pto_launch_cancel(rt->launch);
	while (rt->launch && pto_launch_wait(rt->launch, INT_MAX) == -EINPROGRESS)
		;
	device_orch_end(&rt->orch, 0);
	pto_launch_free(rt->launch);
	orch_release(&rt->orch);
	free(rt->args);
	free(rt);
}

static int check_init(const struct init *in)
{
	if (!in->orch_so || !in->orch_so_size)
		return fail(-EINVAL, "init: no orchestration given");
	if (in->nargs < 0)
		return fail(-EINVAL, "init: func_args_count is %d", in->nargs);
	if (in->nargs && !in->args)
		return fail(-EINVAL, "init: func_args is NULL, func_args_count %d", in->nargs);
	if (in->nkernels < 0)
		return fail(-EINVAL, "init: kernel_count is %d", in->nkernels);
	if (in->nkernels && (!in->func_ids || !in->binaries || !in->sizes))
		return fail(-EINVAL, "init: %s is NULL, kernel_count %d",
			    !in->func_ids ? "kernel_func_ids" :
			    !in->binaries ? "kernel_binaries" : "kernel_sizes", in->nkernels);
	return 0;
}

static int load_kernel(struct runtime *rt, int func_id, const uint8_t *binary, size_t size)
{
	struct pto_program *prog;
	int rc = pto_program_load(rt->dev, binary, size, &prog);

	if (!rc) {
		rc = pto_graph_set_kernel(rt->orch.graph, func_id, prog);
		pto_program_unload(prog);
	}
	if (rc)
		fail_prefix("kernel func_id %d", func_id);
	return rc;
}

/* What fails here leaves behind what destroy() frees. */
static int build(struct runtime *rt, const struct init *in)
{
	struct orch_args args = {
		.count = in->nargs, .types = in->arg_types, .sizes = in->arg_sizes,
	};
	int rc;

	rt->orch.staging.dev = rt->dev;
	rc = pto_graph_create(rt->dev, &rt->orch.graph);
	if (rc)
		return rc;
	for (int i = 0; i < in->nkernels; i++) {
		rc = load_kernel(rt, in->func_ids[i], in->binaries[i], in->sizes[i]);
		if (rc)
			return rc;
	}
	rt->args = calloc(max(in->nargs, 1), sizeof(*rt->args));
	if (!rt->args)
		return fail(-ENOMEM, "init: no memory for %d arguments", in->nargs);
	if (in->nargs)
		memcpy(rt->args, in->args, in->nargs * sizeof(*rt->args));
	args.values = rt->args;
	return orch_run(rt->handle, in->orch_so, in->orch_so_size, in->func, &args);
}

static int init(struct orch_handle *h, const struct init *in)
{
	struct runtime *rt = calloc(1, sizeof(*rt)), *stale;
	int rc;

	if (!rt)
		return fail(-ENOMEM, "init: no memory for a runtime");
	rc = registry_add(h, rt, &stale);
	if (stale)
		destroy(stale);
	if (rc) {
		free(rt);
		return rc;
	}
	rc = env_read(&rt->orch) ?: build(rt, in);
	if (rc) {
		registry_remove(rt);
		destroy(rt);
		return rc;
	}
	registry_give(rt, RUNTIME_READY);
	return 0;
}

int init_runtime(void *runtime, const uint8_t *orch_so, size_t orch_so_size,
		 const char *orch_func_name, const uint64_t *func_args, int func_args_count,
		 const int *arg_types, const uint64_t *arg_sizes, const int *kernel_func_ids,
		 const uint8_t *const *kernel_binaries, const size_t *kernel_sizes,
		 int kernel_count)
{
	struct init in = {
		.orch_so = orch_so,
		.orch_so_size = orch_so_size,
		.func = orch_func_name,
		.args = func_args,
		.nargs = func_args_count,
		.arg_types = arg_types,
		.arg_sizes = arg_sizes,
		.func_ids = kernel_func_ids,
		.binaries = kernel_binaries,
		.sizes = kernel_sizes,
		.nkernels = kernel_count,
	};
	int rc = check_init(&in);

	return rc ? rc : init(runtime, &in);
}

static int check_launch(const struct runtime *rt, const struct launch *l)
{
	if (l->device_id != rt->dev->index)
		return fail(-EINVAL, "launch: device_id is %d, the current device is %d",
			    l->device_id, rt->dev->index);
	if (l->aicpu_threads < 1 || l->aicpu_threads > MAX_AICPU_THREADS)
		return fail(-EINVAL, "launch: aicpu_thread_num is %d, not 1 to %d",
			    l->aicpu_threads, MAX_AICPU_THREADS);
	if (l->block_dim < 1 || l->block_dim > PTO_MAX_BLOCKS)
		return fail(-EINVAL, "launch: block_dim is %d, not 1 to %d", l->block_dim,
			    PTO_MAX_BLOCKS);
	if (l->orch_threads < 0 || l->orch_threads > l->aicpu_threads)
		return fail(-EINVAL, "launch: orch_thread_num is %d, not 0 to aicpu_thread_num = %d",
			    l->orch_threads, l->aicpu_threads);
	if (l->aicpu_size && !l->aicpu)
		return fail(-EINVAL, "launch: AICPU program is NULL, its size %zu", l->aicpu_size);
	if (l->aicore_size && !l->aicore)
		return fail(-EINVAL, "launch: AICore program is NULL, its size %zu",
			    l->aicore_size);
	return 0;
}

/* Wait for the end of rt->launch, if it comes in time, and free it. */
static int end_launch(struct runtime *rt, int timeout_ms)
{
	int rc = device_orch_wait(&rt->orch, rt->launch, timeout_ms);

	if (rc == -EINPROGRESS)
		return rc;
	registry_give(rt, RUNTIME_CHANGING);
	rc = device_orch_end(&rt->orch, rc);
	pto_launch_free(rt->launch);
	rt->launch = NULL;
	return rc;
}

/* What runs on the device is always waited for beside it. */
static int launch_on_device(struct runtime *rt, struct pto_launch_opts *opts, int threads, bool async)
{
	int rc = device_orch_start(&rt->orch, opts, threads, &rt->launch);

	if (rc || async)
		return rc;
	do
		rc = end_launch(rt, INT_MAX);
	while (rc == -EINPROGRESS);
	return rc;
}

/* Launch a runtime that is taken. */
static int launch_taken(struct runtime *rt, const struct launch *l, bool async)
{
	struct pto_launch_opts opts = {
		.size = sizeof(opts),
		.flags = rt->handle->profiling == ORCH_MAGIC ? PTO_LAUNCH_PROFILE : 0,
		.block_dim = l->block_dim,
		.aicpu_threads = l->aicpu_threads,
		.aicpu = l->aicpu,
		.aicpu_size = l->aicpu_size,
		.aicore = l->aicore,
		.aicore_size = l->aicore_size,
	};
	int rc = check_launch(rt, l);

	if (rc)
		return rc;
	rt->profiled = opts.flags & PTO_LAUNCH_PROFILE;
	if (rt->orch.entry)
		return launch_on_device(rt, &opts, l->orch_threads, async);
	return async ? pto_graph_launch_async(rt->orch.graph, &opts, &rt->launch) :
		       pto_graph_launch(rt->orch.graph, &opts);
}

static int launch(void *runtime, const struct launch *l, bool async)
{
	struct runtime *rt;
	int rc = registry_take(runtime, RUNTIME_READY, RUNTIME_LAUNCHING, &rt);

	if (rc)
		return rc;
	rc = launch_taken(rt, l, async);
	registry_give(rt, rc ? RUNTIME_FAILED : async ? RUNTIME_ASYNC : RUNTIME_READY);
	return rc;
}

int launch_runtime(void *runtime, int aicpu_thread_num, int block_dim, int device_id,
		   const uint8_t *aicpu, size_t aicpu_size, const uint8_t *aicore,
		   size_t aicore_size, int orch_thread_num)
{
	const struct launch l = { aicpu_thread_num, block_dim, device_id, aicpu, aicpu_size,
				  aicore, aicore_size, orch_thread_num };

	return launch(runtime, &l, false);
}

int pto_runtime_launch_async(void *runtime, int aicpu_thread_num, int block_dim, int device_id,
			     const uint8_t *aicpu, size_t aicpu_size, const uint8_t *aicore,
			     size_t aicore_size, int orch_thread_num)
{
	const struct launch l = { aicpu_thread_num, block_dim, device_id, aicpu, aicpu_size,
				  aicore, aicore_size, orch_thread_num };

	return launch(runtime, &l, true);
}

int pto_runtime_wait(void *runtime, int timeout_ms)
{
	struct runtime *rt;
	int rc;

	if (timeout_ms < 0)
		return fail(-EINVAL, "wait: timeout_ms is %d", timeout_ms);
	rc = registry_take(runtime, RUNTIME_ASYNC, RUNTIME_WAITING, &rt);
	if (rc)
		return rc;
	rc = end_launch(rt, timeout_ms);
	registry_give(rt, rc == -EINPROGRESS ? RUNTIME_ASYNC : rc ? RUNTIME_FAILED : RUNTIME_READY);
	return rc == -EINPROGRESS ? fail_set(rc, "the launch has not ended yet") : rc;
}

int pto_runtime_cancel(void *runtime)
{
	return registry_cancel(runtime);
}

static int write_profile(const struct runtime *rt)
{
	const char *dir = getenv("PTO_OUTPUT_DIR");
	char *path;
	int rc;

	if (asprintf(&path, "%s/" PROFILE_NAME, dir && *dir ? dir : ".") < 0)
		return fail(-ENOMEM, "no memory for the path of the profile");
	rc = pto_profile_write(rt->orch.graph, path);
	free(path);
	return rc;
}

int finalize_runtime(void *runtime)
{
	struct runtime *rt;
	int rc = registry_take(runtime, RUNTIME_READY | RUNTIME_FAILED, RUNTIME_CHANGING, &rt);

	if (rc)
		return rc;
	if (rt->was == RUNTIME_READY) {
		rc = staging_copy_back(&rt->orch.staging);
		if (!rc && rt->profiled)
			rc = write_profile(rt);
	}
	registry_remove(rt);
	destroy(rt);
	return rc;
}

/* An orchestration may call this too: then its runtime is in its own hands. */
void record_tensor_pair(void *runtime, void *host_ptr, void *dev_ptr, size_t size)
{
	struct orch_handle *h = runtime;
	struct runtime *rt;

	if (registry_take(h, RUNTIME_READY | RUNTIME_BUILDING, RUNTIME_CHANGING, &rt))
		return;
	if (rt->was == RUNTIME_BUILDING)
		orch_table.record(&h->orch, host_ptr, dev_ptr, size);
	else
		staging_record(&rt->orch.staging, host_ptr, dev_ptr, size);
	registry_give(rt, rt->was);
}

int get_incore_compiler(void)
{
	return PTO_TOOLCHAIN_HOST_GXX_15;
}

int get_orchestration_compiler(void)
{
	return PTO_TOOLCHAIN_HOST_GXX;
}
