// SPDX-License-Identifier: MIT OR LGPL-2.1
/* args: what the lanes of a tile have in common */
#include <string.h>

#include "lanes.h"

void kernel_entry(int64_t *args)
{
	memset(lanes(args[0]), 0, sizeof(struct lanes));
}
