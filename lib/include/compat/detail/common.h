/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Assertions. One that fails ends the task or the orchestration as an error, as the
 * runtime catches what abort() raises there; the process goes on.
 */
#ifndef PTO_COMPAT_COMMON_H
#define PTO_COMPAT_COMMON_H

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define always_assert(cond) \
	do { \
		if (!(cond)) \
			abort(); \
	} while (0)

#ifdef NDEBUG
#define debug_assert(cond) ((void)0)
#else
#define debug_assert(cond) always_assert(cond)
#endif

#endif
