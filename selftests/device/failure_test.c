// SPDX-License-Identifier: MIT OR LGPL-2.1
/* What fails in the middle: kernels, devices, processes that share one. */
#include "kselftest_harness.h"

#include <pto/runtime.h>

#include "device_test.h"

static bool names(const char *const *words)
{
	for (; *words; words++)
		if (!strstr(pto_last_error(), *words))
			return false;
	return true;
}

FIXTURE(failure)
{
	struct rig r;
};

FIXTURE_SETUP(failure)
{
	ASSERT_EQ(0, rig_open(&self->r, NULL)) TH_LOG("%s", pto_last_error());
}

FIXTURE_TEARDOWN(failure)
{
	EXPECT_EQ(0, rig_close(&self->r)) TH_LOG("%s", pto_last_error());
}

TEST_F(failure, a_crash_is_told_with_the_fault_record)
{
	static const char *const words[] = {
		"task 3 ", "func_id 2", "AIV core ", " of pto", "SIGSEGV", "address 0", "stream ",
		"seqno ", "fault record", "1 arguments", NULL,
	};
	uint64_t how = 2;
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(i, pto_graph_add_task(self->r.graph, 0, PTO_AIV, NULL, 0));
	ASSERT_EQ(3, pto_graph_add_task(self->r.graph, 2, PTO_AIV, &how, 1));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pto_graph_add_edge(self->r.graph, i, 3));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EIO, rig_launch(&self->r));
		EXPECT_TRUE(names(words)) TH_LOG("%s", pto_last_error());
		EXPECT_EQ(0, good_run(self->r.dev, self->r.prog[0], 300))
			TH_LOG("%s", pto_last_error());
	}
}

TEST_F(failure, a_lane_that_crashes_is_told_with_the_fault_record)
{
	static const char *const words[] = {
		"task 0 ", "AIV core ", " of pto", "lane AIV1 (func_id 2)", "SIGSEGV", "stream ",
		"seqno ", "fault record", "1 arguments", NULL,
	};
	uint64_t how = 2;
	struct pto_task task = { .size = sizeof(task), .kernels = { 0, 0, 2 },
				 .nscalars = 1, .scalars = &how };
	int i;

	ASSERT_EQ(0, pto_graph_submit(self->r.graph, &task)) TH_LOG("%s", pto_last_error());
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EIO, rig_launch(&self->r));
		EXPECT_TRUE(names(words)) TH_LOG("%s", pto_last_error());
		EXPECT_EQ(0, good_run(self->r.dev, self->r.prog[0], 300))
			TH_LOG("%s", pto_last_error());
	}
}

/* Each of many kernels may crash, on all cores at once, with others behind it. */
TEST_F(failure, crashes_all_over)
{
	uint64_t how = 7, none = 0;
	int i, round;

	for (i = 0; i < 300; i++)
		ASSERT_EQ(i, pto_graph_add_task(self->r.graph, 2, i % 3 ? PTO_AIV : PTO_AIC,
						i % 10 == 9 ? &how : &none, 1));
	for (round = 0; round < 10; round++) {
		EXPECT_EQ(-EIO, rig_launch(&self->r));
		EXPECT_EQ(0, good_run(self->r.dev, self->r.prog[0], 100))
			TH_LOG("%s", pto_last_error());
	}
}

TEST_F(failure, a_kernel_that_does_not_return)
{
	static const char *const words[] = { "task 0 ", "func_id 3", "fault record", "in its time", NULL };
	struct pto_launch_opts o = { .size = sizeof(o), .task_timeout_ms = 300 };
	uint64_t arg = (uintptr_t)self->r.word;

	ASSERT_EQ(0, pto_graph_add_task(self->r.graph, 3, PTO_AIC, &arg, 1));
	EXPECT_EQ(-ETIMEDOUT, pto_graph_launch(self->r.graph, &o));
	EXPECT_TRUE(names(words)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, good_run(self->r.dev, self->r.prog[0], 300)) TH_LOG("%s", pto_last_error());
}

