// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Learning that a command is done: STREAM_WAIT, poll, eventfd, the completion page. */
#include <pthread.h>

#include "uapi_test.h"

FIXTURE(wait) {
	struct uapi u;
	struct pto_stream_create stream;
	const volatile struct pto_stream_page *page;
};

FIXTURE_VARIANT(wait) { enum uapi_path path; };
FIXTURE_VARIANT_ADD(wait, ioctl) { .path = BY_IOCTL };
FIXTURE_VARIANT_ADD(wait, uring) { .path = BY_URING };

FIXTURE_SETUP(wait)
{
	ASSERT_EQ(0, uapi_start(&self->u, variant->path, 0));
	ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_COPY, 0, 8, &self->stream));
	self->page = uapi_page(&self->u, &self->stream);
	ASSERT_NE(NULL, self->page);
}

FIXTURE_TEARDOWN(wait)
{
	uapi_close(&self->u);
}

static int submit(struct uapi *u, __u32 stream, struct pto_cmd cmd)
{
	return uapi_submit(u, stream, &cmd, 1, NULL);
}

static int events(struct uapi *u, int timeout_ms)
{
	struct pollfd poll_fd = { u->fd, POLLIN | POLLPRI, 0 };

	return poll(&poll_fd, 1, timeout_ms) < 0 ? -errno : poll_fd.revents;
}

static __u64 count(int fd)
{
	__u64 value;

	return read(fd, &value, sizeof(value)) == sizeof(value) ? value : 0;
}

TEST_F(wait, wait)
{
	struct uapi *u = &self->u;
	__u32 s = self->stream.handle;

	EXPECT_ROW(u, STREAM_WAIT, EINVAL, bad_seqno, uapi_wait(u, s, 1, 0));
	EXPECT_ERRNO(EINVAL, uapi_wait(u, s, 0, 0));
	ASSERT_EQ(0, submit(u, s, cmd_delay(3 * MS)));
	EXPECT_EQ(0, uapi_wait(u, s, 1, BOUND_NS));
	EXPECT_EQ(0, uapi_wait(u, s, 1, 0));
	EXPECT_ERRNO(EINVAL, uapi_wait(u, s, 2, BOUND_NS));
	EXPECT_ERRNO(EINVAL, uapi_wait(u, s, ~0ULL, BOUND_NS));
	EXPECT_ROW(u, STREAM_WAIT, EINVAL, bad_timeout, uapi_wait(u, s, 1, PTO_TIMEOUT_MAX_NS + 1));
	EXPECT_ERRNO(EINVAL, uapi_wait(u, s, 1, ~0ULL));
	EXPECT_ROW(u, STREAM_WAIT, ENOENT, no_stream, uapi_wait(u, 99, 1, 0));
}

TEST_F(wait, other_context)
{
	struct uapi other;

	ASSERT_EQ(0, submit(&self->u, self->stream.handle, cmd_nop()));
	ASSERT_EQ(0, uapi_start(&other, variant->path, 0));
	EXPECT_ERRNO(ENOENT, uapi_wait(&other, self->stream.handle, 1, 0));
	EXPECT_ERRNO(ENOENT, uapi_arm(&other, self->stream.handle, -1, 1));
	uapi_close(&other);
}

TEST_F(wait, time_and_hang)
{
	struct uapi *u = &self->u;
	__u32 s = self->stream.handle;
	struct timespec before, after;

	ASSERT_EQ(0, submit(u, s, cmd_hang()));
	EXPECT_ERRNO(ETIME, uapi_wait(u, s, 1, 0));
	clock_gettime(CLOCK_MONOTONIC, &before);
	EXPECT_ROW(u, STREAM_WAIT, ETIME, time, uapi_wait(u, s, 1, 30 * MS));
	clock_gettime(CLOCK_MONOTONIC, &after);
	EXPECT_LE(30 * MS, (after.tv_sec - before.tv_sec) * 1000000000ULL + after.tv_nsec -
		  before.tv_nsec);
	ASSERT_EQ(0, uapi_set(u, PTO_CTX_TIMEOUT, 50, 0));
	EXPECT_ROW(u, STREAM_WAIT, ETIMEDOUT, hang, uapi_wait(u, s, 1, BOUND_NS));
	EXPECT_EQ(PTO_STREAM_STOPPED, self->page->state);
}

