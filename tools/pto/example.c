// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Reading example.conf. Each complaint names file and line. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "example.h"
#include "pto.h"

static int wrong(const config_setting_t *at, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Say what is wrong with a setting; returns -1. */
static int wrong(const config_setting_t *at, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (config_setting_source_line(at))
		complain("%s:%u: %s", config_setting_source_file(at),
			 config_setting_source_line(at), text);
	else	/* the file as a whole */
		complain("%s: %s", config_setting_source_file(at), text);
	return -1;
}

/* Nothing but @known may be in a group: a typo would go unnoticed. */
static int check_keys(const config_setting_t *group, const char *const known[])
{
	for (int i = 0; i < config_setting_length(group); i++) {
		config_setting_t *member = config_setting_get_elem(group, i);
		const char *name = config_setting_name(member);
		int k = 0;

		while (known[k] && (!name || strcmp(known[k], name)))
			k++;
		if (!known[k])
			return wrong(member, "unknown key: %s", name ? name : "(none)");
	}
	return 0;
}

static const char *get_string(const config_setting_t *group, const char *key)
{
	const char *text;

	if (config_setting_lookup_string(group, key, &text))
		return text;
	wrong(group, "no %s = \"...\" here", key);
	return NULL;
}

/* A number that may be absent. */
static int get_number(const config_setting_t *group, const char *key, double *number)
{
	config_setting_t *s = config_setting_get_member(group, key);

	if (!s)
		return 0;
	if (!config_setting_is_number(s))
		return wrong(s, "%s wants a number", key);
	*number = config_setting_get_float(s);
	return 0;
}

/* A whole number from @low to @high. */
static int get_whole(const config_setting_t *group, const char *key, int low, int high, int *n)
{
	const config_setting_t *s = config_setting_get_member(group, key);
	int type = s ? config_setting_type(s) : CONFIG_TYPE_NONE;
	long long value;

	if (!s)
		return wrong(group, "no %s = ... here", key);
	value = config_setting_get_int64(s);
	if ((type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) || value < low || value > high)
		return wrong(s, "%s wants a whole number from %d to %d", key, low, high);
	*n = value;
	return 0;
}

/* One that may be absent. */
static int get_count(const config_setting_t *group, const char *key, int *n)
{
	*n = 1;
	return config_setting_get_member(group, key) ? get_whole(group, key, 1, 10000, n) : 0;
}

/* A list or group that must be there. */
static config_setting_t *get_list(const struct example *ex, const char *key)
{
	config_setting_t *root = config_root_setting(&ex->config);
	config_setting_t *list = config_setting_get_member(root, key);

	if (!list || !config_setting_is_aggregate(list)) {
		wrong(list ? list : root, "no %s: ... here", key);
		return NULL;
	}
	if (config_setting_length(list) > EXAMPLE_MAX) {
		wrong(list, "more than %d %s", EXAMPLE_MAX, key);
		return NULL;
	}
	return list;
}

static struct param *find_param(struct example *ex, const char *name, size_t len)
{
	for (int i = 0; i < ex->nparams; i++)
		if (strlen(ex->params[i].name) == len && !strncmp(ex->params[i].name, name, len))
			return &ex->params[i];
	return NULL;
}

/* A number, or the name of a param. */
static int get_value(struct example *ex, const config_setting_t *s, long long *value)
{
	const char *name = config_setting_get_string(s);
	struct param *param;

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		*value = config_setting_get_int64(s);
		return 0;
	case CONFIG_TYPE_STRING:
		param = find_param(ex, name, strlen(name));
		if (!param)
			return wrong(s, "no such param: %s", name);
		*value = param->value;
		return 0;
	}
	return wrong(s, "neither a whole number nor the name of a param");
}

static int load_params(struct example *ex)
{
	config_setting_t *group;
	int n;

	if (!config_lookup(&ex->config, "params"))
		return 0;
	group = get_list(ex, "params");
	n = group ? config_setting_length(group) : 0;
	for (int i = 0; i < n; i++) {
		config_setting_t *s = config_setting_get_elem(group, i);
		const char *name = config_setting_name(s);

		if (!name)
			return wrong(s, "params must be a group: { name = value; ... }");
		if (get_value(ex, s, &ex->params[i].value))
			return -1;
		ex->params[i].name = name;
		ex->nparams++;
	}
	return group ? 0 : -1;
}

/* Take over "name=value" from the command line. */
static int set_param(struct example *ex, const char *set)
{
	const char *value = strchr(set, '=');
	struct param *param = value ? find_param(ex, set, value - set) : NULL;
	char *end;

	if (!value)
		return complain("-p wants NAME=VALUE, not %s", set), -1;
	if (!param) {
		complain("%s has no param %.*s", ex->name, (int)(value - set), set);
		return -1;
	}
	errno = 0;
	param->value = strtoll(value + 1, &end, 0);
	if (errno || end == value + 1 || *end)
		return complain("-p %s: not a whole number", set), -1;
	return 0;
}

