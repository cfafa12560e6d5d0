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

/**
 * struct region
 * @lo, @hi:	the first byte, and the one behind the last
 * @origin:	byte (0, 0, ...) of the layout
 * @flat:	no byte between @lo and @hi is missing
 * @from, @to:	the box
 */
struct region {
	uint64_t lo, hi;
	uint64_t origin;
	uint32_t ndims;
	bool flat;
	uint64_t pitch[PTO_MAX_DIMS];
	uint64_t from[PTO_MAX_DIMS];
	uint64_t to[PTO_MAX_DIMS];
};

void region_of(const struct pto_tensor *t, struct region *r);

/** region_overlaps - do they share a byte? true also where that is hard to say */
bool region_overlaps(const struct region *a, const struct region *b);

/** region_covers - does @a have each byte of @b? false also where that is hard to say */
bool region_covers(const struct region *a, const struct region *b);

/** region_same - is it the same box of the same layout, or the same flat bytes? */
bool region_same(const struct region *a, const struct region *b);

/** tensor_check - 0, or -EINVAL if a record is not what the functions of <pto/tensor.h> make */
int tensor_check(const struct pto_tensor *t);

#endif
