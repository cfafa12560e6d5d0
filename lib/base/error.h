/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* The thread's error text, and the log. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/* Severities, as PTO_LOG_LEVEL names them: error, warn, info, debug. */
enum log_level { LOG_NONE, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/**
 * fail - record why a call fails
 * @err: negative errno, returned as it is
 *
 * The text becomes the thread's pto_last_error() and a line in the log.
 */
int fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/** fail_prefix - put what was being done in front of the thread's error text */
void fail_prefix(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));

/** fail_set - take over a text that another thread or process has left */
int fail_set(int err, const char *text) __attribute__((cold));

/** log_msg - a line in the log when @level asks for it; silent unless the user wants a log */
void log_msg(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), cold));

#endif
