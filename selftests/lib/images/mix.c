// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A task of a random tensor program: its tensors, then their number, directions, and a seed. */
#include "mix.h"

__attribute__((visibility("default"))) void kernel_entry(int64_t *args);

void kernel_entry(int64_t *args)
{
	int64_t n = 0;

	/* The tensors' addresses come first; their number is the first small value. */
	while (args[n] > MIX_MOST)
		n++;
	mix((struct pto_tensor *const *)args, n, args[n + 1], args[n + 2]);
}
