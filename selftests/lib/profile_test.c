// SPDX-License-Identifier: MIT OR LGPL-2.1
/* What swim_time.json says of graphs that were built before their launch, and of flows. */
#include <jansson.h>

#include "kselftest_harness.h"

#include "lib_test.h"

enum { NOOP, BUSY, CRASH };

FIXTURE(profile)
{
	struct pto_device *dev;
	struct pto_program *prog[3];
	struct pto_graph *graph;
	struct pto_launch_opts opts;
	struct pto_flow_opts flow_opts;
	void *buffer;
	char path[64];
	json_t *json;
};

FIXTURE_SETUP(profile)
{
	static const char *const names[] = { "noop", "busy", "crash" };
	int i;

	ASSERT_EQ(0, pto_device_open(NULL, &self->dev));
	ASSERT_EQ(0, pto_graph_create(self->dev, &self->graph));
	for (i = 0; i < 3; i++) {
		self->prog[i] = load_kernel(self->dev, names[i]);
		ASSERT_NE(NULL, self->prog[i]) TH_LOG("%s: %s", names[i], pto_last_error());
		ASSERT_EQ(0, pto_graph_set_kernel(self->graph, i, self->prog[i]));
	}
	ASSERT_EQ(0, pto_mem_alloc(self->dev, 4096, &self->buffer));
	self->opts = (struct pto_launch_opts){
		.size = sizeof(self->opts), .flags = PTO_LAUNCH_PROFILE, .block_dim = 2,
		.aicpu_threads = 1, .timeout_ms = 60000,
	};
	self->flow_opts = (struct pto_flow_opts){ .size = sizeof(self->flow_opts) };
	snprintf(self->path, sizeof(self->path), "/tmp/pto-profile-%d.json", getpid());
}

FIXTURE_TEARDOWN(profile)
{
	int i;

	json_decref(self->json);
	unlink(self->path);
	EXPECT_EQ(0, pto_graph_destroy(self->graph));
	EXPECT_EQ(0, pto_mem_free(self->dev, self->buffer));
	for (i = 0; i < 3; i++)
		pto_program_unload(self->prog[i]);
	pto_device_close(self->dev);
}

/* Write the profile, and read it. */
static int load(FIXTURE_DATA(profile) *self)
{
	int ret = pto_profile_write(self->graph, self->path);

	if (!ret)
		self->json = json_load_file(self->path, 0, NULL);
	return ret ? ret : self->json ? 0 : -EBADMSG;
}

static int tensor(FIXTURE_DATA(profile) *self, size_t at, struct pto_tensor *t)
{
	return pto_tensor_init(t, (char *)self->buffer + at, (const uint32_t[]){ 64 }, 1, PTO_FLOAT32);
}

static int64_t submit(struct pto_flow *flow, int func_id, struct pto_tensor *t, uint32_t dir,
		      uint64_t scalar)
{
	struct pto_access access = { t, dir };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, func_id, -1 },
				 .naccesses = 1, .accesses = &access,
				 .nscalars = 1, .scalars = &scalar };

	return pto_flow_submit(flow, &task);
}

static json_t *task_of(FIXTURE_DATA(profile) *self, int id)
{
	json_t *task;
	size_t i;

	json_array_foreach(json_object_get(self->json, "tasks"), i, task)
		if (json_integer_value(json_object_get(task, "task_id")) == id)
			return task;
	return NULL;
}

/* Do edges lead from task @from to the @count tasks in @to, and to no others? */
static bool leads_to(FIXTURE_DATA(profile) *self, int from, const int *to, size_t count)
{
	json_t *task = task_of(self, from), *list = json_object_get(task, "fanout");
	size_t i;

	if (json_array_size(list) != count ||
	    json_integer_value(json_object_get(task, "fanout_count")) != count)
		return false;
	for (i = 0; i < count; i++)
		if (json_integer_value(json_array_get(list, i)) != to[i])
			return false;
	return true;
}

