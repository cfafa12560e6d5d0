// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Taskflow's dependent_async: tasks run while they are made, each after those that it is
 * given. They are gone once they have run, so a run makes them.
 */
#include <array>
#include <cstdio>
#include <exception>
#include <vector>

#include <taskflow/taskflow.hpp>

#include "peer.h"

namespace {

constexpr uint32_t max_preds = 16;

tf::Executor *executor;

struct graph {
	const struct shape *shape;
	struct work work;
};

void *build(const struct shape *shape, const struct work *work)
{
	return new (std::nothrow) graph{ shape, *work };
}

void make_tasks(const graph &g)
{
	const struct shape *s = g.shape;
	auto body = g.work.body;
	auto ctx = g.work.ctx;
	std::vector<tf::AsyncTask> tasks(s->ntasks);
	std::array<tf::AsyncTask, max_preds> preds;

	for (uint32_t task = 0; task < s->ntasks; task++) {
		uint32_t n = 0;

		for (uint32_t i = s->first[task]; i < s->first[task + 1]; i++)
			preds.at(n++) = tasks[s->pred[i]];
		tasks[task] = executor->silent_dependent_async([=] { body(ctx, task); },
							       preds.begin(), preds.begin() + n);
	}
	executor->wait_for_all();
}

int run(void *arg)
{
	try {
		make_tasks(*static_cast<graph *>(arg));
		return 0;
	} catch (const std::exception &e) {
		fprintf(stderr, "taskflow: %s\n", e.what());
		return -1;
	}
}

int start(const struct setup *setup)
{
	executor = new tf::Executor(BESIDE_SUBMITTER(setup->workers));
	return 0;
}

void destroy(void *arg)
{
	delete static_cast<graph *>(arg);
}

} // namespace

const struct peer bench_peer = { start, build, run, destroy, nullptr, nullptr };
