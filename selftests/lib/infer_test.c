// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Graphs whose edges are found from tensors: none missing, none for nothing. */
#include "graph/depmap.h"
#include "graph/graph.h"

#include "kselftest_harness.h"

#include "lib_test.h"
#include "programs.h"

#define SHAPE(...)	((const uint32_t[]){ __VA_ARGS__ })
#define ROUNDS		(SLOW ? 30 : 300)

FIXTURE(infer)
{
	struct pto_device *dev;
	struct pto_program *noop, *mix;
	struct pto_graph *graph;
	uint8_t *buffer;
	struct program program;
};

FIXTURE_SETUP(infer)
{
	void *buffer;

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
}

FIXTURE_TEARDOWN(infer)
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

/* A task of func_id 0 with one tensor. */
static int64_t submit(struct pto_graph *g, struct pto_tensor *t, uint32_t dir)
{
	struct pto_access access = { t, dir };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, 0, -1 },
				 .naccesses = 1, .accesses = &access };

	return pto_graph_submit(g, &task);
}

static uint32_t npred(struct pto_graph *g, int64_t task)
{
	return graph_npred(g, task);
}

static bool has_edge(struct pto_graph *g, uint32_t from, uint32_t want)
{
	bool found = false;

	for_each_successor(g->chunks.at, slab_node(g->slabs.at, from), from, to, found |= to == want);
	return found;
}

TEST_F(infer, raw_war_waw)
{
	struct pto_tensor t;

	pto_tensor_init(&t, self->buffer, SHAPE(16), 1, PTO_INT8);
	ASSERT_EQ(0, submit(self->graph, &t, PTO_OUT));
	ASSERT_EQ(1, submit(self->graph, &t, PTO_IN));
	ASSERT_EQ(2, submit(self->graph, &t, PTO_IN));
	ASSERT_EQ(3, submit(self->graph, &t, PTO_OUT));
	ASSERT_EQ(4, submit(self->graph, &t, PTO_INOUT));
	EXPECT_EQ(0, npred(self->graph, 0));
	EXPECT_TRUE(has_edge(self->graph, 0, 1));
	EXPECT_TRUE(has_edge(self->graph, 0, 2));
	/* After both readers, and therefore after what they waited for. */
	EXPECT_EQ(2, npred(self->graph, 3));
	EXPECT_TRUE(has_edge(self->graph, 1, 3));
	EXPECT_TRUE(has_edge(self->graph, 2, 3));
	EXPECT_EQ(1, npred(self->graph, 4));
	EXPECT_TRUE(has_edge(self->graph, 3, 4));
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL));
}

TEST_F(infer, readers_do_not_wait_for_each_other)
{
	struct pto_tensor t;
	int i;

	pto_tensor_init(&t, self->buffer, SHAPE(16), 1, PTO_INT8);
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, npred(self->graph, submit(self->graph, &t, PTO_IN)));
	EXPECT_EQ(10, npred(self->graph, submit(self->graph, &t, PTO_OUT)));
}

TEST_F(infer, any_number_of_producers_and_readers)
{
	struct pto_tensor all, one;
	int i, n = BUFFER;

	pto_tensor_init(&all, self->buffer, SHAPE(BUFFER), 1, PTO_INT8);
	for (i = 0; i < n; i++) {
		pto_tensor_view(&all, SHAPE(1), SHAPE(i), &one);
		ASSERT_EQ(0, npred(self->graph, submit(self->graph, &one, PTO_OUT)));
	}
	EXPECT_EQ(n, npred(self->graph, submit(self->graph, &all, PTO_IN)));
	EXPECT_EQ(n + 1, depmap_zones(self->graph->deps));
	/* The next write is all that anybody needs to wait for. */
	EXPECT_EQ(n + 1, npred(self->graph, submit(self->graph, &all, PTO_OUT)));
	EXPECT_EQ(1, depmap_zones(self->graph->deps));
	for (i = 0; i < n; i++) {
		pto_tensor_view(&all, SHAPE(1), SHAPE(i), &one);
		ASSERT_EQ(1, npred(self->graph, submit(self->graph, &one, PTO_IN)));
	}
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL));
}

TEST_F(infer, opting_out)
{
	struct pto_access access;
	struct pto_task task = { .size = sizeof(task), .kernels = { 0, -1, -1 },
				 .flags = PTO_TASK_NO_DEPS, .naccesses = 1, .accesses = &access };
	struct pto_tensor t, manual;

	pto_tensor_init(&t, self->buffer, SHAPE(16), 1, PTO_INT8);
	manual = t;
	manual.manual_dep = 1;
	access = (struct pto_access){ &t, PTO_INOUT };
	ASSERT_EQ(0, submit(self->graph, &t, PTO_OUT));
	EXPECT_EQ(0, npred(self->graph, submit(self->graph, &manual, PTO_INOUT)));
	EXPECT_EQ(0, npred(self->graph, pto_graph_submit(self->graph, &task)));
	EXPECT_EQ(1, npred(self->graph, submit(self->graph, &t, PTO_IN)));
	/* An edge of one's own beside. */
	EXPECT_EQ(0, pto_graph_add_edge(self->graph, 1, 3));
	EXPECT_EQ(2, npred(self->graph, 3));
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL));
}

