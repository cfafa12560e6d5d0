// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Taskflow: a static task each, on an executor whose threads are the workers. */
#include <cstdio>
#include <exception>
#include <vector>

#include <taskflow/taskflow.hpp>

#include "peer.h"

namespace {

tf::Executor *executor;

void *build(const struct shape *shape, const struct work *work)
{
	auto body = work->body;
	auto ctx = work->ctx;
	tf::Taskflow *flow = nullptr;

	try {
		std::vector<tf::Task> tasks;

		flow = new tf::Taskflow;
		tasks.reserve(shape->ntasks);
		for (uint32_t task = 0; task < shape->ntasks; task++) {
			tasks.push_back(flow->emplace([=] { body(ctx, task); }));
			for (uint32_t i = shape->first[task]; i < shape->first[task + 1]; i++)
				tasks[shape->pred[i]].precede(tasks[task]);
		}
		return flow;
	} catch (const std::exception &e) {
		fprintf(stderr, "taskflow: %s\n", e.what());
		delete flow;
		return nullptr;
	}
}

/* The caller sleeps meanwhile. */
int run(void *arg)
{
	executor->run(*static_cast<tf::Taskflow *>(arg)).wait();
	return 0;
}

int start(const struct setup *setup)
{
	executor = new tf::Executor(setup->workers);
	return 0;
}

void destroy(void *arg)
{
	delete static_cast<tf::Taskflow *>(arg);
}

} // namespace

const struct peer bench_peer = { start, build, run, destroy, nullptr, nullptr };
