/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Where threads meet: points between two steps of an exchange, at which another
 * thread's step makes a difference. In a build with PTO_STRESS a thread that passes
 * one lets others go ahead, or sleeps, every now and then.
 */
#ifndef BASE_STRESS_H
#define BASE_STRESS_H

#ifdef PTO_STRESS
#include <sched.h>
#include <stdint.h>
#include <unistd.h>

#define STRESS_YIELD	32	/* once in so many times */
#define STRESS_SLEEP	4096
#define STRESS_SLEEP_US	20

static inline void stress_point(void)
{
	static __thread uint32_t state;

	if (!state)
		state = (uint32_t)(uintptr_t)&state | 1;
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	if (state % STRESS_SLEEP == 0)
		usleep(STRESS_SLEEP_US);
	else if (state % STRESS_YIELD == 0)
		sched_yield();
}
#else
#define stress_point()	do { } while (0)
#endif

#endif
