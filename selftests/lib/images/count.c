// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A kernel that counts its tasks: args[0] is where. */
#include <stdint.h>

void kernel_entry(int64_t *args);

void kernel_entry(int64_t *args)
{
	__atomic_fetch_add((uint64_t *)args[0], 1, __ATOMIC_RELAXED);
}
