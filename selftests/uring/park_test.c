// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Waits parked in a ring, whose process lives on: how they end, that each ends once, and that
 * what ends them never ends the work.
 */
#include <pthread.h>

#include "genl.h"
#include "uring_test.h"

URING_FIXTURE(park);

static int submit_one(struct uring *r, __u32 stream, struct pto_cmd cmd)
{
	return uapi_submit(&r->u, stream, &cmd, 1, NULL);
}

/* ---- each end ---- */

TEST_F(park, ends)
{
	struct pto_cmd cmds[] = { cmd_delay(20 * MS), cmd_fault(3), cmd_hang(), cmd_hang() };
	const int ends[] = { 0, -EIO, -ETIMEDOUT, -ETIME };
	struct uring *r = &self->r;
	struct pto_stream_submit args;
	unsigned int i;

	ASSERT_EQ(0, uapi_set(&r->u, PTO_CTX_TIMEOUT, 100, 0));
	for (i = 0; i < 4; i++) {
		__u32 s = uring_stream(r, 4);

		if (i == 3)
			ASSERT_EQ(0, uapi_set(&r->u, PTO_CTX_TIMEOUT, PTO_TIMEOUT_MAX_MS, 0));
		args = submit_wait_args(s, &cmds[i], 1, i == 3 ? 10 * MS : BOUND_NS);
		EXPECT_EQ(ends[i], uring_call(r, PTO_IOC_STREAM_SUBMIT, &args));
		EXPECT_EQ(1, args.accepted);
		/* The end of the wait's time is not the work's. */
		if (i == 3)
			EXPECT_EQ(3, uapi_info(&r->u).completed);
	}
}

enum ender { ABORT, RESET, DESTROY, CLOSE, UNMAP, DEVICE_RESET, N_ENDERS };

/* By ioctl: the ring is for what was parked. */
static int end_by(struct uring *r, enum ender how, __u32 stream)
{
	r->u.path = BY_IOCTL;
	switch (how) {
	case ABORT:
		return uapi_ctl(&r->u, stream, PTO_STREAM_ABORT);
	case RESET:
		return uapi_reset(&r->u);
	case DESTROY:
		return uapi_destroy(&r->u, stream);
	case CLOSE:
		return uapi_shutdown(&r->u);
	case UNMAP:
		munmap((void *)r->u.ctl, PAGE);
		r->u.ctl = NULL;
		return 0;
	default:
		return genl_reset_device(0);
	}
}

/* Park one wait by each call, at the same command. */
static bool park_two(struct uring *r, __u32 stream, struct pto_stream_submit *submit,
		     struct pto_stream_wait *wait, struct pto_cmd *cmds)
{
	cmds[0] = cmd_hang();
	cmds[1] = cmd_nop();
	*submit = submit_wait_args(stream, cmds, 2, PTO_TIMEOUT_MAX_NS);
	uring_sqe(r, PTO_IOC_STREAM_SUBMIT, submit, 0);
	*wait = wait_args(stream, 1, PTO_TIMEOUT_MAX_NS);
	uring_sqe(r, PTO_IOC_STREAM_WAIT, wait, 1);
	return uring_issue(r) && uring_quiet(r);
}

TEST_F_TIMEOUT(park, ended_by, 60)
{
	struct pto_stream_submit submit;
	struct pto_stream_wait wait;
	struct pto_cmd cmds[2];
	int results[2], how;
	struct uring r;

	for (how = 0; how < N_ENDERS; how++) {
		int want = how == DEVICE_RESET ? -ENODEV : -ECANCELED;
		__u32 s;

		ASSERT_EQ(0, uring_start(&r, variant->setup, variant->fixed, 0));
		s = uring_stream(&r, 4);
		ASSERT_TRUE(park_two(&r, s, &submit, &wait, cmds));
		ASSERT_EQ(0, end_by(&r, how, s));
		ASSERT_EQ(2, uring_collect(&r, results, 2)) TH_LOG("by %d", how);
		EXPECT_EQ(want, results[0]) TH_LOG("by %d", how);
		EXPECT_EQ(want, results[1]) TH_LOG("by %d", how);
		EXPECT_TRUE(uring_quiet(&r));
		r.u.path = BY_URING;
		uapi_close(&r.u);
	}
}

