// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Tasks that say what they read and write: their edges are found, not given. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "device/device.h"
#include "device/memory.h"
#include "graph/depmap.h"
#include "graph/graph.h"

#define LANES	((const char *const[]){ "AIC", "AIV0", "AIV1" })

int graph_deps_lost(void)
{
	return fail(-ENOMEM, "there was no memory for a dependency of an earlier task: destroy the graph");
}

void graph_free_submitted(struct pto_graph *g)
{
	depmap_free(g->deps);
	while (g->nbuffers)
		mem_free(g->dev->mem, g->buffers[--g->nbuffers]);
	free(g->buffers);
}

/* ---- what a caller may get wrong ---------------------------------------- */

/* The lane that a task of one kernel runs on; which of a block's AIVs makes no difference. */
static int check_kernels(const struct pto_graph *g, const struct pto_task *t, int *func_id)
{
	int lane, used = -1;

	for (lane = 0; lane < PTO_LANES; lane++) {
		int id = t->kernels[lane];

		if (id == PTO_NO_KERNEL)
			continue;
		if ((unsigned int)id >= g->nkernels || !g->kernels[id])
			return fail(-ENOENT, "task %u: func_id %d (%s) has no kernel", g->ntasks, id,
				    LANES[lane]);
		if (used >= 0)
			return fail(-EOPNOTSUPP, "task %u: kernels for %s and %s; tasks of more than one core are not supported yet",
				    g->ntasks, LANES[used], LANES[lane]);
		used = lane;
		*func_id = id;
	}
	if (used < 0)
		return fail(-EINVAL, "task %u has no kernel for any lane", g->ntasks);
	return min(used, PTO_LANE_AIV0);
}

static int check_tensor(const struct pto_graph *g, const struct pto_task *t, uint32_t i)
{
	const struct pto_tensor *tensor = t->accesses[i].tensor;
	int ret = tensor_check(tensor);

	if (ret)
		goto named;
	if (t->accesses[i].dir > PTO_INOUT) {
		ret = fail(-EINVAL, "direction %u is none", t->accesses[i].dir);
		goto named;
	}
	if (tensor->addr)
		return 0;
	if (t->accesses[i].dir != PTO_OUT)
		ret = fail(-EINVAL, "it is read, and has no address: no task has written it");
	else if (!tensor->is_raw_eq_shapes || tensor->base)
		ret = fail(-EINVAL, "a part of a tensor that has no address yet: write the whole first");
	if (!ret)
		return 0;
named:
	fail_prefix("task %u, tensor %u", g->ntasks, i);
	return ret;
}

static int check_task(const struct pto_graph *g, const struct pto_task *t)
{
	uint32_t i;
	int ret;

	if (t->size != sizeof(*t))
		return fail(-EINVAL, "pto_task: size is %u, not %zu", t->size, sizeof(*t));
	if (t->flags & ~PTO_TASK_NO_DEPS)
		return fail(-EINVAL, "unknown task flags %#x", t->flags & ~PTO_TASK_NO_DEPS);
	if ((uint64_t)t->naccesses + t->nscalars > PTO_MAX_ARGS)
		return fail(-EINVAL, "task %u: %u tensors and %u scalars; %d arguments are the most",
			    g->ntasks, t->naccesses, t->nscalars, PTO_MAX_ARGS);
	if ((t->naccesses && !t->accesses) || (t->nscalars && !t->scalars))
		return fail(-EINVAL, "task %u: %s is NULL", g->ntasks,
			    t->naccesses && !t->accesses ? "accesses" : "scalars");
	for (i = 0; i < t->naccesses; i++) {
		ret = check_tensor(g, t, i);
		if (ret)
			return ret;
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

/* The copies of the tensors first, then what the kernel is called with. */
static int fill_args(struct pto_graph *g, const struct pto_task *t, struct pto_desc *desc)
{
	uint32_t i, n = t->naccesses, nargs = n + t->nscalars;
	struct pto_tensor *copy;
	uint64_t *args;

	if (!nargs)
		return 0;
	copy = graph_args(g, n * sizeof(*copy) + nargs * sizeof(*args), n ? CACHE_LINE : 8);
	if (!copy)
		return -ENOMEM;
	args = (uint64_t *)(copy + n);
	for (i = 0; i < n; i++) {
		copy[i] = *t->accesses[i].tensor;
		args[i] = (uintptr_t)&copy[i];
	}
	if (t->nscalars)
		memcpy(args + n, t->scalars, t->nscalars * sizeof(*args));
	desc->launch.args = (uintptr_t)args;
	desc->launch.nargs = nargs;
	return 0;
}

/* ---- dependencies ------------------------------------------------------- */

static int infer(struct pto_graph *g, const struct pto_task *t, uint32_t id)
{
	struct depmap_preds preds = { NULL };
	struct region r;
	uint32_t i;
	int ret = 0;

	if (t->flags & PTO_TASK_NO_DEPS)
		return 0;
	if (!g->deps)
		g->deps = depmap_new(DEPMAP_FULL);
	if (!g->deps)
		return -ENOMEM;
	for (i = 0; i < t->naccesses && !ret; i++) {
		if (t->accesses[i].tensor->manual_dep)
			continue;
		region_of(t->accesses[i].tensor, &r);
		ret = depmap_access(g->deps, &r, t->accesses[i].dir, id, &preds);
	}
	for (i = 0; i < preds.count && !ret; i++)
		ret = graph_link(g, preds.task[i], id);
	free(preds.task);
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
	ret = check_task(g, t);
	if (ret)
		return ret;
	lane = check_kernels(g, t, &func_id);
	if (lane < 0)
		return lane;
	id = graph_next(g);
	if (id < 0)
		return id;
	ret = allocate_outputs(g, t) ?: fill_args(g, t, graph_fill(g, func_id, lane));
	if (ret)
		return ret;
	graph_commit(g);
	ret = infer(g, t, id);
	if (ret) {
		g->deps_lost = true;
		return ret;
	}
	return id;
}
