/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* c += p for a tile of c; args: p (dense), c, m, n, row length of c's matrix */
#include <stdint.h>

void kernel_entry(int64_t *args)
{
	const float *restrict p = (const float *)args[0];
	float *restrict c = (float *)args[1];
	int64_t m = args[2], n = args[3], ldc = args[4];

	for (int64_t i = 0; i < m; i++)
		for (int64_t j = 0; j < n; j++)
			c[i * ldc + j] += p[i * n + j];
}
