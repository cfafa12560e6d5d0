// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Streams: creation, order, depth, WAIT, abort and resume, many of them. */
#include "uapi_test.h"

UAPI_FIXTURE(stream);

static __u32 make(struct uapi *u, __u32 depth)
{
	struct pto_stream_create stream;

	return uapi_stream(u, PTO_ENGINE_COPY, 0, depth, &stream) ? 0 : stream.handle;
}

static struct pto_info_object info_of(struct uapi *u, __u32 handle)
{
	struct pto_info_object info;

	if (uapi_query(u, PTO_QUERY_OBJECT, handle, &info, sizeof(info)))
		memset(&info, 0xff, sizeof(info));
	return info;
}

TEST_F(stream, create)
{
	static const struct { __u32 engine, index, depth; } good[] = {
		{ PTO_ENGINE_COPY, 0, PTO_STREAM_DEPTH_MIN }, { PTO_ENGINE_AIC, 1, 4 },
		{ PTO_ENGINE_AIV, 3, 4 }, { PTO_ENGINE_BLOCK, 1, PTO_STREAM_DEPTH_MAX },
	};
	struct pto_stream_create stream;
	const volatile struct pto_stream_page *page;
	unsigned int i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ASSERT_EQ(0, uapi_stream(&self->u, good[i].engine, good[i].index, good[i].depth,
					 &stream));
		EXPECT_LE(sizeof(*page) + good[i].depth * sizeof(page->ring[0]),
			  stream.mmap_size);
		page = uapi_page(&self->u, &stream);
		ASSERT_NE(NULL, page);
		EXPECT_EQ(0, page->completed);
		EXPECT_EQ(PTO_STREAM_RUNNING, page->state);
		EXPECT_EQ(good[i].depth, page->depth);
		EXPECT_EQ(0, page->ring[good[i].depth - 1].seqno);
	}
}

TEST_F(stream, create_errors)
{
	struct pto_stream_create stream;
	struct uapi *u = &self->u;

	EXPECT_ROW(u, STREAM_CREATE, EOPNOTSUPP, unknown_engine, uapi_stream(u, 4, 0, 2, &stream));
	EXPECT_ERRNO(EOPNOTSUPP, uapi_stream(u, ~0U, 0, 2, &stream));
	EXPECT_ROW(u, STREAM_CREATE, EINVAL, bad_index,
		   uapi_stream(u, PTO_ENGINE_COPY, 1, 2, &stream));
	EXPECT_ERRNO(EINVAL, uapi_stream(u, PTO_ENGINE_AIC, 2, 2, &stream));
	EXPECT_ERRNO(EINVAL, uapi_stream(u, PTO_ENGINE_AIV, 4, 2, &stream));
	EXPECT_ERRNO(EINVAL, uapi_stream(u, PTO_ENGINE_BLOCK, 2, 2, &stream));
	EXPECT_ERRNO(EINVAL, uapi_stream(u, PTO_ENGINE_AIV, ~0U, 2, &stream));
	EXPECT_ROW(u, STREAM_CREATE, EINVAL, bad_depth,
		   uapi_stream(u, PTO_ENGINE_COPY, 0, 0, &stream));
	EXPECT_ERRNO(EINVAL, uapi_stream(u, PTO_ENGINE_COPY, 0, 1, &stream));
	EXPECT_ERRNO(EINVAL, uapi_stream(u, PTO_ENGINE_COPY, 0, 3, &stream));
	EXPECT_ERRNO(EINVAL, uapi_stream(u, PTO_ENGINE_COPY, 0, 8192, &stream));
	EXPECT_ERRNO(EINVAL, uapi_stream(u, PTO_ENGINE_COPY, 0, 1U << 31, &stream));
	EXPECT_EQ(0, uapi_info(u).streams);
}

