// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Calls by io_uring, by every kind of ring: results, order, links, agreement with poll. */
#include "uring_test.h"

URING_FIXTURE(ring);

/* ---- results ---- */

TEST_F(ring, every_call)
{
	struct pto_query query = { sizeof(query), .item = PTO_QUERY_CTX };
	struct pto_ctx_set set = { sizeof(set), PTO_CTX_LABEL, .label = "by a ring" };
	struct pto_mem_alloc mem = { sizeof(mem), .bytes = PAGE };
	struct pto_prog_load prog = { sizeof(prog), .image = ADDRESS("program"), .image_size = 8 };
	struct pto_stream_create stream = { sizeof(stream), .depth = 4 };
	struct pto_emu_attach emu = { sizeof(emu), .depth = 4 };
	struct pto_emu_step step = { sizeof(step), PTO_EMU_REAP };
	struct pto_fault_query fault = { sizeof(fault) };
	struct pto_event_fd event = { sizeof(event), .fd = -1, .seqno = 1 };
	struct pto_stream_ctl ctl = { sizeof(ctl), .op = PTO_STREAM_ABORT };
	struct pto_obj_destroy destroy = { sizeof(destroy) };
	struct pto_ctx_close close_args = { sizeof(close_args) };
	struct pto_reset reset = { sizeof(reset) };
	struct uring *r = &self->r;
	struct pto_stream_submit submit;
	struct pto_stream_wait wait;
	struct pto_info_ctx info;
	struct pto_mem_copy copy;
	__u32 out[4] = { 0 };
	struct pto_cmd fill;

	EXPECT_EQ(0, uring_call(r, PTO_IOC_CTX_SET, &set));
	query.data = ADDRESS(&info);
	query.data_size = sizeof(info);
	EXPECT_EQ(0, uring_call(r, PTO_IOC_QUERY, &query));
	EXPECT_STREQ("by a ring", info.label);
	ASSERT_EQ(0, uring_call(r, PTO_IOC_MEM_ALLOC, &mem));
	ASSERT_EQ(0, uring_call(r, PTO_IOC_PROG_LOAD, &prog));
	EXPECT_NE(0, prog.serial);
	ASSERT_EQ(0, uring_call(r, PTO_IOC_STREAM_CREATE, &stream));
	event.stream = stream.handle;
	EXPECT_EQ(0, uring_call(r, PTO_IOC_EVENT_FD, &event));
	fill = cmd_fill(mem.addr, PAGE, 77);
	submit = submit_args(stream.handle, &fill, 1);
	ASSERT_EQ(0, uring_call(r, PTO_IOC_STREAM_SUBMIT, &submit));
	EXPECT_EQ(1, submit.accepted);
	EXPECT_EQ(1, submit.first_seqno);
	wait = wait_args(stream.handle, 1, BOUND_NS);
	EXPECT_EQ(0, uring_call(r, PTO_IOC_STREAM_WAIT, &wait));
	copy = (struct pto_mem_copy){ sizeof(copy), 0, PTO_COPY_D2H, 0, ADDRESS(out), mem.addr,
				      sizeof(out) };
	EXPECT_EQ(0, uring_call(r, PTO_IOC_MEM_COPY, &copy));
	EXPECT_EQ(77, out[3]);
	ctl.stream = stream.handle;
	EXPECT_EQ(0, uring_call(r, PTO_IOC_STREAM_CTL, &ctl));
	EXPECT_ERRNO(ENODATA, uring_call(r, PTO_IOC_FAULT_QUERY, &fault));
	ASSERT_EQ(0, uring_call(r, PTO_IOC_EMU_ATTACH, &emu));
	step.handle = emu.handle;
	EXPECT_EQ(0, uring_call(r, PTO_IOC_EMU_STEP, &step));
	EXPECT_EQ(0, uring_call(r, PTO_IOC_RESET, &reset));
	destroy.handle = mem.handle;
	EXPECT_EQ(0, uring_call(r, PTO_IOC_OBJ_DESTROY, &destroy));
	EXPECT_EQ(0, uring_call(r, PTO_IOC_CTX_CLOSE, &close_args));
	EXPECT_EQ(PTO_CTX_DEAD, self->r.u.ctl->state);
	EXPECT_ERRNO(ENODEV, uring_call(r, PTO_IOC_RESET, &reset));
}

