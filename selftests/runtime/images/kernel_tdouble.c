// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Tensors of int64: the third one = 2 * the first one + a scalar. Both are contiguous. */
#include <pto/tensor.h>

__attribute__((visibility("default"))) void kernel_entry(int64_t *args);

void kernel_entry(int64_t *args)
{
	const struct pto_tensor *in = (const struct pto_tensor *)args[0];
	const struct pto_tensor *out = (const struct pto_tensor *)args[2];
	const int64_t *a = (int64_t *)in->addr + in->start_offset;
	int64_t *b = (int64_t *)out->addr + out->start_offset;
	uint64_t i;

	for (i = 0; i < out->shapes[0]; i++)
		b[i] = 2 * a[i] + args[3];
}
