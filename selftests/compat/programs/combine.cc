// SPDX-License-Identifier: MIT OR LGPL-2.1
/* args: tensors a, b and c; 2, x, y: c = x a + y b, of rows that lie one after the other */
#include <cstring>

#include "tensor.h"

extern "C" __attribute__((visibility("default"))) void kernel_entry(int64_t *args);

static float *first(int64_t arg)
{
	const Tensor *t = reinterpret_cast<const Tensor *>(arg);

	always_assert(reinterpret_cast<uintptr_t>(t) % 64 == 0 && t->dtype == DataType::FLOAT32);
	return reinterpret_cast<float *>(t->buffer.addr) + t->start_offset;
}

static float factor(int64_t arg)
{
	const uint32_t bits = static_cast<uint32_t>(arg);
	float x;

	always_assert(bits == static_cast<uint64_t>(arg));
	memcpy(&x, &bits, sizeof(x));
	return x;
}

extern "C" void kernel_entry(int64_t *args)
{
	const uint64_t n = reinterpret_cast<const Tensor *>(args[2])->numel();
	const float *a = first(args[0]), *b = first(args[1]);
	const float x = factor(args[4]), y = factor(args[5]);
	float *c = first(args[2]);

	always_assert(args[3] == 2);
	for (uint64_t i = 0; i < n; i++)
		c[i] = x * a[i] + y * b[i];
}
