// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto list, pto info: the devices of this host. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include <pto/pto.h>

#include "host.h"
#include "pto.h"
#include "table.h"

struct options {
	bool json;
	const char *device;
};

/* What there is without a driver: one device in each process. NULL if it can not be opened. */
static json_t *embedded(void)
{
	struct pto_device_info info = { .size = sizeof(info) };
	struct pto_device *dev;
	json_t *row = NULL;
	int err;

	err = pto_device_open("embedded", &dev);
	if (err) {
		complain("the embedded device can not be opened: %s; `pto doctor` tells more",
			 strerror(-err));
		return NULL;
	}
	if (!pto_device_query(dev, &info))
		row = json_pack("{ss, ss, ss, ss, si, sI, sI}", "name", info.name,
				"backend", info.backend, "state", "ready", "mode", info.mode,
				"blocks", info.blocks, "mem_total", (json_int_t)info.mem_total,
				"mem_used", (json_int_t)info.mem_used);
	pto_device_close(dev);
	return row;
}

/* Devices of the driver, if it is there, then the embedded one. @all: none had to be left out. */
static json_t *all_devices(bool *all)
{
	json_t *rows = NULL, *row;
	struct host *host;
	char name[16];
	size_t i;

	if (!host_open(&host)) {
		rows = host_list(host, PTO_NL_DEV_GET, NULL);
		host_close(host);
		if (!rows)
			return NULL;
	} else {
		rows = json_array();
	}
	json_array_foreach(rows, i, row) {
		snprintf(name, sizeof(name), "pto%d", (int)row_int(row, "dev"));
		json_object_set_new(row, "name", json_string(name));
	}
	row = embedded();
	*all = row;
	if (row)
		json_array_append_new(rows, row);
	return rows;
}

static error_t parse_list(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	switch (key) {
	case 'j':
		opt->json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_usage(state);
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option json_option[] = {
	HOST_OPTION_JSON,
	{ 0 }
};

int cmd_list(int argc, char **argv)
{
	static const struct argp argp = {
		.options = json_option,
		.parser = parse_list,
		.doc = "List the devices of this host.\vWithout the driver, that is the embedded "
		       "device, which each process has for itself.",
	};
	static const struct column columns[] = {
		{ "DEVICE", "name" }, { "BACKEND", "backend" }, { "STATE", "state" },
		{ "BLOCKS", "blocks" }, { "MEMORY", "mem_total", format_bytes },
		{ "USED", "mem_used", format_bytes }, { "CONTEXTS", "contexts" },
		{ "GENERATION", "generation" },
	};
	struct options opt = { 0 };
	int ret = PTO_OK;
	json_t *rows;
	bool all;

	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	rows = all_devices(&all);
	if (!rows)
		return PTO_FAILED;
	if (opt.json)
		ret = json_out(json_pack("{si, sO}", "version", 1, "devices", rows),
			       JSON_INDENT(2));
	else
		TABLE_PRINT(stdout, columns, rows);
	json_decref(rows);
	return ret || all ? ret : PTO_FAILED;
}

/* ---- info ----------------------------------------------------------------- */

static error_t parse_info(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	if (key != ARGP_KEY_ARG || opt->device)
		return parse_list(key, arg, state);
	opt->device = arg;
	return 0;
}

/* Give the row what the driver counts of its device. */
static int add_stats(json_t *row)
{
	const struct host_attr attrs[] = { { PTO_A_STATS_DEV, row_int(row, "dev") }, { 0 } };
	struct host *host = host_or_complain();
	json_t *stats;
	int err;

	if (!host)
		return PTO_FAILED;
	err = host_call(host, PTO_NL_STATS_GET, attrs, &stats);
	if (err) {
		complain("statistics: %s", host_reason(host));
	} else {
		json_object_update_missing(row, stats);
		json_decref(stats);
	}
	host_close(host);
	return err ? PTO_FAILED : PTO_OK;
}

static void print_info(const json_t *row)
{
	const char *key;
	json_t *value;
	char cell[CELL];

	printf("%s\n", json_string_value(json_object_get(row, "name")));
	json_object_foreach((json_t *)row, key, value) {
		size_t n = strlen(key);

		if (!strcmp(key, "name") || !strcmp(key, "dev"))
			continue;
		if (!strncmp(key, "mem_", 4))
			text_bytes(json_integer_value(value), cell);
		else if (n > 3 && !strcmp(key + n - 3, "_ns"))
			format_ns(row, key, cell);
		else if (json_is_string(value))
			snprintf(cell, CELL, "%s", json_string_value(value));
		else
			snprintf(cell, CELL, "%lld", (long long)json_integer_value(value));
		printf("  %-14s %s\n", key, cell);
	}
}

int cmd_info(int argc, char **argv)
{
	static const struct argp argp = {
		.options = json_option,
		.parser = parse_info,
		.args_doc = "[DEVICE]",
		.doc = "Tell what a device is, and what it has done. DEVICE is ptoN, N or embedded; "
		       "without one: all.\vExits 3 when there is no such device.",
	};
	json_t *rows, *row, *chosen = json_array();
	struct options opt = { 0 };
	int index = -1, ret = PTO_OK;
	bool all = false;
	size_t i;

	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	if (opt.device)
		index = host_device(opt.device);
	rows = all_devices(&all);
	json_array_foreach(rows, i, row) {
		const json_t *dev = json_object_get(row, "dev");
		const char *name = json_string_value(json_object_get(row, "name"));

		if (opt.device && (dev ? json_integer_value(dev) != index :
					 strcmp(name, opt.device) && strcmp("embedded", opt.device)))
			continue;
		if (dev && !ret)
			ret = add_stats(row);
		json_array_append(chosen, row);
	}
	if (!rows)
		ret = PTO_FAILED;
	else if (!ret && !json_array_size(chosen) && all)
		ret = complain("%s: no such device; `pto list` shows what there is", opt.device);
	if (!ret && opt.json)
		ret = json_out(json_pack("{si, sO}", "version", 1, "devices", chosen),
			       JSON_INDENT(2));
	else if (!ret)
		json_array_foreach(chosen, i, row)
			print_info(row);
	if (!ret && !all && !(opt.device && json_array_size(chosen)))
		ret = PTO_FAILED;
	json_decref(chosen);
	json_decref(rows);
	return ret;
}
