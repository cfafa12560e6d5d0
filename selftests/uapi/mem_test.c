// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Device memory, programs, their mappings, MEM_COPY, and limits. */
#include <sys/stat.h>
#include <sys/types.h>

#include "uapi_test.h"

UAPI_FIXTURE(mem);

static bool all(const unsigned char *bytes, unsigned char value, size_t n)
{
	while (n--)
		if (*bytes++ != value)
			return false;
	return true;
}

/* ---- placement ---- */

TEST_F(mem, first_fit)
{
	struct pto_mem_alloc a, b, c, again;

	ASSERT_EQ(0, uapi_alloc(&self->u, 1, &a));
	EXPECT_EQ(PAGE, a.bytes);
	EXPECT_EQ(ADDRESS(self->u.window), a.addr);
	ASSERT_EQ(0, uapi_alloc(&self->u, PAGE + 1, &b));
	EXPECT_EQ(2 * PAGE, b.bytes);
	/* A page is left free in between. */
	EXPECT_EQ(a.addr + 2 * PAGE, b.addr);
	ASSERT_EQ(0, uapi_alloc(&self->u, PAGE, &c));
	EXPECT_EQ(b.addr + 3 * PAGE, c.addr);

	ASSERT_EQ(0, uapi_destroy(&self->u, b.handle));
	ASSERT_EQ(0, uapi_alloc(&self->u, 3 * PAGE, &again));
	EXPECT_EQ(c.addr + 2 * PAGE, again.addr);
	ASSERT_EQ(0, uapi_alloc(&self->u, 2 * PAGE, &again));
	EXPECT_EQ(b.addr, again.addr);
}

TEST_F(mem, wanted_address)
{
	__u64 base = ADDRESS(self->u.window);

	/* Neighbours may touch when the caller says where. */
	EXPECT_EQ(0, uapi_alloc_at(&self->u, base + PAGE, PAGE));
	EXPECT_EQ(0, uapi_alloc_at(&self->u, base + 2 * PAGE, PAGE));
	EXPECT_EQ(0, uapi_alloc_at(&self->u, base, PAGE));
	EXPECT_EQ(0, uapi_alloc_at(&self->u, base + WINDOW - PAGE, PAGE));
	EXPECT_ROW(&self->u, MEM_ALLOC, EEXIST, overlap, uapi_alloc_at(&self->u, base, PAGE));
	EXPECT_ERRNO(EEXIST, uapi_alloc_at(&self->u, base + 2 * PAGE, 4 * PAGE));
	EXPECT_ERRNO(EEXIST, uapi_alloc_at(&self->u, base + WINDOW - 2 * PAGE, 2 * PAGE));
	EXPECT_ROW(&self->u, MEM_ALLOC, ERANGE, outside,
		   uapi_alloc_at(&self->u, base + WINDOW, PAGE));
	EXPECT_ERRNO(ERANGE, uapi_alloc_at(&self->u, base - PAGE, PAGE));
	EXPECT_ERRNO(ERANGE, uapi_alloc_at(&self->u, base + WINDOW - PAGE, PAGE + 1));
	EXPECT_ERRNO(ERANGE, uapi_alloc_at(&self->u, base, ~0ULL));
	EXPECT_ERRNO(ERANGE, uapi_alloc_at(&self->u, ~0xfffULL, 2 * PAGE));
	EXPECT_ROW(&self->u, MEM_ALLOC, EINVAL, unaligned,
		   uapi_alloc_at(&self->u, base + 64, PAGE));
	EXPECT_ROW(&self->u, MEM_ALLOC, EINVAL, zero_bytes, uapi_alloc_at(&self->u, base, 0));
}

