// SPDX-License-Identifier: MIT OR LGPL-2.1
/* What a type does not show: values of default arguments. A program: it fails if one is wrong. */
#include "conformance.h"

/* What it asserts may have been a macro with a comma in it. */
#define PAIR std::is_same<int, int>::value

#if __has_include("runtime.h")
#include "runtime.h"

static int last_core = -1;

static int add_task(pto_orch *, int, int core, const uint64_t *, int)
{
	last_core = core;
	return 0;
}

static void others()
{
	pto_orch_table table = {};
	alignas(Runtime) char handle[sizeof(Runtime)] = {};
	Runtime *runtime = reinterpret_cast<Runtime *>(handle);

	table.add_task = add_task;
	runtime->orch.table = &table;
	always_assert(runtime->add_task(nullptr, 0, 0) == 0);
	always_assert(last_core == static_cast<int>(CoreType::AIC));
}
#else
#include "pto_orchestration_api.h"

static void others()
{
	const int32_t negative = -1;
	PTOParam p;

	/* Zeroes fill up what has 32 bits. */
	p.add_scalars_i32(&negative, 1);
	always_assert(!p.error && p.scalar_count == 1 && p.scalars[0] == UINT32_MAX);
	p.add_scalars(nullptr, -1);
	always_assert(p.error);
	p.reset();
	always_assert(!p.error && !p.scalar_count && !p.tensor_count);
	p.add_scalars_i32(nullptr, -1);
	always_assert(p.error);
}
#endif

int main()
{
	const uint32_t shapes[] = { 2, 3 }, flat[] = { 6 }, zero[] = { 0, 0 };
	const uint32_t huge[] = { 65536, 65536, 65536, 65536 };
	char bytes[24];
	const Tensor t = make_tensor(shapes, 2, DataType::FLOAT32, true);

	for (const Tensor &made :
	     { make_tensor(shapes, 2), make_tensor_external(bytes, shapes, 2) }) {
		always_assert(made.dtype == DataType::FLOAT32 && made.buffer.size == sizeof(bytes));
		always_assert(!made.manual_dep && !made.version);
	}
	always_assert(!t.view(shapes, zero).manual_dep);
	always_assert(!t.reshape(flat, 1).manual_dep);
	always_assert(!t.transpose(0, 1).manual_dep);
	always_assert(!t.valid_reshape(huge, 4));
	always_assert(PAIR);
	others();
	LOG_INFO("all %s", "right");
	LOG_DEBUG("a detail");
	return 0;
}
