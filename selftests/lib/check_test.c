// SPDX-License-Identifier: MIT OR LGPL-2.1
/* PTO_CHECK: each missing order is found and named, none where there is one. */
#include "graph/graph.h"

#include "kselftest_harness.h"

#include "lib_test.h"
#include "programs.h"

#define SHAPE(...)	((const uint32_t[]){ __VA_ARGS__ })
#define ROUNDS		(SLOW ? 30 : 300)

/* Did a call fail for a finding whose text has @part? */
#define EXPECT_FOUND(part, call) do { \
	EXPECT_EQ(-EL2NSYNC, call); \
	EXPECT_NE(NULL, strstr(pto_last_error(), part)) TH_LOG("%s", pto_last_error()); \
} while (0)

FIXTURE(check)
{
	struct pto_device *dev;
	struct pto_program *noop, *mix;
	struct pto_graph *graph;
	struct pto_flow *flow;
	struct pto_flow_opts flow_opts;
	uint8_t *buffer;
	struct program program;
};

FIXTURE_SETUP(check)
{
	void *buffer;

	setenv("PTO_CHECK", "1", 1);
	ASSERT_EQ(0, pto_device_open(NULL, &self->dev));
	self->noop = load_kernel(self->dev, "noop");
	self->mix = load_kernel(self->dev, "mix");
	ASSERT_NE(NULL, self->noop) TH_LOG("%s", pto_last_error());
	ASSERT_NE(NULL, self->mix) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_mem_alloc(self->dev, BUFFER, &buffer));
	self->buffer = buffer;
	ASSERT_EQ(0, pto_graph_create(self->dev, &self->graph));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 0, self->noop));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 1, self->mix));
	self->flow_opts = (struct pto_flow_opts){ .size = sizeof(self->flow_opts), .window = 16 };
}

FIXTURE_TEARDOWN(check)
{
	struct pto_mem_stat stat = { .size = sizeof(stat) };

	EXPECT_EQ(0, pto_graph_destroy(self->graph));
	EXPECT_EQ(0, pto_mem_free(self->dev, self->buffer));
	EXPECT_EQ(0, pto_mem_stat(self->dev, &stat));
	EXPECT_EQ(0, stat.count);
	pto_program_unload(self->noop);
	pto_program_unload(self->mix);
	pto_device_close(self->dev);
}

/* To a graph, or to a flow. */
static int64_t submit(void *to, bool flow, struct pto_tensor *t, uint32_t dir, uint32_t flags)
{
	struct pto_access access = { t, dir };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, 0, -1 }, .flags = flags,
				 .naccesses = 1, .accesses = &access };

	return flow ? pto_flow_submit(to, &task) : pto_graph_submit(to, &task);
}

static int64_t add(FIXTURE_DATA(check) *self, struct pto_tensor *t, uint32_t dir, uint32_t flags)
{
	return submit(self->graph, false, t, dir, flags);
}

static int64_t stream(FIXTURE_DATA(check) *self, struct pto_tensor *t, uint32_t dir, uint32_t flags)
{
	return submit(self->flow, true, t, dir, flags);
}

static int start(FIXTURE_DATA(check) *self)
{
	return pto_flow_start(self->graph, NULL, &self->flow_opts, &self->flow);
}

/* ---- graphs ------------------------------------------------------------- */

TEST_F(check, what_is_inferred_is_in_order)
{
	struct pto_tensor t;
	int i;

	pto_tensor_init(&t, self->buffer, SHAPE(16), 1, PTO_INT8);
	for (i = 0; i < 30; i++)
		ASSERT_EQ(i, add(self, &t, i % 3, 0));
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL));
}

