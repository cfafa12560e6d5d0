// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Making tensors from tensors. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "graph/region.h"

uint32_t pto_dtype_size(uint32_t dtype)
{
	return dtype < PTO_DTYPES ? dtype_size(dtype) : 0;
}

/* The number of elements, times @esize; -EINVAL if that is 0 or too much. */
static int count(const uint32_t *shapes, uint32_t ndims, uint64_t esize, uint64_t *n)
{
	uint32_t i;

	if (!shapes)
		return fail(-EINVAL, "the shapes of a tensor are NULL");
	if (ndims < 1 || ndims > PTO_MAX_DIMS)
		return fail(-EINVAL, "a tensor has 1 to %d dimensions, not %u", PTO_MAX_DIMS, ndims);
	*n = esize;
	for (i = 0; i < ndims; i++) {
		if (!shapes[i])
			return fail(-EINVAL, "axis %u of a tensor has no elements", i);
		if (__builtin_mul_overflow(*n, shapes[i], n) || *n > INT64_MAX)
			return fail(-EINVAL, "a tensor of more than 2^63 bytes");
	}
	return 0;
}

/* Axes from scratch: the elements of @t from @base on are all there is. */
static void set_axes(struct pto_tensor *t, const uint32_t *shapes, uint32_t ndims, uint64_t base)
{
	uint32_t i, n[PTO_MAX_DIMS] = { 0 };

	for (i = 0; i < ndims; i++)
		n[i] = shapes[i];
	memcpy(t->shapes, n, sizeof(n));
	memcpy(t->raw_shapes, n, sizeof(n));
	memset(t->offsets, 0, sizeof(t->offsets));
	t->ndims = ndims;
	t->order = 0;
	t->base = base;
	t->start_offset = base;
	t->is_all_offset_zero = 1;
	t->is_raw_eq_shapes = 1;
}

/* The place of an axis in memory, 0 outermost. */
static uint32_t place(const struct pto_tensor *t, uint32_t axis)
{
	return ((t->order >> 3 * axis) & 7) ^ axis;
}

static void set_place(struct pto_tensor *t, uint32_t axis, uint32_t at)
{
	t->order = (t->order & ~(7u << 3 * axis)) | (at ^ axis) << 3 * axis;
}

static uint64_t stride(const struct pto_tensor *t, uint32_t axis)
{
	uint64_t n = 1;
	uint32_t i;

	for (i = 0; i < t->ndims; i++)
		if (place(t, i) > place(t, axis))
			n *= t->raw_shapes[i];
	return n;
}

static uint64_t start_offset(const struct pto_tensor *t)
{
	uint64_t at = t->base;
	uint32_t i;

	for (i = 0; i < t->ndims; i++)
		at += t->offsets[i] ? t->offsets[i] * stride(t, i) : 0;
	return at;
}

static bool places_are_a_permutation(const struct pto_tensor *t)
{
	uint32_t i, seen = 0;

	for (i = 0; i < t->ndims; i++)
		seen |= 1u << place(t, i);
	return seen == (1u << t->ndims) - 1;
}

int tensor_check(const struct pto_tensor *t)
{
	uint32_t i;

	if (!t)
		return fail(-EINVAL, "the tensor is NULL");
	if (t->ndims < 1 || t->ndims > PTO_MAX_DIMS || t->dtype >= PTO_DTYPES)
		return fail(-EINVAL, "not a tensor: %u dimensions, dtype %u", t->ndims, t->dtype);
	for (i = 0; i < t->ndims; i++)
		if (!t->shapes[i] ||
		    (uint64_t)t->offsets[i] + t->shapes[i] > t->raw_shapes[i])
			return fail(-EINVAL, "not a tensor: axis %u has %u elements from %u on, of %u",
				    i, t->shapes[i], t->offsets[i], t->raw_shapes[i]);
	if (unlikely(t->order) && !places_are_a_permutation(t))
		return fail(-EINVAL, "not a tensor: order is %#x", t->order);
	return 0;
}

int tensor_check_size(const struct pto_tensor *t)
{
	uint64_t size = 0;
	int ret = count(t->raw_shapes, t->ndims, dtype_size(t->dtype), &size);

	if (ret || size == t->size)
		return ret;
	return fail(-EINVAL, "a tensor that has no address yet: its size is %llu bytes, and its elements need %llu",
		    (unsigned long long)t->size, (unsigned long long)size);
}

int pto_tensor_init(struct pto_tensor *out, void *addr, const uint32_t *shapes, uint32_t ndims,
		    enum pto_dtype dtype)
{
	uint64_t esize = pto_dtype_size(dtype), size;
	int ret;

