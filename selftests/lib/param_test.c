// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Graphs that are built once, and launched again with other memory and other numbers. */
#include "graph/graph.h"
#include "kselftest_harness.h"

#include "lib_test.h"
#include "programs.h"

#define SHAPE(...)	((const uint32_t[]){ __VA_ARGS__ })
#define ROUNDS		(SLOW ? 10 : 60)
#define BUFFERS		4

enum { MIX, COUNT, SUM, SPIN, KERNELS };

FIXTURE(param)
{
	struct pto_device *dev;
	struct pto_program *prog[KERNELS];
	struct pto_graph *graph;
	uint8_t *buffer[BUFFERS];
	struct program program;
};

static struct pto_graph *new_graph(FIXTURE_DATA(param) *self)
{
	struct pto_graph *g;
	int i;

	if (pto_graph_create(self->dev, &g))
		return NULL;
	for (i = 0; i < KERNELS; i++)
		if (pto_graph_set_kernel(g, i, self->prog[i]))
			return NULL;
	return g;
}

FIXTURE_SETUP(param)
{
	static const char *const names[] = { "mix", "count", "sum", "spin" };
	void *buffer;
	int i;

	ASSERT_EQ(0, pto_device_open(NULL, &self->dev));
	for (i = 0; i < KERNELS; i++) {
		self->prog[i] = load_kernel(self->dev, names[i]);
		ASSERT_NE(NULL, self->prog[i]) TH_LOG("%s: %s", names[i], pto_last_error());
	}
	for (i = 0; i < BUFFERS; i++) {
		ASSERT_EQ(0, pto_mem_alloc(self->dev, BUFFER, &buffer));
		self->buffer[i] = memset(buffer, 0, BUFFER);
	}
	self->graph = new_graph(self);
	ASSERT_NE(NULL, self->graph) TH_LOG("%s", pto_last_error());
}

FIXTURE_TEARDOWN(param)
{
	struct pto_mem_stat stat = { .size = sizeof(stat) };
	int i;

	EXPECT_EQ(0, pto_graph_destroy(self->graph));
	for (i = 0; i < BUFFERS; i++)
		EXPECT_EQ(0, pto_mem_free(self->dev, self->buffer[i]));
	EXPECT_EQ(0, pto_mem_stat(self->dev, &stat));
	EXPECT_EQ(0, stat.count);
	for (i = 0; i < KERNELS; i++)
		pto_program_unload(self->prog[i]);
	pto_device_close(self->dev);
}

static int bind_one(struct pto_graph *g, uint32_t param, void *addr, uint64_t size)
{
	const struct pto_binding b = { .param = param, .addr = addr, .size = size };

	return pto_graph_bind(g, &b, 1);
}

/* ---- results ------------------------------------------------------------ */

static int submit_program(struct pto_graph *g, struct program *p)
{
	struct program_task t;
	int i;

	for (i = 0; i < p->ntasks; i++)
		if (pto_graph_submit(g, program_task(p, i, MIX, &t)) != i)
			return -1;
	return 0;
}

/* The program, one task after the other, on what lies at @at, with another seed for each task. */
static void run_at(struct program *p, uint8_t *at, uint64_t seed)
{
	int i, k;

	for (i = 0; i < p->ntasks; i++) {
		p->task[i].seed = seed + i;
		for (k = 0; k < p->task[i].count; k++)
			p->task[i].tensor[k].addr = (uintptr_t)at;
	}
	run_program(p);
}

