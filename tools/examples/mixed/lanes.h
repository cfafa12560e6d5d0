/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What the lanes of a task have in common. */
#ifndef LANES_H
#define LANES_H

#include <sched.h>
#include <stdint.h>

#include <pto/tensor.h>

/**
 * struct lanes - of a tile; in device memory, zeroes to begin with
 * @done:	rows that the AIC lane has multiplied
 * @taken:	of these, rows that AIV lanes have taken
 * @halves:	of the tile's columns, taken by AIV lanes
 * @summed:	halves whose sums are there
 */
struct lanes {
	uint32_t done;
	uint32_t taken;
	uint32_t halves;
	uint32_t summed;
};

#define LANES_WORDS	(sizeof(struct lanes) / sizeof(uint32_t))

static inline struct lanes *lanes(int64_t arg)
{
	const struct pto_tensor *t = (const struct pto_tensor *)arg;

	return (struct lanes *)t->addr + t->start_offset / LANES_WORDS;
}

/* What was stored before is seen by who waits for it. */
static inline void lanes_post(uint32_t *count)
{
	__atomic_fetch_add(count, 1, __ATOMIC_RELEASE);
}

/*
 * Other lanes run at the same time, but perhaps share the CPU. If one does not get there,
 * the runtime ends them all when the task's time is up.
 */
static inline void lanes_wait(const uint32_t *count, uint32_t least)
{
	while (__atomic_load_n(count, __ATOMIC_ACQUIRE) < least)
		sched_yield();
}

/* A number that no other lane gets. */
static inline uint32_t lanes_take(uint32_t *count)
{
	return __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
}

#endif
