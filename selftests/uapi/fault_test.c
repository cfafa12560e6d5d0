// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Fault records, timeouts, RESET of the own context, and the mock's knobs. */
#include "uapi_test.h"

#define KNOBBED	1	/* the device whose knobs are turned */

FIXTURE(fault) {
	struct uapi u;
	struct pto_stream_create stream;
	const volatile struct pto_stream_page *page;
};

FIXTURE_VARIANT(fault) { enum uapi_path path; };
FIXTURE_VARIANT_ADD(fault, ioctl) { .path = BY_IOCTL };
FIXTURE_VARIANT_ADD(fault, uring) { .path = BY_URING };

static void knobs_off(void)
{
	uapi_knob(KNOBBED, "hang", 0);
	uapi_knob(KNOBBED, "fail_next", 0);
	uapi_knob(KNOBBED, "latency_ns", 0);
	uapi_knob(KNOBBED, "jitter_ns", 0);
}

FIXTURE_SETUP(fault)
{
	knobs_off();
	ASSERT_EQ(0, uapi_start(&self->u, variant->path, KNOBBED));
	ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_COPY, 0, 8, &self->stream));
	self->page = uapi_page(&self->u, &self->stream);
	ASSERT_NE(NULL, self->page);
}

FIXTURE_TEARDOWN(fault)
{
	knobs_off();
	uapi_close(&self->u);
}

static int run(struct uapi *u, __u32 stream, struct pto_cmd cmd)
{
	return uapi_submit_wait(u, stream, &cmd, 1, BOUND_NS);
}

TEST_F(fault, record)
{
	struct pto_fault_query fault;
	struct timespec now;
	struct uapi *u = &self->u;

	EXPECT_ROW(u, FAULT_QUERY, ENODATA, none, uapi_fault(u, &fault));
	ASSERT_EQ(0, run(u, self->stream.handle, cmd_nop()));
	ASSERT_ERRNO(EIO, run(u, self->stream.handle, cmd_fault(4711)));
	EXPECT_EQ(1, u->ctl->faults);
	EXPECT_EQ(1, uapi_info(u).faults_unread);
	ASSERT_EQ(0, uapi_fault(u, &fault));
	clock_gettime(CLOCK_MONOTONIC, &now);
	EXPECT_LT(0, fault.time_ns);
	EXPECT_GE(now.tv_sec * 1000000000ULL + now.tv_nsec, fault.time_ns);
	EXPECT_EQ(2, fault.seqno);
	EXPECT_EQ(self->stream.handle, fault.stream);
	EXPECT_EQ(uapi_info(u).id, fault.ctx);
	EXPECT_EQ(getpid(), fault.pid);
	EXPECT_EQ(-1, fault.core);
	EXPECT_EQ(PTO_FAULT_INJECTED, fault.fault_class);
	EXPECT_EQ(4711, fault.code);
	EXPECT_EQ(0, fault.lost);
	EXPECT_ERRNO(ENODATA, uapi_fault(u, &fault));
}

/* The oldest give way, and are counted. */
TEST_F(fault, lost)
{
	struct pto_fault_query fault;
	struct uapi *u = &self->u;
	unsigned int i;

	ASSERT_EQ(0, uapi_set(u, PTO_CTX_ON_FAULT, 0, PTO_ON_FAULT_CONTINUE));
	for (i = 0; i < PTO_FAULTS_MAX + 5; i++)
		ASSERT_ERRNO(EIO, run(u, self->stream.handle, cmd_fault(i)));
	EXPECT_EQ(PTO_FAULTS_MAX + 5, u->ctl->faults);
	ASSERT_EQ(0, uapi_fault(u, &fault));
	EXPECT_EQ(5, fault.code);
	EXPECT_EQ(5, fault.lost);
	ASSERT_EQ(0, uapi_fault(u, &fault));
	EXPECT_EQ(6, fault.code);
	EXPECT_EQ(0, fault.lost);
	EXPECT_EQ(PTO_FAULTS_MAX - 2, uapi_info(u).faults_unread);
	ASSERT_EQ(0, uapi_reset(u));
	EXPECT_ERRNO(ENODATA, uapi_fault(u, &fault));
	EXPECT_EQ(PTO_FAULTS_MAX + 5, uapi_info(u).faults);
}

