// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A leaf kernel that does a microsecond's work, or so. */
#include <stdint.h>

__attribute__((visibility("default"))) void kernel_entry(int64_t *args);

void kernel_entry(int64_t *args)
{
	volatile int i;

	for (i = 0; i < 1000; i++)
		;
}
