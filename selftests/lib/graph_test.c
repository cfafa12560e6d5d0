// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Building graphs and launching them: order, once only, any shape, any launch options. */
#include "graph/graph.h"

#include "kselftest_harness.h"

#include "lib_test.h"

FIXTURE(graph)
{
	struct pto_device *dev;
	struct pto_program *prog;
	struct pto_program *count, *order, *spin;
	struct pto_graph *graph;
};

FIXTURE_SETUP(graph)
{
	ASSERT_EQ(0, pto_device_open(NULL, &self->dev));
	self->prog = load_kernel(self->dev, "noop");
	self->count = load_kernel(self->dev, "count");
	self->order = load_kernel(self->dev, "order");
	self->spin = load_kernel(self->dev, "spin");
	ASSERT_TRUE(self->prog && self->count && self->order && self->spin)
		TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_graph_create(self->dev, &self->graph));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 0, self->prog));
}

FIXTURE_TEARDOWN(graph)
{
	struct pto_mem_stat stat = { .size = sizeof(stat) };

	EXPECT_EQ(0, pto_graph_destroy(self->graph));
	EXPECT_EQ(0, pto_mem_stat(self->dev, &stat));
	EXPECT_EQ(0, stat.count);
	pto_program_unload(self->prog);
	pto_program_unload(self->count);
	pto_program_unload(self->order);
	pto_program_unload(self->spin);
	pto_device_close(self->dev);
}

TEST_F(graph, ids_count_from_zero)
{
	EXPECT_EQ(0, pto_graph_add_task(self->graph, 0, PTO_AIC, NULL, 0));
	EXPECT_EQ(1, pto_graph_add_task(self->graph, 0, PTO_AIV, NULL, 0));
	EXPECT_EQ(2, pto_graph_task_count(self->graph));
}

TEST_F(graph, bad_tasks)
{
	uint64_t args[145] = { 0 };

	EXPECT_EQ(-EINVAL, pto_graph_add_task(NULL, 0, PTO_AIC, NULL, 0));
	EXPECT_EQ(-ENOENT, pto_graph_add_task(self->graph, 1, PTO_AIC, NULL, 0));
	EXPECT_NE(NULL, strstr(pto_last_error(), "func_id 1"));
	EXPECT_EQ(-ENOENT, pto_graph_add_task(self->graph, -1, PTO_AIC, NULL, 0));
	EXPECT_EQ(-EINVAL, pto_graph_add_task(self->graph, 0, 2, NULL, 0));
	EXPECT_EQ(-EINVAL, pto_graph_add_task(self->graph, 0, PTO_AIC, NULL, 1));
	EXPECT_EQ(-EINVAL, pto_graph_add_task(self->graph, 0, PTO_AIC, args, 145));
	EXPECT_EQ(-EINVAL, pto_graph_add_task(self->graph, 0, PTO_AIC, args, -1));
	EXPECT_EQ(0, pto_graph_add_task(self->graph, 0, PTO_AIC, args, 144));
}

TEST_F(graph, bad_kernels)
{
	EXPECT_EQ(-EEXIST, pto_graph_set_kernel(self->graph, 0, self->prog));
	EXPECT_EQ(-EINVAL, pto_graph_set_kernel(self->graph, -1, self->prog));
	EXPECT_EQ(-EINVAL, pto_graph_set_kernel(self->graph, 65536, self->prog));
	EXPECT_EQ(-EINVAL, pto_graph_set_kernel(self->graph, 1, NULL));
	EXPECT_EQ(0, pto_graph_set_kernel(self->graph, 65535, self->prog));
	EXPECT_EQ(0, pto_graph_add_task(self->graph, 65535, PTO_AIV, NULL, 0));
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL));
}

TEST_F(graph, bad_edges)
{
	ASSERT_EQ(0, pto_graph_add_task(self->graph, 0, PTO_AIC, NULL, 0));
	EXPECT_EQ(-EINVAL, pto_graph_add_edge(self->graph, 0, 0));
	EXPECT_NE(NULL, strstr(pto_last_error(), "itself"));
	EXPECT_EQ(-EINVAL, pto_graph_add_edge(self->graph, 0, 1));
	EXPECT_NE(NULL, strstr(pto_last_error(), "no task 1"));
	EXPECT_EQ(-EINVAL, pto_graph_add_edge(self->graph, -1, 0));
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL));
}

