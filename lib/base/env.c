// SPDX-License-Identifier: MIT OR LGPL-2.1
#include "base/env.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

uint32_t env_ms(const char *name, uint32_t otherwise)
{
	const char *text = getenv(name);
	unsigned long ms;
	char *end;

	if (!text)
		return otherwise;
	errno = 0;
	ms = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || ms > UINT32_MAX) {
		log_msg(LOG_WARN, "%s=%s is not a number of milliseconds, ignored", name, text);
		return otherwise;
	}
	return ms;
}