#define LEADS_TO(from, ...) \
	leads_to(self, from, (const int[]){ __VA_ARGS__ }, \
		 sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

static double time_of(json_t *of, const char *key)
{
	return json_number_value(json_object_get(of, key));
}

/* The phases of a name of one thread; *@tasks: that they have processed. */
static int count_phases(FIXTURE_DATA(profile) *self, const char *key, int thread, const char *name,
			int *tasks)
{
	json_t *list = json_array_get(json_object_get(self->json, key), thread), *phase;
	int n = 0;
	size_t i;

	*tasks = 0;
	json_array_foreach(list, i, phase) {
		if (strcmp(name, json_string_value(json_object_get(phase, "phase"))))
			continue;
		if (time_of(phase, "end_time_us") < time_of(phase, "start_time_us"))
			return -1;
		*tasks += json_integer_value(json_object_get(phase, "tasks_processed"));
		n++;
	}
	return n;
}

/* Do the times of each task follow one another? With the driver's, if it has been through it. */
static bool in_order(FIXTURE_DATA(profile) *self, bool driver)
{
	static const char *const keys[] = {
		"dispatch_time_us", "driver_accept_time_us", "start_time_us", "end_time_us",
		"driver_done_time_us", "finish_time_us",
	};
	json_t *task, *time;
	double last;
	size_t i, k;

	json_array_foreach(json_object_get(self->json, "tasks"), i, task) {
		for (last = 0, k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
			time = json_object_get(task, keys[k]);
			if (!time && !driver && !strncmp(keys[k], "driver", 6))
				continue;
			if (!time || json_number_value(time) < last)
				return false;
			last = json_number_value(time);
		}
	}
	return true;
}

TEST_F(profile, built_before)
{
	const char *device = getenv("PTO_DEVICE");
	int i, tasks;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(i, pto_graph_add_task(self->graph, NOOP, PTO_AIV, NULL, 0));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 0, 1));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 0, 2));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 1, 3));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 2, 3));
	ASSERT_EQ(0, pto_graph_launch(self->graph, &self->opts)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, load(self)) TH_LOG("%s", pto_last_error());
	EXPECT_TRUE(in_order(self, device && !strncmp(device, "pto", 3)));
	EXPECT_TRUE(LEADS_TO(0, 1, 2));
	EXPECT_TRUE(LEADS_TO(1, 3));
	EXPECT_TRUE(LEADS_TO(2, 3));
	EXPECT_TRUE(LEADS_TO(3));
	EXPECT_EQ(NULL, json_object_get(task_of(self, 0), "submit_time_us"));
	EXPECT_EQ(0, json_object_size(json_object_get(self->json, "aicpu_orchestrator")));
	EXPECT_EQ(0, json_array_size(json_object_get(self->json, "aicpu_orchestrator_phases")));
	EXPECT_EQ(1, count_phases(self, "aicpu_scheduler_phases", 0, "schedule", &tasks));
	EXPECT_EQ(4, tasks);
}

/* Who waits for nothing but a kernel is seen to wait. */
TEST_F(profile, waits_of_a_scheduler)
{
	uint64_t args[] = { (uintptr_t)self->buffer, 20000 };
	int i, tasks;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(i, pto_graph_add_task(self->graph, BUSY, PTO_AIV, args, 2));
	ASSERT_EQ(0, pto_graph_add_edge(self->graph, 0, 1));
	self->opts.aicpu_threads = 2;
	ASSERT_EQ(0, pto_graph_launch(self->graph, &self->opts)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, load(self)) TH_LOG("%s", pto_last_error());
	i = count_phases(self, "aicpu_scheduler_phases", 0, "wait", &tasks);
	EXPECT_EQ(0, tasks);
	EXPECT_LE(0, i);
	/* In place who has the task is at work for all of the time. */
	if (getenv("PTO_EMULATOR") && !strcmp(getenv("PTO_EMULATOR"), "threads")) {
		i += count_phases(self, "aicpu_scheduler_phases", 1, "wait", &tasks);
		EXPECT_LT(0, i);
	}
}

