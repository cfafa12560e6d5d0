// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A leaf kernel that runs until *args[0] is not 0. */
#include <stdint.h>

__attribute__((visibility("default"))) void kernel_entry(int64_t *args);

void kernel_entry(int64_t *args)
{
	while (!__atomic_load_n((int64_t *)args[0], __ATOMIC_RELAXED))
		;
}
