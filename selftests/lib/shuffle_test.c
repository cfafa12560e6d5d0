// SPDX-License-Identifier: MIT OR LGPL-2.1
/* PTO_SEED: an order that is random, the same each time, and one that the edges allow. */
#include "kselftest_harness.h"

#include "lib_test.h"
#include "programs.h"

#define SHAPE(...)	((const uint32_t[]){ __VA_ARGS__ })
#define MANY		300
#define SEEDS		40

struct setup {
	struct pto_device *dev;
	struct pto_program *append, *mix, *meet;
	struct pto_graph *graph;
	uint8_t *buffer;
	uint64_t *list;
};

static int set_up(struct setup *s, const char *seed)
{
	void *buffer, *list;

	setenv("PTO_SEED", seed, 1);
	if (pto_device_open(NULL, &s->dev))
		return -1;
	s->append = load_kernel(s->dev, "append");
	s->mix = load_kernel(s->dev, "mix");
	s->meet = load_kernel(s->dev, "meet");
	if (!s->append || !s->mix || !s->meet || pto_mem_alloc(s->dev, BUFFER, &buffer) ||
	    pto_mem_alloc(s->dev, (MANY + 1) * sizeof(uint64_t), &list) ||
	    pto_graph_create(s->dev, &s->graph) || pto_graph_set_kernel(s->graph, 0, s->append) ||
	    pto_graph_set_kernel(s->graph, 1, s->mix) || pto_graph_set_kernel(s->graph, 2, s->meet))
		return -1;
	s->buffer = buffer;
	s->list = list;
	memset(list, 0, (MANY + 1) * sizeof(uint64_t));
	return 0;
}

static int tear_down(struct setup *s)
{
	int ret = pto_graph_destroy(s->graph) ?: pto_mem_free(s->dev, s->list) ?:
		  pto_mem_free(s->dev, s->buffer);

	pto_program_unload(s->append);
	pto_program_unload(s->mix);
	pto_program_unload(s->meet);
	pto_device_close(s->dev);
	return ret;
}

static const struct pto_launch_opts opts = {
	.size = sizeof(opts), .block_dim = 4, .aicpu_threads = 3,
};

static void take_list(struct setup *s, uint64_t *to)
{
	memcpy(to, s->list, (MANY + 1) * sizeof(*to));
	memset(s->list, 0, (MANY + 1) * sizeof(*to));
}

/* Three rows of tasks, each task after one of the row before. */
static int add_rows(struct setup *s)
{
	int i;

	for (i = 0; i < MANY; i++) {
		uint64_t args[] = { (uintptr_t)s->list, i };

		if (pto_graph_add_task(s->graph, 0, i % 2, args, 2) != i)
			return -1;
		if (i >= MANY / 3 && pto_graph_add_edge(s->graph, i - MANY / 3, i))
			return -1;
	}
	return 0;
}

static bool edges_kept(const uint64_t *list)
{
	int at[MANY], i;

	if (list[0] != MANY)
		return false;
	for (i = 0; i < MANY; i++)
		at[list[1 + i]] = i;
	for (i = MANY / 3; i < MANY; i++)
		if (at[i - MANY / 3] > at[i])
			return false;
	return true;
}

TEST(a_graph_has_one_order_a_seed)
{
	static uint64_t list[2][MANY + 1], other[MANY + 1];
	struct setup s;
	int i;

	ASSERT_EQ(0, set_up(&s, "7")) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, add_rows(&s));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pto_graph_launch(s.graph, &opts)) TH_LOG("%s", pto_last_error());
		take_list(&s, list[i]);
	}
	EXPECT_TRUE(edges_kept(list[0]));
	EXPECT_EQ(0, memcmp(list[0], list[1], sizeof(list[0])));
	ASSERT_EQ(0, tear_down(&s));
	/* Another seed, another order; neither is that in which they were added. */
	ASSERT_EQ(0, set_up(&s, "8"));
	ASSERT_EQ(0, add_rows(&s));
	ASSERT_EQ(0, pto_graph_launch(s.graph, &opts)) TH_LOG("%s", pto_last_error());
	take_list(&s, other);
	EXPECT_TRUE(edges_kept(other));
	EXPECT_NE(0, memcmp(list[0], other, sizeof(other)));
	for (i = 0; i < MANY && list[0][1 + i] == i; i++)
		;
	EXPECT_GT(MANY, i);
	ASSERT_EQ(0, tear_down(&s));
}

/* Tasks of a flow: every fourth after the one before it. */
static int run_flow(struct setup *s, uint32_t window)
{
	struct pto_flow_opts flow_opts = { .size = sizeof(flow_opts), .window = window, .heap = 4096 };
	struct pto_tensor t, local;
	struct pto_access access[] = { { &local, PTO_OUT }, { &t, PTO_INOUT } };
	struct pto_flow *flow;
	int i;

	pto_tensor_init(&t, s->buffer, SHAPE(4), 1, PTO_INT8);
	if (pto_flow_start(s->graph, &opts, &flow_opts, &flow))
		return -1;
	for (i = 0; i < MANY; i++) {
		uint64_t args[] = { (uintptr_t)s->list, i };
		struct pto_task task = { .size = sizeof(task), .kernels = { -1, 0, -1 },
					 .nscalars = 2, .scalars = args };
		struct pto_task mix = { .size = sizeof(mix), .kernels = { 1, -1, -1 },
					.naccesses = 2, .accesses = access, .nscalars = 3,
					.scalars = (uint64_t[]){ 2, PTO_OUT | PTO_INOUT << 2, i } };

		pto_tensor_init(&local, NULL, SHAPE(500), 1, PTO_INT8);
		if (pto_flow_scope_begin(flow) || pto_flow_submit(flow, &task) < 0 ||
		    (!(i % 4) && pto_flow_submit(flow, &mix) < 0) || pto_flow_scope_end(flow))
			return -1;
	}
	return pto_flow_finish(flow);
}

