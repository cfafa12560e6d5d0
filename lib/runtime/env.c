// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * PTO2_* settings, which runners set around init_runtime().
 *
 * They size the rings of graphs that are built while they run. A graph that
 * is built before it runs has none, but a bad value is reported all the same:
 * the runner that sets it serves all kinds.
 */
#include "runtime/env.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"

/**
 * struct setting - what a variable may be
 * @least:	smallest number; 0: not a number but a switch
 * @want:	in words
 */
struct setting {
	const char *name;
	unsigned long long least;
	bool power_of_two;
	const char *want;
};

static const struct setting settings[] = {
	{ "PTO2_RING_TASK_WINDOW", 4, true, "a power of two, at least 4" },
	{ "PTO2_RING_HEAP", 1024, true, "a power of two, at least 1024 bytes" },
	{ "PTO2_RING_DEP_POOL", 4, false, "a number, at least 4" },
	{ "PTO2_ORCH_TO_SCHED", 0, false, "1, t or T to switch it on, 0, f or F for off" },
};

static bool is_number(const struct setting *s, const char *value)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 10);
	return isdigit((unsigned char)*value) && !*end && !errno && n >= s->least &&
	       !(s->power_of_two && n & (n - 1));
}

static bool is_switch(const char *value)
{
	return strlen(value) == 1 && strchr("1tT0fF", *value);
}

void env_check(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		const struct setting *s = &settings[i];
		const char *value = getenv(s->name);

		if (!value || !*value || (s->least ? is_number(s, value) : is_switch(value)))
			continue;
		log_msg(LOG_WARN, "%s=%s: want %s; the default is used", s->name, value, s->want);
	}
}
