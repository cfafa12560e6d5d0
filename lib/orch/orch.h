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

#include <pto/pto.h>

#include "orch/staging.h"

struct device_run;
struct image;

#define ORCH_MAGIC	0x31746e7572747470ull	/* "pttrunt1" */

#define ORCH_TIMEOUT_MS	60000	/* it may copy a great deal of memory */

/* What orchestrations that run on the device are told of their arguments. */
#define ORCH_ARG_SCALAR	0
#define ORCH_ARG_IN	1
#define ORCH_ARG_OUT	2
#define ORCH_ARG_INOUT	3

/** struct orch_args - what the orchestration is called with; @types and @sizes during init only */
struct orch_args {
	uint64_t *values;
	int count;
	const int *types;
	const uint64_t *sizes;
};

/**
 * struct orch - what an orchestration builds
 * @image:	kept as long as the graph: its code may be what @graph points at
 * @building:	the orchestration is running
 * @err, @text:	its first failed call, and the error text of that
 *
 * One that runs on the device:
 * @entry:	its function; NULL: it has built @graph, and is through
 * @args:	what that is called with
 * @flow_opts, @orch_to_sched, @full_deps: the environment at init
 * @run:	its threads, during a launch
 */
struct orch {
	struct pto_graph *graph;
	struct staging staging;
	struct image *image;
	bool building;
	int err;
	char *text;

	const void *entry;
	struct orch_args args;
	struct pto_flow_opts flow_opts;
	bool orch_to_sched;
	bool full_deps;
	struct device_run *run;
};

/**
 * struct orch_handle - what lies in the caller's buffer
 * @orch:	what an orchestration sees of it
 * @host_calls:	so are these: each points to @orch
 * @magic:	ORCH_MAGIC while the runtime lives
 * @generation:	tells the runtime from an older one at the same address
 * @build:	the runtime's struct orch
 * @profiling:	ORCH_MAGIC: profiling is on. May be set while @magic is not
 */
struct orch_handle {
	struct pto_orch orch;
	struct pto_orch *host_calls[PTO_ORCH_HOST_CALLS];
	uint64_t magic;
	uint64_t generation;
	struct orch *build;
	uint64_t profiling;
};

extern const struct pto_orch_table orch_table;

/* What its function log is, on the device too. */
void orch_log(struct pto_orch *po, int severity, const char *text);

/**
 * orch_run - load an orchestration, and have it build @h->build's graph, or see that it can
 * be launched if it runs on the device
 * @so, @size:	its shared object
 * @func:	its function; on the device that has a name of its own
 *
 * What was built is left to orch_release(), on failure too. Errors: as
 * init_runtime() has them for orchestrations.
 */
int orch_run(struct orch_handle *h, const void *so, size_t size, const char *func,
	     const struct orch_args *args);

/** orch_release - free graph, memory and image */
void orch_release(struct orch *o);

#endif
