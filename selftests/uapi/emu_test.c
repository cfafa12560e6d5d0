// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Launches, and the emulator that plays the cores: two blocks, AIC 0 and 1, AIV 2 to 5. */
#include <pthread.h>

#include "cores.h"
#include "uapi_test.h"

FIXTURE(emu) {
	struct uapi u;
	struct cores cores;
	__u32 aic;		/* stream of core 0 */
	__u32 block;		/* stream of block 1: cores 1, 4, 5 */
	struct pto_prog_load prog;
	struct pto_mem_alloc mem;
};

FIXTURE_VARIANT(emu) { enum uapi_path path; };
FIXTURE_VARIANT_ADD(emu, ioctl) { .path = BY_IOCTL };
FIXTURE_VARIANT_ADD(emu, uring) { .path = BY_URING };

FIXTURE_SETUP(emu)
{
	struct pto_stream_create stream;
	struct uapi *u = &self->u;

	ASSERT_EQ(0, uapi_start(u, variant->path, 0));
	ASSERT_EQ(0, cores_attach(&self->cores, u, 4));
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_AIC, 0, 16, &stream));
	self->aic = stream.handle;
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_BLOCK, 1, 16, &stream));
	self->block = stream.handle;
	ASSERT_EQ(0, uapi_load(u, "program", 8, &self->prog));
	ASSERT_EQ(0, uapi_alloc(u, PAGE, &self->mem));
}

FIXTURE_TEARDOWN(emu)
{
	uapi_close(&self->u);
}

static int launch(struct uapi *u, __u32 stream, __u32 prog, __u32 lanes)
{
	struct pto_cmd cmd = cmd_launch(0, 0, 0);
	int lane;

	cmd.launch.lane_mask = lanes;
	for (lane = 0; lane < PTO_LANES; lane++)
		if ((lanes ?: 1) & 1 << lane)
			cmd.launch.prog[lane] = prog;
	return uapi_submit(u, stream, &cmd, 1, NULL);
}

TEST_F(emu, attach)
{
	struct pto_emu_attach again = { sizeof(again), .depth = 4 };
	struct cores *c = &self->cores;
	unsigned int core;

	EXPECT_EQ(6, c->emu.cores);
	EXPECT_LE(PTO_QUEUE_SUB_SIZE(4), c->emu.sub_stride);
	EXPECT_LE(PTO_QUEUE_CORE_SIZE(4), c->emu.core_stride);
	for (core = 0; core < 6; core++) {
		EXPECT_EQ(4, cores_sub(c, core)->depth);
		EXPECT_EQ(0, cores_sub(c, core)->sq_tail);
		EXPECT_EQ(0, cores_core(c, core)->sq_head);
	}
	EXPECT_ROW(&self->u, EMU_ATTACH, EBUSY, attached,
		   uapi_call(&self->u, PTO_IOC_EMU_ATTACH, &again));
	/* When it is gone, another one may come. */
	ASSERT_EQ(0, uapi_destroy(&self->u, c->emu.handle));
	EXPECT_EQ(0, uapi_call(&self->u, PTO_IOC_EMU_ATTACH, &again));
}

TEST_F(emu, attach_errors)
{
	static const __u32 bad[] = { 0, 1, 3, 2048, 1U << 31, ~0U };
	struct pto_emu_attach args = { sizeof(args) };
	unsigned int i;
	struct uapi u;

	ASSERT_EQ(0, uapi_start(&u, variant->path, 0));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		args.depth = bad[i];
		EXPECT_ROW(&u, EMU_ATTACH, EINVAL, bad_depth,
			   uapi_call(&u, PTO_IOC_EMU_ATTACH, &args));
	}
	args.depth = 1024;
	EXPECT_EQ(0, uapi_call(&u, PTO_IOC_EMU_ATTACH, &args));
	uapi_close(&u);
}