/* The launch's own time may be shorter than a task's. */
TEST_F(failure, a_launch_that_takes_too_long)
{
	static const char *const words[] = { "longer than its 500 ms", "task 0 ", "func_id 3",
					     "AIC core 0 of pto", "stream ", "seqno 1", NULL };
	struct pto_launch_opts o = { .size = sizeof(o), .timeout_ms = 500 };
	uint64_t arg = (uintptr_t)self->r.word;

	ASSERT_EQ(0, pto_graph_add_task(self->r.graph, 3, PTO_AIC, &arg, 1));
	EXPECT_EQ(-ETIME, pto_graph_launch(self->r.graph, &o));
	EXPECT_TRUE(names(words)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, good_run(self->r.dev, self->r.prog[0], 300)) TH_LOG("%s", pto_last_error());
}

/* It can not be left either: its thread is given up, the device goes on. */
TEST_F(failure, a_kernel_that_can_not_be_left)
{
	struct pto_launch_opts o = { .size = sizeof(o), .task_timeout_ms = 300 };
	uint64_t how = 6;
	int i;

	ASSERT_EQ(0, pto_graph_add_task(self->r.graph, 2, PTO_AIC, &how, 1));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-ETIMEDOUT, pto_graph_launch(self->r.graph, &o));
		EXPECT_EQ(0, good_run(self->r.dev, self->r.prog[0], 300))
			TH_LOG("%s", pto_last_error());
	}
}

TEST_F(failure, launches_can_be_cancelled)
{
	struct pto_launch_opts o = { .size = sizeof(o), .block_dim = 2, .aicpu_threads = 2 };
	struct pto_launch *l;
	int round;

	ASSERT_EQ(0, rig_add_busy(&self->r, 1000, 2000));
	for (round = 0; round < 3; round++) {
		__atomic_store_n(self->r.word, 0, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pto_graph_launch_async(self->r.graph, &o, &l));
		ASSERT_TRUE(UNTIL(__atomic_load_n(self->r.word, __ATOMIC_RELAXED) > 20));
		pto_launch_cancel(l);
		EXPECT_EQ(-ECANCELED, pto_launch_wait(l, BOUND_MS));
		pto_launch_free(l);
		EXPECT_EQ(0, good_run(self->r.dev, self->r.prog[0], 300))
			TH_LOG("%s", pto_last_error());
	}
	/* What was queued behind has not run. */
	EXPECT_GT(1000, *self->r.word);
}

/* ---- devices that go away ----------------------------------------------- */

#define COPY	(4u << 20)
#define COPIES	5

/** struct killer - who ends a device, once @running says that its launch is well under way */
struct killer {
	struct pto_device *dev;
	struct pto_stream *stream;
	char *host, *there;
	int64_t *running;
	int64_t copied;
	int index;
	int (*how)(int index);
	int ret;
};

static void *kill_device(void *arg)
{
	struct killer *k = arg;
	int i;

	k->ret = UNTIL(__atomic_load_n(k->running, __ATOMIC_RELAXED) > 20) ? 0 : -ETIME;
	for (i = 0; i < COPIES && !k->ret && k->copied >= 0; i++)
		k->copied = pto_stream_write(k->stream, k->there, k->host, COPY);
	if (!k->ret)
		k->ret = k->how(k->index);
	return NULL;
}

