// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Tasks that say what they read and write: their edges are found, not given. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "device/device.h"
#include "device/memory.h"
#include "graph/check.h"
#include "graph/param.h"
#include "graph/submit.h"

#define TASK_FLAGS	(PTO_TASK_NO_DEPS | PTO_TASK_RAW_ONLY | PTO_TASK_HELD)
#define ID(id)	((unsigned long long)(id))

const char *const lane_name[PTO_LANES] = { "AIC", "AIV0", "AIV1" };

int graph_deps_lost(int error)
{
	return fail(error, "there was no %s for a dependency of an earlier task: begin anew",
		    error == -ENOMEM ? "memory" : "room");
}

void graph_free_submitted(struct pto_graph *g)
{
	depmap_free(g->deps);
	check_free(g->check);
	params_free(g->params);
	free(g->preds.task);
	while (g->nbuffers)
		mem_free(g->dev->mem, g->buffers[--g->nbuffers]);
	free(g->buffers);
}

/* ---- what a caller may get wrong ---------------------------------------- */

int submit_lanes(const struct pto_graph *g, const struct pto_task *t, uint64_t id)
{
	unsigned int lane, lanes = 0;

	for (lane = 0; lane < PTO_LANES; lane++) {
		int f = t->kernels[lane];

		if (f == PTO_NO_KERNEL)
			continue;
		if ((unsigned int)f >= g->nkernels || !g->kernels[f])
			return fail(-ENOENT, "task %llu: func_id %d (%s) has no kernel", ID(id), f,
				    lane_name[lane]);
		lanes |= 1u << lane;
	}
	if (!lanes)
		return fail(-EINVAL, "task %llu has no kernel for any lane", ID(id));
	/* Which of a block's AIVs runs it makes no difference. */
	return lanes == 1u << PTO_LANE_AIV1 ? 1u << PTO_LANE_AIV0 : lanes;
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
	return tensor_check_size(t);
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
	ret = pto_mem_alloc(g->dev, t->size, &ptr);
	if (ret)
		return ret;
	g->buffers[g->nbuffers++] = ptr;
	t->addr = (uintptr_t)ptr;
	return 0;
}

/* A graph would go on using what its flow, or the scope of that, takes back. */
static int no_buffers_of_flows(const struct pto_graph *g, const struct pto_task *t)
{
	uint32_t i;

	for (i = 0; i < t->naccesses; i++)
		if (unlikely(t->accesses[i].tensor->owner))
			return fail(-ESTALE, "task %u, tensor %u: its buffer is a flow's, and goes with it",
				    g->ntasks, i);
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

static void fill_lane(const struct pto_graph *g, const struct pto_task *t, unsigned int lane,
		      uint64_t id, struct pto_desc *desc)
{
	int f = t->kernels[lane];

	/* The second AIV's alone is run by the first. */
	if (f == PTO_NO_KERNEL)
		f = t->kernels[PTO_LANE_AIV1];
	*desc = g->kernels[f]->desc;
	desc->lane = lane;
	desc->cookie = id;
}

/* Returns what the kernels are called with. */
static uint64_t *fill_args(const struct pto_task *t, void *at)
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
	return args;
}

void submit_fill(const struct pto_graph *g, const struct pto_task *t, unsigned int lanes,
		 uint64_t id, void *at, struct pto_desc *desc)
{
	bool mixed = lanes_mixed(lanes);
	struct pto_desc *lane_desc = at;
	uint64_t *args = NULL;
	unsigned int lane;

	if (submit_size(t, lanes))
		args = fill_args(t, mixed ? lane_desc + PTO_LANES : at);
	fill_lane(g, t, __builtin_ctz(lanes), id, desc);
	desc->launch.args = (uintptr_t)args;
	desc->launch.nargs = t->naccesses + t->nscalars;
	if (!mixed)
		return;
	for (lane = 0; lane < PTO_LANES; lane++) {
		if (!(lanes & 1u << lane))
			continue;
		fill_lane(g, t, lane, id, &lane_desc[lane]);
		lane_desc[lane].launch.args = desc->launch.args;
		lane_desc[lane].launch.nargs = desc->launch.nargs;
	}
	desc->lane = LANE_MIXED;
	desc->lane_mask = lanes;
	desc->launch.image = (uintptr_t)lane_desc;
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
	void *at = NULL;
	size_t size;
	int lanes, ret;
	int64_t id;

	if (!g || !t)
		return fail(-EINVAL, "pto_graph_submit: NULL argument");
	if (device_ours(g->dev))
		return -EPERM;
	if (atomic_load_explicit(&g->launched, memory_order_relaxed))
		return fail(-EBUSY, "the graph is being launched");
	if (g->deps_lost)
		return graph_deps_lost(g->deps_lost);
	ret = submit_check(t, g->ntasks) ?: submit_check_tensors(t, g->ntasks) ?:
	      no_buffers_of_flows(g, t);
	if (ret)
		return ret;
	lanes = submit_lanes(g, t, g->ntasks);
	if (lanes < 0)
		return lanes;
	if (unlikely(g->params)) {
		ret = params_prepare(g, t);
		if (ret)
			return ret;
	}
	id = graph_next(g);
	if (id < 0)
		return id;
	ret = allocate_outputs(g, t);
	if (ret)
		return ret;
	size = submit_size(t, lanes);
	if (size)
		at = graph_args(g, size, t->naccesses || lanes_mixed(lanes) ? CACHE_LINE : 8, &ret);
	if (size && !at)
		return ret;
	submit_fill(g, t, lanes, id, at, graph_open(g));
	graph_commit(g);
	if (unlikely(g->params))
		params_note(g, id, t);
	if (unlikely(g->check))
		check_task(g->check, id, t);
	ret = add_edges(g, t, id);
	if (ret) {
		g->deps_lost = ret;
		return ret;
	}
	return id;
}