/* All kinds of rings at once, since a device can be taken away only once. */
TEST(unplug)
{
	static const struct { unsigned int setup; bool fixed; } kinds[] = {
		{ 0 }, { IORING_SETUP_SQPOLL }, { IORING_SETUP_SQE128 | IORING_SETUP_CQE32 },
		{ IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN }, { 0, true },
	};
	enum { N = sizeof(kinds) / sizeof(kinds[0]) };
	unsigned int device = uapi_last_device(), i;
	struct pto_stream_submit submit[N];
	struct pto_stream_wait wait[N];
	struct pto_reset reset = { sizeof(reset) };
	struct pto_cmd cmds[N][2];
	struct uring rings[N];
	int results[2];

	ASSERT_LT(0, device);
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, uring_start(&rings[i], kinds[i].setup, kinds[i].fixed, device));
		ASSERT_TRUE(park_two(&rings[i], uring_stream(&rings[i], 4), &submit[i], &wait[i],
				     cmds[i]));
	}
	ASSERT_EQ(0, uapi_unplug(device));
	for (i = 0; i < N; i++) {
		ASSERT_EQ(2, uring_collect(&rings[i], results, 2));
		EXPECT_EQ(-ENODEV, results[0]);
		EXPECT_EQ(-ENODEV, results[1]);
		EXPECT_ERRNO(ENODEV, uring_call(&rings[i], PTO_IOC_RESET, &reset));
		uapi_close(&rings[i].u);
	}
}

/* ---- many ---- */

TEST_F(park, streams)
{
	struct pto_stream_submit submit[64];
	struct pto_stream_wait wait[64];
	struct uring *r = &self->r;
	struct pto_cmd cmds[64];
	int results[128], i;
	__u32 streams[64];

	for (i = 0; i < 64; i++) {
		streams[i] = uring_stream(r, 4);
		ASSERT_NE(0, streams[i]);
	}
	for (i = 0; i < 64; i++) {
		cmds[i] = cmd_delay((64 - i) * 500000ULL);
		submit[i] = submit_wait_args(streams[i], &cmds[i], 1, BOUND_NS);
		uring_sqe(r, PTO_IOC_STREAM_SUBMIT, &submit[i], 2 * i);
		wait[i] = wait_args(streams[i], 1, BOUND_NS);
		uring_sqe(r, PTO_IOC_STREAM_WAIT, &wait[i], 2 * i + 1);
	}
	io_uring_submit(&r->u.ring);
	ASSERT_EQ(128, uring_collect(r, results, 128));
	for (i = 0; i < 128; i++)
		EXPECT_EQ(0, results[i]);
	EXPECT_EQ(64, uapi_info(&r->u).completed);
}

/* Completion and timeout meet: one of them ends the wait, and each wait ends once. */
TEST_F_TIMEOUT(park, race_with_time, 60)
{
	struct pto_stream_wait wait[64];
	struct uring *r = &self->r;
	__u32 s = uring_stream(r, 64);
	int results[64], i, round;

	for (round = 1; round <= 5; round++) {
		ASSERT_EQ(0, submit_one(r, s, cmd_delay(4 * MS)));
		for (i = 0; i < 64; i++) {
			wait[i] = wait_args(s, round, 2 * MS + i * 100000);
			uring_sqe(r, PTO_IOC_STREAM_WAIT, &wait[i], i);
		}
		io_uring_submit(&r->u.ring);
		ASSERT_EQ(64, uring_collect(r, results, 64));
		for (i = 0; i < 64; i++)
			EXPECT_TRUE(results[i] == 0 || results[i] == -ETIME);
		ASSERT_EQ(0, uapi_wait(&r->u, s, round, BOUND_NS));
	}
	EXPECT_TRUE(uring_quiet(r));
}

