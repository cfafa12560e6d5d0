// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto top: devices and who uses them, again and again. */
#include <argp.h>
#include <curses.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "pto.h"
#include "table.h"

struct options {
	struct host_options host;
	bool batch;
	int count;
	int delay_ms;
};

/* What the host showed at a moment. */
struct sample {
	double time;
	json_t *devices;
	json_t *contexts;
};

static const struct column dev_columns[] = {
	{ "DEVICE", "dev", format_device }, { "STATE", "state" }, { "BLOCKS", "blocks" },
	{ "AIC", "aic", format_cores }, { "AIV", "aiv", format_cores },
	{ "COPY", "copy", format_cores }, { "MEMORY", "mem_total", format_bytes },
	{ "USED", "mem_used", format_bytes }, { "CONTEXTS", "contexts" },
	{ "FAULTS", "faults" }, { "GENERATION", "generation" },
};

static const struct column ctx_columns[] = {
	{ "DEVICE", "dev", format_device }, { "CTX", "id" }, { "PID", "pid", format_pid },
	{ "USER", "uid", format_user }, { "AIC", "aic", format_cores },
	{ "AIV", "aiv", format_cores }, { "COPY", "copy", format_cores },
	{ "MEMORY", "mem_used", format_bytes }, { "IN FLIGHT", "in_flight" },
	{ "FAULTS", "faults" }, { "LABEL", "label" }, { "COMMAND", "comm" },
};

static void sample_free(struct sample *sample)
{
	json_decref(sample->devices);
	json_decref(sample->contexts);
	memset(sample, 0, sizeof(*sample));
}

/* The row of @rows with the same device, and the same id where there is one. */
static json_t *same(const json_t *rows, const json_t *as)
{
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row)
		if (row_int(row, "dev") == row_int(as, "dev") &&
		    row_int(row, "id") == row_int(as, "id"))
			return row;
	return NULL;
}

static int sample_take(struct host *host, const struct options *opt, struct sample *sample)
{
	struct host_attr dev[2] = { 0 }, ctx[2] = { 0 }, stats[2] = { 0 };
	struct timespec ts;
	json_t *counts, *row;
	size_t i;

	if (opt->host.device >= 0) {
		dev[0] = (struct host_attr){ PTO_A_DEV_INDEX, opt->host.device };
		ctx[0] = (struct host_attr){ PTO_A_CTX_DEV, opt->host.device };
		stats[0] = (struct host_attr){ PTO_A_STATS_DEV, opt->host.device };
	}
	clock_gettime(CLOCK_MONOTONIC, &ts);
	sample->time = ts.tv_sec + ts.tv_nsec / 1e9;
	sample->devices = host_list(host, PTO_NL_DEV_GET, dev);
	sample->contexts = host_list(host, PTO_NL_CTX_GET, ctx);
	counts = host_list(host, PTO_NL_STATS_GET, stats);
	if (!sample->devices || !sample->contexts || !counts) {
		json_decref(counts);
		sample_free(sample);
		return PTO_FAILED;
	}
	json_array_foreach(sample->devices, i, row)
		json_object_update_missing(row, same(counts, row));
	json_array_foreach(sample->contexts, i, row)
		json_object_set_new(row, "in_flight",
				    json_integer(row_int(row, "submitted") -
						 row_int(row, "completed")));
	json_decref(counts);
	return PTO_OK;
}

/* How many cores were busy on average since @before; what is new began at 0. */
static void add_rates(json_t *rows, const json_t *before, double seconds)
{
	static const char *const keys[][2] = {
		{ "aic", "busy_aic_ns" }, { "aiv", "busy_aiv_ns" }, { "copy", "busy_copy_ns" },
	};
	json_t *row, *old;
	size_t i, k;

	json_array_foreach(rows, i, row) {
		old = same(before, row);
		for (k = 0; k < 3; k++) {
			json_int_t ns = row_int(row, keys[k][1]) - row_int(old, keys[k][1]);

			json_object_set_new(row, keys[k][0],
					    json_real(seconds > 0 ? ns / 1e9 / seconds : 0));
		}
	}
}

