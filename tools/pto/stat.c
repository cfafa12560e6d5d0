// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto stat: what devices have done, once or again and again. */
#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "host.h"
#include "pto.h"
#include "table.h"

struct options {
	struct host_options host;
	bool csv;
	double interval;
	int count;
};

static const char *const counters[] = {
	"opened", "submitted", "completed", "faults", "busy_copy_ns", "busy_aic_ns",
	"busy_aiv_ns", "dropped",
};

#define NCOUNTERS (sizeof(counters) / sizeof(counters[0]))

static const struct column columns[] = {
	{ "DEVICE", "dev", format_device }, { "OPENED", "opened" }, { "SUBMITTED", "submitted" },
	{ "DONE", "completed" }, { "FAULTS", "faults" }, { "COPY", "busy_copy_ns", format_ns },
	{ "AIC", "busy_aic_ns", format_ns }, { "AIV", "busy_aiv_ns", format_ns },
};

static double seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int print_csv(const json_t *rows, double now, bool first)
{
	json_t *row;
	size_t i;

	if (first) {
		printf("time,dev");
		for (size_t c = 0; c < NCOUNTERS; c++)
			printf(",%s", counters[c]);
		putchar('\n');
	}
	json_array_foreach((json_t *)rows, i, row) {
		printf("%.3f,%lld", now, (long long)row_int(row, "dev"));
		for (size_t c = 0; c < NCOUNTERS; c++)
			printf(",%lld", (long long)row_int(row, counters[c]));
		putchar('\n');
	}
	return PTO_OK;
}

static int print_once(struct host *host, const struct options *opt, bool first)
{
	struct host_attr attrs[2] = { { opt->host.device >= 0 ? PTO_A_STATS_DEV : 0, opt->host.device } };
	json_t *rows = host_list(host, PTO_NL_STATS_GET, attrs);
	double now = seconds(CLOCK_REALTIME);
	int ret = PTO_OK;

	if (!rows)
		return PTO_FAILED;
	if (opt->host.device >= 0 && !json_array_size(rows))
		ret = complain("pto%d: no such device", opt->host.device);
	else if (opt->host.json)
		ret = json_out(json_pack("{si, sf, sO}", "version", 1, "time", now,
					 "statistics", rows), JSON_COMPACT);
	else if (opt->csv)
		ret = print_csv(rows, now, first);
	else
		TABLE_PRINT(stdout, columns, rows);
	json_decref(rows);
	if (fflush(stdout))
		ret = complain("writing the output: %m");
	return ret;
}

enum { KEY_CSV = 256 };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	switch (key) {
	case KEY_CSV:
		opt->csv = true;
		return 0;
	case 'i':
		opt->interval = number(state, arg, 1, 86400);
		return 0;
	case 'n':
		opt->count = number(state, arg, 1, 1000000000);
		return 0;
	}
	return host_parse(key, arg, state, &opt->host);
}

int cmd_stat(int argc, char **argv)
{
	static const struct argp_option option_table[] = {
		{ "json", 'j', NULL, 0, "an object a line, see pto-json(5)", 0 },
		{ "csv", KEY_CSV, NULL, 0, "comma-separated values", 0 },
		{ "interval", 'i', "SECONDS", 0, "again after so long, until it is interrupted", 0 },
		{ "count", 'n', "N", 0, "N times (1, or without end with an interval)", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "[DEVICE]",
		.doc = "Print what devices of the driver have done since they were added.\vTimes "
		       "are sums over contexts and cores, so they may grow faster than the clock.",
	};
	struct options opt = { .host.device = -1 };
	struct timespec pause;
	struct host *host;
	int ret = PTO_OK;

	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	host = host_or_complain();
	if (!host)
		return PTO_FAILED;
	pause = (struct timespec){ opt.interval };
	if (!opt.count && !opt.interval)
		opt.count = 1;
	for (int n = 0; !ret && (!opt.count || n < opt.count); n++) {
		if (n)
			nanosleep(&pause, NULL);
		ret = print_once(host, &opt, !n);
	}
	host_close(host);
	return ret;
}