TEST_F(profile, flow)
{
	struct pto_tensor a, b;
	struct pto_flow *flow;
	int i, tasks;

	ASSERT_EQ(0, tensor(self, 0, &a));
	ASSERT_EQ(0, tensor(self, 1024, &b));
	ASSERT_EQ(0, pto_flow_start(self->graph, &self->opts, &self->flow_opts, &flow));
	ASSERT_EQ(0, submit(flow, NOOP, &a, PTO_OUT, 0));
	ASSERT_EQ(1, submit(flow, NOOP, &a, PTO_IN, 0));
	ASSERT_EQ(2, submit(flow, NOOP, &b, PTO_OUT, 0));
	ASSERT_EQ(3, submit(flow, NOOP, &a, PTO_IN, 0));
	ASSERT_EQ(4, submit(flow, NOOP, &a, PTO_INOUT, 0));
	ASSERT_EQ(0, pto_flow_finish(flow)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, load(self)) TH_LOG("%s", pto_last_error());
	EXPECT_TRUE(LEADS_TO(1, 4));
	EXPECT_TRUE(LEADS_TO(2));
	EXPECT_TRUE(LEADS_TO(3, 4));
	EXPECT_TRUE(LEADS_TO(4));
	EXPECT_TRUE(LEADS_TO(0, 1, 3, 4) || LEADS_TO(0, 1, 3));
	for (i = 0; i < 5; i++)
		EXPECT_LE(time_of(task_of(self, i), "submit_time_us"),
			  time_of(task_of(self, i), "dispatch_time_us"));
	EXPECT_EQ(5, json_integer_value(json_object_get(
		json_object_get(self->json, "aicpu_orchestrator"), "submit_count")));
	EXPECT_EQ(1, count_phases(self, "aicpu_orchestrator_phases", 0, "orchestrate", &tasks));
	EXPECT_EQ(5, tasks);
	EXPECT_EQ(0, count_phases(self, "aicpu_orchestrator_phases", 0, "wait", &tasks));
}

/* More tasks than places: the profile has all of them, and the calls that waited. */
TEST_F(profile, flow_in_a_small_window)
{
	struct pto_flow *flow, *other;
	struct pto_tensor a;
	int i, tasks;

	self->flow_opts.window = 4;
	ASSERT_EQ(0, tensor(self, 0, &a));
	ASSERT_EQ(0, pto_flow_start(self->graph, &self->opts, &self->flow_opts, &flow));
	ASSERT_EQ(0, pto_flow_fork(flow, &other));
	for (i = 0; i < 60; i++)
		ASSERT_EQ(i, submit(i % 3 ? flow : other, BUSY, &a, PTO_INOUT, 500));
	ASSERT_EQ(0, pto_flow_finish(other));
	ASSERT_EQ(0, pto_flow_finish(flow)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, load(self)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(60, json_array_size(json_object_get(self->json, "tasks")));
	for (i = 0; i < 60; i++) {
		ASSERT_NE(NULL, task_of(self, i));
		EXPECT_TRUE(LEADS_TO(i, i + 1) || LEADS_TO(i)) TH_LOG("task %d", i);
	}
	EXPECT_EQ(1, count_phases(self, "aicpu_orchestrator_phases", 0, "orchestrate", &tasks));
	EXPECT_EQ(40, tasks);
	EXPECT_EQ(1, count_phases(self, "aicpu_orchestrator_phases", 1, "orchestrate", &tasks));
	EXPECT_EQ(20, tasks);
	i = count_phases(self, "aicpu_orchestrator_phases", 0, "wait", &tasks) +
	    count_phases(self, "aicpu_orchestrator_phases", 1, "wait", &tasks);
	EXPECT_LT(0, i);
}

/* What has failed has a profile too, of what it had come to. */
TEST_F(profile, failed_flow)
{
	uint64_t how = 2;
	struct pto_task crash = { .size = sizeof(crash), .kernels = { -1, CRASH, -1 },
				  .nscalars = 1, .scalars = &how };
	struct pto_flow *flow;
	struct pto_tensor a;

	if (on_driver(self->dev))
		SKIP(return, "a kernel that crashes is the embedded device's matter");
	ASSERT_EQ(0, tensor(self, 0, &a));
	ASSERT_EQ(0, pto_flow_start(self->graph, &self->opts, &self->flow_opts, &flow));
	ASSERT_EQ(0, submit(flow, NOOP, &a, PTO_INOUT, 0));
	EXPECT_EQ(1, pto_flow_submit(flow, &crash));
	EXPECT_EQ(-EIO, pto_flow_finish(flow));
	ASSERT_EQ(0, load(self)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(NULL, task_of(self, 1));
}

TEST_F(profile, errors)
{
	EXPECT_EQ(-EINVAL, pto_profile_write(NULL, self->path));
	EXPECT_EQ(-EINVAL, pto_profile_write(self->graph, NULL));
	EXPECT_EQ(-ENODATA, pto_profile_write(self->graph, self->path));
	ASSERT_EQ(0, pto_graph_add_task(self->graph, NOOP, PTO_AIV, NULL, 0));
	ASSERT_EQ(0, pto_graph_launch(self->graph, &self->opts));
	EXPECT_EQ(-ENOENT, pto_profile_write(self->graph, "/tmp/no such folder/swim_time.json"));
	EXPECT_EQ(0, load(self));
}

TEST_HARNESS_MAIN
