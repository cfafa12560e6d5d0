// SPDX-License-Identifier: MIT OR LGPL-2.1
/* libpto, by its public interface; kernels are loaded images. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pto/pto.h>

#include "peer.h"

#define MAX_IMAGE	(1u << 20)

static struct pto_device *dev;
static struct pto_launch_opts opts = { .size = sizeof(opts) };
static const char *dir;

static struct {
	const char *name;
	struct pto_program *prog;
} loaded;

static int start(const struct setup *setup)
{
	dir = setup->dir;
	opts.block_dim = setup->blocks;
	opts.aicpu_threads = setup->workers;
	setenv("PTO_EMULATOR", setup->emulator_threads ? "threads" : "inplace", 1);
	if (!pto_device_open("embedded", &dev))
		return 0;
	fprintf(stderr, "pto: %s\n", pto_last_error());
	return -1;
}

/* The kernel that the last graph used is still there. */
static struct pto_program *load(const char *name)
{
	static char image[MAX_IMAGE];
	char path[512];
	size_t size = 0;
	FILE *f;

	if (loaded.name && !strcmp(loaded.name, name))
		return loaded.prog;
	pto_program_unload(loaded.prog);
	loaded.prog = NULL;
	snprintf(path, sizeof(path), "%s/%s.so", dir, name);
	f = fopen(path, "re");
	if (f) {
		size = fread(image, 1, sizeof(image), f);
		fclose(f);
	}
	if (pto_program_load(dev, image, size, &loaded.prog))
		fprintf(stderr, "pto: %s: %s\n", path, pto_last_error());
	loaded.name = loaded.prog ? name : NULL;
	return loaded.prog;
}

static void *build(const struct shape *shape, const struct work *work)
{
	struct pto_program *prog = load(work->kernel);
	int nargs = work->ctx ? 2 : 0;
	struct pto_graph *g;
	uint32_t task, i;
	int ret = 0;

	if (!prog || pto_graph_create(dev, &g))
		return NULL;
	ret = pto_graph_set_kernel(g, 0, prog);
	for (task = 0; task < shape->ntasks && ret >= 0; task++) {
		uint64_t args[] = { (uintptr_t)work->ctx, task };

		ret = pto_graph_add_task(g, 0, PTO_AIV, args, nargs);
		for (i = shape->first[task]; i < shape->first[task + 1] && ret >= 0; i++)
			ret = pto_graph_add_edge(g, shape->pred[i], task);
	}
	if (ret >= 0)
		return g;
	fprintf(stderr, "pto: %s\n", pto_last_error());
	pto_graph_destroy(g);
	return NULL;
}

static int run(void *graph)
{
	if (!pto_graph_launch(graph, &opts))
		return 0;
	fprintf(stderr, "pto: %s\n", pto_last_error());
	return -1;
}

static void destroy(void *graph)
{
	pto_graph_destroy(graph);
}

const struct peer bench_peer = {
	.start = start,
	.build = build,
	.run = run,
	.free = destroy,
};
