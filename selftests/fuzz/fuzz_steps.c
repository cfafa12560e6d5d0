// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Steps: what an input can do. Host memory that the driver is told to write is the arena, the
 * window, or nothing at all, so that the fuzzer itself stays whole.
 */
#include "driver_fuzz.h"

#define ARGS_MAX	128
#define TURNS		64	/* structures that io_uring may still read */

union args {
	struct { __u32 size, flags; } head;
	struct pto_query query;
	struct pto_ctx_set ctx_set;
	struct pto_mem_alloc mem_alloc;
	struct pto_mem_copy mem_copy;
	struct pto_prog_load prog_load;
	struct pto_stream_create stream_create;
	struct pto_stream_submit submit;
	struct pto_stream_wait wait;
	struct pto_stream_ctl ctl;
	struct pto_event_fd event_fd;
	struct pto_fault_query fault_query;
	struct pto_obj_destroy destroy;
	struct pto_emu_attach attach;
	struct pto_emu_step step;
	__u8 bytes[ARGS_MAX];
};

static __thread union args all_args[TURNS];
static __thread struct pto_cmd all_cmds[TURNS][PTO_BATCH_MAX + 1];

/* ---- values ---- */

__u64 any_u64(struct fuzzer *f)
{
	static const __u64 odd[] = {
		0, 1, 7, PAGE - 1, PAGE, PTO_IMAGE_MAX, PTO_IMAGE_MAX + 1, 1ULL << 31,
		0xffffffffULL, 1ULL << 32, PTO_APERTURE_MAX, 1ULL << 47, 0xffff888000000000ULL,
		~0ULL - PAGE, ~0ULL,
	};

	return odd[fuzz_pick(f, sizeof(odd) / sizeof(odd[0]))] + fuzz_pick(f, 3) - 1;
}

/* Mostly small, at times at a limit or beyond. */
static __u64 any_length(struct fuzzer *f, __u32 usual)
{
	return fuzz_pick(f, 16) ? fuzz_pick(f, usual) : any_u64(f);
}

/* Mostly one of the type that is asked for, which may be gone. */
__u32 any_handle(struct fuzzer *f, unsigned int type)
{
	if (fuzz_pick(f, 64) == 1)
		return any_u64(f);
	if (fuzz_pick(f, 16) == 1)
		type = fuzz_pick(f, TYPES);
	return f->round->handles[type][fuzz_pick(f, HANDLES)];
}

static __u64 any_device_address(struct fuzzer *f)
{
	__u64 address = f->round->places[fuzz_pick(f, PLACES)];

	switch (fuzz_pick(f, 8)) {
	case 0:
		return any_u64(f);
	case 1:
		return address + fuzz_pick(f, 1 << 16);
	case 2:
		return address + fuzz_pick(f, 1 << 12) * 8;
	default:
		return address;
	}
}

/* The arena, memory of the device as its process sees it, or nothing. */
static __u64 any_host_address(struct fuzzer *f)
{
	struct round *round = f->round;

	switch (fuzz_pick(f, 8)) {
	case 0:
		return fuzz_pick(f, 2) ? PAGE : 0xffff888000000000ULL;
	case 1:
		return ADDRESS(round->u.window) + fuzz_pick(f, 1 << 20);
	case 2:
		return ADDRESS(round->arena) + ARENA - fuzz_pick(f, PAGE);
	default:
		return ADDRESS(round->arena) + fuzz_pick(f, 1 << 16);
	}
}

/* What the driver may write, and then only as far as it is nobody else's. */
static bool host_range_is_fine(const struct round *round, __u64 address, __u64 bytes)
{
	__u64 arena = ADDRESS(round->arena), window = ADDRESS(round->u.window);

	if (address < 1 << 16 || address >> 47)
		return bytes < 1 << 15 || address >> 47;
	if (address - arena < ARENA)
		return bytes <= arena + ARENA - address;
	return address - window < WINDOW && bytes <= window + WINDOW - address;
}

static void remember(struct fuzzer *f, unsigned int type, __u32 handle, __u64 address,
		     __u64 offset)
{
	struct round *round = f->round;

	round->handles[type][fuzz_random(f, HANDLES)] = handle;
	if (address)
		round->places[fuzz_random(f, PLACES)] = address;
	if (offset)
		round->offsets[fuzz_random(f, PLACES)] = offset;
}

/* ---- commands ---- */

