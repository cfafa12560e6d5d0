/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Containment of foreign code: a kernel or an orchestration that crashes or
 * never returns becomes an error of its caller.
 */
#ifndef EMULATOR_GUARD_H
#define EMULATOR_GUARD_H

#include "emulator/emulator.h"

/**
 * guard_thread - the calling thread's context, made at the first call
 *
 * Installs the signal handlers of the process and an alternate stack for the
 * thread; freed when the thread ends. Returns NULL with an error text.
 */
struct emu_thread *guard_thread(void);

/**
 * guard_nest - another context for the calling thread, until guard_unnest()
 *
 * For kernels that run on a thread that has called for something else: with the signals that
 * containment needs, whatever the thread has blocked; in a call of an orchestration's, which is
 * guarded, too, and whose time does not pass meanwhile. Returns NULL with an error text.
 */
struct emu_thread *guard_nest(void);
void guard_unnest(void);

/**
 * guard_call - run a function of an image on the calling thread, contained
 * @what:	names it in the error text: "orchestration 'build'"
 * @clock:	what its time is measured by: CLOCK_MONOTONIC, or the thread's own
 * @timeout_ms:	the longest that it may run, at least 1
 * @ret:	where to put what @fn returns
 *
 * Returns 0, -EIO with a text when @fn crashed, or -ETIMEDOUT when it ran too
 * long; it is left only within the image's own instructions. @fn must not hold a lock
 * or own memory that nobody else knows of when it crashes.
 */
int guard_call(struct image *image, const char *what, clockid_t clock, uint32_t timeout_ms,
	       int (*fn)(void *arg), void *arg, int *ret);

/**
 * guard_exit - leave the function of the guard_call() under way, from a call that it made
 *
 * guard_call() then returns -ECANCELED.
 */
void guard_exit(void) __attribute__((noreturn));

/**
 * guard_leave - have a thread leave the kernel that it runs
 * @status: PTO_STATUS_*, what it is to be left as
 * @desc, @head, @left: what it was seen to run: another kernel is not left
 *
 * Called by the watchdog, again and again until the thread is seen to have
 * left: the thread obeys only where it can leave safely, which is anywhere in
 * a leaf image, and within the image's own instructions otherwise.
 */
void guard_leave(struct emu_thread *t, uint32_t status, const struct pto_desc *desc, uint32_t head,
		 uint32_t left);

/** guard_stuck - does it still run what it was told to leave last? */
bool guard_stuck(const struct emu_thread *t);

#define GUARD_TEXT	384	/* as long as a description gets */

/**
 * guard_describe - a fault in words: "SIGSEGV at image+0x1139, address 0x0"
 *
 * Of an abort() with a text, at the fault's address, that is there as well.
 */
void guard_describe(char *text, size_t size, const struct emu_fault *fault);

#endif
