// SPDX-License-Identifier: MIT OR LGPL-2.1
/* libpto's graphs with edges that are inferred, but once: then they can be run again and again. */
#include "tiles.h"

static void *build(const struct shape *shape, const struct work *work)
{
	struct tiles *g = tiles_new(shape, work);
	uint32_t task;
	int64_t ret = 0;

	if (!g)
		return NULL;
	for (task = 0; task < shape->ntasks && ret >= 0; task++)
		ret = submit_tile(g, NULL, task);
	if (!ended(ret))
		return g;
	tiles_free(g);
	return NULL;
}

static int run(void *graph)
{
	struct tiles *g = graph;

	return ended(pto_graph_launch(g->kernels, &opts));
}

static void destroy(void *graph)
{
	tiles_free(graph);
}

const struct peer bench_peer = {
	.start = start,
	.build = build,
	.run = run,
	.free = destroy,
};