TEST_F(check, a_missing_order_is_named)
{
	static const struct {
		uint32_t first, second;
		const char *text[2];
	} cases[] = {
		{ PTO_OUT, PTO_IN, { "task 0 (func_id 0) writes tensor 0, int8 [16] at [0] of [64]",
				     "task 1 (func_id 0) reads tensor 0, int8 [16] at [8] of [64]" } },
		{ PTO_IN, PTO_OUT, { "task 0 (func_id 0) reads tensor 0", "task 1 (func_id 0) writes" } },
		{ PTO_OUT, PTO_OUT, { "task 0 (func_id 0) writes", "task 1 (func_id 0) writes" } },
		{ PTO_INOUT, PTO_IN, { "task 0 (func_id 0) reads and writes", "task 1 (func_id 0) reads" } },
	};
	struct pto_tensor all, a, b;
	char bytes[64];
	int i;

	pto_tensor_init(&all, self->buffer, SHAPE(64), 1, PTO_INT8);
	pto_tensor_view(&all, SHAPE(16), SHAPE(0), &a);
	pto_tensor_view(&all, SHAPE(16), SHAPE(8), &b);
	snprintf(bytes, sizeof(bytes), "8 bytes from %p on", self->buffer + 8);
	for (i = 0; i < 4; i++) {
		struct pto_graph *g;

		ASSERT_EQ(0, pto_graph_create(self->dev, &g));
		ASSERT_EQ(0, pto_graph_set_kernel(g, 0, self->noop));
		ASSERT_EQ(0, submit(g, false, &a, cases[i].first, PTO_TASK_NO_DEPS));
		ASSERT_EQ(1, submit(g, false, &b, cases[i].second, 0));
		EXPECT_FOUND(cases[i].text[0], pto_graph_launch(g, NULL));
		EXPECT_FOUND(cases[i].text[1], pto_graph_launch(g, NULL));
		EXPECT_FOUND(bytes, pto_graph_launch(g, NULL));
		EXPECT_FOUND("pto_graph_add_edge(graph, 0, 1)", pto_graph_launch(g, NULL));
		EXPECT_FOUND("PTO_TASK_NO_DEPS", pto_graph_launch(g, NULL));
		/* It does as it says, and either way round. */
		ASSERT_EQ(0, pto_graph_add_edge(g, i % 2, !(i % 2)));
		EXPECT_EQ(0, pto_graph_launch(g, NULL)) TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, pto_graph_destroy(g));
	}
}

TEST_F(check, two_readers_and_other_bytes_need_no_order)
{
	struct pto_tensor all, rows, columns;

	/* Interleaved: they lie in the same range, and share nothing. */
	pto_tensor_init(&all, self->buffer, SHAPE(8, 8), 2, PTO_INT8);
	pto_tensor_view(&all, SHAPE(8, 4), SHAPE(0, 0), &rows);
	pto_tensor_view(&all, SHAPE(8, 4), SHAPE(0, 4), &columns);
	ASSERT_EQ(0, add(self, &rows, PTO_INOUT, PTO_TASK_NO_DEPS));
	ASSERT_EQ(1, add(self, &columns, PTO_INOUT, PTO_TASK_NO_DEPS));
	/* Of another layout: which bytes these share takes a closer look. */
	pto_tensor_init(&all, self->buffer + 4, SHAPE(4, 16), 2, PTO_INT8);
	pto_tensor_view(&all, SHAPE(4, 4), SHAPE(0, 0), &rows);
	ASSERT_EQ(2, add(self, &rows, PTO_IN, PTO_TASK_NO_DEPS));
	ASSERT_EQ(3, add(self, &rows, PTO_IN, PTO_TASK_NO_DEPS));
	EXPECT_FOUND("task 1 (func_id 0) reads and writes", pto_graph_launch(self->graph, NULL));
	EXPECT_EQ(NULL, strstr(pto_last_error(), "task 0"));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 1, 2));
	EXPECT_FOUND("task 3 (func_id 0) reads", pto_graph_launch(self->graph, NULL));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 1, 3));
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL)) TH_LOG("%s", pto_last_error());
}

TEST_F(check, an_order_through_others_will_do)
{
	struct pto_tensor t, other;
	int i;

	pto_tensor_init(&t, self->buffer, SHAPE(16), 1, PTO_INT8);
	pto_tensor_init(&other, self->buffer + 64, SHAPE(16), 1, PTO_INT8);
	ASSERT_EQ(0, add(self, &t, PTO_OUT, PTO_TASK_NO_DEPS));
	for (i = 1; i < 200; i++) {
		ASSERT_EQ(i, pto_graph_add_task(self->graph, 0, PTO_AIV, NULL, 0));
		ASSERT_EQ(0, pto_graph_add_edge(self->graph, i - 1, i));
	}
	ASSERT_EQ(200, add(self, &t, PTO_INOUT, PTO_TASK_NO_DEPS));
	EXPECT_FOUND("pto_graph_add_edge(graph, 0, 200)", pto_graph_launch(self->graph, NULL));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 199, 200));
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL)) TH_LOG("%s", pto_last_error());
}

