/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Orchestrations in plain C. An orchestration is a shared object with a
 * function that builds the task graph of a call:
 *
 *	#include <pto/orch.h>
 *
 *	int build(struct pto_orch *o, uint64_t *args, int nargs)
 *	{
 *		void *x = pto_orch_malloc(o, args[1]);
 *		uint64_t a[] = { (uint64_t)x, args[1] };
 *
 *		pto_orch_copy_in(o, x, (void *)args[0], args[1]);
 *		pto_orch_record(o, (void *)args[0], x, args[1]);
 *		int t0 = pto_orch_task(o, 0, PTO_ORCH_AIV, a, 2);
 *		int t1 = pto_orch_task(o, 1, PTO_ORCH_AIC, a, 2);
 *		pto_orch_edge(o, t0, t1);
 *		return 0;
 *	}
 *
 * One that exports aicpu_orchestration_entry() runs on the device instead: in each
 * launch, on threads beside the scheduler's, while the graph runs. Its arguments that
 * are pointers are device memory, which is copied in before and out afterwards as their
 * types say. It says what tasks read and write; all that is bounded is as for flows in
 * <pto/pto.h>, and it runs inside an outer scope, which is none of the 64 that nest:
 *
 *	void aicpu_orchestration_entry(struct pto_orch *o, uint64_t *args, int nargs,
 *				       int threads, int index)
 *	{
 *		uint32_t n[] = { args[1] };
 *		struct pto_tensor x;
 *		struct pto_access a[] = { { &x, PTO_INOUT } };
 *		struct pto_task t = { .size = sizeof(t), .kernels = { -1, 0, -1 },
 *				      .naccesses = 1, .accesses = a };
 *
 *		o->table->tensor_init(&x, (void *)args[0], n, 1, PTO_FLOAT32);
 *		pto_orch_submit(o, &t);
 *	}
 *
 * It may also export `struct { int expected_arg_count; }
 * aicpu_orchestration_config(uint64_t *args, int nargs)`: the least number of arguments.
 *
 * It has no undefined symbol of the runtime's: each call goes through a
 * table that the first argument leads to. Errors stick: after the first
 * failed call init_runtime() fails with that call's text, so a return value
 * needs a look only where the orchestration goes on with it.
 */
#ifndef PTO_ORCH_H
#define PTO_ORCH_H

#include <stddef.h>
#include <stdint.h>

#include "task.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PTO_ORCH_ABI	1

#define PTO_ORCH_AIC	0
#define PTO_ORCH_AIV	1

/* Severities of pto_orch_log(). */
#define PTO_ORCH_ERROR	0
#define PTO_ORCH_WARN	1
#define PTO_ORCH_INFO	2
#define PTO_ORCH_DEBUG	3

struct pto_orch;

/**
 * struct pto_orch_table - what an orchestration may call
 * @abi:	PTO_ORCH_ABI; entries are only ever appended
 * @size:	sizeof(struct pto_orch_table) of the runtime
 */
struct pto_orch_table {
	uint32_t abi;
	uint32_t size;
	int (*add_task)(struct pto_orch *o, int func_id, int core, const uint64_t *args, int nargs);
	int (*add_edge)(struct pto_orch *o, int from, int to);
	int (*task_count)(struct pto_orch *o);
	void *(*dev_malloc)(struct pto_orch *o, size_t size);
	void (*dev_free)(struct pto_orch *o, void *dev);
	int (*copy_to)(struct pto_orch *o, void *dev, const void *host, size_t size);
	int (*copy_from)(struct pto_orch *o, void *host, const void *dev, size_t size);
	void (*record)(struct pto_orch *o, void *host, void *dev, size_t size);
	void (*log)(struct pto_orch *o, int severity, const char *text);
	int (*tensor_init)(struct pto_tensor *out, void *addr, const uint32_t *shapes,
			   uint32_t ndims, enum pto_dtype dtype);
	int (*tensor_view)(const struct pto_tensor *t, const uint32_t *shapes,
			   const uint32_t *offsets, struct pto_tensor *out);
	int (*tensor_reshape)(const struct pto_tensor *t, const uint32_t *shapes, uint32_t ndims,
			      struct pto_tensor *out);
	int (*tensor_transpose)(const struct pto_tensor *t, uint32_t x, uint32_t y,
				struct pto_tensor *out);
	int64_t (*submit)(struct pto_orch *o, const struct pto_task *task);
	int64_t (*submit_raw)(struct pto_orch *o, const struct pto_task *task);
	int64_t (*submit_held)(struct pto_orch *o, const struct pto_task *task);
	int (*add_flow_edge)(struct pto_orch *o, int64_t from, int64_t to);
	int (*scope_begin)(struct pto_orch *o);
	int (*scope_end)(struct pto_orch *o);
	int (*error)(struct pto_orch *o, int err, const char *text);
	int (*pred_count)(struct pto_orch *o, int task);
};

