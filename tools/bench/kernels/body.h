/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What tasks do besides nothing: as a kernel of libpto, or called by another runtime. */
#ifndef BENCH_BODY_H
#define BENCH_BODY_H

#include <stdint.h>

/**
 * struct check - whether each task runs once a run, after all of its predecessors
 * @first, @pred: the graph's, as in struct shape
 * @ran:	by task: the last run that it was in
 * @run:	the run that is under way, from 1
 * @wrong:	what was not so
 *
 * Plain loads and stores: that they are seen is the work of the runtime.
 */
struct check {
	const uint32_t *first;
	const uint32_t *pred;
	uint32_t *ran;
	uint32_t run;
	uint32_t wrong;
};

static inline void body_check(void *ctx, uint32_t task)
{
	struct check *c = (struct check *)ctx;
	uint32_t i;

	if (c->ran[task] != c->run - 1)
		__atomic_fetch_add(&c->wrong, 1, __ATOMIC_RELAXED);
	for (i = c->first[task]; i < c->first[task + 1]; i++)
		if (c->ran[c->pred[i]] != c->run)
			__atomic_fetch_add(&c->wrong, 1, __ATOMIC_RELAXED);
	c->ran[task] = c->run;
}

/* A clock that needs no library: a kernel that imports nothing can read it. */
static inline uint64_t ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t t;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r" (t));
	return t;
#else
#error "which counter does this CPU have?"
#endif
}

/* Keep the CPU busy for as many ticks as @ctx says. */
static inline void body_busy(void *ctx, uint32_t task)
{
	uint64_t start = ticks(), n = *(const uint64_t *)ctx;

	while (ticks() - start < n)
		;
}

static inline void body_stamp(void *ctx, uint32_t task)
{
	*(uint64_t *)ctx = ticks();
}

#endif