static struct pto_cmd any_launch(struct fuzzer *f)
{
	struct pto_cmd cmd = cmd_launch(any_handle(f, PTO_OBJ_PROG), 0, 0);
	unsigned int lane;

	if (fuzz_pick(f, 2)) {
		cmd.launch.lane_mask = fuzz_pick(f, 8);
		for (lane = 0; lane < PTO_LANES; lane++)
			cmd.launch.prog[lane] = cmd.launch.lane_mask >> lane & 1 ?
						any_handle(f, PTO_OBJ_PROG) : 0;
	}
	if (fuzz_pick(f, 2)) {
		cmd.launch.args = any_device_address(f) & ~7ULL;
		cmd.launch.nargs = 1 + fuzz_pick(f, PTO_MAX_ARGS + 1);
	}
	return cmd;
}

static struct pto_cmd any_copy(struct fuzzer *f)
{
	__u32 dir = fuzz_pick(f, 3);
	struct pto_cmd cmd = cmd_copy(dir, 0, 0, any_length(f, 1 << 16));

	cmd.copy.dst = dir == PTO_COPY_D2H ? any_host_address(f) : any_device_address(f);
	cmd.copy.src = dir == PTO_COPY_H2D ? any_host_address(f) : any_device_address(f);
	return cmd;
}

static struct pto_cmd any_cmd(struct fuzzer *f)
{
	struct pto_cmd cmd;

	switch (fuzz_pick(f, 16)) {
	case 0 ... 1:
		cmd = cmd_nop();
		break;
	case 2 ... 4:
		cmd = any_copy(f);
		break;
	case 5 ... 6:
		cmd = cmd_fill(any_device_address(f) & ~3ULL, any_length(f, 1 << 14) & ~3ULL, 5);
		break;
	case 7 ... 8:
		cmd = cmd_wait(any_handle(f, PTO_OBJ_STREAM), any_length(f, 16));
		break;
	case 9:
		cmd = cmd_delay(PTO_DELAY_MIN_NS + any_length(f, 1 << 20));
		break;
	case 10:
		cmd = cmd_fault(fuzz_pick(f, 256));
		break;
	case 11:
		cmd = cmd_hang();
		break;
	default:
		cmd = any_launch(f);
		break;
	}
	cmd.flags = fuzz_pick(f, 3) == 1 ? PTO_CMD_TIMESTAMP : 0;
	if (fuzz_pick(f, 48) == 1)
		((__u8 *)&cmd)[fuzz_pick(f, sizeof(cmd))] = fuzz_pick(f, 256);
	if (cmd.opcode == PTO_CMD_COPY && cmd.copy.dir == PTO_COPY_D2H &&
	    !host_range_is_fine(f->round, cmd.copy.dst, cmd.copy.bytes))
		cmd.copy.dst = PAGE;
	return cmd;
}

static void fill_submit(struct fuzzer *f, union args *a)
{
	struct pto_cmd *cmds = all_cmds[f->turn % TURNS];
	__u32 n = fuzz_pick(f, 8) == 1 ? fuzz_pick(f, PTO_BATCH_MAX + 2) : 1 + fuzz_pick(f, 4), i;

	for (i = 0; i < n; i++)
		cmds[i] = fuzz_more(f) ? any_cmd(f) : cmd_nop();
	a->submit = (struct pto_stream_submit){ .stream = any_handle(f, PTO_OBJ_STREAM),
						.count = n, .cmds = ADDRESS(cmds) };
	if (fuzz_pick(f, 3) == 1) {
		a->submit.flags = PTO_SUBMIT_WAIT;
		a->submit.timeout_ns = fuzz_pick(f, 3 * MS);
	}
	if (fuzz_pick(f, 64) == 1)
		a->submit.cmds = PAGE;
}

/* ---- calls ---- */

static void fill_query(struct fuzzer *f, union args *a)
{
	a->query.item = fuzz_pick(f, 6);
	a->query.handle = a->query.item == PTO_QUERY_OBJECT ?
			  any_handle(f, fuzz_pick(f, TYPES)) : 0;
	a->query.data = ADDRESS(f->round->arena);
	a->query.data_size = any_length(f, 256);
}

static void fill_ctx_set(struct fuzzer *f, union args *a)
{
	a->ctx_set.flags = fuzz_pick(f, 16);
	a->ctx_set.aperture_base = any_u64(f);
	a->ctx_set.aperture_size = any_u64(f);
	a->ctx_set.timeout_ms = any_length(f, 60);
	a->ctx_set.on_fault = fuzz_pick(f, 3);
}

