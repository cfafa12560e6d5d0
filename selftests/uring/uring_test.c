// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * What only io_uring can do: parked waits and their end with the ring, polled rings, kernel
 * threads that submit, registered files, linked commands, and a ring that dies with its task.
 */
#include "uapi_test.h"

FIXTURE(uring) {
	struct uapi u;
	struct pto_stream_create stream;
	bool cancel;		/* a dying ring ends its waits at once */
};

FIXTURE_SETUP(uring)
{
	struct pto_info_driver info;

	ASSERT_EQ(0, uapi_start(&self->u, BY_URING, 0));
	ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_COPY, 0, 64, &self->stream));
	ASSERT_EQ(0, uapi_query(&self->u, PTO_QUERY_DRIVER, 0, &info, sizeof(info)));
	self->cancel = info.features & PTO_FEATURE_URING_CANCEL;
}

FIXTURE_TEARDOWN(uring)
{
	uapi_close(&self->u);
}

/* The same context by a ring with @flags. */
static int with_ring(struct uapi *u, struct uapi *other, unsigned int flags)
{
	struct io_uring_params params = { .flags = flags, .sq_thread_idle = 50 };

	*other = *u;
	return io_uring_queue_init_params(64, &other->ring, &params);
}

static struct pto_stream_wait wait_for(const struct pto_stream_create *stream, __u64 seqno,
				       __u64 timeout_ns)
{
	return (struct pto_stream_wait){ sizeof(struct pto_stream_wait), 0, stream->handle, 0,
					 seqno, timeout_ns };
}

static void queue_wait(struct uapi *u, const struct pto_stream_wait *wait, __u64 tag)
{
	uapi_queue(u, PTO_IOC_STREAM_WAIT, wait, sizeof(*wait), tag);
}

static int submit(struct uapi *u, __u32 stream, struct pto_cmd cmd)
{
	return uapi_submit(u, stream, &cmd, 1, NULL);
}

/* An SQE as uapi_queue() makes it, not submitted yet. */
static struct io_uring_sqe *sqe_of(struct uapi *u, unsigned int cmd, const void *args)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
	struct pto_uring payload = { ADDRESS(args), *(const __u32 *)args };

	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, u->fd, NULL, 0, 0);
	sqe->cmd_op = cmd;
	memcpy(sqe->cmd, &payload, sizeof(payload));
	return sqe;
}

TEST_F(uring, payload)
{
	struct pto_reset args = { sizeof(args) };
	struct pto_uring *payload;
	struct uapi *u = &self->u;
	unsigned int bit;

	EXPECT_ROW(u, URING, EINVAL, size_differs, uapi_raw(u, PTO_IOC_RESET, &args, 16));
	EXPECT_ERRNO(EINVAL, uapi_raw(u, PTO_IOC_RESET, &args, 0));
	EXPECT_EQ(0, uapi_raw(u, PTO_IOC_RESET, &args, 8));
	for (bit = 0; bit < 32; bit++) {
		payload = (void *)sqe_of(u, PTO_IOC_RESET, &args)->cmd;
		payload->flags = 1U << bit;
		io_uring_submit(&u->ring);
		EXPECT_ROW(u, URING, EOPNOTSUPP, uring_flags, uapi_cqe(u, BOUND_MS, NULL));
	}
}

TEST_F(uring, polled_ring)
{
	struct pto_reset args = { sizeof(args) };
	struct uapi polled;

	ASSERT_EQ(0, with_ring(&self->u, &polled, IORING_SETUP_IOPOLL));
	EXPECT_ROW(&polled, URING, EOPNOTSUPP, iopoll, uapi_call(&polled, PTO_IOC_RESET, &args));
	io_uring_queue_exit(&polled.ring);
}

TEST_F(uring, big_entries)
{
	struct pto_stream_wait wait = wait_for(&self->stream, 1, BOUND_NS);
	struct uapi big;

	ASSERT_EQ(0, with_ring(&self->u, &big, IORING_SETUP_SQE128 | IORING_SETUP_CQE32));
	ASSERT_EQ(0, submit(&big, self->stream.handle, cmd_delay(2 * MS)));
	EXPECT_EQ(0, uapi_call(&big, PTO_IOC_STREAM_WAIT, &wait));
	io_uring_queue_exit(&big.ring);
}

