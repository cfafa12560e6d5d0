/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * y = exp(x - max of the row), sum[i] = the sum of row i of that;
 * args: x, max, y, sum, rows, cols
 */
#include <stdint.h>

#include "../vexp.h"

void kernel_entry(int64_t *args)
{
	const float *restrict x = (const float *)args[0];
	const float *restrict max = (const float *)args[1];
	float *restrict y = (float *)args[2];
	float *restrict sum = (float *)args[3];
	int64_t rows = args[4], cols = args[5];

	for (int64_t i = 0; i < rows; i++) {
		float m = max[i], s = 0;

		for (int64_t j = 0; j < cols; j++)
			y[i * cols + j] = vexp(x[i * cols + j] - m);
		for (int64_t j = 0; j < cols; j++)
			s += y[i * cols + j];
		sum[i] = s;
	}
}
