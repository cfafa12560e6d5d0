/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Tensor: struct pto_tensor of <pto/tensor.h>, where its members are explained, with
 * methods. What can not be made (a view that is not inside, a reshape of what
 * is not contiguous) is an assertion that fails.
 */
#ifndef PTO_COMPAT_TENSOR_H
#define PTO_COMPAT_TENSOR_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "common.h"
#include "data_type.h"

#define RUNTIME_MAX_TENSOR_DIMS 5

struct PTOBufferHandle {
	uint64_t addr;
	uint64_t size;
};

struct alignas(64) Tensor {
	PTOBufferHandle buffer;
	uint64_t start_offset;
	int32_t version;
	DataType dtype;
	uint32_t ndims;
	bool is_all_offset_zero;
	bool is_raw_eq_shapes;
	bool manual_dep;
	uint8_t reserved;
	uint32_t shapes[RUNTIME_MAX_TENSOR_DIMS];
	uint32_t reserved2;
	uint32_t raw_shapes[RUNTIME_MAX_TENSOR_DIMS];
	uint32_t offsets[RUNTIME_MAX_TENSOR_DIMS];
	uint32_t order;
	uint32_t reserved3;
	uint64_t base;
	uint64_t owner;

	Tensor view(const uint32_t view_shapes[], const uint32_t view_offsets[],
		    bool view_manual_dep = false) const
	{
		Tensor t = *this;

		t.manual_dep = view_manual_dep;
		t.is_all_offset_zero = t.is_raw_eq_shapes = true;
		for (uint32_t i = 0; i < ndims; i++) {
			PTO_COMPAT_REQUIRE(view_shapes[i] && static_cast<uint64_t>(view_shapes[i]) +
						view_offsets[i] <= shapes[i],
					   "view() of what is not inside the tensor");
			t.shapes[i] = view_shapes[i];
			t.offsets[i] += view_offsets[i];
			t.is_all_offset_zero &= !t.offsets[i];
			t.is_raw_eq_shapes &= t.shapes[i] == t.raw_shapes[i];
		}
		t.start_offset = t.base;
		for (uint32_t i = 0; i < ndims; i++)
			t.start_offset += t.offsets[i] * t.stride(i);
		return t;
	}

	bool valid_reshape(const uint32_t new_shapes[], uint32_t new_ndims) const
	{
		uint64_t n;

		return new_ndims && new_ndims <= RUNTIME_MAX_TENSOR_DIMS &&
		       multiply(new_shapes, new_ndims, 1, &n) && n == numel() && is_contiguous();
	}

	Tensor reshape(const uint32_t new_shapes[], uint32_t new_ndims,
		       bool new_manual_dep = false) const
	{
		Tensor t = *this;

		PTO_COMPAT_REQUIRE(valid_reshape(new_shapes, new_ndims),
				   "reshape() into another number of elements or dimensions, or of what is not contiguous");
		t.manual_dep = new_manual_dep;
		t.set_axes(new_shapes, new_ndims, start_offset);
		return t;
	}

	bool valid_transpose(uint32_t x, uint32_t y) const
	{
		return x < ndims && y < ndims;
	}

	Tensor transpose(uint32_t x, uint32_t y, bool new_manual_dep = false) const
	{
		Tensor t = *this;

		PTO_COMPAT_REQUIRE(valid_transpose(x, y), "transpose() of an axis that is not there");
		t.manual_dep = new_manual_dep;
		t.shapes[x] = shapes[y];
		t.shapes[y] = shapes[x];
		t.raw_shapes[x] = raw_shapes[y];
		t.raw_shapes[y] = raw_shapes[x];
		t.offsets[x] = offsets[y];
		t.offsets[y] = offsets[x];
		t.set_place(x, place(y));
		t.set_place(y, place(x));
		return t;
	}

	/*
	 * If 64 bits do not hold it, which is so of no tensor that was made here, all of them
	 * are set. An assertion would be a call of another library's in each kernel that asks.
	 */
	uint64_t numel() const
	{
		uint64_t n;

		return multiply(shapes, ndims, 1, &n) ? n : UINT64_MAX;
	}

