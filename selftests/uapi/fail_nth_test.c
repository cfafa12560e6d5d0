// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Each allocation, and each copy from or to user memory, of each call is made to fail once, on
 * a kernel that can do that (/proc/PID/fail-nth). The call then says so, keeps nothing, and the
 * context works as before.
 */
#include "cores.h"
#include "genl.h"
#include "uapi_test.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define MEM_BYTES	(16 * PAGE)
#define SWEEP_MAX	500
#define SWEEPS_MAX	10

/* ---- injection ---- */

static int put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* All allocations can fail, and the kernel's log stays clean. */
static int injection_setup(void)
{
	static const char *const knobs[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
	};
	char path[80];
	unsigned int i;
	int err;

	if (access(FAIL_NTH, W_OK))
		return -errno;
	for (i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", knobs[i][0]);
		err = put_text(path, knobs[i][1]);
		if (err)
			return err;
	}
	return 0;
}

/* Before the harness: its SKIP() in a fixture's setup does not keep the test from running. */
static void __attribute__((constructor)) injection_or_skip(void)
{
	if (!injection_setup())
		return;
	printf("TAP version 13\n1..1\nok 1 # SKIP this kernel injects no failures\n");
	exit(4);
}

static int fail_fd;

/* From now on the @nth fails. */
static void fail_arm(unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	fail_fd = open(FAIL_NTH, O_RDWR);
	if (write(fail_fd, text, n) != n)
		exit(1);
}

/* True: one has failed since fail_arm(). If one fails here, then none had before. */
static bool fail_disarm(void)
{
	char text[16] = "";
	bool injected = pread(fail_fd, text, sizeof(text) - 1, 0) > 0 && !atoi(text);

	while (pwrite(fail_fd, "0", 1, 0) != 1)
		continue;
	close(fail_fd);
	return injected;
}

/* ---- a context with one of each ---- */

FIXTURE(fail_nth) {
	struct uapi u;
	struct pto_mem_alloc mem;
	struct pto_prog_load prog;
	struct pto_stream_create copy, core, block;
	struct cores cores;
	char *host;			/* MEM_BYTES */
	struct pto_cmd cmd;		/* what submit() submits */
	__u32 stream;			/* and where */
	int event;
	__u32 made;			/* what the last call made */
	struct uapi other;		/* another context, of open and close */
};

#define SELF	FIXTURE_DATA(fail_nth) *self

/* Play the emulator: all that was launched has been run. */
static void emulate(SELF)
{
	__u32 core;

	for (core = 0; core < self->cores.emu.cores; core++)
		while (cores_queued(&self->cores, core))
			cores_end(&self->cores, core, PTO_STATUS_OK, 0);
}

static int emulator_step(SELF)
{
	return cores_reap(&self->cores);
}

FIXTURE_SETUP(fail_nth)
{
	ASSERT_EQ(0, uapi_start(&self->u, BY_IOCTL, 0));
	self->other.fd = -1;
	self->host = mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	ASSERT_NE(MAP_FAILED, self->host);
	self->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_LE(0, self->event);
	ASSERT_EQ(0, uapi_set(&self->u, PTO_CTX_ON_FAULT, 0, PTO_ON_FAULT_CONTINUE));
	ASSERT_EQ(0, uapi_alloc(&self->u, MEM_BYTES, &self->mem));
	ASSERT_EQ(0, uapi_load(&self->u, "image", 5, &self->prog));
	ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_COPY, 0, 4, &self->copy));
	ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_AIC, 0, 4, &self->core));
	ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_BLOCK, 0, 4, &self->block));
	ASSERT_EQ(0, cores_attach(&self->cores, &self->u, 8));
	self->stream = self->copy.handle;
}

FIXTURE_TEARDOWN(fail_nth)
{
	uapi_close(&self->u);
}

/* ---- what a call may not keep ---- */

struct held {
	__u64 mem_used, device_used, pinned, objects, streams, contexts;	/* no padding */
};

