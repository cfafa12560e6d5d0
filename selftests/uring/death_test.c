// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Waits parked in a ring, and their ring, thread or process ends: they end too, where the
 * kernel can cancel at once, else by their own bound; and nothing of the context is left.
 */
#include <pthread.h>

#include "uring_test.h"

/* The same context by ioctl: its ring is used by others, or gone. */
static struct uapi *by_ioctl(const struct uapi *u)
{
	static struct uapi twin;

	twin = *u;
	twin.path = BY_IOCTL;
	return &twin;
}

/* Contexts on device 0, seen from one of its own. */
static unsigned int contexts(const struct uapi *watcher)
{
	struct pto_info_device info = { .contexts = ~0U };

	uapi_query(by_ioctl(watcher), PTO_QUERY_DEVICE, 0, &info, sizeof(info));
	return info.contexts;
}

/* Every other context comes to its end, those of earlier tests, too. */
static bool alone(const struct uapi *watcher)
{
	return UNTIL(contexts(watcher) == 1);
}

/* ---- the ring ---- */

URING_FIXTURE(closed);

/* What a ring that goes has left for the thread to do interrupts it, as a signal would. */
static int wait_by_ioctl(struct uring *r, __u32 stream, __u64 seqno)
{
	int err;

	do
		err = uapi_wait(&r->u, stream, seqno, BOUND_NS);
	while (err == -EINTR);
	return err;
}

/* The ring goes, the context and its work stay. */
TEST_F(closed, ring)
{
	struct uring *r = &self->r;
	__u64 bound = uring_bound(&r->u);
	struct pto_stream_submit submit;
	struct pto_stream_wait wait;
	struct pto_cmd cmds[2] = { cmd_hang(), cmd_nop() };
	__u32 s = uring_stream(r, 4);

	submit = submit_wait_args(s, cmds, 2, bound);
	uring_sqe(r, PTO_IOC_STREAM_SUBMIT, &submit, 0);
	wait = wait_args(s, 1, bound);
	uring_sqe(r, PTO_IOC_STREAM_WAIT, &wait, 1);
	ASSERT_TRUE(uring_issue(r));
	io_uring_queue_exit(&r->u.ring);
	r->u.path = BY_IOCTL;
	EXPECT_EQ(2, uapi_info(&r->u).submitted);
	EXPECT_EQ(0, uapi_info(&r->u).completed);
	ASSERT_EQ(0, uapi_ctl(&r->u, s, PTO_STREAM_ABORT));
	EXPECT_ERRNO(ECANCELED, wait_by_ioctl(r, s, 2));
	ASSERT_EQ(0, uapi_submit(&r->u, s, &cmds[1], 1, NULL));
	EXPECT_EQ(0, wait_by_ioctl(r, s, 3));
}

/* Nothing but the ring holds the file, and the ring goes. */
TEST_F(closed, ring_and_file)
{
	struct uring *r = &self->r, doomed;
	struct pto_stream_wait wait;
	struct pto_cmd hang = cmd_hang();
	unsigned int round;

	ASSERT_TRUE(alone(&r->u));
	for (round = 0; round < 4; round++) {
		ASSERT_EQ(0, uring_start(&doomed, variant->setup, variant->fixed, 0));
		wait = wait_args(uring_stream(&doomed, 4), 1, uring_bound(&r->u));
		ASSERT_EQ(0, uapi_submit(&doomed.u, wait.stream, &hang, 1, NULL));
		uring_sqe(&doomed, PTO_IOC_STREAM_WAIT, &wait, 0);
		ASSERT_TRUE(uring_issue(&doomed));
		if (round & 1) {
			/* The context dies before its ring does. */
			munmap((void *)doomed.u.ctl, PAGE);
			doomed.u.ctl = NULL;
		}
		uapi_close(&doomed.u);
	}
	EXPECT_TRUE(alone(&r->u));
}

