/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What the tests of libpto_runtime.so share. */
#ifndef RUNTIME_TEST_H
#define RUNTIME_TEST_H

#include <pto/runtime.h>

#include "images/images.h"

#define N_MAX_KERNELS	8

/** struct file - an image in memory; bytes are the test's to change */
struct file {
	uint8_t *bytes;
	size_t size;
};

/** struct api - the functions of one copy of the library */
struct api {
	typeof(get_runtime_size) *get_runtime_size;
	typeof(enable_runtime_profiling) *enable_runtime_profiling;
	typeof(set_device) *set_device;
	typeof(device_malloc) *device_malloc;
	typeof(device_free) *device_free;
	typeof(copy_to_device) *copy_to_device;
	typeof(copy_from_device) *copy_from_device;
	typeof(init_runtime) *init_runtime;
	typeof(launch_runtime) *launch_runtime;
	typeof(finalize_runtime) *finalize_runtime;
	typeof(record_tensor_pair) *record_tensor_pair;
	typeof(get_incore_compiler) *get_incore_compiler;
	typeof(get_orchestration_compiler) *get_orchestration_compiler;
	typeof(pto_last_error) *last_error;
	typeof(pto_runtime_launch_async) *launch_async;
	typeof(pto_runtime_wait) *wait;
	typeof(pto_runtime_cancel) *cancel;
};

/** struct init_call - arguments of init_runtime(), there for tests to spoil; not to be copied */
struct init_call {
	void *rt;
	struct file orch;
	const char *func;
	uint64_t *args;
	int nargs;
	const int *types;
	const uint64_t *arg_sizes;
	int *ids;
	const uint8_t **binaries;
	size_t *sizes;
	int count;
	int id_array[N_MAX_KERNELS];
	const uint8_t *binary_array[N_MAX_KERNELS];
	size_t size_array[N_MAX_KERNELS];
};

/** struct launch_call - arguments of launch_runtime() */
struct launch_call {
	void *rt;
	int threads;
	int blocks;
	int device;
	const uint8_t *aicpu;
	size_t aicpu_size;
	const uint8_t *aicore;
	size_t aicore_size;
	int orch_threads;
};

/* A bound, and not a measure: on a kernel that checks itself, in an emulated machine, all is slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120

#define LAUNCH_DEFAULTS	.threads = 1, .blocks = 1, .orch_threads = 1

/** image - load $dir_of_program/images/@name.so; the same bytes each time */
struct file image(const char *name);

/** path_of - @name relative to the program's directory; the caller frees it */
char *path_of(const char *name);

/** good_init - a call of orchestration @func with all test kernels */
void good_init(struct init_call *c, void *rt, const char *func, uint64_t *args, int nargs);

int call_init(const struct api *api, const struct init_call *c);
int call_launch(const struct api *api, const struct launch_call *c);
int launch_default(const struct api *api, void *rt);

/** good_run - the whole flow of the axpy orchestration; 0 if all of it is right */
int good_run(const struct api *api, int blocks, int threads);

/** struct usage - what a process holds */
struct usage {
	int fds;
	int threads;
};

struct usage usage_now(void);

#endif
