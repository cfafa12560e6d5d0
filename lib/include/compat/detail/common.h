/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Assertions. One that fails ends the task or the orchestration as an error, as the
 * runtime catches what abort() raises there, and says which it was; the process goes on.
 */
#ifndef PTO_COMPAT_COMMON_H
#define PTO_COMPAT_COMMON_H

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <pthread.h>

/* What the text of an abort() begins with; the runtime shows what follows. */
#define PTO_COMPAT_ABORT "pto abort: "

/*
 * As abort(), but the signal has a text with it. @text is a literal of the image's, with
 * PTO_COMPAT_ABORT in front: the runtime reads no other.
 */
[[noreturn]] __attribute__((noinline, cold)) inline void pto_compat_abort(const char *text)
{
	union sigval value;

	value.sival_ptr = const_cast<char *>(text);
	pthread_sigqueue(pthread_self(), SIGABRT, value);
	/* Where nobody has caught it. */
	abort();
}

/* @what: a literal */
#define PTO_COMPAT_REQUIRE(cond, what) \
	do { \
		if (!(cond)) \
			pto_compat_abort(PTO_COMPAT_ABORT what); \
	} while (0)

#define PTO_COMPAT_TEXT2(x) #x
#define PTO_COMPAT_TEXT(x) PTO_COMPAT_TEXT2(x)

#define always_assert(cond) \
	PTO_COMPAT_REQUIRE((cond), "assertion failed: " #cond ", " __FILE__ \
				 ":" PTO_COMPAT_TEXT(__LINE__))

#ifdef NDEBUG
#define debug_assert(cond) ((void)0)
#else
#define debug_assert(cond) always_assert(cond)
#endif

#endif
