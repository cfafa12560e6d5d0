// SPDX-License-Identifier: MIT OR LGPL-2.1
/* STREAM_SUBMIT: what of a batch is accepted, and what is wrong with a command. */
#include "cores.h"
#include "uapi_test.h"

/**
 * @copy: a stream without a core; @aic, @block: with
 * @mem:	two pages
 */
FIXTURE(submit) {
	struct uapi u;
	__u32 copy;
	__u32 aic;
	__u32 block;
	struct pto_mem_alloc mem;
	struct pto_prog_load prog;
};

FIXTURE_VARIANT(submit) { enum uapi_path path; };
FIXTURE_VARIANT_ADD(submit, ioctl) { .path = BY_IOCTL };
FIXTURE_VARIANT_ADD(submit, uring) { .path = BY_URING };

FIXTURE_SETUP(submit)
{
	struct pto_stream_create stream;
	struct uapi *u = &self->u;

	ASSERT_EQ(0, uapi_start(u, variant->path, 0));
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_COPY, 0, 16, &stream));
	self->copy = stream.handle;
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_AIC, 1, 16, &stream));
	self->aic = stream.handle;
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_BLOCK, 0, 16, &stream));
	self->block = stream.handle;
	ASSERT_EQ(0, uapi_alloc(u, 2 * PAGE, &self->mem));
	ASSERT_EQ(0, uapi_load(u, "program", 8, &self->prog));
}

FIXTURE_TEARDOWN(submit)
{
	uapi_close(&self->u);
}

/* The answer to one command. */
static int one(struct uapi *u, __u32 stream, struct pto_cmd cmd)
{
	return uapi_submit(u, stream, &cmd, 1, NULL);
}

TEST_F(submit, arguments)
{
	struct pto_cmd nop = cmd_nop();
	struct pto_stream_submit args = { sizeof(args), 0, self->copy, 1, ADDRESS(&nop), 1 };
	struct uapi *u = &self->u, other;

	EXPECT_ROW(u, STREAM_SUBMIT, EINVAL, bad_timeout,
		   uapi_call(u, PTO_IOC_STREAM_SUBMIT, &args));
	EXPECT_ERRNO(EINVAL, uapi_submit_wait(u, self->copy, &nop, 1, PTO_TIMEOUT_MAX_NS + 1));
	EXPECT_EQ(0, uapi_submit_wait(u, self->copy, &nop, 1, PTO_TIMEOUT_MAX_NS));
	EXPECT_ROW(u, STREAM_SUBMIT, EINVAL, zero_count, uapi_submit(u, self->copy, &nop, 0, NULL));
	EXPECT_ROW(u, STREAM_SUBMIT, ENOENT, no_stream, one(u, 999, nop));
	EXPECT_ERRNO(ENOENT, one(u, self->mem.handle, nop));
	EXPECT_ROW(u, STREAM_SUBMIT, EFAULT, bad_cmds, uapi_submit(u, self->copy, NULL, 1, NULL));
	EXPECT_ERRNO(EFAULT, uapi_submit(u, self->copy, (void *)u->window, 1, NULL));
	ASSERT_EQ(0, uapi_start(&other, variant->path, 0));
	EXPECT_ERRNO(ENOENT, one(&other, self->copy, nop));
	uapi_close(&other);
}

TEST_F(submit, opcodes)
{
	static const __u16 unknown[] = { 5, 0x7f, 0x83, 0xff, 0x100, 0xffff };
	struct uapi *u = &self->u;
	unsigned int i;

	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		EXPECT_ROW(u, STREAM_SUBMIT, EOPNOTSUPP, unknown_opcode,
			   one(u, self->copy, (struct pto_cmd){ .opcode = unknown[i] }));
	for (i = 1; i < 16; i++)
		EXPECT_ROW(u, STREAM_SUBMIT, EOPNOTSUPP, unknown_cmd_flag,
			   one(u, self->copy, (struct pto_cmd){ .flags = 1 << i }));
}

