// SPDX-License-Identifier: MIT OR LGPL-2.1
/* PTO2_* settings, which runners set around init_runtime(). */
#include "runtime/env.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "orch/orch.h"
#include "stream/stream.h"

#define ORCH_TO_SCHED	"PTO2_ORCH_TO_SCHED"

int env_read(struct orch *o)
{
	const char *value = getenv(ORCH_TO_SCHED);

	if (value && *value && (strlen(value) != 1 || !strchr("1tT0fF", *value))) {
		log_msg(LOG_WARN, ORCH_TO_SCHED "=%s: want 1, t or T to switch it on, 0, f or F for off; the default is used",
			value);
		value = NULL;
	}
	o->orch_to_sched = value && *value && strchr("1tT", *value);
	o->flow_opts.size = sizeof(o->flow_opts);
	return stream_settings(&o->flow_opts);
}