static void fill_memory(struct fuzzer *f, union args *a)
{
	a->mem_alloc.bytes = any_length(f, 1 << 18);
	if (fuzz_pick(f, 3) == 1)
		a->mem_alloc.addr = any_device_address(f) & ~(PAGE - 1);
}

static void fill_copy(struct fuzzer *f, union args *a)
{
	struct pto_cmd cmd = any_copy(f);

	a->mem_copy.dir = cmd.copy.dir;
	a->mem_copy.dst = cmd.copy.dst;
	a->mem_copy.src = cmd.copy.src;
	a->mem_copy.bytes = cmd.copy.bytes;
}

static void fill_program(struct fuzzer *f, union args *a)
{
	a->prog_load.image = any_host_address(f);
	a->prog_load.image_size = any_length(f, 1 << 14);
}

static void fill_stream(struct fuzzer *f, union args *a)
{
	a->stream_create.engine = fuzz_pick(f, 5);
	a->stream_create.index = a->stream_create.engine ? fuzz_pick(f, 5) : 0;
	a->stream_create.depth = fuzz_pick(f, 16) ? 2 << fuzz_pick(f, 8) : any_u64(f);
}

static void fill_wait(struct fuzzer *f, union args *a)
{
	a->wait.stream = any_handle(f, PTO_OBJ_STREAM);
	a->wait.seqno = any_length(f, 16);
	a->wait.timeout_ns = fuzz_pick(f, 2 * MS);
}

static void fill_ctl(struct fuzzer *f, union args *a)
{
	a->ctl.stream = any_handle(f, PTO_OBJ_STREAM);
	a->ctl.op = fuzz_pick(f, 3);
}

static void fill_event_fd(struct fuzzer *f, union args *a)
{
	a->event_fd.stream = any_handle(f, PTO_OBJ_STREAM);
	a->event_fd.fd = fuzz_pick(f, 2) ? f->round->event : (int)fuzz_pick(f, 8) - 2;
	a->event_fd.seqno = any_length(f, 16);
}

static void fill_destroy(struct fuzzer *f, union args *a)
{
	a->destroy.handle = any_handle(f, fuzz_pick(f, TYPES));
}

static void fill_attach(struct fuzzer *f, union args *a)
{
	a->attach.depth = fuzz_pick(f, 8) ? 2 << fuzz_pick(f, 5) : any_u64(f);
}

static void fill_step(struct fuzzer *f, union args *a)
{
	a->step.flags = fuzz_pick(f, 4);
	a->step.handle = any_handle(f, PTO_OBJ_EMU);
	a->step.doorbell = any_length(f, 32);
	if (a->step.flags & PTO_EMU_WAIT)
		a->step.timeout_ns = fuzz_pick(f, MS);
}

/* Kernel and emulator share what is written here for as long as the process lives. */
static void emulator_add(struct fuzzer *f, const struct pto_emu_attach *attach)
{
	struct round *round = f->round;
	struct emulator emu = { *attach };
	unsigned int i;

	emu.sub = mmap(NULL, attach->cores * attach->sub_stride, PROT_READ, MAP_SHARED,
		       round->u.fd, attach->sub_offset);
	emu.core = mmap(NULL, attach->cores * attach->core_stride, PROT_READ | PROT_WRITE,
			MAP_SHARED, round->u.fd, attach->core_offset);
	if (emu.sub == MAP_FAILED || emu.core == MAP_FAILED)
		return;
	remember(f, PTO_OBJ_EMU, attach->handle, 0, attach->core_offset);
	i = atomic_fetch_add(&round->n_emulators, 1);
	if (i < EMULATORS)
		round->emulators[i] = emu;
	/* There is never more than one that is attached. */
	for (i = 0; i < HANDLES; i++)
		round->handles[PTO_OBJ_EMU][i] = attach->handle;
}

static void learn(struct fuzzer *f, unsigned int nr, const union args *a)
{
	switch (nr) {
	case PTO_CALL_MEM_ALLOC:
		remember(f, PTO_OBJ_MEM, a->mem_alloc.handle, a->mem_alloc.addr,
			 a->mem_alloc.mmap_offset);
		break;
	case PTO_CALL_PROG_LOAD:
		remember(f, PTO_OBJ_PROG, a->prog_load.handle, a->prog_load.addr,
			 a->prog_load.mmap_offset);
		break;
	case PTO_CALL_STREAM_CREATE:
		remember(f, PTO_OBJ_STREAM, a->stream_create.handle, 0, a->stream_create.mmap_offset);
		break;
	case PTO_CALL_EMU_ATTACH:
		emulator_add(f, &a->attach);
		break;
	}
}

