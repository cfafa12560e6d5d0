// SPDX-License-Identifier: MIT OR LGPL-2.1
/* args: a tile */
#include "../tile.h"

void kernel_entry(int64_t *args)
{
	struct tile a = tile(args[0]);

	for (uint32_t i = 0; i < a.rows; i++)
		for (uint32_t j = 0; j < a.cols; j++)
			row(a, i)[j] = 0;
}
