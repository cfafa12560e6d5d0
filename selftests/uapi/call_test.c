// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * What holds for all calls: numbers, sizes, flags, reserved members, who may call and when.
 * Each call is tried with arguments that get past these checks, and what it then answers is
 * known; so an answer shows which check it came from.
 */
#include <stddef.h>

#include "uapi_test.h"

#define ROOM	(PAGE + 64)

static char image[64];

/**
 * struct call - a call
 * @reserved:	offset of the reserved member; 0: none
 * @flags:	bits that it knows
 * @answer:	to the arguments of prepare(), in a context with nothing in it
 * @outputs:	it writes some when @answer is 0
 */
static const struct call {
	const char *name;
	unsigned int cmd;
	__u32 size;
	__u32 reserved;
	__u32 flags;
	int answer;
	bool outputs;
} calls[] = {
#define CALL(nr, type, ...)	{ #nr, PTO_IOC_##nr, sizeof(struct type), __VA_ARGS__ }
#define RESERVED(type)		.reserved = offsetof(struct type, reserved)
	CALL(QUERY, pto_query, RESERVED(pto_query), .outputs = true),
	CALL(CTX_SET, pto_ctx_set,
	     .flags = PTO_CTX_LABEL | PTO_CTX_APERTURE | PTO_CTX_TIMEOUT | PTO_CTX_ON_FAULT),
	CALL(CTX_CLOSE, pto_ctx_close),
	CALL(MEM_ALLOC, pto_mem_alloc, RESERVED(pto_mem_alloc), .outputs = true),
	CALL(MEM_COPY, pto_mem_copy, RESERVED(pto_mem_copy), .answer = -ERANGE),
	CALL(PROG_LOAD, pto_prog_load, .outputs = true),
	CALL(STREAM_CREATE, pto_stream_create, .outputs = true),
	CALL(STREAM_SUBMIT, pto_stream_submit, RESERVED(pto_stream_submit), PTO_SUBMIT_WAIT,
	     .answer = -ENOENT),
	CALL(STREAM_WAIT, pto_stream_wait, RESERVED(pto_stream_wait), .answer = -ENOENT),
	CALL(STREAM_CTL, pto_stream_ctl, .answer = -ENOENT),
	CALL(EVENT_FD, pto_event_fd, .answer = -ENOENT),
	CALL(FAULT_QUERY, pto_fault_query, .answer = -ENODATA),
	CALL(RESET, pto_reset),
	CALL(OBJ_DESTROY, pto_obj_destroy, RESERVED(pto_obj_destroy), .answer = -ENOENT),
	CALL(EMU_ATTACH, pto_emu_attach, RESERVED(pto_emu_attach), .outputs = true),
	CALL(EMU_STEP, pto_emu_step, RESERVED(pto_emu_step), PTO_EMU_REAP | PTO_EMU_WAIT,
	     .answer = -ENOENT),
};

#define N_CALLS		((int)(sizeof(calls) / sizeof(calls[0])))
#define for_each_call(c)	for (c = calls; c < calls + N_CALLS; c++)

/* Fill in @args, of ROOM bytes. */
static void prepare(const struct call *c, void *args)
{
	memset(args, 0, ROOM);
	*(__u32 *)args = c->size;
	switch (c->cmd) {
	case PTO_IOC_CTX_SET:
		((struct pto_ctx_set *)args)->flags = PTO_CTX_LABEL;
		break;
	case PTO_IOC_MEM_ALLOC:
		((struct pto_mem_alloc *)args)->bytes = PAGE;
		break;
	case PTO_IOC_PROG_LOAD:
		((struct pto_prog_load *)args)->image = ADDRESS(image);
		((struct pto_prog_load *)args)->image_size = sizeof(image);
		break;
	case PTO_IOC_STREAM_CREATE:
		((struct pto_stream_create *)args)->depth = 2;
		break;
	case PTO_IOC_STREAM_SUBMIT:
		((struct pto_stream_submit *)args)->count = 1;
		break;
	case PTO_IOC_EVENT_FD:
		((struct pto_event_fd *)args)->fd = -1;
		break;
	case PTO_IOC_EMU_ATTACH:
		((struct pto_emu_attach *)args)->depth = 2;
		break;
	case PTO_IOC_EMU_STEP:
		((struct pto_emu_step *)args)->flags = PTO_EMU_REAP;
		break;
	}
}

