// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Tasks that say what they read and write: their edges are found, not given. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "device/device.h"
#include "device/memory.h"
#include "graph/submit.h"

#define LANES	((const char *const[]){ "AIC", "AIV0", "AIV1" })
#define TASK_FLAGS	(PTO_TASK_NO_DEPS | PTO_TASK_RAW_ONLY | PTO_TASK_HELD)
#define ID(id)	((unsigned long long)(id))

int graph_deps_lost(void)
{
	return fail(-ENOMEM, "there was no memory for a dependency of an earlier task: destroy the graph");
}

void graph_free_submitted(struct pto_graph *g)
{
	depmap_free(g->deps);
	free(g->preds.task);
	while (g->nbuffers)
		mem_free(g->dev->mem, g->buffers[--g->nbuffers]);
	free(g->buffers);
}

/* ---- what a caller may get wrong ---------------------------------------- */

int submit_lane(const struct pto_graph *g, const struct pto_task *t, uint64_t id, int *func_id)
{
	int lane, used = -1;

	for (lane = 0; lane < PTO_LANES; lane++) {
		int f = t->kernels[lane];

		if (f == PTO_NO_KERNEL)
			continue;
		if ((unsigned int)f >= g->nkernels || !g->kernels[f])
			return fail(-ENOENT, "task %llu: func_id %d (%s) has no kernel", ID(id), f,
				    LANES[lane]);
		if (used >= 0)
			return fail(-EOPNOTSUPP, "task %llu: kernels for %s and %s; tasks of more than one core are not supported yet",
				    ID(id), LANES[used], LANES[lane]);
		used = lane;
		*func_id = f;
	}
	if (used < 0)
		return fail(-EINVAL, "task %llu has no kernel for any lane", ID(id));
	/* Which of a block's AIVs runs it makes no difference. */
	return min(used, PTO_LANE_AIV0);
}

static int check_access(const struct pto_access *a)
{
	const struct pto_tensor *t = a->tensor;
	int ret = tensor_check(t);

	if (ret)
		return ret;
	if (a->dir > PTO_INOUT)
		return fail(-EINVAL, "direction %u is none", a->dir);
	if (t->addr)
		return 0;
	if (a->dir != PTO_OUT)
		return fail(-EINVAL, "it is read, and has no address: no task has written it");
	if (!t->is_raw_eq_shapes || t->base)
		return fail(-EINVAL, "a part of a tensor that has no address yet: write the whole first");
	return 0;
}

int submit_check(const struct pto_task *t, uint64_t id)
{
	if (t->size != sizeof(*t))
		return fail(-EINVAL, "pto_task: size is %u, not %zu", t->size, sizeof(*t));
	if (t->flags & ~TASK_FLAGS)
		return fail(-EINVAL, "unknown task flags %#x", t->flags & ~TASK_FLAGS);
	if ((uint64_t)t->naccesses + t->nscalars > PTO_MAX_ARGS)
		return fail(-EINVAL, "task %llu: %u tensors and %u scalars; %d arguments are the most",
			    ID(id), t->naccesses, t->nscalars, PTO_MAX_ARGS);
	if ((t->naccesses && !t->accesses) || (t->nscalars && !t->scalars))
		return fail(-EINVAL, "task %llu: %s is NULL", ID(id),
			    t->naccesses && !t->accesses ? "accesses" : "scalars");
	return 0;
}

int submit_check_tensors(const struct pto_task *t, uint64_t id)
{
	uint32_t i;
	int ret;

	for (i = 0; i < t->naccesses; i++) {
		ret = check_access(&t->accesses[i]);
		if (ret) {
			fail_prefix("task %llu, tensor %u", ID(id), i);
			return ret;
		}
	}
	return 0;
}

/* ---- arguments ---------------------------------------------------------- */

