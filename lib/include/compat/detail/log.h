/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * LOG_INFO(fmt, ...) and LOG_INFO(rt, fmt, ...): with a handle lines go to the
 * runtime's log. Without one they go where its lines go, if PTO_LOG_LEVEL or PTO_LOG_FILE
 * asks for them.
 */
#ifndef PTO_COMPAT_LOG_H
#define PTO_COMPAT_LOG_H

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

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

/* One write(), as other lines may come between. */
inline void pto_compat_log_line(const char *path, const char *level, const char *text)
{
	FILE *file = path ? fopen(path, "ae") : nullptr;

	fprintf(file ? file : stderr, "pto[%d] %s: orchestration: %s\n", static_cast<int>(getpid()),
		level, text);
	if (file)
		fclose(file);
}

__attribute__((format(printf, 2, 3)))
inline void pto_compat_log(int severity, const char *fmt, ...)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	const char *level = getenv("PTO_LOG_LEVEL"), *path = getenv("PTO_LOG_FILE");
	char text[512];
	va_list args;
	int i, most;

	if (path && !*path)
		path = nullptr;
	most = path ? PTO_ORCH_INFO : -1;
	for (i = 0; level && i < 4; i++)
		if (!strcmp(level, names[i]))
			most = i;
	if (severity > most)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	pto_compat_log_line(path, names[severity], text);
}

#define LOG_ERROR(...) pto_compat_log(PTO_ORCH_ERROR, __VA_ARGS__)
#define LOG_WARN(...) pto_compat_log(PTO_ORCH_WARN, __VA_ARGS__)
#define LOG_INFO(...) pto_compat_log(PTO_ORCH_INFO, __VA_ARGS__)
#define LOG_DEBUG(...) pto_compat_log(PTO_ORCH_DEBUG, __VA_ARGS__)
#define LOG_ALWAYS(...) pto_compat_log(PTO_ORCH_ERROR, __VA_ARGS__)

#endif
