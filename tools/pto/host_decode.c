// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Messages of the driver's netlink family as JSON objects. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <linux/pto.h>
#include <linux/pto_netlink.h>

#include "host_decode.h"

enum kind { U32, S32, U64, TEXT };

/**
 * struct field - an attribute
 * @names:	of its numbers, with a NULL at the end; NULL: it is a number
 */
struct field {
	int type;
	const char *name;
	enum kind kind;
	const char *const *names;
};

static const char *const dev_states[] = { "ready", "resetting", NULL };
static const char *const dev_events[] = { "added", "removed", "reset-begin", "reset-end", NULL };
static const char *const ctx_states[] = { "unbound", "live", "dead", NULL };
static const char *const engines[] = { "copy", "aic", "aiv", "block", NULL };
static const char *const stream_states[] = { "running", "stopped", "dead", NULL };
static const char *const fault_classes[] = {
	"none", "task", "task-hang", "program", "descriptor", "timeout", "injected", "emulator",
	NULL
};

static const struct field dev_fields[] = {
	{ PTO_A_DEV_INDEX, "dev", U32 },
	{ PTO_A_DEV_BACKEND, "backend", TEXT },
	{ PTO_A_DEV_STATE, "state", U32, dev_states },
	{ PTO_A_DEV_GENERATION, "generation", U32 },
	{ PTO_A_DEV_BLOCKS, "blocks", U32 },
	{ PTO_A_DEV_MEM_TOTAL, "mem_total", U64 },
	{ PTO_A_DEV_MEM_USED, "mem_used", U64 },
	{ PTO_A_DEV_CONTEXTS, "contexts", U32 },
	{ PTO_A_DEV_TIMEOUT_MS, "timeout_ms", U32 },
	{ PTO_A_DEV_NUMA_NODE, "numa_node", S32 },
	{ PTO_A_DEV_EVENT, "event", U32, dev_events },
	{ PTO_A_DEV_TIME_NS, "time_ns", U64 },
	{ PTO_A_DEV_DROPPED, "dropped", U64 },
	{ 0 }
};

static const struct field ctx_fields[] = {
	{ PTO_A_CTX_DEV, "dev", U32 },
	{ PTO_A_CTX_ID, "id", U32 },
	{ PTO_A_CTX_PID, "pid", U32 },
	{ PTO_A_CTX_UID, "uid", U32 },
	{ PTO_A_CTX_COMM, "comm", TEXT },
	{ PTO_A_CTX_LABEL, "label", TEXT },
	{ PTO_A_CTX_STATE, "state", U32, ctx_states },
	{ PTO_A_CTX_MEM_USED, "mem_used", U64 },
	{ PTO_A_CTX_PINNED, "pinned", U64 },
	{ PTO_A_CTX_OBJECTS, "objects", U32 },
	{ PTO_A_CTX_STREAMS, "streams", U32 },
	{ PTO_A_CTX_TIMEOUT_MS, "timeout_ms", U32 },
	{ PTO_A_CTX_SUBMITTED, "submitted", U64 },
	{ PTO_A_CTX_COMPLETED, "completed", U64 },
	{ PTO_A_CTX_FAULTS, "faults", U64 },
	{ PTO_A_CTX_BUSY_COPY_NS, "busy_copy_ns", U64 },
	{ PTO_A_CTX_BUSY_AIC_NS, "busy_aic_ns", U64 },
	{ PTO_A_CTX_BUSY_AIV_NS, "busy_aiv_ns", U64 },
	{ 0 }
};

static const struct field stream_fields[] = {
	{ PTO_A_STREAM_DEV, "dev", U32 },
	{ PTO_A_STREAM_CTX, "ctx", U32 },
	{ PTO_A_STREAM_HANDLE, "handle", U32 },
	{ PTO_A_STREAM_ENGINE, "engine", U32, engines },
	{ PTO_A_STREAM_INDEX, "index", U32 },
	{ PTO_A_STREAM_DEPTH, "depth", U32 },
	{ PTO_A_STREAM_STATE, "state", U32, stream_states },
	{ PTO_A_STREAM_SUBMITTED, "submitted", U64 },
	{ PTO_A_STREAM_COMPLETED, "completed", U64 },
	{ 0 }
};

static const struct field stats_fields[] = {
	{ PTO_A_STATS_DEV, "dev", U32 },
	{ PTO_A_STATS_OPENED, "opened", U64 },
	{ PTO_A_STATS_SUBMITTED, "submitted", U64 },
	{ PTO_A_STATS_COMPLETED, "completed", U64 },
	{ PTO_A_STATS_FAULTS, "faults", U64 },
	{ PTO_A_STATS_BUSY_COPY_NS, "busy_copy_ns", U64 },
	{ PTO_A_STATS_BUSY_AIC_NS, "busy_aic_ns", U64 },
	{ PTO_A_STATS_BUSY_AIV_NS, "busy_aiv_ns", U64 },
	{ PTO_A_STATS_DROPPED, "dropped", U64 },
	{ 0 }
};