static int allocate(struct pto_graph *g, struct pto_tensor *t)
{
	void **grown, *ptr;
	int ret;

	/* Powers of two: the array grows when it is full. */
	if (!(g->nbuffers & (g->nbuffers - 1))) {
		grown = realloc(g->buffers, max(2 * g->nbuffers, 1u) * sizeof(*grown));
		if (!grown)
			return fail(-ENOMEM, "no memory to note a buffer");
		g->buffers = grown;
	}
	ret = mem_alloc(g->dev->mem, t->size, &ptr);
	if (ret)
		return ret;
	g->buffers[g->nbuffers++] = ptr;
	t->addr = (uintptr_t)ptr;
	return 0;
}

static int allocate_outputs(struct pto_graph *g, const struct pto_task *t)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < t->naccesses && !ret; i++)
		if (!t->accesses[i].tensor->addr)
			ret = allocate(g, t->accesses[i].tensor);
	return ret;
}

void submit_fill_args(const struct pto_task *t, void *at, struct pto_desc *desc)
{
	uint32_t i, n = t->naccesses;
	struct pto_tensor *copy = at;
	uint64_t *args = (uint64_t *)(copy + n);

	for (i = 0; i < n; i++) {
		copy[i] = *t->accesses[i].tensor;
		args[i] = (uintptr_t)&copy[i];
	}
	if (t->nscalars)
		memcpy(args + n, t->scalars, t->nscalars * sizeof(*args));
	desc->launch.args = (uintptr_t)args;
	desc->launch.nargs = n + t->nscalars;
}

static int fill_args(struct pto_graph *g, const struct pto_task *t, struct pto_desc *desc)
{
	size_t size = submit_args_size(t);
	void *at;

	if (!size)
		return 0;
	at = graph_args(g, size, t->naccesses ? CACHE_LINE : sizeof(uint64_t));
	if (!at)
		return -ENOMEM;
	submit_fill_args(t, at, desc);
	return 0;
}

/* ---- dependencies ------------------------------------------------------- */

int submit_infer(const struct pto_task *t, uint32_t id, struct depmap *deps,
		 struct depmap_preds *preds)
{
	enum depmap_rule rule = t->flags & PTO_TASK_RAW_ONLY ? DEPMAP_RAW : DEPMAP_FULL;
	struct region r;
	uint32_t i;
	int ret = 0;

	preds->count = 0;
	if (t->flags & PTO_TASK_NO_DEPS)
		return 0;
	for (i = 0; i < t->naccesses && !ret; i++) {
		if (t->accesses[i].tensor->manual_dep)
			continue;
		region_of(t->accesses[i].tensor, &r);
		ret = depmap_access(deps, &r, t->accesses[i].dir, rule, id, preds);
	}
	return ret;
}

static int add_edges(struct pto_graph *g, const struct pto_task *t, uint32_t id)
{
	uint32_t i;
	int ret;

	if (!g->deps)
		g->deps = depmap_new();
	if (!g->deps)
		return -ENOMEM;
	ret = submit_infer(t, id, g->deps, &g->preds);
	for (i = 0; i < g->preds.count && !ret; i++)
		ret = graph_link(g, g->preds.task[i], id);
	return ret;
}

int64_t pto_graph_submit(struct pto_graph *g, const struct pto_task *t)
{
	int func_id = 0, lane, ret;
	int64_t id;

	if (!g || !t)
		return fail(-EINVAL, "pto_graph_submit: NULL argument");
	if (atomic_load_explicit(&g->launched, memory_order_relaxed))
		return fail(-EBUSY, "the graph is being launched");
	if (g->deps_lost)
		return graph_deps_lost();
	ret = submit_check(t, g->ntasks) ?: submit_check_tensors(t, g->ntasks);
	if (ret)
		return ret;
	lane = submit_lane(g, t, g->ntasks, &func_id);
	if (lane < 0)
		return lane;
	id = graph_next(g);
	if (id < 0)
		return id;
	ret = allocate_outputs(g, t) ?: fill_args(g, t, graph_fill(g, func_id, lane));
	if (ret)
		return ret;
	graph_commit(g);
	ret = add_edges(g, t, id);
	if (ret) {
		g->deps_lost = true;
		return ret;
	}
	return id;
}
