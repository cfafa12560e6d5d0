// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * StarPU: a task each, with its dependencies declared by hand. Tasks are gone
 * once they have run, so a run makes them.
 */
#include "starpu_common.h"

struct graph {
	const struct shape *shape;
	struct work work;
	struct starpu_task **task;
	struct starpu_task **pred;	/* of the edges */
};

static struct starpu_codelet codelet = {
	.cpu_funcs = { execute },
	.name = "body",
};

static int start(const struct setup *setup)
{
	return start_workers(setup->workers);
}

static void *build(const struct shape *shape, const struct work *work)
{
	struct graph *g = malloc(sizeof(*g));

	if (!g)
		return NULL;
	g->shape = shape;
	g->work = *work;
	g->task = malloc(shape->ntasks * sizeof(g->task[0]));
	g->pred = malloc((shape->first[shape->ntasks] + 1) * sizeof(g->pred[0]));
	if (g->task && g->pred)
		return g;
	free(g->task);
	free(g->pred);
	free(g);
	return NULL;
}

static void make_task(struct graph *g, uint32_t task)
{
	const struct shape *s = g->shape;
	uint32_t i, from = s->first[task], end = s->first[task + 1];

	g->task[task] = starpu_task_create();
	g->task[task]->cl = &codelet;
	g->task[task]->cl_arg = (void *)(uintptr_t)task;
	for (i = from; i < end; i++)
		g->pred[i] = g->task[s->pred[i]];
	if (from < end)
		starpu_task_declare_deps_array(g->task[task], end - from, g->pred + from);
}

/* The caller sleeps while the workers run. */
static int run(void *graph)
{
	struct graph *g = graph;
	uint32_t task;

	running = g->work;
	for (task = 0; task < g->shape->ntasks; task++)
		make_task(g, task);
	for (task = 0; task < g->shape->ntasks; task++)
		if (starpu_task_submit(g->task[task]))
			return -1;
	return starpu_task_wait_for_all() ? -1 : 0;
}

static void destroy(void *graph)
{
	struct graph *g = graph;

	free(g->task);
	free(g->pred);
	free(g);
}

const struct peer bench_peer = {
	.start = start,
	.build = build,
	.run = run,
	.free = destroy,
};