static struct held held(SELF)
{
	struct pto_info_ctx ctx = uapi_info(&self->u);
	struct pto_info_device device = {};

	uapi_query(&self->u, PTO_QUERY_DEVICE, 0, &device, sizeof(device));
	return (struct held){ ctx.mem_used, device.mem_used, ctx.pinned, ctx.objects,
			      ctx.streams, device.contexts };
}

/* What is done is done at once, or soon. */
static bool settled(SELF, const struct held *expected)
{
	struct pto_info_ctx info = uapi_info(&self->u);
	struct held now = held(self);

	return info.submitted == info.completed && !memcmp(&now, expected, sizeof(now));
}

static void log_held(struct __test_metadata *_metadata, const char *when, const struct held *held)
{
	TH_LOG("%s: memory %llu, of the device %llu, pinned %llu, objects %llu, streams %llu, "
	       "contexts %llu", when, held->mem_used, held->device_used, held->pinned,
	       held->objects, held->streams, held->contexts);
}

static int still_works(SELF)
{
	struct pto_cmd cmds[] = { cmd_nop(), cmd_fill(self->mem.addr, PAGE, 1) };

	return uapi_submit_wait(&self->u, self->copy.handle, cmds, 2, BOUND_NS);
}

/* UNTIL(), but short enough for the harness' own limit. */
#define within_ms(ms, condition) ({					\
	unsigned int left_ms = (ms);					\
	while (!(condition) && --left_ms)				\
		uapi_tick();						\
	left_ms != 0;							\
})

/**
 * struct sweep - a call whose parts are to fail
 * @call:	makes it; 0 or -errno
 * @undo:	afterwards, whatever it returned; NULL: there is nothing to do
 * @allocates:	it does, so that one of the failures is ENOMEM
 * @row:	the call in whose errno table that is no_memory; NULL: another test shows it
 * @path:	how it is made
 */
struct sweep {
	int (*call)(SELF);
	void (*undo)(SELF, int ret);
	bool allocates;
	const char *row;
	enum uapi_path path;
};

static void sweep(struct __test_metadata *_metadata, SELF, const struct sweep *sweep)
{
	unsigned int nth = 0, no_memory = 0, sweeps = 0;
	struct held before;
	bool injected;
	int ret;

	do {
		before = held(self);
		fail_arm(++nth);
		ret = sweep->call(self);
		injected = fail_disarm();
		no_memory += ret == -ENOMEM;
		if (ret && ret != -ENOMEM)
			EXPECT_EQ(-EFAULT, ret) TH_LOG("failure %u", nth);
		if (sweep->undo)
			sweep->undo(self, ret);
		ASSERT_TRUE(within_ms(1000, settled(self, &before)))
		{
			struct held after = held(self);

			TH_LOG("failure %u, result %d", nth, ret);
			log_held(_metadata, "before", &before);
			log_held(_metadata, "after", &after);
		}
		ASSERT_EQ(0, still_works(self)) TH_LOG("failure %u", nth);
		/*
		 * The kernel allocates for itself, too, at times: page tables, what its
		 * checkers note. When it no longer does, the call's own allocation moves
		 * to a place that has just been passed.
		 */
		if (!injected && sweep->allocates && !no_memory && ++sweeps < SWEEPS_MAX) {
			injected = true;
			nth = 0;
		}
	} while (injected && nth < SWEEP_MAX);
	EXPECT_EQ(0, ret);
	EXPECT_FALSE(injected);
	EXPECT_LT(1, nth);
	if (sweep->allocates)
		EXPECT_LT(0, no_memory);
	self->u.path = sweep->path;
	if (sweep->row && no_memory)
		uapi_row(&self->u, sweep->row, "ENOMEM", "no_memory");
	TH_LOG("%u failures, %u of them ENOMEM", nth - 1, no_memory);
}

#define SWEEP(name, ...)						\
	TEST_F(fail_nth, name)						\
	{								\
		static const struct sweep calls = { __VA_ARGS__ };	\
									\
		sweep(_metadata, self, &calls);				\
	}

