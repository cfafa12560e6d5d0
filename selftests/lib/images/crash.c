// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A kernel that goes wrong in the way that args[0] says. */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((visibility("default"))) void kernel_entry(int64_t *args);

static int deeper(volatile char *above)
{
	volatile char frame[4096];

	frame[0] = *above + 1;
	return deeper(frame) + frame[0];
}

void kernel_entry(int64_t *args)
{
	volatile int64_t zero = 0;
	volatile char start = 0;

	switch (args[0]) {
	case 0:
		return;
	case 1:
		args[0] = 7 / zero;
		return;
	case 2:
		*(volatile int *)zero = 1;
		return;
	case 3:
		abort();
	case 4:
		deeper(&start);
		return;
	case 5:
		for (;;)
			start++;
	case 6:
		for (;;)	/* never within its own instructions for long */
			pause();
	case 7:
		__builtin_trap();
	}
}