/** struct pto_orch - the runtime's handle, as an orchestration sees it */
struct pto_orch {
	const struct pto_orch_table *table;
};

/* In init_runtime() so many pointers to the handle lie behind it: compat/ makes objects of them. */
#define PTO_ORCH_HOST_CALLS	4

/*
 * Tasks and edges that are given, and memory that is asked for, are for init_runtime(): in
 * an orchestration that runs on the device pto_orch_task(), _edge(), _malloc(), _free() and
 * _record() fail with -EPERM, and so does the launch.
 */

/** pto_orch_task - add a task; returns its id or -errno */
static inline int pto_orch_task(struct pto_orch *o, int func_id, int core,
				const uint64_t *args, int nargs)
{
	return o->table->add_task(o, func_id, core, args, nargs);
}

/** pto_orch_edge - task @to runs after task @from; 0 or -errno */
static inline int pto_orch_edge(struct pto_orch *o, int from, int to)
{
	return o->table->add_edge(o, from, to);
}

/** pto_orch_task_count - number of tasks added so far */
static inline int pto_orch_task_count(struct pto_orch *o)
{
	return o->table->task_count(o);
}

/** pto_orch_malloc - device memory, freed with the runtime; NULL when there is none */
static inline void *pto_orch_malloc(struct pto_orch *o, size_t size)
{
	return o->table->dev_malloc(o, size);
}

/** pto_orch_free - free device memory early */
static inline void pto_orch_free(struct pto_orch *o, void *dev)
{
	o->table->dev_free(o, dev);
}

/** pto_orch_copy_in - copy @size bytes of the host's to the device; 0 or -errno */
static inline int pto_orch_copy_in(struct pto_orch *o, void *dev, const void *host, size_t size)
{
	return o->table->copy_to(o, dev, host, size);
}

/** pto_orch_copy_out - copy @size bytes of the device's to the host; 0 or -errno */
static inline int pto_orch_copy_out(struct pto_orch *o, void *host, const void *dev, size_t size)
{
	return o->table->copy_from(o, host, dev, size);
}

/** pto_orch_record - copy @dev back to @host when the runtime is finalized */
static inline void pto_orch_record(struct pto_orch *o, void *host, void *dev, size_t size)
{
	o->table->record(o, host, dev, size);
}

/** pto_orch_submit - as pto_graph_submit(), and on the device as pto_flow_submit() */
static inline int64_t pto_orch_submit(struct pto_orch *o, const struct pto_task *task)
{
	return o->table->submit(o, task);
}

/**
 * pto_orch_scope_begin, pto_orch_scope_end - on the device, as pto_flow_scope_begin()
 *
 * In init_runtime() they do nothing: buffers live as long as the runtime.
 */
static inline int pto_orch_scope_begin(struct pto_orch *o)
{
	return o->table->scope_begin(o);
}

static inline int pto_orch_scope_end(struct pto_orch *o)
{
	return o->table->scope_end(o);
}

/** pto_orch_fail - end the orchestration, and the launch, as failed with @err, a negative errno */
static inline void pto_orch_fail(struct pto_orch *o, int err, const char *text)
{
	o->table->error(o, err, text);
}

/** pto_orch_failed - the errno of the first call that failed, or 0 */
static inline int pto_orch_failed(struct pto_orch *o)
{
	return o->table->error(o, 0, "");
}

/** pto_orch_log - a line in the runtime's log */
static inline void pto_orch_log(struct pto_orch *o, int severity, const char *text)
{
	o->table->log(o, severity, text);
}

#ifdef __cplusplus
}
#endif

#endif
