// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * What the driver's calls cost, as ratios within one run: a NOP by ioctl against an ioctl
 * that does not exist, batches by ioctl and by io_uring against io_uring's own NOP, a copy
 * against memcpy(). Each figure is the best of ROUNDS.
 */
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include <linux/pto.h>

#define ROUNDS		5
#define CALLS		2000
#define BATCH		128
#define DEPTH		4096
#define COPY_BYTES	PTO_HOST_COPY_MAX
#define ADDRESS(p)	((__u64)(uintptr_t)(p))

static int fd;
static __u32 stream;
static __u64 memory;
static char *host, *other;
static struct io_uring ring;
static struct pto_cmd nops[BATCH];

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void call(unsigned int nr, void *args, const char *what)
{
	if (ioctl(fd, nr, args))
		error(1, errno, "%s", what);
}

static void drain(__u64 seqno)
{
	struct pto_stream_wait wait = { sizeof(wait), .stream = stream, .seqno = seqno,
					.timeout_ns = 10000000000 };

	call(PTO_IOC_STREAM_WAIT, &wait, "STREAM_WAIT");
}

static void open_device(void)
{
	const size_t window = 1 << 30;
	void *base = mmap(NULL, window, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			  -1, 0);
	struct pto_ctx_set set = { sizeof(set), PTO_CTX_APERTURE, .aperture_base = ADDRESS(base),
				   .aperture_size = window };
	struct pto_stream_create create = { sizeof(create), .depth = DEPTH };
	struct pto_mem_alloc mem = { sizeof(mem), .bytes = 2 * COPY_BYTES };

	fd = open("/dev/pto/pto0", O_RDWR);
	if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, PTO_MMAP_CTL) == MAP_FAILED)
		error(1, errno, "/dev/pto/pto0");
	call(PTO_IOC_CTX_SET, &set, "CTX_SET");
	call(PTO_IOC_STREAM_CREATE, &create, "STREAM_CREATE");
	call(PTO_IOC_MEM_ALLOC, &mem, "MEM_ALLOC");
	stream = create.handle;
	memory = mem.addr;
	host = malloc(COPY_BYTES);
	other = malloc(COPY_BYTES);
	if (!host || !other || io_uring_queue_init(2 * BATCH, &ring, 0))
		error(1, errno, "io_uring or memory");
	memset(host, 1, COPY_BYTES);
	memset(other, 1, COPY_BYTES);
}

/* ---- what is measured; each returns how many it did ---- */

static int empty_ioctl(void)
{
	int i;

	for (i = 0; i < CALLS; i++)
		ioctl(fd, _IO(PTO_IOC_TYPE, 255), NULL);
	return CALLS;
}

static int submit_ioctl(int batch)
{
	struct pto_stream_submit submit = { sizeof(submit), .stream = stream, .count = batch,
					    .cmds = ADDRESS(nops) };
	int done = 0;

	while (done < CALLS) {
		if (!ioctl(fd, PTO_IOC_STREAM_SUBMIT, &submit))
			done += submit.accepted;
		else if (errno != EBUSY)
			error(1, errno, "STREAM_SUBMIT");
	}
	drain(submit.first_seqno + submit.accepted - 1);
	return done;
}

static int nop_1(void)
{
	return submit_ioctl(1);
}

static int nop_16(void)
{
	return submit_ioctl(16);
}

static int nop_128(void)
{
	return submit_ioctl(BATCH);
}

static void uring_finish(int n)
{
	struct io_uring_cqe *cqe;
	unsigned int head, bad = 0;

	io_uring_submit_and_wait(&ring, n);
	io_uring_for_each_cqe(&ring, head, cqe)
		bad |= cqe->res;
	io_uring_cq_advance(&ring, n);
	if (bad)
		error(1, 0, "a command by io_uring failed");
}