TEST_F(infer, one_edge_between_two_tasks)
{
	struct pto_tensor a, b;
	struct pto_access access[] = { { &a, PTO_OUT }, { &b, PTO_OUT } };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, 0, -1 },
				 .naccesses = 2, .accesses = access };

	pto_tensor_init(&a, self->buffer, SHAPE(16), 1, PTO_INT8);
	pto_tensor_init(&b, self->buffer + 16, SHAPE(16), 1, PTO_INT8);
	ASSERT_EQ(0, pto_graph_submit(self->graph, &task));
	ASSERT_EQ(1, pto_graph_submit(self->graph, &task));
	EXPECT_EQ(1, npred(self->graph, 1));
	/* The same tensor twice is no reason to wait for oneself. */
	b = a;
	access[0].dir = PTO_IN;
	ASSERT_EQ(2, pto_graph_submit(self->graph, &task));
	EXPECT_EQ(1, npred(self->graph, 2));
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL));
}

TEST_F(infer, outputs_without_address_are_allocated)
{
	struct pto_mem_stat before = { .size = sizeof(before) }, after = before;
	struct pto_tensor t, part;

	ASSERT_EQ(0, pto_mem_stat(self->dev, &before));
	pto_tensor_init(&t, NULL, SHAPE(1000), 1, PTO_FLOAT32);
	EXPECT_EQ(-EINVAL, submit(self->graph, &t, PTO_IN));
	EXPECT_NE(NULL, strstr(pto_last_error(), "no address"));
	EXPECT_EQ(-EINVAL, submit(self->graph, &t, PTO_INOUT));
	pto_tensor_view(&t, SHAPE(10), SHAPE(0), &part);
	EXPECT_EQ(-EINVAL, submit(self->graph, &part, PTO_OUT));
	EXPECT_EQ(0, pto_graph_task_count(self->graph));
	ASSERT_EQ(0, submit(self->graph, &t, PTO_OUT));
	EXPECT_NE(0, t.addr);
	ASSERT_EQ(0, pto_mem_stat(self->dev, &after));
	EXPECT_LE(before.used + 4000, after.used);
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL));
}

TEST_F(infer, an_output_given_twice_has_one_buffer)
{
	struct pto_tensor t;
	struct pto_access access[] = { { &t, PTO_OUT }, { &t, PTO_OUT } };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, 0, -1 },
				 .naccesses = 2, .accesses = access };
	struct pto_tensor *const *args;

	pto_tensor_init(&t, NULL, SHAPE(1000), 1, PTO_FLOAT32);
	ASSERT_EQ(0, pto_graph_submit(self->graph, &task)) TH_LOG("%s", pto_last_error());
	args = (void *)slab_desc(self->graph->slabs.at, 0)->launch.args;
	EXPECT_NE(0, t.addr);
	EXPECT_EQ(t.addr, args[0]->addr);
	EXPECT_EQ(t.addr, args[1]->addr);
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL));
}

TEST_F(infer, bad_tasks)
{
	uint64_t scalars[145] = { 0 };
	struct pto_tensor t;
	struct pto_access access = { &t, 3 };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, -1, -1 } };

	EXPECT_EQ(-EINVAL, pto_graph_submit(NULL, &task));
	EXPECT_EQ(-EINVAL, pto_graph_submit(self->graph, NULL));
	EXPECT_EQ(-EINVAL, pto_graph_submit(self->graph, &task));
	task.kernels[1] = 7;
	EXPECT_EQ(-ENOENT, pto_graph_submit(self->graph, &task));
	task.kernels[1] = 0;
	task.flags = 0x80;
	EXPECT_EQ(-EINVAL, pto_graph_submit(self->graph, &task));
	task.flags = 0;
	task.size--;
	EXPECT_EQ(-EINVAL, pto_graph_submit(self->graph, &task));
	task.size++;
	task.nscalars = 145;
	task.scalars = scalars;
	EXPECT_EQ(-EINVAL, pto_graph_submit(self->graph, &task));
	task.nscalars = UINT32_MAX;
	EXPECT_EQ(-EINVAL, pto_graph_submit(self->graph, &task));
	task.nscalars = 144;
	EXPECT_EQ(0, pto_graph_submit(self->graph, &task));
	task.naccesses = 1;
	EXPECT_EQ(-EINVAL, pto_graph_submit(self->graph, &task));
	task.nscalars = 0;
	EXPECT_EQ(-EINVAL, pto_graph_submit(self->graph, &task));
	task.accesses = &access;
	memset(&t, 0xff, sizeof(t));
	EXPECT_EQ(-EINVAL, pto_graph_submit(self->graph, &task));
	EXPECT_NE(NULL, strstr(pto_last_error(), "task 1, tensor 0"));
	pto_tensor_init(&t, self->buffer, SHAPE(16), 1, PTO_INT8);
	EXPECT_EQ(-EINVAL, pto_graph_submit(self->graph, &task));
	access.dir = PTO_IN;
	EXPECT_EQ(1, pto_graph_submit(self->graph, &task));
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL));
}