/* In a context of its own: some calls change what the next one answers. */
static int call_of_size(enum uapi_path path, const struct call *c, void *args, __u32 size)
{
	struct uapi u;
	int err = uapi_start(&u, path, 0);

	if (err)
		return err;
	*(__u32 *)args = size;
	err = uapi_raw(&u, c->cmd, args, size);
	uapi_close(&u);
	return err;
}

/* COMMON rows are told for each call, as COMMON:MEM_ALLOC. */
static const char *common(const struct call *c)
{
	static char name[40];

	snprintf(name, sizeof(name), "COMMON:%s", c->name);
	return name;
}

/* A row of the list that holds for all calls. */
#define EXPECT_COMMON(c, error, row, expr) \
	EXPECT_ROW_TEXT(&self->u, common(c), error, #error, #row, expr)

UAPI_FIXTURE(calls);

TEST_F(calls, numbers)
{
	char args[ROOM] = { 8 };
	unsigned int nr;

	for (nr = N_CALLS; nr < 256; nr += 17)
		EXPECT_ROW(&self->u, COMMON, ENOTTY, unknown_nr,
			   uapi_raw(&self->u, _IO(PTO_IOC_TYPE, nr), args, 8));
	EXPECT_ERRNO(ENOTTY, uapi_raw(&self->u, _IO(PTO_IOC_TYPE, 255), args, 8));
	EXPECT_ERRNO(ENOTTY, uapi_raw(&self->u, _IO(PTO_IOC_TYPE + 1, PTO_CALL_RESET), args, 8));
	EXPECT_ERRNO(ENOTTY, uapi_raw(&self->u, _IOW(PTO_IOC_TYPE, PTO_CALL_RESET, __u64),
				      args, 8));
	EXPECT_ERRNO(ENOTTY, uapi_raw(&self->u, PTO_CALL_RESET, args, 8));
}

TEST_F(calls, all_are_known)
{
	struct pto_info_driver info;

	ASSERT_EQ(0, uapi_query(&self->u, PTO_QUERY_DRIVER, 0, &info, sizeof(info)));
	EXPECT_EQ(N_CALLS, info.calls);
}

TEST_F_TIMEOUT(calls, sizes, 60)
{
	char args[ROOM] __attribute__((aligned(8)));
	const struct call *c;

	for_each_call(c) {
		prepare(c, args);
		EXPECT_COMMON(c, EINVAL, size_small,
			      call_of_size(variant->path, c, args, c->size - 1));
		EXPECT_ERRNO(EINVAL, call_of_size(variant->path, c, args, 0));
		EXPECT_ERRNO(EINVAL, call_of_size(variant->path, c, args, 4));
		EXPECT_EQ(c->answer, call_of_size(variant->path, c, args, c->size))
			TH_LOG("%s", c->name);
		/* An output may lie where the next call reads an input. */
		prepare(c, args);
		EXPECT_EQ(c->answer, call_of_size(variant->path, c, args, c->size + 8))
			TH_LOG("%s", c->name);
		prepare(c, args);
		EXPECT_EQ(c->answer, call_of_size(variant->path, c, args, PAGE))
			TH_LOG("%s", c->name);
		prepare(c, args);
		args[c->size + 7] = 1;
		EXPECT_COMMON(c, E2BIG, tail_nonzero,
			      call_of_size(variant->path, c, args, c->size + 8));
		args[c->size + 7] = 0;
		args[c->size] = 1;
		EXPECT_ERRNO(E2BIG, call_of_size(variant->path, c, args, c->size + 1));
		args[c->size] = 0;
		EXPECT_ERRNO(E2BIG, call_of_size(variant->path, c, args, PAGE + 8));
		EXPECT_ERRNO(E2BIG, call_of_size(variant->path, c, args, ~0U));
	}
}

/* What lies behind the structure is neither read nor written. */
TEST_F_TIMEOUT(calls, borders, 60)
{
	char *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	char args[ROOM] __attribute__((aligned(8)));
	const struct call *c;

	ASSERT_NE(MAP_FAILED, pages);
	ASSERT_EQ(0, mprotect(pages + PAGE, PAGE, PROT_NONE));
	for_each_call(c) {
		char *end = pages + PAGE - c->size;

		prepare(c, args);
		memcpy(end, args, c->size);
		EXPECT_EQ(c->answer, call_of_size(variant->path, c, end, c->size))
			TH_LOG("%s", c->name);
		prepare(c, args);
		memcpy(end, args, c->size);
		EXPECT_ERRNO(EFAULT, call_of_size(variant->path, c, end, c->size + 8));
	}
}

TEST_F(calls, bad_address)
{
	char args[ROOM] __attribute__((aligned(8)));
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct call *c;
	struct pto_info_ctx info;

	for_each_call(c) {
		EXPECT_COMMON(c, EFAULT, bad_arg, uapi_raw(&self->u, c->cmd, NULL, c->size));
		EXPECT_ERRNO(EFAULT, uapi_raw(&self->u, c->cmd, (void *)~0xfffUL, c->size));
	}
	for_each_call(c) {
		if (c->cmd == PTO_IOC_CTX_CLOSE)
			continue;
		prepare(c, args);
		ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ | PROT_WRITE));
		memcpy(page, args, c->size);
		ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
		EXPECT_EQ(c->outputs ? -EFAULT : c->answer,
			  uapi_raw(&self->u, c->cmd, page, c->size))
			TH_LOG("%s", c->name);
	}
	/* What the caller was not told of does not exist. */
	info = uapi_info(&self->u);
	EXPECT_EQ(0, info.objects);
	EXPECT_EQ(0, info.streams);
	EXPECT_EQ(0, info.mem_used);
}

