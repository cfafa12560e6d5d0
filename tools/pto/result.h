/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What came out of a run, and whether it is right. */
#ifndef TOOLS_RESULT_H
#define TOOLS_RESULT_H

#include <stdint.h>

#include <jansson.h>

struct example;

/**
 * struct outcome - of a run
 * @launches:	ns of each launch, sorted, @nlaunches of them
 * @outputs:	what check.py found: an array of objects
 */
struct outcome {
	int device;
	int block_dim;
	int threads;
	uint64_t seed;
	uint64_t compile_ns, build_ns, finalize_ns;
	uint64_t *launches;
	int nlaunches;
	json_t *outputs;
};

/**
 * result_check - have a numpy process compare the outputs in a folder
 * @python:	interpreter
 * @outputs:	an array of objects, for json_decref()
 *
 * Returns PTO_OK, or after a complaint PTO_USAGE (the golden file is wrong) or PTO_FAILED.
 */
int result_check(const struct example *ex, const char *work, const char *python,
		 json_t **outputs);

/** result_forget - remove an earlier run's results from a folder: run.json, and what it names */
void result_forget(const char *work);

/**
 * result_print - as a table or as JSON; returns PTO_OK, PTO_WRONG or PTO_FAILED
 * @json: jansson's flags; 0: as a table
 */
int result_print(const struct example *ex, const struct outcome *outcome, size_t json);

#endif
