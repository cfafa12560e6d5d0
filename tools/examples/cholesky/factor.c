// SPDX-License-Identifier: MIT OR LGPL-2.1
/* args: a tile of the diagonal, which becomes its own factor */
#include <math.h>

#include "../tile.h"

void kernel_entry(int64_t *args)
{
	struct tile a = tile(args[0]);
	uint32_t i, j, k;

	for (j = 0; j < a.cols; j++) {
		for (k = 0; k < j; k++)
			for (i = j; i < a.rows; i++)
				row(a, i)[j] -= row(a, i)[k] * row(a, j)[k];
		row(a, j)[j] = sqrtf(row(a, j)[j]);
		for (i = j + 1; i < a.rows; i++)
			row(a, i)[j] /= row(a, j)[j];
		for (i = 0; i < j; i++)
			row(a, i)[j] = 0;
	}
}