/* ---- memory, programs, objects ---- */

static void undo_made(SELF, int ret)
{
	if (!ret)
		uapi_destroy(&self->u, self->made);
}

static int call_mem_alloc(SELF)
{
	struct pto_mem_alloc mem;
	int err = uapi_alloc(&self->u, 5 * PAGE, &mem);

	self->made = mem.handle;
	return err;
}

SWEEP(mem_alloc, call_mem_alloc, undo_made, true)

static int call_prog_load(SELF)
{
	struct pto_prog_load prog;
	int err = uapi_load(&self->u, self->host, 3 * PAGE, &prog);

	self->made = prog.handle;
	return err;
}

SWEEP(prog_load, call_prog_load, undo_made, true)

static int call_stream_create(SELF)
{
	struct pto_stream_create stream;
	int err = uapi_stream(&self->u, PTO_ENGINE_AIV, 1, 256, &stream);

	self->made = stream.handle;
	return err;
}

SWEEP(stream_create, call_stream_create, undo_made, true)

/* The fixture's gives way, so that each time there is one when the context is looked at. */
static int call_emu_attach(SELF)
{
	struct pto_emu_attach args = { .size = sizeof(args), .depth = 64 };
	int err = uapi_call(&self->u, PTO_IOC_EMU_ATTACH, &args);

	self->made = args.handle;
	return err;
}

TEST_F(fail_nth, emu_attach)
{
	static const struct sweep calls = { call_emu_attach, undo_made, true };

	ASSERT_EQ(0, uapi_destroy(&self->u, self->cores.emu.handle));
	sweep(_metadata, self, &calls);
}

static int call_destroy(SELF)
{
	return uapi_destroy(&self->u, self->made);
}

/* Each time there is an object that it can have. */
static void undo_destroy(SELF, int ret)
{
	if (!ret)
		call_mem_alloc(self);
}

TEST_F(fail_nth, obj_destroy)
{
	static const struct sweep calls = { call_destroy, undo_destroy };

	ASSERT_EQ(0, call_mem_alloc(self));
	sweep(_metadata, self, &calls);
}

static int call_copy_in(SELF)
{
	return uapi_copy(&self->u, PTO_COPY_H2D, self->mem.addr, ADDRESS(self->host), MEM_BYTES);
}

static int call_copy_out(SELF)
{
	return uapi_copy(&self->u, PTO_COPY_D2H, ADDRESS(self->host), self->mem.addr, MEM_BYTES);
}

static int call_copy_inside(SELF)
{
	return uapi_copy(&self->u, PTO_COPY_D2D, self->mem.addr, self->mem.addr + 8 * PAGE,
			 8 * PAGE);
}

SWEEP(mem_copy_in, call_copy_in)
SWEEP(mem_copy_out, call_copy_out)
SWEEP(mem_copy_inside, call_copy_inside)

/* ---- commands ---- */

static int submit(SELF)
{
	return uapi_submit(&self->u, self->stream, &self->cmd, 1, NULL);
}

static void undo_submit(SELF, int ret)
{
	struct pto_fault_query fault;

	emulate(self);
	emulator_step(self);
	if (self->cmd.opcode == PTO_CMD_HANG)
		uapi_ctl(&self->u, self->stream, PTO_STREAM_ABORT);
	while (!uapi_fault(&self->u, &fault))
		continue;
}

static const struct sweep submission = { submit, undo_submit, true, "STREAM_SUBMIT" };