TEST_F(mem, alloc_errors)
{
	struct pto_info_device device;
	struct pto_prog_load prog;
	struct pto_mem_alloc mem;
	struct uapi *u = &self->u, fresh;

	ASSERT_EQ(0, uapi_query(u, PTO_QUERY_DEVICE, 0, &device, sizeof(device)));
	EXPECT_ROW(u, MEM_ALLOC, ENOSPC, device_full, uapi_alloc(u, device.mem_total + 1, &mem));
	EXPECT_ROW(u, MEM_ALLOC, ENOSPC, aperture_full, uapi_alloc(u, WINDOW + 1, &mem));
	EXPECT_ERRNO(ENOSPC, uapi_alloc(u, ~0ULL, &mem));
	EXPECT_EQ(0, uapi_info(u).mem_used);

	ASSERT_EQ(0, uapi_open(&fresh, variant->path, 0));
	ASSERT_EQ(0, uapi_bind(&fresh));
	EXPECT_ROW(u, MEM_ALLOC, ENXIO, no_aperture, uapi_alloc(&fresh, 1, &mem));
	EXPECT_ROW(u, PROG_LOAD, ENXIO, no_aperture, uapi_load(&fresh, "program", 8, &prog));
	uapi_close(&fresh);
}

/* An aperture of two pages: one object of one page, and then none behind the free page. */
TEST_F(mem, small_aperture)
{
	struct pto_ctx_set set = { sizeof(set), PTO_CTX_APERTURE };
	struct pto_prog_load prog;
	struct pto_mem_alloc mem;
	struct uapi u;

	ASSERT_EQ(0, uapi_open(&u, variant->path, 0));
	ASSERT_EQ(0, uapi_bind(&u));
	set.aperture_base = ADDRESS(self->u.window);
	set.aperture_size = 2 * PAGE;
	ASSERT_EQ(0, uapi_call(&u, PTO_IOC_CTX_SET, &set));
	EXPECT_EQ(0, uapi_alloc(&u, 1, &mem));
	EXPECT_ROW(&u, MEM_ALLOC, ENOSPC, aperture_full, uapi_alloc(&u, 1, &mem));
	EXPECT_ROW(&u, PROG_LOAD, ENOSPC, aperture_full, uapi_load(&u, "program", 8, &prog));
	EXPECT_EQ(0, uapi_alloc_at(&u, set.aperture_base + PAGE, PAGE));
	uapi_close(&u);
}

/* ---- content ---- */

TEST_F(mem, new_memory_is_zero)
{
	unsigned char *buffer = malloc(8 * PAGE);
	struct pto_mem_alloc mem;
	int round;

	for (round = 0; round < 2; round++) {
		ASSERT_EQ(0, uapi_alloc(&self->u, 8 * PAGE, &mem));
		memset(buffer, 0xff, 8 * PAGE);
		ASSERT_EQ(0, uapi_copy(&self->u, PTO_COPY_D2H, ADDRESS(buffer), mem.addr,
				       8 * PAGE));
		EXPECT_TRUE(all(buffer, 0, 8 * PAGE));
		memset(buffer, 0xaa, 8 * PAGE);
		ASSERT_EQ(0, uapi_copy(&self->u, PTO_COPY_H2D, mem.addr, ADDRESS(buffer),
				       8 * PAGE));
		ASSERT_EQ(0, uapi_destroy(&self->u, mem.handle));
	}
}

