// SPDX-License-Identifier: MIT OR LGPL-2.1
/* args: lanes, y, x, w; y = x w, row after row, and each is announced */
#include "../tile.h"
#include "lanes.h"

void kernel_entry(int64_t *args)
{
	struct tile y = tile(args[1]), x = tile(args[2]), w = tile(args[3]);
	struct lanes *l = lanes(args[0]);

	for (uint32_t i = 0; i < y.rows; i++) {
		float *restrict to = row(y, i);

		for (uint32_t j = 0; j < y.cols; j++)
			to[j] = 0;
		for (uint32_t k = 0; k < x.cols; k++) {
			const float *restrict from = row(w, k);
			float factor = row(x, i)[k];

			for (uint32_t j = 0; j < y.cols; j++)
				to[j] += factor * from[j];
		}
		lanes_post(&l->done);
	}
}