	if (!out)
		return fail(-EINVAL, "pto_tensor_init: out is NULL");
	if (!esize)
		return fail(-EINVAL, "there is no dtype %d", dtype);
	ret = count(shapes, ndims, esize, &size);
	if (ret)
		return ret;
	if (size > UINT64_MAX - (uintptr_t)addr)
		return fail(-EINVAL, "a tensor of %llu bytes does not fit behind %p",
			    (unsigned long long)size, addr);
	clear_bytes(out, sizeof(*out));
	out->addr = (uintptr_t)addr;
	out->size = size;
	out->dtype = dtype;
	set_axes(out, shapes, ndims, 0);
	return 0;
}

int pto_tensor_view(const struct pto_tensor *t, const uint32_t *shapes, const uint32_t *offsets,
		    struct pto_tensor *out)
{
	struct pto_tensor v;
	uint32_t i;
	int ret = tensor_check(t);

	if (ret)
		return ret;
	if (!shapes || !offsets || !out)
		return fail(-EINVAL, "pto_tensor_view: NULL argument");
	v = *t;
	v.is_all_offset_zero = v.is_raw_eq_shapes = 1;
	for (i = 0; i < t->ndims; i++) {
		if (!shapes[i] || (uint64_t)offsets[i] + shapes[i] > t->shapes[i])
			return fail(-EINVAL, "view: axis %u has %u elements, not %u from %u on", i,
				    t->shapes[i], shapes[i], offsets[i]);
		v.shapes[i] = shapes[i];
		v.offsets[i] += offsets[i];
		v.is_all_offset_zero &= !v.offsets[i];
		v.is_raw_eq_shapes &= v.shapes[i] == v.raw_shapes[i];
	}
	v.start_offset = start_offset(&v);
	*out = v;
	return 0;
}

int pto_tensor_contiguous(const struct pto_tensor *t)
{
	uint64_t n = 1;
	uint32_t i;

	if (tensor_check(t))
		return -EINVAL;
	/* Where an element's successor lies says nothing if there is none. */
	for (i = t->ndims; i--; ) {
		if (t->shapes[i] > 1 && stride(t, i) != n)
			return 0;
		n *= t->shapes[i];
	}
	return 1;
}

int pto_tensor_reshape(const struct pto_tensor *t, const uint32_t *shapes, uint32_t ndims,
		       struct pto_tensor *out)
{
	struct pto_tensor v;
	uint64_t n;
	int ret = tensor_check(t) ?: count(shapes, ndims, 1, &n);

	if (ret)
		return ret;
	if (!out)
		return fail(-EINVAL, "pto_tensor_reshape: out is NULL");
	if (n != pto_tensor_numel(t))
		return fail(-EINVAL, "reshape: %llu elements into %llu",
			    (unsigned long long)pto_tensor_numel(t), (unsigned long long)n);
	if (!pto_tensor_contiguous(t))
		return fail(-EINVAL, "reshape: the tensor is not contiguous");
	v = *t;
	set_axes(&v, shapes, ndims, t->start_offset);
	*out = v;
	return 0;
}

static void swap(uint32_t *a, uint32_t *b)
{
	uint32_t c = *a;

	*a = *b;
	*b = c;
}

int pto_tensor_transpose(const struct pto_tensor *t, uint32_t x, uint32_t y,
			 struct pto_tensor *out)
{
	struct pto_tensor v;
	int ret = tensor_check(t);

	if (ret)
		return ret;
	if (!out)
		return fail(-EINVAL, "pto_tensor_transpose: out is NULL");
	if (x >= t->ndims || y >= t->ndims)
		return fail(-EINVAL, "transpose of axes %u and %u: there are %u", x, y, t->ndims);
	v = *t;
	swap(&v.shapes[x], &v.shapes[y]);
	swap(&v.raw_shapes[x], &v.raw_shapes[y]);
	swap(&v.offsets[x], &v.offsets[y]);
	set_place(&v, x, place(t, y));
	set_place(&v, y, place(t, x));
	*out = v;
	return 0;
}

uint64_t pto_tensor_numel(const struct pto_tensor *t)
{
	uint64_t n = 1;
	uint32_t i;

	if (tensor_check(t))
		return 0;
	for (i = 0; i < t->ndims; i++)
		n *= t->shapes[i];
	return n;
}

int pto_tensor_overlap(const struct pto_tensor *a, const struct pto_tensor *b)
{
	struct region x, y;
	int ret = tensor_check(a) ?: tensor_check(b);

	if (ret)
		return ret;
	region_of(a, &x);
	region_of(b, &y);
	return region_overlaps(&x, &y);
}