static __u64 clock_ns(struct uapi *u)
{
	struct pto_info_clock clock = {};

	uapi_query(u, PTO_QUERY_CLOCK, 0, &clock, sizeof(clock));
	return clock.host_ns;
}

/* A wait does not end before its time, wherever in a tick of the kernel's it begins. */
TEST_F(wait, whole_bounds)
{
	const __u64 bound = 5 * MS;
	struct uapi *u = &self->u;
	__u32 s = self->stream.handle;
	__u64 before;
	int i;

	ASSERT_EQ(0, submit(u, s, cmd_hang()));
	for (i = 0; i < 25; i++) {
		before = clock_ns(u);
		EXPECT_ERRNO(ETIME, uapi_wait(u, s, 1, bound));
		EXPECT_LE(before + bound, clock_ns(u));
	}
}

TEST_F(wait, interrupted)
{
	struct uapi *u = &self->u;

	if (variant->path == BY_URING)
		SKIP(return, "a signal does not end it");
	ASSERT_EQ(0, submit(u, self->stream.handle, cmd_delay(200 * MS)));
	uapi_signal_in(30);
	EXPECT_ROW(u, STREAM_WAIT, EINTR, signal, uapi_wait(u, self->stream.handle, 1, BOUND_NS));
	EXPECT_EQ(0, uapi_wait(u, self->stream.handle, 1, BOUND_NS));
}

/* The entry of seqno s is at s & (depth - 1), and carries it. */
TEST_F(wait, page)
{
	struct pto_cmd cmds[5] = { cmd_nop(), cmd_delay(2 * MS), cmd_nop(), cmd_fault(3) };
	const volatile struct pto_completion *entry = self->page->ring;
	struct pto_info_clock before, after;
	struct uapi *u = &self->u;

	cmds[1].flags = PTO_CMD_TIMESTAMP;
	cmds[2].flags = PTO_CMD_TIMESTAMP;
	cmds[4].flags = PTO_CMD_TIMESTAMP;
	ASSERT_EQ(0, uapi_query(u, PTO_QUERY_CLOCK, 0, &before, sizeof(before)));
	EXPECT_ERRNO(ECANCELED, uapi_submit_wait(u, self->stream.handle, cmds, 5, BOUND_NS));
	ASSERT_EQ(0, uapi_query(u, PTO_QUERY_CLOCK, 0, &after, sizeof(after)));
	EXPECT_EQ(5, self->page->completed);
	EXPECT_EQ(1, entry[1].seqno);
	EXPECT_EQ(0, entry[1].status);
	EXPECT_EQ(0, entry[1].accepted | entry[1].start | entry[1].end | entry[1].done);
	EXPECT_EQ(0, entry[2].status);
	EXPECT_LE(before.device_ns, entry[2].accepted);
	EXPECT_LE(entry[2].accepted, entry[2].start);
	EXPECT_LE(entry[2].start + 2 * MS, entry[2].end);
	EXPECT_LE(entry[2].end, entry[2].done);
	EXPECT_EQ(entry[2].accepted, entry[3].accepted);
	EXPECT_LE(entry[2].end, entry[3].start);
	EXPECT_LE(entry[3].start, entry[3].end);
	EXPECT_LE(entry[3].end, entry[3].done);
	EXPECT_GE(after.device_ns, entry[3].done);
	EXPECT_EQ(-EIO, entry[4].status);
	/* Accepted, and done with, but never started. */
	EXPECT_EQ(-ECANCELED, entry[5].status);
	EXPECT_EQ(entry[2].accepted, entry[5].accepted);
	EXPECT_EQ(0, entry[5].start | entry[5].end);
	EXPECT_LE(entry[3].done, entry[5].done);
	EXPECT_EQ(0, entry[6].seqno);
}

/* One that was written over counts as one that ended well. */
TEST_F(wait, old_seqnos)
{
	struct pto_cmd cmds[8] = { cmd_fault(1) };
	struct uapi *u = &self->u;
	int i;

	ASSERT_EQ(0, uapi_set(u, PTO_CTX_ON_FAULT, 0, PTO_ON_FAULT_CONTINUE));
	ASSERT_EQ(0, uapi_submit_wait(u, self->stream.handle, cmds, 8, BOUND_NS));
	EXPECT_ERRNO(EIO, uapi_wait(u, self->stream.handle, 1, 0));
	for (i = 1; i < 3; i++)
		ASSERT_EQ(0, uapi_submit_wait(u, self->stream.handle, cmds + 1, 7, BOUND_NS));
	EXPECT_EQ(0, uapi_wait(u, self->stream.handle, 1, 0));
	EXPECT_EQ(22, self->page->completed);
	for (i = 15; i <= 22; i++)
		EXPECT_EQ(i, self->page->ring[i & 7].seqno);
}