static void *abort_often(void *arg)
{
	struct uring *r = arg;
	struct pto_stream_ctl args = { sizeof(args), 0, 1, PTO_STREAM_ABORT };
	int i;

	for (i = 0; i < 200; i++) {
		ioctl(r->u.fd, PTO_IOC_STREAM_CTL, &args);
		uapi_tick();
	}
	return NULL;
}

/* Another thread ends what this one parks, at any moment of it. */
TEST_F_TIMEOUT(park, race_with_abort, 60)
{
	struct pto_stream_submit submit[8];
	struct pto_cmd cmd = cmd_hang();
	struct uring *r = &self->r;
	int results[8], i, round;
	pthread_t thread;

	ASSERT_EQ(1, uring_stream(r, 16));
	ASSERT_EQ(0, pthread_create(&thread, NULL, abort_often, r));
	for (round = 0; round < 10; round++) {
		for (i = 0; i < 8; i++) {
			submit[i] = submit_wait_args(1, &cmd, 1, 2000 * MS);
			uring_sqe(r, PTO_IOC_STREAM_SUBMIT, &submit[i], i);
		}
		io_uring_submit(&r->u.ring);
		ASSERT_EQ(8, uring_collect(r, results, 8));
		for (i = 0; i < 8; i++)
			EXPECT_EQ(-ECANCELED, results[i]);
	}
	pthread_join(thread, NULL);
}

/* ---- cancel ---- */

static void ask_to_cancel(struct uring *r, __u64 tag, __u64 own)
{
	struct io_uring_sqe *sqe = uapi_sqe(&r->u.ring);

	io_uring_prep_cancel64(sqe, tag, 0);
	io_uring_sqe_set_data64(sqe, own);
	io_uring_submit(&r->u.ring);
}

static int cancel(struct uring *r, __u64 tag)
{
	__u64 got = 0;
	int res;

	ask_to_cancel(r, tag, 99);
	res = uapi_cqe(&r->u, BOUND_MS, &got);
	/* If the cancelled one comes first, this is no answer. */
	return got == 99 ? res : UAPI_NO_CQE;
}

/*
 * ASYNC_CANCEL finds what has not started, and what sleeps in a worker; a parked command it
 * does not find. In no case does it touch the work.
 */
TEST_F(park, async_cancel)
{
	struct pto_stream_wait wait;
	struct uring *r = &self->r;
	__u32 s = uring_stream(r, 4);

	ASSERT_EQ(0, submit_one(r, s, cmd_hang()));
	wait = wait_args(s, 1, PTO_TIMEOUT_MAX_NS);
	uring_sqe(r, PTO_IOC_STREAM_WAIT, &wait, 1);
	ASSERT_TRUE(uring_issue(r));
	EXPECT_ERRNO(ENOENT, cancel(r, 1));
	EXPECT_EQ(0, uapi_info(&r->u).completed);
	EXPECT_TRUE(uring_quiet(r));
	ASSERT_EQ(0, uapi_ctl(&r->u, s, PTO_STREAM_ABORT));
	EXPECT_ERRNO(ECANCELED, uapi_cqe(&r->u, BOUND_MS, NULL));
	EXPECT_TRUE(uring_quiet(r));
}

static bool take_both(struct uring *r, int *first, int *second)
{
	int results[2];

	if (uring_collect(r, results, 2) != 2)
		return false;
	*first = results[0];
	*second = results[1];
	return true;
}

/*
 * Cancel number 0, by number 1. On its way from the queue to a worker it is found nowhere, for
 * as long as the host does not run that CPU: then it is asked again.
 */
static bool cancel_worker(struct uring *r, int results[2])
{
	int res, tries = BOUND_MS;
	__u64 tag;

	results[0] = results[1] = UAPI_NO_CQE;
	ask_to_cancel(r, 0, 1);
	while (results[0] == UAPI_NO_CQE || results[1] == UAPI_NO_CQE) {
		res = uapi_cqe(&r->u, BOUND_MS, &tag);
		if (res == UAPI_NO_CQE || tag > 1)
			return false;
		if (tag == 1 && res == -ENOENT && tries--) {
			usleep(1000);
			ask_to_cancel(r, 0, 1);
			continue;
		}
		results[tag] = res;
	}
	return true;
}

