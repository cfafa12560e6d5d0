// SPDX-License-Identifier: MIT OR LGPL-2.1
/* QUERY, CTX_SET and the life of a context as its own process sees it. */
#include "uapi_test.h"

UAPI_FIXTURE(ctx);

/* ---- QUERY ---- */

TEST_F(ctx, driver)
{
	struct pto_info_driver info;

	ASSERT_EQ(0, uapi_query(&self->u, PTO_QUERY_DRIVER, 0, &info, sizeof(info)));
	EXPECT_EQ(PTO_ABI, info.abi);
	EXPECT_TRUE(info.features & PTO_FEATURE_URING);
	EXPECT_NE(0, info.version);
	EXPECT_LE(1, info.devices);
	EXPECT_GE(PTO_MAX_DEVICES, info.devices);
}

TEST_F(ctx, device)
{
	struct pto_info_device before, after;
	struct pto_mem_alloc mem;

	ASSERT_EQ(0, uapi_query(&self->u, PTO_QUERY_DEVICE, 0, &before, sizeof(before)));
	EXPECT_EQ(0, before.index);
	EXPECT_EQ(PTO_DEVICE_MOCK, before.flags);
	EXPECT_LE(1, before.blocks);
	EXPECT_EQ(3 * before.blocks, before.cores);
	EXPECT_LE(1, before.contexts);
	EXPECT_LT(0, before.timeout_ms);
	ASSERT_EQ(0, uapi_alloc(&self->u, 3 * PAGE, &mem));
	ASSERT_EQ(0, uapi_query(&self->u, PTO_QUERY_DEVICE, 0, &after, sizeof(after)));
	EXPECT_EQ(before.mem_used + 3 * PAGE, after.mem_used);
	EXPECT_EQ(before.mem_total, after.mem_total);
}

TEST_F(ctx, clock)
{
	struct pto_info_clock a, b;
	struct timespec now;

	ASSERT_EQ(0, uapi_query(&self->u, PTO_QUERY_CLOCK, 0, &a, sizeof(a)));
	clock_gettime(CLOCK_MONOTONIC, &now);
	ASSERT_EQ(0, uapi_query(&self->u, PTO_QUERY_CLOCK, 0, &b, sizeof(b)));
	EXPECT_LE(a.host_ns, now.tv_sec * 1000000000ULL + now.tv_nsec);
	EXPECT_GE(b.host_ns, now.tv_sec * 1000000000ULL + now.tv_nsec);
	EXPECT_LE(a.device_ns, b.device_ns);
}

TEST_F(ctx, own)
{
	struct pto_info_ctx info = uapi_info(&self->u);
	struct pto_stream_create stream;
	struct pto_prog_load prog;
	struct pto_mem_alloc mem;

	EXPECT_EQ(PTO_CTX_LIVE, info.state);
	EXPECT_EQ(getpid(), info.pid);
	EXPECT_EQ(ADDRESS(self->u.window), info.aperture_base);
	EXPECT_EQ(WINDOW, info.aperture_size);
	EXPECT_EQ(0, info.objects);
	EXPECT_STREQ("", info.label);

	ASSERT_EQ(0, uapi_alloc(&self->u, 100, &mem));
	ASSERT_EQ(0, uapi_load(&self->u, "program", 8, &prog));
	ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_COPY, 0, 4, &stream));
	info = uapi_info(&self->u);
	EXPECT_EQ(3, info.objects);
	EXPECT_EQ(1, info.streams);
	EXPECT_EQ(2 * PAGE, info.mem_used);
	EXPECT_EQ(0, uapi_destroy(&self->u, mem.handle));
	EXPECT_EQ(0, uapi_destroy(&self->u, prog.handle));
	EXPECT_EQ(0, uapi_destroy(&self->u, stream.handle));
	info = uapi_info(&self->u);
	EXPECT_EQ(0, info.objects);
	EXPECT_EQ(0, info.streams);
	EXPECT_EQ(0, info.mem_used);
}