TEST_F(emu, step_errors)
{
	struct cores *c = &self->cores;
	struct uapi *u = &self->u, other;
	__u32 handle = c->emu.handle;

	EXPECT_ROW(u, EMU_STEP, EINVAL, no_flags, cores_step(c, 0, 0));
	EXPECT_ROW(u, EMU_STEP, EINVAL, bad_timeout, cores_step(c, PTO_EMU_REAP, 1));
	EXPECT_ERRNO(EINVAL, cores_step(c, PTO_EMU_WAIT, PTO_TIMEOUT_MAX_NS + 1));
	EXPECT_ROW(u, EMU_STEP, ETIME, time, cores_step(c, PTO_EMU_WAIT, 5 * MS));
	EXPECT_ERRNO(ETIME, cores_step(c, PTO_EMU_REAP | PTO_EMU_WAIT, 0));
	c->emu.handle = self->aic;
	EXPECT_ROW(u, EMU_STEP, ENOENT, no_emulator, cores_reap(c));
	c->emu.handle = handle;
	ASSERT_EQ(0, uapi_start(&other, variant->path, 0));
	c->u = &other;
	EXPECT_ERRNO(ENOENT, cores_reap(c));
	uapi_close(&other);
}

TEST_F(emu, interrupted)
{
	if (variant->path == BY_URING)
		SKIP(return, "a signal does not end it");
	uapi_signal_in(30);
	EXPECT_ROW(&self->u, EMU_STEP, EINTR, signal,
		   cores_step(&self->cores, PTO_EMU_WAIT, BOUND_NS));
}

TEST_F(emu, launch)
{
	struct pto_cmd cmd = cmd_launch(self->prog.handle, self->mem.addr + 8, 3);
	struct cores *c = &self->cores;
	struct uapi *u = &self->u;
	struct pto_desc desc;

	cmd.launch.func_id = -7;
	ASSERT_EQ(0, uapi_submit(u, self->aic, &cmd, 1, NULL));
	ASSERT_EQ(0, cores_step(c, PTO_EMU_WAIT, BOUND_NS));
	ASSERT_EQ(1, cores_queued(c, 0));
	desc = cores_desc(c, 0, 0);
	EXPECT_EQ(PTO_OP_LAUNCH, desc.opcode);
	EXPECT_EQ(0, desc.flags);
	EXPECT_EQ(0, desc.gang);
	EXPECT_EQ(0, desc.lane_mask);
	EXPECT_EQ(self->prog.serial, desc.launch.serial);
	EXPECT_EQ(self->prog.addr, desc.launch.image);
	EXPECT_EQ(8, desc.launch.image_size);
	EXPECT_EQ(self->mem.addr + 8, desc.launch.args);
	EXPECT_EQ(3, desc.launch.nargs);
	EXPECT_EQ(-7, desc.launch.func_id);
	EXPECT_ERRNO(ETIME, uapi_wait(u, self->aic, 1, 0));
	cores_end(c, 0, PTO_STATUS_OK, 0);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_EQ(1, c->reaped);
	EXPECT_EQ(0, uapi_wait(u, self->aic, 1, BOUND_NS));
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_EQ(0, c->reaped);
}

/* As many as the ring holds go ahead; each that comes back makes room. */
TEST_F(emu, ring_depth)
{
	struct cores *c = &self->cores;
	struct uapi *u = &self->u;
	int i;

	for (i = 0; i < 11; i++)
		ASSERT_EQ(0, launch(u, self->aic, self->prog.handle, 0));
	for (i = 0; i < 11; i++) {
		ASSERT_EQ(11 - i < 4 ? 11 - i : 4, cores_queued(c, 0));
		cores_end(c, 0, PTO_STATUS_OK, 0);
		ASSERT_EQ(0, cores_reap(c));
		EXPECT_EQ(0, uapi_wait(u, self->aic, i + 1, 0));
	}
	EXPECT_EQ(0, cores_queued(c, 0));
}

/* Another kind of command waits until the launches before it are back. */
TEST_F(emu, other_commands_drain)
{
	struct cores *c = &self->cores;
	struct uapi *u = &self->u;
	struct pto_cmd nop = cmd_nop();

	ASSERT_EQ(0, launch(u, self->aic, self->prog.handle, 0));
	ASSERT_EQ(0, uapi_submit(u, self->aic, &nop, 1, NULL));
	ASSERT_EQ(0, launch(u, self->aic, self->prog.handle, 0));
	EXPECT_EQ(1, cores_queued(c, 0));
	EXPECT_ERRNO(ETIME, uapi_wait(u, self->aic, 2, 5 * MS));
	cores_end(c, 0, PTO_STATUS_OK, 0);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_EQ(0, uapi_wait(u, self->aic, 2, BOUND_NS));
	EXPECT_EQ(1, cores_queued(c, 0));
	cores_end(c, 0, PTO_STATUS_OK, 0);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_EQ(0, uapi_wait(u, self->aic, 3, BOUND_NS));
}

