// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto reset: end all contexts of a device. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>

#include "host.h"
#include "pto.h"
#include "table.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	if (key == ARGP_KEY_NO_ARGS)
		argp_usage(state);
	return host_parse(key, arg, state, state->input);
}

static int print_reset(const json_t *reply)
{
	printf("pto%lld was reset, generation %lld\n", (long long)row_int(reply, "dev"),
	       (long long)row_int(reply, "generation"));
	return PTO_OK;
}

int cmd_reset(int argc, char **argv)
{
	static const struct argp_option option_table[] = {
		HOST_OPTION_JSON,
		{ 0 }
	};
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "DEVICE",
		.doc = "Reset a device of the driver: all its contexts end, new ones work.\v"
		       "Takes CAP_NET_ADMIN. Whoever uses the device gets ENODEV.",
	};
	struct host_options opt = { .device = -1 };
	struct host_attr attrs[2] = { 0 };
	struct host *host;
	json_t *reply;
	int err, ret;

	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	host = host_or_complain();
	if (!host)
		return PTO_FAILED;
	attrs[0] = (struct host_attr){ PTO_A_DEV_INDEX, opt.device };
	err = host_call(host, PTO_NL_DEV_RESET, attrs, &reply);
	if (err == -EPERM)
		ret = complain("pto%d: a reset takes CAP_NET_ADMIN", opt.device);
	else if (err)
		ret = complain("pto%d: %s", opt.device, host_reason(host));
	else if (opt.json)
		ret = json_out(json_pack("{si, sO}", "version", 1, "reset", reply), JSON_INDENT(2));
	else
		ret = print_reset(reply);
	if (!err)
		json_decref(reply);
	host_close(host);
	return ret;
}