TEST_F(check, edges_that_lead_back)
{
	struct pto_tensor t;

	pto_tensor_init(&t, self->buffer, SHAPE(16), 1, PTO_INT8);
	ASSERT_EQ(0, add(self, &t, PTO_OUT, PTO_TASK_NO_DEPS));
	ASSERT_EQ(1, add(self, &t, PTO_OUT, PTO_TASK_NO_DEPS));
	ASSERT_EQ(2, add(self, &t, PTO_IN, PTO_TASK_NO_DEPS));
	/* 1 comes before both; 0 and 2 have no order, though 0, 1 and 1, 2 have. */
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 1, 0));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 1, 2));
	EXPECT_FOUND("task 2 (func_id 0) reads", pto_graph_launch(self->graph, NULL));
	EXPECT_NE(NULL, strstr(pto_last_error(), "task 0 (func_id 0) writes"));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 2, 0));
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL)) TH_LOG("%s", pto_last_error());
}

TEST_F(check, tensors_that_opt_out)
{
	struct pto_tensor t, manual;

	pto_tensor_init(&t, self->buffer, SHAPE(16), 1, PTO_INT8);
	manual = t;
	manual.manual_dep = 1;
	ASSERT_EQ(0, add(self, &t, PTO_OUT, 0));
	ASSERT_EQ(1, add(self, &manual, PTO_INOUT, 0));
	EXPECT_FOUND("a tensor has manual_dep", pto_graph_launch(self->graph, NULL));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 0, 1));
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL)) TH_LOG("%s", pto_last_error());
}

TEST_F(check, many_findings_are_counted)
{
	struct pto_tensor t;
	int i;

	pto_tensor_init(&t, self->buffer, SHAPE(16), 1, PTO_INT8);
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(i, add(self, &t, PTO_OUT, PTO_TASK_NO_DEPS));
	EXPECT_FOUND("1 of 999 findings", pto_graph_launch(self->graph, NULL));
	EXPECT_NE(NULL, strstr(pto_last_error(), "task 0 (func_id 0) writes"));
}

TEST_F(check, nothing_to_check_without_tensors)
{
	uint64_t arg = (uintptr_t)self->buffer;
	int i;

	for (i = 0; i < 100; i++)
		ASSERT_EQ(i, pto_graph_add_task(self->graph, 0, PTO_AIV, &arg, 1));
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL)) TH_LOG("%s", pto_last_error());
}

TEST(tensors_that_opt_out_may_be_trusted)
{
	struct pto_program *noop;
	struct pto_device *dev;
	struct pto_graph *g;
	struct pto_tensor t, manual;
	uint8_t buffer[16];

	setenv("PTO_CHECK", "trust", 1);
	ASSERT_EQ(0, pto_device_open(NULL, &dev));
	noop = load_kernel(dev, "noop");
	ASSERT_EQ(0, pto_graph_create(dev, &g));
	ASSERT_EQ(0, pto_graph_set_kernel(g, 0, noop));
	pto_tensor_init(&t, buffer, SHAPE(16), 1, PTO_INT8);
	manual = t;
	manual.manual_dep = 1;
	ASSERT_EQ(0, submit(g, false, &t, PTO_OUT, 0));
	ASSERT_EQ(1, submit(g, false, &manual, PTO_INOUT, 0));
	EXPECT_EQ(0, pto_graph_launch(g, NULL)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(2, submit(g, false, &t, PTO_OUT, PTO_TASK_NO_DEPS));
	EXPECT_FOUND("task 2 (func_id 0) writes", pto_graph_launch(g, NULL));
	EXPECT_EQ(0, pto_graph_destroy(g));
	pto_program_unload(noop);
	pto_device_close(dev);
}

/* ---- flows -------------------------------------------------------------- */

TEST_F(check, flows)
{
	struct pto_tensor t;
	int i, apart, ret;

	pto_tensor_init(&t, self->buffer, SHAPE(16), 1, PTO_INT8);
	ASSERT_EQ(0, start(self));
	for (i = 0; i < 200; i++)
		ASSERT_EQ(i, stream(self, &t, i % 3, 0));
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());

	/* The last one does not wait before it writes what the others read. */
	ASSERT_EQ(0, start(self));
	for (i = 0; i < 199; i++)
		ASSERT_EQ(i, stream(self, &t, PTO_IN, 0));
	ASSERT_EQ(199, stream(self, &t, PTO_OUT, PTO_TASK_RAW_ONLY));
	EXPECT_FOUND("1 of 15 findings: task 184 (func_id 0) reads", pto_flow_finish(self->flow));
	EXPECT_NE(NULL, strstr(pto_last_error(), "task 199 (func_id 0) writes"));
	EXPECT_NE(NULL, strstr(pto_last_error(), "PTO_DEPS=full"));

	/* A window apart is order enough, but no less than that. */
	for (apart = 16; apart > 14; apart--) {
		ASSERT_EQ(0, start(self));
		for (i = 0; i < 100; i++) {
			pto_tensor_init(&t, self->buffer + i % apart, SHAPE(1), 1, PTO_INT8);
			ASSERT_EQ(i, stream(self, &t, PTO_OUT, PTO_TASK_NO_DEPS));
		}
		ret = pto_flow_finish(self->flow);
		ASSERT_EQ(apart == 16 ? 0 : -EL2NSYNC, ret) TH_LOG("%s", pto_last_error());
	}
	EXPECT_NE(NULL, strstr(pto_last_error(), "1 of 85 findings"));
}