/* ---- poll and eventfd ---- */

TEST_F(wait, all_ways_agree)
{
	struct uapi *u = &self->u;
	__u32 s = self->stream.handle;
	int fd = eventfd(0, EFD_NONBLOCK), round;

	ASSERT_LE(0, fd);
	for (round = 0; round < 3; round++) {
		__u64 seqno = 2 * round + 2;

		ASSERT_EQ(0, uapi_arm(u, s, fd, seqno));
		EXPECT_EQ(0, events(u, 0));
		EXPECT_EQ(0, count(fd));
		/* The one before it rings for nobody. */
		ASSERT_EQ(0, submit(u, s, cmd_nop()));
		ASSERT_EQ(0, uapi_wait(u, s, seqno - 1, BOUND_NS));
		EXPECT_EQ(0, events(u, 0));
		EXPECT_EQ(0, count(fd));
		ASSERT_EQ(0, submit(u, s, cmd_delay(3 * MS)));
		EXPECT_EQ(POLLIN, events(u, BOUND_MS));
		EXPECT_EQ(seqno, self->page->completed);
		EXPECT_EQ(0, uapi_wait(u, s, seqno, 0));
		EXPECT_EQ(1, count(fd));
		EXPECT_EQ(0, count(fd));
		/* It stays reached, until it is armed anew. */
		EXPECT_EQ(POLLIN, events(u, 0));
	}
	ASSERT_EQ(0, uapi_arm(u, s, -1, 0));
	EXPECT_EQ(0, events(u, 0));
}

TEST_F(wait, armed_for_the_past)
{
	struct uapi *u = &self->u;
	__u32 s = self->stream.handle;
	int fd = eventfd(0, EFD_NONBLOCK);

	ASSERT_EQ(0, uapi_submit_wait(u, s, &(struct pto_cmd){}, 1, BOUND_NS));
	ASSERT_EQ(0, uapi_arm(u, s, fd, 1));
	EXPECT_EQ(1, count(fd));
	EXPECT_EQ(POLLIN, events(u, 0));
	/* Another one takes its place; the first hears nothing more. */
	ASSERT_EQ(0, uapi_arm(u, s, -1, 2));
	EXPECT_EQ(0, events(u, 0));
	ASSERT_EQ(0, uapi_submit_wait(u, s, &(struct pto_cmd){}, 1, BOUND_NS));
	EXPECT_EQ(POLLIN, events(u, 0));
	EXPECT_EQ(0, count(fd));
}

/* Whose stream dies is told, whatever he waited for. */
TEST_F(wait, armed_stream_dies)
{
	struct uapi *u = &self->u;
	int fd = eventfd(0, EFD_NONBLOCK);

	ASSERT_EQ(0, uapi_arm(u, self->stream.handle, fd, 1000));
	ASSERT_EQ(0, uapi_destroy(u, self->stream.handle));
	EXPECT_EQ(1, count(fd));
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_COPY, 0, 4, &self->stream));
	ASSERT_EQ(0, uapi_arm(u, self->stream.handle, fd, 1));
	ASSERT_EQ(0, uapi_shutdown(u));
	EXPECT_EQ(1, count(fd));
}

TEST_F(wait, faults_are_polled)
{
	struct pto_fault_query fault;
	struct uapi *u = &self->u;

	ASSERT_EQ(0, submit(u, self->stream.handle, cmd_fault(9)));
	EXPECT_EQ(POLLPRI, events(u, BOUND_MS));
	EXPECT_EQ(0, uapi_fault(u, &fault));
	EXPECT_EQ(0, events(u, 0));
	ASSERT_EQ(0, uapi_ctl(u, self->stream.handle, PTO_STREAM_RESUME));
	ASSERT_EQ(0, submit(u, self->stream.handle, cmd_fault(9)));
	EXPECT_EQ(POLLPRI, events(u, BOUND_MS));
	ASSERT_EQ(0, uapi_reset(u));
	EXPECT_EQ(0, events(u, 0));
}

