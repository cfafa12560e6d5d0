/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * LOG_INFO(fmt, ...) and LOG_INFO(rt, fmt, ...): with a handle lines go to the
 * runtime's log. Without one they go to standard error if PTO_LOG_LEVEL asks for them.
 */
#ifndef PTO_COMPAT_LOG_H
#define PTO_COMPAT_LOG_H

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../../pto/orch.h"

struct PTO2Runtime;

inline pto_orch *pto_compat_orch(PTO2Runtime *rt)
{
	return reinterpret_cast<pto_orch *>(rt);
}

__attribute__((format(printf, 3, 4)))
inline void pto_compat_log(int severity, PTO2Runtime *rt, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	pto_orch_log(pto_compat_orch(rt), severity, text);
}

__attribute__((format(printf, 2, 3)))
inline void pto_compat_log(int severity, const char *fmt, ...)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	const char *level = getenv("PTO_LOG_LEVEL");
	char text[512];
	va_list args;
	int i;

	for (i = 0; level && i < 4 && strcmp(level, names[i]); i++)
		;
	if (!level || i == 4 || severity > i)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(stderr, "pto: %s: orchestration: %s\n", names[severity], text);
}

#define LOG_ERROR(...) pto_compat_log(PTO_ORCH_ERROR, __VA_ARGS__)
#define LOG_WARN(...) pto_compat_log(PTO_ORCH_WARN, __VA_ARGS__)
#define LOG_INFO(...) pto_compat_log(PTO_ORCH_INFO, __VA_ARGS__)
#define LOG_DEBUG(...) pto_compat_log(PTO_ORCH_DEBUG, __VA_ARGS__)
#define LOG_ALWAYS(...) pto_compat_log(PTO_ORCH_ERROR, __VA_ARGS__)

#endif
