// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto trace: a profile as text, as pictures, as a page, and for other programs. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "pto.h"
#include "swim.h"

#define MAX_NAMES	64

enum output { SVG, HTML, PERFETTO, DOT, GRAPH, NOUTPUTS };

static int (*const writers[NOUTPUTS])(const struct swim *swim, const char *path) = {
	[SVG] = swim_svg, [HTML] = swim_page, [PERFETTO] = swim_perfetto,
	[DOT] = swim_dot, [GRAPH] = swim_graph,
};

/** struct options - @output: by kind; @names: of the func_ids in @func_ids */
struct options {
	const char *profile;
	const char *output[NOUTPUTS];
	bool json;
	int func_ids[MAX_NAMES];
	const char *names[MAX_NAMES];
	int nnames;
};

enum { KEY_DOT = 256, KEY_GRAPH, KEY_JSON };

static const struct argp_option option_table[] = {
	{ "svg", 's', "FILE", 0, "draw a swimlane, which a browser shows", 0 },
	{ "html", 'w', "FILE", 0, "write a page to explore the swimlane with", 0 },
	{ "perfetto", 'p', "FILE", 0, "write a trace for ui.perfetto.dev", 0 },
	{ "dot", KEY_DOT, "FILE", 0, "write the task graph for graphviz", 0 },
	{ "graph", KEY_GRAPH, "FILE", 0, "draw the task graph as an SVG", 0 },
	{ "json", KEY_JSON, NULL, 0, "print the figures as JSON", 0 },
	{ "name", 'n', "FUNC_ID=NAME", 0, "what to call a function", 0 },
	{ 0 }
};

static void add_name(struct argp_state *state, struct options *opt, char *arg)
{
	char *end;
	long func_id = strtol(arg, &end, 10);

	if (end == arg || *end != '=' || !end[1])
		argp_error(state, "%s: FUNC_ID=NAME wanted", arg);
	if (opt->nnames == MAX_NAMES)
		argp_error(state, "more than %d names", MAX_NAMES);
	opt->func_ids[opt->nnames] = func_id;
	opt->names[opt->nnames++] = end + 1;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	switch (key) {
	case 's':
		opt->output[SVG] = arg;
		return 0;
	case 'w':
		opt->output[HTML] = arg;
		return 0;
	case 'p':
		opt->output[PERFETTO] = arg;
		return 0;
	case KEY_DOT:
		opt->output[DOT] = arg;
		return 0;
	case KEY_GRAPH:
		opt->output[GRAPH] = arg;
		return 0;
	case KEY_JSON:
		opt->json = true;
		return 0;
	case 'n':
		add_name(state, opt, arg);
		return 0;
	case ARGP_KEY_ARG:
		if (opt->profile)
			argp_error(state, "more than one profile");
		opt->profile = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void print_json(const struct swim *swim)
{
	json_t *figures = swim_json(swim);

	json_dumpf(figures, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	putchar('\n');
	json_decref(figures);
}

int cmd_trace(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "[PROFILE]",
		.doc = "Show where the time of a profiled run went. PROFILE is swim_time.json "
		       "if not given.\vExits 0, 2 for wrong usage, 3 when PROFILE can not be "
		       "read or a FILE not be written.",
	};
	struct options opt = { 0 };
	struct swim swim;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	ret = swim_load(&swim, opt.profile ? opt.profile : "swim_time.json") ? PTO_FAILED : PTO_OK;
	for (int i = 0; !ret && i < opt.nnames; i++)
		swim_name(&swim, opt.func_ids[i], opt.names[i]);
	for (int i = 0; !ret && i < NOUTPUTS; i++)
		if (opt.output[i])
			ret = writers[i](&swim, opt.output[i]);
	if (!ret && opt.json)
		print_json(&swim);
	else if (!ret)
		swim_summary(&swim);
	swim_free(&swim);
	return ret;
}
