// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The thread's error text, and the log.
 *
 * The environment is read once, at the first line that might be logged:
 * PTO_LOG_LEVEL is error, warn, info or debug; PTO_LOG_FILE is appended to
 * instead of stderr, and alone means info. Without either nothing is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "pto/pto.h"

#define TEXT_SIZE	1024

static const char *const level_name[] = {
	[LOG_NONE] = "none", [LOG_ERROR] = "error", [LOG_WARN] = "warn",
	[LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

/*
 * A pointer, not the text: what thread-local storage a library needs at once
 * bounds how many copies of it a process can load.
 */
static __thread char *last_error;
static pthread_once_t text_once = PTHREAD_ONCE_INIT;
static pthread_key_t text_key;	/* frees a thread's text at its end */
static bool text_keyed;		/* constant after text_once, until unload */

static pthread_once_t log_once = PTHREAD_ONCE_INIT;
static enum log_level log_level;	/* constant after log_once */
static int log_fd = STDERR_FILENO;	/* constant after log_once, until unload */

/* One writev() a line, so that lines of several threads and processes do not mix. */
static void write_line(enum log_level level, const char *text)
{
	char head[48];
	struct iovec line[] = {
		{ head, snprintf(head, sizeof(head), "pto[%d] %s: ", (int)getpid(),
				 level_name[level]) },
		{ (void *)text, strlen(text) },
		{ "\n", 1 },
	};

	if (writev(log_fd, line, ARRAY_SIZE(line)) < 0)
		return;		/* nobody to tell */
}

static bool parse_level(const char *value, enum log_level *level)
{
	for (int i = LOG_ERROR; i < ARRAY_SIZE(level_name); i++) {
		if (!strcmp(value, level_name[i])) {
			*level = i;
			return true;
		}
	}
	return false;
}

static void log_open(void)
{
	const char *level = getenv("PTO_LOG_LEVEL"), *path = getenv("PTO_LOG_FILE");
	char warning[512];

	if (path && *path) {
		int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

		if (fd >= 0) {
			log_fd = fd;
		} else {
			snprintf(warning, sizeof(warning), "PTO_LOG_FILE=%s: %s; using stderr",
				 path, strerror(errno));
			write_line(LOG_WARN, warning);
		}
		log_level = LOG_INFO;
	}
	if (level && *level && !parse_level(level, &log_level)) {
		snprintf(warning, sizeof(warning),
			 "PTO_LOG_LEVEL=%s ignored: not error, warn, info or debug", level);
		write_line(LOG_WARN, warning);
	}
}

static bool log_wants(enum log_level level)
{
	pthread_once(&log_once, log_open);
	return level <= log_level;
}

static void text_free(void *text)
{
	last_error = NULL;
	free(text);
}

static void text_init(void)
{
	text_keyed = !pthread_key_create(&text_key, text_free);
}

/* The thread's text, made at its first error; NULL without memory. */
static char *text_get(void)
{
	if (!last_error) {
		pthread_once(&text_once, text_init);
		last_error = calloc(1, TEXT_SIZE);
		if (text_keyed)
			pthread_setspecific(text_key, last_error);
	}
	return last_error;
}

const char *pto_last_error(void)
{
	return last_error ?: "";
}

int fail(int err, const char *fmt, ...)
{
	int saved_errno = errno;
	char text[TEXT_SIZE];	/* an argument may be the last text */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fail_set(err, text);
	if (log_wants(LOG_ERROR))
		write_line(LOG_ERROR, text);
	errno = saved_errno;
	return err;
}

void fail_prefix(const char *fmt, ...)
{
	char text[TEXT_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	strncat(text, ": ", sizeof(text) - 1 - strlen(text));
	strncat(text, pto_last_error(), sizeof(text) - 1 - strlen(text));
	fail_set(0, text);
}

int fail_set(int err, const char *text)
{
	size_t n = strnlen(text, TEXT_SIZE - 1);
	char *last = text_get();

	if (last) {
		memmove(last, text, n);
		last[n] = '\0';
	}
	return err;
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	int saved_errno = errno;
	char text[TEXT_SIZE];
	va_list ap;

	if (log_wants(level)) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		write_line(level, text);
	}
	errno = saved_errno;
}

/*
 * Last of all destructors, so that the others may still fail and log. A thread
 * that ends later must not call into a library that is gone.
 */
static __attribute__((destructor(101))) void error_exit(void)
{
	log_level = LOG_NONE;
	if (log_fd != STDERR_FILENO)
		close(log_fd);
	if (text_keyed)
		pthread_key_delete(text_key);
	text_keyed = false;
}