static const __u32 sizes[] = {
	[PTO_CALL_QUERY] = sizeof(struct pto_query),
	[PTO_CALL_CTX_SET] = sizeof(struct pto_ctx_set),
	[PTO_CALL_CTX_CLOSE] = sizeof(struct pto_ctx_close),
	[PTO_CALL_MEM_ALLOC] = sizeof(struct pto_mem_alloc),
	[PTO_CALL_MEM_COPY] = sizeof(struct pto_mem_copy),
	[PTO_CALL_PROG_LOAD] = sizeof(struct pto_prog_load),
	[PTO_CALL_STREAM_CREATE] = sizeof(struct pto_stream_create),
	[PTO_CALL_STREAM_SUBMIT] = sizeof(struct pto_stream_submit),
	[PTO_CALL_STREAM_WAIT] = sizeof(struct pto_stream_wait),
	[PTO_CALL_STREAM_CTL] = sizeof(struct pto_stream_ctl),
	[PTO_CALL_EVENT_FD] = sizeof(struct pto_event_fd),
	[PTO_CALL_FAULT_QUERY] = sizeof(struct pto_fault_query),
	[PTO_CALL_RESET] = sizeof(struct pto_reset),
	[PTO_CALL_OBJ_DESTROY] = sizeof(struct pto_obj_destroy),
	[PTO_CALL_EMU_ATTACH] = sizeof(struct pto_emu_attach),
	[PTO_CALL_EMU_STEP] = sizeof(struct pto_emu_step),
};

/*
 * The same call in two contexts that have the same history, one by ioctl: the same result;
 * and what fails leaves the structure alone.
 */
TEST_F_TIMEOUT(ring, same_as_ioctl, 60)
{
	static const unsigned char bytes[] = { 0, 1, 0xff };
	static const __u32 flags[] = { 0, 1, 1U << 31 };
	const unsigned int ways = 27, calls = sizeof(sizes) / sizeof(sizes[0]);
	char before[512], by_ring[512], by_ioctl[512];
	struct uapi twin;
	unsigned int i;

	ASSERT_EQ(0, uapi_start(&twin, BY_IOCTL, 0));
	for (i = 0; i < calls * ways; i++) {
		unsigned int nr = i / ways, byte = bytes[i / 9 % 3], flag = flags[i / 3 % 3];
		int more = 4 * (i % 3) - 4, got, want;

		if (nr == PTO_CALL_CTX_CLOSE)
			continue;
		memset(before, byte, sizeof(before));
		((__u32 *)before)[0] = sizes[nr] + more;
		((__u32 *)before)[1] = flag;
		memcpy(by_ring, before, sizeof(before));
		memcpy(by_ioctl, before, sizeof(before));
		want = uapi_call(&twin, _IO(PTO_IOC_TYPE, nr), by_ioctl);
		got = uring_call(&self->r, _IO(PTO_IOC_TYPE, nr), by_ring);
		EXPECT_EQ(want, got)
			TH_LOG("call %u, byte %u, flags %x, size %+d", nr, byte, flag, more);
		if (got)
			EXPECT_EQ(0, memcmp(before, by_ring, sizeof(before)));
	}
	uapi_close(&twin);
}

TEST_F(ring, payload)
{
	struct pto_reset args = { sizeof(args) };
	struct pto_uring payload = { ADDRESS(&args), sizeof(args) };
	struct uring *r = &self->r;
	struct io_uring_sqe *sqe;
	unsigned int bit;

	EXPECT_ROW(&r->u, URING, EINVAL, size_differs,
		   uapi_raw(&r->u, PTO_IOC_RESET, &args, sizeof(args) + 8));
	EXPECT_ERRNO(EINVAL, uapi_raw(&r->u, PTO_IOC_RESET, &args, sizeof(args) - 1));
	EXPECT_ERRNO(EINVAL, uapi_raw(&r->u, PTO_IOC_RESET, &args, 0));
	EXPECT_ERRNO(EINVAL, uapi_raw(&r->u, PTO_IOC_RESET, &args, ~0U));
	for (bit = 0; bit < 32; bit += 31) {
		payload.flags = 1U << bit;
		sqe = uring_sqe(r, PTO_IOC_RESET, &args, 0);
		memcpy(sqe->cmd, &payload, sizeof(payload));
		io_uring_submit(&r->u.ring);
		EXPECT_ROW(&r->u, URING, EOPNOTSUPP, uring_flags, uapi_cqe(&r->u, BOUND_MS, NULL));
	}
	EXPECT_EQ(0, uring_call(r, PTO_IOC_RESET, &args));
}