static int load_kernels(struct example *ex)
{
	static const char *const keys[] = { "func_id", "source", "core", NULL };
	config_setting_t *list = get_list(ex, "kernels");
	int n = list ? config_setting_length(list) : 0;

	for (int i = 0; i < n; i++) {
		config_setting_t *s = config_setting_get_elem(list, i);
		struct kernel *k = &ex->kernels[i];

		if (!config_setting_is_group(s))
			return wrong(s, "a kernel is a group: { func_id = ...; ... }");
		if (check_keys(s, keys))
			return -1;
		if (get_whole(s, "func_id", 0, UINT16_MAX, &k->func_id))
			return -1;
		k->source = get_string(s, "source");
		k->core = get_string(s, "core");
		if (!k->source || !k->core)
			return -1;
		if (strcmp(k->core, "aic") && strcmp(k->core, "aiv"))
			return wrong(s, "core is \"aic\" or \"aiv\", not \"%s\"", k->core);
		ex->nkernels++;
	}
	return list ? 0 : -1;
}

/* A bound of the content: any number, or the name of a param. */
static int get_bound(struct example *ex, const config_setting_t *s, double *bound)
{
	long long value;

	if (config_setting_type(s) == CONFIG_TYPE_FLOAT) {
		*bound = config_setting_get_float(s);
		return 0;
	}
	if (get_value(ex, s, &value))
		return -1;
	*bound = value;
	return 0;
}

static int load_fill(struct example *ex, struct tensor *t, const config_setting_t *s)
{
	static const char *const names[] = {
		[FILL_UNIFORM] = "uniform",
		[FILL_NORMAL] = "normal",
	};

	for (int fill = FILL_UNIFORM; fill <= FILL_NORMAL; fill++) {
		config_setting_t *range = config_setting_get_member(s, names[fill]);

		if (!range)
			continue;
		if (t->fill != FILL_NONE)
			return wrong(range, "uniform and normal exclude each other");
		if (config_setting_length(range) != 2)
			return wrong(range, "%s wants two numbers: [a, b]", names[fill]);
		t->fill = fill;
		for (int i = 0; i < 2; i++)
			if (get_bound(ex, config_setting_get_elem(range, i), &t->range[i]))
				return -1;
		if (fill == FILL_UNIFORM && t->range[0] > t->range[1])
			return wrong(range, "uniform wants the lower bound first");
	}
	return 0;
}

static int load_shape(struct example *ex, struct tensor *t, const config_setting_t *s)
{
	config_setting_t *shape = config_setting_get_member(s, "shape");

	t->ndims = shape ? config_setting_length(shape) : 0;
	if (t->ndims < 1 || t->ndims > TENSOR_DIMS)
		return wrong(s, "shape wants 1 to %d sizes", TENSOR_DIMS);
	for (int i = 0; i < t->ndims; i++) {
		long long size;

		if (get_value(ex, config_setting_get_elem(shape, i), &size))
			return -1;
		if (size < 1)
			return wrong(shape, "a size is at least 1, not %lld", size);
		t->shape[i] = size;
	}
	return tensor_size(t) ? wrong(shape, "too many bytes") : 0;
}

static int load_tensor(struct example *ex, struct tensor *t, const config_setting_t *s,
		       enum role role)
{
	const char *dtype = get_string(s, "dtype");

	if (!dtype)
		return -1;
	t->dtype = dtype_find(dtype);
	if (!t->dtype)
		return wrong(s, "unknown dtype: %s", dtype);
	if (load_shape(ex, t, s) || load_fill(ex, t, s))
		return -1;
	if ((role == ROLE_OUT) != (t->fill == FILL_NONE))
		return wrong(s, role == ROLE_OUT ? "an out has no content to begin with"
						 : "uniform or normal wanted for an input");
	return 0;
}

/* A tensor's becomes that of files, and a key in JSON. */
static int check_name(const struct example *ex, const char *name, const config_setting_t *s)
{
	json_t *text = json_string(name);
	bool utf8 = text;

	json_decref(text);
	if (!utf8 || !*name || !strcmp(name, ".") || !strcmp(name, "..") || strchr(name, '/'))
		return wrong(s, "\"%s\" can not be the name of a file", name);
	for (int i = 0; i < ex->nargs; i++)
		if (ex->args[i].role != ROLE_SCALAR && !strcmp(name, ex->args[i].name))
			return wrong(s, "two tensors are \"%s\"", name);
	return 0;
}

