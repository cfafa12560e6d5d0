// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The driver without libpto: allocate, copy in, fill, copy out, check. With "-u" the
 * commands go by io_uring, else by ioctl.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/pto.h>

#define WINDOW	(1ull << 30)
#define BYTES	8192

static int fd;
static struct io_uring *ring;

static void call(unsigned int nr, void *args, const char *what)
{
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int err;

	if (!ring) {
		err = ioctl(fd, nr, args) ? -errno : 0;
	} else {
		sqe = io_uring_get_sqe(ring);
		io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
		sqe->cmd_op = nr;
		*(struct pto_uring *)sqe->cmd = (struct pto_uring){
			.arg = (__u64)(unsigned long)args, .size = *(__u32 *)args,
		};
		err = io_uring_submit_and_wait(ring, 1) < 0 ? -errno : 0;
		err = err ?: io_uring_wait_cqe(ring, &cqe) ?: cqe->res;
		io_uring_cqe_seen(ring, cqe);
	}
	if (err) {
		fprintf(stderr, "%s: %s\n", what, strerror(-err));
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static unsigned int in[BYTES / 4], out[BYTES / 4];
	struct io_uring uring;
	unsigned int i;

	fd = open("/dev/pto/pto0", O_RDWR | O_CLOEXEC);
	if (fd < 0 || mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, PTO_MMAP_CTL) == MAP_FAILED) {
		perror("/dev/pto/pto0");
		return 1;
	}
	if (argc > 1 && !strcmp(argv[1], "-u") && !io_uring_queue_init(4, &uring, 0))
		ring = &uring;
	for (i = 0; i < BYTES / 4; i++)
		in[i] = i;

	/* Where device memory may lie, then memory, then a stream. */
	void *window = mmap(NULL, WINDOW, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct pto_ctx_set set = { sizeof(set), PTO_CTX_APERTURE,
		.aperture_base = (__u64)(unsigned long)window, .aperture_size = WINDOW };
	call(PTO_IOC_CTX_SET, &set, "CTX_SET");
	struct pto_mem_alloc mem = { sizeof(mem), .bytes = BYTES };
	call(PTO_IOC_MEM_ALLOC, &mem, "MEM_ALLOC");
	struct pto_stream_create stream = { sizeof(stream), .engine = PTO_ENGINE_COPY, .depth = 8 };
	call(PTO_IOC_STREAM_CREATE, &stream, "STREAM_CREATE");

	/* Copy in, overwrite the second half, copy out; wait for the last one. */
	struct pto_cmd cmds[] = {
		{ PTO_CMD_COPY, .copy = { .dir = PTO_COPY_H2D, .dst = mem.addr,
					  .src = (__u64)(unsigned long)in, .bytes = BYTES } },
		{ PTO_CMD_FILL, .fill = { .dst = mem.addr + BYTES / 2, .bytes = BYTES / 2,
					  .pattern = 42 } },
		{ PTO_CMD_COPY, .copy = { .dir = PTO_COPY_D2H, .dst = (__u64)(unsigned long)out,
					  .src = mem.addr, .bytes = BYTES } },
	};
	struct pto_stream_submit submit = { sizeof(submit), PTO_SUBMIT_WAIT, stream.handle,
		.count = 3, .cmds = (__u64)(unsigned long)cmds, .timeout_ns = 1000000000 };
	call(PTO_IOC_STREAM_SUBMIT, &submit, "STREAM_SUBMIT");

	for (i = 0; i < BYTES / 4; i++)
		if (out[i] != (i < BYTES / 8 ? i : 42))
			break;
	printf("%u of %u right by %s\n", i, BYTES / 4, ring ? "io_uring" : "ioctl");
	return i != BYTES / 4;
}