/* Waits end by themselves just as their ring goes; some are still to be parked, by a worker. */
TEST_F_TIMEOUT(closed, while_they_end, 60)
{
	unsigned int round, i;
	struct pto_stream_submit submit[16];
	struct pto_cmd cmds[16];
	struct uring doomed;
	__u32 s;

	for (round = 0; round < 15; round++) {
		ASSERT_EQ(0, uring_start(&doomed, variant->setup, variant->fixed, 0));
		s = uring_stream(&doomed, 32);
		for (i = 0; i < 16; i++) {
			cmds[i] = cmd_delay(100000 + 20000 * round);
			submit[i] = submit_wait_args(s, &cmds[i], 1, MS + 100000 * i);
			uring_sqe(&doomed, PTO_IOC_STREAM_SUBMIT, &submit[i], i)->flags |=
				i & 1 ? IOSQE_ASYNC : 0;
		}
		ASSERT_TRUE(uring_issue(&doomed));
		uapi_close(&doomed.u);
	}
	EXPECT_TRUE(alone(&self->r.u));
}

/* ---- the thread ---- */

struct errand {
	struct uring *r;
	struct pto_stream_wait wait;
};

static void *park_and_leave(void *arg)
{
	struct errand *errand = arg;

	uring_sqe(errand->r, PTO_IOC_STREAM_WAIT, &errand->wait, 3);
	io_uring_submit(&errand->r->u.ring);
	return NULL;
}

/* Who parked it is gone when the work is done: the answer comes all the same. */
TEST(thread_leaves)
{
	struct pto_cmd cmds[2] = { cmd_delay(50 * MS), cmd_hang() };
	struct errand errand;
	pthread_t thread;
	struct uring r;
	__u64 tag = 0;
	__u32 s;

	ASSERT_EQ(0, uring_start(&r, 0, false, 0));
	s = uring_stream(&r, 4);
	ASSERT_EQ(0, uapi_submit(&r.u, s, cmds, 2, NULL));
	errand = (struct errand){ &r, wait_args(s, 1, BOUND_NS) };
	ASSERT_EQ(0, pthread_create(&thread, NULL, park_and_leave, &errand));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, uapi_cqe(&r.u, BOUND_MS, &tag));
	EXPECT_EQ(3, tag);
	errand.wait = wait_args(s, 2, 20 * MS);
	ASSERT_EQ(0, pthread_create(&thread, NULL, park_and_leave, &errand));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ETIME, uapi_cqe(&r.u, BOUND_MS, NULL));
	uapi_close(&r.u);
}

/* ---- the process ---- */

/**
 * struct parking - what a child is to park, and where
 * @ring:	its parent's, or NULL: one of its own, as @setup and @fixed say
 * @bound:	of each wait
 */
struct parking {
	struct uring *ring;
	unsigned int setup;
	bool fixed;
	__u64 bound;
};