TEST_F(emu, times)
{
	struct pto_cmd cmd = cmd_launch(self->prog.handle, 0, 0);
	const volatile struct pto_stream_page *page;
	struct pto_stream_create stream;
	struct cores *c = &self->cores;
	struct pto_info_clock a, b;
	struct uapi *u = &self->u;
	struct pto_cqe cqe;

	cmd.flags = PTO_CMD_TIMESTAMP;
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_AIV, 3, 4, &stream));
	page = uapi_page(u, &stream);
	ASSERT_NE(NULL, page);
	ASSERT_EQ(0, uapi_submit(u, stream.handle, &cmd, 1, NULL));
	ASSERT_EQ(0, uapi_query(u, PTO_QUERY_CLOCK, 0, &a, sizeof(a)));
	ASSERT_EQ(0, uapi_query(u, PTO_QUERY_CLOCK, 0, &b, sizeof(b)));
	ASSERT_EQ(1, cores_queued(c, 5));
	EXPECT_EQ(PTO_DESC_TIMESTAMP, cores_desc(c, 5, 0).flags);
	EXPECT_EQ(PTO_LANE_AIV1, cores_desc(c, 5, 0).lane);
	cqe = (struct pto_cqe){ cores_desc(c, 5, 0).cookie, PTO_STATUS_OK, 5, 0,
				.start = a.host_ns, .end = b.host_ns };
	cores_record(c, 5, &cqe);
	cores_core(c, 5)->sq_head++;
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_EQ(0, uapi_wait(u, stream.handle, 1, BOUND_NS));
	EXPECT_EQ(a.host_ns, page->ring[1].start);
	EXPECT_EQ(b.host_ns, page->ring[1].end);
}

/* ---- blocks ---- */

TEST_F(emu, mixed_launch)
{
	struct cores *c = &self->cores;
	struct uapi *u = &self->u;

	ASSERT_EQ(0, launch(u, self->block, self->prog.handle, 7));
	ASSERT_EQ(0, launch(u, self->block, self->prog.handle, 6));
	EXPECT_EQ(1, cores_queued(c, 1));
	EXPECT_EQ(1, cores_queued(c, 4));
	EXPECT_EQ(1, cores_queued(c, 5));
	EXPECT_EQ(PTO_LANE_AIC, cores_desc(c, 1, 0).lane);
	EXPECT_EQ(PTO_LANE_AIV0, cores_desc(c, 4, 0).lane);
	EXPECT_EQ(PTO_LANE_AIV1, cores_desc(c, 5, 0).lane);
	EXPECT_EQ(7, cores_desc(c, 5, 0).lane_mask);
	EXPECT_NE(0, cores_desc(c, 1, 0).gang);
	EXPECT_EQ(cores_desc(c, 1, 0).gang, cores_desc(c, 4, 0).gang);
	EXPECT_EQ(cores_desc(c, 1, 0).gang, cores_desc(c, 5, 0).gang);
	EXPECT_EQ(0, cores_desc(c, 5, 0).launch.lane_at[PTO_LANE_AIC]);
	EXPECT_EQ(0, cores_desc(c, 5, 0).launch.lane_at[PTO_LANE_AIV1]);
	cores_end(c, 1, PTO_STATUS_OK, 0);
	cores_end(c, 5, PTO_STATUS_OK, 0);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_ERRNO(ETIME, uapi_wait(u, self->block, 1, 0));
	cores_end(c, 4, PTO_STATUS_OK, 0);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_EQ(0, uapi_wait(u, self->block, 1, BOUND_NS));
	/* The next one starts when all lanes of the first are back. */
	EXPECT_EQ(0, cores_queued(c, 1));
	ASSERT_EQ(1, cores_queued(c, 4));
	ASSERT_EQ(1, cores_queued(c, 5));
	EXPECT_EQ(0, cores_desc(c, 4, 0).launch.lane_at[PTO_LANE_AIC]);
	EXPECT_EQ(1, cores_desc(c, 4, 0).launch.lane_at[PTO_LANE_AIV0]);
	EXPECT_EQ(1, cores_desc(c, 4, 0).launch.lane_at[PTO_LANE_AIV1]);
	cores_end(c, 4, PTO_STATUS_OK, 0);
	cores_end(c, 5, PTO_STATUS_OK, 0);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_EQ(0, uapi_wait(u, self->block, 2, BOUND_NS));
}