TEST_F(param, random_programs_on_other_memory)
{
	struct pto_launch_opts o = { .size = sizeof(o), .block_dim = 4, .aicpu_threads = 3 };
	struct program *p = &self->program;
	uint8_t want[BUFFER], *at;
	uint64_t seed = 13;
	struct pto_graph *g;
	int n, i, run;

	for (n = 0; n < ROUNDS; n++) {
		g = new_graph(self);
		ASSERT_NE(NULL, g);
		ASSERT_EQ(0, pto_graph_param(g, self->buffer[0], BUFFER));
		make_program(p, self->buffer[0], &seed, n % 2);
		ASSERT_EQ(0, submit_program(g, p)) TH_LOG("%s", pto_last_error());
		for (run = 0; run < 6; run++) {
			at = self->buffer[run * 3 % BUFFERS];
			ASSERT_EQ(0, bind_one(g, 0, at, BUFFER)) TH_LOG("%s", pto_last_error());
			for (i = 0; i < BUFFER; i++)
				at[i] = i + run;
			run_at(p, at, run * 1000);
			memcpy(want, at, BUFFER);
			for (i = 0; i < BUFFER; i++)
				at[i] = i + run;
			for (i = 0; i < p->ntasks; i++)
				ASSERT_EQ(0, pto_graph_set_scalar(g, i, 2, run * 1000 + i));
			ASSERT_EQ(0, pto_graph_launch(g, &o)) TH_LOG("%s", pto_last_error());
			ASSERT_EQ(0, memcmp(want, at, BUFFER)) TH_LOG("program %d, run %d", n, run);
		}
		ASSERT_EQ(0, pto_graph_destroy(g));
	}
}

/* A task of as many lanes: to[1] += (to[0] + from[0] + number) * lanes. */
static int64_t submit_sum(struct pto_graph *g, void *to, void *from, int64_t number, int lanes)
{
	uint64_t scalars[] = { number };
	struct pto_tensor t, f;
	struct pto_access access[] = { { &t, PTO_INOUT }, { &f, PTO_IN } };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, -1, -1 }, .naccesses = 2,
				 .accesses = access, .nscalars = 1, .scalars = scalars };

	pto_tensor_init(&t, to, SHAPE(2), 1, PTO_INT64);
	pto_tensor_init(&f, from, SHAPE(1), 1, PTO_INT64);
	while (lanes)
		task.kernels[--lanes] = SUM;
	return pto_graph_submit(g, &task);
}

TEST_F(param, two_that_change_places)
{
	int64_t *a = (int64_t *)self->buffer[0], *b = (int64_t *)self->buffer[1];
	struct pto_binding swap[] = { { .param = 0, .addr = b, .size = BUFFER },
				      { .param = 1, .addr = a, .size = BUFFER } };
	int lanes = on_driver(self->dev) ? 1 : 3;

	ASSERT_EQ(0, pto_graph_param(self->graph, a, BUFFER));
	ASSERT_EQ(1, pto_graph_param(self->graph, b, BUFFER));
	ASSERT_EQ(0, submit_sum(self->graph, a, b, 5, lanes));
	ASSERT_EQ(1, submit_sum(self->graph, a, b + 4, 0, 1));
	a[0] = 10;
	b[0] = 100;
	b[4] = 1000;
	ASSERT_EQ(0, pto_graph_launch(self->graph, NULL)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(lanes * (10 + 100 + 5) + 10 + 1000, a[1]);
	/* One alone would lie on the other. */
	EXPECT_EQ(-EINVAL, pto_graph_bind(self->graph, swap, 1));
	EXPECT_NE(NULL, strstr(pto_last_error(), "parameters 0 and 1 would overlap"));
	ASSERT_EQ(0, pto_graph_bind(self->graph, swap, 2)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_graph_set_scalar(self->graph, 0, 0, 7));
	a[1] = a[4] = b[1] = 0;
	ASSERT_EQ(0, pto_graph_launch(self->graph, NULL)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(lanes * (100 + 10 + 7) + 100, b[1]);
	EXPECT_EQ(0, a[1]);
}

TEST_F(param, memory_that_is_only_read_may_be_one)
{
	int64_t *to = (int64_t *)self->buffer[0], *x = (int64_t *)self->buffer[1];
	int64_t *y = (int64_t *)self->buffer[2];

	ASSERT_EQ(0, pto_graph_param(self->graph, to, 16));
	ASSERT_EQ(1, pto_graph_param(self->graph, x, 8));
	ASSERT_EQ(2, pto_graph_param(self->graph, y, 8));
	ASSERT_EQ(0, submit_sum(self->graph, to, x, 0, 1));
	ASSERT_EQ(1, submit_sum(self->graph, to, y, 0, 1));
	ASSERT_EQ(0, bind_one(self->graph, 2, x, 8)) TH_LOG("%s", pto_last_error());
	x[0] = 3;
	ASSERT_EQ(0, pto_graph_launch(self->graph, NULL));
	EXPECT_EQ(6, to[1]);
	EXPECT_EQ(-EINVAL, bind_one(self->graph, 2, to + 1, 8));
}

TEST_F(param, numbers_of_plain_tasks)
{
	uint64_t *one = (uint64_t *)self->buffer[0], *other = one + 1;
	uint64_t arg = (uintptr_t)one;
	int i;

	ASSERT_EQ(0, pto_graph_add_task(self->graph, COUNT, PTO_AIC, &arg, 1));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, pto_graph_set_scalar(self->graph, 0, 0, (uintptr_t)(i % 2 ? other : one)));
		ASSERT_EQ(0, pto_graph_launch(self->graph, NULL));
	}
	EXPECT_EQ(5, *one);
	EXPECT_EQ(5, *other);
}

