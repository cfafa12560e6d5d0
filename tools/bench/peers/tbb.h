/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What the peers on oneTBB share: the arena that their graphs are made and run in. */
#ifndef BENCH_PEERS_TBB_H
#define BENCH_PEERS_TBB_H

#include <cstdio>
#include <exception>

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include "peer.h"

namespace {

tbb::task_arena *arena;

int start(const struct setup *setup)
{
	/* In force until the process ends. */
	static tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
					 setup->workers);

	arena = new tbb::task_arena(setup->workers);
	return 0;
}

struct graph;

graph *make(const struct shape *shape, const struct work *work);

void *build(const struct shape *shape, const struct work *work)
{
	try {
		return make(shape, work);
	} catch (const std::exception &e) {
		fprintf(stderr, "oneTBB: %s\n", e.what());
		return nullptr;
	}
}

} // namespace

#endif
