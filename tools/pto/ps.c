// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto ps: who uses the devices. */
#include <argp.h>
#include <stdio.h>

#include "host.h"
#include "pto.h"
#include "table.h"

struct options {
	struct host_options host;
	bool streams;
};

static const struct column ctx_columns[] = {
	{ "DEVICE", "dev", format_device }, { "CTX", "id" }, { "PID", "pid", format_pid },
	{ "USER", "uid", format_user }, { "STATE", "state" },
	{ "MEMORY", "mem_used", format_bytes }, { "STREAMS", "streams" },
	{ "SUBMITTED", "submitted" }, { "DONE", "completed" }, { "FAULTS", "faults" },
	{ "AIC", "busy_aic_ns", format_ns }, { "AIV", "busy_aiv_ns", format_ns },
	{ "COPY", "busy_copy_ns", format_ns }, { "LABEL", "label" }, { "COMMAND", "comm" },
};

static const struct column stream_columns[] = {
	{ "DEVICE", "dev", format_device }, { "CTX", "ctx" }, { "STREAM", "handle" },
	{ "ENGINE", "engine" }, { "INDEX", "index" }, { "DEPTH", "depth" }, { "STATE", "state" },
	{ "SUBMITTED", "submitted" }, { "DONE", "completed" },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	switch (key) {
	case 's':
		opt->streams = true;
		return 0;
	}
	return host_parse(key, arg, state, &opt->host);
}

static const struct argp_option option_table[] = {
	HOST_OPTION_JSON,
	{ "streams", 's', NULL, 0, "their streams", 0 },
	{ 0 }
};

int cmd_ps(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "[DEVICE]",
		.doc = "List who uses the devices of the driver.\vOther users' contexts are shown "
		       "to who has CAP_NET_ADMIN.",
	};
	struct options opt = { .host.device = -1 };
	struct host_attr attrs[2] = { 0 };
	struct host *host;
	json_t *rows;

	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	host = host_or_complain();
	if (!host)
		return PTO_FAILED;
	if (opt.host.device >= 0) {
		attrs[0].type = opt.streams ? PTO_A_STREAM_DEV : PTO_A_CTX_DEV;
		attrs[0].value = opt.host.device;
	}
	rows = host_list(host, opt.streams ? PTO_NL_STREAM_GET : PTO_NL_CTX_GET, attrs);
	host_close(host);
	if (!rows)
		return PTO_FAILED;
	if (opt.host.json)
		return json_out(json_pack("{si, so}", "version", 1,
					  opt.streams ? "streams" : "contexts", rows),
				JSON_INDENT(2));
	if (opt.streams)
		TABLE_PRINT(stdout, stream_columns, rows);
	else
		TABLE_PRINT(stdout, ctx_columns, rows);
	json_decref(rows);
	return PTO_OK;
}