TEST_F(fault, of_another_context)
{
	struct pto_fault_query fault;
	struct uapi other;

	ASSERT_EQ(0, uapi_start(&other, variant->path, KNOBBED));
	ASSERT_ERRNO(EIO, run(&self->u, self->stream.handle, cmd_fault(1)));
	EXPECT_ERRNO(ENODATA, uapi_fault(&other, &fault));
	EXPECT_EQ(0, other.ctl->faults);
	uapi_close(&other);
}

/* ---- time ---- */

TEST_F(fault, timeout)
{
	static const struct pto_cmd behind = { .opcode = PTO_CMD_NOP };
	struct pto_cmd cmds[2] = { cmd_hang(), behind };
	struct pto_fault_query fault;
	struct uapi *u = &self->u;

	ASSERT_EQ(0, uapi_set(u, PTO_CTX_TIMEOUT, 20, 0));
	ASSERT_EQ(0, uapi_submit(u, self->stream.handle, cmds, 2, NULL));
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, self->stream.handle, 2, BOUND_NS));
	EXPECT_EQ(-ETIMEDOUT, self->page->ring[1].status);
	ASSERT_EQ(0, uapi_fault(u, &fault));
	EXPECT_EQ(PTO_FAULT_TIMEOUT, fault.fault_class);
	EXPECT_EQ(PTO_CMD_HANG, fault.code);
	EXPECT_EQ(1, fault.seqno);
	ASSERT_EQ(0, uapi_ctl(u, self->stream.handle, PTO_STREAM_RESUME));
	EXPECT_EQ(0, run(u, self->stream.handle, cmd_nop()));
}

TEST_F(fault, timeout_and_go_on)
{
	struct pto_cmd cmds[3] = { cmd_hang(), cmd_nop(), cmd_hang() };
	struct uapi *u = &self->u;

	ASSERT_EQ(0, uapi_set(u, PTO_CTX_TIMEOUT | PTO_CTX_ON_FAULT, 20, PTO_ON_FAULT_CONTINUE));
	ASSERT_EQ(0, uapi_submit(u, self->stream.handle, cmds, 3, NULL));
	EXPECT_ERRNO(ETIMEDOUT, uapi_wait(u, self->stream.handle, 3, BOUND_NS));
	EXPECT_EQ(-ETIMEDOUT, self->page->ring[1].status);
	EXPECT_EQ(0, self->page->ring[2].status);
	EXPECT_EQ(2, uapi_info(u).faults);
}

/* A shorter timeout counts for what already runs. */
TEST_F(fault, timeout_set_later)
{
	struct pto_cmd hang = cmd_hang();
	struct uapi *u = &self->u;

	ASSERT_EQ(0, uapi_submit(u, self->stream.handle, &hang, 1, NULL));
	EXPECT_ERRNO(ETIME, uapi_wait(u, self->stream.handle, 1, 5 * MS));
	ASSERT_EQ(0, uapi_set(u, PTO_CTX_TIMEOUT, 10, 0));
	EXPECT_ERRNO(ETIMEDOUT, uapi_wait(u, self->stream.handle, 1, BOUND_NS));
}

/* One that waits for another stream has no time of its own. */
TEST_F(fault, waiting_is_no_hang)
{
	struct pto_stream_create other;
	struct uapi *u = &self->u;
	struct pto_cmd cmd;

	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_COPY, 0, 4, &other));
	ASSERT_EQ(0, uapi_set(u, PTO_CTX_TIMEOUT, PTO_TIMEOUT_MAX_MS, 0));
	cmd = cmd_delay(100 * MS);
	ASSERT_EQ(0, uapi_submit(u, self->stream.handle, &cmd, 1, NULL));
	ASSERT_EQ(0, uapi_submit(u, self->stream.handle, &cmd, 1, NULL));
	cmd = cmd_wait(self->stream.handle, 2);
	ASSERT_EQ(0, uapi_submit(u, other.handle, &cmd, 1, NULL));
	ASSERT_EQ(0, uapi_set(u, PTO_CTX_TIMEOUT, 2000, 0));
	EXPECT_EQ(0, uapi_wait(u, other.handle, 1, BOUND_NS));
	EXPECT_EQ(0, uapi_info(u).faults);
}

/* ---- reset ---- */