static const struct {
	void (*fill)(struct fuzzer *f, union args *a);
	__u32 size;
	__u8 weight;
} calls[CALLS] = {
	[PTO_CALL_QUERY] = { fill_query, sizeof(struct pto_query), 3 },
	[PTO_CALL_CTX_SET] = { fill_ctx_set, sizeof(struct pto_ctx_set), 2 },
	/* A close, a round's end, is not a step. */
	[PTO_CALL_CTX_CLOSE] = { NULL, sizeof(struct pto_ctx_close), 0 },
	[PTO_CALL_MEM_ALLOC] = { fill_memory, sizeof(struct pto_mem_alloc), 5 },
	[PTO_CALL_MEM_COPY] = { fill_copy, sizeof(struct pto_mem_copy), 5 },
	[PTO_CALL_PROG_LOAD] = { fill_program, sizeof(struct pto_prog_load), 4 },
	[PTO_CALL_STREAM_CREATE] = { fill_stream, sizeof(struct pto_stream_create), 6 },
	[PTO_CALL_STREAM_SUBMIT] = { fill_submit, sizeof(struct pto_stream_submit), 24 },
	[PTO_CALL_STREAM_WAIT] = { fill_wait, sizeof(struct pto_stream_wait), 6 },
	[PTO_CALL_STREAM_CTL] = { fill_ctl, sizeof(struct pto_stream_ctl), 4 },
	[PTO_CALL_EVENT_FD] = { fill_event_fd, sizeof(struct pto_event_fd), 3 },
	[PTO_CALL_FAULT_QUERY] = { NULL, sizeof(struct pto_fault_query), 2 },
	[PTO_CALL_RESET] = { NULL, sizeof(struct pto_reset), 1 },
	[PTO_CALL_OBJ_DESTROY] = { fill_destroy, sizeof(struct pto_obj_destroy), 4 },
	[PTO_CALL_EMU_ATTACH] = { fill_attach, sizeof(struct pto_emu_attach), 2 },
	[PTO_CALL_EMU_STEP] = { fill_step, sizeof(struct pto_emu_step), 6 },
};

static unsigned int any_call(struct fuzzer *f)
{
	unsigned int at = fuzz_pick(f, 77), nr = 0;

	while (nr < CALLS - 1 && at >= calls[nr].weight)
		at -= calls[nr++].weight;
	return nr;
}

/* Wrong bytes may not make the driver write into the fuzzer. */
static void keep_whole(struct fuzzer *f, unsigned int nr, union args *a)
{
	if (nr == PTO_CALL_QUERY &&
	    !host_range_is_fine(f->round, a->query.data, a->query.data_size))
		a->query.data = PAGE;
	if (nr == PTO_CALL_MEM_COPY &&
	    !host_range_is_fine(f->round, a->mem_copy.dst, a->mem_copy.bytes) &&
	    a->mem_copy.dir == PTO_COPY_D2H)
		a->mem_copy.dst = PAGE;
	/* A wrong address of the commands may read anything, and then write it anywhere. */
	if (nr == PTO_CALL_STREAM_SUBMIT && a->submit.cmds != ADDRESS(all_cmds[f->turn % TURNS]))
		a->submit.cmds = PAGE;
	if (nr == PTO_CALL_STREAM_SUBMIT && a->submit.count > PTO_BATCH_MAX + 1)
		a->submit.count = PTO_BATCH_MAX + 1;
	/* Nobody waits for minutes. */
	if (nr == PTO_CALL_STREAM_SUBMIT)
		a->submit.timeout_ns %= 4 * MS;
	if (nr == PTO_CALL_STREAM_WAIT)
		a->wait.timeout_ns %= 4 * MS;
	if (nr == PTO_CALL_EMU_STEP)
		a->step.timeout_ns %= 4 * MS;
}

/* ---- io_uring ---- */

