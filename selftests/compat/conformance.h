/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What existing sources rely on, in each flavour that has tensors. Compiling it is the test. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <cstddef>
#include <type_traits>

#include "common.h"
#include "common/core_type.h"
#include "common/platform_config.h"
#include "common/unified_log.h"
#include "data_type.h"
#include "tensor.h"

#define SAME(a, b)	static_assert(std::is_same<a, b>::value, #a " is " #b)
#define RETURNS(type, ...)	SAME(decltype(__VA_ARGS__), type)

/* Data types. */
SAME(std::underlying_type<DataType>::type, uint32_t);
static_assert(static_cast<uint32_t>(DataType::FLOAT32) == 0, "");
static_assert(static_cast<uint32_t>(DataType::FLOAT16) == 1, "");
static_assert(static_cast<uint32_t>(DataType::INT32) == 2, "");
static_assert(static_cast<uint32_t>(DataType::INT16) == 3, "");
static_assert(static_cast<uint32_t>(DataType::INT8) == 4, "");
static_assert(static_cast<uint32_t>(DataType::UINT8) == 5, "");
static_assert(static_cast<uint32_t>(DataType::BFLOAT16) == 6, "");
static_assert(static_cast<uint32_t>(DataType::INT64) == 7, "");
static_assert(static_cast<uint32_t>(DataType::UINT64) == 8, "");
static_assert(static_cast<uint32_t>(DataType::DATA_TYPE_NUM) == 9, "");
RETURNS(uint64_t, get_element_size(DataType::INT8));
RETURNS(const char *, get_dtype_name(DataType::INT8));

/* Tensors. */
static_assert(RUNTIME_MAX_TENSOR_DIMS == 5, "");
SAME(Tensor, TensorData);
static_assert(sizeof(Tensor) == 128 && alignof(Tensor) == 64, "");
static_assert(std::is_trivially_copyable<Tensor>::value, "");
static_assert(std::is_default_constructible<Tensor>::value, "");
#define MEMBER(member, type, offset) \
	SAME(decltype(Tensor::member), type); \
	static_assert(offsetof(Tensor, member) == offset, #member " lies at " #offset)
MEMBER(buffer, PTOBufferHandle, 0);
MEMBER(start_offset, uint64_t, 16);
MEMBER(version, int32_t, 24);
MEMBER(dtype, DataType, 28);
MEMBER(ndims, uint32_t, 32);
MEMBER(is_all_offset_zero, bool, 36);
MEMBER(is_raw_eq_shapes, bool, 37);
MEMBER(manual_dep, bool, 38);
MEMBER(shapes, uint32_t[5], 40);
MEMBER(raw_shapes, uint32_t[5], 64);
MEMBER(offsets, uint32_t[5], 84);
static_assert(offsetof(PTOBufferHandle, addr) == 0 && offsetof(PTOBufferHandle, size) == 8, "");
SAME(decltype(PTOBufferHandle::addr), uint64_t);
SAME(decltype(PTOBufferHandle::size), uint64_t);

inline void tensor_conformance(const Tensor &t, const uint32_t *n)
{
	RETURNS(Tensor, t.view(n, n));
	RETURNS(Tensor, t.view(n, n, true));
	RETURNS(Tensor, t.reshape(n, 1));
	RETURNS(Tensor, t.reshape(n, 1u, true));
	RETURNS(Tensor, t.transpose(0, 1));
	RETURNS(Tensor, t.transpose(0, 1, true));
	RETURNS(uint64_t, t.numel());
	RETURNS(bool, t.is_contiguous());
	RETURNS(bool, t.valid_reshape(n, 1));
	RETURNS(bool, t.valid_transpose(0, 1));
	RETURNS(bool, t.is_same_memref(t));
	RETURNS(std::string, t.dump());
	RETURNS(Tensor, make_tensor_external(nullptr, n, 1));
	RETURNS(Tensor, make_tensor_external(nullptr, n, 1, DataType::INT8, true, 7));
	RETURNS(Tensor, make_tensor(n, 1));
	RETURNS(Tensor, make_tensor(n, 1, DataType::INT8, true, 7));
	debug_assert(t.ndims);
	always_assert(t.ndims);
}

/* Cores. */
SAME(std::underlying_type<CoreType>::type, int);
static_assert(static_cast<int>(CoreType::AIC) == 0 && static_cast<int>(CoreType::AIV) == 1, "");
RETURNS(const char *, core_type_to_string(CoreType::AIC));

#endif