#define SWEEP_COMMAND(name, on, command)				\
	TEST_F(fail_nth, submit_##name)					\
	{								\
		self->stream = self->on.handle;				\
		self->cmd = command;					\
		sweep(_metadata, self, &submission);			\
	}

SWEEP_COMMAND(nop, copy, cmd_nop())
SWEEP_COMMAND(delay, copy, cmd_delay(PTO_DELAY_MIN_NS))
SWEEP_COMMAND(fault, copy, cmd_fault(3))
SWEEP_COMMAND(hang, copy, cmd_hang())
SWEEP_COMMAND(fill, copy, cmd_fill(self->mem.addr, MEM_BYTES, 7))
SWEEP_COMMAND(copy, copy, cmd_copy(PTO_COPY_D2D, self->mem.addr, self->mem.addr + PAGE, PAGE))
SWEEP_COMMAND(launch, core, cmd_launch(self->prog.handle, self->mem.addr, 4))

TEST_F(fail_nth, submit_wait_command)
{
	__u64 seqno;

	self->cmd = cmd_nop();
	ASSERT_EQ(0, uapi_submit(&self->u, self->core.handle, &self->cmd, 1, &seqno));
	self->cmd = cmd_wait(self->core.handle, seqno);
	sweep(_metadata, self, &submission);
}

TEST_F(fail_nth, submit_mixed)
{
	self->stream = self->block.handle;
	self->cmd = cmd_launch(self->prog.handle, 0, 0);
	self->cmd.launch.prog[PTO_LANE_AIV1] = self->prog.handle;
	self->cmd.launch.lane_mask = 1 << PTO_LANE_AIC | 1 << PTO_LANE_AIV1;
	sweep(_metadata, self, &submission);
}

/* The pages of the host are not there yet, so that pinning them allocates, too. */
static int submit_unfaulted(SELF)
{
	if (madvise(self->host, MEM_BYTES, MADV_DONTNEED))
		return -errno;
	return submit(self);
}

static const struct sweep submission_unfaulted = { submit_unfaulted, undo_submit, true };

TEST_F(fail_nth, submit_copy_in)
{
	self->cmd = cmd_copy(PTO_COPY_H2D, self->mem.addr, ADDRESS(self->host), MEM_BYTES);
	sweep(_metadata, self, &submission_unfaulted);
}

TEST_F(fail_nth, submit_copy_out)
{
	self->cmd = cmd_copy(PTO_COPY_D2H, ADDRESS(self->host), self->mem.addr, MEM_BYTES);
	sweep(_metadata, self, &submission_unfaulted);
}

static int call_submit_wait(SELF)
{
	return uapi_submit_wait(&self->u, self->stream, &self->cmd, 1, BOUND_NS);
}

SWEEP(submit_and_wait, call_submit_wait, NULL, true)

/* ---- waits ---- */

static int call_wait(SELF)
{
	return uapi_wait(&self->u, self->copy.handle, 1, BOUND_NS);
}

TEST_F(fail_nth, stream_wait)
{
	static const struct sweep calls = { call_wait };

	ASSERT_EQ(0, still_works(self));
	sweep(_metadata, self, &calls);
}

static int call_event_fd(SELF)
{
	return uapi_arm(&self->u, self->copy.handle, self->event, 1000000);
}

SWEEP(event_fd, call_event_fd)

/*
 * By io_uring, what the submission finds no memory for stays in the ring. Until its end is
 * reaped, io_uring's own allocations may fail, too.
 */
static int by_uring(SELF, unsigned int cmd, void *args)
{
	int res;

	uapi_queue(&self->u, cmd, args, *(__u32 *)args, 0);
	if (io_uring_sq_ready(&self->u.ring))
		io_uring_submit(&self->u.ring);
	res = uapi_cqe(&self->u, BOUND_MS, NULL);
	return res == -EAGAIN ? -ENOMEM : res;
}

/* By io_uring: a wait for what does not end is parked, however slow all is, and is over in time. */
static int park(SELF, unsigned int cmd, void *args)
{
	int res = by_uring(self, cmd, args);

	return res == -ETIME ? 0 : res;
}

static void undo_hang(SELF, int ret)
{
	(void)ret;
	uapi_ctl(&self->u, self->copy.handle, PTO_STREAM_ABORT);
}

static int call_uring_submit_wait(SELF)
{
	struct pto_cmd cmd = cmd_hang();
	struct pto_stream_submit args = { sizeof(args), PTO_SUBMIT_WAIT, self->copy.handle, 1,
					  ADDRESS(&cmd), 20 * MS };

	return park(self, PTO_IOC_STREAM_SUBMIT, &args);
}

/* What it waits for is submitted before; that it failed there is not its own ENOMEM. */
static int call_uring_wait(SELF)
{
	struct pto_stream_wait args = { sizeof(args), 0, self->copy.handle, 0, 0, 20 * MS };
	struct pto_cmd cmd = cmd_hang();
	int err = uapi_submit(&self->u, self->copy.handle, &cmd, 1, &args.seqno);

	if (err)
		return err == -ENOMEM ? -EFAULT : err;
	return park(self, PTO_IOC_STREAM_WAIT, &args);
}

TEST_F(fail_nth, uring_wait)
{
	static const struct sweep calls = { call_uring_wait, undo_hang, true, "STREAM_WAIT", BY_URING };

	ASSERT_EQ(0, io_uring_queue_init(8, &self->u.ring, 0));
	sweep(_metadata, self, &calls);
	io_uring_queue_exit(&self->u.ring);
}

TEST_F(fail_nth, uring_submit_and_wait)
{
	static const struct sweep calls = { call_uring_submit_wait, undo_hang, true, "STREAM_SUBMIT",
					    BY_URING };

	ASSERT_EQ(0, io_uring_queue_init(8, &self->u.ring, 0));
	sweep(_metadata, self, &calls);
	io_uring_queue_exit(&self->u.ring);
}

/* ---- mappings ---- */

static int map_and_touch(SELF, __u64 offset, size_t bytes, int prot)
{
	char *p = mmap(NULL, bytes, prot, MAP_SHARED, self->u.fd, offset);
	size_t i;

	if (p == MAP_FAILED)
		return -errno;
	for (i = 0; i < bytes; i += PAGE)
		(void)*(volatile char *)(p + i);
	return munmap(p, bytes) ? -errno : 0;
}

static int call_map_memory(SELF)
{
	return map_and_touch(self, self->mem.mmap_offset, MEM_BYTES, PROT_READ | PROT_WRITE);
}

static int call_map_stream(SELF)
{
	return map_and_touch(self, self->copy.mmap_offset, self->copy.mmap_size, PROT_READ);
}

static int call_map_control(SELF)
{
	return map_and_touch(self, PTO_MMAP_CTL, PAGE, PROT_READ);
}

static int call_map_queues(SELF)
{
	return map_and_touch(self, self->cores.emu.core_offset,
			     self->cores.emu.cores * self->cores.emu.core_stride, PROT_READ | PROT_WRITE);
}

SWEEP(map_memory, call_map_memory, NULL, true)
SWEEP(map_stream, call_map_stream, NULL, true)
SWEEP(map_control, call_map_control, NULL, true)
SWEEP(map_queues, call_map_queues, NULL, true)

/* ---- contexts ---- */

static int call_query(SELF)
{
	struct pto_info_ctx info;

	return uapi_query(&self->u, PTO_QUERY_CTX, 0, &info, sizeof(info));
}

static int call_ctx_set(SELF)
{
	return uapi_set(&self->u, PTO_CTX_TIMEOUT | PTO_CTX_LABEL, 5000, 0);
}

static int call_reset(SELF)
{
	return uapi_reset(&self->u);
}

static int call_stream_ctl(SELF)
{
	return uapi_ctl(&self->u, self->copy.handle, PTO_STREAM_ABORT);
}

SWEEP(query, call_query)
SWEEP(ctx_set, call_ctx_set)
SWEEP(reset, call_reset)
SWEEP(stream_ctl, call_stream_ctl)
SWEEP(emu_step, emulator_step)

static int call_fault_query(SELF)
{
	struct pto_fault_query fault;
	int err = uapi_fault(&self->u, &fault);

	/* A record that could not be told is gone. */
	return err == -ENODATA ? 0 : err;
}

static void undo_fault_query(SELF, int ret)
{
	struct pto_cmd cmd = cmd_fault(1);

	uapi_submit_wait(&self->u, self->copy.handle, &cmd, 1, BOUND_NS);
}

TEST_F(fail_nth, fault_query)
{
	static const struct sweep calls = { call_fault_query, undo_fault_query };

	undo_fault_query(self, 0);
	sweep(_metadata, self, &calls);
}

static int call_open(SELF)
{
	int err = uapi_open(&self->other, BY_IOCTL, 0);

	if (err)
		self->other.fd = -1;
	return err ?: uapi_bind(&self->other);
}

static void undo_open(SELF, int ret)
{
	if (self->other.fd >= 0)
		uapi_close(&self->other);
	self->other.fd = -1;
}

SWEEP(open, call_open, undo_open, true)

/* A context full of things, ended while it works. */
static int call_ctx_close(SELF)
{
	return uapi_shutdown(&self->other);
}

static int fill_other(SELF)
{
	struct pto_cmd cmds[] = { cmd_delay(MS), cmd_hang() };
	struct pto_stream_create stream;
	struct pto_mem_alloc mem;

	return uapi_start(&self->other, BY_IOCTL, 0) ?:
	       uapi_alloc(&self->other, PAGE, &mem) ?:
	       uapi_stream(&self->other, PTO_ENGINE_COPY, 0, 4, &stream) ?:
	       uapi_submit(&self->other, stream.handle, cmds, 2, NULL);
}

static void undo_ctx_close(SELF, int ret)
{
	uapi_close(&self->other);
	if (fill_other(self))
		exit(1);
}

TEST_F(fail_nth, ctx_close)
{
	static const struct sweep calls = { call_ctx_close, undo_ctx_close };

	ASSERT_EQ(0, fill_other(self));
	sweep(_metadata, self, &calls);
}

/* The host's view: a message each way, and a dump. What is left on a socket goes with it. */
static struct genl genl;

static int netlink_result(int err)
{
	return err == -ENOBUFS ? -ENOMEM : err;
}

static int call_netlink_get(SELF)
{
	genl_begin(&genl, PTO_NL_STATS_GET, 0);
	genl_put_u32(&genl, PTO_A_STATS_DEV, 0);
	return netlink_result(genl_call(&genl));
}

static int call_netlink_dump(SELF)
{
	int ret;

	genl_begin(&genl, PTO_NL_STREAM_GET, NLM_F_DUMP);
	ret = genl_send(&genl) ?: 1;
	while (ret > 0)
		ret = genl_next(&genl, BOUND_MS);
	return netlink_result(ret);
}

static void undo_netlink(SELF, int ret)
{
	genl_close(&genl);
	if (genl_open(&genl))
		exit(1);
}

TEST_F(fail_nth, netlink)
{
	static const struct sweep get = { call_netlink_get, undo_netlink, true };
	static const struct sweep dump = { call_netlink_dump, undo_netlink, true };

	ASSERT_EQ(0, genl_open(&genl));
	sweep(_metadata, self, &get);
	sweep(_metadata, self, &dump);
	genl_close(&genl);
}

/* What a dead context's mapping gets, comes from the host. */
static int call_touch_dead(SELF)
{
	size_t i;

	for (i = 0; i < MEM_BYTES; i += PAGE)
		if (*(volatile char *)(self->other.window + i))
			return -EIO;
	return 0;
}

static void undo_touch_dead(SELF, int ret)
{
	madvise(self->other.window, MEM_BYTES, MADV_DONTNEED);
}

TEST_F(fail_nth, touch_dead)
{
	static const struct sweep calls = { call_touch_dead, undo_touch_dead };
	struct pto_mem_alloc mem;

	ASSERT_EQ(0, uapi_start(&self->other, BY_IOCTL, 0));
	ASSERT_EQ(0, uapi_alloc(&self->other, MEM_BYTES, &mem));
	ASSERT_NE(MAP_FAILED, uapi_map(&self->other, &mem));
	ASSERT_EQ(0, uapi_shutdown(&self->other));
	sweep(_metadata, self, &calls);
	uapi_close(&self->other);
}

TEST_HARNESS_MAIN