TEST_F(park, cancel_a_sleeping_worker)
{
	struct pto_emu_attach emu = { sizeof(emu), .depth = 4 };
	struct pto_emu_step step = { sizeof(step), PTO_EMU_WAIT, .timeout_ns = PTO_TIMEOUT_MAX_NS };
	struct uring *r = &self->r;
	int res[2];

	ASSERT_EQ(0, uapi_call(&r->u, PTO_IOC_EMU_ATTACH, &emu));
	step.handle = emu.handle;
	uring_sqe(r, PTO_IOC_EMU_STEP, &step, 0);
	ASSERT_TRUE(uring_issue(r));
	EXPECT_TRUE(uring_quiet(r));
	ASSERT_TRUE(cancel_worker(r, res)) TH_LOG("%d, by %d", res[0], res[1]);
	/* Found while it ran, or before. */
	EXPECT_TRUE(res[1] == -EALREADY || res[1] == 0) TH_LOG("%d", res[1]);
	EXPECT_TRUE(res[0] == -EINTR || res[0] == -ECANCELED) TH_LOG("%d", res[0]);
}

static bool wait_with_timeout(struct uring *r, const struct pto_stream_wait *wait,
			      struct __kernel_timespec *limit, int *wait_res, int *timeout_res)
{
	struct io_uring_sqe *sqe;

	uring_sqe(r, PTO_IOC_STREAM_WAIT, wait, 0)->flags |= IOSQE_IO_LINK;
	sqe = uapi_sqe(&r->u.ring);
	io_uring_prep_link_timeout(sqe, limit, 0);
	io_uring_sqe_set_data64(sqe, 1);
	io_uring_submit(&r->u.ring);
	return take_both(r, wait_res, timeout_res);
}

/* The same holds for a timeout that is linked to a wait: the wait's own bound ends it. */
TEST_F(park, link_timeout)
{
	struct __kernel_timespec limit = { 0, 5 * MS };
	int wait_res, timeout_res;
	struct uring *r = &self->r;
	__u32 s = uring_stream(r, 4);
	struct pto_stream_wait wait;

	ASSERT_EQ(0, submit_one(r, s, cmd_hang()));
	wait = wait_args(s, 1, 300 * MS);
	ASSERT_TRUE(wait_with_timeout(r, &wait, &limit, &wait_res, &timeout_res));
	EXPECT_EQ(-ETIME, wait_res);
	EXPECT_EQ(-ENOENT, timeout_res);
	EXPECT_EQ(0, uapi_info(&r->u).completed);
	/* One that is not needed is cancelled with its wait. */
	limit.tv_sec = 100;
	ASSERT_EQ(0, uapi_ctl(&r->u, s, PTO_STREAM_ABORT));
	ASSERT_TRUE(wait_with_timeout(r, &wait, &limit, &wait_res, &timeout_res));
	EXPECT_EQ(-ECANCELED, wait_res);
	EXPECT_EQ(-ECANCELED, timeout_res);
}

/* ---- memory ---- */

/* After issue nobody looks at the structure, the commands or the SQE any more. */
TEST_F(park, memory_gone_after_issue)
{
	volatile struct pto_stream_submit *args;
	struct uring *r = &self->r;
	__u32 s = uring_stream(r, 4);
	struct pto_cmd *cmds;
	char *pages;

	pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, pages);
	args = (void *)pages;
	cmds = (void *)(pages + PAGE);
	cmds[0] = cmd_delay(30 * MS);
	cmds[1] = cmd_nop();
	*args = submit_wait_args(s, cmds, 2, BOUND_NS);
	uring_sqe(r, PTO_IOC_STREAM_SUBMIT, (void *)args, 5);
	ASSERT_TRUE(uring_issue(r));
	EXPECT_EQ(2, args->accepted);
	EXPECT_EQ(1, args->first_seqno);
	memset(cmds, 0xff, PAGE);
	ASSERT_EQ(0, munmap(pages, 2 * PAGE));
	memset(r->u.ring.sq.sqes, 0xff, sizeof(*r->u.ring.sq.sqes));
	EXPECT_EQ(0, uapi_cqe(&r->u, BOUND_MS, NULL));
	EXPECT_EQ(2, uapi_info(&r->u).completed);
}

