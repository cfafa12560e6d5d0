/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Regions: the bytes that a tensor's elements occupy, without its dtype, the
 * order of its axes, and the axes that say nothing.
 *
 * A region is a box in a layout: axis 0 is the outermost in memory, axis k
 * advances by pitch[k] bytes, and the innermost one counts bytes. Where a
 * layout is dense, pitch[k] is the extent of axis k + 1 times its pitch.
 */
#ifndef GRAPH_REGION_H
#define GRAPH_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include <pto/tensor.h>

#include "base/util.h"

/**
 * struct region
 * @lo, @hi:	the first byte, and the one behind the last
 * @origin:	byte (0, 0, ...) of the layout
 * @flat:	no byte between @lo and @hi is missing: that is all there is to say, so it has no
 *		layout, and the rest is not set
 * @from, @to:	the box
 */
struct region {
	uint64_t lo, hi;
	bool flat;
	uint32_t ndims;
	uint64_t origin;
	uint64_t pitch[PTO_MAX_DIMS];
	uint64_t from[PTO_MAX_DIMS];
	uint64_t to[PTO_MAX_DIMS];
};

/* What pto_dtype_size() returns, of a dtype that there is. */
static inline uint32_t dtype_size(uint32_t dtype)
{
	static const uint8_t size[PTO_DTYPES] = {
		[PTO_FLOAT32] = 4, [PTO_FLOAT16] = 2, [PTO_INT32] = 4, [PTO_INT16] = 2,
		[PTO_INT8] = 1, [PTO_UINT8] = 1, [PTO_BFLOAT16] = 2, [PTO_INT64] = 8,
		[PTO_UINT64] = 8,
	};

	return size[dtype];
}

void region_of(const struct pto_tensor *t, struct region *r);

/** region_copy - copy what is set; of a flat one @to need not have room for more */
static inline void region_copy(struct region *to, const struct region *r)
{
	/*
	 * Word by word, as it has just been written: a wider load would wait until all earlier
	 * stores are done, those to lines that other CPUs have included.
	 */
	if (likely(r->flat)) {
		to->lo = READ_ONCE(r->lo);
		to->hi = READ_ONCE(r->hi);
		to->flat = true;
	} else {
		*to = *r;
	}
}

/** region_overlaps - do they share a byte? true also where that is hard to say */
bool region_overlaps(const struct region *a, const struct region *b);

/**
 * region_shared - the first bytes that both have
 *
 * Returns their number, and where they begin in @at; 0: there are none. Unlike
 * region_overlaps() it takes as long as the regions have gaps, but is exact, except
 * that 1 is also what it returns when it has given up looking.
 */
uint64_t region_shared(const struct region *a, const struct region *b, uint64_t *at);

/** region_covers - does @a have each byte of @b? false also where that is hard to say */
bool region_covers(const struct region *a, const struct region *b);

/** box_same - the part of region_same() for regions that begin and end alike, and are not flat */
bool box_same(const struct region *a, const struct region *b);

/** region_same - is it the same box of the same layout, or the same flat bytes? */
static inline bool region_same(const struct region *a, const struct region *b)
{
	return a->lo == b->lo && a->hi == b->hi && a->flat == b->flat && (a->flat || box_same(a, b));
}

/** tensor_check - 0, or -EINVAL if a record is not what the functions of <pto/tensor.h> make */
int tensor_check(const struct pto_tensor *t);

/** tensor_check_size - the same of the size of one that is to be allocated, all of it */
int tensor_check_size(const struct pto_tensor *t);

#endif
