// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Tasks that are held back until their scope ends, and edges between them. */
#include "flow_test.h"

/* A task that is held back; what it writes is left to edges. */
static int64_t submit_held(struct pto_flow *flow, uint64_t *counter)
{
	uint64_t scalars[] = { (uintptr_t)counter };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, COUNT, -1 },
				 .flags = PTO_TASK_HELD | PTO_TASK_NO_DEPS,
				 .nscalars = 1, .scalars = scalars };

	return pto_flow_submit(flow, &task);
}

TEST_F(flow, tasks_that_are_held_back)
{
	uint64_t *counter = (uint64_t *)self->buffer;
	struct pto_tensor t;
	int i;

	self->flow_opts.window = 64;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(i, submit_held(self->flow, counter)) TH_LOG("%s", pto_last_error());
		if (i)
			ASSERT_EQ(0, pto_flow_add_edge(self->flow, i - 1, i));
	}
	EXPECT_EQ(-EINVAL, pto_flow_add_edge(self->flow, 7, 6));
	EXPECT_EQ(-EINVAL, pto_flow_add_edge(self->flow, 7, 7));
	EXPECT_EQ(-EINVAL, pto_flow_add_edge(self->flow, -1, 7));
	EXPECT_EQ(-EINVAL, pto_flow_add_edge(self->flow, 7, 50));
	EXPECT_EQ(0, __atomic_load_n(counter, __ATOMIC_RELAXED));
	ASSERT_EQ(0, pto_flow_scope_end(self->flow));
	EXPECT_EQ(-EINVAL, pto_flow_add_edge(self->flow, 7, 8));
	EXPECT_NE(NULL, strstr(pto_last_error(), "its scope has ended"));
	/* The outermost scope is one, too; others do not hold back. */
	pto_tensor_init(&t, self->buffer, SHAPE(64), 1, PTO_INT8);
	ASSERT_EQ(50, submit_held(self->flow, counter));
	ASSERT_EQ(51, submit(self->flow, NOOP, &t, PTO_IN));
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(51, *counter);
}

TEST_F(flow, an_edge_keeps_what_its_task_has_made)
{
	struct pto_tensor t, other;
	uint32_t user;
	int i;

	self->flow_opts.heap = 4096;
	ASSERT_EQ(0, start(self));
	for (i = 0; i < 20; i++) {
		const struct heap *h = &self->flow->heap[1];

		ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
		pto_tensor_init(&t, NULL, SHAPE(3000), 1, PTO_INT8);
		ASSERT_EQ(3 * i, submit_flags(self->flow, &t, PTO_TASK_HELD | PTO_TASK_NO_DEPS))
			TH_LOG("%s", pto_last_error());
		/* One that knows its address, perhaps, and not as a tensor; and one that does not. */
		ASSERT_EQ(3 * i + 1, submit_held(self->flow, (uint64_t *)self->buffer));
		ASSERT_EQ(3 * i + 2, submit_held(self->flow, (uint64_t *)self->buffer));
		EXPECT_FALSE(heap_blocker(h, &user));
		EXPECT_EQ(3 * i, user);
		ASSERT_EQ(0, pto_flow_add_edge(self->flow, 3 * i, 3 * i + 1));
		EXPECT_FALSE(heap_blocker(h, &user));
		ASSERT_EQ(0, pto_flow_scope_end(self->flow));
		EXPECT_TRUE(heap_blocker(h, &user));
		EXPECT_EQ(3 * i + 1, user);
	}
	/* A task that comes later can not be given it, though. */
	other = t;
	EXPECT_EQ(-ESTALE, submit(self->flow, NOOP, &other, PTO_IN));
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(40, *(uint64_t *)self->buffer);
}

TEST_F(flow, more_held_back_than_the_window_has)
{
	uint64_t *counter = (uint64_t *)self->buffer;
	int i;

	self->flow_opts.window = 8;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	for (i = 0; i < 8; i++)
		ASSERT_EQ(i, submit_held(self->flow, counter));
	EXPECT_EQ(-ENOBUFS, submit_held(self->flow, counter));
	EXPECT_NE(NULL, strstr(pto_last_error(), "raise PTO2_RING_TASK_WINDOW to 16"));
	EXPECT_NE(NULL, strstr(pto_last_error(), "hold back 8 of 8 tasks"));
	ASSERT_EQ(0, pto_flow_scope_end(self->flow));
	EXPECT_EQ(8, submit_held(self->flow, counter));
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(9, *counter);
}

