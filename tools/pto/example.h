/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Examples: a folder with example.conf, or two files in Python; pto-run(1) describes both. */
#ifndef TOOLS_EXAMPLE_H
#define TOOLS_EXAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <libconfig.h>

#include "tensor.h"

/* The most params, kernels, or arguments that an example may have. */
#define EXAMPLE_MAX	64

/* What an argument is, as the runtime's C API numbers them. */
enum role { ROLE_SCALAR, ROLE_IN, ROLE_OUT, ROLE_INOUT };

struct param {
	const char *name;
	long long value;
};

struct kernel {
	int func_id;
	const char *source;
	const char *core;
};

/** struct arg - an argument of the orchestration: a number or a tensor */
struct arg {
	const char *name;
	enum role role;
	long long value;
	struct tensor tensor;
};

/**
 * struct example - what an example.conf says, or what pyexample.py has found
 * @config, @described: own the strings; of the two there is one
 * @dir:	the folder
 * @compat:	the flavour, if the sources are C++ on the headers for existing ones
 * @golden:	file that computes what is expected; NULL: it has been computed
 * @rounds:	how often it is run, each time from the beginning
 * @env:	variables for init_runtime()
 * @rtol, @atol: NAN if they are not given
 */
struct example {
	config_t config;
	json_t *described;
	char *dir;
	const char *name;
	const char *compat;
	const char *orch_source;
	const char *orch_function;
	const char *golden;
	int block_dim;
	int aicpu_threads;
	int orch_threads;
	int rounds;
	const json_t *env;
	double rtol, atol;
	struct param params[EXAMPLE_MAX];
	int nparams;
	struct kernel kernels[EXAMPLE_MAX];
	int nkernels;
	struct arg args[EXAMPLE_MAX];
	int nargs;
};

/**
 * example_load - read DIR/example.conf
 * @set: "name=value" for params to have other values, @nset of them
 *
 * Returns PTO_OK, or another exit code after it has said what is wrong. To be
 * freed with example_free() in any case.
 */
int example_load(struct example *ex, const char *dir, char *const set[], int nset);
void example_free(struct example *ex);

#endif