TEST_F(graph, cycle_is_named)
{
	int i;

	for (i = 0; i < 6; i++)
		ASSERT_EQ(i, pto_graph_add_task(self->graph, 0, PTO_AIC, NULL, 0));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 0, 2));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 2, 4));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 4, 3));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 3, 2));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 3, 5));
	EXPECT_EQ(-ELOOP, pto_graph_launch(self->graph, NULL));
	EXPECT_NE(NULL, strstr(pto_last_error(), "3 tasks wait for each other"));
	EXPECT_NE(NULL, strstr(pto_last_error(), "4 -> 3"));
	/* It stays a cycle, and the graph can still be destroyed. */
	EXPECT_EQ(-ELOOP, pto_graph_launch(self->graph, NULL));
}

TEST_F(graph, long_cycle_is_shortened)
{
	int i;

	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(i, pto_graph_add_task(self->graph, 0, PTO_AIC, NULL, 0));
		if (i)
			ASSERT_EQ(0, pto_graph_add_edge(self->graph, i - 1, i));
	}
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 999, 0));
	EXPECT_EQ(-ELOOP, pto_graph_launch(self->graph, NULL));
	EXPECT_NE(NULL, strstr(pto_last_error(), "1000 tasks wait for each other"));
}

TEST_F(graph, backward_edges_without_a_cycle)
{
	int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(i, pto_graph_add_task(self->graph, 0, PTO_AIV, NULL, 0));
		if (i)
			ASSERT_EQ(0, pto_graph_add_edge(self->graph, i, i - 1));
	}
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL));
}

TEST_F(graph, empty)
{
	EXPECT_EQ(0, pto_graph_launch(self->graph, NULL));
	EXPECT_EQ(0, pto_graph_task_count(self->graph));
}

TEST_F(graph, bad_options)
{
	struct pto_launch_opts o = { .size = sizeof(o) };
	struct { struct pto_launch_opts o; char more[8]; } newer = { .o.size = sizeof(newer) };

	ASSERT_EQ(0, pto_graph_add_task(self->graph, 0, PTO_AIC, NULL, 0));
	EXPECT_EQ(-EINVAL, pto_graph_launch(NULL, NULL));
	o.block_dim = 25;
	EXPECT_EQ(-EINVAL, pto_graph_launch(self->graph, &o));
	EXPECT_NE(NULL, strstr(pto_last_error(), "block_dim 25"));
	o.block_dim = -1;
	EXPECT_EQ(-EINVAL, pto_graph_launch(self->graph, &o));
	o.block_dim = 24;
	o.aicpu_threads = 99;
	EXPECT_EQ(-EINVAL, pto_graph_launch(self->graph, &o));
	o.aicpu_threads = 64;
	o.flags = 2;
	EXPECT_EQ(-EINVAL, pto_graph_launch(self->graph, &o));
	o.flags = 0;
	o.aicpu = "garbage";
	o.aicpu_size = 7;
	EXPECT_EQ(-ENOEXEC, pto_graph_launch(self->graph, &o));
	o.aicpu = NULL;
	o.size = 4;
	EXPECT_EQ(-EINVAL, pto_graph_launch(self->graph, &o));
	EXPECT_EQ(0, pto_graph_launch(self->graph, &newer.o));
	newer.more[7] = 1;
	EXPECT_EQ(-E2BIG, pto_graph_launch(self->graph, &newer.o));
	o.size = sizeof(o);
	EXPECT_EQ(0, pto_graph_launch(self->graph, &o));
}

TEST_F_TIMEOUT(graph, wide, 120)
{
	const int width = SLOW ? 20000 : 1000000;
	struct pto_launch_opts o = { .size = sizeof(o), .block_dim = 24, .aicpu_threads = 2 };
	int i, last = width + 1;

	/* One task before and one after a great many. */
	for (i = 0; i <= last; i++)
		ASSERT_EQ(i, pto_graph_add_task(self->graph, 0, i % 2 ? PTO_AIV : PTO_AIC,
						NULL, 0));
	for (i = 1; i < last; i++) {
		ASSERT_EQ(0, pto_graph_add_edge(self->graph, 0, i));
		ASSERT_EQ(0, pto_graph_add_edge(self->graph, i, last));
	}
	for (i = 0; i < 2; i++) {
		o.flags = PTO_LAUNCH_PROFILE;
		ASSERT_EQ(0, pto_graph_launch(self->graph, &o)) TH_LOG("%s", pto_last_error());
		EXPECT_EQ(last + 1, pto_profile_read(self->graph, NULL, 0));
	}
}

