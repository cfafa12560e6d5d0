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
 * It has no undefined symbol of the runtime's: each call goes through a
 * table that the first argument leads to. Errors stick: after the first
 * failed call init_runtime() fails with that call's text, so a return value
 * needs a look only where the orchestration goes on with it.
 */
#ifndef PTO_ORCH_H
#define PTO_ORCH_H

#include <stddef.h>
#include <stdint.h>

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
};

/** struct pto_orch - the runtime's handle, as an orchestration sees it */
struct pto_orch {
	const struct pto_orch_table *table;
};

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

/** pto_orch_log - a line in the runtime's log */
static inline void pto_orch_log(struct pto_orch *o, int severity, const char *text)
{
	o->table->log(o, severity, text);
}

#ifdef __cplusplus
}
#endif

#endif
