// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * A kernel of a mixed task: its lanes wait for one another. Its scalars are an array of two
 * counters and the number of lanes; each counter counts lanes that have come by.
 */
#include <sched.h>
#include <stdint.h>

__attribute__((visibility("default"))) void kernel_entry(int64_t *args);

static void meet(uint64_t *counter, uint64_t lanes)
{
	uint64_t until = (__atomic_fetch_add(counter, 1, __ATOMIC_ACQ_REL) / lanes + 1) * lanes;

	while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) < until)
		sched_yield();
}

void kernel_entry(int64_t *args)
{
	uint64_t *counter = (uint64_t *)args[0];

	meet(&counter[0], args[1]);
	meet(&counter[1], args[1]);
}