TEST_F(ctx, objects)
{
	struct pto_info_object info;
	struct pto_stream_create stream;
	struct pto_prog_load prog;
	struct pto_mem_alloc mem;
	struct pto_emu_attach emu = { sizeof(emu), .depth = 4 };

	ASSERT_EQ(0, uapi_alloc(&self->u, 100, &mem));
	ASSERT_EQ(0, uapi_load(&self->u, "program", 8, &prog));
	ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_AIV, 1, 4, &stream));
	ASSERT_EQ(0, uapi_call(&self->u, PTO_IOC_EMU_ATTACH, &emu));

	ASSERT_EQ(0, uapi_query(&self->u, PTO_QUERY_OBJECT, mem.handle, &info, sizeof(info)));
	EXPECT_EQ(PTO_OBJ_MEM, info.type);
	EXPECT_EQ(mem.handle, info.handle);
	EXPECT_EQ(mem.addr, info.mem.addr);
	EXPECT_EQ(PAGE, info.mem.bytes);
	EXPECT_EQ(mem.mmap_offset, info.mmap_offset);
	EXPECT_EQ(PAGE, info.mmap_size);

	ASSERT_EQ(0, uapi_query(&self->u, PTO_QUERY_OBJECT, prog.handle, &info, sizeof(info)));
	EXPECT_EQ(PTO_OBJ_PROG, info.type);
	EXPECT_EQ(8, info.prog.bytes);
	EXPECT_EQ(prog.serial, info.prog.serial);
	EXPECT_EQ(prog.addr, info.prog.addr);
	EXPECT_EQ(prog.mmap_offset, info.mmap_offset);

	ASSERT_EQ(0, uapi_query(&self->u, PTO_QUERY_OBJECT, stream.handle, &info, sizeof(info)));
	EXPECT_EQ(PTO_OBJ_STREAM, info.type);
	EXPECT_EQ(PTO_ENGINE_AIV, info.stream.engine);
	EXPECT_EQ(1, info.stream.index);
	EXPECT_EQ(4, info.stream.depth);
	EXPECT_EQ(PTO_STREAM_RUNNING, info.stream.state);
	EXPECT_EQ(0, info.stream.submitted);
	EXPECT_EQ(stream.mmap_offset, info.mmap_offset);
	EXPECT_EQ(stream.mmap_size, info.mmap_size);

	ASSERT_EQ(0, uapi_query(&self->u, PTO_QUERY_OBJECT, emu.handle, &info, sizeof(info)));
	EXPECT_EQ(PTO_OBJ_EMU, info.type);
	EXPECT_EQ(4, info.emu.depth);
	EXPECT_EQ(0, info.emu.in_flight);
	EXPECT_EQ(emu.sub_offset, info.mmap_offset);
}

TEST_F(ctx, query_errors)
{
	struct pto_info_ctx info;
	struct uapi *u = &self->u;
	struct uapi other;
	struct pto_mem_alloc mem;

	EXPECT_ROW(u, QUERY, EOPNOTSUPP, unknown_item, uapi_query(u, 5, 0, &info, sizeof(info)));
	EXPECT_ERRNO(EOPNOTSUPP, uapi_query(u, ~0U, 0, &info, sizeof(info)));
	EXPECT_ROW(u, QUERY, E2BIG, data_long,
		   uapi_query(u, PTO_QUERY_CTX, 0, u->window, PAGE + 1));
	EXPECT_ERRNO(E2BIG, uapi_query(u, PTO_QUERY_DRIVER, 0, u->window, ~0U));
	EXPECT_ROW(u, QUERY, EINVAL, handle_unused,
		   uapi_query(u, PTO_QUERY_CTX, 1, &info, sizeof(info)));
	EXPECT_ROW(u, QUERY, EFAULT, bad_data, uapi_query(u, PTO_QUERY_CTX, 0, NULL, 8));
	EXPECT_ERRNO(EFAULT, uapi_query(u, PTO_QUERY_CTX, 0, u->window, 8));
	EXPECT_ROW(u, QUERY, ENOENT, no_object,
		   uapi_query(u, PTO_QUERY_OBJECT, 1, &info, sizeof(info)));
	EXPECT_ERRNO(ENOENT, uapi_query(u, PTO_QUERY_OBJECT, 0, &info, sizeof(info)));
	EXPECT_ERRNO(ENOENT, uapi_query(u, PTO_QUERY_OBJECT, ~0U, &info, sizeof(info)));

	/* Handles are each context's own. */
	ASSERT_EQ(0, uapi_start(&other, variant->path, 0));
	ASSERT_EQ(0, uapi_alloc(&other, 1, &mem));
	EXPECT_ERRNO(ENOENT, uapi_query(u, PTO_QUERY_OBJECT, mem.handle, &info, sizeof(info)));
	EXPECT_ROW(u, OBJ_DESTROY, ENOENT, no_object, uapi_destroy(u, mem.handle));
	EXPECT_EQ(0, uapi_destroy(&other, mem.handle));
	EXPECT_ERRNO(ENOENT, uapi_destroy(&other, mem.handle));
	EXPECT_ERRNO(ENOENT, uapi_destroy(&other, 0));
	EXPECT_ERRNO(ENOENT, uapi_destroy(&other, ~0U));
	uapi_close(&other);
}