/* One lane is not a gang. */
TEST_F(emu, single_lane)
{
	struct cores *c = &self->cores;

	ASSERT_EQ(0, launch(&self->u, self->block, self->prog.handle, 4));
	EXPECT_EQ(0, cores_queued(c, 1));
	EXPECT_EQ(0, cores_queued(c, 4));
	ASSERT_EQ(1, cores_queued(c, 5));
	EXPECT_EQ(0, cores_desc(c, 5, 0).gang);
	EXPECT_EQ(0, cores_desc(c, 5, 0).lane_mask);
	EXPECT_EQ(PTO_LANE_AIV1, cores_desc(c, 5, 0).lane);
	cores_end(c, 5, PTO_STATUS_OK, 0);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_EQ(0, uapi_wait(&self->u, self->block, 1, BOUND_NS));
}

/* Whom a fault takes along does not hide it. */
TEST_F(emu, mixed_fault)
{
	struct pto_fault_query fault;
	struct cores *c = &self->cores;
	struct uapi *u = &self->u;

	ASSERT_EQ(0, launch(u, self->block, self->prog.handle, 7));
	cores_end(c, 1, PTO_STATUS_CANCELED, 0);
	cores_fault(c, 4, PTO_STATUS_FAULT, SIGSEGV);
	cores_end(c, 5, PTO_STATUS_CANCELED, 0);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_ERRNO(EIO, uapi_wait(u, self->block, 1, BOUND_NS));
	ASSERT_EQ(0, uapi_fault(u, &fault));
	EXPECT_EQ(4, fault.core);
	EXPECT_ERRNO(ENODATA, uapi_fault(u, &fault));
}

/* ---- faults ---- */

TEST_F(emu, statuses)
{
	static const struct { __u32 status, fault_class; int result; } ends[] = {
		{ PTO_STATUS_FAULT, PTO_FAULT_TASK, -EIO },
		{ PTO_STATUS_HANG, PTO_FAULT_TASK_HANG, -ETIMEDOUT },
		{ PTO_STATUS_BAD_PROGRAM, PTO_FAULT_PROGRAM, -EIO },
		{ PTO_STATUS_BAD_DESC, PTO_FAULT_DESC, -EIO },
	};
	struct pto_fault_query fault;
	struct cores *c = &self->cores;
	struct uapi *u = &self->u;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, launch(u, self->aic, self->prog.handle, 0));
		ASSERT_EQ(0, launch(u, self->aic, self->prog.handle, 0));
		ASSERT_EQ(2, cores_queued(c, 0));
		cores_fault(c, 0, ends[i].status, 11 + i);
		ASSERT_EQ(0, cores_reap(c));
		EXPECT_EQ(ends[i].result, uapi_wait(u, self->aic, 2 * i + 1, BOUND_NS));
		EXPECT_ERRNO(ECANCELED, uapi_wait(u, self->aic, 2 * i + 2, BOUND_NS));
		ASSERT_EQ(0, uapi_fault(u, &fault));
		EXPECT_EQ(ends[i].fault_class, fault.fault_class);
		EXPECT_EQ(11 + i, fault.code);
		EXPECT_EQ(self->aic, fault.stream);
		EXPECT_EQ(2 * i + 1, fault.seqno);
		EXPECT_EQ(0, fault.core);
		EXPECT_ERRNO(EIO, launch(u, self->aic, self->prog.handle, 0));
		ASSERT_EQ(0, uapi_ctl(u, self->aic, PTO_STREAM_RESUME));
		EXPECT_TRUE(cores_restart(c, 0));
		EXPECT_EQ(0, cores_queued(c, 0));
	}
}

