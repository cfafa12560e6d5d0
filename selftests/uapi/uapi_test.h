/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * What the tests of the driver's calls share.
 *
 * A fixture's variants are the two paths of a call, ioctl and io_uring. An expectation that is
 * a row of an errno table of linux/pto.h is written EXPECT_ROW(): when it holds, it tells so
 * in the log, for selftests/uapi/coverage.
 */
#ifndef UAPI_TEST_H
#define UAPI_TEST_H

#include "uapi.h"

#include "kselftest_harness.h"

#define EXPECT_ERRNO(error, expr)	EXPECT_EQ(-(error), expr)
#define ASSERT_ERRNO(error, expr)	ASSERT_EQ(-(error), expr)

/* @call, @error and @row as they stand in the table. */
#define EXPECT_ROW(u, call, error, row, expr) \
	EXPECT_ROW_TEXT(u, #call, error, #error, #row, expr)
#define EXPECT_ROW_TEXT(u, call, error, error_text, row_text, expr) do {	\
	int row_got = (expr);							\
	EXPECT_EQ(-(error), row_got)						\
		TH_LOG("%s %s %s", call, error_text, row_text);			\
	if (row_got == -(error))						\
		uapi_row(u, call, error_text, row_text);			\
} while (0)

/* A fixture that is a context ready for use, by each path. */
#define UAPI_FIXTURE(name)						\
	FIXTURE(name) { struct uapi u; };				\
	FIXTURE_VARIANT(name) { enum uapi_path path; };			\
	FIXTURE_VARIANT_ADD(name, ioctl) { .path = BY_IOCTL };		\
	FIXTURE_VARIANT_ADD(name, uring) { .path = BY_URING };		\
	FIXTURE_SETUP(name)						\
	{								\
		ASSERT_EQ(0, uapi_start(&self->u, variant->path, 0));	\
	}								\
	FIXTURE_TEARDOWN(name)						\
	{								\
		uapi_close(&self->u);					\
	}

#endif
