/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Random tensors in a small buffer. */
#ifndef TENSORS_H
#define TENSORS_H

#include <stdint.h>
#include <string.h>

#include <pto/pto.h>

#include "images/mix.h"

#define BUFFER		512	/* bytes */

static inline uint32_t rnd(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (*seed >> 33) % below;
}

/* A factor of @n, or now and then 1. */
static inline uint32_t rnd_factor(uint64_t *seed, uint32_t n)
{
	uint32_t f = 1 + rnd(seed, n);

	while (n % f)
		f--;
	return f;
}

static inline uint32_t rnd_shape(uint64_t *seed, uint32_t n, uint32_t *shapes)
{
	uint32_t i, ndims = 1 + rnd(seed, PTO_MAX_DIMS);

	for (i = 0; i < ndims - 1; i++) {
		shapes[i] = rnd_factor(seed, n);
		n /= shapes[i];
	}
	shapes[i] = n;
	return ndims;
}

static inline void rnd_view(uint64_t *seed, struct pto_tensor *t)
{
	uint32_t shapes[PTO_MAX_DIMS], offsets[PTO_MAX_DIMS], i;

	for (i = 0; i < t->ndims; i++) {
		shapes[i] = rnd(seed, 3) ? 1 + rnd(seed, t->shapes[i]) : t->shapes[i];
		offsets[i] = rnd(seed, t->shapes[i] - shapes[i] + 1);
	}
	pto_tensor_view(t, shapes, offsets, t);
}

/* All of the buffer, as @dtype; a chain of up to @steps changes is made to it. */
static inline struct pto_tensor rnd_tensor(uint64_t *seed, void *buffer, uint32_t dtype, int steps)
{
	uint32_t shapes[PTO_MAX_DIMS], ndims;
	struct pto_tensor t;

	ndims = rnd_shape(seed, BUFFER / pto_dtype_size(dtype), shapes);
	pto_tensor_init(&t, buffer, shapes, ndims, dtype);
	for (steps = rnd(seed, steps + 1); steps; steps--) {
		switch (rnd(seed, 4)) {
		case 0:
		case 1:
			rnd_view(seed, &t);
			break;
		case 2:
			ndims = rnd_shape(seed, pto_tensor_numel(&t), shapes);
			if (pto_tensor_contiguous(&t))
				pto_tensor_reshape(&t, shapes, ndims, &t);
			break;
		case 3:
			pto_tensor_transpose(&t, rnd(seed, t.ndims), rnd(seed, t.ndims), &t);
			break;
		}
	}
	return t;
}

/* A plain box of a matrix of floats of @rows rows. */
static inline struct pto_tensor rnd_box(uint64_t *seed, void *buffer, uint32_t rows)
{
	const uint32_t shapes[] = { rows, BUFFER / 4 / rows };
	struct pto_tensor t;

	pto_tensor_init(&t, buffer, shapes, 2, PTO_FLOAT32);
	rnd_view(seed, &t);
	return t;
}

/* Mark the tensor's bytes; @map stands for @buffer. */
static inline void mark(const struct pto_tensor *t, const void *buffer, uint8_t *map)
{
	memset(map, 0, BUFFER);
	mix_for_each_byte(t, n, at, map[at - (const uint8_t *)buffer] = 1);
}

static inline bool share(const uint8_t *a, const uint8_t *b)
{
	int i;

	for (i = 0; i < BUFFER; i++)
		if (a[i] && b[i])
			return true;
	return false;
}

#endif