static int uring_nop(void)
{
	int i, j;

	for (i = 0; i < CALLS; i += BATCH) {
		for (j = 0; j < BATCH; j++)
			io_uring_prep_nop(io_uring_get_sqe(&ring));
		uring_finish(BATCH);
	}
	return i;
}

/* @sqes commands of the ring at once, each a batch of NOPs. */
static int submit_uring(int sqes, int batch)
{
	struct pto_stream_submit submit = { sizeof(submit), .stream = stream, .count = batch,
					    .cmds = ADDRESS(nops) };
	int i, done;

	for (done = 0; done < CALLS; done += sqes * batch) {
		for (i = 0; i < sqes; i++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

			io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
			sqe->cmd_op = PTO_IOC_STREAM_SUBMIT;
			*(struct pto_uring *)sqe->cmd = (struct pto_uring){
				ADDRESS(&submit), sizeof(submit), 0 };
		}
		uring_finish(sqes);
		/* The ring is deeper than what is put in between. */
		if (done % (DEPTH / 2) < sqes * batch)
			drain(submit.first_seqno + submit.accepted - 1);
	}
	drain(submit.first_seqno + submit.accepted - 1);
	return done;
}

static int uring_128_of_1(void)
{
	return submit_uring(BATCH, 1);
}

static int uring_1_of_16(void)
{
	return submit_uring(1, 16);
}

static int uring_1_of_128(void)
{
	return submit_uring(1, BATCH);
}

static int copy_memcpy(void)
{
	memcpy(other, host, COPY_BYTES);
	return 1;
}

static int copy(__u32 dir, __u64 dst, __u64 src)
{
	struct pto_cmd cmd = { PTO_CMD_COPY, .copy = { dir, 0, dst, src, COPY_BYTES } };
	struct pto_stream_submit submit = { sizeof(submit), PTO_SUBMIT_WAIT, stream, 1,
					    ADDRESS(&cmd), .timeout_ns = 10000000000 };

	call(PTO_IOC_STREAM_SUBMIT, &submit, "copy");
	return 1;
}

static int copy_h2d(void)
{
	return copy(PTO_COPY_H2D, memory, ADDRESS(host));
}

static int copy_d2h(void)
{
	return copy(PTO_COPY_D2H, ADDRESS(host), memory);
}

static int copy_d2d(void)
{
	return copy(PTO_COPY_D2D, memory + COPY_BYTES, memory);
}

static double best_ns(int (*run)(void))
{
	double best = 0, start, ns;
	int i, n;

	for (i = 0; i < ROUNDS; i++) {
		start = now();
		n = run();
		ns = (now() - start) / n;
		if (!i || ns < best)
			best = ns;
	}
	return best;
}

int main(void)
{
	static const struct {
		const char *name;
		int (*run)(void);
		int against;	/* index of what it is a ratio of */
	} rows[] = {
		{ "ioctl that does not exist", empty_ioctl, 0 },
		{ "NOP, ioctl", nop_1, 0 },
		{ "NOP, ioctl, 16 a call", nop_16, 0 },
		{ "NOP, ioctl, 128 a call", nop_128, 0 },
		{ "io_uring's NOP, 128 at once", uring_nop, 4 },
		{ "NOP, io_uring, 128 commands at once", uring_128_of_1, 4 },
		{ "NOP, io_uring, one command of 16", uring_1_of_16, 4 },
		{ "NOP, io_uring, one command of 128", uring_1_of_128, 4 },
		{ "memcpy of 16 MiB", copy_memcpy, 8 },
		{ "copy to the device", copy_h2d, 8 },
		{ "copy from the device", copy_d2h, 8 },
		{ "copy on the device", copy_d2d, 8 },
	};
	double ns[sizeof(rows) / sizeof(rows[0])];
	unsigned int i;

	open_device();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ns[i] = best_ns(rows[i].run);
		printf("%-38s %12.0f ns %8.2f\n", rows[i].name, ns[i], ns[i] / ns[rows[i].against]);
	}
	return 0;
}