static void render(FILE *out, const struct sample *sample)
{
	TABLE_PRINT(out, dev_columns, sample->devices);
	fputc('\n', out);
	TABLE_PRINT(out, ctx_columns, sample->contexts);
}

/* Onto the terminal, as much as it shows. */
static int draw(const struct sample *sample)
{
	char *text = NULL, *line, *rest;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return PTO_FAILED;
	render(f, sample);
	fclose(f);
	rest = text;
	erase();
	for (int y = 0; y < LINES && (line = strsep(&rest, "\n")); y++) {
		bool title = !strncmp(line, "DEVICE", 6);

		if (title)
			attron(A_REVERSE);
		mvaddnstr(y, 0, line, COLS);
		if (title)
			attroff(A_REVERSE);
	}
	refresh();
	free(text);
	return PTO_OK;
}

static int print_sample(const struct sample *sample, const struct options *opt)
{
	if (opt->host.json)
		return json_out(json_pack("{si, sO, sO}", "version", 1, "devices",
					  sample->devices, "contexts", sample->contexts),
				JSON_COMPACT | JSON_REAL_PRECISION(6));
	render(stdout, sample);
	return fflush(stdout) ? complain("writing the output: %m") : PTO_OK;
}

/* Wait. True: the user has enough. */
static bool wait_or_quit(const struct options *opt, int delay_ms)
{
	const struct timespec pause = { delay_ms / 1000, delay_ms % 1000 * 1000000L };

	if (opt->batch) {
		nanosleep(&pause, NULL);
		return false;
	}
	timeout(delay_ms);
	return getch() == 'q';
}

static int follow(struct host *host, const struct options *opt)
{
	struct sample before = { 0 }, now = { 0 };
	int ret = sample_take(host, opt, &before);

	for (int n = 0; !ret && (!opt->count || n < opt->count); n++) {
		/* The first picture soon, so that there is one. */
		if (wait_or_quit(opt, n ? opt->delay_ms : opt->delay_ms < 300 ?
				 opt->delay_ms : 300))
			break;
		ret = sample_take(host, opt, &now);
		if (ret)
			break;
		add_rates(now.devices, before.devices, now.time - before.time);
		add_rates(now.contexts, before.contexts, now.time - before.time);
		ret = opt->batch ? print_sample(&now, opt) : draw(&now);
		sample_free(&before);
		before = now;
		now = (struct sample){ 0 };
	}
	sample_free(&before);
	return ret;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	switch (key) {
	case 'b':
		opt->batch = true;
		return 0;
	case 'd':
		opt->delay_ms = number(state, arg, 1, 3600) * 1000;
		return 0;
	case 'n':
		opt->count = number(state, arg, 1, 1000000000);
		return 0;
	}
	return host_parse(key, arg, state, &opt->host);
}

int cmd_top(int argc, char **argv)
{
	static const struct argp_option option_table[] = {
		HOST_OPTION_JSON,
		{ "batch", 'b', NULL, 0, "text, one picture after the other; so is what goes to no terminal", 0 },
		{ "delay", 'd', "SECONDS", 0, "between pictures (2)", 0 },
		{ "count", 'n', "N", 0, "end after N pictures", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "[DEVICE]",
		.doc = "Show the driver's devices and who uses them.\vAIC, AIV and COPY are how "
		       "many cores and copies were busy on average since the picture before. "
		       "q ends it.",
	};
	struct options opt = { .host.device = -1, .delay_ms = 2000 };
	struct host *host;
	SCREEN *screen = NULL;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	host = host_or_complain();
	if (!host)
		return PTO_FAILED;
	opt.batch |= opt.host.json || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO);
	if (!opt.batch) {
		screen = newterm(NULL, stdout, stdin);
		if (!screen) {
			host_close(host);
			return complain("the terminal %s is not known; try --batch",
					getenv("TERM") ? getenv("TERM") : "");
		}
		cbreak();
		noecho();
		curs_set(0);
	}
	ret = follow(host, &opt);
	if (screen) {
		endwin();
		delscreen(screen);
	}
	host_close(host);
	return ret;
}