/* Waits for everything there is, each told how its command ended. */
TEST_F(uring, many_waits)
{
	struct pto_stream_wait waits[32];
	struct pto_cmd cmds[16];
	struct uapi *u = &self->u;
	unsigned int seen = 0, i;
	__u64 tag;

	ASSERT_EQ(0, uapi_set(u, PTO_CTX_ON_FAULT, 0, PTO_ON_FAULT_CONTINUE));
	cmds[0] = cmd_delay(30 * MS);
	for (i = 1; i < 16; i++)
		cmds[i] = i % 3 ? cmd_nop() : cmd_fault(i);
	ASSERT_EQ(0, uapi_submit(u, self->stream.handle, cmds, 16, NULL));
	for (i = 0; i < 32; i++) {
		waits[i] = wait_for(&self->stream, 1 + i % 16, BOUND_NS);
		queue_wait(u, &waits[i], i);
	}
	for (i = 0; i < 32; i++) {
		int res = uapi_cqe(u, BOUND_MS, &tag);

		EXPECT_EQ(tag % 16 && tag % 16 % 3 == 0 ? -EIO : 0, res)
			TH_LOG("seqno %llu", tag % 16 + 1);
		seen |= 1U << tag;
	}
	EXPECT_EQ(~0U, seen);
}

/* Each has a bound of its own; the work goes on. */
TEST_F(uring, bounds)
{
	struct pto_stream_wait waits[3] = {
		wait_for(&self->stream, 1, 60 * MS), wait_for(&self->stream, 1, 10 * MS),
		wait_for(&self->stream, 1, BOUND_NS),
	};
	struct uapi *u = &self->u;
	__u64 tag;
	int i;

	ASSERT_EQ(0, submit(u, self->stream.handle, cmd_hang()));
	for (i = 0; i < 3; i++)
		queue_wait(u, &waits[i], i);
	EXPECT_ERRNO(ETIME, uapi_cqe(u, BOUND_MS, &tag));
	EXPECT_EQ(1, tag);
	EXPECT_ERRNO(ETIME, uapi_cqe(u, BOUND_MS, &tag));
	EXPECT_EQ(0, tag);
	EXPECT_EQ(UAPI_NO_CQE, uapi_cqe(u, 20, &tag));
	ASSERT_EQ(0, ioctl(u->fd, PTO_IOC_STREAM_CTL,
			   &(struct pto_stream_ctl){ sizeof(struct pto_stream_ctl), 0,
						     self->stream.handle, PTO_STREAM_ABORT }));
	EXPECT_ERRNO(ECANCELED, uapi_cqe(u, BOUND_MS, &tag));
	EXPECT_EQ(2, tag);
}

/* Submissions complete when they are accepted, before the work is done. */
TEST_F(uring, accepted_first)
{
	struct pto_cmd hang = cmd_hang();
	struct pto_stream_submit args = { sizeof(args), PTO_SUBMIT_WAIT, self->stream.handle, 1,
					  ADDRESS(&hang), 30 * MS };
	struct uapi *u = &self->u;

	uapi_queue(u, PTO_IOC_STREAM_SUBMIT, &args, sizeof(args), 1);
	/* Outputs are there as soon as the call is queued. */
	EXPECT_EQ(1, args.accepted);
	EXPECT_EQ(1, args.first_seqno);
	args.accepted = 99;
	EXPECT_ERRNO(ETIME, uapi_cqe(u, BOUND_MS, NULL));
	/* Nothing is written when it completes. */
	EXPECT_EQ(99, args.accepted);
}

/* ---- the ring goes away ---- */

TEST_F(uring, ring_closed)
{
	struct pto_stream_wait waits[8];
	struct uapi *u = &self->u, other;
	int i;

	ASSERT_EQ(0, submit(u, self->stream.handle, cmd_delay(50 * MS)));
	ASSERT_EQ(0, with_ring(u, &other, 0));
	for (i = 0; i < 8; i++) {
		waits[i] = wait_for(&self->stream, 1, 500 * MS);
		queue_wait(&other, &waits[i], i);
	}
	io_uring_queue_exit(&other.ring);
	/* The work goes on. */
	EXPECT_EQ(0, uapi_wait(u, self->stream.handle, 1, BOUND_NS));
}