TEST(iopoll)
{
	struct pto_reset args = { sizeof(args) };
	struct io_uring_cqe *cqe = NULL;
	struct uapi u;

	ASSERT_EQ(0, uapi_start(&u, BY_IOCTL, 0));
	u.path = BY_URING;
	ASSERT_EQ(0, io_uring_queue_init(4, &u.ring, IORING_SETUP_IOPOLL));
	uapi_queue(&u, PTO_IOC_RESET, &args, sizeof(args), 0);
	ASSERT_TRUE(UNTIL(!io_uring_peek_cqe(&u.ring, &cqe)));
	EXPECT_ROW(&u, URING, EOPNOTSUPP, iopoll, cqe->res);
	io_uring_cqe_seen(&u.ring, cqe);
	uapi_close(&u);
}

/* ---- submission ---- */

/* SUBMIT is complete when the work is accepted, and has told how much. */
TEST_F(ring, accepted)
{
	struct pto_cmd cmds[3] = { cmd_hang(), cmd_nop(), cmd_nop() };
	struct pto_stream_submit args;
	struct uring *r = &self->r;
	__u32 s = uring_stream(r, 4);

	args = submit_args(s, cmds, 3);
	ASSERT_EQ(0, uring_call(r, PTO_IOC_STREAM_SUBMIT, &args));
	EXPECT_EQ(3, args.accepted);
	EXPECT_EQ(1, args.first_seqno);
	EXPECT_EQ(3, uapi_info(&r->u).submitted);
	EXPECT_EQ(0, uapi_info(&r->u).completed);
	EXPECT_EQ(0, uapi_ctl(&r->u, s, PTO_STREAM_ABORT));
}

/* As many SQEs as the stream has room for are accepted, in order; the rest is told so. */
TEST_F(ring, full)
{
	struct pto_cmd cmds[12] = { cmd_hang() };
	struct pto_stream_submit args[12];
	struct uring *r = &self->r;
	__u32 s = uring_stream(r, 8);
	int results[12];
	unsigned int i;

	for (i = 0; i < 12; i++) {
		args[i] = submit_args(s, &cmds[i], 1);
		uring_sqe(r, PTO_IOC_STREAM_SUBMIT, &args[i], i);
	}
	io_uring_submit(&r->u.ring);
	ASSERT_EQ(12, uring_collect(r, results, 12));
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(0, results[i]);
		EXPECT_EQ(1, args[i].accepted);
		EXPECT_EQ(i + 1, args[i].first_seqno);
	}
	for (; i < 12; i++) {
		EXPECT_ROW(&r->u, STREAM_SUBMIT, EBUSY, full, results[i]);
		EXPECT_EQ(0, args[i].accepted);
	}
	EXPECT_EQ(0, uapi_ctl(&r->u, s, PTO_STREAM_ABORT));
	ASSERT_EQ(0, uapi_wait(&r->u, s, 8, BOUND_NS) + ECANCELED);
	ASSERT_EQ(0, uring_call(r, PTO_IOC_STREAM_SUBMIT, &args[1]));
	EXPECT_EQ(9, args[1].first_seqno);
}

/* A whole ring of SQEs, none of which overtakes another. */
TEST_F(ring, order)
{
	struct pto_stream_submit args[RING_ENTRIES];
	struct pto_cmd cmds[RING_ENTRIES];
	int results[RING_ENTRIES];
	struct uring *r = &self->r;
	struct pto_mem_alloc mem;
	unsigned int i, *map;
	__u32 s = uring_stream(r, 512);

	ASSERT_EQ(0, uapi_alloc(&r->u, PAGE, &mem));
	map = uapi_map(&r->u, &mem);
	ASSERT_NE(MAP_FAILED, map);
	for (i = 0; i < RING_ENTRIES; i++) {
		cmds[i] = cmd_fill(mem.addr, 4 * (RING_ENTRIES - i), i);
		args[i] = submit_args(s, &cmds[i], 1);
		uring_sqe(r, PTO_IOC_STREAM_SUBMIT, &args[i], i);
	}
	/* All are accepted when they are issued: none is left to a worker. */
	ASSERT_TRUE(uring_issue(r));
	EXPECT_EQ(RING_ENTRIES, args[RING_ENTRIES - 1].first_seqno);
	ASSERT_EQ(RING_ENTRIES, uring_collect(r, results, RING_ENTRIES));
	for (i = 0; i < RING_ENTRIES; i++) {
		EXPECT_EQ(0, results[i]);
		EXPECT_EQ(i + 1, args[i].first_seqno);
	}
	ASSERT_EQ(0, uapi_wait(&r->u, s, RING_ENTRIES, BOUND_NS));
	for (i = 0; i < RING_ENTRIES; i++)
		EXPECT_EQ(RING_ENTRIES - 1 - i, map[i]);
}

