// SPDX-License-Identifier: MIT OR LGPL-2.1
/* oneTBB's flow graph: a continue_node a task. */
#include <cstdio>
#include <exception>
#include <vector>

#include <tbb/flow_graph.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include "peer.h"

using tbb::flow::continue_msg;
using node = tbb::flow::continue_node<continue_msg>;

namespace {

tbb::global_control *limit;
tbb::task_arena *arena;

struct graph {
	tbb::flow::graph flow;
	std::vector<node> nodes;
	std::vector<node *> roots;
};

int start(const struct setup *setup)
{
	limit = new tbb::global_control(tbb::global_control::max_allowed_parallelism,
					setup->workers);
	arena = new tbb::task_arena(setup->workers);
	return 0;
}

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

void *build(const struct shape *shape, const struct work *work)
{
	try {
		return make(shape, work);
	} catch (const std::exception &e) {
		fprintf(stderr, "tbb: %s\n", e.what());
		return nullptr;
	}
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

const struct peer bench_peer = { start, build, run, destroy };
