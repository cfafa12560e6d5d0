// SPDX-License-Identifier: MIT OR LGPL-2.1
/* args: tiles x, y and a, which becomes a - x y' */
#include "../tile.h"

void kernel_entry(int64_t *args)
{
	struct tile x = tile(args[0]), y = tile(args[1]), a = tile(args[2]);
	uint32_t i, j, k;

	for (i = 0; i < a.rows; i++) {
		for (j = 0; j < a.cols; j++) {
			float sum = 0;

			for (k = 0; k < x.cols; k++)
				sum += row(x, i)[k] * row(y, j)[k];
			row(a, i)[j] -= sum;
		}
	}
}
