/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* The parameters of a task. Tensors are referred to until it is submitted. */
#ifndef PTO_COMPAT_PARAM_H
#define PTO_COMPAT_PARAM_H

#include <cstdint>

#include "../../pto/orch.h"
#include "tensor.h"

enum class PTOParamType : int32_t {
	INPUT = 0,
	OUTPUT = 1,
	INOUT = 2,
};

static_assert(PTO_IN == 0 && PTO_OUT == 1 && PTO_INOUT == 2, "the same numbers");

#define PTO2_MAX_TENSOR_PARAMS 64
#define PTO2_MAX_SCALAR_PARAMS 128

struct PTOParam {
	pto_access tensors[PTO2_MAX_TENSOR_PARAMS];
	uint64_t scalars[PTO2_MAX_SCALAR_PARAMS];
	uint32_t tensor_count = 0;
	uint32_t scalar_count = 0;
	const char *error = nullptr;	/* the first one, reported at submit */
	bool error_in_scalars = false;
	uint32_t error_at = 0;

	/* Nothing of the arrays is set before it is used. */
	PTOParam() {}

	void reset()
	{
		tensor_count = scalar_count = 0;
		error = nullptr;
	}

	void add_input(Tensor &t) { add(t, PTOParamType::INPUT); }
	void add_output(Tensor &t) { add(t, PTOParamType::OUTPUT); }
	void add_inout(Tensor &t) { add(t, PTOParamType::INOUT); }

	void add_scalar(uint64_t value)
	{
		if (scalar_count == PTO2_MAX_SCALAR_PARAMS)
			fail("more than 128 scalars", true);
		else
			scalars[scalar_count++] = value;
	}

	void add_scalars(const uint64_t *values, int count)
	{
		if (count < 0)
			fail("add_scalars() of a negative number of scalars", true);
		for (int i = 0; i < count; i++)
			add_scalar(values[i]);
	}

	void add_scalars_i32(const int32_t *values, int count)
	{
		if (count < 0)
			fail("add_scalars_i32() of a negative number of scalars", true);
		for (int i = 0; i < count; i++)
			add_scalar(static_cast<uint32_t>(values[i]));
	}

	void copy_scalars_from(const PTOParam &from, int offset, int count)
	{
		if (offset < 0 || count < 0 ||
		    static_cast<uint64_t>(offset) + count > from.scalar_count)
			fail("copy_scalars_from() of scalars that are not there", true);
		else
			add_scalars(from.scalars + offset, count);
	}

private:
	void fail(const char *what, bool in_scalars)
	{
		if (error)
			return;
		error = what;
		error_in_scalars = in_scalars;
		error_at = in_scalars ? scalar_count : tensor_count;
	}

	void add(Tensor &t, PTOParamType type)
	{
		if (scalar_count)
			fail("a tensor behind a scalar: tensors come first", false);
		else if (tensor_count == PTO2_MAX_TENSOR_PARAMS)
			fail("more than 64 tensors", false);
		else if (!t.buffer.addr && type != PTOParamType::OUTPUT)
			fail("an input or inout tensor without address: no task has written it",
			     false);
		else
			tensors[tensor_count++] = { reinterpret_cast<pto_tensor *>(&t),
						    static_cast<uint32_t>(type) };
	}
};

#endif