/* Each word that a command does not use. */
TEST_F(submit, reserved_words)
{
	const struct {
		struct pto_cmd cmd;
		unsigned int used;	/* bytes of the union */
	} commands[] = {
		{ cmd_nop(), 0 }, { cmd_hang(), 0 }, { cmd_delay(PTO_DELAY_MIN_NS), 8 },
		{ cmd_fault(1), 4 }, { cmd_wait(self->copy, 1), 16 },
		{ cmd_fill(self->mem.addr, 4, 1), 20 },
		{ cmd_copy(PTO_COPY_D2D, self->mem.addr, self->mem.addr + 8, 8), 32 },
		{ cmd_launch(self->prog.handle, 0, 0), 32 },
	};
	struct uapi *u = &self->u;
	unsigned int i, at;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		__u32 stream = commands[i].cmd.opcode == PTO_CMD_LAUNCH ? self->aic : self->copy;
		struct pto_cmd cmd = commands[i].cmd;

		cmd.reserved = 1;
		EXPECT_ERRNO(EOPNOTSUPP, one(u, stream, cmd));
		for (at = commands[i].used; at < sizeof(cmd.raw); at += 4) {
			cmd = commands[i].cmd;
			((__u32 *)cmd.raw)[at / 4] = 1U << 31;
			EXPECT_ROW(u, STREAM_SUBMIT, EOPNOTSUPP, cmd_reserved,
				   one(u, stream, cmd));
		}
	}
	EXPECT_ERRNO(EOPNOTSUPP, one(u, self->copy, (struct pto_cmd){
		PTO_CMD_WAIT, .wait = { self->copy, 1, 1 } }));
	EXPECT_ERRNO(EOPNOTSUPP, one(u, self->copy, (struct pto_cmd){
		PTO_CMD_COPY, .copy = { PTO_COPY_D2D, 1, self->mem.addr, self->mem.addr + 8, 8 } }));
	EXPECT_EQ(0, uapi_info(u).submitted);
}

/* The commands before the first that is wrong are accepted, and run. */
TEST_F(submit, prefix)
{
	struct pto_cmd cmds[4] = { cmd_nop(), cmd_nop(), { .opcode = 99 }, cmd_nop() };
	struct pto_stream_submit args = { sizeof(args), 0, self->copy, 4, ADDRESS(cmds) };
	struct uapi *u = &self->u;

	ASSERT_EQ(0, uapi_call(u, PTO_IOC_STREAM_SUBMIT, &args));
	EXPECT_EQ(2, args.accepted);
	EXPECT_EQ(1, args.first_seqno);
	args.cmds = ADDRESS(cmds + 2);
	args.count = 2;
	EXPECT_ERRNO(EOPNOTSUPP, uapi_call(u, PTO_IOC_STREAM_SUBMIT, &args));
	EXPECT_EQ(0, uapi_wait(u, self->copy, 2, BOUND_NS));
	EXPECT_ERRNO(EINVAL, uapi_wait(u, self->copy, 3, 0));
}

/* Behind what can be read lies a page that can not: nothing is accepted. */
TEST_F(submit, half_readable)
{
	char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	ASSERT_EQ(0, mprotect(pages + PAGE, PAGE, PROT_NONE));
	EXPECT_ERRNO(EFAULT, uapi_submit(&self->u, self->copy, (void *)(pages + PAGE - 64), 2,
					 NULL));
	EXPECT_EQ(0, uapi_info(&self->u).submitted);
	EXPECT_EQ(0, uapi_submit(&self->u, self->copy, (void *)(pages + PAGE - 64), 1, NULL));
}