TEST_F(mem, copies)
{
	unsigned char in[3 * PAGE], out[3 * PAGE];
	struct pto_mem_alloc a, b;
	struct uapi *u = &self->u;
	size_t i;

	for (i = 0; i < sizeof(in); i++)
		in[i] = i * 7 + i / 251;
	ASSERT_EQ(0, uapi_alloc(u, 4 * PAGE, &a));
	ASSERT_EQ(0, uapi_alloc(u, 4 * PAGE, &b));
	/* None of the borders is a page's, and they differ. */
	ASSERT_EQ(0, uapi_copy(u, PTO_COPY_H2D, a.addr + 123, ADDRESS(in), sizeof(in)));
	ASSERT_EQ(0, uapi_copy(u, PTO_COPY_D2D, b.addr + 77, a.addr + 123, sizeof(in)));
	ASSERT_EQ(0, uapi_copy(u, PTO_COPY_D2H, ADDRESS(out), b.addr + 77, sizeof(out)));
	EXPECT_EQ(0, memcmp(in, out, sizeof(in)));
	/* In one object, touching. */
	ASSERT_EQ(0, uapi_copy(u, PTO_COPY_D2D, a.addr, b.addr + 77, PAGE));
	ASSERT_EQ(0, uapi_copy(u, PTO_COPY_D2D, a.addr + PAGE, a.addr, PAGE));
	ASSERT_EQ(0, uapi_copy(u, PTO_COPY_D2H, ADDRESS(out), a.addr + PAGE, PAGE));
	EXPECT_EQ(0, memcmp(in, out, PAGE));
	EXPECT_EQ(0, uapi_copy(u, PTO_COPY_H2D, a.addr, ADDRESS(in), 0));
}

TEST_F(mem, longest_copy)
{
	unsigned char *buffer = malloc(PTO_MEM_COPY_MAX + 1);
	struct uapi *u = &self->u;
	struct pto_mem_alloc mem;

	memset(buffer, 0x5a, PTO_MEM_COPY_MAX);
	ASSERT_EQ(0, uapi_alloc(u, 2 * PTO_MEM_COPY_MAX, &mem));
	EXPECT_EQ(0, uapi_copy(u, PTO_COPY_H2D, mem.addr, ADDRESS(buffer), PTO_MEM_COPY_MAX));
	memset(buffer, 0, PTO_MEM_COPY_MAX);
	EXPECT_EQ(0, uapi_copy(u, PTO_COPY_D2H, ADDRESS(buffer), mem.addr, PTO_MEM_COPY_MAX));
	EXPECT_TRUE(all(buffer, 0x5a, PTO_MEM_COPY_MAX));
	EXPECT_ROW(u, MEM_COPY, EFBIG, too_long,
		   uapi_copy(u, PTO_COPY_H2D, mem.addr, ADDRESS(buffer), PTO_MEM_COPY_MAX + 1));
	EXPECT_ERRNO(EFBIG, uapi_copy(u, PTO_COPY_D2D, mem.addr, mem.addr, ~0ULL));
}

