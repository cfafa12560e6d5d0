/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* out = a + scalar; args: a, bits of the float, out, number of elements */
#include <stdint.h>
#include <string.h>

void kernel_entry(int64_t *args)
{
	const float *restrict a = (const float *)args[0];
	float *restrict out = (float *)args[2];
	int64_t n = args[3];
	float scalar;

	memcpy(&scalar, &args[1], sizeof(scalar));
	for (int64_t i = 0; i < n; i++)
		out[i] = a[i] + scalar;
}