TEST_F(check, tasks_that_are_held_back)
{
	struct pto_tensor t;
	int with;

	pto_tensor_init(&t, self->buffer, SHAPE(16), 1, PTO_INT8);
	for (with = 0; with < 2; with++) {
		ASSERT_EQ(0, start(self));
		ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
		ASSERT_EQ(0, stream(self, &t, PTO_OUT, PTO_TASK_HELD | PTO_TASK_NO_DEPS));
		ASSERT_EQ(1, stream(self, &t, PTO_IN, PTO_TASK_HELD | PTO_TASK_NO_DEPS));
		if (with)
			ASSERT_EQ(0, pto_flow_add_edge(self->flow, 0, 1));
		ASSERT_EQ(0, pto_flow_scope_end(self->flow));
		if (!with)
			EXPECT_FOUND("pto_flow_add_edge(flow, 0, 1)", pto_flow_finish(self->flow));
		if (with)
			EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	}
}

TEST_F(check, buffers_that_are_used_again)
{
	struct pto_tensor t;
	int i;

	self->flow_opts.heap = 4096;
	ASSERT_EQ(0, start(self));
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
		pto_tensor_init(&t, NULL, SHAPE(500), 1, PTO_FLOAT32);
		ASSERT_EQ(2 * i, stream(self, &t, PTO_OUT, PTO_TASK_RAW_ONLY));
		ASSERT_EQ(2 * i + 1, stream(self, &t, PTO_IN, PTO_TASK_RAW_ONLY));
		ASSERT_EQ(0, pto_flow_scope_end(self->flow));
	}
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

/* ---- random programs ---------------------------------------------------- */

static bool edge[TASKS][TASKS];	/* [to][from] */

static bool conflict(const struct program *p, int a, int b)
{
	return share(p->task[a].writes, p->task[b].writes) ||
	       share(p->task[a].writes, p->task[b].reads) ||
	       share(p->task[a].reads, p->task[b].writes);
}

/* The edges that the library infers. */
static int infer(FIXTURE_DATA(check) *self)
{
	struct program *p = &self->program;
	struct program_task t;
	struct pto_graph *g;
	int i;

	memset(edge, 0, sizeof(edge));
	if (pto_graph_create(self->dev, &g) || pto_graph_set_kernel(g, 1, self->mix))
		return -1;
	for (i = 0; i < p->ntasks; i++)
		if (pto_graph_submit(g, program_task(p, i, 1, &t)) != i)
			return -1;
	for (i = 0; i < p->ntasks; i++)
		for_each_successor(g->chunks.at, slab_node(g->slabs.at, i), i, to, edge[to][i] = true);
	i = pto_graph_launch(g, NULL);
	return i ?: pto_graph_destroy(g);
}

static void delete_edges(uint64_t *seed, int ntasks, int n)
{
	int from, to, tries = 10000;

	while (n && tries--) {
		to = rnd(seed, ntasks);
		from = rnd(seed, ntasks);
		if (edge[to][from])
			n--;
		edge[to][from] = false;
	}
}

/* Whether there are tasks less than @window apart that conflict, and have no order; which ones? */
static int unordered(const struct program *p, int window, bool lost[TASKS][TASKS])
{
	static bool after[TASKS][TASKS];
	int i, k, n, found = 0;

	memset(after, 0, sizeof(after));
	for (i = 0; i < p->ntasks; i++) {
		for (k = 0; k < i; k++) {
			after[i][k] |= edge[i][k];
			for (n = 0; edge[i][k] && n < k; n++)
				after[i][n] |= after[k][n];
		}
		for (k = 0; k < i; k++) {
			lost[i][k] = i - k < window && !after[i][k] && conflict(p, k, i);
			found += lost[i][k];
		}
	}
	return found;
}