static int load_arg(struct example *ex, struct arg *arg, const config_setting_t *s)
{
	static const char *const scalar_keys[] = { "name", "value", NULL };
	static const char *const tensor_keys[] = {
		"name", "role", "dtype", "shape", "uniform", "normal", NULL
	};
	static const char *const roles[] = {
		[ROLE_IN] = "in", [ROLE_OUT] = "out", [ROLE_INOUT] = "inout",
	};
	config_setting_t *value;
	const char *role;

	if (!config_setting_is_group(s))
		return wrong(s, "an argument is a group: { name = ...; ... }");
	arg->name = get_string(s, "name");
	if (!arg->name)
		return -1;
	value = config_setting_get_member(s, "value");
	if (value)
		return check_keys(s, scalar_keys) ? -1 : get_value(ex, value, &arg->value);
	if (check_keys(s, tensor_keys) || check_name(ex, arg->name, s))
		return -1;
	role = get_string(s, "role");
	if (!role)
		return -1;
	for (int r = ROLE_IN; r <= ROLE_INOUT; r++)
		if (!strcmp(role, roles[r]))
			arg->role = r;
	if (arg->role == ROLE_SCALAR)
		return wrong(s, "role is \"in\", \"out\" or \"inout\", not \"%s\"", role);
	return load_tensor(ex, &arg->tensor, s, arg->role);
}

static int load_args(struct example *ex)
{
	config_setting_t *list = get_list(ex, "args");
	int n = list ? config_setting_length(list) : 0, outputs = 0;

	if (!list)
		return -1;
	for (int i = 0; i < n; i++) {
		if (load_arg(ex, &ex->args[i], config_setting_get_elem(list, i)))
			return -1;
		outputs += ex->args[i].role == ROLE_OUT || ex->args[i].role == ROLE_INOUT;
		ex->nargs++;
	}
	return outputs ? 0 : wrong(list, "no argument is an out or inout");
}

static int load_top(struct example *ex)
{
	static const char *const keys[] = {
		"name", "params", "orchestration", "kernels", "args", "block_dim",
		"aicpu_threads", "golden", "rtol", "atol", NULL
	};
	static const char *const orch_keys[] = { "source", "function", NULL };
	config_setting_t *root = config_root_setting(&ex->config), *orch;

	if (check_keys(root, keys))
		return -1;
	orch = get_list(ex, "orchestration");
	if (!orch || check_keys(orch, orch_keys))
		return -1;
	ex->name = get_string(root, "name");
	ex->golden = get_string(root, "golden");
	ex->orch_source = get_string(orch, "source");
	ex->orch_function = get_string(orch, "function");
	if (get_count(root, "block_dim", &ex->block_dim) ||
	    get_count(root, "aicpu_threads", &ex->aicpu_threads) ||
	    get_number(root, "rtol", &ex->rtol) || get_number(root, "atol", &ex->atol))
		return -1;
	return ex->name && ex->golden && ex->orch_source && ex->orch_function ? 0 : -1;
}

static int read_conf(struct example *ex)
{
	char *path;
	int ok;

	if (asprintf(&path, "%s/example.conf", ex->dir) < 0)
		return -1;
	config_set_auto_convert(&ex->config, CONFIG_TRUE);
	ok = config_read_file(&ex->config, path);
	if (!ok && config_error_type(&ex->config) == CONFIG_ERR_FILE_IO)
		complain("%s: %s", path, strerror(errno));
	else if (!ok)
		complain("%s:%d: %s", path, config_error_line(&ex->config),
			 config_error_text(&ex->config));
	free(path);
	return ok ? 0 : -1;
}

/* Sooner than after the run. */
static int find_golden(const struct example *ex)
{
	char *path;
	int ret;

	if (asprintf(&path, "%s/%s", ex->dir, ex->golden) < 0)
		return -1;
	ret = access(path, R_OK) ? complain("%s: %m", path), -1 : 0;
	free(path);
	return ret;
}

int example_load(struct example *ex, const char *dir, char *const set[], int nset)
{
	memset(ex, 0, sizeof(*ex));
	ex->dir = realpath(dir, NULL);
	ex->orch_threads = ex->rounds = 1;
	ex->rtol = ex->atol = NAN;
	config_init(&ex->config);
	if (!ex->dir)
		return complain("%s: %m", dir), PTO_USAGE;
	if (read_conf(ex) || load_top(ex) || load_params(ex))
		return PTO_USAGE;
	for (int i = 0; i < nset; i++)
		if (set_param(ex, set[i]))
			return PTO_USAGE;
	return load_kernels(ex) || load_args(ex) || find_golden(ex) ? PTO_USAGE : PTO_OK;
}

void example_free(struct example *ex)
{
	for (int i = 0; i < ex->nargs; i++)
		free(ex->args[i].tensor.data);
	free(ex->dir);
	json_decref(ex->described);
	config_destroy(&ex->config);
}