/* Each number of successors up to some. */
TEST_F_TIMEOUT(graph, dense, 120)
{
	const int width = 72, layers = SLOW ? 10 : 500;
	struct pto_launch_opts o = { .size = sizeof(o), .block_dim = 24 };
	static uint64_t ran;
	uint64_t arg = (uintptr_t)&ran;
	int i, k, threads, want = 0;

	ran = 0;
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 1, self->count));
	for (i = 0; i < width * layers; i++) {
		ASSERT_EQ(i, pto_graph_add_task(self->graph, 1, PTO_AIV, &arg, 1));
		/* Number k of the layer before has k + 1 successors. */
		for (k = i % width; i >= width && k < width; k++)
			ASSERT_EQ(0, pto_graph_add_edge(self->graph, i - i % width - width + k, i));
	}
	for (threads = 1; threads <= 2; threads++) {
		o.aicpu_threads = threads;
		ASSERT_EQ(0, pto_graph_launch(self->graph, &o)) TH_LOG("%s", pto_last_error());
		EXPECT_EQ(want += width * layers, ran);
	}
}

static long anonymous_kib(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Anonymous: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/* Add @n tasks, each of which runs before the next ones of its @nsucc, @step apart. */
static int add_band(struct pto_graph *g, uint64_t *ran, int n, int nsucc, int step)
{
	uint64_t arg = (uintptr_t)ran;
	int i, k, ret = 0, first = pto_graph_task_count(g);

	for (i = first; i < first + n && ret >= 0; i++)
		ret = pto_graph_add_task(g, 1, PTO_AIV, &arg, 1);
	for (i = first; i < first + n && ret >= 0; i++)
		for (k = 1; k <= nsucc && i + k * step < first + n && ret >= 0; k++)
			ret = pto_graph_add_edge(g, i, i + k * step);
	return ret;
}

FIXTURE(memory)
{
	struct pto_device *dev;
	struct pto_program *count;
	struct pto_graph *graph;
};

FIXTURE_SETUP(memory)
{
	ASSERT_EQ(0, pto_device_open(NULL, &self->dev));
	self->count = load_kernel(self->dev, "count");
	ASSERT_NE(NULL, self->count) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_graph_create(self->dev, &self->graph));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 1, self->count));
}

FIXTURE_TEARDOWN(memory)
{
	EXPECT_EQ(0, pto_graph_destroy(self->graph));
	pto_program_unload(self->count);
	pto_device_close(self->dev);
}

/*
 * 100,000 tasks fill the last huge page by a fifth. Edges of 400,000 are in two slabs; the
 * others are written in each task's arguments, which take 8 bytes.
 */
FIXTURE_VARIANT(memory)
{
	int n, nsucc, step;
	long most;		/* bytes a task */
};

FIXTURE_VARIANT_ADD(memory, few_edges) { 100000, 1, 1, 100 + 8 };
FIXTURE_VARIANT_ADD(memory, short_distances) { 400000, 12, 1, 140 + 8 };
FIXTURE_VARIANT_ADD(memory, long_distances) { 400000, 12, 6000, 180 + 8 };

