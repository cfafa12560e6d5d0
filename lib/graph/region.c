// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Which bytes tensors occupy, and whether they share any. */
#include "graph/region.h"

#include <string.h>

#include "base/util.h"

#define SHARED_STEPS	(1u << 22)	/* gaps that are looked at */

/* The axes by their place in memory. */
static void axes_by_place(const struct pto_tensor *t, uint32_t axis[PTO_MAX_DIMS])
{
	uint32_t i;

	for (i = 0; i < t->ndims; i++)
		axis[((t->order >> 3 * i) & 7) ^ i] = i;
}

/* Flat: full inside, one axis that is a part, and one element of each axis outside of that. */
static bool is_flat(const struct region *r, const uint64_t *extent)
{
	uint32_t k = r->ndims - 1;

	while (k && !r->from[k] && r->to[k] == extent[k])
		k--;
	while (k--)
		if (r->to[k] - r->from[k] != 1)
			return false;
	return true;
}

static void flat_region(const struct pto_tensor *t, uint64_t esize, struct region *r)
{
	uint64_t size = esize;
	uint32_t i;

	for (i = 0; i < t->ndims; i++)
		size *= t->shapes[i];
	r->lo = t->addr + t->base * esize;
	r->hi = r->lo + size;
	r->flat = true;
}

static void box_region(const struct pto_tensor *t, uint64_t esize, struct region *r)
{
	uint64_t extent[PTO_MAX_DIMS];
	uint32_t axis[PTO_MAX_DIMS], i, n = 0;

	axes_by_place(t, axis);
	for (i = 0; i < t->ndims; i++) {
		uint32_t a = axis[i];

		/* An axis of one element is none, but there is always an innermost one. */
		if (t->raw_shapes[a] == 1 && i + 1 < t->ndims)
			continue;
		extent[n] = t->raw_shapes[a];
		r->from[n] = t->offsets[a];
		r->to[n++] = (uint64_t)t->offsets[a] + t->shapes[a];
	}
	/* "One element" may also be the last axis: then the one before is innermost. */
	if (n > 1 && extent[n - 1] == 1)
		n--;
	r->ndims = n;
	extent[n - 1] *= esize;
	r->from[n - 1] *= esize;
	r->to[n - 1] *= esize;
	r->pitch[n - 1] = 1;
	r->origin = r->lo = t->addr + t->base * esize;
	for (i = n - 1; i--; )
		r->pitch[i] = r->pitch[i + 1] * extent[i + 1];
	r->hi = r->lo + 1;
	for (i = 0; i < n; i++) {
		r->lo += r->from[i] * r->pitch[i];
		r->hi += (r->to[i] - 1) * r->pitch[i];
	}
	r->flat = is_flat(r, extent);
}

void region_of(const struct pto_tensor *t, struct region *r)
{
	uint64_t esize = dtype_size(t->dtype);

	if (likely(t->is_raw_eq_shapes))
		flat_region(t, esize, r);
	else
		box_region(t, esize, r);
}

/* Of two that are not flat. */
static bool same_layout(const struct region *a, const struct region *b)
{
	return a->origin == b->origin && a->ndims == b->ndims &&
	       !memcmp(a->pitch, b->pitch, a->ndims * sizeof(*a->pitch));
}

/* The first byte of the box at or behind @at; UINT64_MAX: there is none. */
static uint64_t first_from(const struct region *r, uint64_t at)
{
	uint64_t digit[PTO_MAX_DIMS], rest = at - r->origin;
	uint32_t i, k;

	if (at <= r->lo)
		return r->lo;
	/* The outermost digit may exceed its axis; the others can not. */
	for (k = 0; k < r->ndims; k++) {
		digit[k] = rest / r->pitch[k];
		rest %= r->pitch[k];
		if (digit[k] < r->from[k])
			break;
		if (digit[k] < r->to[k])
			continue;
		/* Past the end of this axis: on to the next line of one further out. */
		while (k && digit[k - 1] + 1 >= r->to[k - 1])
			k--;
		if (!k)
			return UINT64_MAX;
		digit[--k]++;
		k++;
		break;
	}
	for (i = k; i < r->ndims; i++)
		digit[i] = r->from[i];
	at = r->origin;
	for (i = 0; i < r->ndims; i++)
		at += digit[i] * r->pitch[i];
	return at;
}

static bool boxes_overlap(const struct region *a, const struct region *b)
{
	uint32_t i;

	for (i = 0; i < a->ndims; i++)
		if (a->to[i] <= b->from[i] || b->to[i] <= a->from[i])
			return false;
	return true;
}

bool region_overlaps(const struct region *a, const struct region *b)
{
	if (a->hi <= b->lo || b->hi <= a->lo)
		return false;
	if (a->flat && b->flat)
		return true;
	if (a->flat)
		return first_from(b, a->lo) < a->hi;
	if (b->flat)
		return first_from(a, b->lo) < b->hi;
	return !same_layout(a, b) || boxes_overlap(a, b);
}

/* From byte @at of the box on: how many bytes of it follow each other? */
static uint64_t run_from(const struct region *r, uint64_t at)
{
	if (r->flat)
		return r->hi - at;
	return r->to[r->ndims - 1] - (at - r->origin) % r->pitch[r->ndims - 2];
}

/* The first byte at or behind @at, which is not behind the region. */
static uint64_t next_byte(const struct region *r, uint64_t at)
{
	return r->flat ? max(at, r->lo) : first_from(r, at);
}

uint64_t region_shared(const struct region *a, const struct region *b, uint64_t *at)
{
	const struct region *swap;
	uint32_t steps;
	uint64_t next;

	*at = max(a->lo, b->lo);
	for (steps = 0; steps < SHARED_STEPS; steps++) {
		next = next_byte(a, *at);
		/* Where one has a byte, and the other had none before it. */
		if (steps && next == *at)
			return min(run_from(a, next), run_from(b, next));
		if (next >= a->hi || next >= b->hi)
			return 0;
		*at = next;
		swap = a;
		a = b;
		b = swap;
	}
	return 1;
}

bool region_covers(const struct region *a, const struct region *b)
{
	uint32_t i;

	if (a->lo > b->lo || a->hi < b->hi)
		return false;
	if (a->flat)
		return true;
	if (b->flat || !same_layout(a, b))
		return false;
	for (i = 0; i < a->ndims; i++)
		if (a->from[i] > b->from[i] || a->to[i] < b->to[i])
			return false;
	return true;
}

bool box_same(const struct region *a, const struct region *b)
{
	size_t size = a->ndims * sizeof(*a->from);

	return same_layout(a, b) && !memcmp(a->from, b->from, size) && !memcmp(a->to, b->to, size);
}