TEST_F(flow, one_that_an_outer_scope_holds_back)
{
	uint64_t *counter = (uint64_t *)self->buffer;
	int i;

	self->flow_opts.window = 8;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, submit_held(self->flow, counter));
	for (i = 1; i < 8; i++) {
		ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
		ASSERT_EQ(i, submit_scalar(self->flow, COUNT, counter));
		ASSERT_EQ(0, pto_flow_scope_end(self->flow));
	}
	EXPECT_EQ(-ENOBUFS, submit_scalar(self->flow, COUNT, counter));
	EXPECT_NE(NULL, strstr(pto_last_error(), "hold back 1 of 8 tasks that are under way"));
	EXPECT_NE(NULL, strstr(pto_last_error(), "and all behind it theirs"));
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(8, *counter);
}

/*
 * The first task that is held back is also the first at the beginning of the ring of arguments,
 * where that begins anew before it was ever full: the others have all of it nevertheless.
 */
TEST_F(flow, held_back_where_the_arguments_begin_anew)
{
	atomic_ulong *flag = (void *)self->buffer, *ran = flag + 1;
	unsigned long done = 0;
	const struct stream *s;
	int i;

	self->opts.aicpu_threads = 2;
	ASSERT_EQ(0, start(self));
	s = self->flow->stream;
	/* Not when it looks which are complete: that would be all. */
	for (i = 0; s->args_head <= s->args_warm / 2 + 4096 || i % 16 == 0; i++, done++) {
		ASSERT_EQ(i, submit_scalar(self->flow, COUNT, ran));
	}
	ASSERT_TRUE(becomes(ran, done));
	ASSERT_EQ(i++, submit_scalar(self->flow, SPIN, flag));
	for (; s->args_head < s->args_warm; i++, done++) {
		ASSERT_EQ(i, submit_scalar(self->flow, COUNT, ran));
	}
	/* At the ring's beginning, unless workers were late to tell what is complete. */
	ASSERT_EQ(i++, submit_held(self->flow, (uint64_t *)ran));
	atomic_store(flag, 1);
	ASSERT_TRUE(becomes(ran, done));
	for (done++; s->head - s->tail < s->window.mask; i++, done++) {
		ASSERT_EQ(i, submit_held(self->flow, (uint64_t *)ran)) TH_LOG("%s", pto_last_error());
	}
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(done, atomic_load(ran));
}

TEST_F(flow, more_edges_of_held_back_tasks_than_the_pool_has)
{
	uint64_t *counter = (uint64_t *)self->buffer;
	int64_t task;
	int ret = 0;

	self->flow_opts.window = 256;
	self->flow_opts.dep_pool = 5;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	ASSERT_EQ(0, submit_held(self->flow, counter));
	for (task = 1; task < 200 && !ret; task++) {
		ASSERT_EQ(task, submit_held(self->flow, counter));
		ret = pto_flow_add_edge(self->flow, 0, task);
	}
	EXPECT_EQ(-ENOBUFS, ret);
	EXPECT_EQ(3 + 5 * 7 + 1, task - 1);
	EXPECT_NE(NULL, strstr(pto_last_error(), "raise PTO2_RING_DEP_POOL to 10"));
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(task, *counter);
}

/* Around all ends of chunks; those of the first round are used again. */
TEST_F(flow, any_number_of_successors)
{
	uint64_t *counter = (uint64_t *)self->buffer;
	int64_t task = 0, first;
	int i, n, round;

	self->opts.timeout_ms = 20000;
	self->flow_opts.window = 64;
	self->flow_opts.dep_pool = 4;
	ASSERT_EQ(0, start(self));
	for (round = 0; round < 3; round++) {
		for (n = 0; n <= 3 + 4 * 7; n++) {
			ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
			first = task;
			ASSERT_EQ(task++, submit_held(self->flow, counter))
				TH_LOG("%s", pto_last_error());
			for (i = 0; i < n; i++) {
				ASSERT_EQ(task++, submit_held(self->flow, counter))
					TH_LOG("%s", pto_last_error());
				ASSERT_EQ(0, pto_flow_add_edge(self->flow, first, task - 1))
					TH_LOG("%s", pto_last_error());
			}
			ASSERT_EQ(0, pto_flow_scope_end(self->flow));
		}
	}
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(task, *counter);
}

