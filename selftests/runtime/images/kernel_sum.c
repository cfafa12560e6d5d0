// SPDX-License-Identifier: MIT OR LGPL-2.1
/* *out = number of args after the first, and their sum; args: out, n, values */
#include <stdint.h>

static int64_t total(const int64_t *v, int64_t n)
{
	int64_t sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += v[i];
	return sum;
}

/* Called through a table in data, so that the image has a relocation of its own. */
static int64_t (*const volatile op)(const int64_t *v, int64_t n) = total;

void kernel_entry(int64_t *args)
{
	int64_t *out = (int64_t *)args[0];

	out[0] = args[1];
	out[1] = op(args + 2, args[1]);
}
