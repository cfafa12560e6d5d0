// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto run: compile an example, run it, and compare what came out. */
#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <pto/runtime.h>

#include "build.h"
#include "example.h"
#include "pto.h"
#include "result.h"
#include "swim.h"

#define MAX_SET	32

struct options {
	const char *dir;
	const char *out;
	const char *python;
	int device;
	int block_dim;
	int threads;
	int repeat;
	uint64_t seed;
	bool profile;
	bool json;
	char *set[MAX_SET];
	int nset;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int failed(const char *call, int err)
{
	return complain("%s: %s (%s)", call, pto_last_error(), strerror(-err));
}

/* ---- one run ------------------------------------------------------------ */

static int prepare_inputs(struct example *ex, const struct options *opt, const char *work)
{
	for (int i = 0; i < ex->nargs; i++) {
		struct arg *arg = &ex->args[i];
		char *path;
		int ret;

		if (arg->role == ROLE_SCALAR)
			continue;
		if (tensor_fill(&arg->tensor, opt->seed, i))
			return complain("%s: %zu bytes: %m", arg->name, arg->tensor.bytes);
		if (arg->role == ROLE_OUT)
			continue;
		if (asprintf(&path, "%s/%s.in.npy", work, arg->name) < 0)
			return complain("%m");
		ret = tensor_save(&arg->tensor, path);
		if (ret)
			complain("writing %s: %m", path);
		free(path);
		if (ret)
			return PTO_FAILED;
	}
	return PTO_OK;
}

static int save_outputs(const struct example *ex, const char *work)
{
	int ret = PTO_OK;

	for (int i = 0; i < ex->nargs; i++) {
		const struct arg *arg = &ex->args[i];
		char *path;

		if (arg->role != ROLE_OUT && arg->role != ROLE_INOUT)
			continue;
		if (asprintf(&path, "%s/%s.out.npy", work, arg->name) < 0)
			return complain("%m");
		if (tensor_save(&arg->tensor, path))
			ret = complain("writing %s: %m", path);
		free(path);
	}
	return ret;
}

/* init_runtime() with all that the example has. */
static int init(void *rt, const struct example *ex, const struct images *images)
{
	uint64_t args[EXAMPLE_MAX], sizes[EXAMPLE_MAX];
	const uint8_t *binaries[EXAMPLE_MAX];
	size_t binary_sizes[EXAMPLE_MAX];
	int types[EXAMPLE_MAX], func_ids[EXAMPLE_MAX];

	for (int i = 0; i < ex->nargs; i++) {
		const struct arg *arg = &ex->args[i];

		types[i] = arg->role;
		args[i] = arg->role ? (uintptr_t)arg->tensor.data : (uint64_t)arg->value;
		sizes[i] = arg->tensor.bytes;
	}
	for (int i = 0; i < ex->nkernels; i++) {
		func_ids[i] = ex->kernels[i].func_id;
		binaries[i] = images->kernels[i].bytes;
		binary_sizes[i] = images->kernels[i].size;
	}
	return init_runtime(rt, images->orch.bytes, images->orch.size, ex->orch_function,
			    args, ex->nargs, types, sizes,
			    func_ids, binaries, binary_sizes, ex->nkernels);
}

static int compare_ns(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int launch(void *rt, struct outcome *outcome)
{
	for (int i = 0; i < outcome->nlaunches; i++) {
		uint64_t start = now_ns();
		int err = launch_runtime(rt, outcome->threads, outcome->block_dim,
					 outcome->device, NULL, 0, NULL, 0, 1);

		if (err)
			return failed("launch_runtime", err);
		outcome->launches[i] = now_ns() - start;
	}
	qsort(outcome->launches, outcome->nlaunches, sizeof(uint64_t), compare_ns);
	return PTO_OK;
}

/* The calls of a program that uses libpto_runtime, in their order. */
static int execute(const struct example *ex, const struct options *opt, struct outcome *outcome,
		   const struct images *images)
{
	uint64_t start;
	void *rt;
	int ret, err = set_device(opt->device);

	if (err)
		return failed("set_device", err);
	rt = calloc(1, get_runtime_size());
	if (!rt)
		return complain("%m");
	err = enable_runtime_profiling(rt, opt->profile);
	start = now_ns();
	if (!err)
		err = init(rt, ex, images);
	outcome->build_ns = now_ns() - start;
	if (err) {
		free(rt);
		return failed("init_runtime", err);
	}
	ret = launch(rt, outcome);
	start = now_ns();
	err = finalize_runtime(rt);
	outcome->finalize_ns = now_ns() - start;
	free(rt);
	return err && !ret ? failed("finalize_runtime", err) : ret;
}

/* As a function is called: its source file, without folder and suffix. */
static void name_funcs(struct swim *swim, const struct example *ex)
{
	for (int i = 0; i < ex->nkernels; i++) {
		char name[NAME_MAX + 1];

		snprintf(name, sizeof(name), "%s", basename(ex->kernels[i].source));
		name[strcspn(name, ".")] = 0;
		swim_name(swim, ex->kernels[i].func_id, name);
	}
}

/* Show what finalize_runtime() has left in swim_time.json: beside it, as SVG and as HTML. */
static int draw_profile(const struct example *ex)
{
	const char *dir = getenv("PTO_OUTPUT_DIR");
	char path[PATH_MAX];
	struct swim swim;
	int ret = PTO_FAILED, n;

	n = snprintf(path, sizeof(path) - sizeof(".json"), "%s/swim_time",
		     dir && *dir ? dir : ".");
	if (n >= sizeof(path) - sizeof(".json"))
		return complain("%s: %s", dir, strerror(ENAMETOOLONG));
	strcpy(path + n, ".json");
	if (!swim_load(&swim, path)) {
		name_funcs(&swim, ex);
		strcpy(path + n, ".svg");
		ret = swim_svg(&swim, path);
		strcpy(path + n, ".html");
		if (!ret)
			ret = swim_page(&swim, path);
	}
	swim_free(&swim);
	return ret;
}

static int run_in(struct example *ex, const struct options *opt, const char *work)
{
	struct images images = { 0 };
	uint64_t start = now_ns();
	struct outcome outcome = {
		.device = opt->device, .block_dim = ex->block_dim, .threads = ex->aicpu_threads,
		.seed = opt->seed, .nlaunches = opt->repeat,
		.launches = calloc(opt->repeat, sizeof(uint64_t)),
	};
	int ret = outcome.launches ? build_images(ex, work, &images) : complain("%m");

	outcome.compile_ns = now_ns() - start;
	if (!ret)
		ret = prepare_inputs(ex, opt, work);
	if (!ret)
		ret = execute(ex, opt, &outcome, &images);
	if (!ret && opt->profile)
		ret = draw_profile(ex);
	if (!ret)
		ret = save_outputs(ex, work);
	if (!ret) {
		outcome.outputs = result_check(ex, work, opt->python);
		ret = outcome.outputs ? result_print(ex, &outcome, opt->json) : PTO_FAILED;
		json_decref(outcome.outputs);
	}
	images_free(&images);
	free(outcome.launches);
	return ret;
}

/* ---- the folder a run works in --------------------------------------------- */

static void remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(path);
}

static int run_example(struct example *ex, const struct options *opt)
{
	const char *tmp = getenv("TMPDIR");
	char *work;
	int ret;

	if (opt->out) {
		if (mkdir(opt->out, 0777) && errno != EEXIST)
			return complain("%s: %m", opt->out);
		if (opt->profile && setenv("PTO_OUTPUT_DIR", opt->out, 1))
			return complain("%m");
		return run_in(ex, opt, opt->out);
	}
	if (asprintf(&work, "%s/pto-run-XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0)
		return complain("%m");
	if (!mkdtemp(work)) {
		ret = complain("%s: %m", work);
	} else {
		ret = run_in(ex, opt, work);
		remove_folder(work);
	}
	free(work);
	return ret;
}

/* ---- the command line ------------------------------------------------------- */

enum { KEY_DEVICE = 256, KEY_SEED, KEY_REPEAT, KEY_PROFILE, KEY_JSON, KEY_OUT, KEY_PYTHON };

static const struct argp_option option_table[] = {
	{ "param", 'p', "NAME=VALUE", 0, "another value for a param of the example", 0 },
	{ "block-dim", 'b', "N", 0, "blocks to use, 1 to 24", 0 },
	{ "threads", 't', "N", 0, "AICPU scheduler threads", 0 },
	{ "device", KEY_DEVICE, "NAME", 0,
	  "0 to 15 (0): of the driver if it has that one, else embedded; pto0, embedded3", 0 },
	{ "seed", KEY_SEED, "N", 0, "another set of random inputs (0)", 0 },
	{ "repeat", KEY_REPEAT, "N", 0, "launch N times", 0 },
	{ "profile", KEY_PROFILE, NULL, 0, "leave swim_time.json, .svg and .html", 0 },
	{ "out", KEY_OUT, "DIR", 0, "keep inputs, outputs and profile in DIR", 0 },
	{ "json", KEY_JSON, NULL, 0, "print the result as JSON", 0 },
	{ "python", KEY_PYTHON, "PATH", 0,
	  "interpreter with numpy ($PYTHON or /usr/bin/python3)", 0 },
	{ 0 }
};

/* A number, or a name: then it also says of which kind the device must be. */
static int device(struct argp_state *state, const char *arg)
{
	const char *digits = arg + strcspn(arg, "0123456789");

	if (digits != arg && setenv("PTO_DEVICE", arg, 1))
		argp_failure(state, 3, errno, "%s", arg);
	return *digits || digits == arg ? number(state, digits, 0, 15) : 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	switch (key) {
	case 'p':
		if (opt->nset == MAX_SET)
			argp_error(state, "more than %d params", MAX_SET);
		opt->set[opt->nset++] = arg;
		return 0;
	case 'b':
		opt->block_dim = number(state, arg, 1, 24);
		return 0;
	case 't':
		opt->threads = number(state, arg, 1, 64);
		return 0;
	case KEY_DEVICE:
		opt->device = device(state, arg);
		return 0;
	case KEY_SEED:
		opt->seed = number(state, arg, 0, INT64_MAX);
		return 0;
	case KEY_REPEAT:
		opt->repeat = number(state, arg, 1, 10000);
		return 0;
	case KEY_PROFILE:
		opt->profile = true;
		return 0;
	case KEY_OUT:
		opt->out = arg;
		return 0;
	case KEY_JSON:
		opt->json = true;
		return 0;
	case KEY_PYTHON:
		opt->python = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (opt->dir)
			argp_error(state, "more than one example");
		opt->dir = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
	}
	return ARGP_ERR_UNKNOWN;
}

int cmd_run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "DIR",
		.doc = "Compile the example in DIR, run it, and compare its outputs with "
		       "golden ones.\vExits 0 when every element is right, 1 when one is wrong, 2 for wrong "
		       "usage, 3 when it could not be run.",
	};
	const char *python = getenv("PYTHON");
	struct options opt = {
		.repeat = 1,
		.python = python && *python ? python : "/usr/bin/python3",
	};
	struct example ex;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	ret = example_load(&ex, opt.dir, opt.set, opt.nset);
	if (!ret) {
		ex.block_dim = opt.block_dim ? opt.block_dim : ex.block_dim;
		ex.aicpu_threads = opt.threads ? opt.threads : ex.aicpu_threads;
		ret = run_example(&ex, &opt);
	}
	example_free(&ex);
	return ret;
}
