/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* The library's own threads. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * thread_start - start a thread, and wait until it is ready
 * @enter:	its first act; what it returns other than 0 is the caller's error,
 *		with its text, and the thread ends. NULL: it has none
 *
 * The thread blocks every signal but those of a CPU fault: the process's
 * signals are for the process's own threads. Its stack has a guard area that
 * a frame can not step over.
 */
int thread_start(pthread_t *thread, int (*enter)(void *arg), void *(*main)(void *arg), void *arg);

/* How long threads that were asked to end are waited for, all together. */
#define THREAD_JOIN_NS	2000000000ull

/** thread_join - join a thread that was asked to end; false: it did not by @deadline of now_ns() */
bool thread_join(pthread_t thread, uint64_t deadline);


/**
 * thread_fence_others - a full fence on every thread of the process
 *
 * For a slow path that must see what threads on a fast path without fences
 * have stored, or be seen by them.
 */
void thread_fence_others(void);

#endif