/* A short buffer gets the beginning, a long one a zeroed rest; the size is told. */
TEST_F(ctx, query_sizes)
{
	unsigned char data[sizeof(struct pto_info_ctx) + 64];
	struct pto_query args = {
		.size = sizeof(args),
		.item = PTO_QUERY_CTX,
		.data = ADDRESS(data),
	};
	unsigned int i;

	memset(data, 0xee, sizeof(data));
	args.data_size = 4;
	ASSERT_EQ(0, uapi_call(&self->u, PTO_IOC_QUERY, &args));
	EXPECT_EQ(sizeof(struct pto_info_ctx), args.data_size);
	EXPECT_EQ(uapi_info(&self->u).id, *(__u32 *)data);
	EXPECT_EQ(0xee, data[4]);

	args.data_size = sizeof(data) - 8;
	ASSERT_EQ(0, uapi_call(&self->u, PTO_IOC_QUERY, &args));
	EXPECT_EQ(sizeof(struct pto_info_ctx), args.data_size);
	for (i = sizeof(struct pto_info_ctx); i < sizeof(data) - 8; i++)
		EXPECT_EQ(0, data[i]);
	EXPECT_EQ(0xee, data[i]);

	args.data = 0;
	args.data_size = 0;
	EXPECT_EQ(0, uapi_call(&self->u, PTO_IOC_QUERY, &args));
	EXPECT_EQ(sizeof(struct pto_info_ctx), args.data_size);
}

/* ---- CTX_SET ---- */

TEST_F(ctx, set)
{
	struct pto_ctx_set set = {
		.size = sizeof(set),
		.flags = PTO_CTX_LABEL | PTO_CTX_TIMEOUT | PTO_CTX_ON_FAULT,
		.timeout_ms = 1234,
		.on_fault = PTO_ON_FAULT_CONTINUE,
		.label = "a label of thirty-one character",
	};
	struct pto_info_ctx info;

	ASSERT_EQ(0, uapi_call(&self->u, PTO_IOC_CTX_SET, &set));
	info = uapi_info(&self->u);
	EXPECT_STREQ(set.label, info.label);
	EXPECT_EQ(1234, info.timeout_ms);
	EXPECT_EQ(PTO_ON_FAULT_CONTINUE, info.on_fault);

	/* What has no flag does not count, however wrong. */
	set.flags = PTO_CTX_LABEL;
	set.aperture_base = 1;
	set.timeout_ms = 0;
	set.on_fault = 99;
	strcpy(set.label, "b");
	ASSERT_EQ(0, uapi_call(&self->u, PTO_IOC_CTX_SET, &set));
	info = uapi_info(&self->u);
	EXPECT_STREQ("b", info.label);
	EXPECT_EQ(1234, info.timeout_ms);
	EXPECT_EQ(PTO_ON_FAULT_CONTINUE, info.on_fault);

	/* All or none. */
	set.flags = PTO_CTX_LABEL | PTO_CTX_ON_FAULT;
	strcpy(set.label, "c");
	EXPECT_ERRNO(EOPNOTSUPP, uapi_call(&self->u, PTO_IOC_CTX_SET, &set));
	info = uapi_info(&self->u);
	EXPECT_STREQ("b", info.label);
}

