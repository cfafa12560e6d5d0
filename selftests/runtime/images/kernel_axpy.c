// SPDX-License-Identifier: MIT OR LGPL-2.1
/* y = a x + y; args: x, y, number of elements, a (all integers) */
#include <stdint.h>

void kernel_entry(int64_t *args)
{
	const int64_t *x = (const int64_t *)args[0];
	int64_t *y = (int64_t *)args[1];

	for (int64_t i = 0; i < args[2]; i++)
		y[i] += args[3] * x[i];
}