TEST_F(mem, copy_errors)
{
	unsigned char buffer[PAGE];
	struct uapi *u = &self->u, other;
	__u64 host = ADDRESS(buffer), d;
	struct pto_mem_alloc mem, next;
	struct pto_prog_load prog;

	ASSERT_EQ(0, uapi_alloc(u, 2 * PAGE, &mem));
	ASSERT_EQ(0, uapi_alloc(u, PAGE, &next));
	ASSERT_EQ(0, uapi_load(u, buffer, PAGE, &prog));
	d = mem.addr;
	EXPECT_ROW(u, MEM_COPY, EOPNOTSUPP, unknown_dir, uapi_copy(u, 3, d, host, 8));
	EXPECT_ROW(u, MEM_COPY, EINVAL, overlap, uapi_copy(u, PTO_COPY_D2D, d, d + 7, 8));
	EXPECT_ERRNO(EINVAL, uapi_copy(u, PTO_COPY_D2D, d + 7, d, 8));
	EXPECT_ERRNO(EINVAL, uapi_copy(u, PTO_COPY_D2D, d, d, 8));
	EXPECT_EQ(0, uapi_copy(u, PTO_COPY_D2D, d + 8, d, 8));

	EXPECT_ROW(u, MEM_COPY, ERANGE, bad_device_range,
		   uapi_copy(u, PTO_COPY_H2D, d + 2 * PAGE - 7, host, 8));
	EXPECT_ERRNO(ERANGE, uapi_copy(u, PTO_COPY_D2H, host, d + 2 * PAGE, 8));
	EXPECT_ERRNO(ERANGE, uapi_copy(u, PTO_COPY_D2H, host, 0, 8));
	EXPECT_ERRNO(ERANGE, uapi_copy(u, PTO_COPY_D2H, host, host, 8));
	EXPECT_ERRNO(ERANGE, uapi_copy(u, PTO_COPY_D2H, host, ~0ULL - 3, 8));
	EXPECT_ERRNO(ERANGE, uapi_copy(u, PTO_COPY_D2D, ~0ULL - 3, d, 8));
	EXPECT_ERRNO(ERANGE, uapi_copy(u, PTO_COPY_D2D, d, ~0ULL - 3, 8));
	/* A program is read only. */
	EXPECT_ERRNO(ERANGE, uapi_copy(u, PTO_COPY_H2D, prog.addr, host, 8));
	EXPECT_EQ(0, uapi_copy(u, PTO_COPY_D2H, host, prog.addr, 8));

	EXPECT_ROW(u, MEM_COPY, EFAULT, bad_host_range, uapi_copy(u, PTO_COPY_H2D, d, 8, 8));
	EXPECT_ERRNO(EFAULT, uapi_copy(u, PTO_COPY_D2H, 8, d, 8));
	EXPECT_ERRNO(EFAULT, uapi_copy(u, PTO_COPY_D2H, ~0ULL - 3, d, 8));
	EXPECT_ERRNO(EFAULT, uapi_copy(u, PTO_COPY_H2D, d, 0xffff888000000000, 8));

	/* Another context's memory is none of ours. */
	ASSERT_EQ(0, uapi_start(&other, variant->path, 0));
	EXPECT_ERRNO(ERANGE, uapi_copy(&other, PTO_COPY_D2H, host, d, 8));
	uapi_close(&other);
	ASSERT_EQ(0, uapi_destroy(u, mem.handle));
	EXPECT_ERRNO(ERANGE, uapi_copy(u, PTO_COPY_D2H, host, d, 8));
}

/* The host's end may be mapped device memory, even the same. */
TEST_F(mem, copy_from_a_mapping)
{
	struct uapi *u = &self->u;
	struct pto_mem_alloc mem;
	char *map;

	ASSERT_EQ(0, uapi_alloc(u, 2 * PAGE, &mem));
	map = uapi_map(u, &mem);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(mem.addr, ADDRESS(map));
	strcpy(map + PAGE, "by mapping");
	ASSERT_EQ(0, uapi_copy(u, PTO_COPY_H2D, mem.addr, ADDRESS(map + PAGE), 16));
	EXPECT_STREQ("by mapping", map);
}

/* ---- mappings ---- */

TEST_F(mem, mapping_and_copies_agree)
{
	struct uapi *u = &self->u;
	struct pto_mem_alloc mem;
	char text[16] = "by copy", *map;

	ASSERT_EQ(0, uapi_alloc(u, 3 * PAGE, &mem));
	map = uapi_map(u, &mem);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, uapi_copy(u, PTO_COPY_H2D, mem.addr + 2 * PAGE - 4, ADDRESS(text), 16));
	EXPECT_STREQ("by copy", map + 2 * PAGE - 4);
	strcpy(map + PAGE - 4, "by mapping");
	ASSERT_EQ(0, uapi_copy(u, PTO_COPY_D2H, ADDRESS(text), mem.addr + PAGE - 4, 16));
	EXPECT_STREQ("by mapping", text);
	EXPECT_EQ(MAP_FAILED, mremap(map, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE));
}

