/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* y = y / sum of the row; args: y, sum, rows, cols */
#include <stdint.h>

void kernel_entry(int64_t *args)
{
	float *restrict y = (float *)args[0];
	const float *restrict sum = (const float *)args[1];
	int64_t rows = args[2], cols = args[3];

	for (int64_t i = 0; i < rows; i++) {
		float scale = 1.0f / sum[i];

		for (int64_t j = 0; j < cols; j++)
			y[i * cols + j] *= scale;
	}
}
