// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Counts in *args[0] until *args[1] is not 0; imports nothing. */
#include <stdint.h>

void kernel_entry(int64_t *args)
{
	volatile int64_t *count = (int64_t *)args[0];
	volatile int64_t *stop = (int64_t *)args[1];

	while (!*stop)
		++*count;
}
