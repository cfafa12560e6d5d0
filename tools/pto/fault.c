// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto fault: the last faults of devices, and what they mean. */
#include <argp.h>
#include <stdio.h>

#include "dump.h"
#include "host.h"
#include "host_decode.h"
#include "pto.h"
#include "table.h"

struct options {
	struct host_options host;
	const char *dump;
};

enum { KEY_DUMP = 256 };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	if (key != KEY_DUMP)
		return host_parse(key, arg, state, &opt->host);
	opt->dump = arg;
	return 0;
}

static int show_dump(const struct options *opt)
{
	json_t *dump = dump_load(opt->dump);

	if (!dump)
		return PTO_FAILED;
	if (opt->host.json)
		return json_out(json_pack("{si, so}", "version", 1, "dump", dump), JSON_INDENT(2));
	dump_print(dump);
	json_decref(dump);
	return PTO_OK;
}

static void print_fault(const json_t *fault)
{
	json_int_t ns = row_int(fault, "time_ns"), core = row_int(fault, "core");
	json_int_t func_id = row_int(fault, "func_id");

	printf("pto%lld at %lld.%06lld s: %s%s%s\n", (long long)row_int(fault, "dev"),
	       (long long)ns / 1000000000, (long long)ns % 1000000000 / 1000, red(),
	       fault_text(fault), plain());
	printf("  context %lld of %s, pid %lld", (long long)row_int(fault, "ctx"),
	       json_string_value(json_object_get(fault, "comm")),
	       (long long)row_int(fault, "pid"));
	if (row_int(fault, "stream"))
		printf("; stream %lld, command %lld", (long long)row_int(fault, "stream"),
		       (long long)row_int(fault, "seqno"));
	if (core >= 0)
		printf("; core %lld, func_id %lld", (long long)core, (long long)func_id);
	putchar('\n');
}

int cmd_fault(int argc, char **argv)
{
	static const struct argp_option option_table[] = {
		HOST_OPTION_JSON,
		{ "dump", KEY_DUMP, "FILE", 0, "instead: decode a dump of a hung stream; - is standard input", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "[DEVICE]",
		.doc = "List the last faults of the driver's devices, oldest first, and say what "
		       "they mean.\vA device keeps 64 of them. Other users' are shown to who has "
		       "CAP_NET_ADMIN. Times are CLOCK_MONOTONIC.",
	};
	struct options opt = { .host.device = -1 };
	struct host_attr attrs[2] = { 0 };
	struct host *host;
	json_t *rows, *row;
	int ret = PTO_OK;
	size_t i;

	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	if (opt.dump)
		return show_dump(&opt);
	host = host_or_complain();
	if (!host)
		return PTO_FAILED;
	if (opt.host.device >= 0)
		attrs[0] = (struct host_attr){ PTO_A_FAULT_DEV, opt.host.device };
	rows = host_list(host, PTO_NL_FAULT_GET, attrs);
	host_close(host);
	if (!rows)
		return PTO_FAILED;
	json_array_foreach(rows, i, row)
		json_object_set_new(row, "text", json_string(fault_text(row)));
	if (opt.host.json)
		ret = json_out(json_pack("{si, sO}", "version", 1, "faults", rows), JSON_INDENT(2));
	else
		json_array_foreach(rows, i, row)
			print_fault(row);
	json_decref(rows);
	return ret;
}
