// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto trace: a profile as text, as a picture, and for Perfetto. */
#include <argp.h>
#include <stddef.h>

#include "pto.h"
#include "swim.h"

struct options {
	const char *profile;
	const char *svg;
	const char *perfetto;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	switch (key) {
	case 's':
		opt->svg = arg;
		return 0;
	case 'p':
		opt->perfetto = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (opt->profile)
			argp_error(state, "more than one profile");
		opt->profile = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int cmd_trace(int argc, char **argv)
{
	static const struct argp_option option_table[] = {
		{ "svg", 's', "FILE", 0, "draw a swimlane, which a browser shows", 0 },
		{ "perfetto", 'p', "FILE", 0, "write a trace for ui.perfetto.dev", 0 },
		{ 0 }
	};
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
	if (!ret && opt.svg)
		ret = swim_svg(&swim, opt.svg);
	if (!ret && opt.perfetto)
		ret = swim_perfetto(&swim, opt.perfetto);
	if (!ret)
		swim_summary(&swim);
	swim_free(&swim);
	return ret;
}
