// SPDX-License-Identifier: MIT OR LGPL-2.1
/* libpto's flows: tasks run while they are submitted, and are gone once they have run. */
#include "tiles.h"

static void *build(const struct shape *shape, const struct work *work)
{
	return tiles_new(shape, work);
}

static int run(void *graph)
{
	const struct tiles *g = graph;
	struct pto_flow *flow;
	uint32_t task;
	int64_t ret;

	ret = pto_flow_start(g->kernels, &opts, NULL, &flow);
	if (ret)
		return ended(ret);
	for (task = 0; task < g->shape->ntasks && ret >= 0; task++)
		ret = submit_tile(g, flow, task);
	return ended(ret) | ended(pto_flow_finish(flow));
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
