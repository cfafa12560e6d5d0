/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* The arrays of an example: their types, their random content, their files. */
#ifndef TOOLS_TENSOR_H
#define TOOLS_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#define TENSOR_DIMS	32	/* as numpy has them */

/** struct dtype - an element type: numpy's name for it, and its descr in a .npy file */
struct dtype {
	const char *name;
	const char *descr;
	size_t size;
	void (*store)(void *data, size_t i, double value);
};

enum fill { FILL_NONE, FILL_UNIFORM, FILL_NORMAL, FILL_FILE };

/**
 * struct tensor - an array in host memory, row-major
 * @fill, @range: what its content is at first: uniform in [range[0], range[1]),
 *		or normal with mean range[0] and deviation range[1], or from a file
 */
struct tensor {
	const struct dtype *dtype;
	int ndims;
	size_t shape[TENSOR_DIMS];
	size_t count;
	size_t bytes;
	enum fill fill;
	double range[2];
	void *data;
};

/** dtype_find - by name, or NULL */
const struct dtype *dtype_find(const char *name);

/** tensor_size - work out count and bytes from the shape; -1 when they are too many */
int tensor_size(struct tensor *t);

/**
 * tensor_fill - allocate the data and fill it in
 * @stream: with @seed says which random numbers; see pto-run(1)
 *
 * Without a fill each byte is 0xff, so that what nobody writes is seen: NaN as
 * a float. Returns -1 when there is no memory.
 */
int tensor_fill(struct tensor *t, uint64_t seed, uint32_t stream);

/** tensor_load - allocate the data and read it from a .npy file; -1 with errno on failure */
int tensor_load(struct tensor *t, const char *path);

/** tensor_save - write a .npy file; -1 with errno on failure */
int tensor_save(const struct tensor *t, const char *path);

#endif