void fuzz_ring_open(struct fuzzer *f)
{
	static const __u32 kinds[] = { 0, 0, 0, 0, IORING_SETUP_SQPOLL, IORING_SETUP_IOPOLL,
				       IORING_SETUP_COOP_TASKRUN, 0 };
	struct io_uring_params params = { .flags = kinds[fuzz_random(f, 8)], .sq_thread_idle = 1 };
	int fd = f->round->u.fd;

	f->has_ring = !io_uring_queue_init_params(64, &f->ring, &params);
	if (f->has_ring)
		io_uring_register_files(&f->ring, &fd, 1);
}

static void ring_reap(struct fuzzer *f, unsigned int wait_ms)
{
	struct __kernel_timespec limit = { 0, wait_ms * MS };
	struct io_uring_cqe *cqe;

	if (wait_ms && io_uring_wait_cqe_timeout(&f->ring, &cqe, &limit))
		return;
	while (!io_uring_peek_cqe(&f->ring, &cqe)) {
		unsigned int nr = cqe->user_data & 0xff, turn = cqe->user_data >> 8;

		if (nr < CALLS && !cqe->res) {
			learn(f, nr, &all_args[turn % TURNS]);
			atomic_fetch_add(&f->shared->good[nr], 1);
		}
		io_uring_cqe_seen(&f->ring, cqe);
	}
}

static void call_by_ring(struct fuzzer *f, unsigned int cmd, const union args *a)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&f->ring);
	struct pto_uring payload = { ADDRESS(a), a->head.size };
	unsigned int how = fuzz_pick(f, 256);

	if (sqe) {
		io_uring_prep_rw(IORING_OP_URING_CMD, sqe, f->round->u.fd, NULL, 0, 0);
		sqe->cmd_op = cmd;
		if (how == 1)
			payload.flags = 1;
		if (how == 2)
			payload.size ^= 8;
		memcpy(sqe->cmd, &payload, sizeof(payload));
		sqe->user_data = _IOC_NR(cmd) | f->turn << 8;
		if (how % 8 == 3)
			sqe->flags |= IOSQE_ASYNC;
		if (how % 8 == 4)
			sqe->flags |= IOSQE_IO_LINK;
		if (how % 4 == 2) {
			sqe->flags |= IOSQE_FIXED_FILE;
			sqe->fd = 0;
		}
	}
	io_uring_submit(&f->ring);
	/* One in four may stay parked. */
	ring_reap(f, how % 4 ? 4 : 0);
	if (how == 255) {
		io_uring_queue_exit(&f->ring);
		fuzz_ring_open(f);
	}
}

static void step_call(struct fuzzer *f)
{
	unsigned int nr = any_call(f), cmd = _IO(PTO_IOC_TYPE, nr), odd = fuzz_pick(f, 64);
	union args *a = &all_args[++f->turn % TURNS];

	memset(a, 0, sizeof(*a));
	if (calls[nr].fill)
		calls[nr].fill(f, a);
	a->head.size = calls[nr].size;
	if (odd == 1)
		a->bytes[fuzz_pick(f, calls[nr].size)] = fuzz_pick(f, 256);
	if (odd == 2)
		a->head.size += fuzz_pick(f, 2) ? 8 : -8;
	/* No other call's number: its structure would not be kept whole. */
	if (odd == 3)
		cmd ^= 16U << fuzz_pick(f, 28);
	keep_whole(f, nr, a);
	atomic_fetch_add(&f->shared->calls[nr], 1);
	if (f->has_ring && fuzz_pick(f, 2)) {
		call_by_ring(f, cmd, a);
	} else if (!ioctl(f->round->u.fd, cmd, a)) {
		atomic_fetch_add(&f->shared->good[nr], 1);
		learn(f, nr, a);
	}
}

/* ---- memory maps ---- */

/* At times where device and host agree: the same number. */
static void map_object(struct fuzzer *f, char *at, size_t bytes, int prot)
{
	__u64 offset = f->round->offsets[fuzz_pick(f, PLACES)] + fuzz_pick(f, 3) * PAGE;

	if (offset >= 1ULL << 40 && fuzz_pick(f, 2))
		at = f->round->u.window + (offset - (1ULL << 40)) % (WINDOW / 2);
	if (fuzz_pick(f, 8) == 1)
		offset = any_u64(f) & ~(PAGE - 1);
	mmap(at, bytes, prot, MAP_SHARED | MAP_FIXED, f->round->u.fd, offset);
}