/* A child that has parked and lives until it is killed; -1 if it could not. */
static pid_t child_that_parks(int (*park)(const struct parking *), const struct parking *what)
{
	int ready[2];
	char failed = 1;
	pid_t pid;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		failed = park(what) != 0;
		write(ready[1], &failed, 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	read(ready[0], &failed, 1);
	close(ready[0]);
	return failed ? -1 : pid;
}

/* The child ends in time. */
static bool killed_for_good(pid_t pid)
{
	int status = 0;

	return !kill(pid, SIGKILL) && UNTIL(waitpid(pid, &status, WNOHANG)) &&
	       WIFSIGNALED(status);
}

/* A ring that outlives the process that parks in it. */
FIXTURE(heir) { struct uring r; };

FIXTURE_SETUP(heir)
{
	ASSERT_EQ(0, uring_start(&self->r, 0, true, 0));
}

FIXTURE_TEARDOWN(heir)
{
	uapi_close(&self->r.u);
}

/* The child's context, but the ring of its parent, which both have mapped. */
static int park_in_parents(const struct parking *what)
{
	static struct pto_stream_submit submit;
	static struct pto_stream_wait wait;
	static struct pto_cmd hang;
	struct pto_stream_create stream;
	struct uring mine = { .fixed = false };
	int err;

	err = uapi_start(&mine.u, BY_IOCTL, 0) ?:
	      uapi_stream(&mine.u, PTO_ENGINE_COPY, 0, 4, &stream);
	if (err)
		return err;
	mine.u.ring = what->ring->u.ring;
	hang = cmd_hang();
	submit = submit_wait_args(stream.handle, &hang, 1, what->bound);
	uring_sqe(&mine, PTO_IOC_STREAM_SUBMIT, &submit, 0);
	wait = wait_args(stream.handle, 1, what->bound);
	uring_sqe(&mine, PTO_IOC_STREAM_WAIT, &wait, 1);
	return io_uring_submit(&mine.u.ring) == 2 && submit.accepted == 1 ? 0 : -EIO;
}

TEST_F(heir, exit)
{
	const struct parking what = { &self->r, .bound = PTO_TIMEOUT_MAX_NS };
	int results[2];
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(park_in_parents(&what) != 0);
	EXPECT_EQ(0, uapi_reap(pid));
	/* The work was cancelled, so this is how the wait for it ends. */
	ASSERT_EQ(2, uring_collect(&self->r, results, 2));
	EXPECT_EQ(-ECANCELED, results[0]);
	EXPECT_EQ(-ECANCELED, results[1]);
	EXPECT_TRUE(alone(&self->r.u));
}

TEST_F(heir, kill)
{
	const struct parking what = { &self->r, .bound = PTO_TIMEOUT_MAX_NS };
	pid_t pid = child_that_parks(park_in_parents, &what);
	int results[2];

	ASSERT_LT(0, pid);
	EXPECT_TRUE(uring_quiet(&self->r));
	ASSERT_TRUE(killed_for_good(pid));
	ASSERT_EQ(2, uring_collect(&self->r, results, 2));
	EXPECT_EQ(-ECANCELED, results[0]);
	EXPECT_EQ(-ECANCELED, results[1]);
	EXPECT_TRUE(alone(&self->r.u));
}

/* exec() cancels what the task has in flight in any ring, or waits for its bound. */
TEST_F(heir, exec)
{
	const struct parking what = { &self->r, .bound = uring_bound(&self->r.u) };
	bool cancels = uring_cancels(&self->r.u);
	int results[2];
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (park_in_parents(&what))
			_exit(1);
		execl("/bin/busybox", "true", NULL);
		_exit(2);
	}
	EXPECT_EQ(0, uapi_reap(pid));
	ASSERT_EQ(2, uring_collect(&self->r, results, 2));
	EXPECT_EQ(cancels ? -ECANCELED : -ETIME, results[0]);
	EXPECT_EQ(cancels ? -ECANCELED : -ETIME, results[1]);
	if (cancels)
		EXPECT_ROW(&self->r.u, URING, ECANCELED, ring_closed, results[1]);
	EXPECT_TRUE(alone(&self->r.u));
}

/* The context of another process, by the ring of that one, by its file or registered. */
TEST_F(heir, other_address_space)
{
	struct pto_mem_alloc alloc = { sizeof(alloc), .bytes = PAGE };
	struct pto_reset reset = { sizeof(reset) };
	struct uring *r = &self->r;
	struct pto_stream_wait wait;
	struct pto_cmd hang = cmd_hang();
	__u32 s = uring_stream(r, 4);
	pid_t pid;

	ASSERT_EQ(0, uapi_submit(&r->u, s, &hang, 1, NULL));
	wait = wait_args(s, 1, BOUND_NS);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int wrong = 0, fixed;

		for (fixed = 0; fixed < 2; fixed++) {
			r->fixed = fixed;
			wrong += uring_call(r, PTO_IOC_STREAM_WAIT, &wait) != -EPERM;
			wrong += uring_call(r, PTO_IOC_MEM_ALLOC, &alloc) != -EPERM;
			wrong += uring_call(r, PTO_IOC_RESET, &reset) != -EPERM;
		}
		_exit(wrong);
	}
	EXPECT_EQ(0, uapi_reap(pid));
	EXPECT_EQ(0, uapi_info(by_ioctl(&r->u)).completed);
	EXPECT_EQ(1, uapi_info(by_ioctl(&r->u)).objects);
	EXPECT_EQ(0, uapi_ctl(by_ioctl(&r->u), s, PTO_STREAM_ABORT));
}

