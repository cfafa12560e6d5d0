/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * c = a b for tiles of larger matrices; args: a, b, c, m, n, k, and the row
 * lengths of the matrices that a, b and c are tiles of.
 */
#include <stdint.h>

void kernel_entry(int64_t *args)
{
	const float *a = (const float *)args[0];
	const float *b = (const float *)args[1];
	float *c = (float *)args[2];
	int64_t m = args[3], n = args[4], k = args[5];
	int64_t lda = args[6], ldb = args[7], ldc = args[8];

	for (int64_t i = 0; i < m; i++) {
		float *restrict row = c + i * ldc;

		for (int64_t j = 0; j < n; j++)
			row[j] = 0;
		for (int64_t p = 0; p < k; p++) {
			float factor = a[i * lda + p];

			for (int64_t j = 0; j < n; j++)
				row[j] += factor * b[p * ldb + j];
		}
	}
}
