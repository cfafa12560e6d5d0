// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A kernel that crashes, whatever its arguments. */
#include <stdint.h>

__attribute__((visibility("default"))) void kernel_entry(int64_t *args);

void kernel_entry(int64_t *args)
{
	__builtin_trap();
}
