/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Examples in the form of two Python files, which pyexample.py reads. */
#ifndef TOOLS_PYEXAMPLE_H
#define TOOLS_PYEXAMPLE_H

#include <stdint.h>

#include <jansson.h>

struct example;

/**
 * struct pyexample - which examples
 * @kernels:	folder of kernel_config.py
 * @golden:	the golden file; NULL: golden.py beside that folder
 * @cases:	a case's name, "--default" or "--all"
 * @set:	"name=value" for params to have other values, @nset of them
 */
struct pyexample {
	const char *kernels;
	const char *golden;
	const char *cases;
	const char *python;
	uint64_t seed;
	char *const *set;
	int nset;
};

/**
 * pyexample_describe - have a Python process read the files
 * @work:	folder for the arrays
 * @list:	where what there is to run goes, for json_decref(): an array
 *
 * Returns PTO_OK, or another exit code after it has been said what is wrong.
 */
int pyexample_describe(const struct pyexample *which, const char *work, json_t **list);

/**
 * pyexample_load - an example of that array
 * @described:	an element; the example holds a reference to it
 *
 * As example_load().
 */
int pyexample_load(struct example *ex, json_t *described);

/** pyexample_folder - the folder of an example's arrays */
const char *pyexample_folder(const struct example *ex);

#endif
