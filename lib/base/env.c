// SPDX-License-Identifier: MIT OR LGPL-2.1
#include "base/env.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

static bool parse(const char *name, const char *text, const char *what, uint64_t most, uint64_t *n)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value > most) {
		log_msg(LOG_WARN, "%s=%s is not %s, ignored", name, text, what);
		return false;
	}
	*n = value;
	return true;
}

bool env_number(const char *name, uint64_t *n)
{
	const char *text = getenv(name);

	return text && parse(name, text, "a number", UINT64_MAX, n);
}

uint32_t env_ms(const char *name, uint32_t otherwise)
{
	const char *text = getenv(name);
	uint64_t ms = otherwise;

	if (text)
		parse(name, text, "a number of milliseconds", UINT32_MAX, &ms);
	return ms;
}
