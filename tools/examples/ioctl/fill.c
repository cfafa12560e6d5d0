// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The driver without libpto: copy in, fill the second half, copy out. -u: by io_uring. */
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/pto.h>

#define N 2048
#define ADDRESS(p) ((__u64)(unsigned long)(p))

static struct io_uring ring;
static int fd;

static int call(int uring, unsigned int nr, void *args)
{
	struct io_uring_cqe *cqe;

	if (!uring)
		return ioctl(fd, nr, args) ? -errno : 0;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
	sqe->cmd_op = nr;
	*(struct pto_uring *)sqe->cmd = (struct pto_uring){ ADDRESS(args), *(__u32 *)args };
	io_uring_submit(&ring);
	return io_uring_wait_cqe(&ring, &cqe) ?: (io_uring_cqe_seen(&ring, cqe), cqe->res);
}

int main(int argc, char **argv)
{
	unsigned int in[N], out[N], i, uring = argc > 1 && argv[1][1] == 'u';
	const size_t window = 1 << 30, half = sizeof(in) / 2;

	/* The context lives as long as its control page is mapped. */
	fd = open("/dev/pto/pto0", O_RDWR);
	if (fd < 0 || mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, PTO_MMAP_CTL) == MAP_FAILED)
		error(1, errno, "/dev/pto/pto0");
	if (uring && io_uring_queue_init(4, &ring, 0))
		error(1, errno, "io_uring");
	for (i = 0; i < N; i++)
		in[i] = i;

	void *base = mmap(NULL, window, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct pto_ctx_set set = { sizeof(set), PTO_CTX_APERTURE, ADDRESS(base), window };
	struct pto_mem_alloc mem = { sizeof(mem), .bytes = sizeof(in) };
	struct pto_stream_create stream = { sizeof(stream), .engine = PTO_ENGINE_COPY, .depth = 8 };
	int err = call(uring, PTO_IOC_CTX_SET, &set) ?: call(uring, PTO_IOC_MEM_ALLOC, &mem) ?:
		  call(uring, PTO_IOC_STREAM_CREATE, &stream);

	struct pto_cmd cmds[] = {
		{ PTO_CMD_COPY, .copy = { PTO_COPY_H2D, 0, mem.addr, ADDRESS(in), sizeof(in) } },
		{ PTO_CMD_FILL, .fill = { mem.addr + half, half, 42 } },
		{ PTO_CMD_COPY, .copy = { PTO_COPY_D2H, 0, ADDRESS(out), mem.addr, sizeof(in) } },
	};
	struct pto_stream_submit submit = { sizeof(submit), PTO_SUBMIT_WAIT, stream.handle, 3,
					    ADDRESS(cmds), 1000000000 };
	err = err ?: call(uring, PTO_IOC_STREAM_SUBMIT, &submit);
	if (err)
		error(1, -err, "a call failed");
	for (i = 0; i < N && out[i] == (i < N / 2 ? i : 42); i++)
		;
	printf("%u of %u right, by %s\n", i, N, uring ? "io_uring" : "ioctl");
	return i != N;
}