TEST_F(ctx, set_errors)
{
	struct pto_ctx_set label = { sizeof(label), PTO_CTX_LABEL };
	struct uapi *u = &self->u;

	EXPECT_ROW(u, CTX_SET, EINVAL, no_flags, uapi_set(u, 0, 1, 0));
	EXPECT_ROW(u, CTX_SET, EINVAL, bad_timeout, uapi_set(u, PTO_CTX_TIMEOUT, 0, 0));
	EXPECT_ERRNO(EINVAL, uapi_set(u, PTO_CTX_TIMEOUT, PTO_TIMEOUT_MAX_MS + 1, 0));
	EXPECT_EQ(0, uapi_set(u, PTO_CTX_TIMEOUT, PTO_TIMEOUT_MAX_MS, 0));
	EXPECT_EQ(0, uapi_set(u, PTO_CTX_TIMEOUT, 1, 0));
	EXPECT_ROW(u, CTX_SET, EOPNOTSUPP, unknown_policy, uapi_set(u, PTO_CTX_ON_FAULT, 0, 2));
	memset(label.label, 'x', sizeof(label.label));
	EXPECT_ROW(u, CTX_SET, EINVAL, bad_label, uapi_call(u, PTO_IOC_CTX_SET, &label));
}

TEST_F(ctx, aperture)
{
	static const struct { __u64 base, size; } bad[] = {
		{ 0, PAGE }, { PAGE, 0 }, { 0, 0 }, { PAGE + 1, PAGE }, { PAGE, PAGE + 8 },
		{ PAGE, PTO_APERTURE_MAX + PAGE }, { ~0xfffULL, PAGE }, { PAGE, ~0xfffULL },
		{ 1ULL << 63, PAGE }, { (1ULL << 57) - PAGE, 2 * PAGE },
	};
	struct pto_ctx_set set = { sizeof(set), PTO_CTX_APERTURE };
	struct uapi u;
	unsigned int i;

	ASSERT_EQ(0, uapi_open(&u, variant->path, 0));
	ASSERT_EQ(0, uapi_bind(&u));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		set.aperture_base = bad[i].base;
		set.aperture_size = bad[i].size;
		EXPECT_ROW(&u, CTX_SET, EINVAL, bad_aperture,
			   uapi_call(&u, PTO_IOC_CTX_SET, &set));
	}
	set.aperture_base = PAGE;
	set.aperture_size = PTO_APERTURE_MAX;
	EXPECT_EQ(0, uapi_call(&u, PTO_IOC_CTX_SET, &set));
	EXPECT_ROW(&u, CTX_SET, EBUSY, aperture_set, uapi_call(&u, PTO_IOC_CTX_SET, &set));
	uapi_close(&u);
}

/* ---- the control page ---- */

TEST_F(ctx, control_page)
{
	struct uapi u;
	void *second;

	EXPECT_EQ(PTO_ABI, self->u.ctl->abi);
	EXPECT_EQ(PTO_CTX_LIVE, self->u.ctl->state);
	EXPECT_EQ(0, self->u.ctl->faults);

	/* The last unmap counts. */
	ASSERT_EQ(0, uapi_start(&u, variant->path, 0));
	second = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, u.fd, PTO_MMAP_CTL);
	ASSERT_NE(MAP_FAILED, second);
	ASSERT_EQ(0, munmap((void *)u.ctl, PAGE));
	EXPECT_EQ(0, uapi_reset(&u));
	ASSERT_EQ(0, munmap(second, PAGE));
	EXPECT_ERRNO(ENODEV, uapi_reset(&u));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, u.fd, PTO_MMAP_CTL));
	EXPECT_EQ(ENODEV, errno);
	u.ctl = NULL;
	uapi_close(&u);
}

