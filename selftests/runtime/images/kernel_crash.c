// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Ends as args[0] says: enum crash of images.h.
 *
 * With -DLEAF it imports nothing, and may run on the caller's thread.
 */
#include <stdint.h>
#include <stdlib.h>

#include "images.h"

static volatile int64_t zero;
static int64_t *volatile nowhere;

void kernel_entry(int64_t *args)
{
	switch (args[0]) {
	case CRASH_DIVIDE:
		zero = 100 / zero;
		break;
	case CRASH_NULL:
		*nowhere = 1;
		break;
	case CRASH_ABORT:
#ifdef LEAF
		__builtin_trap();
#else
		abort();
#endif
	case CRASH_STACK:
		zero = overflow_stack(1);
		break;
	case CRASH_HANG:
		while (!zero)
			;
	}
}