TEST_F_TIMEOUT(calls, flags, 60)
{
	char args[ROOM] __attribute__((aligned(8)));
	const struct call *c;
	unsigned int bit;

	for_each_call(c)
		for (bit = 0; bit < 32; bit++) {
			if (c->flags & 1U << bit)
				continue;
			prepare(c, args);
			((__u32 *)args)[1] |= 1U << bit;
			EXPECT_ERRNO(EOPNOTSUPP, uapi_call(&self->u, c->cmd, args))
				TH_LOG("%s bit %u", c->name, bit);
			if (bit == 31)
				EXPECT_COMMON(c, EOPNOTSUPP, unknown_flag,
					      uapi_call(&self->u, c->cmd, args));
		}
}

TEST_F(calls, reserved)
{
	char args[ROOM] __attribute__((aligned(8)));
	const struct call *c;
	unsigned int byte;

	for_each_call(c)
		for (byte = 0; c->reserved && byte < 4; byte++) {
			prepare(c, args);
			args[c->reserved + byte] = 1;
			EXPECT_COMMON(c, EOPNOTSUPP, reserved_nonzero,
				      uapi_call(&self->u, c->cmd, args));
		}
}

TEST_F(calls, before_binding)
{
	char args[ROOM] __attribute__((aligned(8)));
	const struct call *c;
	struct uapi u;

	ASSERT_EQ(0, uapi_open(&u, variant->path, 0));
	for_each_call(c) {
		prepare(c, args);
		if (c->cmd != PTO_IOC_QUERY) {
			EXPECT_COMMON(c, EBADFD, unbound, uapi_call(&u, c->cmd, args));
			continue;
		}
		EXPECT_EQ(0, uapi_call(&u, c->cmd, args));
	}
	uapi_close(&u);
}

