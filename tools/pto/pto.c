// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto: the command line of the runtime, one file a subcommand. */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pto/pto.h>

#include "pto.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "list", cmd_list, "list the devices of this host" },
	{ "info", cmd_info, "tell what a device is, and what it has done" },
	{ "ps", cmd_ps, "list who uses the driver's devices" },
	{ "top", cmd_top, "the same, and how busy they are, again and again" },
	{ "stat", cmd_stat, "print what devices have done" },
	{ "monitor", cmd_monitor, "print what happens to devices, as it happens" },
	{ "fault", cmd_fault, "list the last faults, and what they mean" },
	{ "reset", cmd_reset, "reset a device" },
	{ "doctor", cmd_doctor, "check whether all is there, and say how to mend it" },
	{ "run", cmd_run, "run an example and compare its results" },
	{ "trace", cmd_trace, "show where the time of a profiled run went" },
	{ "bench", cmd_bench, "measure what a task costs" },
	{ "cc", cmd_cc, "compile a kernel or an orchestration" },
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

int complain(const char *fmt, ...)
{
	va_list ap;

	fputs("pto: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return PTO_FAILED;
}

/* Build tree and installation have the same folders around bin/pto. */
char *part(const char *name)
{
	char exe[PATH_MAX], *path = NULL;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	for (int up = 0; n > 0 && up < 2; up++)
		while (n > 0 && exe[--n] != '/')
			;
	exe[n > 0 ? n : 0] = 0;
	return asprintf(&path, "%s/%s", exe, name) < 0 ? NULL : path;
}

long long number(const struct argp_state *state, const char *arg, long long low, long long high)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(arg, &end, 0);
	if (errno || end == arg || *end || n < low || n > high)
		argp_error(state, "%s: a whole number from %lld to %lld wanted", arg, low, high);
	return n;
}

static const char *colour(const char *code)
{
	static int terminal = -1;

	if (terminal < 0)
		terminal = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	return terminal ? code : "";
}

const char *green(void)
{
	return colour("\033[32m");
}

const char *red(void)
{
	return colour("\033[31m");
}

const char *plain(void)
{
	return colour("\033[m");
}

static void print_version(FILE *out, struct argp_state *state)
{
	unsigned int v = pto_version();

	fprintf(out, "pto %u.%u.%u\n", v >> 16, v >> 8 & 0xff, v & 0xff);
}

static char *list_commands(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t size;
	FILE *f;

	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	f = open_memstream(&list, &size);
	if (!f)
		return NULL;
	fputs("Commands:\n", f);
	for (size_t i = 0; i < NCOMMANDS; i++)
		fprintf(f, "  %-8s %s\n", commands[i].name, commands[i].help);
	fputs("\n`pto COMMAND --help` tells more of each.", f);
	fclose(f);
	return list;
}

static int run_command(struct argp_state *state, const char *name)
{
	int argc = state->argc - state->next + 1;
	char **argv = state->argv + state->next - 1;

	for (size_t i = 0; i < NCOMMANDS; i++) {
		if (strcmp(name, commands[i].name))
			continue;
		state->next = state->argc;
		if (asprintf(&argv[0], "pto %s", name) < 0)
			return PTO_FAILED;
		return commands[i].run(argc, argv);
	}
	argp_error(state, "no such command: %s", name);
	return PTO_USAGE;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_ARG:
		*(int *)state->input = run_command(state, arg);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "COMMAND [ARG...]",
		.doc = "Run task graphs on neural processing units, and look at them.\v ",
		.help_filter = list_commands,
	};
	int ret = PTO_USAGE;

	argp_program_version_hook = print_version;
	argp_err_exit_status = PTO_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &ret);
	if (fflush(stdout) || ferror(stdout))
		return complain("writing the output: %m");
	return ret;
}