/* As if @n more tasks had come and gone; those that there are have no edges beyond their nodes. */
static void skip_tasks(struct __test_metadata *_metadata, struct stream *s, uint32_t n)
{
	uint32_t task;
	int ms;

	for (task = s->tail; task != s->head; task++) {
		for (ms = 0; ms < 10000 && load_acquire(&stream_task(s, task)->node.state); ms++)
			usleep(1000);
		ASSERT_GT(10000, ms);
	}
	pthread_mutex_lock(&s->lock);
	s->head += n;
	s->tail = s->head;
	s->stat.tasks += n;
	atomic_fetch_add(&s->sched->run.finished, n);
	pthread_mutex_unlock(&s->lock);
}

/* A number is 32 bits of a task's: one of a long time ago is not taken for one that is to come. */
TEST_F(flow, tasks_of_a_long_time_ago)
{
	const uint32_t many = 3u << 30;
	uint64_t *counter = (uint64_t *)self->buffer;
	struct pto_tensor whole, part, buffer;
	int64_t task = 0;
	int i;

	self->opts.timeout_ms = 20000;
	self->flow_opts.window = 64;
	self->flow_opts.heap = 4096;
	ASSERT_EQ(0, start(self));
	pto_tensor_init(&whole, self->buffer + 64, SHAPE(64), 1, PTO_INT8);
	pto_tensor_view(&whole, SHAPE(32), SHAPE(0), &part);
	for (i = 0; i < 3; i++, task += many) {
		/* Each begins at place 0: it would wait for itself. */
		ASSERT_EQ(task, submit(self->flow, NOOP, i % 2 ? &part : &whole, PTO_INOUT))
			TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
		pto_tensor_init(&buffer, NULL, SHAPE(4096), 1, PTO_INT8);
		ASSERT_EQ(++task, submit(self->flow, NOOP, &buffer, PTO_OUT))
			TH_LOG("%s", pto_last_error());
		ASSERT_EQ(++task, submit_held(self->flow, counter));
		ASSERT_EQ(0, pto_flow_add_edge(self->flow, task % many - 1, task))
			TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, pto_flow_scope_end(self->flow));
		for (; (task + 1) % 64; task++)
			ASSERT_EQ(task + 1, submit(self->flow, NOOP, NULL, 0));
		task++;
		skip_tasks(_metadata, self->flow->stream, many);
	}
	EXPECT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(3, *counter);
}

/* Chains of three, each in a scope of its own. */
static void *submit_chains(void *arg)
{
	struct submitter *s = arg;
	int i, k;

	for (i = 0; i < 10 * ROUNDS; i++) {
		int64_t id[3];

		s->failed |= pto_flow_scope_begin(s->flow);
		for (k = 0; k < 3; k++) {
			id[k] = submit_held(s->flow, s->counter);
			s->failed |= id[k] < 0 || (k && pto_flow_add_edge(s->flow, id[k - 1], id[k]));
		}
		s->failed |= pto_flow_scope_end(s->flow);
	}
	s->failed |= pto_flow_finish(s->flow);
	return NULL;
}

TEST_F(flow, several_submitters_that_hold_back)
{
	uint64_t *counter = (uint64_t *)self->buffer;
	struct submitter s[THREADS];
	pthread_t thread[THREADS];
	int i;

	self->flow_opts.window = 16;
	ASSERT_EQ(0, start(self));
	for (i = 0; i < THREADS; i++) {
		s[i] = (struct submitter){ .counter = counter };
		ASSERT_EQ(0, pto_flow_fork(self->flow, &s[i].flow));
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, submit_chains, &s[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, s[i].failed);
	}
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(3 * 10 * ROUNDS * THREADS, *counter);
}

