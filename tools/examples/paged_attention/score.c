// SPDX-License-Identifier: MIT OR LGPL-2.1
/* args: some heads of a query, a page of keys (a token is a column), their scores */
#include <math.h>

#include "../tile.h"

void kernel_entry(int64_t *args)
{
	struct tile q = tile(args[0]), k = tile(args[1]), s = tile(args[2]);
	float scale = 1 / sqrtf(q.cols);

	for (uint32_t head = 0; head < q.rows; head++) {
		float *restrict to = row(s, head);

		for (uint32_t t = 0; t < k.cols; t++)
			to[t] = 0;
		for (uint32_t d = 0; d < q.cols; d++) {
			const float *restrict key = row(k, d);
			float factor = scale * row(q, head)[d];

			for (uint32_t t = 0; t < k.cols; t++)
				to[t] += factor * key[t];
		}
	}
}