/* Issued by a worker: the same. */
TEST_F(ring, from_a_worker)
{
	struct pto_cmd cmds[2] = { cmd_delay(MS), cmd_nop() };
	struct pto_stream_submit submit;
	struct pto_stream_wait wait[2];
	struct uring *r = &self->r;
	__u32 s = uring_stream(r, 4);
	int results[2];

	submit = submit_wait_args(s, cmds, 2, BOUND_NS);
	uring_sqe(r, PTO_IOC_STREAM_SUBMIT, &submit, 0)->flags |= IOSQE_ASYNC;
	io_uring_submit(&r->u.ring);
	ASSERT_EQ(0, uapi_cqe(&r->u, BOUND_MS, NULL));
	EXPECT_EQ(2, submit.accepted);
	cmds[0] = cmd_hang();
	ASSERT_EQ(0, uapi_submit(&r->u, s, cmds, 1, NULL));
	wait[0] = wait_args(s, 3, 5 * MS);
	uring_sqe(r, PTO_IOC_STREAM_WAIT, &wait[0], 0)->flags |= IOSQE_ASYNC;
	wait[1] = wait_args(s, 4, BOUND_NS);
	uring_sqe(r, PTO_IOC_STREAM_WAIT, &wait[1], 1)->flags |= IOSQE_ASYNC;
	io_uring_submit(&r->u.ring);
	ASSERT_EQ(2, uring_collect(r, results, 2));
	EXPECT_EQ(-ETIME, results[0]);
	EXPECT_EQ(-EINVAL, results[1]);
	EXPECT_EQ(0, uapi_ctl(&r->u, s, PTO_STREAM_ABORT));
}

/* ---- links ---- */

TEST_F(ring, linked)
{
	struct pto_cmd cmds[2] = { cmd_delay(2 * MS), cmd_nop() };
	struct pto_stream_submit submit[2];
	struct pto_stream_wait wait[2];
	struct uring *r = &self->r;
	__u32 s = uring_stream(r, 4);
	int results[4];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		submit[i] = submit_args(s, &cmds[i], 1);
		wait[i] = wait_args(s, i + 1, BOUND_NS);
		uring_sqe(r, PTO_IOC_STREAM_SUBMIT, &submit[i], 2 * i)->flags |= IOSQE_IO_LINK;
		/* It would be EINVAL if it were issued before the SUBMIT. */
		uring_sqe(r, PTO_IOC_STREAM_WAIT, &wait[i], 2 * i + 1)->flags |=
			i ? 0 : IOSQE_IO_LINK;
	}
	io_uring_submit(&r->u.ring);
	ASSERT_EQ(4, uring_collect(r, results, 4));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, results[i]);
	EXPECT_EQ(2, submit[1].first_seqno);
}

/*
 * The ring's entries are used again while a chain stands. Some kernels look at a linked one
 * when its turn comes; not if it is to run in a worker.
 */
TEST_F(ring, linked_and_used_again)
{
	struct io_uring_sq *sq = &self->r.u.ring.sq;
	size_t entry = variant->setup & IORING_SETUP_SQE128 ? 128 : 64;
	struct pto_cmd cmd = cmd_nop(), delay = cmd_delay(50 * MS);
	struct pto_stream_submit first, second;
	struct uring *r = &self->r;
	__u32 s = uring_stream(r, 4);
	int results[2];

	first = submit_wait_args(s, &delay, 1, BOUND_NS);
	uring_sqe(r, PTO_IOC_STREAM_SUBMIT, &first, 0)->flags |= IOSQE_IO_LINK;
	second = submit_args(s, &cmd, 1);
	uring_sqe(r, PTO_IOC_STREAM_SUBMIT, &second, 1)->flags |= IOSQE_ASYNC;
	ASSERT_TRUE(uring_issue(r));
	memset(sq->sqes, 0xff, sq->ring_entries * entry);
	ASSERT_EQ(2, uring_collect(r, results, 2));
	EXPECT_EQ(0, results[0]);
	EXPECT_EQ(0, results[1]);
	EXPECT_EQ(2, second.first_seqno);
}

