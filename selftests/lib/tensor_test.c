// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Tensors: how they are made, what their records say, and which share bytes. */
#include "kselftest_harness.h"

#include "lib_test.h"
#include "tensors.h"

#define PAIRS	(SANITIZED ? 20000 : 100000)

#define SHAPE(...)	((const uint32_t[]){ __VA_ARGS__ })

static uint8_t buffer[BUFFER] __attribute__((aligned(64)));

TEST(record_is_what_kernels_expect)
{
	ASSERT_EQ(128, sizeof(struct pto_tensor));
	EXPECT_EQ(16, offsetof(struct pto_tensor, start_offset));
	EXPECT_EQ(24, offsetof(struct pto_tensor, version));
	EXPECT_EQ(28, offsetof(struct pto_tensor, dtype));
	EXPECT_EQ(32, offsetof(struct pto_tensor, ndims));
	EXPECT_EQ(36, offsetof(struct pto_tensor, is_all_offset_zero));
	EXPECT_EQ(37, offsetof(struct pto_tensor, is_raw_eq_shapes));
	EXPECT_EQ(38, offsetof(struct pto_tensor, manual_dep));
	EXPECT_EQ(40, offsetof(struct pto_tensor, shapes));
	EXPECT_EQ(64, offsetof(struct pto_tensor, raw_shapes));
	EXPECT_EQ(84, offsetof(struct pto_tensor, offsets));
}

TEST(init_fills_everything)
{
	struct pto_tensor t;

	memset(&t, 0xff, sizeof(t));
	ASSERT_EQ(0, pto_tensor_init(&t, buffer, SHAPE(4, 8), 2, PTO_FLOAT32));
	EXPECT_EQ((uintptr_t)buffer, t.addr);
	EXPECT_EQ(128, t.size);
	EXPECT_EQ(0, t.start_offset);
	EXPECT_EQ(2, t.ndims);
	EXPECT_EQ(8, t.raw_shapes[1]);
	EXPECT_EQ(0, t.shapes[2]);
	EXPECT_EQ(1, t.is_all_offset_zero);
	EXPECT_EQ(1, t.is_raw_eq_shapes);
	EXPECT_EQ(0, t.manual_dep);
	EXPECT_EQ(32, pto_tensor_numel(&t));
	EXPECT_EQ(1, pto_tensor_contiguous(&t));
}

TEST(bad_arguments)
{
	const uint32_t huge[] = { 1u << 31, 1u << 31, 2 };
	struct pto_tensor t, u;

	EXPECT_EQ(-EINVAL, pto_tensor_init(&t, buffer, SHAPE(1), 0, PTO_INT8));
	EXPECT_EQ(-EINVAL, pto_tensor_init(&t, buffer, SHAPE(1, 1, 1, 1, 1, 1), 6, PTO_INT8));
	EXPECT_EQ(-EINVAL, pto_tensor_init(&t, buffer, NULL, 1, PTO_INT8));
	EXPECT_NE(NULL, strstr(pto_last_error(), "shapes of a tensor are NULL"));
	EXPECT_EQ(-EINVAL, pto_tensor_init(NULL, buffer, SHAPE(1), 1, PTO_INT8));
	EXPECT_EQ(-EINVAL, pto_tensor_init(&t, buffer, SHAPE(4, 0), 2, PTO_INT8));
	EXPECT_NE(NULL, strstr(pto_last_error(), "axis 1"));
	EXPECT_EQ(-EINVAL, pto_tensor_init(&t, buffer, SHAPE(1), 1, PTO_DTYPES));
	EXPECT_EQ(-EINVAL, pto_tensor_init(&t, buffer, huge, 3, PTO_INT64));
	EXPECT_EQ(-EINVAL, pto_tensor_init(&t, (void *)-16, SHAPE(17), 1, PTO_INT8));

	ASSERT_EQ(0, pto_tensor_init(&t, buffer, SHAPE(4, 8), 2, PTO_FLOAT32));
	EXPECT_EQ(-EINVAL, pto_tensor_view(&t, SHAPE(4, 8), SHAPE(0, 1), &u));
	EXPECT_NE(NULL, strstr(pto_last_error(), "axis 1 has 8 elements"));
	EXPECT_EQ(-EINVAL, pto_tensor_view(&t, SHAPE(4, 2), SHAPE(0, UINT32_MAX), &u));
	EXPECT_EQ(-EINVAL, pto_tensor_view(&t, SHAPE(4, 0), SHAPE(0, 0), &u));
	EXPECT_EQ(-EINVAL, pto_tensor_reshape(&t, SHAPE(31), 1, &u));
	EXPECT_EQ(-EINVAL, pto_tensor_transpose(&t, 0, 2, &u));
	EXPECT_EQ(-EINVAL, pto_tensor_transpose(&t, 0, 1, NULL));
	EXPECT_NE(NULL, strstr(pto_last_error(), "out is NULL"));
	ASSERT_EQ(0, pto_tensor_view(&t, SHAPE(4, 4), SHAPE(0, 0), &u));
	EXPECT_EQ(-EINVAL, pto_tensor_reshape(&u, SHAPE(16), 1, &u));
	EXPECT_NE(NULL, strstr(pto_last_error(), "contiguous"));
	memset(&u, 0xff, sizeof(u));
	EXPECT_EQ(-EINVAL, pto_tensor_overlap(&t, &u));
	EXPECT_EQ(-EINVAL, pto_tensor_overlap(&t, NULL));
}

