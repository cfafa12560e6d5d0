/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* c = a b, row-major and dense; args: a, b, c, m, n, k */
#include <stdint.h>

void kernel_entry(int64_t *args)
{
	const float *a = (const float *)args[0];
	const float *b = (const float *)args[1];
	float *c = (float *)args[2];
	int64_t m = args[3], n = args[4], k = args[5];

	for (int64_t i = 0; i < m; i++) {
		float *restrict row = c + i * n;

		for (int64_t j = 0; j < n; j++)
			row[j] = 0;
		for (int64_t p = 0; p < k; p++) {
			float factor = a[i * k + p];

			for (int64_t j = 0; j < n; j++)
				row[j] += factor * b[p * n + j];
		}
	}
}
