// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto run: compile an example, run it, and compare what came out. */
#include <argp.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
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
#include "pyexample.h"
#include "result.h"
#include "spawn.h"
#include "swim.h"

struct options {
	const char *dir;
	const char *kernels;
	const char *golden;
	const char *cases;
	const char *out;
	const char *python;
	int device;
	int block_dim;
	int threads;
	int repeat;
	uint64_t seed;
	bool profile;
	size_t json;		/* jansson's flags; 0: a table */
	char *set[EXAMPLE_MAX];
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

/* What argument @i is at first; all but outputs have a file of it. */
static int prepare(struct example *ex, const struct options *opt, const char *work, int i)
{
	struct arg *arg = &ex->args[i];
	struct tensor *t = &arg->tensor;
	char *path;
	int ret;

	free(t->data);
	t->data = NULL;
	if (t->fill != FILL_FILE && tensor_fill(t, opt->seed, i))
		return complain("%s: %zu bytes: %m", arg->name, t->bytes);
	if (arg->role == ROLE_OUT)
		return PTO_OK;
	if (asprintf(&path, "%s/%s.in.npy", work, arg->name) < 0)
		return complain("%m");
	ret = t->fill == FILL_FILE ? tensor_load(t, path) : tensor_save(t, path);
	if (ret)
		complain("%s: %m", path);
	free(path);
	return ret ? PTO_FAILED : PTO_OK;
}

static int prepare_inputs(struct example *ex, const struct options *opt, const char *work)
{
	int ret = PTO_OK;

	for (int i = 0; i < ex->nargs && !ret; i++)
		if (ex->args[i].role != ROLE_SCALAR)
			ret = prepare(ex, opt, work, i);
	return ret;
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

/* As init(), with the variables that the example sets for the time of this call. */
static int init_in_env(void *rt, const struct example *ex, const struct images *images)
{
	json_t *was = json_object(), *value;
	const char *name;
	int err = 0;

	json_object_foreach((json_t *)ex->env, name, value) {
		const char *old = getenv(name);

		json_object_set_new_nocheck(was, name, old ? json_string_nocheck(old) : json_null());
		if (setenv(name, json_string_value(value), 1))
			err = -errno;
	}
	if (!err)
		err = init(rt, ex, images);
	json_object_foreach(was, name, value)
		if (json_is_null(value) ? unsetenv(name) : setenv(name, json_string_value(value), 1))
			complain("%s: %m", name);
	json_decref(was);
	return err;
}

static int compare_ns(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int launch(void *rt, const struct example *ex, struct outcome *outcome, int times)
{
	for (int i = 0; i < times; i++) {
		uint64_t start = now_ns();
		int err = launch_runtime(rt, outcome->threads, outcome->block_dim, outcome->device,
					 NULL, 0, NULL, 0, ex->orch_threads);

		if (err)
			return failed("launch_runtime", err);
		outcome->launches[outcome->nlaunches++] = now_ns() - start;
	}
	return PTO_OK;
}

/* The calls of a program that uses libpto_runtime, in their order. */
static int run_once(const struct example *ex, const struct options *opt, struct outcome *outcome,
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
		err = init_in_env(rt, ex, images);
	outcome->build_ns = now_ns() - start;
	if (err) {
		free(rt);
		return failed("init_runtime", err);
	}
	ret = launch(rt, ex, outcome, opt->repeat);
	start = now_ns();
	err = finalize_runtime(rt);
	outcome->finalize_ns = now_ns() - start;
	free(rt);
	return err && !ret ? failed("finalize_runtime", err) : ret;
}

/* All rounds, each of which finds its arguments as the first did. */
static int execute(struct example *ex, const struct options *opt, const char *work,
		   struct outcome *outcome, const struct images *images)
{
	int ret = PTO_OK;

	outcome->launches = calloc((size_t)ex->rounds * opt->repeat, sizeof(uint64_t));
	if (!outcome->launches)
		return complain("%m");
	for (int i = 0; i < ex->rounds && !ret; i++) {
		ret = prepare_inputs(ex, opt, work);
		if (!ret)
			ret = run_once(ex, opt, outcome, images);
	}
	qsort(outcome->launches, outcome->nlaunches, sizeof(uint64_t), compare_ns);
	return ret;
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
		.device = opt->device, .seed = opt->seed,
		.block_dim = opt->block_dim ? opt->block_dim : ex->block_dim,
		.threads = opt->threads ? opt->threads : ex->aicpu_threads,
	};
	int ret = build_images(ex, work, &images);

	outcome.compile_ns = now_ns() - start;
	if (!ret)
		ret = execute(ex, opt, work, &outcome, &images);
	if (!ret && opt->profile)
		ret = draw_profile(ex);
	if (!ret)
		ret = save_outputs(ex, work);
	if (!ret) {
		ret = result_check(ex, work, opt->python, &outcome.outputs);
		if (!ret)
			ret = result_print(ex, &outcome, opt->json);
		json_decref(outcome.outputs);
	}
	images_free(&images);
	free(outcome.launches);
	return ret;
}

/* ---- what there is to run ---------------------------------------------------- */

static int run_conf(const struct options *opt, const char *work)
{
	struct example ex;
	int ret;

	if (opt->cases || opt->golden)
		return complain("%s: only examples with a kernel_config.py have cases, or another "
				"golden file", opt->dir), PTO_USAGE;
	ret = example_load(&ex, opt->dir, opt->set, opt->nset);
	if (!ret)
		ret = run_in(&ex, opt, work);
	example_free(&ex);
	return ret;
}

/* A case that is wrong does not keep others from being run; one that can not be run does. */
static int run_cases(const struct options *opt, json_t *list)
{
	int ret = PTO_OK;
	json_t *described;
	size_t i;

	json_array_foreach(list, i, described) {
		struct example ex;
		int one = pyexample_load(&ex, described);

		if (!one && opt->profile && opt->out &&
		    setenv("PTO_OUTPUT_DIR", pyexample_folder(&ex), 1))
			one = complain("%m");
		if (!one)
			one = run_in(&ex, opt, pyexample_folder(&ex));
		example_free(&ex);
		if (one)
			ret = one;
		if (ret > PTO_WRONG)
			break;
	}
	return ret;
}

static int run_python(const struct options *opt, const char *work)
{
	struct pyexample which = {
		.kernels = opt->kernels, .golden = opt->golden, .python = opt->python,
		.cases = opt->cases ? opt->cases : "--default",
		.seed = opt->seed, .set = opt->set, .nset = opt->nset,
	};
	json_t *list = NULL;
	int ret = pyexample_describe(&which, work, &list);
	json_t *described;
	size_t i;

	/* Of all cases, as the first that can not be run is the last. */
	json_array_foreach(list, i, described)
		result_forget(json_string_value(json_object_get(described, "work")));
	if (!ret)
		ret = run_cases(opt, list);
	json_decref(list);
	return ret;
}

static int run_example(const struct options *opt, const char *work)
{
	char *kernels, *conf;
	int ret;

	/* What is there of an earlier run is not taken for what this one has left. */
	result_forget(work);
	if (opt->kernels)
		return run_python(opt, work);
	if (asprintf(&kernels, "%s/kernels", opt->dir) < 0 ||
	    asprintf(&conf, "%s/kernel_config.py", kernels) < 0)
		return complain("%m");
	if (access(conf, F_OK)) {
		ret = run_conf(opt, work);
	} else {
		struct options python = *opt;

		python.kernels = kernels;
		ret = run_python(&python, work);
	}
	free(conf);
	free(kernels);
	return ret;
}

/* ---- the folder a run works in --------------------------------------------- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void remove_folder(const char *path)
{
	if (nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS))
		complain("removing %s: %m", path);
}

/* What ends the process, unless that was started to take no notice. */
static void ending_signals(sigset_t *set)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct sigaction now;
	size_t i;

	sigemptyset(set);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!sigaction(signals[i], NULL, &now) && now.sa_handler != SIG_IGN)
			sigaddset(set, signals[i]);
}

