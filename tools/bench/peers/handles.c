// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * StarPU with data handles: each task writes one of its own and reads those of its
 * predecessors, which is all that it says of them. Tasks are gone once they have run, so
 * a run makes them.
 */
#include "starpu_common.h"

struct graph {
	const struct shape *shape;
	struct work work;
	starpu_data_handle_t *handle;	/* by task; without data */
};

static struct starpu_codelet codelet = {
	.cpu_funcs = { execute },
	.nbuffers = STARPU_VARIABLE_NBUFFERS,
	.name = "body",
};

static int start(const struct setup *setup)
{
	return start_workers(BESIDE_SUBMITTER(setup->workers));
}

static void *build(const struct shape *shape, const struct work *work)
{
	struct graph *g = malloc(sizeof(*g));
	uint32_t i;

	if (!g)
		return NULL;
	g->shape = shape;
	g->work = *work;
	g->handle = malloc(shape->ntasks * sizeof(g->handle[0]));
	if (!g->handle) {
		free(g);
		return NULL;
	}
	for (i = 0; i < shape->ntasks; i++)
		starpu_void_data_register(&g->handle[i]);
	return g;
}

static int submit(const struct graph *g, uint32_t task)
{
	const struct shape *s = g->shape;
	struct starpu_task *t = starpu_task_create();
	uint32_t k, first = s->first[task], end = s->first[task + 1];

	if (end - first >= STARPU_NMAXBUFS)
		return -1;
	t->cl = &codelet;
	t->cl_arg = (void *)(uintptr_t)task;
	t->nbuffers = 1 + end - first;
	t->handles[0] = g->handle[task];
	t->modes[0] = STARPU_W;
	for (k = first; k < end; k++) {
		t->handles[1 + k - first] = g->handle[s->pred[k]];
		t->modes[1 + k - first] = STARPU_R;
	}
	return starpu_task_submit(t) ? -1 : 0;
}

/* The caller sleeps while the workers run the rest. */
static int run(void *graph)
{
	const struct graph *g = graph;
	uint32_t task;

	running = g->work;
	for (task = 0; task < g->shape->ntasks; task++)
		if (submit(g, task))
			return -1;
	return starpu_task_wait_for_all() ? -1 : 0;
}

static void destroy(void *graph)
{
	struct graph *g = graph;
	uint32_t i;

	for (i = 0; i < g->shape->ntasks; i++)
		starpu_data_unregister_no_coherency(g->handle[i]);
	free(g->handle);
	free(g);
}

const struct peer bench_peer = {
	.start = start,
	.build = build,
	.run = run,
	.free = destroy,
};