/* Not even where its first argument is a tensor's distance away. */
TEST_F(param, numbers_that_could_be_tensors)
{
	uint64_t args[16] = { 0 };
	const uint64_t *kept;
	uint64_t arg;
	int i, k;

	for (k = 1; k <= 5; k++) {
		ASSERT_EQ(k - 1, pto_graph_add_task(self->graph, COUNT, PTO_AIC, args, k * 3));
		kept = (uint64_t *)(uintptr_t)slab_desc(self->graph->slabs.at, k - 1)->launch.args;
		for (i = 2; i <= k * 3; i++) {
			arg = (uintptr_t)kept - i * sizeof(struct pto_tensor);
			ASSERT_EQ(0, pto_graph_set_scalar(self->graph, k - 1, 0, arg));
			ASSERT_EQ(0, pto_graph_set_scalar(self->graph, k - 1, k * 3 - 1, i));
			EXPECT_EQ(i, kept[k * 3 - 1]);
		}
	}
}

/* ---- errors ------------------------------------------------------------- */

TEST_F(param, bad_arguments)
{
	uint8_t *at = self->buffer[0];
	struct pto_binding twice[] = { { .param = 0, .addr = at, .size = 64 },
				       { .param = 0, .addr = at, .size = 64 } };
	struct pto_tensor t;
	struct pto_access access = { &t, PTO_OUT };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, MIX, -1 },
				 .naccesses = 1, .accesses = &access };

	EXPECT_EQ(-ENOENT, bind_one(self->graph, 0, at, 64));
	EXPECT_EQ(-EINVAL, pto_graph_param(NULL, at, 64));
	EXPECT_EQ(-EINVAL, pto_graph_param(self->graph, NULL, 64));
	EXPECT_EQ(-EINVAL, pto_graph_param(self->graph, at, 0));
	EXPECT_EQ(-EINVAL, pto_graph_param(self->graph, at, UINT64_MAX));
	ASSERT_EQ(0, pto_graph_param(self->graph, at + 64, 64));
	EXPECT_EQ(-EINVAL, pto_graph_param(self->graph, at, 65));
	EXPECT_NE(NULL, strstr(pto_last_error(), "parameter 0 and"));
	EXPECT_EQ(-EINVAL, pto_graph_param(self->graph, at + 127, 1));
	EXPECT_EQ(-EINVAL, pto_graph_param(self->graph, at + 80, 4));
	EXPECT_EQ(1, pto_graph_param(self->graph, at, 64));
	EXPECT_EQ(2, pto_graph_param(self->graph, at + 128, 64));
	/* Partly in one, and in two at once. */
	pto_tensor_init(&t, at + 160, SHAPE(64), 1, PTO_INT8);
	EXPECT_EQ(-EINVAL, pto_graph_submit(self->graph, &task));
	EXPECT_NE(NULL, strstr(pto_last_error(), "task 0, tensor 0: a part of it lies in parameter 2"));
	pto_tensor_init(&t, at + 60, SHAPE(8), 1, PTO_INT8);
	EXPECT_EQ(-EINVAL, pto_graph_submit(self->graph, &task));
	EXPECT_EQ(0, pto_graph_task_count(self->graph));
	EXPECT_EQ(-EINVAL, pto_graph_bind(NULL, twice, 1));
	EXPECT_EQ(-EINVAL, pto_graph_bind(self->graph, NULL, 1));
	EXPECT_EQ(0, pto_graph_bind(self->graph, NULL, 0));
	EXPECT_EQ(-EINVAL, pto_graph_bind(self->graph, twice, 2));
	EXPECT_NE(NULL, strstr(pto_last_error(), "parameter 0 is bound twice"));
	EXPECT_EQ(-ENOENT, bind_one(self->graph, 3, at, 64));
	EXPECT_EQ(-EINVAL, bind_one(self->graph, 0, NULL, 64));
	EXPECT_EQ(-EINVAL, bind_one(self->graph, 0, at, 63));
	EXPECT_NE(NULL, strstr(pto_last_error(), "has 64 bytes, which do not fit in 63"));
	EXPECT_EQ(-EINVAL, bind_one(self->graph, 0, at, UINT64_MAX));
	twice[0].reserved = 1;
	EXPECT_EQ(-EINVAL, pto_graph_bind(self->graph, twice, 1));
}