static void step_map(struct fuzzer *f)
{
	size_t bytes = PAGE * (1 + fuzz_pick(f, 8));
	char *at = f->round->u.window + fuzz_pick(f, 256) * PAGE;
	int prot = fuzz_pick(f, 4) ? PROT_READ | PROT_WRITE : fuzz_pick(f, 8);

	switch (fuzz_pick(f, 8)) {
	case 0:
		munmap(at, bytes);
		break;
	case 1:
		mprotect(at, bytes, prot);
		break;
	case 2:
		madvise(at, bytes, fuzz_pick(f, 24));
		break;
	case 3:
		(void)!mremap(at, bytes, bytes + PAGE * fuzz_pick(f, 4), 0);
		break;
	case 4:
		/* Refused, what was there stays; so it is safe with the control page, too. */
		if (fuzz_pick(f, 4) == 1)
			at = (char *)f->round->u.ctl;
		(void)!mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			      f->round->u.window + fuzz_pick(f, 256) * PAGE);
		break;
	default:
		map_object(f, at, bytes, prot);
		break;
	}
}

/* By system calls: what is not there is EFAULT, not a signal. */
static void step_touch(struct fuzzer *f)
{
	char *at = f->round->u.window + fuzz_pick(f, 256) * PAGE + fuzz_pick(f, PAGE);
	size_t bytes = 1 + fuzz_pick(f, 2 * PAGE);

	if (fuzz_pick(f, 2))
		(void)!syscall(SYS_getrandom, at, bytes, 0);
	else
		(void)!pwrite(f->round->sink, at, bytes, 0);
}

static void step_poll(struct fuzzer *f)
{
	struct pollfd fd = { f->round->u.fd, fuzz_pick(f, 256) };

	poll(&fd, 1, fuzz_pick(f, 2));
}

/* ---- the emulator ---- */

static void complete_one(struct fuzzer *f, struct emulator *emu, unsigned int core)
{
	volatile struct pto_queue_sub *sub = emu->sub + core * emu->attach.sub_stride;
	volatile struct pto_queue_core *q = emu->core + core * emu->attach.core_stride;
	__u32 mask = emu->attach.depth - 1, head = q->sq_head;
	struct pto_desc *desc = (struct pto_desc *)&sub->sq[head & mask];
	struct pto_cqe *cqe = (struct pto_cqe *)&q->cq[q->cq_tail & mask];
	__u32 status = fuzz_pick(f, 32) == 1 ? fuzz_pick(f, 256) : fuzz_pick(f, 6);

	if (head == sub->sq_tail)
		return;
	if (status || desc->flags) {
		*cqe = (struct pto_cqe){ desc->cookie, status, core, fuzz_pick(f, 64) };
		cqe->core += fuzz_pick(f, 32) == 1;
		cqe->start = cqe->end = any_u64(f);
		__atomic_store_n(&q->cq_tail, q->cq_tail + 1, __ATOMIC_RELEASE);
	}
	if (status && fuzz_pick(f, 2))
		q->state = PTO_QUEUE_HALTED;
	__atomic_store_n(&q->sq_head, head + 1, __ATOMIC_RELEASE);
	if (sub->restarts && fuzz_pick(f, 4) == 1) {
		q->state = PTO_QUEUE_RUNNING;
		q->sq_head = sub->restart_at;
	}
}

/* Mostly what an emulator does, at times a lie anywhere in what it may write. */
static void step_emulate(struct fuzzer *f)
{
	struct round *round = f->round;
	unsigned int n = atomic_load(&round->n_emulators), core, times;
	struct emulator *emu;

	if (!n)
		return;
	n = n < EMULATORS ? n : EMULATORS;
	emu = &round->emulators[fuzz_pick(f, 2) ? n - 1 : fuzz_pick(f, n)];
	/* Another thread may be just about to fill it in. */
	if (!emu->core)
		return;
	core = fuzz_pick(f, emu->attach.cores);
	if (fuzz_pick(f, 48) == 1) {
		__u8 *bytes = emu->core + core * emu->attach.core_stride;

		bytes[fuzz_pick(f, fuzz_pick(f, 2) ? 64 : emu->attach.core_stride)] =
			fuzz_pick(f, 256);
		return;
	}
	for (times = 1 + fuzz_pick(f, 4); times; times--)
		complete_one(f, emu, core);
}

/* ---- the rest ---- */

