/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Examples: a folder with example.conf, which pto-run(1) describes. */
#ifndef TOOLS_EXAMPLE_H
#define TOOLS_EXAMPLE_H

#include <stddef.h>
#include <stdint.h>

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
 * struct example - what an example.conf says
 * @config:	owns the strings
 * @dir:	the folder
 */
struct example {
	config_t config;
	char *dir;
	const char *name;
	const char *orch_source;
	const char *orch_function;
	const char *golden;
	int block_dim;
	int aicpu_threads;
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