TEST_F(param, bad_scalars)
{
	uint64_t args[] = { 1, 2 };

	EXPECT_EQ(-EINVAL, pto_graph_set_scalar(NULL, 0, 0, 0));
	EXPECT_EQ(-EINVAL, pto_graph_set_scalar(self->graph, 0, 0, 0));
	ASSERT_EQ(0, submit_sum(self->graph, self->buffer[0], self->buffer[1], 0, 1));
	ASSERT_EQ(1, pto_graph_add_task(self->graph, COUNT, PTO_AIC, args, 2));
	ASSERT_EQ(2, pto_graph_add_task(self->graph, COUNT, PTO_AIC, NULL, 0));
	EXPECT_EQ(0, pto_graph_set_scalar(self->graph, 0, 0, 1));
	/* Its tensors are none. */
	EXPECT_EQ(-EINVAL, pto_graph_set_scalar(self->graph, 0, 1, 1));
	EXPECT_NE(NULL, strstr(pto_last_error(), "task 0 has 1 scalars"));
	EXPECT_EQ(0, pto_graph_set_scalar(self->graph, 1, 1, 1));
	EXPECT_EQ(-EINVAL, pto_graph_set_scalar(self->graph, 1, 2, 1));
	EXPECT_EQ(-EINVAL, pto_graph_set_scalar(self->graph, 2, 0, 1));
	EXPECT_EQ(-EINVAL, pto_graph_set_scalar(self->graph, 3, 0, 1));
	EXPECT_EQ(-EINVAL, pto_graph_set_scalar(self->graph, -1, 0, 1));
}

