// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * A 32-bit program on a 64-bit kernel: the same structures, numbers and offsets. By ioctl
 * only, since there is no 32-bit liburing; this is linked with nothing of the other tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pto.h>

#include "kselftest_harness.h"

#define PAGE		4096UL
#define WINDOW		(1UL << 28)
#define WORDS		2048
#define BYTES		(WORDS * sizeof(__u32))
#define BOUND_NS	20000000000ULL
#define ADDRESS(p)	((__u64)(unsigned long)(p))

_Static_assert(sizeof(void *) == 4, "to be compiled with -m32");

FIXTURE(compat) {
	int fd;
	char *window;
};

static int call(int fd, unsigned int nr, void *args)
{
	return ioctl(fd, nr, args) ? -errno : 0;
}

static int set_aperture(int fd, __u64 base, __u64 size)
{
	struct pto_ctx_set set = { sizeof(set), PTO_CTX_APERTURE, base, size };

	return call(fd, PTO_IOC_CTX_SET, &set);
}

FIXTURE_SETUP(compat)
{
	self->fd = open("/dev/pto/pto0", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_NE(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd, PTO_MMAP_CTL));
	self->window = mmap(NULL, WINDOW, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->window);
}

FIXTURE_TEARDOWN(compat)
{
	close(self->fd);
}

/* Copy in, fill the second half, copy out; the device's memory is mapped where it says. */
TEST_F(compat, copy_fill_copy)
{
	struct pto_mem_alloc mem = { sizeof(mem), .bytes = BYTES };
	struct pto_stream_create stream = { sizeof(stream), .engine = PTO_ENGINE_COPY, .depth = 8 };
	static __u32 in[WORDS], out[WORDS];
	const __u32 *mapped;
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		in[i] = i * 7;
	ASSERT_EQ(0, set_aperture(self->fd, ADDRESS(self->window), WINDOW));
	ASSERT_EQ(0, call(self->fd, PTO_IOC_MEM_ALLOC, &mem));
	ASSERT_EQ(0, call(self->fd, PTO_IOC_STREAM_CREATE, &stream));

	struct pto_cmd cmds[] = {
		{ PTO_CMD_COPY, .copy = { PTO_COPY_H2D, 0, mem.addr, ADDRESS(in), BYTES } },
		{ PTO_CMD_FILL, .fill = { mem.addr + BYTES / 2, BYTES / 2, 42 } },
		{ PTO_CMD_COPY, .copy = { PTO_COPY_D2H, 0, ADDRESS(out), mem.addr, BYTES } },
	};
	struct pto_stream_submit submit = { sizeof(submit), PTO_SUBMIT_WAIT, stream.handle, 3,
					    ADDRESS(cmds), BOUND_NS };

	ASSERT_EQ(0, call(self->fd, PTO_IOC_STREAM_SUBMIT, &submit));
	ASSERT_EQ(3, submit.accepted);
	mapped = mmap((void *)(unsigned long)mem.addr, BYTES, PROT_READ, MAP_SHARED | MAP_FIXED,
		      self->fd, mem.mmap_offset);
	ASSERT_EQ(mem.addr, ADDRESS(mapped));
	for (i = 0; i < WORDS; i++) {
		ASSERT_EQ(i < WORDS / 2 ? i * 7 : 42, out[i]);
		ASSERT_EQ(out[i], mapped[i]);
	}
}

/* Offsets of mappings do not end at 32 bits. */
TEST_F(compat, far_offset)
{
	struct pto_mem_alloc mem = { sizeof(mem), .bytes = PAGE,
				     .addr = ADDRESS(self->window) + WINDOW - PAGE };
	char *mapped;

	ASSERT_EQ(0, set_aperture(self->fd, ADDRESS(self->window), WINDOW));
	ASSERT_EQ(0, call(self->fd, PTO_IOC_MEM_ALLOC, &mem));
	ASSERT_LT(1ULL << 32, mem.mmap_offset);
	mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, mem.mmap_offset);
	ASSERT_NE(MAP_FAILED, (void *)mapped);
	mapped[0] = 1;
	EXPECT_EQ(1, mapped[0]);
}

TEST_F(compat, addresses_above_4_gib)
{
	struct pto_mem_alloc mem = { sizeof(mem), .bytes = PAGE };
	struct pto_mem_copy copy = { sizeof(copy), .dir = PTO_COPY_H2D, .bytes = PAGE };

	EXPECT_EQ(-EINVAL, set_aperture(self->fd, 1ULL << 32, WINDOW));
	ASSERT_EQ(0, set_aperture(self->fd, ADDRESS(self->window), WINDOW));
	ASSERT_EQ(0, call(self->fd, PTO_IOC_MEM_ALLOC, &mem));
	copy.dst = mem.addr;
	copy.src = ADDRESS(self->window) | 1ULL << 40;
	EXPECT_EQ(-EFAULT, call(self->fd, PTO_IOC_MEM_COPY, &copy));
}

/* A completion page is the same for both. */
TEST_F(compat, completion_page)
{
	struct pto_stream_create stream = { sizeof(stream), .engine = PTO_ENGINE_COPY, .depth = 8 };
	struct pto_cmd cmd = { PTO_CMD_FAULT, .fault = { 9 } };
	const volatile struct pto_stream_page *page;
	struct pto_stream_submit submit = { sizeof(submit), PTO_SUBMIT_WAIT, .count = 1,
					    .cmds = ADDRESS(&cmd), .timeout_ns = BOUND_NS };
	struct pto_fault_query fault = { sizeof(fault) };

	ASSERT_EQ(0, set_aperture(self->fd, ADDRESS(self->window), WINDOW));
	ASSERT_EQ(0, call(self->fd, PTO_IOC_STREAM_CREATE, &stream));
	page = mmap(NULL, stream.mmap_size, PROT_READ, MAP_SHARED, self->fd, stream.mmap_offset);
	ASSERT_NE(MAP_FAILED, (void *)page);
	submit.stream = stream.handle;
	EXPECT_EQ(-EIO, call(self->fd, PTO_IOC_STREAM_SUBMIT, &submit));
	EXPECT_EQ(1, page->completed);
	EXPECT_EQ(-EIO, page->ring[1].status);
	EXPECT_EQ(PTO_STREAM_STOPPED, page->state);
	ASSERT_EQ(0, call(self->fd, PTO_IOC_FAULT_QUERY, &fault));
	EXPECT_EQ(9, fault.code);
	EXPECT_EQ(getpid(), fault.pid);
}

TEST_HARNESS_MAIN
