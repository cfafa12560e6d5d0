// SPDX-License-Identifier: MIT OR LGPL-2.1
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"
#include "pto.h"
#include "pyexample.h"
#include "spawn.h"

#define FIXED_ARGS	7	/* of pyexample.py, with the interpreter */

static int read_list(const char *work, json_t **list)
{
	json_error_t error;
	char *path;

	if (asprintf(&path, "%s/examples.json", work) < 0)
		return complain("%m");
	*list = json_load_file(path, 0, &error);
	if (!*list)
		complain("%s: %s", path, error.text);
	free(path);
	return *list ? PTO_OK : PTO_FAILED;
}

static int run_script(const struct pyexample *which, const char *golden, const char *work)
{
	char *script = part("share/pto/pyexample.py"), seed[24];
	char *argv[FIXED_ARGS + EXAMPLE_MAX + 1];
	int ret = PTO_FAILED;
	pid_t pid;

	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)which->seed);
	argv[0] = (char *)which->python;
	argv[1] = script;
	argv[2] = (char *)which->kernels;
	argv[3] = (char *)golden;
	argv[4] = (char *)work;
	argv[5] = seed;
	argv[6] = (char *)which->cases;
	for (int i = 0; i < which->nset; i++)
		argv[FIXED_ARGS + i] = which->set[i];
	argv[FIXED_ARGS + which->nset] = NULL;
	pid = script ? spawn(argv, false, NULL) : -1;
	if (pid >= 0)
		ret = spawn_wait(pid);
	free(script);
	return ret == PTO_OK || ret == PTO_USAGE ? ret : PTO_FAILED;
}

int pyexample_describe(const struct pyexample *which, const char *work, json_t **list)
{
	char *golden;
	int ret;

	ret = which->golden ? asprintf(&golden, "%s", which->golden)
			    : asprintf(&golden, "%s/../golden.py", which->kernels);
	if (ret < 0)
		return complain("%m");
	ret = run_script(which, golden, work);
	free(golden);
	return ret ? ret : read_list(work, list);
}

static const char *string(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static int integer(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static double tolerance(const json_t *object, const char *key)
{
	const json_t *number = json_object_get(object, key);

	return json_is_number(number) ? json_number_value(number) : NAN;
}

static int load_tensor(struct arg *arg, const json_t *described)
{
	const char *dtype = string(described, "dtype");
	const json_t *shape = json_object_get(described, "shape");
	struct tensor *t = &arg->tensor;

	t->dtype = dtype_find(dtype);
	if (!t->dtype)
		return complain("%s: unknown dtype: %s", arg->name, dtype);
	t->ndims = json_array_size(shape);
	if (t->ndims > TENSOR_DIMS)
		return complain("%s: more than %d dimensions", arg->name, TENSOR_DIMS);
	for (int i = 0; i < t->ndims; i++)
		t->shape[i] = json_integer_value(json_array_get(shape, i));
	t->fill = FILL_FILE;
	return tensor_size(t) ? complain("%s: too many bytes", arg->name) : PTO_OK;
}

static int load_args(struct example *ex)
{
	const json_t *args = json_object_get(ex->described, "args"), *described;
	size_t i;

	if (json_array_size(args) > EXAMPLE_MAX)
		return complain("%s: more than %d arguments", ex->name, EXAMPLE_MAX);
	json_array_foreach(args, i, described) {
		struct arg *arg = &ex->args[ex->nargs++];

		arg->name = string(described, "name");
		arg->role = integer(described, "role");
		arg->value = json_integer_value(json_object_get(described, "value"));
		if (arg->role != ROLE_SCALAR && load_tensor(arg, described))
			return PTO_USAGE;
	}
	return PTO_OK;
}

static int load_kernels(struct example *ex)
{
	const json_t *kernels = json_object_get(ex->described, "kernels"), *described;
	size_t i;

	if (json_array_size(kernels) > EXAMPLE_MAX)
		return complain("%s: more than %d kernels", ex->name, EXAMPLE_MAX);
	json_array_foreach(kernels, i, described)
		ex->kernels[ex->nkernels++] = (struct kernel){
			integer(described, "func_id"), string(described, "source"),
			string(described, "core"),
		};
	return PTO_OK;
}

int pyexample_load(struct example *ex, json_t *described)
{
	const json_t *orch = json_object_get(described, "orchestration");

	memset(ex, 0, sizeof(*ex));
	config_init(&ex->config);
	ex->described = json_incref(described);
	ex->dir = strdup(string(described, "dir"));
	if (!ex->dir)
		return complain("%m");
	ex->name = string(described, "name");
	ex->compat = string(described, "flavour");
	ex->orch_source = string(orch, "source");
	ex->orch_function = string(orch, "function");
	ex->block_dim = integer(described, "block_dim");
	ex->aicpu_threads = integer(described, "aicpu_thread_num");
	ex->orch_threads = integer(described, "orch_thread_num");
	ex->rounds = integer(described, "rounds");
	ex->env = json_object_get(described, "env");
	ex->rtol = tolerance(described, "rtol");
	ex->atol = tolerance(described, "atol");
	return load_kernels(ex) || load_args(ex) ? PTO_USAGE : PTO_OK;
}

const char *pyexample_folder(const struct example *ex)
{
	return string(ex->described, "work");
}