/* Neither a copy for children nor another place can be had. */
TEST_F(ctx, control_page_stays)
{
	void *ctl = (void *)self->u.ctl;

	EXPECT_EQ(-1, madvise(ctl, PAGE, MADV_DOFORK));
	EXPECT_EQ(MAP_FAILED, mremap(ctl, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(ctl, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				     self->u.window));
	EXPECT_EQ(-1, mprotect(ctl, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(ctl, PAGE, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(PTO_CTX_LIVE, self->u.ctl->state);
	EXPECT_EQ(0, uapi_reset(&self->u));
}

TEST_F(ctx, close_call)
{
	struct pto_stream_create stream;
	struct pto_mem_alloc mem;
	struct pto_cmd hang = cmd_hang();
	struct pollfd poll_fd = { self->u.fd, POLLIN };
	struct pto_info_device device;
	struct uapi watcher;
	const volatile struct pto_stream_page *page;
	__u64 before;
	int *map;

	ASSERT_EQ(0, uapi_open(&watcher, BY_IOCTL, 0));
	ASSERT_EQ(0, uapi_query(&watcher, PTO_QUERY_DEVICE, 0, &device, sizeof(device)));
	before = device.mem_used;
	ASSERT_EQ(0, uapi_alloc(&self->u, PAGE, &mem));
	map = uapi_map(&self->u, &mem);
	ASSERT_NE(MAP_FAILED, map);
	*map = 42;
	ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_COPY, 0, 4, &stream));
	page = uapi_page(&self->u, &stream);
	ASSERT_NE(NULL, page);
	ASSERT_EQ(0, uapi_submit(&self->u, stream.handle, &hang, 1, NULL));
	EXPECT_EQ(0, poll(&poll_fd, 1, 0));

	ASSERT_EQ(0, uapi_shutdown(&self->u));
	EXPECT_EQ(PTO_CTX_DEAD, self->u.ctl->state);
	EXPECT_EQ(1, page->completed);
	EXPECT_EQ(-ECANCELED, page->ring[1].status);
	EXPECT_EQ(PTO_STREAM_DEAD, page->state);
	EXPECT_EQ(1, poll(&poll_fd, 1, 0));
	EXPECT_EQ(POLLHUP | POLLERR, poll_fd.revents & (POLLHUP | POLLERR));
	/* Device memory is given back, its mapping is a private zero page. */
	ASSERT_EQ(0, uapi_query(&watcher, PTO_QUERY_DEVICE, 0, &device, sizeof(device)));
	EXPECT_EQ(before, device.mem_used);
	EXPECT_EQ(0, *map);
	*map = 43;
	EXPECT_EQ(43, *map);
	EXPECT_ERRNO(ENODEV, uapi_shutdown(&self->u));
	uapi_close(&watcher);
}

/* Device memory is given back before CTX_CLOSE returns, although a copy was using it. */
TEST_F(ctx, close_while_copying)
{
	const __u64 bytes = 48 << 20;
	struct pto_info_device before, after;
	struct pto_stream_create stream;
	struct pto_mem_alloc mem[2];
	struct uapi watcher;
	struct pto_cmd copy;

	ASSERT_EQ(0, uapi_open(&watcher, BY_IOCTL, 0));
	ASSERT_EQ(0, uapi_query(&watcher, PTO_QUERY_DEVICE, 0, &before, sizeof(before)));
	ASSERT_EQ(0, uapi_alloc(&self->u, bytes, &mem[0]));
	ASSERT_EQ(0, uapi_alloc(&self->u, bytes, &mem[1]));
	ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_COPY, 0, 4, &stream));
	copy = cmd_copy(PTO_COPY_D2D, mem[0].addr, mem[1].addr, bytes);
	ASSERT_EQ(0, uapi_submit(&self->u, stream.handle, &copy, 1, NULL));
	ASSERT_EQ(0, uapi_shutdown(&self->u));
	ASSERT_EQ(0, uapi_query(&watcher, PTO_QUERY_DEVICE, 0, &after, sizeof(after)));
	EXPECT_EQ(before.mem_used, after.mem_used);
	uapi_close(&watcher);
}

/* ---- mmap ---- */

static int map_error(struct uapi *u, size_t size, int prot, int flags, off_t offset)
{
	void *p = mmap(NULL, size, prot, flags, u->fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, size);
	return 0;
}

