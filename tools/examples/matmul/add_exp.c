/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* out = exp(a + b); args: a, b, out, number of elements */
#include <stdint.h>

#include "../vexp.h"

void kernel_entry(int64_t *args)
{
	const float *restrict a = (const float *)args[0];
	const float *restrict b = (const float *)args[1];
	float *restrict out = (float *)args[2];
	int64_t n = args[3];

	for (int64_t i = 0; i < n; i++)
		out[i] = vexp(a[i] + b[i]);
}