TEST_F(stream, as_many_as_there_may_be)
{
	struct pto_stream_create stream;
	unsigned int i;

	for (i = 0; i < PTO_STREAMS_MAX; i++)
		ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_COPY, 0, 2, &stream));
	EXPECT_ROW(&self->u, STREAM_CREATE, EMFILE, streams,
		   uapi_stream(&self->u, PTO_ENGINE_COPY, 0, 2, &stream));
	EXPECT_EQ(PTO_STREAMS_MAX, uapi_info(&self->u).streams);
	ASSERT_EQ(0, uapi_destroy(&self->u, 1));
	EXPECT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_COPY, 0, 2, &stream));
}

/* What each command leaves behind shows that they ran one after the other. */
TEST_F(stream, order)
{
	struct pto_mem_alloc mem;
	struct pto_cmd cmds[8];
	unsigned int i, *out = calloc(4, PAGE);
	__u32 s = make(&self->u, 8);

	ASSERT_NE(0, s);
	ASSERT_EQ(0, uapi_alloc(&self->u, 4 * PAGE, &mem));
	for (i = 0; i < 6; i++)
		cmds[i] = i % 3 == 1 ? cmd_delay(200000) :
			  cmd_fill(mem.addr, (4 - i / 3) * PAGE, 100 + i);
	cmds[6] = cmd_copy(PTO_COPY_D2D, mem.addr + 3 * PAGE, mem.addr, 64);
	cmds[7] = cmd_copy(PTO_COPY_D2H, ADDRESS(out), mem.addr, 4 * PAGE);
	ASSERT_EQ(0, uapi_submit_wait(&self->u, s, cmds, 8, BOUND_NS));
	EXPECT_EQ(105, out[0]);
	EXPECT_EQ(105, out[3 * PAGE / 4 - 1]);
	EXPECT_EQ(105, out[3 * PAGE / 4]);
	EXPECT_EQ(102, out[3 * PAGE / 4 + 16]);
	EXPECT_EQ(102, out[PAGE - 1]);
}

/* As many as the stream is deep; the prefix that fits is accepted. */
TEST_F(stream, depth)
{
	struct pto_cmd cmds[6] = { cmd_hang(), cmd_nop(), cmd_nop(), cmd_nop(), cmd_nop() };
	struct pto_stream_submit args = { sizeof(args), .count = 6, .cmds = ADDRESS(cmds) };
	struct uapi *u = &self->u;

	args.stream = make(u, 4);
	ASSERT_EQ(0, uapi_call(u, PTO_IOC_STREAM_SUBMIT, &args));
	EXPECT_EQ(4, args.accepted);
	EXPECT_EQ(1, args.first_seqno);
	EXPECT_ROW(u, STREAM_SUBMIT, EBUSY, full, uapi_call(u, PTO_IOC_STREAM_SUBMIT, &args));
	EXPECT_EQ(0, uapi_ctl(u, args.stream, PTO_STREAM_ABORT));
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, args.stream, 4, BOUND_NS));
	args.cmds = ADDRESS(cmds + 1);
	args.count = 1;
	ASSERT_EQ(0, uapi_call(u, PTO_IOC_STREAM_SUBMIT, &args));
	EXPECT_EQ(5, args.first_seqno);
	EXPECT_EQ(0, uapi_wait(u, args.stream, 5, BOUND_NS));
}

TEST_F(stream, largest_batch)
{
	struct pto_cmd *cmds = calloc(PTO_BATCH_MAX + 1, sizeof(*cmds));
	struct pto_stream_submit args = {
		.size = sizeof(args),
		.count = PTO_BATCH_MAX + 1,
		.cmds = ADDRESS(cmds),
	};

	args.stream = make(&self->u, 512);
	ASSERT_EQ(0, uapi_call(&self->u, PTO_IOC_STREAM_SUBMIT, &args));
	EXPECT_EQ(PTO_BATCH_MAX, args.accepted);
	EXPECT_EQ(0, uapi_wait(&self->u, args.stream, PTO_BATCH_MAX, BOUND_NS));
	EXPECT_EQ(PTO_BATCH_MAX, uapi_info(&self->u).completed);
}

