/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Graphs of tensors: each task writes a tile of its own and reads those of its
 * predecessors, which is all that it says of them.
 */
#ifndef BENCH_TILES_H
#define BENCH_TILES_H

#include "pto.h"

#define TILE		64	/* bytes */
#define MAX_ACCESSES	16

/**
 * struct tiles
 * @kernels:	a graph that has the kernel, and no tasks
 * @tile:	by task. No kernel looks at tiles, so there is no memory at their addresses
 */
struct tiles {
	const struct shape *shape;
	struct work work;
	struct pto_graph *kernels;
	struct pto_tensor *tile;
};

/* Tiles of the last graph, for the next one: to touch memory first is no part of what is measured. */
static struct pto_tensor *spare;
static uint32_t nspare;

static void tiles_free(struct tiles *g)
{
	pto_graph_destroy(g->kernels);
	if (g->tile) {
		free(spare);
		spare = g->tile;
		nspare = g->shape->ntasks;
	}
	free(g);
}

static struct pto_tensor *tiles_alloc(uint32_t n)
{
	struct pto_tensor *tile = spare;

	if (n > nspare)
		return aligned_alloc(_Alignof(struct pto_tensor), n * sizeof(*tile));
	spare = NULL;
	nspare = 0;
	return tile;
}

static int make_tiles(struct tiles *g)
{
	const uint32_t n = TILE / sizeof(float), *first = g->shape->first;
	uint32_t i;
	int ret = 0;

	g->tile = tiles_alloc(g->shape->ntasks);
	if (!g->tile)
		return -1;
	for (i = 0; i < g->shape->ntasks && !ret; i++) {
		if (first[i + 1] - first[i] >= MAX_ACCESSES) {
			fprintf(stderr, "pto: more than %u tensors a task\n", MAX_ACCESSES);
			return -1;
		}
		ret = pto_tensor_init(&g->tile[i], (void *)((i + 1) * (uintptr_t)TILE), &n, 1,
				      PTO_FLOAT32);
		/* Where the kernel's values are. */
		g->tile[i].version = 1 + first[i + 1] - first[i];
	}
	return ended(ret);
}

/* What is called with values here is the kernel that checks; it has to find them behind tensors. */
static apart struct tiles *tiles_new(const struct shape *shape, const struct work *work)
{
	struct tiles *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->shape = shape;
	g->work = *work;
	g->kernels = new_graph(work->ctx ? "tile_check" : work->kernel);
	if (g->kernels && !make_tiles(g))
		return g;
	tiles_free(g);
	return NULL;
}

/* Submit a task to a flow, or to a graph if @flow is NULL. */
static apart int64_t submit_tile(const struct tiles *g, struct pto_flow *flow, uint32_t task)
{
	const struct shape *s = g->shape;
	const uint64_t scalars[] = { (uintptr_t)g->work.ctx, task };
	struct pto_access access[MAX_ACCESSES];
	struct pto_task t = {
		.size = sizeof(t), .kernels = { PTO_NO_KERNEL, 0, PTO_NO_KERNEL },
		.accesses = access, .scalars = scalars, .nscalars = g->work.ctx ? 2 : 0,
	};
	uint32_t k;

	access[t.naccesses++] = (struct pto_access){ &g->tile[task], PTO_OUT };
	for (k = s->first[task]; k < s->first[task + 1]; k++)
		access[t.naccesses++] = (struct pto_access){ &g->tile[s->pred[k]], PTO_IN };
	return flow ? pto_flow_submit(flow, &t) : pto_graph_submit(g->kernels, &t);
}

#endif
