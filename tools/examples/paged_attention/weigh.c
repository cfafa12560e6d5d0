// SPDX-License-Identifier: MIT OR LGPL-2.1
/* args: weights of a page's tokens for some heads, the page's values, the weighted sums of these */
#include "../tile.h"

void kernel_entry(int64_t *args)
{
	struct tile p = tile(args[0]), v = tile(args[1]), o = tile(args[2]);

	for (uint32_t head = 0; head < p.rows; head++) {
		float *restrict to = row(o, head);

		for (uint32_t d = 0; d < v.cols; d++)
			to[d] = 0;
		for (uint32_t t = 0; t < p.cols; t++) {
			const float *restrict value = row(v, t);
			float weight = row(p, head)[t];

			for (uint32_t d = 0; d < v.cols; d++)
				to[d] += weight * value[d];
		}
	}
}