TEST_F(submit, launch)
{
	struct pto_cmd launch = cmd_launch(self->prog.handle, 0, 0), cmd;
	__u32 prog = self->prog.handle;
	struct uapi *u = &self->u;
	__u64 mem = self->mem.addr;
	struct cores cores;

	EXPECT_ROW(u, STREAM_SUBMIT, ENOTCONN, no_emulator, one(u, self->aic, launch));
	EXPECT_ROW(u, STREAM_SUBMIT, EINVAL, launch_engine, one(u, self->copy, launch));
	ASSERT_EQ(0, cores_attach(&cores, u, 4));
	EXPECT_ERRNO(EINVAL, one(u, self->copy, launch));

	/* On a core: the first program, no mask. On a block: a program a lane. */
	cmd = launch;
	cmd.launch.lane_mask = 1;
	EXPECT_ROW(u, STREAM_SUBMIT, EINVAL, launch_lanes, one(u, self->aic, cmd));
	EXPECT_ERRNO(EINVAL, one(u, self->aic, cmd_launch(0, 0, 0)));
	EXPECT_ERRNO(EINVAL, one(u, self->block, launch));
	cmd.launch.prog[1] = prog;
	EXPECT_ERRNO(EINVAL, one(u, self->block, cmd));
	cmd.launch.lane_mask = 0;
	EXPECT_ERRNO(EINVAL, one(u, self->aic, cmd));
	cmd.launch.lane_mask = 8;
	EXPECT_ERRNO(EINVAL, one(u, self->block, cmd));
	cmd.launch.lane_mask = 7;
	EXPECT_ERRNO(EINVAL, one(u, self->block, cmd));
	cmd.launch.lane_mask = 11;
	EXPECT_ERRNO(EINVAL, one(u, self->block, cmd));

	EXPECT_ROW(u, STREAM_SUBMIT, ENOENT, no_program, one(u, self->aic, cmd_launch(99, 0, 0)));
	EXPECT_ERRNO(ENOENT, one(u, self->aic, cmd_launch(self->mem.handle, 0, 0)));

	EXPECT_ROW(u, STREAM_SUBMIT, EINVAL, launch_args,
		   one(u, self->aic, cmd_launch(prog, mem + 4, 1)));
	EXPECT_ERRNO(EINVAL, one(u, self->aic, cmd_launch(prog, mem, 0)));
	EXPECT_ERRNO(EINVAL, one(u, self->aic, cmd_launch(prog, 0, 1)));
	EXPECT_ERRNO(EINVAL, one(u, self->aic, cmd_launch(prog, mem, PTO_MAX_ARGS + 1)));
	EXPECT_ERRNO(EINVAL, one(u, self->aic, cmd_launch(prog, mem, ~0U)));
	EXPECT_ERRNO(ERANGE, one(u, self->aic, cmd_launch(prog, mem + 2 * PAGE - 8, 2)));
	EXPECT_ERRNO(ERANGE, one(u, self->aic, cmd_launch(prog, 8, 1)));
	EXPECT_EQ(0, uapi_info(u).submitted);
	EXPECT_EQ(0, one(u, self->aic, cmd_launch(prog, mem, PTO_MAX_ARGS)));
}

TEST_F(submit, copy)
{
	__u64 mem = self->mem.addr, host;
	struct uapi *u = &self->u;
	char buffer[64];

	host = ADDRESS(buffer);
	EXPECT_ROW(u, STREAM_SUBMIT, EOPNOTSUPP, unknown_dir,
		   one(u, self->copy, cmd_copy(3, mem, host, 8)));
	EXPECT_ROW(u, STREAM_SUBMIT, EINVAL, copy_bytes,
		   one(u, self->copy, cmd_copy(PTO_COPY_H2D, mem, host, 0)));
	EXPECT_ROW(u, STREAM_SUBMIT, EFBIG, host_too_long,
		   one(u, self->copy, cmd_copy(PTO_COPY_H2D, mem, host, PTO_HOST_COPY_MAX + 1)));
	EXPECT_ERRNO(EFBIG, one(u, self->copy, cmd_copy(PTO_COPY_D2H, host, mem, ~0ULL)));
	EXPECT_ROW(u, STREAM_SUBMIT, EINVAL, copy_overlap,
		   one(u, self->copy, cmd_copy(PTO_COPY_D2D, mem, mem + 7, 8)));
	EXPECT_ERRNO(EINVAL, one(u, self->copy, cmd_copy(PTO_COPY_D2D, mem + 7, mem, 8)));
	EXPECT_ERRNO(EINVAL, one(u, self->copy, cmd_copy(PTO_COPY_D2D, mem, mem, 1)));
	EXPECT_ROW(u, STREAM_SUBMIT, ERANGE, bad_device_range,
		   one(u, self->copy, cmd_copy(PTO_COPY_H2D, mem + 2 * PAGE - 7, host, 8)));
	EXPECT_ERRNO(ERANGE, one(u, self->copy, cmd_copy(PTO_COPY_D2H, host, mem + 2 * PAGE, 8)));
	EXPECT_ERRNO(ERANGE, one(u, self->copy, cmd_copy(PTO_COPY_H2D, self->prog.addr, host, 8)));
	EXPECT_ERRNO(ERANGE, one(u, self->copy, cmd_copy(PTO_COPY_D2D, mem, 0, PAGE)));
	EXPECT_ROW(u, STREAM_SUBMIT, EFAULT, bad_host_range,
		   one(u, self->copy, cmd_copy(PTO_COPY_H2D, mem, 8, 8)));
	EXPECT_ERRNO(EFAULT, one(u, self->copy, cmd_copy(PTO_COPY_D2H, ~0ULL - 3, mem, 8)));
	EXPECT_ERRNO(EFAULT, one(u, self->copy, cmd_copy(PTO_COPY_D2H, ADDRESS("const"), mem, 8)));
	EXPECT_ERRNO(EFAULT, one(u, self->copy, cmd_copy(PTO_COPY_H2D, mem, 0xffff888000000000,
							  8)));
	EXPECT_EQ(0, uapi_info(u).submitted);
	EXPECT_EQ(0, uapi_info(u).pinned);
}