/* ---- WAIT ---- */

TEST_F(stream, wait_across)
{
	struct pto_cmd first = cmd_delay(5 * MS), then[2];
	__u32 a = make(&self->u, 4), b = make(&self->u, 4);

	ASSERT_EQ(0, uapi_submit(&self->u, a, &first, 1, NULL));
	then[0] = cmd_wait(a, 1);
	then[1] = cmd_nop();
	ASSERT_EQ(0, uapi_submit_wait(&self->u, b, then, 2, BOUND_NS));
	EXPECT_EQ(1, info_of(&self->u, a).stream.completed);
}

/* One that waits for itself, behind what it waits for; and a chain of streams. */
TEST_F(stream, wait_chains)
{
	struct pto_cmd cmds[2] = { cmd_delay(2 * MS) };
	__u32 streams[16];
	unsigned int i;

	for (i = 0; i < 16; i++) {
		streams[i] = make(&self->u, 4);
		ASSERT_NE(0, streams[i]);
		ASSERT_EQ(0, uapi_submit(&self->u, streams[i], cmds, 1, NULL));
		cmds[0] = cmd_wait(streams[i], 1);
		cmds[1] = cmds[0];
		ASSERT_EQ(0, uapi_submit(&self->u, streams[i], &cmds[1], 1, NULL));
	}
	EXPECT_EQ(0, uapi_wait(&self->u, streams[15], 2, BOUND_NS));
}

/* The awaited one faults, is cancelled, or its stream goes: the WAIT ends, it never hangs. */
TEST_F(stream, wait_for_what_ends_badly)
{
	struct pto_cmd bad[] = { cmd_fault(1), cmd_hang(), cmd_hang() }, wait;
	struct uapi *u = &self->u;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		__u32 a = make(u, 4), b = make(u, 4);

		ASSERT_EQ(0, uapi_submit(u, a, &bad[i], 1, NULL));
		wait = cmd_wait(a, 1);
		/* A fault may have come already: then a's end is still known. */
		ASSERT_EQ(0, uapi_submit(u, b, &wait, 1, NULL));
		if (i == 1)
			ASSERT_EQ(0, uapi_ctl(u, a, PTO_STREAM_ABORT));
		if (i == 2)
			ASSERT_EQ(0, uapi_destroy(u, a));
		EXPECT_ERRNO(ECANCELED, uapi_wait(u, b, 1, BOUND_NS));
		EXPECT_EQ(PTO_STREAM_STOPPED, info_of(u, b).stream.state);
	}
}

/* ---- abort, resume, destroy ---- */

TEST_F(stream, abort)
{
	struct pto_cmd cmds[3] = { cmd_nop(), cmd_hang(), cmd_nop() };
	struct uapi *u = &self->u;
	__u32 s = make(u, 4);

	ASSERT_EQ(0, uapi_submit(u, s, cmds, 3, NULL));
	EXPECT_EQ(0, uapi_wait(u, s, 1, BOUND_NS));
	EXPECT_EQ(0, uapi_ctl(u, s, PTO_STREAM_ABORT));
	EXPECT_ROW(u, STREAM_WAIT, ECANCELED, canceled, uapi_wait(u, s, 2, BOUND_NS));
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, s, 3, BOUND_NS));
	EXPECT_EQ(PTO_STREAM_RUNNING, info_of(u, s).stream.state);
	EXPECT_EQ(0, uapi_submit_wait(u, s, cmds, 1, BOUND_NS));
	/* Of nothing. */
	EXPECT_EQ(0, uapi_ctl(u, s, PTO_STREAM_ABORT));
	/* Each end of a WAIT. */
	EXPECT_EQ(0, uapi_submit(u, s, &cmds[1], 1, NULL));
	EXPECT_EQ(0, uapi_ctl(u, s, PTO_STREAM_ABORT));
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, s, 5, BOUND_NS));
}