TEST(more_than_four_gib)
{
	struct pto_tensor t, u;

	ASSERT_EQ(0, pto_tensor_init(&t, buffer, SHAPE(4, 1u << 30, 2), 3, PTO_FLOAT32));
	EXPECT_EQ(1ull << 35, t.size);
	ASSERT_EQ(0, pto_tensor_view(&t, SHAPE(1, 1, 1), SHAPE(3, (1u << 30) - 1, 1), &u));
	EXPECT_EQ((1ull << 33) - 1, u.start_offset);
	ASSERT_EQ(0, pto_tensor_view(&t, SHAPE(1, 1u << 30, 2), SHAPE(2, 0, 0), &t));
	EXPECT_EQ(0, pto_tensor_overlap(&t, &u));
}

TEST(reshape_keeps_the_offset_of_a_view)
{
	struct pto_tensor t, row, col;

	ASSERT_EQ(0, pto_tensor_init(&t, buffer, SHAPE(8, 4), 2, PTO_INT16));
	ASSERT_EQ(0, pto_tensor_view(&t, SHAPE(2, 4), SHAPE(3, 0), &row));
	ASSERT_EQ(0, pto_tensor_reshape(&row, SHAPE(2, 2, 2), 3, &row));
	EXPECT_EQ(12, row.start_offset);
	ASSERT_EQ(0, pto_tensor_view(&row, SHAPE(1, 1, 1), SHAPE(1, 1, 1), &row));
	EXPECT_EQ(19, row.start_offset);
	ASSERT_EQ(0, pto_tensor_view(&t, SHAPE(1, 1), SHAPE(4, 3), &col));
	EXPECT_EQ(1, pto_tensor_overlap(&row, &col));
	ASSERT_EQ(0, pto_tensor_view(&t, SHAPE(1, 1), SHAPE(4, 2), &col));
	EXPECT_EQ(0, pto_tensor_overlap(&row, &col));
}

TEST(transpose_moves_nothing)
{
	struct pto_tensor t, u, v;

	ASSERT_EQ(0, pto_tensor_init(&t, buffer, SHAPE(3, 5, 2), 3, PTO_INT32));
	ASSERT_EQ(0, pto_tensor_transpose(&t, 0, 2, &u));
	EXPECT_EQ(2, u.shapes[0]);
	EXPECT_EQ(0, pto_tensor_contiguous(&u));
	ASSERT_EQ(0, pto_tensor_view(&u, SHAPE(1, 1, 1), SHAPE(1, 4, 2), &v));
	EXPECT_EQ(2 * 10 + 4 * 2 + 1, v.start_offset);
	ASSERT_EQ(0, pto_tensor_transpose(&u, 2, 0, &u));
	EXPECT_EQ(0, memcmp(&t, &u, sizeof(t)));
}

TEST(tiles_of_a_matrix)
{
	struct pto_tensor m, tile[16], row;
	int i, k;

	ASSERT_EQ(0, pto_tensor_init(&m, buffer, SHAPE(8, 16), 2, PTO_FLOAT32));
	for (i = 0; i < 16; i++)
		ASSERT_EQ(0, pto_tensor_view(&m, SHAPE(2, 4), SHAPE(i / 4 * 2, i % 4 * 4), &tile[i]));
	for (i = 0; i < 16; i++)
		for (k = 0; k < 16; k++)
			EXPECT_EQ(i == k, pto_tensor_overlap(&tile[i], &tile[k]));
	ASSERT_EQ(0, pto_tensor_view(&m, SHAPE(1, 16), SHAPE(5, 0), &row));
	ASSERT_EQ(0, pto_tensor_reshape(&row, SHAPE(4, 4), 2, &row));
	for (i = 0; i < 16; i++)
		EXPECT_EQ(i / 4 == 2, pto_tensor_overlap(&tile[i], &row));
}

TEST(random_boxes_are_told_apart_exactly)
{
	uint8_t x[BUFFER], y[BUFFER];
	struct pto_tensor a, b;
	uint64_t seed = 1;
	int i, wrong = 0;

	for (i = 0; i < PAIRS; i++) {
		uint32_t rows = 1u << rnd(&seed, 8);

		a = rnd_box(&seed, buffer, rows);
		b = rnd_box(&seed, buffer, rows);
		mark(&a, buffer, x);
		mark(&b, buffer, y);
		wrong += pto_tensor_overlap(&a, &b) != share(x, y);
	}
	EXPECT_EQ(0, wrong);
}

TEST(random_chains_miss_nothing)
{
	int i, missed = 0, exact = 0, doubtful = 0, apart = 0;
	uint8_t x[BUFFER], y[BUFFER];
	struct pto_tensor a, b;
	uint64_t seed = 2;

	for (i = 0; i < PAIRS; i++) {
		a = rnd_tensor(&seed, buffer, rnd(&seed, PTO_DTYPES), 6);
		b = rnd_tensor(&seed, buffer, rnd(&seed, PTO_DTYPES), 6);
		mark(&a, buffer, x);
		mark(&b, buffer, y);
		missed += share(x, y) && !pto_tensor_overlap(&a, &b);
		apart += !share(x, y);
		if (share(x, y) == pto_tensor_overlap(&a, &b))
			continue;
		if (pto_tensor_contiguous(&a) || pto_tensor_contiguous(&b))
			exact++;
		doubtful++;
	}
	EXPECT_EQ(0, missed);
	/* Against what is contiguous the answer is exact, whatever the other one is. */
	EXPECT_EQ(0, exact);
	EXPECT_LT(doubtful, apart / 2);
	TH_LOG("%d of %d pairs without a common byte were doubted", doubtful, apart);
}

TEST_HARNESS_MAIN