/* Pinned are whole pages, as long as the copy is in flight. */
TEST_F(submit, pinned)
{
	size_t bytes = PTO_HOST_COPY_MAX;
	char *host = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uapi *u = &self->u;
	struct pto_mem_alloc big;
	struct pto_cmd cmds[6];
	struct pto_stream_submit args = { sizeof(args), 0, self->copy, 6, ADDRESS(cmds) };
	int i;

	ASSERT_EQ(0, uapi_alloc(u, bytes, &big));
	cmds[0] = cmd_hang();
	for (i = 1; i < 6; i++)
		cmds[i] = cmd_copy(PTO_COPY_H2D, big.addr, ADDRESS(host), bytes);
	ASSERT_EQ(0, uapi_call(u, PTO_IOC_STREAM_SUBMIT, &args));
	EXPECT_EQ(5, args.accepted);
	EXPECT_EQ(PTO_PINNED_MAX, uapi_info(u).pinned);
	EXPECT_ROW(u, STREAM_SUBMIT, ENOMEM, pinned,
		   one(u, self->copy, cmd_copy(PTO_COPY_H2D, big.addr, ADDRESS(host), 1)));
	ASSERT_EQ(0, uapi_ctl(u, self->copy, PTO_STREAM_ABORT));
	EXPECT_ERRNO(ECANCELED, uapi_wait(u, self->copy, 5, BOUND_NS));
	EXPECT_TRUE(UNTIL(!uapi_info(u).pinned));
	ASSERT_EQ(0, uapi_submit_wait(u, self->copy, &cmds[1], 1, BOUND_NS));
	EXPECT_TRUE(UNTIL(!uapi_info(u).pinned));
}

TEST_F(submit, fill)
{
	__u64 mem = self->mem.addr;
	struct uapi *u = &self->u;

	EXPECT_ROW(u, STREAM_SUBMIT, EINVAL, fill_bytes, one(u, self->copy, cmd_fill(mem, 0, 1)));
	EXPECT_ERRNO(EINVAL, one(u, self->copy, cmd_fill(mem, 6, 1)));
	EXPECT_ERRNO(EINVAL, one(u, self->copy, cmd_fill(mem + 2, 4, 1)));
	EXPECT_ERRNO(ERANGE, one(u, self->copy, cmd_fill(mem + 2 * PAGE - 4, 8, 1)));
	EXPECT_ERRNO(ERANGE, one(u, self->copy, cmd_fill(mem, ~3ULL, 1)));
	EXPECT_ERRNO(ERANGE, one(u, self->copy, cmd_fill(self->prog.addr, 4, 1)));
}

