/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What the peers that are libpto have in common: the device, and kernels that are loaded images. */
#ifndef BENCH_PTO_H
#define BENCH_PTO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pto/pto.h>

#include "peer.h"

#define MAX_IMAGE	(1u << 20)

/* A profiler attributes what is inlined to this file, not to who calls it. */
#define apart	__attribute__((noinline))

static struct pto_device *dev;
static struct pto_launch_opts opts = { .size = sizeof(opts) };
static const char *dir;

static struct {
	const char *name;
	struct pto_program *prog;
} loaded;

/* 0, or -1 and why on standard error. */
static int ended(int64_t ret)
{
	if (ret >= 0)
		return 0;
	fprintf(stderr, "pto: %s\n", pto_last_error());
	return -1;
}

static int start(const struct setup *setup)
{
	dir = setup->dir;
	opts.block_dim = setup->blocks;
	opts.aicpu_threads = setup->workers;
	setenv("PTO_EMULATOR", setup->emulator_threads ? "threads" : "inplace", 1);
	return ended(pto_device_open("embedded", &dev));
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

/* A graph whose func_id 0 is the kernel; NULL: failed. */
static apart struct pto_graph *new_graph(const char *kernel)
{
	struct pto_program *prog = load(kernel);
	struct pto_graph *g;

	if (!prog || pto_graph_create(dev, &g))
		return NULL;
	if (!pto_graph_set_kernel(g, 0, prog))
		return g;
	pto_graph_destroy(g);
	return NULL;
}

#endif
