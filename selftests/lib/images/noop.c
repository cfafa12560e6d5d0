// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A leaf kernel that does nothing. */
#include <stdint.h>

__attribute__((visibility("default"))) void kernel_entry(int64_t *args);

void kernel_entry(int64_t *args)
{
}
