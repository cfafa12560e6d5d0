// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * oneTBB's task_group, with counters, edges and the loop over successors of our
 * own: what a pool costs when its user does the work of a task graph.
 */
#include <atomic>
#include <memory>
#include <vector>

#include <tbb/task_group.h>

#include "peer.h"
#include "tbb.h"

namespace {

const uint32_t NONE = UINT32_MAX;

struct node {
	std::atomic<uint32_t> pending;
	uint32_t npred;
	uint32_t succ, end;	/* in graph.succ */
};

struct graph {
	struct work work;
	std::unique_ptr<node[]> nodes;
	std::vector<uint32_t> succ;
	std::vector<uint32_t> roots;
	tbb::task_group group;

	void visit(uint32_t task);
};

/* Run a task, then the first one that it makes ready, and so on. */
void graph::visit(uint32_t task)
{
	while (task != NONE) {
		node &n = nodes[task];
		uint32_t next = NONE;

		n.pending.store(n.npred, std::memory_order_relaxed);
		work.body(work.ctx, task);
		for (uint32_t i = n.succ; i < n.end; i++) {
			uint32_t to = succ[i];

			if (nodes[to].pending.fetch_sub(1, std::memory_order_acq_rel) != 1)
				continue;
			if (next == NONE)
				next = to;
			else
				group.run([this, to] { visit(to); });
		}
		task = next;
	}
}

graph *make(const struct shape *shape, const struct work *work)
{
	graph *g = nullptr;
	uint32_t task, i, at = 0;

	arena->execute([&] { g = new graph; });
	g->work = *work;
	g->nodes.reset(new node[shape->ntasks]());
	g->succ.resize(shape->first[shape->ntasks]);
	for (i = 0; i < shape->first[shape->ntasks]; i++)
		g->nodes[shape->pred[i]].end++;
	for (task = 0; task < shape->ntasks; task++) {
		node &n = g->nodes[task];

		n.npred = shape->first[task + 1] - shape->first[task];
		n.pending.store(n.npred, std::memory_order_relaxed);
		n.succ = at;
		at += n.end;
		n.end = n.succ;
		if (!n.npred)
			g->roots.push_back(task);
	}
	for (task = 0; task < shape->ntasks; task++)
		for (i = shape->first[task]; i < shape->first[task + 1]; i++)
			g->succ[g->nodes[shape->pred[i]].end++] = task;
	return g;
}

int run(void *arg)
{
	graph *g = static_cast<graph *>(arg);

	arena->execute([&] {
		for (uint32_t root : g->roots)
			g->group.run([g, root] { g->visit(root); });
		g->group.wait();
	});
	return 0;
}

void destroy(void *arg)
{
	delete static_cast<graph *>(arg);
}

} // namespace

const struct peer bench_peer = { start, build, run, destroy, nullptr, nullptr };
