// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * OpenMP tasks with depend clauses, each task an address of its own. Tasks
 * are gone once they have run, so a run makes them; gcc's creator runs them
 * itself when many wait already.
 */
#include <omp.h>
#include <stdlib.h>

#include "peer.h"

struct graph {
	const struct shape *shape;
	struct work work;
	char *token;	/* by task: what its successors depend on */
};

static int start(const struct setup *setup)
{
	omp_set_dynamic(0);
	omp_set_num_threads(setup->workers);
	return 0;
}

static void *build(const struct shape *shape, const struct work *work)
{
	struct graph *g = malloc(sizeof(*g));

	if (!g)
		return NULL;
	g->shape = shape;
	g->work = *work;
	g->token = malloc(shape->ntasks);
	if (g->token)
		return g;
	free(g);
	return NULL;
}

static void make_tasks(const struct graph *g)
{
	const uint32_t *first = g->shape->first, *pred = g->shape->pred;
	void (*body)(void *ctx, uint32_t task) = g->work.body;
	void *ctx = g->work.ctx;
	char *token = g->token;
	uint32_t task, from, end;

	for (task = 0; task < g->shape->ntasks; task++) {
		from = first[task];
		end = first[task + 1];
		#pragma omp task firstprivate(body, ctx, task) depend(out: token[task]) \
			depend(iterator(uint32_t k = from:end), in: token[pred[k]])
		body(ctx, task);
	}
}

static int run(void *graph)
{
	#pragma omp parallel
	#pragma omp single
	make_tasks(graph);
	return 0;
}

static void destroy(void *graph)
{
	struct graph *g = graph;

	free(g->token);
	free(g);
}

const struct peer bench_peer = {
	.start = start,
	.build = build,
	.run = run,
	.free = destroy,
};