/* ---- random programs ---------------------------------------------------- */

static int submit_program(struct pto_graph *g, struct program *p, int func_id)
{
	struct program_task t;
	int i;

	for (i = 0; i < p->ntasks; i++)
		if (pto_graph_submit(g, program_task(p, i, func_id, &t)) != i)
			return -1;
	return 0;
}

static bool conflict(const struct program *p, int a, int b)
{
	return share(p->task[a].writes, p->task[b].writes) ||
	       share(p->task[a].writes, p->task[b].reads) ||
	       share(p->task[a].reads, p->task[b].writes);
}

/* Whom each task must wait for, through others too; edges lead forwards. */
static void reach(struct pto_graph *g, int ntasks, bool after[TASKS][TASKS])
{
	int i, k;

	memset(after, 0, sizeof(bool[TASKS][TASKS]));
	for (i = 0; i < ntasks; i++) {
		for_each_successor(g->chunks.at, slab_node(g->slabs.at, i), i, to, {
			after[to][i] = true;
			for (k = 0; k < i; k++)
				after[to][k] |= after[i][k];
		});
	}
}

static int check_edges(struct pto_graph *g, const struct program *p, bool exact, int *needless)
{
	static bool after[TASKS][TASKS];
	int i, k, missing = 0;

	reach(g, p->ntasks, after);
	for (i = 0; i < p->ntasks; i++) {
		for (k = 0; k < i; k++)
			missing += conflict(p, k, i) && !after[i][k];
		if (exact)
			for_each_successor(g->chunks.at, slab_node(g->slabs.at, i), i, to,
					   *needless += !conflict(p, i, to));
	}
	return missing;
}

static int edges_of_random_programs(FIXTURE_DATA(infer) *self, bool boxes, int *needless)
{
	struct pto_graph *g;
	int i, missing = 0;
	uint64_t seed = 3;

	*needless = 0;
	for (i = 0; i < ROUNDS; i++) {
		make_program(&self->program, self->buffer, &seed, boxes);
		if (pto_graph_create(self->dev, &g) || pto_graph_set_kernel(g, 0, self->noop))
			return -1;
		if (submit_program(g, &self->program, 0))
			return -1;
		missing += check_edges(g, &self->program, boxes, needless);
		pto_graph_destroy(g);
	}
	return missing;
}

TEST_F(infer, random_boxes_get_their_edges_and_no_others)
{
	int needless;

	EXPECT_EQ(0, edges_of_random_programs(self, true, &needless));
	EXPECT_EQ(0, needless);
}

TEST_F(infer, random_chains_get_their_edges)
{
	int needless;

	EXPECT_EQ(0, edges_of_random_programs(self, false, &needless));
}

TEST_F(infer, random_programs_as_one_after_the_other)
{
	struct pto_launch_opts o = { .size = sizeof(o), .block_dim = 4, .aicpu_threads = 3 };
	struct program *p = &self->program;
	uint8_t want[BUFFER];
	struct pto_graph *g;
	uint64_t seed = 4;
	int n;

	for (n = 0; n < ROUNDS; n++) {
		make_program(p, self->buffer, &seed, n % 2);
		memset(self->buffer, 0, BUFFER);
		run_program(p);
		memcpy(want, self->buffer, BUFFER);
		memset(self->buffer, 0, BUFFER);
		ASSERT_EQ(0, pto_graph_create(self->dev, &g));
		ASSERT_EQ(0, pto_graph_set_kernel(g, 1, self->mix));
		ASSERT_EQ(0, submit_program(g, p, 1)) TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, pto_graph_launch(g, &o)) TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, memcmp(want, self->buffer, BUFFER)) TH_LOG("program %d", n);
		ASSERT_EQ(0, pto_graph_destroy(g));
	}
}

/* ---- what the map forgets ----------------------------------------------- */