TEST_F(submit, wait)
{
	struct uapi *u = &self->u;

	EXPECT_ROW(u, STREAM_SUBMIT, ENOENT, no_wait_stream, one(u, self->copy, cmd_wait(99, 1)));
	EXPECT_ERRNO(ENOENT, one(u, self->copy, cmd_wait(self->mem.handle, 1)));
	EXPECT_ROW(u, STREAM_SUBMIT, EINVAL, wait_seqno,
		   one(u, self->copy, cmd_wait(self->aic, 1)));
	EXPECT_ERRNO(EINVAL, one(u, self->copy, cmd_wait(self->aic, 0)));
	/* For itself, or for what comes with it: not assigned yet. */
	EXPECT_ERRNO(EINVAL, one(u, self->copy, cmd_wait(self->copy, 1)));
	EXPECT_EQ(0, one(u, self->aic, cmd_nop()));
	EXPECT_EQ(0, one(u, self->copy, cmd_wait(self->aic, 1)));
	EXPECT_ERRNO(EINVAL, one(u, self->copy, cmd_wait(self->aic, 2)));
	EXPECT_EQ(0, uapi_wait(u, self->copy, 1, BOUND_NS));
}

TEST_F(submit, delay)
{
	struct uapi *u = &self->u;

	EXPECT_ROW(u, STREAM_SUBMIT, EINVAL, delay_range,
		   one(u, self->copy, cmd_delay(PTO_DELAY_MIN_NS - 1)));
	EXPECT_ERRNO(EINVAL, one(u, self->copy, cmd_delay(0)));
	EXPECT_ERRNO(EINVAL, one(u, self->copy, cmd_delay(PTO_TIMEOUT_MAX_NS + 1)));
	EXPECT_EQ(0, one(u, self->copy, cmd_delay(PTO_DELAY_MIN_NS)));
	EXPECT_EQ(0, one(u, self->copy, cmd_delay(PTO_TIMEOUT_MAX_NS)));
}

/* ---- with a wait ---- */

TEST_F(submit, and_wait)
{
	struct pto_cmd cmds[2] = { cmd_fault(5), cmd_nop() }, hang = cmd_hang();
	struct uapi *u = &self->u;

	EXPECT_EQ(0, uapi_submit_wait(u, self->copy, &cmds[1], 1, BOUND_NS));
	EXPECT_ROW(u, STREAM_SUBMIT, EIO, wait_fault,
		   uapi_submit_wait(u, self->copy, cmds, 1, BOUND_NS));
	ASSERT_EQ(0, uapi_ctl(u, self->copy, PTO_STREAM_RESUME));
	EXPECT_ROW(u, STREAM_SUBMIT, ECANCELED, wait_canceled,
		   uapi_submit_wait(u, self->copy, cmds, 2, BOUND_NS));
	ASSERT_EQ(0, uapi_ctl(u, self->copy, PTO_STREAM_RESUME));
	EXPECT_ROW(u, STREAM_SUBMIT, ETIME, wait_time,
		   uapi_submit_wait(u, self->copy, &hang, 1, 5 * MS));
	/* Its own bound being 0, it only asks. */
	EXPECT_ERRNO(ETIME, uapi_submit_wait(u, self->copy, &cmds[1], 1, 0));
	ASSERT_EQ(0, uapi_ctl(u, self->copy, PTO_STREAM_ABORT));
	ASSERT_EQ(0, uapi_set(u, PTO_CTX_TIMEOUT, 20, 0));
	EXPECT_ROW(u, STREAM_SUBMIT, ETIMEDOUT, wait_hang,
		   uapi_submit_wait(u, self->copy, &hang, 1, BOUND_NS));
}

TEST_F(submit, interrupted_wait)
{
	struct pto_stream_submit args;
	struct uapi *u = &self->u;
	struct pto_cmd cmd = cmd_delay(200 * MS);

	if (variant->path == BY_URING)
		SKIP(return, "a signal does not end it");
	args = (struct pto_stream_submit){ sizeof(args), PTO_SUBMIT_WAIT, self->copy, 1,
					   ADDRESS(&cmd), BOUND_NS };
	uapi_signal_in(30);
	EXPECT_ROW(u, STREAM_SUBMIT, EINTR, wait_signal,
		   uapi_call(u, PTO_IOC_STREAM_SUBMIT, &args));
	EXPECT_EQ(1, args.accepted);
	EXPECT_EQ(1, args.first_seqno);
	EXPECT_EQ(0, uapi_wait(u, self->copy, 1, BOUND_NS));
}

TEST_HARNESS_MAIN