/* ---- the process and its ring ---- */

FIXTURE(killed) {
	struct uapi u;
	struct parking what;
};

FIXTURE_VARIANT(killed) { unsigned int setup; bool fixed; };
FIXTURE_VARIANT_ADD(killed, plain) { 0 };
FIXTURE_VARIANT_ADD(killed, sqpoll) { IORING_SETUP_SQPOLL };
FIXTURE_VARIANT_ADD(killed, deferred) {
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };
FIXTURE_VARIANT_ADD(killed, fixed) { 0, true };

FIXTURE_SETUP(killed)
{
	ASSERT_EQ(0, uapi_start(&self->u, BY_IOCTL, 0));
	ASSERT_TRUE(alone(&self->u));
	self->what = (struct parking){ NULL, variant->setup, variant->fixed };
	/* A polling thread of the process keeps its memory, until its waits are over. */
	self->what.bound = variant->setup & IORING_SETUP_SQPOLL ? uring_bound(&self->u) :
			   PTO_TIMEOUT_MAX_NS;
}

FIXTURE_TEARDOWN(killed)
{
	uapi_close(&self->u);
}

/* Waits that are parked, and one that sleeps in a worker. */
static int park_all(const struct parking *what)
{
	static struct pto_emu_attach emu = { sizeof(emu), .depth = 4 };
	static struct pto_emu_step step = { sizeof(step), PTO_EMU_WAIT };
	static struct pto_stream_wait waits[16];
	static struct pto_cmd hang;
	static struct uring r;
	int err, i;
	__u32 s;

	err = uring_start(&r, what->setup, what->fixed, 0) ?:
	      uapi_call(&r.u, PTO_IOC_EMU_ATTACH, &emu);
	if (err)
		return err;
	s = uring_stream(&r, 4);
	hang = cmd_hang();
	err = uapi_submit(&r.u, s, &hang, 1, NULL);
	for (i = 0; i < 16; i++) {
		waits[i] = wait_args(s, 1, what->bound);
		uring_sqe(&r, PTO_IOC_STREAM_WAIT, &waits[i], i);
	}
	step.handle = emu.handle;
	step.timeout_ns = what->bound;
	uring_sqe(&r, PTO_IOC_EMU_STEP, &step, 16);
	if (!err && !(uring_issue(&r) && uring_quiet(&r)))
		err = -EIO;
	return err;
}

TEST_F(killed, all_goes)
{
	pid_t pid = child_that_parks(park_all, &self->what);

	ASSERT_LT(0, pid);
	EXPECT_EQ(2, contexts(&self->u));
	EXPECT_TRUE(killed_for_good(pid));
	EXPECT_TRUE(alone(&self->u));
}

/* Killed at any moment of issuing, parking and completing. */
TEST_F_TIMEOUT(killed, at_any_moment, 60)
{
	unsigned int round;

	for (round = 0; round < 8; round++) {
		struct timespec later = { 0, 2 * MS * round };
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			park_all(&self->what);
			for (;;)
				pause();
		}
		nanosleep(&later, NULL);
		EXPECT_TRUE(killed_for_good(pid));
	}
	EXPECT_TRUE(alone(&self->u));
}

TEST_HARNESS_MAIN
