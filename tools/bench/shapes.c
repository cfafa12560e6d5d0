// SPDX-License-Identifier: MIT OR LGPL-2.1
#include "shapes.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RANDOM_WINDOW	1000	/* a task's predecessors are among so many before it */
#define RANDOM_PREDS	6

const char *const shape_names[] = {
	"indep", "chain", "layered", "wave", "tree", "random", "chol",
};
const unsigned int shape_count = sizeof(shape_names) / sizeof(shape_names[0]);

struct builder {
	struct shape *shape;
	uint32_t npred;
	uint32_t pred_size;
	uint32_t task_size;
	bool failed;
};

static uint32_t new_task(struct builder *b)
{
	struct shape *s = b->shape;
	uint32_t *grown;

	if (s->ntasks + 2 > b->task_size) {
		b->task_size = 2 * b->task_size + 1024;
		grown = realloc(s->first, b->task_size * sizeof(*grown));
		if (!grown) {
			b->failed = true;
			return 0;
		}
		s->first = grown;
	}
	s->first[s->ntasks] = b->npred;
	s->first[s->ntasks + 1] = b->npred;
	return s->ntasks++;
}

/* A predecessor of the newest task. */
static void after(struct builder *b, uint32_t pred)
{
	struct shape *s = b->shape;
	uint32_t *grown;

	if (b->failed)
		return;
	if (b->npred == b->pred_size) {
		b->pred_size = 2 * b->pred_size + 1024;
		grown = realloc(s->pred, b->pred_size * sizeof(*grown));
		if (!grown) {
			b->failed = true;
			return;
		}
		s->pred = grown;
	}
	s->pred[b->npred++] = pred;
	s->first[s->ntasks] = b->npred;
}

static void make_indep(struct builder *b, uint32_t size)
{
	while (size--)
		new_task(b);
}

static void make_chain(struct builder *b, uint32_t size)
{
	uint32_t i, task;

	for (i = 0; i < size; i++) {
		task = new_task(b);
		if (i)
			after(b, task - 1);
	}
}

static void make_layered(struct builder *b, uint32_t size)
{
	uint32_t side = fmax(1.0, sqrt(size)), layer, i;

	for (layer = 0; layer < side; layer++) {
		for (i = 0; i < side; i++) {
			new_task(b);
			if (!layer)
				continue;
			after(b, (layer - 1) * side + i);
			if (side > 1)
				after(b, (layer - 1) * side + (i + 1) % side);
		}
	}
}

static void make_wave(struct builder *b, uint32_t size)
{
	uint32_t side = fmax(1.0, sqrt(size)), row, col, task;

	for (row = 0; row < side; row++) {
		for (col = 0; col < side; col++) {
			task = new_task(b);
			if (row)
				after(b, task - side);
			if (col)
				after(b, task - 1);
		}
	}
}

static void make_tree(struct builder *b, uint32_t size)
{
	uint32_t width = 1, i, below;

	while (2 * width - 1 < size)
		width *= 2;
	for (i = 0; i < width; i++)
		new_task(b);
	for (below = 0; width > 1; below += width, width /= 2) {
		for (i = 0; i < width; i += 2) {
			new_task(b);
			after(b, below + i);
			after(b, below + i + 1);
		}
	}
}

static uint32_t rnd(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 32;
}

static void make_random(struct builder *b, uint32_t size)
{
	uint64_t state = 88172645463325252ull;
	uint32_t i, n, k, pred, *of;

	for (i = 0; i < size && !b->failed; i++) {
		uint32_t window = i < RANDOM_WINDOW ? i : RANDOM_WINDOW;

		new_task(b);
		for (n = rnd(&state) % (RANDOM_PREDS + 1); n && window; n--) {
			pred = i - 1 - rnd(&state) % window;
			of = b->shape->pred + b->shape->first[i];
			for (k = b->shape->first[i]; k < b->npred && *of != pred; k++)
				of++;
			if (k == b->npred)
				after(b, pred);
		}
	}
}

/* Tiled Cholesky: who wrote each tile last is what the next use of it waits for. */
static void make_chol(struct builder *b, uint32_t size)
{
	uint32_t n = 1, i, j, k, *tile;

	while (n * (n + 1) / 2 + n * (n * n - 1) / 6 < size)
		n++;
	tile = malloc((size_t)n * n * sizeof(*tile));
	if (!tile) {
		b->failed = true;
		return;
	}
	memset(tile, 0xff, (size_t)n * n * sizeof(*tile));
#define TILE(r, c)	tile[(r) * n + (c)]
#define USE(r, c)	do { if (TILE(r, c) != UINT32_MAX) after(b, TILE(r, c)); } while (0)
	for (k = 0; k < n; k++) {
		uint32_t task = new_task(b);		/* potrf */

		USE(k, k);
		TILE(k, k) = task;
		for (i = k + 1; i < n; i++) {		/* trsm */
			task = new_task(b);
			USE(k, k);
			USE(i, k);
			TILE(i, k) = task;
		}
		for (i = k + 1; i < n; i++) {		/* syrk, gemm */
			for (j = k + 1; j <= i; j++) {
				task = new_task(b);
				USE(i, k);
				if (j != i)
					USE(j, k);
				USE(i, j);
				TILE(i, j) = task;
			}
		}
	}
#undef USE
#undef TILE
	free(tile);
}

int shape_make(struct shape *shape, const char *name, uint32_t size)
{
	static void (*const make[])(struct builder *b, uint32_t size) = {
		make_indep, make_chain, make_layered, make_wave, make_tree, make_random, make_chol,
	};
	struct builder b = { .shape = shape };
	unsigned int i;

	memset(shape, 0, sizeof(*shape));
	for (i = 0; i < shape_count; i++) {
		if (strcmp(name, shape_names[i]))
			continue;
		shape->name = shape_names[i];
		make[i](&b, size);
		if (!b.failed)
			return 0;
		shape_free(shape);
		return -ENOMEM;
	}
	return -EINVAL;
}

void shape_free(struct shape *shape)
{
	free(shape->first);
	free(shape->pred);
	shape->first = shape->pred = NULL;
}
