/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Tensors: what a task reads and writes, said so that the library can tell
 * which tasks have to wait for each other.
 *
 * A tensor is a value: a box of elements in a buffer. Copy it, keep it, drop
 * it as you like; none of these functions allocates or keeps a pointer.
 * Kernels get pointers to copies of their task's tensors.
 *
 * Functions are thread-safe, and return 0 or -EINVAL with a text in
 * pto_last_error(); on failure the output is unchanged. @out may be the
 * tensor itself.
 */
#ifndef PTO_TENSOR_H
#define PTO_TENSOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef PTO_API
#define PTO_API __attribute__((visibility("default")))
#endif

#define PTO_MAX_DIMS	5

/** enum pto_dtype - kinds of element */
enum pto_dtype {
	PTO_FLOAT32 = 0,
	PTO_FLOAT16 = 1,
	PTO_INT32 = 2,
	PTO_INT16 = 3,
	PTO_INT8 = 4,
	PTO_UINT8 = 5,
	PTO_BFLOAT16 = 6,
	PTO_INT64 = 7,
	PTO_UINT64 = 8,
	PTO_DTYPES = 9,
};

/**
 * struct pto_tensor - a box of elements in a buffer; 128 bytes that kernels may read
 * @addr:	where the buffer begins; 0: the library allocates it when a task
 *		first writes the tensor
 * @size:	bytes of the buffer
 * @start_offset: of the box's first element from @addr, in elements
 * @version:	the user's own
 * @dtype:	enum pto_dtype
 * @ndims:	1 to PTO_MAX_DIMS; the arrays below have as many entries, axis 0
 *		first, and zeroes behind
 * @is_all_offset_zero: @offsets are all 0
 * @is_raw_eq_shapes: @raw_shapes are @shapes
 * @manual_dep:	no dependencies are inferred from it; set it at will
 * @shapes:	elements of the box
 * @raw_shapes:	elements of what the box was cut from
 * @offsets:	where in that it begins
 * @order:	how the axes lie in memory, 3 bits each: the place of axis i (0
 *		outermost) exclusive-or i; 0 where nothing was transposed
 * @base:	of the first element of what it was cut from, from @addr, in elements
 * @owner:	names the allocation, if the library made it; 0: it did not
 *
 * Element (i0, i1, ...) lies at @addr + esize * (@start_offset + the sum of i
 * times stride), where the stride of an axis is the product of @raw_shapes of
 * the axes that lie further in. All but @version and @manual_dep is written by
 * the functions below alone.
 */
struct pto_tensor {
	uint64_t addr;
	uint64_t size;
	uint64_t start_offset;
	int32_t version;
	uint32_t dtype;
	uint32_t ndims;
	uint8_t is_all_offset_zero;
	uint8_t is_raw_eq_shapes;
	uint8_t manual_dep;
	uint8_t reserved;
	uint32_t shapes[PTO_MAX_DIMS];
	uint32_t reserved2;
	uint32_t raw_shapes[PTO_MAX_DIMS];
	uint32_t offsets[PTO_MAX_DIMS];
	uint32_t order;
	uint32_t reserved3;
	uint64_t base;
	uint64_t owner;
} __attribute__((aligned(64)));

/** pto_dtype_size - bytes of an element; 0 if there is no such dtype */
PTO_API uint32_t pto_dtype_size(uint32_t dtype);

/**
 * pto_tensor_init - a tensor that is all of a buffer
 * @addr:	the buffer; NULL: allocated when a task first writes the tensor
 * @shapes:	@ndims numbers of elements, each at least 1; rows are contiguous
 * @ndims:	1 to 5
 *
 * Fails if an argument is out of range, or the tensor has over 2^63 - 1 bytes, or more than fit
 * behind @addr.
 */
PTO_API int pto_tensor_init(struct pto_tensor *out, void *addr, const uint32_t *shapes,
			    uint32_t ndims, enum pto_dtype dtype);

/**
 * pto_tensor_view - a part of a tensor
 * @shapes, @offsets: as many as the tensor has dimensions; the part must lie inside
 */
PTO_API int pto_tensor_view(const struct pto_tensor *t, const uint32_t *shapes,
			    const uint32_t *offsets, struct pto_tensor *out);

/**
 * pto_tensor_reshape - the same elements, numbered otherwise
 *
 * The tensor must be contiguous, and have as many elements as @shapes say.
 */
PTO_API int pto_tensor_reshape(const struct pto_tensor *t, const uint32_t *shapes,
			       uint32_t ndims, struct pto_tensor *out);

/** pto_tensor_transpose - axes @x and @y exchanged; nothing moves in memory */
PTO_API int pto_tensor_transpose(const struct pto_tensor *t, uint32_t x, uint32_t y,
				 struct pto_tensor *out);

/** pto_tensor_numel - number of elements */
PTO_API uint64_t pto_tensor_numel(const struct pto_tensor *t);

/** pto_tensor_contiguous - 1: its elements follow each other in memory, last axis fastest; or 0 */
PTO_API int pto_tensor_contiguous(const struct pto_tensor *t);

/**
 * pto_tensor_overlap - may two tensors share a byte?
 *
 * 0: they share none. 1: they do, or may: exact if one is contiguous in memory
 * in any order of axes, or if both are cut from one tensor, transposed and seen
 * as another dtype or not; otherwise the bytes from first to last are compared.
 * This is what dependencies are inferred by.
 */
PTO_API int pto_tensor_overlap(const struct pto_tensor *a, const struct pto_tensor *b);

#ifdef __cplusplus
}
#endif

#endif