TEST_F(stream, stop_and_resume)
{
	struct pto_cmd cmds[3] = { cmd_fault(7), cmd_nop(), cmd_nop() };
	struct uapi *u = &self->u;
	__u32 s = make(u, 4);

	EXPECT_ROW(u, STREAM_CTL, EINVAL, not_stopped, uapi_ctl(u, s, PTO_STREAM_RESUME));
	ASSERT_EQ(0, uapi_submit(u, s, cmds, 3, NULL));
	EXPECT_ROW(u, STREAM_WAIT, EIO, fault, uapi_wait(u, s, 1, BOUND_NS));
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, s, 3, BOUND_NS));
	EXPECT_ROW(u, STREAM_SUBMIT, EIO, stopped, uapi_submit(u, s, cmds, 1, NULL));
	EXPECT_EQ(0, uapi_ctl(u, s, PTO_STREAM_ABORT));
	EXPECT_ERRNO(EIO, uapi_submit(u, s, cmds, 1, NULL));
	EXPECT_EQ(0, uapi_ctl(u, s, PTO_STREAM_RESUME));
	EXPECT_EQ(0, uapi_submit_wait(u, s, &cmds[1], 2, BOUND_NS));
	EXPECT_ERRNO(EINVAL, uapi_ctl(u, s, PTO_STREAM_RESUME));
}

TEST_F(stream, goes_on_when_told_so)
{
	struct pto_cmd cmds[3] = { cmd_fault(7), cmd_nop(), cmd_fault(8) };
	struct uapi *u = &self->u;
	__u32 s = make(u, 4);

	ASSERT_EQ(0, uapi_set(u, PTO_CTX_ON_FAULT, 0, PTO_ON_FAULT_CONTINUE));
	ASSERT_EQ(0, uapi_submit(u, s, cmds, 3, NULL));
	EXPECT_ERRNO(EIO, uapi_wait(u, s, 3, BOUND_NS));
	EXPECT_EQ(0, uapi_wait(u, s, 2, BOUND_NS));
	EXPECT_ERRNO(EIO, uapi_wait(u, s, 1, BOUND_NS));
	EXPECT_EQ(PTO_STREAM_RUNNING, info_of(u, s).stream.state);
	EXPECT_EQ(2, uapi_info(u).faults);
}

TEST_F(stream, ctl_errors)
{
	struct pto_mem_alloc mem;
	struct uapi *u = &self->u, other;
	__u32 s;

	ASSERT_EQ(0, uapi_alloc(u, 1, &mem));
	s = make(u, 4);
	EXPECT_ROW(u, STREAM_CTL, EOPNOTSUPP, unknown_op, uapi_ctl(u, s, 2));
	EXPECT_ROW(u, STREAM_CTL, ENOENT, no_stream, uapi_ctl(u, 99, PTO_STREAM_ABORT));
	EXPECT_ERRNO(ENOENT, uapi_ctl(u, mem.handle, PTO_STREAM_ABORT));
	ASSERT_EQ(0, uapi_start(&other, variant->path, 0));
	EXPECT_ERRNO(ENOENT, uapi_ctl(&other, s, PTO_STREAM_ABORT));
	uapi_close(&other);
}

TEST_F(stream, destroy)
{
	struct pto_cmd cmds[2] = { cmd_hang(), cmd_nop() };
	const volatile struct pto_stream_page *page;
	struct pto_stream_create stream;
	struct uapi *u = &self->u;

	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_COPY, 0, 4, &stream));
	page = uapi_page(u, &stream);
	ASSERT_NE(NULL, page);
	ASSERT_EQ(0, uapi_submit(u, stream.handle, cmds, 2, NULL));
	ASSERT_EQ(0, uapi_destroy(u, stream.handle));
	/* The page stays readable and tells the end. */
	EXPECT_EQ(2, page->completed);
	EXPECT_EQ(PTO_STREAM_DEAD, page->state);
	EXPECT_EQ(-ECANCELED, page->ring[1].status);
	EXPECT_EQ(-ECANCELED, page->ring[2].status);
	EXPECT_ERRNO(ENOENT, uapi_submit(u, stream.handle, cmds, 1, NULL));
	EXPECT_ERRNO(ENOENT, uapi_wait(u, stream.handle, 1, 0));
}