/* What was submitted while the core had halted is cancelled, and it runs again. */
TEST_F(emu, halted_core_restarts)
{
	struct cores *c = &self->cores;
	struct uapi *u = &self->u;
	struct pto_stream_create other;

	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_AIC, 0, 4, &other));
	ASSERT_EQ(0, launch(u, self->aic, self->prog.handle, 0));
	cores_fault(c, 0, PTO_STATUS_FAULT, SIGFPE);
	ASSERT_EQ(0, launch(u, other.handle, self->prog.handle, 0));
	ASSERT_EQ(1, cores_queued(c, 0));
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_ERRNO(EIO, uapi_wait(u, self->aic, 1, BOUND_NS));
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, other.handle, 1, BOUND_NS));
	/* Another thread of the emulator may reap before the core obeys. */
	EXPECT_EQ(0, cores_reap(c));
	ASSERT_TRUE(cores_restart(c, 0));
	EXPECT_EQ(0, cores_queued(c, 0));
	ASSERT_EQ(0, uapi_ctl(u, other.handle, PTO_STREAM_RESUME));
	ASSERT_EQ(0, launch(u, other.handle, self->prog.handle, 0));
	ASSERT_EQ(1, cores_queued(c, 0));
	cores_end(c, 0, PTO_STATUS_OK, 0);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_EQ(0, uapi_wait(u, other.handle, 2, BOUND_NS));
}

/*
 * A lane is cancelled since another one of its task faulted, and its core goes on. Then it is
 * just halting at a fault of its own: it is not taken for halted before its head says so.
 */
TEST_F(emu, cancelled_then_halting)
{
	struct pto_stream_create aiv;
	struct cores *c = &self->cores;
	struct uapi *u = &self->u;

	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_AIV, 2, 4, &aiv));
	ASSERT_EQ(0, launch(u, self->block, self->prog.handle, 3));
	ASSERT_EQ(0, launch(u, aiv.handle, self->prog.handle, 0));
	ASSERT_EQ(2, cores_queued(c, 4));
	cores_fault(c, 1, PTO_STATUS_FAULT, SIGSEGV);
	cores_end(c, 4, PTO_STATUS_CANCELED, 0);
	cores_core(c, 4)->state = PTO_QUEUE_HALTED;
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_ERRNO(EIO, uapi_wait(u, self->block, 1, BOUND_NS));
	EXPECT_ERRNO(ETIME, uapi_wait(u, aiv.handle, 1, 0));
	EXPECT_FALSE(cores_restart(c, 4));
	cores_fault(c, 4, PTO_STATUS_FAULT, SIGFPE);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_ERRNO(EIO, uapi_wait(u, aiv.handle, 1, BOUND_NS));
	EXPECT_TRUE(cores_restart(c, 4));
	EXPECT_TRUE(cores_restart(c, 1));
	ASSERT_EQ(0, uapi_ctl(u, aiv.handle, PTO_STREAM_RESUME));
	ASSERT_EQ(0, launch(u, aiv.handle, self->prog.handle, 0));
	cores_end(c, 4, PTO_STATUS_OK, 0);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_EQ(0, uapi_wait(u, aiv.handle, 2, BOUND_NS));
}

/* A long ring is cancelled in pieces, of which nobody notices anything. */
TEST_F(emu, long_ring_restarts)
{
	struct pto_cmd cmds[200];
	struct pto_stream_create stream;
	struct cores *c = &self->cores;
	struct uapi *u = &self->u;
	struct cores deep;
	__u64 seqno;
	int i;

	ASSERT_EQ(0, uapi_destroy(u, c->emu.handle));
	ASSERT_EQ(0, cores_attach(&deep, u, 256));
	ASSERT_EQ(0, uapi_set(u, PTO_CTX_ON_FAULT, 0, PTO_ON_FAULT_CONTINUE));
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_AIC, 0, 256, &stream));
	for (i = 0; i < 200; i++)
		cmds[i] = cmd_launch(self->prog.handle, 0, 0);
	ASSERT_EQ(0, uapi_submit(u, stream.handle, cmds, 1, NULL));
	cores_fault(&deep, 0, PTO_STATUS_FAULT, SIGFPE);
	ASSERT_EQ(0, uapi_submit(u, stream.handle, cmds, 200, NULL));
	ASSERT_EQ(200, cores_queued(&deep, 0));
	ASSERT_EQ(0, cores_reap(&deep));
	EXPECT_ERRNO(EIO, uapi_wait(u, stream.handle, 1, BOUND_NS));
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, stream.handle, 2, BOUND_NS));
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, stream.handle, 201, 0));
	/* It comes before the core has obeyed, and stays. */
	ASSERT_EQ(0, uapi_submit(u, stream.handle, cmds, 1, &seqno));
	ASSERT_EQ(0, cores_reap(&deep));
	EXPECT_ERRNO(ETIME, uapi_wait(u, stream.handle, seqno, 0));
	ASSERT_TRUE(cores_restart(&deep, 0));
	ASSERT_EQ(1, cores_queued(&deep, 0));
	cores_end(&deep, 0, PTO_STATUS_OK, 0);
	ASSERT_EQ(0, cores_reap(&deep));
	EXPECT_EQ(0, uapi_wait(u, stream.handle, seqno, BOUND_NS));
	cores_unmap(&deep);
}