TEST_F(wait, event_fd_errors)
{
	struct uapi *u = &self->u;
	__u32 s = self->stream.handle;
	int fd = eventfd(0, 0);

	EXPECT_ROW(u, EVENT_FD, ENOENT, no_stream, uapi_arm(u, 99, -1, 1));
	EXPECT_ROW(u, EVENT_FD, EBADF, bad_fd, uapi_arm(u, s, 999, 1));
	EXPECT_ROW(u, EVENT_FD, EINVAL, not_eventfd, uapi_arm(u, s, STDOUT_FILENO, 1));
	EXPECT_ERRNO(EINVAL, uapi_arm(u, s, u->fd, 1));
	EXPECT_ERRNO(EINVAL, uapi_arm(u, s, -2, 1));
	EXPECT_ROW(u, EVENT_FD, EINVAL, fd_unused, uapi_arm(u, s, fd, 0));
	EXPECT_EQ(0, uapi_arm(u, s, fd, ~0ULL));
}

/* ---- many waits at once ---- */

struct sleeper {
	pthread_t thread;
	struct uapi *u;
	__u32 stream;
	__u64 seqno;
	int result;
};

static void *sleeper_run(void *arg)
{
	struct sleeper *s = arg;

	s->result = uapi_wait(s->u, s->stream, s->seqno, BOUND_NS);
	return NULL;
}

/* By io_uring a ring is one thread's; uring_test does the same with one ring. */
TEST_F(wait, threads)
{
	struct sleeper sleepers[8];
	struct uapi *u = &self->u;
	int i;

	if (variant->path == BY_URING)
		SKIP(return, "one thread a ring");
	ASSERT_EQ(0, submit(u, self->stream.handle, cmd_delay(20 * MS)));
	ASSERT_EQ(0, submit(u, self->stream.handle, cmd_hang()));
	for (i = 0; i < 8; i++) {
		sleepers[i] = (struct sleeper){ .u = u, .stream = self->stream.handle,
						.seqno = 1 + i % 2, .result = 1 };
		ASSERT_EQ(0, pthread_create(&sleepers[i].thread, NULL, sleeper_run, &sleepers[i]));
	}
	for (i = 0; i < 8; i += 2) {
		pthread_join(sleepers[i].thread, NULL);
		EXPECT_EQ(0, sleepers[i].result);
	}
	ASSERT_EQ(0, uapi_destroy(u, self->stream.handle));
	for (i = 1; i < 8; i += 2) {
		pthread_join(sleepers[i].thread, NULL);
		/* It may have come to the call only when the stream was gone. */
		EXPECT_TRUE(sleepers[i].result == -ECANCELED || sleepers[i].result == -ENOENT);
	}
}

/* All for one command, whose end tells each: they are counted. */
TEST_F(wait, more_than_a_context_may_have)
{
	struct pto_stream_wait args = { sizeof(args), 0, self->stream.handle, 0, 1, BOUND_NS };
	struct uapi *u = &self->u;
	int i;

	if (variant->path == BY_IOCTL)
		SKIP(return, "by ioctl each is a thread");
	ASSERT_EQ(0, submit(u, self->stream.handle, cmd_hang()));
	for (i = 0; i < PTO_WAITS_MAX; i++)
		uapi_queue(u, PTO_IOC_STREAM_WAIT, &args, sizeof(args), i);
	EXPECT_EQ(UAPI_NO_CQE, uapi_cqe(u, 0, NULL));
	uapi_queue(u, PTO_IOC_STREAM_WAIT, &args, sizeof(args), i);
	EXPECT_ERRNO(ENOMEM, uapi_cqe(u, BOUND_MS, NULL));
	u->path = BY_IOCTL;
	ASSERT_EQ(0, uapi_ctl(u, self->stream.handle, PTO_STREAM_ABORT));
	u->path = BY_URING;
	for (i = 0; i < PTO_WAITS_MAX; i++)
		ASSERT_ERRNO(ECANCELED, uapi_cqe(u, BOUND_MS, NULL));
	/* Their places are free again. */
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, self->stream.handle, 1, BOUND_NS));
	ASSERT_EQ(0, submit(u, self->stream.handle, cmd_delay(20 * MS)));
	EXPECT_EQ(0, uapi_wait(u, self->stream.handle, 2, BOUND_NS));
}

TEST_HARNESS_MAIN
