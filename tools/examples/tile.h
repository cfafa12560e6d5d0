/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* A tile, as a kernel gets it: a box of rows and columns of a tensor of float. */
#ifndef EXAMPLES_TILE_H
#define EXAMPLES_TILE_H

#include <stdint.h>

#include <pto/tensor.h>

struct tile {
	float *first;
	uint64_t pitch;		/* from row to row */
	uint32_t rows, cols;
};

/* Rows and columns are the last two axes. */
static inline struct tile tile(int64_t arg)
{
	const struct pto_tensor *t = (const struct pto_tensor *)arg;
	uint32_t n = t->ndims;

	return (struct tile){ (float *)t->addr + t->start_offset, t->raw_shapes[n - 1],
			      t->shapes[n - 2], t->shapes[n - 1] };
}

static inline float *row(struct tile t, uint32_t i)
{
	return t.first + i * t.pitch;
}

#endif