	bool is_contiguous() const
	{
		uint64_t n = 1;

		for (uint32_t i = ndims; i--; n *= shapes[i])
			if (shapes[i] > 1 && stride(i) != n)
				return false;
		return true;
	}

	bool is_same_memref(const Tensor &other) const
	{
		return buffer.addr == other.buffer.addr;
	}

	std::string dump() const
	{
		std::string s = "Tensor(addr=" + std::to_string(buffer.addr) + ", size=" +
				std::to_string(buffer.size) + ", dtype=" + get_dtype_name(dtype) +
				", start_offset=" + std::to_string(start_offset);

		return s + list(", shapes=", shapes) + list(", raw_shapes=", raw_shapes) +
		       list(", offsets=", offsets) + ")";
	}

	/* What follows is this header's own. */

	/* False: 64 bits do not hold it. */
	static bool multiply(const uint32_t values[], uint32_t count, uint64_t by, uint64_t *n)
	{
		*n = by;
		for (uint32_t i = 0; i < count; i++)
			if (__builtin_mul_overflow(*n, values[i], n))
				return false;
		return true;
	}

	uint32_t place(uint32_t axis) const
	{
		return ((order >> 3 * axis) & 7) ^ axis;
	}

	void set_place(uint32_t axis, uint32_t at)
	{
		order = (order & ~(7u << 3 * axis)) | (at ^ axis) << 3 * axis;
	}

	uint64_t stride(uint32_t axis) const
	{
		uint64_t n = 1;

		for (uint32_t i = 0; i < ndims; i++)
			if (place(i) > place(axis))
				n *= raw_shapes[i];
		return n;
	}

	void set_axes(const uint32_t new_shapes[], uint32_t new_ndims, uint64_t new_base)
	{
		for (uint32_t i = 0; i < RUNTIME_MAX_TENSOR_DIMS; i++) {
			shapes[i] = raw_shapes[i] = i < new_ndims ? new_shapes[i] : 0;
			offsets[i] = 0;
		}
		ndims = new_ndims;
		order = 0;
		base = start_offset = new_base;
		is_all_offset_zero = is_raw_eq_shapes = true;
	}

	std::string list(const char *name, const uint32_t *values) const
	{
		std::string s = name;

		for (uint32_t i = 0; i < ndims; i++)
			s += (i ? "," : "[") + std::to_string(values[i]);
		return s + "]";
	}
};

using TensorData = Tensor;

static_assert(sizeof(Tensor) == 128 && alignof(Tensor) == 64, "as kernels know it");
static_assert(std::is_trivially_copyable<Tensor>::value, "it is copied for each task");

inline Tensor make_tensor_external(void *addr, const uint32_t shapes[], uint32_t ndims,
				   DataType dtype = DataType::FLOAT32, bool manual_dep = false,
				   int32_t version = 0)
{
	Tensor t = {};

	PTO_COMPAT_REQUIRE(ndims && ndims <= RUNTIME_MAX_TENSOR_DIMS,
			   "make_tensor: a tensor has 1 to 5 dimensions");
	PTO_COMPAT_REQUIRE(dtype < DataType::DATA_TYPE_NUM, "make_tensor: there is no such DataType");
	t.buffer.addr = reinterpret_cast<uint64_t>(addr);
	t.dtype = dtype;
	t.version = version;
	t.manual_dep = manual_dep;
	t.set_axes(shapes, ndims, 0);
	PTO_COMPAT_REQUIRE(Tensor::multiply(shapes, ndims, get_element_size(dtype),
					    &t.buffer.size) && t.buffer.size <= INT64_MAX,
			   "make_tensor: a tensor of more than 2^63 bytes");
	PTO_COMPAT_REQUIRE(t.buffer.size <= UINT64_MAX - t.buffer.addr,
			   "make_tensor: a tensor that does not fit behind its address");
	return t;
}

/* Without a buffer: it gets one when it is first an output. */
inline Tensor make_tensor(const uint32_t shapes[], uint32_t ndims,
			  DataType dtype = DataType::FLOAT32, bool manual_dep = false, int32_t version = 0)
{
	return make_tensor_external(nullptr, shapes, ndims, dtype, manual_dep, version);
}

#endif