TEST(a_flow_has_one_order_a_seed)
{
	static const uint32_t windows[] = { 4, 64, 1024 };
	static uint64_t list[3][2][MANY + 1], other[MANY + 1];
	struct setup s;
	int i, k;

	ASSERT_EQ(0, set_up(&s, "1")) TH_LOG("%s", pto_last_error());
	for (k = 0; k < 3; k++) {
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(0, run_flow(&s, windows[k])) TH_LOG("%s", pto_last_error());
			take_list(&s, list[k][i]);
			EXPECT_EQ(MANY, list[k][i][0]);
		}
		EXPECT_EQ(0, memcmp(list[k][0], list[k][1], sizeof(other)));
	}
	ASSERT_EQ(0, tear_down(&s));
	ASSERT_EQ(0, set_up(&s, "2"));
	ASSERT_EQ(0, run_flow(&s, 64)) TH_LOG("%s", pto_last_error());
	take_list(&s, other);
	EXPECT_NE(0, memcmp(list[1][0], other, sizeof(other)));
	ASSERT_EQ(0, tear_down(&s));
}

/* A program whose tasks are ordered by their tensors, but for those with a number of @odd. */
static int run_mix(struct setup *s, struct program *p, int odd, bool flow)
{
	struct program_task t;
	struct pto_graph *g;
	struct pto_flow *f;
	int i, ret;

	memset(s->buffer, 0, BUFFER);
	if (pto_graph_create(s->dev, &g) || pto_graph_set_kernel(g, 1, s->mix) ||
	    (flow && pto_flow_start(g, &opts, NULL, &f)))
		return -1;
	for (i = 0; i < p->ntasks; i++) {
		program_task(p, i, 1, &t);
		t.task.flags = i == odd ? PTO_TASK_NO_DEPS : 0;
		if ((flow ? pto_flow_submit(f, &t.task) : pto_graph_submit(g, &t.task)) != i)
			return -1;
	}
	ret = flow ? pto_flow_finish(f) : pto_graph_launch(g, &opts);
	return ret ?: pto_graph_destroy(g);
}

TEST(a_missing_edge_shows_with_some_seed)
{
	static struct program p;
	uint8_t want[BUFFER];
	int i, wrong[2] = { 0, 0 };
	uint64_t seed = 12;
	struct setup s;
	char number[8];

	for (i = 0; i < SEEDS; i++) {
		snprintf(number, sizeof(number), "%d", i);
		ASSERT_EQ(0, set_up(&s, number)) TH_LOG("%s", pto_last_error());
		make_program(&p, s.buffer, &seed, i % 2);
		memset(s.buffer, 0, BUFFER);
		run_program(&p);
		memcpy(want, s.buffer, BUFFER);
		/* With all edges any order will do. */
		ASSERT_EQ(0, run_mix(&s, &p, -1, i % 4 > 1)) TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, memcmp(want, s.buffer, BUFFER));
		ASSERT_EQ(0, run_mix(&s, &p, p.ntasks / 2, i % 4 > 1));
		wrong[i % 4 > 1] += !!memcmp(want, s.buffer, BUFFER);
		ASSERT_EQ(0, tear_down(&s));
	}
	EXPECT_LT(0, wrong[0]);
	EXPECT_LT(0, wrong[1]);
}

TEST(mixed_tasks_take_part)
{
	struct setup s;
	int i;

	ASSERT_EQ(0, set_up(&s, "5")) TH_LOG("%s", pto_last_error());
	for (i = 0; i < 20 && !on_driver(s.dev); i++) {
		uint64_t scalars[] = { (uintptr_t)s.buffer, 3 };
		struct pto_task meet = { .size = sizeof(meet), .kernels = { 2, 2, 2 },
					 .nscalars = 2, .scalars = scalars };

		memset(s.buffer, 0, BUFFER);
		ASSERT_EQ(i, pto_graph_submit(s.graph, &meet)) TH_LOG("%s", pto_last_error());
	}
	ASSERT_EQ(0, pto_graph_launch(s.graph, &opts)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(3 * i, *(uint64_t *)s.buffer);
	ASSERT_EQ(0, tear_down(&s));
}

TEST(a_seed_that_is_none_is_ignored)
{
	static uint64_t list[MANY + 1];
	struct setup s;

	ASSERT_EQ(0, set_up(&s, "seven")) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, add_rows(&s));
	ASSERT_EQ(0, pto_graph_launch(s.graph, &opts)) TH_LOG("%s", pto_last_error());
	take_list(&s, list);
	EXPECT_TRUE(edges_kept(list));
	ASSERT_EQ(0, tear_down(&s));
}

TEST_HARNESS_MAIN
