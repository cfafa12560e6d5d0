/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* max[i] = the greatest of row i; args: x, max, rows, cols */
#include <stdint.h>

void kernel_entry(int64_t *args)
{
	const float *x = (const float *)args[0];
	float *max = (float *)args[1];
	int64_t rows = args[2], cols = args[3];

	for (int64_t i = 0; i < rows; i++) {
		float m = x[i * cols];

		for (int64_t j = 1; j < cols; j++)
			m = x[i * cols + j] > m ? x[i * cols + j] : m;
		max[i] = m;
	}
}
