// SPDX-License-Identifier: MIT OR LGPL-2.1
/* How large windows, heaps and so on are: what is asked for, the environment, defaults. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "stream/stream.h"

/** struct setting - a number that may come from the environment */
struct setting {
	const char *name;
	uint64_t least, most, otherwise;
	bool power_of_two;
	const char *want;
};

static const struct setting window = {
	"PTO2_RING_TASK_WINDOW", 4, STREAM_WINDOW_MOST, 1 << 14, true, "a power of two, 4 to 2^24",
};
static const struct setting heap = {
	"PTO2_RING_HEAP", 1024, STREAM_HEAP_MOST, 64 << 20, true, "a power of two, at least 1024 bytes",
};
static const struct setting dep_pool = {
	"PTO2_RING_DEP_POOL", 4, STREAM_DEP_POOL_MOST, 1 << 16, false, "a number, at least 4",
};

static bool fits(const struct setting *s, uint64_t n)
{
	return n >= s->least && n <= s->most && !(s->power_of_two && n & (n - 1));
}

static uint64_t from_environment(const struct setting *s)
{
	const char *value = getenv(s->name);
	unsigned long long n;
	char *end;

	if (!value || !*value)
		return s->otherwise;
	errno = 0;
	n = strtoull(value, &end, 10);
	if (isdigit((unsigned char)*value) && !*end && !errno && fits(s, n))
		return n;
	log_msg(LOG_WARN, "%s=%s: want %s; the default is used", s->name, value, s->want);
	return s->otherwise;
}

static int choose(const struct setting *s, const char *name, uint64_t given, uint64_t *n)
{
	*n = given ? given : from_environment(s);
	if (fits(s, *n))
		return 0;
	return fail(-EINVAL, "pto_flow_opts: %s is %llu: want %s", name,
		    (unsigned long long)given, s->want);
}

int stream_settings(struct pto_flow_opts *o)
{
	uint64_t n;
	int ret;

	ret = choose(&window, "window", o->window, &n);
	o->window = n;
	if (!ret)
		ret = choose(&dep_pool, "dep_pool", o->dep_pool, &n);
	o->dep_pool = n;
	return ret ?: choose(&heap, "heap", o->heap, &o->heap);
}