TEST_F_TIMEOUT(memory, of_a_task, 120)
{
	const int n = variant->n / (SANITIZED ? 10 : 1), nsucc = variant->nsucc, step = variant->step;
	static uint64_t ran;
	long before, bytes;

	if (SLOW && !SANITIZED)
		SKIP(return, "too slow");
	ran = 0;
	before = anonymous_kib();
	ASSERT_LT(0, before);
	ASSERT_LE(0, add_band(self->graph, &ran, n, nsucc, step));
	ASSERT_EQ(0, pto_graph_launch(self->graph, NULL)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(n, ran);
	bytes = (anonymous_kib() - before) * 1024 / n;
	/* Sanitizers take memory, too. */
	if (!SANITIZED)
		EXPECT_GE(variant->most, bytes);
	/* What was given back is had again. */
	ASSERT_LE(0, add_band(self->graph, &ran, n, nsucc, step));
	ASSERT_EQ(0, pto_graph_launch(self->graph, NULL)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(3 * n, ran);
}

static uint32_t rnd(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 32;
}

/* ---- successors nearer and further away than a distance in a chunk can be --- */

#define SINKS		10
#define FANS		100
#define FAN_MOST	(FANS + 52)
#define FAN_TASKS	(SINKS + FANS + UINT16_MAX + 100)

static int by_id(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static uint32_t short_fan(uint32_t from, uint64_t *seed)
{
	return from + FANS + rnd(seed) % (UINT16_MAX - FANS + 1);
}

/* Further away, or before all that have successors. */
static uint32_t long_fan(uint32_t from, uint64_t *seed)
{
	return rnd(seed) % 2 ? from + UINT16_MAX + 1 : rnd(seed) % SINKS;
}

/* Number @i has @i by short distances, one by a long one, and some of both kinds. */
static uint32_t fan_out(uint32_t *to, uint32_t i, uint64_t *seed)
{
	uint32_t from = SINKS + i, mixed = rnd(seed) % 50, n = 0;

	if (i)
		to[n++] = from + UINT16_MAX;
	while (n < i)
		to[n++] = short_fan(from, seed);
	to[n++] = long_fan(from, seed);
	while (mixed--)
		to[n++] = rnd(seed) % 2 ? short_fan(from, seed) : long_fan(from, seed);
	return n;
}

TEST_F_TIMEOUT(graph, short_and_long_distances, 120)
{
	struct pto_launch_opts o = { .size = sizeof(o), .block_dim = 24 };
	uint32_t want[FAN_MOST], got[FAN_MOST], from, n, k, i;
	static uint32_t npred[FAN_TASKS];
	static uint64_t ran;
	uint64_t arg = (uintptr_t)&ran, seed = 1;

	ran = 0;
	memset(npred, 0, sizeof(npred));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 1, self->count));
	for (i = 0; i < FAN_TASKS; i++)
		ASSERT_EQ(i, pto_graph_add_task(self->graph, 1, PTO_AIV, &arg, 1));
	for (i = 0; i < FANS; i++) {
		from = SINKS + i;
		n = fan_out(want, i, &seed);
		for (k = 0; k < n; k++) {
			ASSERT_EQ(0, pto_graph_add_edge(self->graph, from, want[k]));
			/* That one is the last, wherever it is. */
			ASSERT_EQ(0, graph_link(self->graph, from, want[k]));
			npred[want[k]]++;
		}
		k = 0;
		for_each_successor(self->graph->chunks.at, slab_node(self->graph->slabs.at, from),
				   from, to, if (k < FAN_MOST) got[k++] = to);
		ASSERT_EQ(n, k);
		qsort(want, n, sizeof(want[0]), by_id);
		qsort(got, n, sizeof(got[0]), by_id);
		EXPECT_EQ(0, memcmp(want, got, n * sizeof(want[0]))) TH_LOG("task %u", from);
	}
	for (i = 0; i < FAN_TASKS; i++)
		EXPECT_EQ(npred[i], graph_npred(self->graph, i));
	/* A virtual machine's device takes a minute for so many tasks. */
	for (i = 1; i <= 2 && (!SLOW || SANITIZED); i++) {
		o.aicpu_threads = i;
		ASSERT_EQ(0, pto_graph_launch(self->graph, &o)) TH_LOG("%s", pto_last_error());
		EXPECT_EQ(i * FAN_TASKS, ran);
	}
}

TEST_F_TIMEOUT(graph, successors_have_an_end, 120)
{
	const int most = (1 << 24) - 1;
	struct pto_launch_opts o = { .size = sizeof(o), .block_dim = 2 };
	static uint64_t ran;
	uint64_t arg = (uintptr_t)&ran;
	struct pto_tensor t;
	struct pto_access access = { &t, PTO_OUT };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, 2, -1 }, .naccesses = 1,
				 .accesses = &access, .nscalars = 1, .scalars = &arg };
	int i, ret = 0;

	if (SLOW)
		SKIP(return, "too slow");
	ran = 0;
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 1, self->count));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 2, self->prog));
	pto_tensor_init(&t, &ran, (const uint32_t[]){ 8 }, 1, PTO_INT8);
	ASSERT_EQ(0, pto_graph_submit(self->graph, &task)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(1, pto_graph_add_task(self->graph, 1, PTO_AIV, &arg, 1));
	for (i = 0; i < most && !ret; i++)
		ret = pto_graph_add_edge(self->graph, 0, 1);
	ASSERT_EQ(0, ret) TH_LOG("edge %d: %s", i, pto_last_error());
	EXPECT_EQ(-EMLINK, pto_graph_add_edge(self->graph, 0, 1));
	EXPECT_NE(NULL, strstr(pto_last_error(), "task 0 has 16777215 successors"));
	EXPECT_EQ(most, graph_npred(self->graph, 1));
	for (i = 1; i <= 2; i++) {
		o.aicpu_threads = i;
		ASSERT_EQ(0, pto_graph_launch(self->graph, &o)) TH_LOG("%s", pto_last_error());
		EXPECT_EQ(i, ran);
	}
	/* One that can not be left out. */
	EXPECT_EQ(-EMLINK, pto_graph_submit(self->graph, &task));
	EXPECT_EQ(-EMLINK, pto_graph_launch(self->graph, &o));
	EXPECT_NE(NULL, strstr(pto_last_error(), "begin anew"));
}