TEST_F(calls, after_death)
{
	char args[ROOM] __attribute__((aligned(8)));
	const struct call *c;

	ASSERT_EQ(0, uapi_shutdown(&self->u));
	for_each_call(c) {
		prepare(c, args);
		if (c->cmd == PTO_IOC_QUERY)
			((struct pto_query *)args)->item = PTO_QUERY_CTX;
		EXPECT_COMMON(c, ENODEV, dead, uapi_call(&self->u, c->cmd, args));
	}
	/* The driver is still there. */
	prepare(calls, args);
	EXPECT_EQ(0, uapi_call(&self->u, PTO_IOC_QUERY, args));
}

TEST_F(calls, from_another_process)
{
	char args[ROOM] __attribute__((aligned(8)));
	const struct call *c;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		int wrong = uapi_ring_again(&self->u) != 0;

		for_each_call(c) {
			prepare(c, args);
			if (c->cmd == PTO_IOC_QUERY)
				((struct pto_query *)args)->item = PTO_QUERY_CTX;
			if (uapi_call(&self->u, c->cmd, args) != -EPERM)
				wrong++;
			else
				uapi_row(&self->u, common(c), "EPERM", "other_mm");
		}
		/* What is not the context's own, anybody may ask. */
		prepare(calls, args);
		wrong += uapi_call(&self->u, PTO_IOC_QUERY, args) != 0;
		_exit(wrong);
	}
	EXPECT_EQ(0, uapi_reap(pid));
	EXPECT_EQ(0, uapi_reset(&self->u));
}

/* Where several errors apply, the one that stands first in the table. */
TEST_F(calls, precedence)
{
	char args[ROOM] __attribute__((aligned(8)));
	const struct call *alloc = &calls[PTO_CALL_MEM_ALLOC];
	struct pto_mem_alloc *mem = (void *)args;
	struct uapi u;

	prepare(alloc, args);
	mem->flags = 1;
	mem->reserved = 1;
	mem->bytes = 0;
	args[alloc->size] = 1;
	ASSERT_EQ(0, uapi_open(&u, variant->path, 0));
	EXPECT_ERRNO(ENOTTY, uapi_raw(&u, _IO(PTO_IOC_TYPE, 99), NULL, 8));
	EXPECT_ERRNO(EINVAL, uapi_raw(&u, alloc->cmd, memset(args, 0, 4), alloc->size));
	mem->size = alloc->size + 8;
	EXPECT_ERRNO(E2BIG, uapi_call(&u, alloc->cmd, args));
	mem->size = alloc->size;
	EXPECT_ERRNO(EOPNOTSUPP, uapi_call(&u, alloc->cmd, args));
	mem->flags = 0;
	EXPECT_ERRNO(EOPNOTSUPP, uapi_call(&u, alloc->cmd, args));
	mem->reserved = 0;
	EXPECT_ERRNO(EBADFD, uapi_call(&u, alloc->cmd, args));
	ASSERT_EQ(0, uapi_bind(&u));
	EXPECT_ERRNO(ENXIO, uapi_call(&u, alloc->cmd, args));
	ASSERT_EQ(0, uapi_window(&u));
	EXPECT_ERRNO(EINVAL, uapi_call(&u, alloc->cmd, args));
	ASSERT_EQ(0, uapi_shutdown(&u));
	EXPECT_ERRNO(ENODEV, uapi_call(&u, alloc->cmd, args));
	uapi_close(&u);
}

/* read(), write() and seeking have no meaning. */
TEST_F(calls, other_operations)
{
	char byte = 0;

	EXPECT_EQ(-1, read(self->u.fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->u.fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
