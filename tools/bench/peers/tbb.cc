// SPDX-License-Identifier: MIT OR LGPL-2.1
/* oneTBB's flow graph: a continue_node a task. */
#include <vector>

#include <tbb/flow_graph.h>

#include "peer.h"
#include "tbb.h"

using tbb::flow::continue_msg;
using node = tbb::flow::continue_node<continue_msg>;

namespace {

struct graph {
	tbb::flow::graph flow;
	std::vector<node> nodes;
	std::vector<node *> roots;
};

graph *make(const struct shape *shape, const struct work *work)
{
	auto body = work->body;
	auto ctx = work->ctx;
	graph *g = nullptr;

	/* A graph runs in the arena that it was made in. */
	arena->execute([&] { g = new graph; });
	/* Nodes know each other by address. */
	g->nodes.reserve(shape->ntasks);
	for (uint32_t task = 0; task < shape->ntasks; task++) {
		uint32_t from = shape->first[task], end = shape->first[task + 1];

		g->nodes.emplace_back(g->flow, [=](const continue_msg &) { body(ctx, task); });
		for (uint32_t i = from; i < end; i++)
			tbb::flow::make_edge(g->nodes[shape->pred[i]], g->nodes[task]);
		if (from == end)
			g->roots.push_back(&g->nodes[task]);
	}
	return g;
}

int run(void *arg)
{
	graph *g = static_cast<graph *>(arg);

	arena->execute([&] {
		for (node *root : g->roots)
			root->try_put(continue_msg());
		g->flow.wait_for_all();
	});
	return 0;
}

void destroy(void *arg)
{
	delete static_cast<graph *>(arg);
}

} // namespace

const struct peer bench_peer = { start, build, run, destroy, nullptr, nullptr };
