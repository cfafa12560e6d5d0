/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* A tile, as a kernel gets it: a part of a matrix of float. */
#ifndef TILE_H
#define TILE_H

#include <stdint.h>

#include <pto/tensor.h>

struct tile {
	float *first;
	uint64_t pitch;		/* from row to row */
	uint32_t rows, cols;
};

static inline struct tile tile(int64_t arg)
{
	const struct pto_tensor *t = (const struct pto_tensor *)arg;

	return (struct tile){ (float *)t->addr + t->start_offset, t->raw_shapes[1],
			      t->shapes[0], t->shapes[1] };
}

static inline float *row(struct tile t, uint32_t i)
{
	return t.first + i * t.pitch;
}

#endif