TEST_F(ctx, mmap_errors)
{
	const int r = PROT_READ, rw = PROT_READ | PROT_WRITE, rx = PROT_READ | PROT_EXEC;
	struct pto_emu_attach emu = { sizeof(emu), .depth = 2 };
	struct pto_stream_create stream;
	struct uapi *u = &self->u, fresh;
	struct pto_prog_load prog;
	struct pto_mem_alloc mem;
	pid_t pid;

	if (variant->path == BY_URING)
		SKIP(return, "mmap() has one path");
	ASSERT_EQ(0, uapi_alloc(u, 2 * PAGE, &mem));
	ASSERT_EQ(0, uapi_load(u, "program", 8, &prog));
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_COPY, 0, 4, &stream));
	ASSERT_EQ(0, uapi_call(u, PTO_IOC_EMU_ATTACH, &emu));

	EXPECT_ROW(u, MMAP, EINVAL, bad_offset, map_error(u, PAGE, r, MAP_SHARED, PAGE));
	EXPECT_ERRNO(EINVAL, map_error(u, 2 * PAGE, r, MAP_SHARED, PTO_MMAP_CTL));
	EXPECT_ERRNO(EINVAL, map_error(u, 3 * PAGE, r, MAP_SHARED, mem.mmap_offset));
	EXPECT_ERRNO(EINVAL, map_error(u, 2 * PAGE, r, MAP_SHARED, mem.mmap_offset + PAGE));
	EXPECT_ERRNO(EINVAL, map_error(u, PAGE, r, MAP_SHARED, mem.mmap_offset + 2 * PAGE));
	EXPECT_ERRNO(EINVAL, map_error(u, stream.mmap_size + PAGE, r, MAP_SHARED,
				       stream.mmap_offset));
	EXPECT_ERRNO(EINVAL, map_error(u, PAGE, r, MAP_SHARED,
				       stream.mmap_offset + stream.mmap_size));
	EXPECT_EQ(0, map_error(u, PAGE, r, MAP_SHARED, mem.mmap_offset + PAGE));
	EXPECT_EQ(0, map_error(u, PAGE, r, MAP_SHARED, emu.core_offset));

	EXPECT_ROW(u, MMAP, EINVAL, private, map_error(u, PAGE, r, MAP_PRIVATE, PTO_MMAP_CTL));
	EXPECT_ERRNO(EINVAL, map_error(u, PAGE, r, MAP_PRIVATE, mem.mmap_offset));
	fresh = *u;
	fresh.fd = open("/dev/pto/pto0", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fresh.fd);
	EXPECT_ERRNO(EINVAL, map_error(&fresh, PAGE, r, MAP_SHARED, PTO_MMAP_CTL));
	close(fresh.fd);
	EXPECT_ROW(u, MMAP, EACCES, exec, map_error(u, PAGE, rx, MAP_SHARED, mem.mmap_offset));
	EXPECT_ERRNO(EACCES, map_error(u, PAGE, rx, MAP_SHARED, prog.mmap_offset));
	EXPECT_ROW(u, MMAP, EACCES, readonly, map_error(u, PAGE, rw, MAP_SHARED, PTO_MMAP_CTL));
	EXPECT_ERRNO(EACCES, map_error(u, PAGE, rw, MAP_SHARED, prog.mmap_offset));
	EXPECT_ERRNO(EACCES, map_error(u, PAGE, rw, MAP_SHARED, stream.mmap_offset));
	EXPECT_ERRNO(EACCES, map_error(u, PAGE, rw, MAP_SHARED, emu.sub_offset));
	EXPECT_EQ(0, map_error(u, PAGE, rw, MAP_SHARED, emu.core_offset));

	ASSERT_EQ(0, uapi_open(&fresh, variant->path, 0));
	EXPECT_ROW(u, MMAP, EBADFD, unbound, map_error(&fresh, PAGE, r, MAP_SHARED,
						       mem.mmap_offset));
	uapi_close(&fresh);

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int wrong = map_error(u, PAGE, r, MAP_SHARED, PTO_MMAP_CTL) != -EPERM;

		wrong += map_error(u, PAGE, r, MAP_SHARED, mem.mmap_offset) != -EPERM;
		wrong += map_error(u, PAGE, r, MAP_SHARED, stream.mmap_offset) != -EPERM;
		if (!wrong)
			uapi_row(u, "MMAP", "EPERM", "other_mm");
		_exit(wrong);
	}
	EXPECT_EQ(0, uapi_reap(pid));

	ASSERT_EQ(0, uapi_shutdown(u));
	EXPECT_ROW(u, MMAP, ENODEV, dead, map_error(u, PAGE, r, MAP_SHARED, PTO_MMAP_CTL));
	EXPECT_ERRNO(ENODEV, map_error(u, PAGE, r, MAP_SHARED, mem.mmap_offset));
}

TEST_HARNESS_MAIN
