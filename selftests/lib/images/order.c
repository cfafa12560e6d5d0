// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * A kernel that checks that it runs once a launch, and after all of its
 * predecessors: args are its own counter, the launch's number, where to count
 * what went wrong, its number of predecessors, and an array of their counters.
 * The counters are plain: that they are seen is the scheduler's work.
 */
#include <stdint.h>

__attribute__((visibility("default"))) void kernel_entry(int64_t *args);

void kernel_entry(int64_t *args)
{
	uint64_t *own = (uint64_t *)args[0];
	uint64_t launch = *(uint64_t *)args[1];
	uint64_t *wrong = (uint64_t *)args[2];
	uint64_t **pred = (uint64_t **)args[4];
	int64_t i;

	if (*own != launch - 1)
		__atomic_fetch_add(wrong, 1, __ATOMIC_RELAXED);
	for (i = 0; i < args[3]; i++)
		if (*pred[i] != launch)
			__atomic_fetch_add(wrong, 1, __ATOMIC_RELAXED);
	*own = launch;
}