TEST_F(mem, mapping_outlives_the_handle)
{
	struct pto_mem_alloc mem, next;
	struct uapi *u = &self->u;
	char *map;

	ASSERT_EQ(0, uapi_alloc(u, 2 * PAGE, &mem));
	map = uapi_map(u, &mem);
	ASSERT_NE(MAP_FAILED, map);
	strcpy(map, "still here");
	ASSERT_EQ(0, uapi_destroy(u, mem.handle));
	EXPECT_STREQ("still here", map);
	EXPECT_EQ(0, uapi_info(u).objects);
	EXPECT_EQ(2 * PAGE, uapi_info(u).mem_used);
	/* Its range stays taken until the mapping is gone, in two parts. */
	EXPECT_ERRNO(EEXIST, uapi_alloc_at(u, mem.addr, PAGE));
	ASSERT_EQ(0, munmap(map, PAGE));
	EXPECT_ERRNO(EEXIST, uapi_alloc_at(u, mem.addr, PAGE));
	ASSERT_EQ(0, munmap(map + PAGE, PAGE));
	EXPECT_EQ(0, uapi_info(u).mem_used);
	ASSERT_EQ(0, uapi_alloc(u, PAGE, &next));
	EXPECT_EQ(mem.addr, next.addr);
}

TEST_F(mem, mapping_outlives_the_file)
{
	struct pto_mem_alloc mem;
	struct uapi u;
	char *map;

	ASSERT_EQ(0, uapi_start(&u, variant->path, 0));
	ASSERT_EQ(0, uapi_alloc(&u, PAGE, &mem));
	map = uapi_map(&u, &mem);
	ASSERT_NE(MAP_FAILED, map);
	strcpy(map, "text");
	if (u.path == BY_URING)
		io_uring_queue_exit(&u.ring);
	/* Each mapping holds the file; the control page's holds the context. */
	close(u.fd);
	EXPECT_STREQ("text", map);
	ASSERT_EQ(0, munmap((void *)u.ctl, PAGE));
	/* Memory is given back by work that the unmap leaves behind. */
	EXPECT_TRUE(UNTIL(!*(volatile char *)map));
	map[1] = 1;
	EXPECT_EQ(1, map[1]);
	ASSERT_EQ(0, munmap(map, PAGE));
}

/* ---- programs ---- */