/* ---- tasks with more predecessors than a count has room for -------------- */

#define SOURCES	70000
#define JOINS	40

/* Joins wait for the first ones of the sources; tasks are known by their place in @counter. */
static struct joins {
	uint64_t launch, wrong;
	uint64_t counter[SOURCES + JOINS];
	uint64_t *source[SOURCES];
	int id[SOURCES + JOINS];
	int npred[JOINS];
} joins;

static int add_source(struct pto_graph *g, int i)
{
	uint64_t args[] = { (uintptr_t)&joins.counter[i], (uintptr_t)&joins.launch,
			    (uintptr_t)&joins.wrong, 0, 0 };

	joins.counter[i] = joins.launch;
	joins.source[i] = &joins.counter[i];
	joins.id[i] = pto_graph_add_task(g, 1, i % 3 ? PTO_AIV : PTO_AIC, args, 5);
	return min(joins.id[i], 0);
}

/* It has no edges yet. */
static int add_join(struct pto_graph *g, int k, int npred)
{
	uint64_t args[] = { (uintptr_t)&joins.counter[SOURCES + k], (uintptr_t)&joins.launch,
			    (uintptr_t)&joins.wrong, npred, (uintptr_t)joins.source };

	joins.counter[SOURCES + k] = joins.launch;
	joins.npred[k] = npred;
	joins.id[SOURCES + k] = pto_graph_add_task(g, 1, k % 2 ? PTO_AIV : PTO_AIC, args, 5);
	return min(joins.id[SOURCES + k], 0);
}

static int add_join_edge(struct pto_graph *g, int k, int source)
{
	return pto_graph_add_edge(g, joins.id[source], joins.id[SOURCES + k]);
}

/* Each runs once, after all that it waits for. */
static void launch_joins(struct __test_metadata *_metadata, struct pto_graph *g, int nsources,
			 int njoins)
{
	struct pto_launch_opts o = { .size = sizeof(o), .block_dim = 8 };
	int i;

	for (o.aicpu_threads = 1; o.aicpu_threads <= 4; o.aicpu_threads++) {
		joins.launch++;
		ASSERT_EQ(0, pto_graph_launch(g, &o)) TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, joins.wrong) TH_LOG("%d threads", o.aicpu_threads);
		for (i = 0; i < nsources; i++)
			ASSERT_EQ(joins.launch, joins.counter[i]);
		for (i = 0; i < njoins; i++)
			ASSERT_EQ(joins.launch, joins.counter[SOURCES + i]);
	}
}

