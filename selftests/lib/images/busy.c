// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A kernel that counts its start in *args[0], and then computes for args[1] microseconds. */
#include <stdint.h>
#include <time.h>

__attribute__((visibility("default"))) void kernel_entry(int64_t *args);

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void kernel_entry(int64_t *args)
{
	int64_t end = now_us() + args[1];
	volatile int i;

	__atomic_fetch_add((int64_t *)args[0], 1, __ATOMIC_RELAXED);
	/* Mostly within its own instructions: it can be left there. */
	while (now_us() < end)
		for (i = 0; i < 20000; i++)
			;
}
