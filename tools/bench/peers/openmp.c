// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * OpenMP tasks with depend clauses, each task an address of its own. Tasks
 * are gone once they have run, so a run makes them; gcc's creator runs them
 * itself when many wait already.
 */
#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "peer.h"

struct graph {
	const struct shape *shape;
	struct work work;
	char *token;	/* by task: what its successors depend on */
	uint32_t inlined;
};

/* This thread is at making tasks. */
static __thread bool makes;

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

static void make_tasks(struct graph *g)
{
	const struct shape *s = g->shape;
	struct work work = g->work;
	uint32_t task;

	g->inlined = 0;
	makes = true;
	for (task = 0; task < s->ntasks; task++) {
		#pragma omp task firstprivate(work, task, g) depend(out: g->token[task]) \
			depend(iterator(uint32_t k = s->first[task]:s->first[task + 1]), \
			       in: g->token[s->pred[k]])
		{
			work.body(work.ctx, task);
			if (makes)
				g->inlined++;
		}
	}
	makes = false;
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

static uint32_t inlined(void *graph)
{
	return ((struct graph *)graph)->inlined;
}

const struct peer bench_peer = {
	.start = start,
	.build = build,
	.run = run,
	.free = destroy,
	.inlined = inlined,
};
