// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A kernel that says when it ran: args[0] is a list of numbers, its length first, args[1] the next. */
#include <stdint.h>

void kernel_entry(int64_t *args);

void kernel_entry(int64_t *args)
{
	uint64_t *list = (uint64_t *)args[0];

	list[1 + __atomic_fetch_add(list, 1, __ATOMIC_RELAXED)] = args[1];
}
