/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * What the programs that orchestrate on the device have in common: the names that need no task,
 * used so that a wrong answer ends the orchestration; and their arguments.
 */
#ifndef PROGRAMS_DEVICE_H
#define PROGRAMS_DEVICE_H

#include "common.h"
#include "common/core_type.h"
#include "common/platform_config.h"
#include "common/unified_log.h"
#include "data_type.h"
#include "pto_orchestration_api.h"
#include "pto_submit_types.h"
#include "pto_types.h"
#include "tensor.h"

#define ROWS 4 /* of a block */

enum {
	COMBINE,
	LANE0,
	LANE1,
	LANE2
};
enum {
	X,
	Y,
	Z,
	W,
	NROWS,
	NCOLS,
	ALPHA,
	BETA,
	MINUS,
	NARGS
};

static inline uint64_t float_bits(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static inline void check_types()
{
	static const DataType types[] = {
		DataType::FLOAT32,  DataType::FLOAT16, DataType::INT32,
		DataType::INT16,    DataType::INT8,    DataType::UINT8,
		DataType::BFLOAT16, DataType::INT64,   DataType::UINT64,
	};
	const uint64_t sizes[] = { 4, 2, 4, 2, 1, 1, 2, 8, 8 };
	const char *const names[] = {
		"FLOAT32", "FLOAT16",  "INT32", "INT16",  "INT8",
		"UINT8",   "BFLOAT16", "INT64", "UINT64",
	};

	for (uint32_t i = 0; i < static_cast<uint32_t>(DataType::DATA_TYPE_NUM); i++) {
		always_assert(types[i] == static_cast<DataType>(i));
		always_assert(get_element_size(types[i]) == sizes[i]);
		always_assert(!strcmp(get_dtype_name(types[i]), names[i]));
	}
	always_assert(!strcmp(core_type_to_string(CoreType::AIC), "aic"));
	always_assert(!strcmp(core_type_to_string(CoreType::AIV), "aiv"));
	always_assert(PTO2SubtaskSlot::AIC != PTO2SubtaskSlot::AIV0);
	always_assert(PTO2SubtaskSlot::AIV0 != PTO2SubtaskSlot::AIV1);
	always_assert(PTO2ResourceShape() == static_cast<PTO2ResourceShape>(0));
}

/* @t: of rows and columns, all of a buffer */
static inline void check_tensor(const Tensor &t)
{
	const uint32_t part[] = { 1, t.shapes[1] - 1 }, at[] = { 1, 1 },
		       flat[] = { t.shapes[0] * t.shapes[1] };
	const uint32_t many[RUNTIME_MAX_TENSOR_DIMS] = { 1, 1, t.shapes[0], t.shapes[1], 1 };
	const TensorData v = t.view(part, at, true);
	const PTOBufferHandle buffer = v.buffer;

	always_assert(buffer.addr == t.buffer.addr &&
		      buffer.size == t.numel() * get_element_size(t.dtype));
	always_assert(v.start_offset == t.shapes[1] + 1 && v.numel() == part[1] && v.ndims == 2);
	always_assert(v.manual_dep && !t.manual_dep && v.version == t.version);
	always_assert(t.is_all_offset_zero && t.is_raw_eq_shapes && !v.is_all_offset_zero &&
		      !v.is_raw_eq_shapes);
	always_assert(v.offsets[0] == 1 && v.raw_shapes[1] == t.shapes[1]);
	always_assert(v.is_same_memref(t) && v.is_contiguous() && t.is_contiguous());
	always_assert(t.valid_reshape(flat, 1) && !t.valid_reshape(part, 2));
	always_assert(t.reshape(flat, 1).shapes[0] == flat[0]);
	always_assert(t.reshape(many, RUNTIME_MAX_TENSOR_DIMS, true).manual_dep);
	always_assert(t.valid_transpose(0, 1) && !t.valid_transpose(0, 2));
	always_assert(t.transpose(0, 1).shapes[0] == t.shapes[1] &&
		      !t.transpose(0, 1, true).is_contiguous());
	always_assert(t.dump().find("FLOAT32") != std::string::npos);
	debug_assert(t.ndims == 2);
}

static inline void check_names(PTO2Runtime *rt, const uint64_t *args, const Tensor &x)
{
	const uint32_t shapes[] = { 2, 3 };
	const Tensor later = make_tensor(shapes, 2, DataType::INT8, true, 7);
	double beta;

	memcpy(&beta, &args[BETA], sizeof(beta));
	always_assert(beta == 0.1 && static_cast<int64_t>(args[MINUS]) == -1);
	always_assert(!later.buffer.addr && later.buffer.size == 6 && later.version == 7 &&
		      later.manual_dep);
	always_assert(args[NROWS] <= static_cast<uint64_t>(PLATFORM_MAX_BLOCKDIM) * 100);
	check_types();
	check_tensor(x);
	LOG_ERROR(rt, "%d of an error, which this is not", 1);
	LOG_WARN(rt, "a warning");
	LOG_INFO(rt, "%s", x.dump().c_str());
	LOG_DEBUG(rt, "a detail");
	LOG_ALWAYS(rt, "said always");
	always_assert(!pto2_rt_is_fatal(rt));
}

/* A whole argument. */
static inline Tensor matrix(const uint64_t *args, int arg)
{
	const uint32_t shapes[] = { static_cast<uint32_t>(args[NROWS]),
				    static_cast<uint32_t>(args[NCOLS]) };

	return make_tensor_external(reinterpret_cast<void *>(args[arg]), shapes, 2,
				    DataType::FLOAT32, false, 3);
}

/* Rows @first to @first + ROWS of it. */
static inline Tensor rows(const Tensor &t, uint32_t first)
{
	const uint32_t shapes[] = { ROWS, t.shapes[1] }, at[] = { first, 0 };

	/* There and back again. */
	return t.view(shapes, at).transpose(0, 1).transpose(1, 0);
}

/* Each way to hand over scalars once: their number, and what inputs are multiplied with. */
static inline void factors(PTOParam &p, float a, float b)
{
	const uint64_t first = float_bits(a);
	const int32_t second = static_cast<int32_t>(float_bits(b));
	PTOParam other;

	other.add_scalar(0);
	other.add_scalar(2);
	p.copy_scalars_from(other, 1, 1);
	p.add_scalars(&first, 1);
	p.add_scalars_i32(&second, 1);
}

static inline MixedKernels all_lanes()
{
	MixedKernels k;

	always_assert(k.aic_kernel_id == INVALID_KERNEL_ID);
	k.aic_kernel_id = LANE0;
	k.aiv0_kernel_id = LANE1;
	k.aiv1_kernel_id = LANE2;
	return k;
}

#endif
