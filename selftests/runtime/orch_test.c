// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Orchestrations: what they may call, and what becomes of what they get. */
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include <pto/orch.h>

#include "runtime_test.h"

FIXTURE(orch) {
	struct pto_device *dev;
	void *rt;
	int64_t host[3];
	uint64_t args[3];
	struct init_call init;
	struct pto_mem_stat before;
};

FIXTURE_SETUP(orch)
{
	ASSERT_EQ(0, set_device(0));
	ASSERT_EQ(0, pto_device_open("embedded0", &self->dev));
	self->rt = calloc(1, get_runtime_size());
	self->args[0] = (uint64_t)self->host;
	self->before.size = sizeof(self->before);
	ASSERT_EQ(0, pto_mem_stat(self->dev, &self->before));
}

/* Whatever was built, finalize has given it all back. */
FIXTURE_TEARDOWN(orch)
{
	struct pto_mem_stat after = { .size = sizeof(after) };

	EXPECT_EQ(0, pto_mem_stat(self->dev, &after));
	EXPECT_EQ(self->before.count, after.count);
	EXPECT_EQ(self->before.used, after.used);
	pto_device_close(self->dev);
	free(self->rt);
}

static int init_only(FIXTURE_DATA(orch) *self, const char *func)
{
	struct init_call *c = &self->init;

	good_init(c, self->rt, func, self->args, 3);
	return init_runtime(c->rt, c->orch.bytes, c->orch.size, c->func, c->args, c->nargs, NULL,
			    NULL, c->ids, c->binaries, c->sizes, c->count);
}

static int run(FIXTURE_DATA(orch) *self, const char *func)
{
	int rc = init_only(self, func);

	if (rc)
		return rc;
	rc = launch_runtime(self->rt, 1, 3, 0, NULL, 0, NULL, 0, 1);
	return finalize_runtime(self->rt) ?: rc;
}

TEST_F(orch, no_task)
{
	EXPECT_EQ(0, run(self, "empty"));
}

TEST_F(orch, whole_table)
{
	EXPECT_EQ(0, run(self, "whole_table"));
	EXPECT_EQ(1, self->host[0]);
	EXPECT_EQ(7, self->host[1]);
}

TEST_F(orch, task_of_144_arguments)
{
	EXPECT_EQ(0, run(self, "many_args"));
	EXPECT_EQ(142, self->host[0]);
	EXPECT_EQ((2 + 143) * 142 / 2, self->host[1]);
}

TEST_F(orch, tensors_inside_one_allocation)
{
	self->host[0] = 10;
	self->host[1] = 20;
	self->host[2] = 30;
	EXPECT_EQ(0, run(self, "one_slab"));
	EXPECT_EQ(20, self->host[0]);
	EXPECT_EQ(60, self->host[1]);
	EXPECT_EQ(120, self->host[2]);
}

TEST_F(orch, frees_what_it_gets)
{
	EXPECT_EQ(0, run(self, "frees"));
}

TEST_F(orch, failure_gives_memory_back)
{
	EXPECT_EQ(-EDOM, run(self, "returns_errno"));
}

TEST_F(orch, in_cxx)
{
	struct init_call *c = &self->init;

	good_init(c, self->rt, "chain", self->args, 1);
	c->orch = image("orch_cxx");
	ASSERT_EQ(0, init_runtime(self->rt, c->orch.bytes, c->orch.size, c->func, c->args, 1,
				  NULL, NULL, c->ids, c->binaries, c->sizes, c->count));
	ASSERT_EQ(0, launch_runtime(self->rt, 2, 24, 0, NULL, 0, NULL, 0, 1));
	ASSERT_EQ(0, finalize_runtime(self->rt));
	EXPECT_EQ(10, self->host[0]);
	EXPECT_EQ(55, self->host[1]);
}

TEST_F(orch, exception_nobody_catches)
{
	struct init_call *c = &self->init;

	good_init(c, self->rt, "throws", self->args, 1);
	c->orch = image("orch_cxx");
	EXPECT_EQ(-EIO, init_runtime(self->rt, c->orch.bytes, c->orch.size, c->func, c->args, 1,
				     NULL, NULL, c->ids, c->binaries, c->sizes, c->count));
	EXPECT_NE(NULL, strstr(pto_last_error(), "SIGABRT"));
	EXPECT_EQ(0, run(self, "empty"));
}

TEST_F(orch, never_launched)
{
	EXPECT_EQ(0, init_only(self, "one_slab"));
	EXPECT_EQ(0, finalize_runtime(self->rt));
}

TEST_HARNESS_MAIN
