// SPDX-License-Identifier: MIT OR LGPL-2.1
#include <errno.h>
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
STORE(uint16, uint16_t)
STORE(uint32, uint32_t)
STORE(uint64, uint64_t)

/* To the nearest, or of two as near to the even one; what is too large is infinite. */
static void store_float16(void *data, size_t i, double value)
{
	float x = fabs(value);
	uint16_t sign = signbit(value) ? 0x8000 : 0;
	uint32_t bits;

	if (x < 0x1p-14f) {	/* a multiple of 2^-24, as what lies between 0.5 and 1 is */
		x += 0.5f;
		memcpy(&bits, &x, sizeof(bits));
		bits -= 0x3f000000;
	} else if (x < 0x1p16f) {
		memcpy(&bits, &x, sizeof(bits));
		bits += 0xfff + (bits >> 13 & 1);
		bits = (bits - 0x38000000) >> 13;
	} else {
		bits = isnan(x) ? 0x7e00 : 0x7c00;
	}
	((uint16_t *)data)[i] = sign | bits;
}

static void store_bfloat16(void *data, size_t i, double value)
{
	float x = value;
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	if (!isnan(x))
		bits += 0x7fff + (bits >> 16 & 1);
	((uint16_t *)data)[i] = bits >> 16;
}

static const struct dtype dtypes[] = {
	{ "float32", "<f4", 4, store_float32 },
	{ "float64", "<f8", 8, store_float64 },
	{ "int8", "|i1", 1, store_int8 },
	{ "int16", "<i2", 2, store_int16 },
	{ "int32", "<i4", 4, store_int32 },
	{ "int64", "<i8", 8, store_int64 },
	{ "uint8", "|u1", 1, store_uint8 },
	{ "uint16", "<u2", 2, store_uint16 },
	{ "uint32", "<u4", 4, store_uint32 },
	{ "uint64", "<u8", 8, store_uint64 },
	{ "float16", "<f2", 2, store_float16 },
	{ "bfloat16", "<u2", 2, store_bfloat16 },	/* numpy has none */
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
	char shape[TENSOR_DIMS * 24] = "", header[TENSOR_DIMS * 24 + 128];
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

/* The data lies behind the header, of which the length is all that is of interest. */
static int read_npy(const struct tensor *t, FILE *f)
{
	unsigned char start[10];

	if (fread(start, 1, sizeof(start), f) != sizeof(start) ||
	    fseek(f, start[8] | start[9] << 8, SEEK_CUR) ||
	    fread(t->data, 1, t->bytes, f) != t->bytes) {
		errno = ferror(f) ? errno : EINVAL;
		return -1;
	}
	return 0;
}

int tensor_load(struct tensor *t, const char *path)
{
	FILE *f = fopen(path, "rb");
	int ret;

	if (!f)
		return -1;
	t->data = malloc(t->bytes ? t->bytes : 1);
	ret = t->data ? read_npy(t, f) : -1;
	fclose(f);
	return ret;
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