/* Host pages of a copy are held from acceptance on. */
TEST_F(park, copy_from_gone_memory)
{
	struct pto_stream_submit args;
	__u32 out[2] = { 0 }, *host;
	struct uring *r = &self->r;
	__u32 s = uring_stream(r, 4);
	struct pto_mem_alloc mem;
	struct pto_cmd cmds[2];

	host = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, host);
	host[0] = 4711;
	ASSERT_EQ(0, uapi_alloc(&r->u, PAGE, &mem));
	cmds[0] = cmd_delay(10 * MS);
	cmds[1] = cmd_copy(PTO_COPY_H2D, mem.addr, ADDRESS(host), PAGE);
	args = submit_wait_args(s, cmds, 2, BOUND_NS);
	uring_sqe(r, PTO_IOC_STREAM_SUBMIT, &args, 0);
	ASSERT_TRUE(uring_issue(r));
	ASSERT_EQ(0, munmap(host, PAGE));
	EXPECT_EQ(0, uapi_cqe(&r->u, BOUND_MS, NULL));
	EXPECT_EQ(2, args.accepted);
	ASSERT_EQ(0, uapi_copy(&r->u, PTO_COPY_D2H, ADDRESS(out), mem.addr, sizeof(out)));
	EXPECT_EQ(4711, out[0]);
	/* They are given back by a worker. */
	EXPECT_TRUE(UNTIL(!uapi_info(&r->u).pinned));
}

/* What changes while it is read is a mixture of both at worst, never trouble. */
static void *scribble(void *arg)
{
	volatile __u32 *words = arg;
	int i, round;

	for (round = 0; round < 3000; round++)
		for (i = 0; i < 16; i++)
			words[i] = round & 1 ? 0 : words[i] + 1;
	return NULL;
}

TEST_F_TIMEOUT(park, commands_change_while_read, 60)
{
	struct uring *r = &self->r;
	__u32 s = uring_stream(r, 64);
	struct pto_stream_submit args;
	struct pto_cmd cmds[4];
	pthread_t thread;
	int i, res;

	memset(cmds, 0, sizeof(cmds));
	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &cmds[1]));
	for (i = 0; i < 100; i++) {
		args = submit_wait_args(s, cmds, 4, BOUND_NS);
		res = uring_call(r, PTO_IOC_STREAM_SUBMIT, &args);
		EXPECT_EQ(0, res);
		/* The first is sound, so that some are always accepted. */
		EXPECT_LE(1, args.accepted);
		EXPECT_GE(4, args.accepted);
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(uapi_info(&r->u).submitted, uapi_info(&r->u).completed);
}

/* ---- files ---- */

/* Neither descriptor nor registration is left: the parked command holds the context. */
TEST_F(park, holds_the_file)
{
	struct uring *r = &self->r;
	__u32 s = uring_stream(r, 4);
	struct pto_stream_wait wait;
	int none = -1;

	ASSERT_EQ(0, submit_one(r, s, cmd_delay(100 * MS)));
	ASSERT_EQ(0, submit_one(r, s, cmd_hang()));
	wait = wait_args(s, 1, BOUND_NS);
	uring_sqe(r, PTO_IOC_STREAM_WAIT, &wait, 0);
	ASSERT_TRUE(uring_issue(r));
	if (r->fixed)
		ASSERT_EQ(1, io_uring_register_files_update(&r->u.ring, 0, &none, 1));
	ASSERT_EQ(0, close(r->u.fd));
	r->u.fd = -1;
	EXPECT_EQ(0, uapi_cqe(&r->u, BOUND_MS, NULL));
}

TEST_HARNESS_MAIN