static void dies(struct __test_metadata *_metadata, int index, int (*how)(int index))
{
	static const char *const words[] = { "task ", "func_id 1", " core ", " of pto",
					     "reset or is gone", "stream ", "seqno ",
					     "; 2 arguments", NULL };
	struct killer k = { .index = index, .how = how };
	struct pto_stream *s;
	char name[16], byte;
	pthread_t thread;
	struct rig r;
	void *ptr;

	snprintf(name, sizeof(name), "pto%d", index);
	ASSERT_EQ(0, rig_open(&r, name)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_stream_create(r.dev, &s));
	/* More than run until then. */
	ASSERT_EQ(0, rig_add_busy(&r, 20000, 2000));
	k.running = r.word;
	k.stream = s;
	k.host = calloc(1, COPY);
	ASSERT_NE(NULL, k.host);
	ASSERT_EQ(0, pto_mem_alloc(r.dev, COPY, (void **)&k.there)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pthread_create(&thread, NULL, kill_device, &k));
	EXPECT_EQ(-ENODEV, rig_launch(&r));
	EXPECT_TRUE(names(words)) TH_LOG("%s", pto_last_error());
	/* Not values from memory that is gone. */
	EXPECT_EQ(NULL, strstr(pto_last_error(), "arguments:")) TH_LOG("%s", pto_last_error());
	pthread_join(thread, NULL);
	EXPECT_EQ(0, k.ret);
	/* Copies that were under way. */
	EXPECT_EQ(COPIES, k.copied);
	EXPECT_EQ(-ENODEV, pto_stream_wait(s, COPIES, BOUND_MS));
	/* Everything says so, and nothing hangs or crashes; what is to be freed can be. */
	EXPECT_EQ(-ENODEV, rig_launch(&r));
	EXPECT_EQ(-ENODEV, pto_mem_alloc(r.dev, 64, &ptr));
	EXPECT_EQ(-ENODEV, pto_mem_read(r.dev, &byte, r.word, 1));
	EXPECT_EQ(-ENODEV, pto_stream_write(s, r.word, &byte, 1));
	EXPECT_EQ(-ENODEV, pto_stream_wait(s, 0, 0));
	pto_stream_destroy(s);
	free(k.host);
	EXPECT_EQ(0, pto_mem_free(r.dev, k.there));
	EXPECT_EQ(0, rig_close(&r)) TH_LOG("%s", pto_last_error());
}

TEST_F(failure, reset_in_the_middle_of_a_launch)
{
	int index = last_device(), round;
	struct rig r;
	char name[16];

	snprintf(name, sizeof(name), "pto%d", index);
	for (round = 0; round < 2; round++)
		dies(_metadata, index, device_reset);
	ASSERT_EQ(0, rig_open(&r, name)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, good_run(r.dev, r.prog[0], 300)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, rig_close(&r));
}

static struct pto_task tensor_task(const struct pto_access *access)
{
	return (struct pto_task){
		.size = sizeof(struct pto_task), .kernels = { PTO_NO_KERNEL, 0, PTO_NO_KERNEL },
		.naccesses = 1, .accesses = access,
	};
}

static void *reset_later(void *arg)
{
	struct killer *k = arg;

	usleep(k->copied);
	k->ret = k->how(k->index);
	return NULL;
}

/*
 * At any point of building and of launching: the library's own data in the device's memory is
 * gone by then. -ENODEV it is in the end, and no other error before.
 */
static int until_dead(struct rig *r, struct pto_access *access)
{
	const struct pto_task t = tensor_task(access);
	int ret, i;

	for (i = 0, ret = 0; i < 100 && ret >= 0; i++)
		ret = pto_graph_submit(r->graph, &t);
	for (i = 0; i < 1000000 && ret >= 0; i++)
		ret = rig_launch(r);
	return ret;
}

TEST_F(failure, a_reset_at_any_time_is_only_that)
{
	int index = last_device(), round;
	struct killer k = { .index = index, .how = device_reset };
	const uint32_t n = 64;
	struct pto_tensor tensor;
	struct pto_access access = { &tensor, PTO_INOUT };
	char name[16];
	pthread_t thread;
	struct rig r;

	snprintf(name, sizeof(name), "pto%d", index);
	setenv("PTO_CHECK", "1", 1);
	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, rig_open(&r, name)) TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, pto_tensor_init(&tensor, r.word, &n, 1, PTO_FLOAT32));
		ASSERT_EQ(0, pto_graph_param(r.graph, r.word, 4096)) TH_LOG("%s", pto_last_error());
		k.copied = 3000 * round;
		ASSERT_EQ(0, pthread_create(&thread, NULL, reset_later, &k));
		EXPECT_EQ(-ENODEV, until_dead(&r, &access)) TH_LOG("%s", pto_last_error());
		pthread_join(thread, NULL);
		EXPECT_EQ(0, k.ret);
		EXPECT_EQ(0, rig_close(&r)) TH_LOG("%s", pto_last_error());
	}
	unsetenv("PTO_CHECK");
}

