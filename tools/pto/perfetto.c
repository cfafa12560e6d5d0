// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A profile in the Trace Event Format, which Perfetto and chrome://tracing read. */
#include <jansson.h>

#include "pto.h"
#include "swim.h"

static json_t *event(const char *phase, int core_id, const char *name)
{
	return json_pack("{ss, si, si, ss}", "ph", phase, "pid", 0, "tid", core_id, "name", name);
}

/* A core is shown as a thread, in the order of core_id. */
static void add_core(json_t *events, const struct swim *swim, int core_id)
{
	json_t *name = event("M", core_id, "thread_name");
	json_t *order = event("M", core_id, "thread_sort_index");

	json_object_set_new(name, "args", json_pack("{ss}", "name", core_name(swim, core_id)));
	json_object_set_new(order, "args", json_pack("{si}", "sort_index", core_id));
	json_array_append_new(events, name);
	json_array_append_new(events, order);
}

static void add_task(json_t *events, const struct swim *swim, const struct swim_task *t)
{
	json_t *slice = event("X", t->core_id, swim_func(swim, t->func_id)->name);

	json_object_set_new(slice, "ts", json_real(t->start));
	json_object_set_new(slice, "dur", json_real(t->end - t->start));
	json_object_set_new(slice, "args",
			    json_pack("{si, si, sf, sf}", "task_id", t->task_id,
				      "func_id", t->func_id, "dispatch_us", t->dispatch,
				      "finish_us", t->finish));
	json_array_append_new(events, slice);
}

int swim_perfetto(const struct swim *swim, const char *path)
{
	json_t *events = json_array(), *process = event("M", 0, "process_name"), *root;
	int bad;

	json_object_set_new(process, "args", json_pack("{ss}", "name", "pto"));
	json_array_append_new(events, process);
	for (int i = 0; i < SWIM_CORES; i++)
		if (swim->cores[i].count)
			add_core(events, swim, i);
	for (int i = 0; i < swim->ntasks; i++)
		add_task(events, swim, &swim->tasks[i]);
	root = json_pack("{so, ss}", "traceEvents", events, "displayTimeUnit", "ns");
	bad = json_dump_file(root, path, JSON_COMPACT | JSON_REAL_PRECISION(12));
	json_decref(root);
	return bad ? complain("writing %s: %m", path) : PTO_OK;
}
