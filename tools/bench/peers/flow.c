// SPDX-License-Identifier: MIT OR LGPL-2.1
/* libpto's flows: tasks run while they are submitted, and are gone once they have run. */
#include "tiles.h"

static int start_flows(const struct setup *setup)
{
	int ret = start(setup);

	opts.aicpu_threads = BESIDE_SUBMITTER(setup->workers);
	return ret;
}

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

/* Each task reads what the one before has written. */
static int64_t submit_next(struct pto_flow *flow, uint32_t task)
{
	const uint32_t n = TILE / sizeof(float);
	struct pto_tensor tile[2];
	struct pto_access access[] = { { &tile[0], PTO_OUT }, { &tile[1], PTO_IN } };
	struct pto_task t = {
		.size = sizeof(t), .kernels = { PTO_NO_KERNEL, 0, PTO_NO_KERNEL },
		.naccesses = 2, .accesses = access,
	};
	uint32_t i;

	for (i = 0; i < 2; i++)
		pto_tensor_init(&tile[i], (void *)((task + 2 - i) * (uintptr_t)TILE), &n, 1,
				PTO_FLOAT32);
	return pto_flow_submit(flow, &t);
}

static int stream(uint32_t tasks, uint32_t window, void (*at)(void *arg), void *arg)
{
	const struct pto_flow_opts flow_opts = { .size = sizeof(flow_opts), .window = window };
	struct pto_graph *g = new_graph("noop");
	struct pto_flow *flow;
	uint32_t task;
	int64_t ret;

	if (!g)
		return -1;
	ret = pto_flow_start(g, &opts, &flow_opts, &flow);
	if (ret)
		return ended(ret);
	for (task = 0; task < tasks && ret >= 0; task++) {
		ret = submit_next(flow, task);
		if ((task + 1) % (tasks / 10) == 0)
			at(arg);
	}
	ret = ended(ret) | ended(pto_flow_finish(flow));
	pto_graph_destroy(g);
	return ret;
}

const struct peer bench_peer = {
	.start = start_flows,
	.build = build,
	.run = run,
	.free = destroy,
	.stream = stream,
};