/* What ends badly breaks the chain, unless it is a hard one. */
TEST_F(ring, broken_links)
{
	struct pto_stream_submit submit, behind;
	struct pto_cmd cmds[2] = { cmd_fault(5), cmd_nop() };
	struct uring *r = &self->r;
	__u32 s, other = uring_stream(r, 4);
	unsigned int hard;
	int results[2];

	for (hard = 0; hard < 2; hard++) {
		s = uring_stream(r, 4);
		submit = submit_wait_args(s, &cmds[0], 1, BOUND_NS);
		behind = submit_args(other, &cmds[1], 1);
		uring_sqe(r, PTO_IOC_STREAM_SUBMIT, &submit, 0)->flags |=
			hard ? IOSQE_IO_HARDLINK : IOSQE_IO_LINK;
		uring_sqe(r, PTO_IOC_STREAM_SUBMIT, &behind, 1);
		io_uring_submit(&r->u.ring);
		ASSERT_EQ(2, uring_collect(r, results, 2));
		EXPECT_EQ(-EIO, results[0]);
		EXPECT_EQ(hard ? 0 : -ECANCELED, results[1]);
		EXPECT_EQ(hard, behind.accepted);
	}
}

/* ---- agreement ---- */

static __u64 eventfd_count(int fd)
{
	__u64 value;

	return read(fd, &value, sizeof(value)) == sizeof(value) ? value : 0;
}

/* However a command ends: CQE, page, poll, eventfd and another wait all say so. */
TEST_F(ring, agreement)
{
	struct pto_cmd cmds[] = { cmd_nop(), cmd_delay(2 * MS), cmd_fault(1), cmd_hang(),
				  cmd_delay(50 * MS) };
	const int ends[] = { 0, 0, -EIO, -ETIMEDOUT, 0 };
	int fd = eventfd(0, EFD_NONBLOCK), results[2];
	const volatile struct pto_stream_page *page;
	struct pto_stream_create stream;
	struct pto_stream_submit args;
	struct uring *r = &self->r;
	struct io_uring_sqe *sqe;
	unsigned int i;

	ASSERT_EQ(0, uapi_stream(&r->u, PTO_ENGINE_COPY, 0, 8, &stream));
	page = uapi_page(&r->u, &stream);
	ASSERT_NE(NULL, page);
	ASSERT_EQ(0, uapi_set(&r->u, PTO_CTX_ON_FAULT | PTO_CTX_TIMEOUT, 200,
			      PTO_ON_FAULT_CONTINUE));
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		__u64 seqno = i + 1;

		ASSERT_EQ(0, uapi_arm(&r->u, stream.handle, fd, seqno));
		sqe = uapi_sqe(&r->u.ring);
		io_uring_prep_poll_add(sqe, r->u.fd, POLLIN);
		io_uring_sqe_set_data64(sqe, 0);
		args = submit_wait_args(stream.handle, &cmds[i], 1, BOUND_NS);
		uring_sqe(r, PTO_IOC_STREAM_SUBMIT, &args, 1);
		io_uring_submit(&r->u.ring);
		ASSERT_EQ(2, uring_collect(r, results, 2));
		EXPECT_EQ(POLLIN, results[0] & POLLIN);
		EXPECT_EQ(ends[i], results[1]);
		EXPECT_EQ(seqno, args.first_seqno);
		EXPECT_EQ(seqno, page->completed);
		EXPECT_EQ(seqno, page->ring[seqno & 7].seqno);
		EXPECT_EQ(ends[i], page->ring[seqno & 7].status);
		EXPECT_EQ(1, eventfd_count(fd));
		EXPECT_EQ(ends[i], uapi_wait(&r->u, stream.handle, seqno, 0));
	}
}

/* The other way round: once the page says it, nobody waits any more. */
TEST_F(ring, page_first)
{
	struct pto_cmd cmd = cmd_delay(10 * MS);
	const volatile struct pto_stream_page *page;
	struct pto_stream_create stream;
	struct uring *r = &self->r;
	struct pto_stream_wait wait;

	ASSERT_EQ(0, uapi_stream(&r->u, PTO_ENGINE_COPY, 0, 8, &stream));
	page = uapi_page(&r->u, &stream);
	ASSERT_EQ(0, uapi_submit(&r->u, stream.handle, &cmd, 1, NULL));
	wait = wait_args(stream.handle, 1, PTO_TIMEOUT_MAX_NS);
	uring_sqe(r, PTO_IOC_STREAM_WAIT, &wait, 7);
	ASSERT_TRUE(uring_issue(r));
	ASSERT_TRUE(UNTIL(page->completed == 1));
	EXPECT_EQ(0, uapi_cqe(&r->u, BOUND_MS, NULL));
}

TEST_HARNESS_MAIN