/* Nobody answers: the launch is given up; a late answer is nobody's. */
TEST_F(emu, timeout)
{
	struct pto_fault_query fault;
	struct cores *c = &self->cores;
	struct uapi *u = &self->u;

	ASSERT_EQ(0, uapi_set(u, PTO_CTX_TIMEOUT, 30, 0));
	ASSERT_EQ(0, launch(u, self->aic, self->prog.handle, 0));
	EXPECT_ERRNO(ETIMEDOUT, uapi_wait(u, self->aic, 1, BOUND_NS));
	ASSERT_EQ(0, uapi_fault(u, &fault));
	EXPECT_EQ(PTO_FAULT_TIMEOUT, fault.fault_class);
	EXPECT_EQ(PTO_CMD_LAUNCH, fault.code);
	ASSERT_EQ(0, uapi_ctl(u, self->aic, PTO_STREAM_RESUME));
	cores_end(c, 0, PTO_STATUS_OK, 0);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_EQ(1, c->reaped);
	ASSERT_EQ(0, uapi_set(u, PTO_CTX_TIMEOUT, 10000, 0));
	ASSERT_EQ(0, launch(u, self->aic, self->prog.handle, 0));
	cores_end(c, 0, PTO_STATUS_OK, 0);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_EQ(0, uapi_wait(u, self->aic, 2, BOUND_NS));
}

/* ---- going away ---- */

TEST_F(emu, destroyed)
{
	struct cores *c = &self->cores;
	struct uapi *u = &self->u;

	ASSERT_EQ(0, launch(u, self->aic, self->prog.handle, 0));
	ASSERT_EQ(0, launch(u, self->block, self->prog.handle, 7));
	ASSERT_EQ(0, uapi_destroy(u, c->emu.handle));
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, self->aic, 1, BOUND_NS));
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, self->block, 1, BOUND_NS));
	EXPECT_ERRNO(ENOENT, cores_reap(c));
	ASSERT_EQ(0, uapi_reset(u));
	EXPECT_ERRNO(ENOTCONN, launch(u, self->aic, self->prog.handle, 0));
	/* Its regions stay mapped. */
	EXPECT_EQ(1, cores_queued(c, 0));
}

static void *destroy_later(void *arg)
{
	struct cores *c = arg;
	struct uapi plain = *c->u;

	/* Whether the other sleeps already makes no difference to what it is told. */
	plain.path = BY_IOCTL;
	usleep(20000);
	uapi_destroy(&plain, c->emu.handle);
	return NULL;
}

TEST_F(emu, destroyed_while_asleep)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, destroy_later, &self->cores));
	EXPECT_ROW(&self->u, EMU_STEP, ECANCELED, detached,
		   cores_step(&self->cores, PTO_EMU_WAIT, BOUND_NS));
	pthread_join(thread, NULL);
}

static void *close_later(void *arg)
{
	struct cores *c = arg;
	struct uapi plain = *c->u;

	plain.path = BY_IOCTL;
	usleep(20000);
	uapi_shutdown(&plain);
	return NULL;
}

/* Not ECANCELED: the context has gone, not the emulator alone. */
TEST_F(emu, closed_while_asleep)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, close_later, &self->cores));
	EXPECT_ERRNO(ENODEV, cores_step(&self->cores, PTO_EMU_WAIT, BOUND_NS));
	pthread_join(thread, NULL);
}

