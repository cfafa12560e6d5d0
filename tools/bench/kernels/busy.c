// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A kernel that takes some time. */
#include "body.h"

__attribute__((visibility("default"))) void kernel_entry(int64_t *args);

void kernel_entry(int64_t *args)
{
	body_busy((void *)args[0], args[1]);
}
