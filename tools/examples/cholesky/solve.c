// SPDX-License-Identifier: MIT OR LGPL-2.1
/* args: the factor l of the diagonal's tile, a tile a below it, which becomes x: x l' = a */
#include "../tile.h"

void kernel_entry(int64_t *args)
{
	struct tile l = tile(args[0]), a = tile(args[1]);
	uint32_t i, j, k;

	for (i = 0; i < a.rows; i++) {
		for (j = 0; j < a.cols; j++) {
			for (k = 0; k < j; k++)
				row(a, i)[j] -= row(a, i)[k] * row(l, j)[k];
			row(a, i)[j] /= row(l, j)[j];
		}
	}
}
