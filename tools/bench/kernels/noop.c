// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A kernel that does nothing: what is left is the cost of a task. */
#include <stdint.h>

__attribute__((visibility("default"))) void kernel_entry(int64_t *args);

void kernel_entry(int64_t *args)
{
}
