// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The driver's dumps of hung streams (linux/pto_dump.h), decoded. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pto.h>
#include <linux/pto_dump.h>

#include "dump.h"
#include "host_decode.h"
#include "pto.h"
#include "table.h"

#define DUMP_MAX	(1 << 20)

static json_t *task_json(const struct pto_dump_task *task, const struct pto_dump *dump)
{
	const char *state = task->seqno == dump->completed + 1 ? "hung" :
			    task->seqno <= dump->completed ? "done" : "queued";
	json_t *object = json_pack("{sI, ss, ss, sI, sI}", "seqno", (json_int_t)task->seqno,
				   "command", opcode_name(task->opcode), "state", state,
				   "started_ns", (json_int_t)task->started,
				   "value", (json_int_t)task->value);

	if (task->seqno <= dump->completed)
		json_object_set_new(object, "status", json_integer(task->status));
	if (task->opcode == PTO_CMD_LAUNCH) {
		json_object_set_new(object, "func_id", json_integer(task->func_id));
		json_object_set_new(object, "nargs", json_integer(task->nargs));
		json_object_set_new(object, "lanes", json_integer(task->lanes));
		json_object_set_new(object, "left", json_integer(task->left));
	}
	return object;
}

static json_t *core_json(const struct pto_dump_core *core)
{
	return json_pack("{si, sI, sI, sI, sI, sI, sb, sb}", "core", core->core,
			 "head", (json_int_t)core->head, "tail", (json_int_t)core->tail,
			 "cq_head", (json_int_t)core->cq_head,
			 "emulator_head", (json_int_t)core->emu_head,
			 "emulator_cq_tail", (json_int_t)core->emu_cq_tail,
			 "asleep", core->emu_asleep != 0,
			 "halted", core->emu_state == PTO_QUEUE_HALTED);
}

static json_t *dump_json(const struct pto_dump *dump)
{
	const struct pto_dump_task *tasks = (const void *)(dump + 1);
	const struct pto_dump_core *cores = (const void *)(tasks + dump->tasks);
	json_t *task_list = json_array(), *core_list = json_array();
	char comm[sizeof(dump->comm) + 1] = "", label[sizeof(dump->label) + 1] = "";

	memcpy(comm, dump->comm, sizeof(dump->comm));
	memcpy(label, dump->label, sizeof(dump->label));
	for (uint32_t i = 0; i < dump->tasks; i++)
		json_array_append_new(task_list, task_json(&tasks[i], dump));
	for (uint32_t i = 0; i < dump->cores; i++)
		json_array_append_new(core_list, core_json(&cores[i]));
	return json_pack("{si, si, si, so, so, si, ss, si, si, sI, si, sI, sI, sI, so, so}",
			 "dev", dump->dev, "ctx", dump->ctx, "pid", dump->pid,
			 "comm", printable(comm, sizeof(comm)),
			 "label", printable(label, sizeof(label)), "stream", dump->stream,
			 "engine", engine_name(dump->engine), "index", dump->index,
			 "depth", dump->depth, "time_ns", (json_int_t)dump->time_ns,
			 "timeout_ms", dump->timeout_ms, "submitted", (json_int_t)dump->submitted,
			 "pushed", (json_int_t)dump->pushed,
			 "completed", (json_int_t)dump->completed, "tasks", task_list,
			 "cores", core_list);
}

/* What is wrong with it, or NULL. */
static const char *dump_check(const struct pto_dump *dump, size_t size)
{
	if (size < sizeof(*dump))
		return size ? "too short" : "empty: no stream has hung";
	if (dump->magic != PTO_DUMP_MAGIC)
		return "no dump of the pto driver";
	if (dump->version != PTO_DUMP_VERSION)
		return "of another version of the driver";
	if (dump->tasks > PTO_DUMP_TASKS_MAX || dump->cores > PTO_LANES ||
	    dump->size != sizeof(*dump) + dump->tasks * sizeof(struct pto_dump_task) +
	    dump->cores * sizeof(struct pto_dump_core))
		return "broken";
	return size < dump->size ? "cut off" : NULL;
}

json_t *dump_load(const char *path)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "r") : stdin;
	struct pto_dump *dump = malloc(DUMP_MAX);
	const char *wrong = "out of memory";
	json_t *object = NULL;
	size_t size;

	if (!f) {
		complain("%s: %m", path);
	} else {
		size = dump ? fread(dump, 1, DUMP_MAX, f) : 0;
		if (dump)
			wrong = ferror(f) ? strerror(errno) : dump_check(dump, size);
		if (wrong)
			complain("%s: %s", path, wrong);
		else
			object = dump_json(dump);
		if (f != stdin)
			fclose(f);
	}
	free(dump);
	return object;
}

void dump_print(const json_t *dump)
{
	static const struct column task_columns[] = {
		{ "SEQNO", "seqno" }, { "COMMAND", "command" }, { "STATE", "state" },
		{ "STATUS", "status" }, { "FUNC_ID", "func_id" }, { "NARGS", "nargs" },
		{ "LANES", "lanes" }, { "LEFT", "left" }, { "VALUE", "value" },
	};
	static const struct column core_columns[] = {
		{ "CORE", "core" }, { "HEAD", "head" }, { "TAIL", "tail" }, { "CQ HEAD", "cq_head" },
		{ "EMULATOR'S HEAD", "emulator_head" }, { "CQ TAIL", "emulator_cq_tail" },
	};
	const json_t *cores = json_object_get(dump, "cores");

	printf("pto%lld: stream %lld (%s %lld) of context %lld hung for %lld ms\n",
	       (long long)row_int(dump, "dev"), (long long)row_int(dump, "stream"),
	       json_string_value(json_object_get(dump, "engine")),
	       (long long)row_int(dump, "index"), (long long)row_int(dump, "ctx"),
	       (long long)row_int(dump, "timeout_ms"));
	printf("%s, pid %lld; %lld commands submitted, %lld done, depth %lld\n",
	       json_string_value(json_object_get(dump, "comm")), (long long)row_int(dump, "pid"),
	       (long long)row_int(dump, "submitted"), (long long)row_int(dump, "completed"),
	       (long long)row_int(dump, "depth"));
	TABLE_PRINT(stdout, task_columns, json_object_get(dump, "tasks"));
	if (json_array_size(cores))
		TABLE_PRINT(stdout, core_columns, cores);
}