static int build(FIXTURE_DATA(check) *self, struct pto_graph **g)
{
	struct program_task t;
	int i, k, n = self->program.ntasks;

	if (pto_graph_create(self->dev, g) || pto_graph_set_kernel(*g, 1, self->mix))
		return -1;
	for (i = 0; i < n; i++) {
		program_task(&self->program, i, 1, &t);
		t.task.flags = PTO_TASK_NO_DEPS;
		if (pto_graph_submit(*g, &t.task) != i)
			return -1;
	}
	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			if (edge[i][k] && pto_graph_add_edge(*g, k, i))
				return -1;
	return 0;
}

/* The same as a flow, in scopes of as many tasks as the window holds. */
static int run_as_flow(FIXTURE_DATA(check) *self, int window)
{
	struct program_task t;
	int i, k, n = self->program.ntasks;

	self->flow_opts.window = window;
	if (start(self))
		return -1;
	for (i = 0; i < n; i++) {
		if (i % window == 0 && pto_flow_scope_begin(self->flow))
			return -1;
		/* What lacks an order is not really run. */
		program_task(&self->program, i, 0, &t);
		t.task.flags = PTO_TASK_NO_DEPS | PTO_TASK_HELD;
		if (pto_flow_submit(self->flow, &t.task) != i)
			return -1;
		for (k = 0; k < i; k++)
			if (edge[i][k] && pto_flow_add_edge(self->flow, k, i))
				return -1;
		if ((i % window == window - 1 || i == n - 1) && pto_flow_scope_end(self->flow))
			return -1;
	}
	return pto_flow_finish(self->flow);
}

/* Are those that the text names two that have no order? */
static bool named(bool lost[TASKS][TASKS])
{
	const char *text = strstr(pto_last_error(), ": task "), *second;
	unsigned int a, b;

	second = text ? strstr(text, "; task ") : NULL;
	return second && sscanf(text, ": task %u", &a) == 1 && sscanf(second, "; task %u", &b) == 1 &&
	       a < TASKS && b < TASKS && lost[b][a];
}

TEST_F(check, random_programs_lack_what_was_taken_away)
{
	static bool lost[TASKS][TASKS];
	uint64_t seed = 8;
	struct pto_graph *g;
	int n, missing, ret, found = 0, clean = 0;

	for (n = 0; n < ROUNDS; n++) {
		make_program(&self->program, self->buffer, &seed, n % 2);
		ASSERT_EQ(0, infer(self)) TH_LOG("%s", pto_last_error());
		delete_edges(&seed, self->program.ntasks, n % 3);
		missing = unordered(&self->program, TASKS, lost);
		ASSERT_EQ(0, build(self, &g)) TH_LOG("%s", pto_last_error());
		ret = pto_graph_launch(g, NULL);
		ASSERT_EQ(missing ? -EL2NSYNC : 0, ret) TH_LOG("program %d", n);
		if (ret)
			ASSERT_TRUE(named(lost)) TH_LOG("%s", pto_last_error());
		found += !!ret;
		clean += !ret;
		ASSERT_EQ(0, pto_graph_destroy(g));
	}
	EXPECT_LT(ROUNDS / 4, found);
	EXPECT_LT(ROUNDS / 4, clean);
}

TEST_F(check, random_flows_lack_what_was_taken_away)
{
	static bool lost[TASKS][TASKS];
	static const int windows[] = { 4, 16, 128 };
	uint64_t seed = 9;
	int n, i, missing, ret;

	for (n = 0; n < ROUNDS / 3; n++) {
		make_program(&self->program, self->buffer, &seed, n % 2);
		ASSERT_EQ(0, infer(self)) TH_LOG("%s", pto_last_error());
		delete_edges(&seed, self->program.ntasks, n % 3);
		for (i = 0; i < 3; i++) {
			missing = unordered(&self->program, windows[i], lost);
			ret = run_as_flow(self, windows[i]);
			ASSERT_EQ(missing ? -EL2NSYNC : 0, ret)
				TH_LOG("program %d: %s", n, pto_last_error());
			if (ret)
				ASSERT_TRUE(named(lost)) TH_LOG("%s", pto_last_error());
		}
	}
}

TEST_F(check, random_programs_as_they_are_have_nothing_to_find)
{
	struct program_task t;
	uint64_t seed = 10;
	int n, i;

	for (n = 0; n < ROUNDS; n++) {
		make_program(&self->program, self->buffer, &seed, n % 2);
		self->flow_opts.window = n % 4 ? 16 : 4;
		ASSERT_EQ(0, start(self));
		for (i = 0; i < self->program.ntasks; i++)
			ASSERT_EQ(i, pto_flow_submit(self->flow, program_task(&self->program, i, 1, &t)));
		ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	}
}

TEST_HARNESS_MAIN