/* The thread that gets these signals: the process ends as it would have, but leaves nothing. */
static void *end_at_signal(void *temporary)
{
	sigset_t set;
	int sig;

	ending_signals(&set);
	if (!sigwait(&set, &sig)) {
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
		spawn_end();
		if (temporary)
			remove_folder(temporary);
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
		raise(sig);
	}
	return NULL;
}

/* @temporary: the folder, if it is to be removed. */
static int run_guarded(const struct options *opt, const char *work, char *temporary)
{
	pthread_t ender;
	sigset_t set, old;
	int ret;

	ending_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	ret = pthread_create(&ender, NULL, end_at_signal, temporary);
	if (ret) {
		ret = complain("no thread: %s", strerror(ret));
	} else {
		ret = run_example(opt, work);
		pthread_cancel(ender);
		pthread_join(ender, NULL);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (temporary)
		remove_folder(temporary);
	return ret;
}

/* Make it if need be. */
static int check_out(const char *out)
{
	struct stat st;

	if (mkdir(out, 0777) && errno != EEXIST)
		return complain("%s: %m", out), PTO_USAGE;
	if (!stat(out, &st) && !S_ISDIR(st.st_mode))
		return complain("%s: not a folder", out), PTO_USAGE;
	if (access(out, W_OK | X_OK))
		return complain("%s: %m", out), PTO_USAGE;
	return PTO_OK;
}

static int run(const struct options *opt)
{
	const char *tmp = getenv("TMPDIR");
	char *work;
	int ret;

	if (opt->out) {
		ret = check_out(opt->out);
		if (ret)
			return ret;
		if (opt->profile && setenv("PTO_OUTPUT_DIR", opt->out, 1))
			return complain("%m");
		return run_guarded(opt, opt->out, NULL);
	}
	if (asprintf(&work, "%s/pto-run-XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0)
		return complain("%m");
	if (!mkdtemp(work))
		ret = complain("%s: %m", work);
	else
		ret = run_guarded(opt, work, work);
	free(work);
	return ret;
}

/* ---- the command line ------------------------------------------------------- */

enum {
	KEY_DEVICE = 256, KEY_SEED, KEY_REPEAT, KEY_PROFILE, KEY_JSON, KEY_OUT, KEY_PYTHON,
	KEY_CASE, KEY_ALL, KEY_ISA,
};

static const struct argp_option option_table[] = {
	{ "kernels", 'k', "DIR", 0, "folder of a kernel_config.py, instead of an example's", 0 },
	{ "golden", 'g', "FILE", 0, "its golden file (golden.py beside the folder)", 0 },
	{ "case", KEY_CASE, "NAME", 0, "the case of the golden file (its default)", 0 },
	{ "all", KEY_ALL, NULL, 0, "all its cases", 0 },
	{ "isa", KEY_ISA, "DIR", 0, "PTO-ISA headers for kernels, in DIR/include", 0 },
	{ "param", 'p', "NAME=VALUE", 0, "another value for a param of the example", 0 },
	{ "block-dim", 'b', "N", 0,
	  "blocks to use, 1 to as many as the device has, 24 at the most", 0 },
	{ "threads", 't', "N", 0, "AICPU scheduler threads", 0 },
	{ "device", KEY_DEVICE, "NAME", 0,
	  "0 to 15 (0): of the driver if it has that one, else embedded; "
	  "pto0, /dev/pto/pto0, embedded3", 0 },
	{ "seed", KEY_SEED, "N", 0, "another set of random inputs (0)", 0 },
	{ "repeat", KEY_REPEAT, "N", 0, "launch N times", 0 },
	{ "profile", KEY_PROFILE, NULL, 0, "leave swim_time.json, .svg and .html", 0 },
	{ "out", KEY_OUT, "DIR", 0, "keep inputs, outputs and profile in DIR", 0 },
	{ "json", KEY_JSON, NULL, 0, "print the result as JSON", 0 },
	{ "python", KEY_PYTHON, "PATH", 0,
	  "interpreter with numpy ($PYTHON or /usr/bin/python3)", 0 },
	{ 0 }
};

static const char all_cases[] = "--all";

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
		if (opt->nset == EXAMPLE_MAX)
			argp_error(state, "more than %d params", EXAMPLE_MAX);
		opt->set[opt->nset++] = arg;
		return 0;
	case 'b':
		opt->block_dim = number(state, arg, 1, 24);
		return 0;
	case 't':
		opt->threads = number(state, arg, 1, 64);
		return 0;
	case 'k':
		opt->kernels = arg;
		return 0;
	case 'g':
		opt->golden = arg;
		return 0;
	case KEY_CASE:
		opt->cases = arg;
		return 0;
	case KEY_ALL:
		opt->cases = all_cases;
		return 0;
	case KEY_ISA:
		if (setenv("PTO_ISA_ROOT", arg, 1))
			argp_failure(state, PTO_FAILED, errno, "%s", arg);
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
		opt->json = JSON_INDENT(2);
		return 0;
	case KEY_PYTHON:
		opt->python = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (opt->dir)
			argp_error(state, "more than one example");
		opt->dir = arg;
		return 0;
	case ARGP_KEY_END:
		if (!opt->dir == !opt->kernels)
			argp_usage(state);
		if (opt->json && opt->cases == all_cases)
			opt->json = JSON_COMPACT;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int cmd_run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.args_doc = "DIR\n-k DIR [-g FILE]",
		.doc = "Compile the example in DIR, run it, and compare its outputs with "
		       "golden ones.\vExits 0 when every element is right, 1 when one is wrong, 2 for wrong "
		       "usage or a wrong example, 3 when it could not be run.",
	};
	const char *python = getenv("PYTHON");
	struct options opt = {
		.repeat = 1,
		.python = python && *python ? python : "/usr/bin/python3",
	};

	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	/* Who does not read to the end is told of as any other error of writing. */
	signal(SIGPIPE, SIG_IGN);
	return run(&opt);
}
