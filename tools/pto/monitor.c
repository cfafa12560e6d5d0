// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto monitor: events of the devices, as they come. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host.h"
#include "host_decode.h"
#include "pto.h"
#include "table.h"

struct options {
	bool json;
	int count;
	int timeout_ms;
};

static volatile sig_atomic_t ended;

static void on_signal(int sig)
{
	ended = 1;
}

static void print_event(const json_t *event)
{
	const char *what = json_string_value(json_object_get(event, "event"));
	json_int_t ns = row_int(event, "time_ns");

	if (!what || !strcmp(what, "lost")) {
		printf("events were lost: this program was too slow\n");
		return;
	}
	printf("%lld.%06lld pto%lld ", (long long)ns / 1000000000,
	       (long long)ns % 1000000000 / 1000, (long long)row_int(event, "dev"));
	if (strcmp(what, "fault"))
		printf("%s%s%s, generation %lld\n", green(), what, plain(),
		       (long long)row_int(event, "generation"));
	else
		printf("%sfault%s of context %lld, %s, pid %lld, stream %lld, command %lld: %s\n",
		       red(), plain(), (long long)row_int(event, "ctx"),
		       json_string_value(json_object_get(event, "comm")),
		       (long long)row_int(event, "pid"), (long long)row_int(event, "stream"),
		       (long long)row_int(event, "seqno"), fault_text(event));
}

/* Print events until there is a reason to end. */
static int follow(struct host *host, const struct options *opt)
{
	json_int_t dropped = -1;
	int ret = PTO_OK;

	for (int n = 0; !ended && !ret && (!opt->count || n < opt->count); n++) {
		json_t *event = host_event(host, opt->timeout_ms);

		if (!event)
			break;
		if (!opt->json && dropped >= 0 && row_int(event, "dropped") > dropped)
			printf("%lld events were left out: there were too many\n",
			       (long long)(row_int(event, "dropped") - dropped));
		if (json_object_get(event, "dropped"))
			dropped = row_int(event, "dropped");
		if (opt->json) {
			ret = json_out(event, JSON_COMPACT);
		} else {
			print_event(event);
			json_decref(event);
		}
		if (fflush(stdout))
			ret = complain("writing the output: %m");
	}
	return ret;
}

enum { KEY_TIMEOUT = 256 };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	switch (key) {
	case 'j':
		opt->json = true;
		return 0;
	case 'n':
		opt->count = number(state, arg, 1, 1000000000);
		return 0;
	case KEY_TIMEOUT:
		opt->timeout_ms = number(state, arg, 0, 86400) * 1000;
		return 0;
	case ARGP_KEY_ARG:
		argp_usage(state);
	}
	return ARGP_ERR_UNKNOWN;
}

int cmd_monitor(int argc, char **argv)
{
	static const struct argp_option option_table[] = {
		{ "json", 'j', NULL, 0, "an object a line, see pto-json(5)", 0 },
		{ "count", 'n', "N", 0, "end after N events", 0 },
		{ "timeout", KEY_TIMEOUT, "SECONDS", 0, "end when nothing came for so long", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.doc = "Print what happens to the devices of the driver: added, removed, reset, "
		       "faults.\vFaults are told to who has CAP_NET_ADMIN. Times are "
		       "CLOCK_MONOTONIC. Ctrl-C ends it.",
	};
	struct sigaction action = { .sa_handler = on_signal };
	struct options opt = { .timeout_ms = -1 };
	struct host *host;
	int err, ret = PTO_FAILED;

	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	host = host_or_complain();
	if (!host)
		return PTO_FAILED;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	err = host_listen(host, true);
	if (err == -EPERM)
		fputs("pto: faults are not shown: that takes CAP_NET_ADMIN\n", stderr);
	if (!err || err == -EPERM)
		err = host_listen(host, false);
	if (err)
		complain("listening: %s", strerror(-err));
	else
		ret = follow(host, &opt);
	host_close(host);
	return ret;
}
