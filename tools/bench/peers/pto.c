// SPDX-License-Identifier: MIT OR LGPL-2.1
/* libpto, by its public interface; kernels are loaded images. */
#include "pto.h"

static void *build(const struct shape *shape, const struct work *work)
{
	struct pto_graph *g = new_graph(work->kernel);
	int nargs = work->ctx ? 2 : 0;
	uint32_t task, i;
	int ret = g ? 0 : -1;

	for (task = 0; task < shape->ntasks && ret >= 0; task++) {
		uint64_t args[] = { (uintptr_t)work->ctx, task };

		ret = pto_graph_add_task(g, 0, PTO_AIV, args, nargs);
		for (i = shape->first[task]; i < shape->first[task + 1] && ret >= 0; i++)
			ret = pto_graph_add_edge(g, shape->pred[i], task);
	}
	if (!ended(ret))
		return g;
	pto_graph_destroy(g);
	return NULL;
}

static int run(void *graph)
{
	return ended(pto_graph_launch(graph, &opts));
}

static void destroy(void *graph)
{
	pto_graph_destroy(graph);
}

const struct peer bench_peer = {
	.start = start,
	.build = build,
	.run = run,
	.free = destroy,
};