TEST_F(graph, joins)
{
	const int counts[] = { 253, 254, 255, 256, 257, SLOW ? 1000 : SOURCES };
	const int n = ARRAY_SIZE(counts), most = counts[n - 1];
	int i, k, ret = 0;

	joins.launch = joins.wrong = 0;
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 1, self->order));
	for (i = 0; i < most && !ret; i++)
		ret = add_source(self->graph, i);
	for (k = 0; k < n && !ret; k++) {
		ret = add_join(self->graph, k, counts[k]);
		for (i = 0; i < counts[k] && !ret; i++)
			ret = add_join_edge(self->graph, k, i);
	}
	ASSERT_EQ(0, ret) TH_LOG("%s", pto_last_error());
	for (k = 0; k < n; k++)
		EXPECT_EQ(counts[k], graph_npred(self->graph, joins.id[SOURCES + k]));
	launch_joins(_metadata, self->graph, most, n);
}

/* The edges of all joins to sources from @first on, in any order. */
static int add_join_edges(struct pto_graph *g, int first, uint64_t *seed)
{
	static int edge[JOINS * 600][2];
	int i, k, n = 0, ret = 0;

	for (k = 0; k < JOINS; k++) {
		for (i = first; i < joins.npred[k]; i++, n++) {
			int other = rnd(seed) % (n + 1);

			edge[n][0] = edge[other][0];
			edge[n][1] = edge[other][1];
			edge[other][0] = k;
			edge[other][1] = i;
		}
	}
	while (n-- && !ret)
		ret = add_join_edge(g, edge[n][0], edge[n][1]);
	return ret;
}

/* First some of them, and then more, also of sources that come later. */
TEST_F(graph, joins_that_grow)
{
	const int counts[] = { 1, 254, 255, 256, 300, 600 }, some = 260, most = 600;
	uint64_t seed = 3;
	int i, k, ret = 0;

	joins.launch = joins.wrong = 0;
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 1, self->order));
	for (k = JOINS - 1; k >= 0 && !ret; k--)
		ret = add_join(self->graph, k, min(counts[k % 6], some));
	for (i = 0; i < some && !ret; i++)
		ret = add_source(self->graph, i);
	ASSERT_EQ(0, ret ?: add_join_edges(self->graph, 0, &seed)) TH_LOG("%s", pto_last_error());
	launch_joins(_metadata, self->graph, some, JOINS);
	for (; i < most && !ret; i++)
		ret = add_source(self->graph, i);
	for (k = 0; k < JOINS && !ret; k++) {
		joins.npred[k] = counts[k % 6];
		ret = pto_graph_set_scalar(self->graph, joins.id[SOURCES + k], 3, joins.npred[k]);
	}
	ret = ret ?: add_join_edges(self->graph, some, &seed);
	ASSERT_EQ(0, ret) TH_LOG("%s", pto_last_error());
	for (k = 0; k < JOINS; k++)
		EXPECT_EQ(counts[k % 6], graph_npred(self->graph, joins.id[SOURCES + k]));
	launch_joins(_metadata, self->graph, most, JOINS);
}

TEST_F(graph, a_join_after_a_launch_that_failed)
{
	struct pto_launch_opts o = { .size = sizeof(o), .block_dim = 2, .aicpu_threads = 2,
				     .timeout_ms = 100 };
	static uint64_t flag;
	uint64_t arg = (uintptr_t)&flag;
	int i, ret, n = 300;

#ifdef __SANITIZE_THREAD__
	SKIP(return, "ThreadSanitizer defers the signal that leaves a kernel");
#endif
	flag = joins.launch = joins.wrong = 0;
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 1, self->order));
	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 2, self->spin));
	ret = add_join(self->graph, 0, n);
	for (i = 0; i < n && !ret; i++)
		ret = add_source(self->graph, i) ?: add_join_edge(self->graph, 0, i);
	ASSERT_EQ(0, ret) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(n + 1, pto_graph_add_task(self->graph, 2, PTO_AIV, &arg, 1));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, n + 1, joins.id[SOURCES]));
	joins.launch = 1;
	ASSERT_EQ(-ETIME, pto_graph_launch(self->graph, &o)) TH_LOG("%s", pto_last_error());
	/* As if it had not been. */
	flag = 1;
	joins.launch = joins.wrong = 0;
	memset(joins.counter, 0, sizeof(joins.counter));
	launch_joins(_metadata, self->graph, n, 1);
}

/* ---- memory --------------------------------------------------------------- */

/* Bytes of device memory that a task's one argument takes. */
#define ARG_SIZE	8