TEST_F(fault, reset)
{
	struct pto_cmd cmds[3] = { cmd_hang(), cmd_nop(), cmd_nop() };
	struct pto_stream_create stopped, blocked;
	struct pto_mem_alloc mem;
	struct uapi *u = &self->u;
	unsigned int *map;

	ASSERT_EQ(0, uapi_alloc(u, PAGE, &mem));
	map = uapi_map(u, &mem);
	ASSERT_NE(MAP_FAILED, map);
	*map = 42;
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_COPY, 0, 4, &stopped));
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_COPY, 0, 4, &blocked));
	ASSERT_ERRNO(EIO, run(u, stopped.handle, cmd_fault(1)));
	ASSERT_EQ(0, uapi_submit(u, self->stream.handle, cmds, 3, NULL));
	cmds[0] = cmd_wait(self->stream.handle, 3);
	ASSERT_EQ(0, uapi_submit(u, blocked.handle, cmds, 2, NULL));

	ASSERT_EQ(0, uapi_reset(u));
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, self->stream.handle, 3, BOUND_NS));
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, blocked.handle, 2, BOUND_NS));
	EXPECT_EQ(0, uapi_info(u).faults_unread);
	EXPECT_EQ(0, run(u, self->stream.handle, cmd_nop()));
	EXPECT_EQ(0, run(u, blocked.handle, cmd_nop()));
	EXPECT_EQ(0, run(u, stopped.handle, cmd_nop()));
	EXPECT_EQ(42, *map);
	EXPECT_EQ(4, uapi_info(u).objects);
}

/* ---- knobs ---- */

TEST_F(fault, fail_next)
{
	struct pto_fault_query fault;
	struct uapi *u = &self->u;
	struct pto_mem_alloc mem;

	ASSERT_EQ(0, uapi_alloc(u, PAGE, &mem));
	ASSERT_EQ(0, uapi_set(u, PTO_CTX_ON_FAULT, 0, PTO_ON_FAULT_CONTINUE));
	ASSERT_EQ(0, uapi_knob(KNOBBED, "fail_next", 17));
	EXPECT_ERRNO(EIO, run(u, self->stream.handle, cmd_nop()));
	ASSERT_EQ(0, uapi_fault(u, &fault));
	EXPECT_EQ(PTO_FAULT_INJECTED, fault.fault_class);
	EXPECT_EQ(17, fault.code);
	EXPECT_EQ(0, run(u, self->stream.handle, cmd_nop()));
	ASSERT_EQ(0, uapi_knob(KNOBBED, "fail_next", 18));
	EXPECT_ERRNO(EIO, run(u, self->stream.handle, cmd_fill(mem.addr, 64, 1)));
	ASSERT_EQ(0, uapi_fault(u, &fault));
	EXPECT_EQ(18, fault.code);
	EXPECT_EQ(0, run(u, self->stream.handle, cmd_fill(mem.addr, 64, 1)));
}

TEST_F(fault, hang_knob)
{
	struct uapi *u = &self->u;
	struct pto_fault_query fault;

	ASSERT_EQ(0, uapi_set(u, PTO_CTX_TIMEOUT | PTO_CTX_ON_FAULT, 20, PTO_ON_FAULT_CONTINUE));
	ASSERT_EQ(0, uapi_knob(KNOBBED, "hang", 1));
	EXPECT_ERRNO(ETIMEDOUT, run(u, self->stream.handle, cmd_nop()));
	ASSERT_EQ(0, uapi_fault(u, &fault));
	EXPECT_EQ(PTO_CMD_NOP, fault.code);
	ASSERT_EQ(0, uapi_knob(KNOBBED, "hang", 0));
	EXPECT_EQ(0, run(u, self->stream.handle, cmd_nop()));
}

TEST_F(fault, latency)
{
	struct pto_cmd cmd = cmd_nop();
	struct pto_info_ctx before;
	struct uapi *u = &self->u;

	cmd.flags = PTO_CMD_TIMESTAMP;
	before = uapi_info(u);
	ASSERT_EQ(0, uapi_knob(KNOBBED, "latency_ns", 3 * MS));
	ASSERT_EQ(0, uapi_knob(KNOBBED, "jitter_ns", 1000));
	ASSERT_EQ(0, run(u, self->stream.handle, cmd));
	EXPECT_LE(3 * MS, self->page->ring[1].end - self->page->ring[1].start);
	EXPECT_LE(before.busy_ns + 3 * MS, uapi_info(u).busy_ns);
}

TEST_HARNESS_MAIN