TEST_F(failure, reset_in_the_middle_of_a_flow)
{
	int index = last_device(), ret;
	struct killer k = { .index = index, .how = device_reset, .copied = 100000 };
	const uint32_t n = 64;
	struct pto_tensor tensor;
	struct pto_access access = { &tensor, PTO_INOUT };
	const struct pto_task t = tensor_task(&access);
	struct pto_flow *flow;
	pthread_t thread;
	struct rig r;
	char name[16];
	int64_t id;

	snprintf(name, sizeof(name), "pto%d", index);
	ASSERT_EQ(0, rig_open(&r, name)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_tensor_init(&tensor, r.word, &n, 1, PTO_FLOAT32));
	ASSERT_EQ(0, pto_flow_start(r.graph, NULL, NULL, &flow)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pthread_create(&thread, NULL, reset_later, &k));
	do
		id = pto_flow_submit(flow, &t);
	while (id >= 0);
	EXPECT_EQ(-ECANCELED, id) TH_LOG("%s", pto_last_error());
	ret = pto_flow_finish(flow);
	EXPECT_EQ(-ENODEV, ret) TH_LOG("%s", pto_last_error());
	EXPECT_NE(NULL, strstr(pto_last_error(), "reset or is gone"))
		TH_LOG("%s", pto_last_error());
	pthread_join(thread, NULL);
	EXPECT_EQ(0, k.ret);
	EXPECT_EQ(0, rig_close(&r)) TH_LOG("%s", pto_last_error());
}

/* While the dead one is still held, a new one can be opened. */
TEST_F(failure, a_dead_device_and_its_successor)
{
	int index = last_device();
	struct rig dead, r;
	char name[16];

	snprintf(name, sizeof(name), "pto%d", index);
	ASSERT_EQ(0, rig_open(&dead, name));
	ASSERT_EQ(0, device_reset(index));
	ASSERT_EQ(0, rig_open(&r, name)) TH_LOG("%s", pto_last_error());
	EXPECT_NE(dead.dev, r.dev);
	EXPECT_EQ(-ENODEV, good_run(dead.dev, dead.prog[0], 10));
	EXPECT_EQ(0, good_run(r.dev, r.prog[0], 300)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, rig_close(&dead));
	EXPECT_EQ(0, good_run(r.dev, r.prog[0], 300)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, rig_close(&r));
}

TEST_F(failure, unplug_in_the_middle_of_a_launch)
{
	int index = last_device();
	struct pto_device *dev;
	char name[16];

	if (!index)
		SKIP(return, "no device to spare");
	dies(_metadata, index, device_unplug);
	snprintf(name, sizeof(name), "pto%d", index);
	EXPECT_EQ(-ENODEV, pto_device_open(name, &dev));
	/* Another device was not touched by that. */
	EXPECT_EQ(0, good_run(self->r.dev, self->r.prog[0], 300)) TH_LOG("%s", pto_last_error());
}

TEST_F(failure, set_device_opens_a_dead_one_anew)
{
	int index = last_device();
	uint64_t value = 42, back = 0;
	void *ptr;

	setenv("PTO_DEVICE", "pto0", 1);
	ASSERT_EQ(0, set_device(index)) TH_LOG("%s", pto_last_error());
	EXPECT_NE(NULL, device_malloc(4096));
	ASSERT_EQ(0, device_reset(index));
	EXPECT_EQ(NULL, device_malloc(4096));
	EXPECT_NE(NULL, strstr(pto_last_error(), "reset"));
	ASSERT_EQ(0, set_device(index)) TH_LOG("%s", pto_last_error());
	ptr = device_malloc(4096);
	ASSERT_NE(NULL, ptr) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, copy_to_device(ptr, &value, sizeof(value)));
	EXPECT_EQ(0, copy_from_device(&back, ptr, sizeof(back)));
	EXPECT_EQ(value, back);
	device_free(ptr);
}

TEST_HARNESS_MAIN