TEST_F_TIMEOUT(graph, ten_million_tasks, 120)
{
	const int n = SANITIZED ? 200000 : SLOWER ? 10000 : SLOW ? 50000 : 10000000;
	struct pto_launch_opts o = { .size = sizeof(o), .block_dim = 24, .aicpu_threads = 2 };
	static uint64_t ran;
	uint64_t arg = (uintptr_t)&ran;
	long kib = rss_kib();
	int i, waited;

	ASSERT_EQ(0, pto_graph_set_kernel(self->graph, 1, self->count));
	for (i = 0; i < n; i++) {
		ASSERT_EQ(i, pto_graph_add_task(self->graph, 1, PTO_AIV, &arg, 1))
			TH_LOG("%s", pto_last_error());
		if (i >= 1000)
			ASSERT_EQ(0, pto_graph_add_edge(self->graph, i - 1000, i));
	}
	ASSERT_EQ(0, pto_graph_launch(self->graph, &o)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(n, ran);
	if (!SLOW)
		EXPECT_GE((92l + ARG_SIZE) * n, (rss_kib() - kib) * 1024);
	ASSERT_EQ(0, pto_graph_launch(self->graph, &o)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(2 * (uint64_t)n, ran);

	/* Freed tasks are kept for the next graph, but not for ever. */
	ASSERT_EQ(0, pto_graph_destroy(self->graph));
	self->graph = NULL;
	for (waited = 0; waited < 100 && !SLOW && rss_kib() - kib > 100000; waited++)
		usleep(100000);
	EXPECT_GT(100, waited);
}

/* Also those of a graph that is freed long after all launches. */
TEST_F(graph, memory_is_given_back_late)
{
	const int n = SANITIZED || SLOW ? 10000 : 1000000;
	long kib = rss_kib();
	int i, waited;

	ASSERT_EQ(0, pto_graph_launch(self->graph, NULL));
	for (i = 0; i < n; i++)
		ASSERT_EQ(i, pto_graph_add_task(self->graph, 0, PTO_AIV, NULL, 0));
	/* By then whoever looks after it sleeps. */
	usleep(3000000);
	ASSERT_EQ(0, pto_graph_destroy(self->graph));
	self->graph = NULL;
	for (waited = 0; waited < 100 && !SLOW && rss_kib() - kib > 10000; waited++)
		usleep(100000);
	EXPECT_GT(100, waited);
}

static int by_core_and_start(const void *a, const void *b)
{
	const struct pto_profile_task *x = a, *y = b;

	if (x->core_id != y->core_id)
		return x->core_id - y->core_id;
	return x->start < y->start ? -1 : x->start > y->start;
}

TEST_F(graph, profile_has_each_core_once_at_a_time)
{
	static const int dims[] = { 1, 3, 24 };
	struct pto_launch_opts o = { .size = sizeof(o), .flags = PTO_LAUNCH_PROFILE };
	struct pto_profile_task t[400];
	int d, i, n = 400;

	for (i = 0; i < n; i++) {
		ASSERT_EQ(i, pto_graph_add_task(self->graph, 0, i % 3 ? PTO_AIV : PTO_AIC,
						NULL, 0));
		if (i % 7)
			ASSERT_EQ(0, pto_graph_add_edge(self->graph, i - 1, i));
	}
	EXPECT_EQ(-ENODATA, pto_profile_read(self->graph, t, n));
	for (d = 0; d < 3; d++) {
		bool seen[400] = { false };

		o.block_dim = dims[d];
		o.aicpu_threads = 1 + d;
		ASSERT_EQ(0, pto_graph_launch(self->graph, &o));
		ASSERT_EQ(n, pto_profile_read(self->graph, t, n));
		qsort(t, n, sizeof(t[0]), by_core_and_start);
		for (i = 0; i < n; i++) {
			EXPECT_FALSE(seen[t[i].task_id]);
			seen[t[i].task_id] = true;
			EXPECT_EQ(t[i].task_id % 3 ? PTO_AIV : PTO_AIC, t[i].core);
			EXPECT_EQ(t[i].core == PTO_AIC, t[i].core_id < dims[d]);
			EXPECT_GT(3 * dims[d], t[i].core_id);
			EXPECT_LE(t[i].dispatch, t[i].start);
			EXPECT_LE(t[i].start, t[i].end);
			EXPECT_LE(t[i].end, t[i].finish);
			if (i && t[i].core_id == t[i - 1].core_id)
				EXPECT_LE(t[i - 1].end, t[i].start);
		}
		/* There is more than one chain: they go to different cores. */
		if (dims[d] > 1)
			EXPECT_NE(t[0].core_id, t[n - 1].core_id);
	}
}

/* ---- random graphs against what their tasks saw --------------------------- */

struct random_graph {
	uint64_t counter[5000];
	uint64_t *pred[5000 * 6];
	uint64_t launch, wrong;
};

/* Tasks in an order of their own, so that edges go both ways between ids. */
static int build_random(struct pto_graph *g, struct random_graph *r, int n, uint64_t *seed)
{
	int i, k, swap, other, npreds = 0, ret = 0;
	int order[5000], position[5000], count[5000], first[5000];

	for (i = 0; i < n; i++) {
		order[i] = i;
		r->counter[i] = 0;
	}
	if (rnd(seed) % 2) {
		for (i = n - 1; i > 0; i--) {
			other = rnd(seed) % (i + 1);
			swap = order[i];
			order[i] = order[other];
			order[other] = swap;
		}
	}
	r->launch = 0;
	r->wrong = 0;
	/* order[i] is the id of a task that runs after those before it. */
	for (i = 0; i < n; i++)
		position[order[i]] = i;
	for (i = 0; i < n; i++) {
		count[i] = position[i] ? rnd(seed) % 6 : 0;
		first[i] = npreds;
		for (k = 0; k < count[i]; k++)
			r->pred[npreds++] = &r->counter[order[rnd(seed) % position[i]]];
	}
	for (i = 0; i < n && ret >= 0; i++) {
		uint64_t args[] = {
			(uintptr_t)&r->counter[i], (uintptr_t)&r->launch, (uintptr_t)&r->wrong,
			count[i], (uintptr_t)&r->pred[first[i]],
		};

		ret = pto_graph_add_task(g, 0, rnd(seed) % 2 ? PTO_AIC : PTO_AIV, args, 5);
	}
	for (i = 0; i < n && ret >= 0; i++)
		for (k = 0; k < count[i] && ret >= 0; k++)
			ret = pto_graph_add_edge(g, r->pred[first[i] + k] - r->counter, i);
	return ret < 0 ? ret : 0;
}

TEST(random_graphs)
{
	const int rounds = SLOWER ? 20 : SLOW ? 40 : 150;
	static struct random_graph r;
	const char *text = getenv("PTO_TEST_SEED");
	uint64_t first = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1;
	uint64_t seed = first;
	struct pto_device *dev;
	struct pto_program *prog;
	int round, i, k, n;

	TH_LOG("PTO_TEST_SEED=%llu", (unsigned long long)first);
	ASSERT_EQ(0, pto_device_open(NULL, &dev));
	prog = load_kernel(dev, "order");
	ASSERT_NE(NULL, prog) TH_LOG("%s", pto_last_error());
	for (round = 0; round < rounds; round++) {
		struct pto_graph *g;

		n = 1 + rnd(&seed) % (round % 5 ? 50 : 5000);
		ASSERT_EQ(0, pto_graph_create(dev, &g));
		ASSERT_EQ(0, pto_graph_set_kernel(g, 0, prog));
		ASSERT_EQ(0, build_random(g, &r, n, &seed)) TH_LOG("%s", pto_last_error());
		for (k = 0; k < 3; k++) {
			struct pto_launch_opts o = {
				.size = sizeof(o),
				.block_dim = 1 + rnd(&seed) % 24,
				.aicpu_threads = 1 + rnd(&seed) % 6,
			};

			r.launch++;
			ASSERT_EQ(0, pto_graph_launch(g, &o)) TH_LOG("%s", pto_last_error());
			ASSERT_EQ(0, r.wrong)
				TH_LOG("round %d: %d tasks, block_dim %d, %d threads", round, n,
				       o.block_dim, o.aicpu_threads);
			for (i = 0; i < n; i++)
				ASSERT_EQ(r.launch, r.counter[i]);
		}
		ASSERT_EQ(0, pto_graph_destroy(g));
	}
	pto_program_unload(prog);
	pto_device_close(dev);
}

TEST_HARNESS_MAIN
