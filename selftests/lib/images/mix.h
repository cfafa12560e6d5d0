/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * What the tasks of random tensor programs do, as a kernel and for the
 * sequential run that it is compared with: all that is read is mixed into one
 * number, and all that is written depends on it and on the place.
 */
#ifndef MIX_H
#define MIX_H

#include <stdint.h>

#include <pto/tensor.h>

#define MIX_MAX		4	/* tensors in random programs, */
#define MIX_MOST	32	/* and at all: @dirs of mix() holds no more */

static inline uint32_t mix_esize(const struct pto_tensor *t)
{
	static const uint8_t size[PTO_DTYPES] = { 4, 2, 4, 2, 1, 1, 2, 8, 8 };

	return size[t->dtype];
}

static inline void mix_strides(const struct pto_tensor *t, uint64_t *stride)
{
	for (uint32_t i = 0; i < t->ndims; i++) {
		stride[i] = 1;
		for (uint32_t k = 0; k < t->ndims; k++)
			if (((t->order >> 3 * k & 7) ^ k) > ((t->order >> 3 * i & 7) ^ i))
				stride[i] *= t->raw_shapes[k];
	}
}

/* Call @visit with each byte's address; @n counts bytes. */
#define mix_for_each_byte(t, n, at, visit) do { \
	uint64_t _stride[PTO_MAX_DIMS]; \
	uint32_t _i[PTO_MAX_DIMS] = { 0 }, _d, _b; \
	uint64_t n = 0; \
	mix_strides(t, _stride); \
	for (;;) { \
		uint64_t _e = (t)->start_offset; \
		for (_d = 0; _d < (t)->ndims; _d++) \
			_e += _i[_d] * _stride[_d]; \
		for (_b = 0; _b < mix_esize(t); _b++, n++) { \
			uint8_t *at = (uint8_t *)(uintptr_t)((t)->addr + _e * mix_esize(t) + _b); \
			visit; \
		} \
		for (_d = (t)->ndims; _d--; ) { \
			if (++_i[_d] < (t)->shapes[_d]) \
				break; \
			_i[_d] = 0; \
		} \
		if (_d > (t)->ndims) \
			break; \
	} \
} while (0)

/* @dirs: two bits a tensor, PTO_IN and so on */
static inline void mix(struct pto_tensor *const *t, uint32_t count, uint64_t dirs, uint64_t seed)
{
	uint64_t h = seed * 0x9e3779b97f4a7c15ull + 1;
	uint32_t i;

	for (i = 0; i < count; i++)
		if ((dirs >> 2 * i & 3) != 1)
			mix_for_each_byte(t[i], n, at, h = (h ^ *at ^ n << 8) * 0x100000001b3ull);
	for (i = 0; i < count; i++)
		if (dirs >> 2 * i & 3)
			mix_for_each_byte(t[i], n, at, *at = (h ^ n * 31) >> 5);
}

#endif
