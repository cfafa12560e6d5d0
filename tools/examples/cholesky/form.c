// SPDX-License-Identifier: MIT OR LGPL-2.1
/* args: m[i,j], m[j,i], a[i,j], what to add to the diagonal */
#include "../tile.h"

void kernel_entry(int64_t *args)
{
	struct tile m = tile(args[0]), mirror = tile(args[1]), a = tile(args[2]);

	for (uint32_t i = 0; i < a.rows; i++) {
		for (uint32_t j = 0; j < a.cols; j++)
			row(a, i)[j] = (row(m, i)[j] + row(mirror, j)[i]) / 2;
		if (args[3])
			row(a, i)[i] += args[3];
	}
}