TEST_F(param, what_was_moved_is_complete)
{
	int64_t *a = (int64_t *)self->buffer[0], *b = (int64_t *)self->buffer[1];
	uint64_t arg = (uintptr_t)b;

	ASSERT_EQ(0, pto_graph_param(self->graph, a, BUFFER));
	ASSERT_EQ(0, submit_sum(self->graph, a, a + 2, 1, 1));
	ASSERT_EQ(0, bind_one(self->graph, 0, a, BUFFER));
	ASSERT_EQ(1, submit_sum(self->graph, a, a + 2, 1, 1));
	ASSERT_EQ(0, bind_one(self->graph, 0, b, BUFFER));
	EXPECT_EQ(-EINVAL, submit_sum(self->graph, b, b + 2, 1, 1));
	EXPECT_NE(NULL, strstr(pto_last_error(), "parameters have been moved"));
	EXPECT_EQ(-EINVAL, pto_graph_param(self->graph, self->buffer[2], 1));
	/* A task whose edges are given is another matter. */
	EXPECT_EQ(2, pto_graph_add_task(self->graph, COUNT, PTO_AIC, &arg, 1));
	EXPECT_EQ(0, pto_graph_add_edge(self->graph, 1, 2));
	ASSERT_EQ(0, pto_graph_launch(self->graph, NULL));
	EXPECT_EQ(0, a[1]);
	EXPECT_EQ(2, b[1]);
	EXPECT_EQ(1, b[0]);
}

TEST_F(param, nothing_changes_while_it_is_launched)
{
	uint64_t *flag = (uint64_t *)self->buffer[0], arg = (uintptr_t)flag;
	struct pto_launch *launch;
	int i;

	ASSERT_EQ(0, pto_graph_param(self->graph, flag, 8));
	ASSERT_EQ(0, pto_graph_add_task(self->graph, SPIN, PTO_AIV, &arg, 1));
	ASSERT_EQ(0, pto_graph_launch_async(self->graph, NULL, &launch));
	EXPECT_EQ(-EBUSY, bind_one(self->graph, 0, self->buffer[1], 8));
	EXPECT_EQ(-EBUSY, pto_graph_set_scalar(self->graph, 0, 0, 1));
	EXPECT_EQ(-EBUSY, pto_graph_param(self->graph, self->buffer[1], 8));
	__atomic_store_n(flag, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 60 && pto_launch_wait(launch, 1000) == -EINPROGRESS; i++)
		;
	EXPECT_EQ(0, pto_launch_wait(launch, 0)) TH_LOG("%s", pto_last_error());
	pto_launch_free(launch);
	EXPECT_EQ(0, bind_one(self->graph, 0, self->buffer[1], 8));
}

TEST(moved_onto_what_else_there_is)
{
	struct pto_program *noop;
	struct pto_device *dev;
	struct pto_graph *g;
	uint8_t buffer[256];
	struct pto_tensor t;
	struct pto_access access = { &t, PTO_OUT };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, 0, -1 },
				 .naccesses = 1, .accesses = &access };

	setenv("PTO_CHECK", "1", 1);
	ASSERT_EQ(0, pto_device_open(NULL, &dev));
	noop = load_kernel(dev, "noop");
	ASSERT_EQ(0, pto_graph_create(dev, &g));
	ASSERT_EQ(0, pto_graph_set_kernel(g, 0, noop));
	ASSERT_EQ(0, pto_graph_param(g, buffer, 64));
	pto_tensor_init(&t, buffer, SHAPE(64), 1, PTO_INT8);
	ASSERT_EQ(0, pto_graph_submit(g, &task));
	pto_tensor_init(&t, buffer + 64, SHAPE(64), 1, PTO_INT8);
	ASSERT_EQ(1, pto_graph_submit(g, &task));
	EXPECT_EQ(0, pto_graph_launch(g, NULL)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, bind_one(g, 0, buffer + 32, 64));
	EXPECT_EQ(-EL2NSYNC, pto_graph_launch(g, NULL));
	EXPECT_NE(NULL, strstr(pto_last_error(), "32 bytes from")) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, bind_one(g, 0, buffer + 128, 64));
	EXPECT_EQ(0, pto_graph_launch(g, NULL)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, pto_graph_destroy(g));
	pto_program_unload(noop);
	pto_device_close(dev);
}

TEST_HARNESS_MAIN