static void *submit_one_more(void *arg)
{
	struct submitter *s = arg;

	s->failed |= submit_held(s->flow, s->counter) < 0;
	s->failed |= pto_flow_finish(s->flow);
	return NULL;
}

TEST_F(flow, who_holds_back_the_oldest_hears_of_it_others_wait)
{
	struct submitter s = { .counter = (uint64_t *)self->buffer };
	pthread_t thread;
	int i;

	self->flow_opts.window = 16;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_fork(self->flow, &s.flow));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	for (i = 0; i < 8; i++)
		ASSERT_EQ(i, submit_held(i < 4 ? self->flow : s.flow, s.counter));
	ASSERT_EQ(0, pthread_create(&thread, NULL, submit_one_more, &s));
	for (; i < 16; i++)
		ASSERT_EQ(i, submit_held(self->flow, s.counter)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(-ENOBUFS, submit_held(self->flow, s.counter));
	EXPECT_EQ(0, pto_flow_scope_end(self->flow));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, s.failed);
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(17, *s.counter);
}

/**
 * struct holder - a thread that submits scopes
 * @size:	of a buffer that the scope's first task makes
 * @tasks:	in a scope, each after the first one
 * @flags:	of these
 */
struct holder {
	struct pto_flow *flow;
	uint32_t size;
	int scopes, tasks;
	uint32_t flags;
	char text[256];
};

static int64_t submit_after(struct holder *h, struct pto_tensor *first)
{
	struct pto_access access = { first, PTO_IN };
	struct pto_task task = { .size = sizeof(task), .kernels = { -1, NOOP, -1 },
				 .flags = h->flags, .naccesses = 1, .accesses = &access };

	return pto_flow_submit(h->flow, &task);
}

static int submit_scope(struct holder *h)
{
	struct pto_tensor t;
	int64_t first, id;
	int i;

	pto_tensor_init(&t, NULL, SHAPE(h->size), 1, PTO_INT8);
	first = submit_flags(h->flow, &t, h->flags);
	if (first < 0)
		return first;
	for (i = 1; i < h->tasks; i++) {
		id = submit_after(h, &t);
		if (id < 0)
			return id;
		if (h->flags && pto_flow_add_edge(h->flow, first, id))
			return -1;
	}
	return 0;
}

static void *submit_scopes(void *arg)
{
	struct holder *h = arg;
	int i, ret = 0;

	for (i = 0; i < h->scopes && !ret; i++) {
		pto_flow_scope_begin(h->flow);
		ret = submit_scope(h);
		if (ret)
			snprintf(h->text, sizeof(h->text), "%s", pto_last_error());
		pto_flow_scope_end(h->flow);
	}
	pto_flow_finish(h->flow);
	return NULL;
}

#define HOLDERS	16
#define HELD	(PTO_TASK_HELD | PTO_TASK_NO_DEPS)

/* By 2, 4 and 16 threads, and @others more that hold nothing back. */
static void submit_together(struct __test_metadata *_metadata, FIXTURE_DATA(flow) *self,
			    const struct holder *like, int others)
{
	struct holder h[HOLDERS + 1];
	pthread_t thread[HOLDERS + 1];
	uint64_t tasks;
	int i, n;

	self->opts.aicpu_threads = 2;
	/* Each submitter has one. */
	self->flow_opts.heap = self->flow_opts.heap ?: 1 << 20;
	for (n = 2; n <= HOLDERS; n *= n) {
		ASSERT_EQ(0, start(self));
		for (i = 0; i < n + others; i++) {
			h[i] = *like;
			h[i].scopes = ROUNDS;
			if (i >= n)
				h[i].flags = 0;
			ASSERT_EQ(0, pto_flow_fork(self->flow, &h[i].flow));
		}
		for (i = 0; i < n + others; i++)
			ASSERT_EQ(0, pthread_create(&thread[i], NULL, submit_scopes, &h[i]));
		for (i = 0; i < n + others; i++) {
			pthread_join(thread[i], NULL);
			EXPECT_STREQ("", h[i].text) TH_LOG("%d of %d threads", i, n);
		}
		tasks = self->flow->stream->stat.tasks;
		EXPECT_EQ(tasks, (n + others) * ROUNDS * like->tasks);
		ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
	}
}