/* In a child's own context, by the parent's ring: when it exits, the answers are seen here. */
static void leave_waits(struct io_uring *ring)
{
	struct pto_stream_wait waits[4];
	struct pto_stream_create stream;
	struct uapi u;
	int i;

	if (uapi_start(&u, BY_IOCTL, 0) || uapi_stream(&u, PTO_ENGINE_COPY, 0, 4, &stream) ||
	    submit(&u, stream.handle, cmd_hang()))
		_exit(1);
	u.ring = *ring;
	for (i = 0; i < 4; i++) {
		waits[i] = wait_for(&stream, 1, 300 * MS);
		queue_wait(&u, &waits[i], i);
	}
	_exit(0);
}

TEST_F(uring, task_exits)
{
	struct uapi shared;
	pid_t pid;
	int i;

	ASSERT_EQ(0, with_ring(&self->u, &shared, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		leave_waits(&shared.ring);
	for (i = 0; i < 4; i++) {
		int res = uapi_cqe(&shared, BOUND_MS, NULL);

		/* Without a cancel the waits' own bound ends them. */
		if (!self->cancel) {
			EXPECT_ERRNO(ETIME, res);
			continue;
		}
		EXPECT_ROW(&shared, URING, ECANCELED, ring_closed, res);
	}
	EXPECT_EQ(0, uapi_reap(pid));
	io_uring_queue_exit(&shared.ring);
}

/* Cancelled by its tag: whether the kernel can or not, the wait ends and the work does not. */
TEST_F(uring, async_cancel)
{
	struct pto_stream_wait wait = wait_for(&self->stream, 1, 100 * MS);
	struct uapi *u = &self->u;
	struct io_uring_sqe *sqe;
	int i;

	ASSERT_EQ(0, submit(u, self->stream.handle, cmd_hang()));
	queue_wait(u, &wait, 7);
	sqe = io_uring_get_sqe(&u->ring);
	io_uring_prep_cancel64(sqe, 7, 0);
	io_uring_sqe_set_data64(sqe, 8);
	io_uring_submit(&u->ring);
	for (i = 0; i < 2; i++) {
		__u64 tag = 0;
		int res = uapi_cqe(u, BOUND_MS, &tag);

		EXPECT_TRUE(tag == 7 ? res == -ECANCELED || res == -ETIME :
			    res == 0 || res == -ENOENT || res == -EALREADY);
	}
	EXPECT_ERRNO(ETIME, uapi_wait(u, self->stream.handle, 1, 0));
}

/* A child with parked waits is killed; its ring dies in a worker of the kernel. */
TEST_F(uring, dying_task)
{
	int round;

	for (round = 0; round < 4; round++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			struct pto_stream_create stream;
			struct pto_stream_wait waits[8];
			struct uapi u;
			int i;

			if (uapi_start(&u, BY_URING, 0) ||
			    uapi_stream(&u, PTO_ENGINE_COPY, 0, 4, &stream) ||
			    submit(&u, stream.handle, round & 1 ? cmd_hang() : cmd_delay(5 * MS)))
				_exit(1);
			for (i = 0; i < 8; i++) {
				waits[i] = wait_for(&stream, 1, BOUND_NS);
				queue_wait(&u, &waits[i], i);
			}
			if (round & 2)
				_exit(0);
			raise(SIGKILL);
		}
		EXPECT_EQ(round & 2 ? 0 : -1, uapi_reap(pid));
	}
	/* All of them are gone. */
	ASSERT_TRUE(UNTIL(({
		struct pto_info_device info;

		uapi_query(&self->u, PTO_QUERY_DEVICE, 0, &info, sizeof(info)) ||
			info.contexts == 1;
	})));
}

/* ---- kinds of rings ---- */

/* A thread of the kernel submits; it is in our address space. */
TEST_F(uring, submission_thread)
{
	struct uapi sq;
	struct pto_mem_alloc mem;
	unsigned int out[4] = { 0 };
	struct pto_cmd cmds[2];

	ASSERT_EQ(0, with_ring(&self->u, &sq, IORING_SETUP_SQPOLL));
	ASSERT_EQ(0, uapi_alloc(&sq, PAGE, &mem));
	cmds[0] = cmd_fill(mem.addr, 16, 77);
	cmds[1] = cmd_copy(PTO_COPY_D2H, ADDRESS(out), mem.addr, 16);
	EXPECT_EQ(0, uapi_submit_wait(&sq, self->stream.handle, cmds, 2, BOUND_NS));
	EXPECT_EQ(77, out[3]);
	EXPECT_ERRNO(EINVAL, uapi_wait(&sq, self->stream.handle, 3, 0));
	io_uring_queue_exit(&sq.ring);
}

TEST_F(uring, deferred_task_work)
{
	struct uapi deferred;

	if (with_ring(&self->u, &deferred, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN))
		SKIP(return, "this kernel has no such rings");
	ASSERT_EQ(0, submit(&deferred, self->stream.handle, cmd_delay(3 * MS)));
	EXPECT_EQ(0, uapi_wait(&deferred, self->stream.handle, 1, BOUND_NS));
	io_uring_queue_exit(&deferred.ring);
}

TEST_F(uring, registered_file)
{
	struct pto_stream_wait wait = wait_for(&self->stream, 1, BOUND_NS);
	struct uapi *u = &self->u;
	struct io_uring_sqe *sqe;

	ASSERT_EQ(0, io_uring_register_files(&u->ring, &u->fd, 1));
	ASSERT_EQ(0, submit(u, self->stream.handle, cmd_delay(3 * MS)));
	sqe = sqe_of(u, PTO_IOC_STREAM_WAIT, &wait);
	sqe->fd = 0;
	sqe->flags |= IOSQE_FIXED_FILE;
	io_uring_submit(&u->ring);
	EXPECT_EQ(0, uapi_cqe(u, BOUND_MS, NULL));
	/* The registration holds the file; the context ends with its control page. */
	ASSERT_EQ(0, munmap((void *)u->ctl, PAGE));
	u->ctl = NULL;
	EXPECT_ERRNO(ENODEV, uapi_reset(u));
}

/* The second one of a chain starts when the first one is done; after a failure, never. */
TEST_F(uring, links)
{
	struct pto_cmd cmds[2] = { cmd_delay(5 * MS), cmd_fault(1) };
	struct pto_stream_submit first = { sizeof(first), PTO_SUBMIT_WAIT, self->stream.handle, 1,
					   ADDRESS(&cmds[0]), BOUND_NS };
	struct pto_stream_wait second = wait_for(&self->stream, 1, 0);
	struct uapi *u = &self->u;
	int round, i;

	for (round = 0; round < 2; round++) {
		first.cmds = ADDRESS(&cmds[round]);
		sqe_of(u, PTO_IOC_STREAM_SUBMIT, &first)->flags |= IOSQE_IO_LINK;
		io_uring_sqe_set_data64(sqe_of(u, PTO_IOC_STREAM_WAIT, &second), 2);
		io_uring_submit(&u->ring);
		for (i = 0; i < 2; i++) {
			__u64 tag = 0;
			int res = uapi_cqe(u, BOUND_MS, &tag);

			EXPECT_EQ(!round ? 0 : tag == 2 ? -ECANCELED : -EIO, res);
		}
	}
}

/* In a worker from the start. */
TEST_F(uring, forced_async)
{
	struct pto_stream_wait wait = wait_for(&self->stream, 1, BOUND_NS);
	struct uapi *u = &self->u;

	ASSERT_EQ(0, submit(u, self->stream.handle, cmd_delay(20 * MS)));
	sqe_of(u, PTO_IOC_STREAM_WAIT, &wait)->flags |= IOSQE_ASYNC;
	io_uring_submit(&u->ring);
	EXPECT_EQ(0, uapi_cqe(u, BOUND_MS, NULL));
}

/* Calls in one batch keep their order: none is put off to a worker and overtaken. */
TEST_F(uring, batches_keep_order)
{
	struct pto_stream_submit args[16];
	struct uapi *u = &self->u;
	struct pto_cmd nop = cmd_nop();
	int i;

	for (i = 0; i < 16; i++) {
		args[i] = (struct pto_stream_submit){ sizeof(args[i]), 0, self->stream.handle, 1,
						      ADDRESS(&nop) };
		sqe_of(u, PTO_IOC_STREAM_SUBMIT, &args[i]);
	}
	io_uring_submit(&u->ring);
	for (i = 0; i < 16; i++)
		EXPECT_EQ(0, uapi_cqe(u, BOUND_MS, NULL));
	for (i = 0; i < 16; i++)
		EXPECT_EQ(i + 1, args[i].first_seqno);
}

TEST_HARNESS_MAIN