TEST_F(mem, programs)
{
	char image[PAGE + 100], out[sizeof(image)];
	struct pto_prog_load a, b;
	struct uapi *u = &self->u;
	char *map;

	memset(image, 0x42, sizeof(image));
	image[PAGE + 99] = 1;
	ASSERT_EQ(0, uapi_load(u, image, sizeof(image), &a));
	ASSERT_EQ(0, uapi_load(u, image, 1, &b));
	EXPECT_LT(a.serial, b.serial);
	EXPECT_LT(0, a.serial);
	map = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, u->fd, a.mmap_offset);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, memcmp(map, image, sizeof(image)));
	EXPECT_EQ(0, map[PAGE + 100]);
	ASSERT_EQ(0, uapi_copy(u, PTO_COPY_D2H, ADDRESS(out), a.addr, sizeof(out)));
	EXPECT_EQ(0, memcmp(out, image, sizeof(image)));
	EXPECT_EQ(-1, mprotect(map, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	ASSERT_EQ(0, uapi_destroy(u, a.handle));
	EXPECT_EQ(0, memcmp(map, image, sizeof(image)));
}

TEST_F(mem, program_errors)
{
	struct uapi *u = &self->u;
	struct pto_prog_load prog;

	EXPECT_ROW(u, PROG_LOAD, EINVAL, zero_size, uapi_load(u, u, 0, &prog));
	EXPECT_ROW(u, PROG_LOAD, EFBIG, too_large, uapi_load(u, u, PTO_IMAGE_MAX + 1, &prog));
	EXPECT_ERRNO(EFBIG, uapi_load(u, u, ~0U, &prog));
	EXPECT_ROW(u, PROG_LOAD, EFAULT, bad_image, uapi_load(u, NULL, 8, &prog));
	EXPECT_ERRNO(EFAULT, uapi_load(u, u->window, 2 * PAGE, &prog));
	EXPECT_EQ(0, uapi_info(u).objects);
	EXPECT_EQ(0, uapi_info(u).mem_used);
}

/* ---- limits ---- */

/* The device has one page more than a context may have handles. */
TEST_F_TIMEOUT(mem, handles, 120)
{
	struct pto_emu_attach emu = { sizeof(emu), .depth = 2 };
	struct pto_stream_create stream;
	struct uapi *u = &self->u, plain = self->u;
	struct pto_prog_load prog;
	struct pto_mem_alloc mem;
	__u64 next = ADDRESS(u->window);
	unsigned int i;

	plain.path = BY_IOCTL;
	for (i = 0; i < PTO_OBJECTS_MAX; i++, next += PAGE)
		ASSERT_EQ(0, uapi_alloc_at(&plain, next, PAGE));
	EXPECT_EQ(PTO_OBJECTS_MAX, uapi_info(u).objects);
	EXPECT_ROW(u, MEM_ALLOC, EMFILE, handles, uapi_alloc(u, PAGE, &mem));
	EXPECT_ROW(u, PROG_LOAD, EMFILE, handles, uapi_load(u, "program", 8, &prog));
	EXPECT_ROW(u, STREAM_CREATE, EMFILE, handles,
		   uapi_stream(u, PTO_ENGINE_COPY, 0, 2, &stream));
	EXPECT_ROW(u, EMU_ATTACH, EMFILE, handles, uapi_call(u, PTO_IOC_EMU_ATTACH, &emu));
	EXPECT_ROW(u, PROG_LOAD, ENOSPC, device_full,
		   uapi_load(u, (void *)ADDRESS(u->window), 2 * PAGE, &prog));
	EXPECT_EQ(PTO_OBJECTS_MAX, uapi_info(u).objects);
	EXPECT_EQ(PTO_OBJECTS_MAX * PAGE, uapi_info(u).mem_used);
	/* A handle that is given back is used again. */
	ASSERT_EQ(0, uapi_destroy(u, 4711));
	ASSERT_EQ(0, uapi_alloc(u, PAGE, &mem));
	EXPECT_EQ(4711, mem.handle);
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	close(fd);
	return ok;
}

/* A group of its own with 24 MiB, which the calls are to use up. */
static bool enter_cgroup(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	put("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir("/sys/fs/cgroup/pto", 0700);
	return put("/sys/fs/cgroup/pto/memory.max", "25165824") &&
	       put("/sys/fs/cgroup/pto/cgroup.procs", pid);
}

/* What one takes from the host is counted as his cgroup's, and its limit is an error only. */
TEST_F(mem, cgroup)
{
	struct pto_emu_attach emu = { sizeof(emu), .depth = 1024 };
	struct pto_stream_create stream;
	struct pto_prog_load prog;
	struct pto_mem_alloc mem;
	struct uapi *u = &self->u;
	unsigned int n = 0;
	char *image;
	int err;

	if (!enter_cgroup())
		SKIP(return, "no memory controller");
	EXPECT_ROW(u, MEM_ALLOC, ENOMEM, no_memory, uapi_alloc(u, 32 << 20, &mem));
	image = mmap(NULL, 32 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT_ROW(u, PROG_LOAD, ENOMEM, no_memory, uapi_load(u, image, 32 << 20, &prog));
	EXPECT_EQ(0, uapi_info(u).mem_used);
	EXPECT_EQ(0, uapi_info(u).objects);
	do {
		err = uapi_stream(u, PTO_ENGINE_COPY, 0, PTO_STREAM_DEPTH_MAX, &stream);
	} while (!err && ++n < PTO_STREAMS_MAX);
	EXPECT_ROW(u, STREAM_CREATE, ENOMEM, no_memory, err);
	EXPECT_EQ(n, uapi_info(u).streams);
	EXPECT_ROW(u, EMU_ATTACH, ENOMEM, no_memory, uapi_call(u, PTO_IOC_EMU_ATTACH, &emu));
	EXPECT_EQ(0, uapi_shutdown(u));
}

TEST_HARNESS_MAIN
