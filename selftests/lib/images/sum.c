// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * A kernel for any lane of a mixed task: args[0] is a tensor of two int64, args[1] one of one,
 * args[2] a number. The last element of the first gets the sum of the others, as often
 * as there are lanes.
 */
#include <stdint.h>

#include <pto/tensor.h>

void kernel_entry(int64_t *args);

static int64_t *data(int64_t tensor)
{
	const struct pto_tensor *t = (const struct pto_tensor *)tensor;

	return (int64_t *)t->addr + t->start_offset;
}

void kernel_entry(int64_t *args)
{
	int64_t *to = data(args[0]);

	__atomic_fetch_add(&to[1], to[0] + *data(args[1]) + args[2], __ATOMIC_RELAXED);
}