TEST(complete_tasks_are_forgotten)
{
	struct depmap *m = depmap_new();
	struct depmap_preds preds = { NULL };
	struct pto_tensor t, all;
	struct region r;
	uint32_t i, k, most = 0;

	ASSERT_NE(NULL, m);
	/* Numbers wrap on the way; a window of 100 tasks, each with bytes of its own. */
	for (i = 0; i < 200000; i++) {
		uint32_t task = UINT32_MAX - 100000 + i;

		pto_tensor_init(&t, (void *)(4096 + (uintptr_t)i * 64), SHAPE(64), 1, PTO_INT8);
		region_of(&t, &r);
		depmap_retire(m, task - min(i, 100u), task);
		ASSERT_EQ(0, depmap_access(m, &r, PTO_OUT, DEPMAP_FULL, task, &preds));
		most = max(most, depmap_zones(m));
	}
	EXPECT_EQ(0, preds.count);
	EXPECT_LT(most, 2000);
	pto_tensor_init(&all, (void *)4096, SHAPE(200000, 64), 2, PTO_INT8);
	region_of(&all, &r);
	ASSERT_EQ(0, depmap_access(m, &r, PTO_IN, DEPMAP_FULL, 100000, &preds));
	EXPECT_EQ(101, preds.count);
	/* Few tensors, each with many readers, and never written again. */
	most = 0;
	for (i = 0; i < 1000; i++) {
		pto_tensor_init(&t, (void *)((1ull << 40) + (uintptr_t)i * 64), SHAPE(64), 1, PTO_INT8);
		region_of(&t, &r);
		for (k = 0; k < 100; k++) {
			uint32_t task = 100000 + 100 * i + k;

			depmap_retire(m, task - 100, task);
			ASSERT_EQ(0, depmap_access(m, &r, PTO_IN, DEPMAP_FULL, task, &preds));
			most = max(most, depmap_entries(m));
		}
	}
	EXPECT_LT(most, 10000);
	/* What is long over is not waited for, whatever number it had. */
	preds.count = 0;
	pto_tensor_init(&t, (void *)64, SHAPE(64), 1, PTO_INT8);
	region_of(&t, &r);
	depmap_retire(m, 300000, 300000);
	ASSERT_EQ(0, depmap_access(m, &r, PTO_OUT, DEPMAP_FULL, 300000, &preds));
	for (i = 1; i < 512; i++)
		depmap_retire(m, 300000 + (i << 23), 300000 + (i << 23));
	depmap_retire(m, 299990, 300010);
	ASSERT_EQ(0, depmap_access(m, &r, PTO_IN, DEPMAP_FULL, 300010, &preds));
	EXPECT_EQ(0, preds.count);
	free(preds.task);
	depmap_free(m);
}

TEST(readers_wait_and_writers_do_not)
{
	struct depmap *m = depmap_new();
	struct depmap_preds preds = { NULL };
	struct pto_tensor t;
	struct region r;
	uint32_t i;

	ASSERT_NE(NULL, m);
	pto_tensor_init(&t, (void *)4096, SHAPE(64), 1, PTO_INT8);
	region_of(&t, &r);
	/* Chunks of one tensor, written side by side. */
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, depmap_access(m, &r, PTO_OUT, DEPMAP_RAW, i, &preds));
	EXPECT_EQ(0, preds.count);
	ASSERT_EQ(0, depmap_access(m, &r, PTO_IN, DEPMAP_RAW, 5, &preds));
	EXPECT_EQ(5, preds.count);
	preds.count = 0;
	ASSERT_EQ(0, depmap_access(m, &r, PTO_INOUT, DEPMAP_RAW, 6, &preds));
	EXPECT_EQ(5, preds.count);
	preds.count = 0;
	ASSERT_EQ(0, depmap_access(m, &r, PTO_INOUT, DEPMAP_RAW, 7, &preds));
	EXPECT_EQ(1, preds.count);
	ASSERT_EQ(0, depmap_access(m, &r, PTO_OUT, DEPMAP_RAW, 8, &preds));
	EXPECT_EQ(1, preds.count);
	preds.count = 0;
	ASSERT_EQ(0, depmap_access(m, &r, PTO_IN, DEPMAP_RAW, 9, &preds));
	EXPECT_EQ(2, preds.count);
	/* Tasks of the other kind beside. */
	preds.count = 0;
	ASSERT_EQ(0, depmap_access(m, &r, PTO_IN, DEPMAP_FULL, 10, &preds));
	EXPECT_EQ(2, preds.count);
	ASSERT_EQ(0, depmap_access(m, &r, PTO_INOUT, DEPMAP_RAW, 11, &preds));
	preds.count = 0;
	ASSERT_EQ(0, depmap_access(m, &r, PTO_OUT, DEPMAP_FULL, 12, &preds));
	EXPECT_EQ(2, preds.count);
	free(preds.task);
	depmap_free(m);
}

TEST_HARNESS_MAIN
