// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A leaf kernel that counts its start in *args[0], and then loops for args[1] times. */
#include <stdint.h>

__attribute__((visibility("default"))) void kernel_entry(int64_t *args);

void kernel_entry(int64_t *args)
{
	volatile int64_t i;

	__atomic_fetch_add((int64_t *)args[0], 1, __ATOMIC_RELAXED);
	for (i = 0; i < args[1]; i++)
		;
}
