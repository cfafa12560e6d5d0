// SPDX-License-Identifier: MIT OR LGPL-2.1
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "example.h"
#include "pto.h"
#include "result.h"
#include "spawn.h"
#include "swim.h"

static json_t *params_json(const struct example *ex)
{
	json_t *params = json_object();

	if (ex->described)
		json_object_update(params, json_object_get(ex->described, "params"));
	for (int i = 0; i < ex->nparams; i++)
		json_object_set_new(params, ex->params[i].name, json_integer(ex->params[i].value));
	return params;
}

static json_t *tolerance(double x)
{
	return isnan(x) ? json_null() : json_real(x);
}

/* A name or a path, which may be any bytes. */
static json_t *text(const char *name)
{
	json_t *string = json_string(name);
	char safe[PATH_MAX];

	if (string)
		return string;
	swim_printable(safe, sizeof(safe), name);
	return json_string(safe);
}

/* Tell check.py, and people, what there is to compare. */
static int write_run(const struct example *ex, const char *work, const char *golden)
{
	json_t *inputs = json_object(), *outputs = json_object(), *run;
	char *path = NULL;
	int ret = -1;

	for (int i = 0; i < ex->nargs; i++) {
		const struct arg *arg = &ex->args[i];

		if (arg->role == ROLE_IN || arg->role == ROLE_INOUT)
			json_object_set_new(inputs, arg->name, json_string(arg->tensor.dtype->name));
		if (arg->role == ROLE_OUT || arg->role == ROLE_INOUT)
			json_object_set_new(outputs, arg->name, json_string(arg->tensor.dtype->name));
	}
	if (asprintf(&path, "%s/run.json", work) > 0) {
		run = json_pack("{so, so, so, so, so, so}", "golden",
				golden ? text(golden) : json_null(),
				"params", params_json(ex), "inputs", inputs, "outputs", outputs,
				"rtol", tolerance(ex->rtol), "atol", tolerance(ex->atol));
		ret = json_dump_file(run, path, JSON_INDENT(1));
		json_decref(run);
	}
	if (ret)
		complain("writing %s: %m", path);
	free(path);
	return ret;
}

static void forget(const char *work, const char *name, const char *suffix)
{
	char *path;

	/* A name in a file that may be anybody's. */
	if (strchr(name, '/') || asprintf(&path, "%s/%s%s", work, name, suffix) < 0)
		return;
	if (unlink(path) && errno != ENOENT)
		complain("removing %s: %m", path);
	free(path);
}

void result_forget(const char *work)
{
	json_t *run = NULL, *dtype;
	const char *name;
	char *path;

	if (asprintf(&path, "%s/run.json", work) > 0) {
		run = json_load_file(path, 0, NULL);
		free(path);
	}
	json_object_foreach(json_object_get(run, "outputs"), name, dtype)
		forget(work, name, ".out.npy");
	json_decref(run);
	forget(work, "run", ".json");
}

int result_check(const struct example *ex, const char *work, const char *python,
		 json_t **outputs)
{
	char *argv[] = { (char *)python, part("share/pto/check.py"), (char *)work, NULL, NULL };
	int ret = PTO_FAILED;
	json_error_t error;
	FILE *out = NULL;
	pid_t pid = -1;

	*outputs = NULL;
	if (ex->golden && asprintf(&argv[3], "%s/%s", ex->dir, ex->golden) < 0)
		argv[3] = NULL;
	if (argv[1] && !argv[3] == !ex->golden && !write_run(ex, work, argv[3]))
		pid = spawn(argv, false, &out);
	if (out) {
		*outputs = json_loadf(out, 0, &error);
		fclose(out);
	}
	if (pid >= 0) {
		ret = spawn_wait(pid);
		if (ret != PTO_USAGE && (ret || !json_is_array(*outputs)))
			ret = complain("%s %s could not compare the outputs", python, argv[1]);
	}
	free(argv[1]);
	free(argv[3]);
	return ret;
}

static void count(const json_t *outputs, long long *right, long long *total)
{
	json_t *output;
	size_t i;

	*right = *total = 0;
	json_array_foreach(outputs, i, output) {
		*right += json_integer_value(json_object_get(output, "right"));
		*total += json_integer_value(json_object_get(output, "total"));
	}
}

static void print_output(const json_t *output)
{
	const json_t *error = json_object_get(output, "max_abs_error");
	const char *first = json_string_value(json_object_get(output, "first_wrong"));
	char elements[48], size[24] = "not finite";

	snprintf(elements, sizeof(elements), "%lld/%lld",
		 (long long)json_integer_value(json_object_get(output, "right")),
		 (long long)json_integer_value(json_object_get(output, "total")));
	if (json_is_number(error))
		snprintf(size, sizeof(size), "%.2g", json_number_value(error));
	printf("  %-10s %18s %14s  ", json_string_value(json_object_get(output, "name")),
	       elements, size);
	if (first)
		printf("%swrong at %s%s\n", red(), first, plain());
	else
		printf("%sok%s\n", green(), plain());
}

/* Of @n that are sorted. */
static double median(const uint64_t *sorted, int n)
{
	return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0;
}

static int print_table(const struct example *ex, const struct outcome *o)
{
	long long right, total;
	json_t *output;
	size_t i;
	int pass;

	printf("%s on device %d: block_dim %d, threads %d, seed %llu\n", ex->name, o->device,
	       o->block_dim, o->threads, (unsigned long long)o->seed);
	printf("  compile  %9.3f ms\n", o->compile_ns / 1e6);
	printf("  build    %9.3f ms\n", o->build_ns / 1e6);
	printf("  launch   %9.3f ms", o->launches[0] / 1e6);
	if (o->nlaunches > 1)
		printf("  the least of %d; median %.3f ms", o->nlaunches,
		       median(o->launches, o->nlaunches) / 1e6);
	printf("\n  finalize %9.3f ms\n", o->finalize_ns / 1e6);
	printf("  %-10s %18s %14s\n", "output", "elements right", "max abs error");
	json_array_foreach(o->outputs, i, output)
		print_output(output);
	count(o->outputs, &right, &total);
	pass = right == total;
	printf("%s%s%s %s %lld/%lld\n", pass ? green() : red(), pass ? "PASS" : "FAIL", plain(),
	       ex->name, right, total);
	return pass ? PTO_OK : PTO_WRONG;
}

static int print_json(const struct example *ex, const struct outcome *o, size_t flags)
{
	json_t *launches = json_array(), *all;
	long long right, total;
	int bad;

	for (int i = 0; i < o->nlaunches; i++)
		json_array_append_new(launches, json_real(o->launches[i] / 1e3));
	count(o->outputs, &right, &total);
	all = json_pack("{so, si, si, si, sI, so, sf, sf, so, sf, sO, sb}",
			"example", text(ex->name), "device", o->device, "block_dim", o->block_dim,
			"threads", o->threads, "seed", (json_int_t)o->seed,
			"params", params_json(ex), "compile_us", o->compile_ns / 1e3,
			"build_us", o->build_ns / 1e3, "launch_us", launches,
			"finalize_us", o->finalize_ns / 1e3, "outputs", o->outputs,
			"pass", right == total);
	bad = json_dumpf(all, stdout, flags | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(all);
	if (bad)
		return complain("writing the result: %m");
	return right == total ? PTO_OK : PTO_WRONG;
}

int result_print(const struct example *ex, const struct outcome *outcome, size_t json)
{
	return json ? print_json(ex, outcome, json) : print_table(ex, outcome);
}
