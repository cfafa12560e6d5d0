// SPDX-License-Identifier: MIT OR LGPL-2.1
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor.h"

#define STORE(name, type) \
static void store_##name(void *data, size_t i, double value) \
{ \
	((type *)data)[i] = value; \
}

STORE(float32, float)
STORE(float64, double)
STORE(int8, int8_t)
STORE(int16, int16_t)
STORE(int32, int32_t)
STORE(int64, int64_t)
STORE(uint8, uint8_t)

static const struct dtype dtypes[] = {
	{ "float32", "<f4", 4, store_float32 },
	{ "float64", "<f8", 8, store_float64 },
	{ "int8", "|i1", 1, store_int8 },
	{ "int16", "<i2", 2, store_int16 },
	{ "int32", "<i4", 4, store_int32 },
	{ "int64", "<i8", 8, store_int64 },
	{ "uint8", "|u1", 1, store_uint8 },
};

const struct dtype *dtype_find(const char *name)
{
	for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++)
		if (!strcmp(dtypes[i].name, name))
			return &dtypes[i];
	return NULL;
}

int tensor_size(struct tensor *t)
{
	t->count = 1;
	for (int i = 0; i < t->ndims; i++)
		if (__builtin_mul_overflow(t->count, t->shape[i], &t->count))
			return -1;
	return __builtin_mul_overflow(t->count, t->dtype->size, &t->bytes) ? -1 : 0;
}

/* SplitMix64. */
static uint64_t draw(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* In [0, 1). */
static double draw_uniform(uint64_t *state)
{
	return (draw(state) >> 11) * 0x1p-53;
}

static double draw_normal(uint64_t *state)
{
	double radius = sqrt(-2 * log(1 - draw_uniform(state)));

	return radius * cos(2 * M_PI * draw_uniform(state));
}

int tensor_fill(struct tensor *t, uint64_t seed, uint32_t stream)
{
	uint64_t state = seed ^ (uint64_t)stream << 32;

	state = draw(&state);
	t->data = malloc(t->bytes ? t->bytes : 1);
	if (!t->data)
		return -1;
	if (t->fill == FILL_NONE) {
		memset(t->data, 0xff, t->bytes);
		return 0;
	}
	for (size_t i = 0; i < t->count; i++) {
		double x = t->fill == FILL_NORMAL
			? t->range[0] + t->range[1] * draw_normal(&state)
			: t->range[0] + (t->range[1] - t->range[0]) * draw_uniform(&state);

		t->dtype->store(t->data, i, x);
	}
	return 0;
}

/* A magic number, the header's length, the header, blanks up to 64 bytes. */
static int write_npy(const struct tensor *t, FILE *f)
{
	char shape[TENSOR_DIMS * 24] = "", header[256];
	int n = 0;

	for (int i = 0; i < t->ndims; i++)
		n += snprintf(shape + n, sizeof(shape) - n, "%zu, ", t->shape[i]);
	n = snprintf(header, sizeof(header),
		     "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
		     t->dtype->descr, shape);
	n = (10 + n + 1 + 63) / 64 * 64 - 10;
	fwrite("\x93NUMPY\x01\x00", 1, 8, f);
	fputc(n & 0xff, f);
	fputc(n >> 8, f);
	fprintf(f, "%-*s\n", n - 1, header);
	fwrite(t->data, 1, t->bytes, f);
	return ferror(f) ? -1 : 0;
}

int tensor_save(const struct tensor *t, const char *path)
{
	FILE *f = fopen(path, "wb");
	int ret;

	if (!f)
		return -1;
	ret = write_npy(t, f);
	return fclose(f) ? -1 : ret;
}