static const struct field fault_fields[] = {
	{ PTO_A_FAULT_DEV, "dev", U32 },
	{ PTO_A_FAULT_CTX, "ctx", U32 },
	{ PTO_A_FAULT_PID, "pid", U32 },
	{ PTO_A_FAULT_UID, "uid", U32 },
	{ PTO_A_FAULT_COMM, "comm", TEXT },
	{ PTO_A_FAULT_STREAM, "stream", U32 },
	{ PTO_A_FAULT_SEQNO, "seqno", U64 },
	{ PTO_A_FAULT_TIME_NS, "time_ns", U64 },
	{ PTO_A_FAULT_CORE, "core", S32 },
	{ PTO_A_FAULT_CLASS, "class", U32, fault_classes },
	{ PTO_A_FAULT_CODE, "code", U32 },
	{ PTO_A_FAULT_FUNC_ID, "func_id", S32 },
	{ PTO_A_FAULT_ADDR, "addr", U64 },
	{ PTO_A_FAULT_PC, "pc", U64 },
	{ PTO_A_FAULT_DROPPED, "dropped", U64 },
	{ 0 }
};

static const struct field *const messages[PTO_NL_MAX + 1] = {
	[PTO_NL_DEV_GET] = dev_fields,
	[PTO_NL_DEV_RESET] = dev_fields,
	[PTO_NL_DEV_NTF] = dev_fields,
	[PTO_NL_CTX_GET] = ctx_fields,
	[PTO_NL_STREAM_GET] = stream_fields,
	[PTO_NL_STATS_GET] = stats_fields,
	[PTO_NL_FAULT_GET] = fault_fields,
	[PTO_NL_FAULT_NTF] = fault_fields,
};

/* A number, or its name; one that a newer driver has made up stays a number. */
static json_t *number(const struct field *field, uint32_t value)
{
	for (uint32_t i = 0; field->names && field->names[i]; i++)
		if (i == value)
			return json_string(field->names[i]);
	return json_integer(value);
}

/* JSON is UTF-8; labels and commands are any bytes. */
json_t *printable(const char *text, size_t size)
{
	char safe[256];
	size_t n = 0;

	for (; n < size && text[n] && n < sizeof(safe) - 1; n++)
		safe[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
	safe[n] = 0;
	return json_string(safe);
}

static json_t *value(const struct field *field, const struct nlattr *attr)
{
	int size = nla_len(attr);

	switch (field->kind) {
	case TEXT:
		return printable(nla_data(attr), size);
	case U64:
		return size < 8 ? NULL : json_integer((json_int_t)nla_get_u64(attr));
	case S32:
		return size < 4 ? NULL : json_integer((int32_t)nla_get_u32(attr));
	default:
		return size < 4 ? NULL : number(field, nla_get_u32(attr));
	}
}

json_t *host_decode(int cmd, const struct nlattr *attrs, int size)
{
	const struct field *field = cmd > 0 && cmd <= PTO_NL_MAX ? messages[cmd] : NULL;
	json_t *object = json_object();

	for (; object && field && field->type; field++) {
		const struct nlattr *attr = nla_find(attrs, size, field->type);

		if (attr)
			json_object_set_new(object, field->name, value(field, attr));
	}
	return object;
}

/* ---- for people ---- */

static const char *rule_text(int code)
{
	static const char *const rules[] = {
		[PTO_EMU_BAD_HEAD] = "its queue's head passed what was submitted",
		[PTO_EMU_BAD_TAIL] = "its completion ring is further than it is deep",
		[PTO_EMU_BAD_COOKIE] = "it completed what is not in flight",
		[PTO_EMU_BAD_STATUS] = "it answered a status that does not exist",
		[PTO_EMU_BAD_CORE] = "it answered for another core",
	};

	return code > 0 && code <= PTO_EMU_BAD_CORE ? rules[code] : "it broke a rule";
}

const char *opcode_name(unsigned int opcode)
{
	switch (opcode) {
	case PTO_CMD_NOP: return "NOP";
	case PTO_CMD_LAUNCH: return "LAUNCH";
	case PTO_CMD_COPY: return "COPY";
	case PTO_CMD_FILL: return "FILL";
	case PTO_CMD_WAIT: return "WAIT";
	case PTO_CMD_DELAY: return "DELAY";
	case PTO_CMD_FAULT: return "FAULT";
	case PTO_CMD_HANG: return "HANG";
	default: return "unknown";
	}
}

const char *engine_name(unsigned int engine)
{
	return engine <= PTO_ENGINE_BLOCK ? engines[engine] : "unknown";
}

const char *fault_text(const json_t *fault)
{
	static char out[160];
	const char *class = json_string_value(json_object_get(fault, "class"));
	int code = json_integer_value(json_object_get(fault, "code"));
	uint64_t addr = json_integer_value(json_object_get(fault, "addr"));
	uint64_t pc = json_integer_value(json_object_get(fault, "pc"));

	class = class ? class : "unknown";
	if (!strcmp(class, "task"))
		snprintf(out, sizeof(out), "a kernel crashed: %s at address 0x%" PRIx64
			 ", in its image at 0x%" PRIx64, strsignal(code), addr, pc);
	else if (!strcmp(class, "task-hang"))
		snprintf(out, sizeof(out), "a kernel ran over its time and was left");
	else if (!strcmp(class, "program"))
		snprintf(out, sizeof(out), "a program could not be loaded: %s", strerror(code));
	else if (!strcmp(class, "descriptor"))
		snprintf(out, sizeof(out), "the emulator did not understand a descriptor");
	else if (!strcmp(class, "timeout"))
		snprintf(out, sizeof(out), "a command (%s) hung, until the driver's timeout",
			 opcode_name(code));
	else if (!strcmp(class, "injected"))
		snprintf(out, sizeof(out), "injected, code %d", code);
	else if (!strcmp(class, "emulator"))
		snprintf(out, sizeof(out), "the emulator was cut off: %s", rule_text(code));
	else
		snprintf(out, sizeof(out), "class %s, code %d", class, code);
	return out;
}
