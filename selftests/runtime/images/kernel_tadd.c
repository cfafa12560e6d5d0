// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Tensors of int64: out = a + b + a scalar. Their first elements are contiguous. */
#include <pto/tensor.h>

__attribute__((visibility("default"))) void kernel_entry(int64_t *args);

static int64_t *first(int64_t arg)
{
	const struct pto_tensor *t = (const struct pto_tensor *)arg;

	return (int64_t *)t->addr + t->start_offset;
}

void kernel_entry(int64_t *args)
{
	const struct pto_tensor *out = (const struct pto_tensor *)args[2];
	const int64_t *a = first(args[0]), *b = first(args[1]);
	int64_t *c = first(args[2]);
	uint64_t i, n = 1;

	for (i = 0; i < out->ndims; i++)
		n *= out->shapes[i];
	for (i = 0; i < n; i++)
		c[i] = a[i] + b[i] + args[3];
}