/* More launches than are pushed at once. */
TEST_F(emu, many_launches)
{
	struct pto_cmd cmds[200];
	struct cores *c = &self->cores;
	struct uapi *u = &self->u;
	struct pto_stream_create aic;
	unsigned int i;

	cores_unmap(c);
	ASSERT_EQ(0, uapi_destroy(u, c->emu.handle));
	ASSERT_EQ(0, cores_attach(c, u, 256));
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_AIC, 0, 256, &aic));
	for (i = 0; i < 200; i++)
		cmds[i] = cmd_launch(self->prog.handle, 0, 0);
	ASSERT_EQ(0, uapi_submit(u, aic.handle, cmds, 200, NULL));
	ASSERT_TRUE(UNTIL(cores_queued(c, 0) == 200));
	for (i = 0; i < 200; i++)
		cores_end(c, 0, 0, 0);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_EQ(0, uapi_wait(u, aic.handle, 200, BOUND_NS));
}

/* A stuck one is detached by RESET, a healthy one is not. */
TEST_F(emu, reset)
{
	struct pto_emu_attach again = { sizeof(again), .depth = 4 };
	struct cores *c = &self->cores;
	struct uapi *u = &self->u;

	ASSERT_EQ(0, launch(u, self->aic, self->prog.handle, 0));
	ASSERT_EQ(0, uapi_reset(u));
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, self->aic, 1, BOUND_NS));
	cores_end(c, 0, PTO_STATUS_OK, 0);
	EXPECT_EQ(0, cores_reap(c));

	ASSERT_EQ(0, uapi_set(u, PTO_CTX_TIMEOUT, 10, 0));
	ASSERT_EQ(0, launch(u, self->aic, self->prog.handle, 0));
	EXPECT_ERRNO(ETIMEDOUT, uapi_wait(u, self->aic, 2, BOUND_NS));
	EXPECT_TRUE(UNTIL(uapi_reset(u) || cores_reap(c) == -ECANCELED));
	EXPECT_EQ(0, uapi_call(u, PTO_IOC_EMU_ATTACH, &again));
}

/* The emulator is told when a program that it has seen is gone, and not before. */
TEST_F(emu, forgets_programs)
{
	struct cores *c = &self->cores;
	struct pto_prog_load unseen;
	struct uapi *u = &self->u;

	ASSERT_EQ(0, uapi_load(u, "program", 8, &unseen));
	ASSERT_EQ(0, uapi_destroy(u, unseen.handle));
	EXPECT_EQ(0, cores_queued(c, 0));
	ASSERT_EQ(0, launch(u, self->aic, self->prog.handle, 0));
	ASSERT_EQ(0, uapi_destroy(u, self->prog.handle));
	EXPECT_EQ(1, cores_queued(c, 0));
	EXPECT_ERRNO(ENOENT, launch(u, self->aic, self->prog.handle, 0));
	cores_end(c, 0, PTO_STATUS_OK, 0);
	ASSERT_EQ(0, cores_reap(c));
	EXPECT_EQ(0, uapi_wait(u, self->aic, 1, BOUND_NS));
	/* It is freed by work. */
	ASSERT_TRUE(UNTIL(cores_queued(c, 0) == 1));
	EXPECT_EQ(PTO_OP_DESTROY, cores_desc(c, 0, 0).opcode);
	EXPECT_EQ(self->prog.serial, cores_desc(c, 0, 0).destroy.serial);
	cores_end(c, 0, PTO_STATUS_OK, 0);
	EXPECT_EQ(0, cores_reap(c));
}

/* Two streams on one core share its ring. */
TEST_F(emu, streams_share_a_core)
{
	struct pto_stream_create other;
	struct cores *c = &self->cores;
	struct uapi *u = &self->u;
	int i;

	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_AIC, 0, 8, &other));
	for (i = 0; i < 6; i++)
		ASSERT_EQ(0, launch(u, i & 1 ? other.handle : self->aic, self->prog.handle, 0));
	for (i = 0; i < 6; i++) {
		ASSERT_LT(0, cores_queued(c, 0));
		cores_end(c, 0, PTO_STATUS_OK, 0);
		ASSERT_EQ(0, cores_reap(c));
	}
	EXPECT_EQ(0, uapi_wait(u, self->aic, 3, BOUND_NS));
	EXPECT_EQ(0, uapi_wait(u, other.handle, 3, BOUND_NS));
}

TEST_HARNESS_MAIN
