/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Orchestrations: loaded from bytes, run on the caller's thread, and given a
 * function table to build a graph with.
 */
#ifndef ORCH_ORCH_H
#define ORCH_ORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pto/orch.h>

#include "orch/staging.h"

struct image;
struct pto_graph;

#define ORCH_MAGIC	0x31746e7572747470ull	/* "pttrunt1" */

/**
 * struct orch - what an orchestration builds
 * @image:	kept as long as the graph: its code may be what @graph points at
 * @building:	the orchestration is running
 * @err, @text:	its first failed call, and the error text of that
 */
struct orch {
	struct pto_graph *graph;
	struct staging staging;
	struct image *image;
	bool building;
	int err;
	char *text;
};

/**
 * struct orch_handle - what lies in the caller's buffer
 * @orch:	what an orchestration sees of it
 * @magic:	ORCH_MAGIC while the runtime lives
 * @generation:	tells the runtime from an older one at the same address
 * @build:	the runtime's struct orch
 * @profiling:	ORCH_MAGIC: profiling is on. May be set while @magic is not
 */
struct orch_handle {
	struct pto_orch orch;
	uint64_t magic;
	uint64_t generation;
	struct orch *build;
	uint64_t profiling;
};

extern const struct pto_orch_table orch_table;

/**
 * orch_run - load an orchestration, and have it build @h->build's graph
 * @so, @size:	its shared object
 * @func:	its function
 *
 * What was built is left to orch_release(), on failure too. Errors: as
 * init_runtime() has them for orchestrations.
 */
int orch_run(struct orch_handle *h, const void *so, size_t size, const char *func,
	     uint64_t *args, int nargs);

/** orch_release - free graph, memory and image */
void orch_release(struct orch *o);

#endif