TEST_F(flow, scopes_of_as_many_tasks_as_the_window_has)
{
	const struct holder like = { .size = 64, .tasks = 4, .flags = HELD };

	self->flow_opts.window = 4;
	submit_together(_metadata, self, &like, 0);
}

TEST_F(flow, scopes_that_need_all_of_their_heaps)
{
	const struct holder like = { .size = 4096, .tasks = 3, .flags = HELD };

	self->flow_opts.heap = 4096;
	submit_together(_metadata, self, &like, 0);
}

TEST_F(flow, scopes_that_need_all_of_the_pool_of_edges)
{
	const struct holder like = { .size = 64, .tasks = 1 + 3 + 4 * 7, .flags = HELD };

	self->flow_opts.window = 256;
	self->flow_opts.dep_pool = 4;
	submit_together(_metadata, self, &like, 0);
}

TEST_F(flow, scopes_beside_one_that_holds_nothing_back)
{
	const struct holder like = { .size = 4096, .tasks = 1 + 3 + 4 * 7, .flags = HELD };

	self->flow_opts.window = 64;
	self->flow_opts.heap = 4096;
	self->flow_opts.dep_pool = 8;
	submit_together(_metadata, self, &like, 1);
}

/* Who holds nothing back waits for a heap of its own, and is not to blame. */
TEST_F(flow, a_heap_behind_what_another_holds_back)
{
	uint64_t *counter = (uint64_t *)self->buffer;
	struct holder h = { .size = 4096, .scopes = 20, .tasks = 2 };
	pthread_t thread;

	self->flow_opts.heap = 4096;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_fork(self->flow, &h.flow));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	ASSERT_EQ(0, submit_held(self->flow, counter));
	ASSERT_EQ(0, pthread_create(&thread, NULL, submit_scopes, &h));
	usleep(50000);
	EXPECT_EQ(0, pto_flow_scope_end(self->flow));
	pthread_join(thread, NULL);
	EXPECT_STREQ("", h.text);
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

/* Half of the window is taken: who waits for the scope hears that the launch is over. */
TEST_F(flow, who_waits_for_a_scope_hears_of_the_end)
{
	struct holder h = { .size = 64, .scopes = 20, .tasks = 2 };
	pthread_t thread;

	self->flow_opts.window = 8;
	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_fork(self->flow, &h.flow));
	ASSERT_EQ(0, submit_held(self->flow, (uint64_t *)self->buffer));
	ASSERT_EQ(0, pthread_create(&thread, NULL, submit_scopes, &h));
	usleep(50000);
	pto_flow_cancel(self->flow);
	pthread_join(thread, NULL);
	EXPECT_NE(NULL, strstr(h.text, "the launch is over")) TH_LOG("%s", h.text);
	EXPECT_GT(0, pto_flow_finish(self->flow));
}

/* The scope ends once the other thread is through: that waits for it once, and not for long. */
TEST_F(flow, a_scope_that_stays_open_is_not_waited_for)
{
	uint64_t *counter = (uint64_t *)self->buffer;
	struct holder h = { .size = 64, .scopes = 100, .tasks = 3,
			    .flags = HELD };
	double begin = seconds(CLOCK_MONOTONIC);
	pthread_t thread;

	ASSERT_EQ(0, start(self));
	ASSERT_EQ(0, pto_flow_fork(self->flow, &h.flow));
	ASSERT_EQ(0, pto_flow_scope_begin(self->flow));
	ASSERT_EQ(0, submit_held(self->flow, counter));
	ASSERT_EQ(0, pthread_create(&thread, NULL, submit_scopes, &h));
	pthread_join(thread, NULL);
	EXPECT_STREQ("", h.text);
	EXPECT_GT(10, seconds(CLOCK_MONOTONIC) - begin);
	EXPECT_EQ(0, pto_flow_scope_end(self->flow));
	ASSERT_EQ(0, pto_flow_finish(self->flow)) TH_LOG("%s", pto_last_error());
}

TEST_HARNESS_MAIN
