// SPDX-License-Identifier: MIT OR LGPL-2.1
/* PTO2_* settings and PTO_DEPS, which runners set around init_runtime(). */
#include "runtime/env.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "orch/orch.h"
#include "stream/stream.h"

#define ORCH_TO_SCHED	"PTO2_ORCH_TO_SCHED"

/* PTO_DEPS: do C++ orchestrations' tasks wait before they write, too? */
static bool full_deps(void)
{
	const char *value = getenv("PTO_DEPS");

	if (!value || !*value)
		return false;
	if (!strcmp(value, "full"))
		return true;
	log_msg(LOG_WARN, "PTO_DEPS=%s is not full, ignored", value);
	return false;
}

int env_read(struct orch *o)
{
	const char *value = getenv(ORCH_TO_SCHED);

	if (value && *value && (strlen(value) != 1 || !strchr("1tT0fF", *value))) {
		log_msg(LOG_WARN, ORCH_TO_SCHED "=%s: want 1, t or T to switch it on, 0, f or F for off; the default is used",
			value);
		value = NULL;
	}
	o->orch_to_sched = value && *value && strchr("1tT", *value);
	o->full_deps = full_deps();
	o->flow_opts.size = sizeof(o->flow_opts);
	return stream_settings(&o->flow_opts);
}