/* Another process with this file, another context, or both. */
static void step_fork(struct fuzzer *f)
{
	struct uapi other;
	pid_t pid;

	if (uapi_open(&other, BY_IOCTL, f->round->device))
		return;
	pid = fork();
	if (!pid) {
		f->cover = NULL;
		f->has_ring = false;
		if (fuzz_pick(f, 2))
			f->round->u.fd = other.fd;
		if (fuzz_pick(f, 4))
			uapi_bind(&other);
		while (fuzz_more(f))
			step_call(f);
		_exit(0);
	}
	if (pid > 0)
		uapi_reap(pid);
	uapi_close(&other);
}

static void step_knob(struct fuzzer *f)
{
	unsigned int device = f->round->device;

	switch (fuzz_pick(f, 8)) {
	case 0:
		uapi_knob(device, "latency_ns", fuzz_pick(f, 1 << 16));
		break;
	case 1:
		uapi_knob(device, "jitter_ns", fuzz_pick(f, 1 << 16));
		break;
	case 2:
		uapi_knob(device, "hang", fuzz_pick(f, 2));
		break;
	case 3:
		uapi_knob(device, "fail_next", fuzz_pick(f, 256));
		break;
	default:
		uapi_knob(device, "latency_ns", 0);
		uapi_knob(device, "hang", 0);
		break;
	}
}

void fuzz_step(struct fuzzer *f)
{
	unsigned int what = fuzz_pick(f, 256);

	atomic_fetch_add(&f->shared->steps, 1);
	if (what < 156)
		step_call(f);
	else if (what < 184)
		step_emulate(f);
	else if (what < 202)
		step_map(f);
	else if (what < 216)
		step_touch(f);
	else if (what < 248)
		fuzz_host_step(f);
	else if (what < 252)
		step_poll(f);
	else if (what < 255)
		step_knob(f);
	else
		step_fork(f);
}

static int round_attach(struct fuzzer *f)
{
	struct pto_emu_attach attach = { .size = sizeof(attach), .depth = 16 };
	int err = uapi_call(&f->round->u, PTO_IOC_EMU_ATTACH, &attach);

	if (!err)
		emulator_add(f, &attach);
	return err;
}

/* One of each, so that the first steps find something. */
static int round_fill(struct round *round)
{
	static const __u32 engines[] = { PTO_ENGINE_COPY, PTO_ENGINE_AIC, PTO_ENGINE_BLOCK };
	struct fuzzer f = { .round = round };
	struct pto_stream_create stream;
	struct pto_prog_load prog;
	struct pto_mem_alloc mem;
	unsigned int i;
	int err;

	err = uapi_alloc(&round->u, 16 * PAGE, &mem) ?:
	      uapi_load(&round->u, "program", 8, &prog);
	for (i = 0; i < HANDLES && !err; i++) {
		if (i < 3)
			err = uapi_stream(&round->u, engines[i], 0, 16, &stream);
		round->handles[PTO_OBJ_STREAM][i] = stream.handle;
		round->handles[PTO_OBJ_MEM][i] = mem.handle;
		round->handles[PTO_OBJ_PROG][i] = prog.handle;
		round->places[i] = mem.addr;
		round->offsets[i] = i % 2 ? mem.mmap_offset : stream.mmap_offset;
	}
	return err ?: round_attach(&f);
}

/*
 * The window is far below all else. Steps make holes in it, and the kernel gives out the
 * highest hole: nothing but what is put there comes to lie where steps unmap.
 */
static int round_window(struct round *round)
{
	struct pto_ctx_set set = { sizeof(set), PTO_CTX_APERTURE | PTO_CTX_TIMEOUT };
	void *at = mmap((void *)(1UL << 40), WINDOW, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	if (at == MAP_FAILED)
		return -errno;
	round->u.window = at;
	set.aperture_base = ADDRESS(at);
	set.aperture_size = WINDOW;
	set.timeout_ms = 50;
	return uapi_call(&round->u, PTO_IOC_CTX_SET, &set);
}

int round_open(struct round *round, unsigned int device)
{
	int err;

	memset(round, 0, sizeof(*round));
	round->device = device;
	err = uapi_open(&round->u, BY_IOCTL, device) ?: uapi_bind(&round->u) ?:
	      round_window(round);
	if (err)
		return err;
	round->arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	round->sink = memfd_create("sink", MFD_CLOEXEC);
	round->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (round->arena == MAP_FAILED || round->sink < 0 || round->event < 0)
		return -errno;
	return round_listen(round) ?: round_fill(round);
}