/* A copy that runs is stopped in the middle. */
TEST_F(stream, destroy_a_running_copy)
{
	struct pto_stream_create stream;
	struct uapi *u = &self->u;
	struct pto_mem_alloc mem;
	struct pto_cmd fill;

	ASSERT_EQ(0, uapi_alloc(u, 32 << 20, &mem));
	fill = cmd_fill(mem.addr, mem.bytes, 1);
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_COPY, 0, 4, &stream));
	ASSERT_EQ(0, uapi_submit(u, stream.handle, &fill, 1, NULL));
	ASSERT_EQ(0, uapi_destroy(u, mem.handle));
	ASSERT_EQ(0, uapi_destroy(u, stream.handle));
	/* What it used is free: at the latest when room is looked for. */
	EXPECT_EQ(0, uapi_alloc_at(u, mem.addr, PAGE));
}

/* Sixty-four streams at once, each in order. */
TEST_F(stream, many)
{
	struct pto_mem_alloc mem;
	unsigned int *map, i, round;
	__u32 streams[64];

	ASSERT_EQ(0, uapi_alloc(&self->u, 64 * PAGE, &mem));
	map = uapi_map(&self->u, &mem);
	ASSERT_NE(MAP_FAILED, map);
	for (i = 0; i < 64; i++) {
		streams[i] = make(&self->u, 16);
		ASSERT_NE(0, streams[i]);
	}
	for (round = 0; round < 4; round++)
		for (i = 0; i < 64; i++) {
			struct pto_cmd cmds[3] = {
				cmd_delay(PTO_DELAY_MIN_NS * (1 + i % 7)),
				cmd_fill(mem.addr + i * PAGE, PAGE, round * 100 + i),
				cmd_nop(),
			};

			if (i && round)
				cmds[2] = cmd_wait(streams[i - 1], 3 * round);
			ASSERT_EQ(0, uapi_submit(&self->u, streams[i], cmds, 3, NULL));
		}
	for (i = 0; i < 64; i++) {
		ASSERT_EQ(0, uapi_wait(&self->u, streams[i], 12, BOUND_NS));
		EXPECT_EQ(300 + i, map[i * PAGE / 4]);
		EXPECT_EQ(300 + i, map[(i + 1) * PAGE / 4 - 1]);
	}
	EXPECT_EQ(64 * 12, uapi_info(&self->u).completed);
}

/* Eight processes, each with a context of its own on one device. */
TEST_F_TIMEOUT(stream, processes, 60)
{
	pid_t pids[8];
	int i, round;

	for (i = 0; i < 8; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (!pids[i]) {
			unsigned int out[16] = { 0 };
			struct pto_mem_alloc mem;
			struct pto_cmd cmds[2];
			struct uapi u;
			int wrong = 0;
			__u32 s;

			if (uapi_start(&u, variant->path, 0) || uapi_alloc(&u, PAGE, &mem))
				_exit(100);
			s = make(&u, 4);
			for (round = 0; round < 10; round++) {
				cmds[0] = cmd_fill(mem.addr, sizeof(out), i * 100 + round);
				cmds[1] = cmd_copy(PTO_COPY_D2H, ADDRESS(out), mem.addr,
						   sizeof(out));
				if (uapi_submit_wait(&u, s, cmds, 2, BOUND_NS) ||
				    out[15] != i * 100 + round)
					wrong++;
			}
			_exit(wrong);
		}
	}
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, uapi_reap(pids[i]));
}

TEST_HARNESS_MAIN
