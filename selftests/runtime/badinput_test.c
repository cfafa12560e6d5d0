// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Bad input, a row each: the call returns the negative errno of the row with a
 * text that names the cause, holds on to nothing, and the next good run works.
 *
 * Each row is run twice, since the first time may fill caches, and what the
 * process holds is compared after the second time with after the first.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include <pto/orch.h>

#include "runtime_test.h"

static const struct api api = {
	get_runtime_size, enable_runtime_profiling, set_device, device_malloc, device_free,
	copy_to_device, copy_from_device, init_runtime, launch_runtime, finalize_runtime,
	record_tensor_pair, get_incore_compiler, get_orchestration_compiler, pto_last_error,
	pto_runtime_launch_async, pto_runtime_wait, pto_runtime_cancel,
};

static int64_t host[8];

/** struct holdings - what of ours a row may not keep */
struct holdings {
	struct usage usage;
	struct pto_mem_stat mem;
};

static struct holdings holdings(void)
{
	struct holdings h = { .usage = usage_now(), .mem.size = sizeof(h.mem) };
	struct pto_device *dev;

	if (!pto_device_open(NULL, &dev)) {
		pto_mem_stat(dev, &h.mem);
		pto_device_close(dev);
	}
	return h;
}

#define EXPECT_SAME_HOLDINGS(a, b) do { \
	EXPECT_EQ((a).usage.fds, (b).usage.fds); \
	EXPECT_EQ((a).usage.threads, (b).usage.threads); \
	EXPECT_EQ((a).mem.count, (b).mem.count); \
	EXPECT_EQ((a).mem.used, (b).mem.used); \
} while (0)

#define EXPECT_TEXT(part) do { \
	EXPECT_NE(NULL, strstr(pto_last_error(), part)) \
		TH_LOG("text is: %s", pto_last_error()); \
} while (0)

/* Run a row's @once twice, with good runs around. */
#define RUN_ROW(once) do { \
	struct holdings _first, _second; \
	once; \
	EXPECT_EQ(0, good_run(&api, 3, 2)); \
	_first = holdings(); \
	once; \
	EXPECT_EQ(0, good_run(&api, 3, 2)); \
	_second = holdings(); \
	EXPECT_SAME_HOLDINGS(_first, _second); \
} while (0)

/* ---- images that are no images --------------------------------------- */

static struct file copy_of(struct file f)
{
	struct file copy = { malloc(f.size), f.size };

	memcpy(copy.bytes, f.bytes, f.size);
	return copy;
}

static struct file garbage(struct file f)
{
	f = copy_of(f);
	for (size_t i = 0; i < f.size; i++)
		f.bytes[i] = i * 2654435761u >> 24;
	return f;
}

static struct file truncated(struct file f)
{
	f = copy_of(f);
	f.size /= 3;
	return f;
}

static struct file only_a_header(struct file f)
{
	f = copy_of(f);
	f.size = sizeof(Elf64_Ehdr);
	return f;
}

static struct file for_32_bits(struct file f)
{
	f = copy_of(f);
	f.bytes[EI_CLASS] = ELFCLASS32;
	return f;
}

static struct file for_another_machine(struct file f)
{
	Elf64_Ehdr *eh;

	f = copy_of(f);
	eh = (Elf64_Ehdr *)f.bytes;
	eh->e_machine = eh->e_machine == EM_AARCH64 ? EM_X86_64 : EM_AARCH64;
	return f;
}

static Elf64_Shdr *section(struct file f, uint32_t type)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)f.bytes;
	Elf64_Shdr *sh = (Elf64_Shdr *)(f.bytes + eh->e_shoff);

	for (int i = 0; i < eh->e_shnum; i++)
		if (sh[i].sh_type == type)
			return sh + i;
	abort();
}

static struct file bad_relocation(struct file f)
{
	Elf64_Rela *rela;

	f = copy_of(f);
	rela = (Elf64_Rela *)(f.bytes + section(f, SHT_RELA)->sh_offset);
	rela->r_offset = 0x7fffffff0000;
	return f;
}

static struct file relocated_text(struct file f)
{
	Elf64_Ehdr *eh;
	Elf64_Rela *rela;

	f = copy_of(f);
	eh = (Elf64_Ehdr *)f.bytes;
	rela = (Elf64_Rela *)(f.bytes + section(f, SHT_RELA)->sh_offset);
	rela->r_offset = eh->e_phoff;
	return f;
}

/* ---- init_runtime() -------------------------------------------------- */

FIXTURE(init) {
	void *rt;
	uint64_t args[3];
};

FIXTURE_VARIANT(init) {
	const char *func;
	void (*spoil)(struct init_call *c);
	int err;
	const char *text;
};

FIXTURE_SETUP(init)
{
	ASSERT_EQ(0, set_device(0));
	self->rt = calloc(1, get_runtime_size());
	self->args[0] = (uint64_t)host;
	self->args[1] = (uint64_t)host;
	self->args[2] = 8;
}

FIXTURE_TEARDOWN(init)
{
	free(self->rt);
}

#define BAD_INIT(name, error, part, ...) \
	static void spoil_##name(struct init_call *c) { __VA_ARGS__; } \
	FIXTURE_VARIANT_ADD(init, name) { \
		.func = "axpy", .spoil = spoil_##name, .err = error, .text = part, \
	}

BAD_INIT(handle_null, -EINVAL, "handle is NULL", c->rt = NULL);
BAD_INIT(handle_misaligned, -EINVAL, "not aligned", c->rt = (char *)c->rt + 4);
BAD_INIT(orch_null, -EINVAL, "no orchestration", c->orch.bytes = NULL);
BAD_INIT(orch_empty, -EINVAL, "no orchestration", c->orch.size = 0);
BAD_INIT(func_null, -EINVAL, "no name", c->func = NULL);
BAD_INIT(func_empty, -EINVAL, "no name", c->func = "");
BAD_INIT(func_missing, -ENOENT, "nosuch", c->func = "nosuch");
BAD_INIT(args_null, -EINVAL, "func_args is NULL", c->args = NULL);
BAD_INIT(args_negative, -EINVAL, "func_args_count is -1", c->nargs = -1);
BAD_INIT(kernels_negative, -EINVAL, "kernel_count is -3", c->count = -3);
BAD_INIT(func_ids_null, -EINVAL, "kernel_func_ids is NULL", c->ids = NULL);
BAD_INIT(binaries_null, -EINVAL, "kernel_binaries is NULL", c->binaries = NULL);
BAD_INIT(sizes_null, -EINVAL, "kernel_sizes is NULL", c->sizes = NULL);
BAD_INIT(func_id_negative, -EINVAL, "func_id -1", c->ids[1] = -1);
BAD_INIT(func_id_too_large, -EINVAL, "func_id 65536", c->ids[1] = 65536);
BAD_INIT(func_id_twice, -EEXIST, "func_id 0", c->ids[1] = 0);
BAD_INIT(kernel_null, -EINVAL, "func_id 2", c->binaries[2] = NULL);
BAD_INIT(kernel_empty, -EINVAL, "func_id 2", c->sizes[2] = 0);
BAD_INIT(orch_on_device, -EINVAL, "arg_types is NULL", c->orch = image("orch_device");
	 c->func = "build");

#define BAD_ORCH(image_kind, error, part) \
	BAD_INIT(orch_##image_kind, error, part, c->orch = image_kind(c->orch))
#define BAD_KERNEL(image_kind, error, part) \
	BAD_INIT(kernel_##image_kind, error, part, \
		 struct file _f = image_kind(image("kernel_sum")); \
		 c->binaries[1] = _f.bytes; c->sizes[1] = _f.size)

BAD_ORCH(garbage, -ENOEXEC, "orchestration 'axpy'");
BAD_ORCH(truncated, -ENOEXEC, "orchestration 'axpy'");
BAD_ORCH(only_a_header, -ENOEXEC, "orchestration 'axpy'");
BAD_ORCH(for_32_bits, -ENOEXEC, "orchestration 'axpy'");
BAD_ORCH(for_another_machine, -ENOEXEC, "built for");
BAD_ORCH(bad_relocation, -ENOEXEC, "relocation");
BAD_ORCH(relocated_text, -ENOEXEC, "relocation");
BAD_KERNEL(garbage, -ENOEXEC, "kernel func_id 1");
BAD_KERNEL(truncated, -ENOEXEC, "kernel func_id 1");
BAD_KERNEL(only_a_header, -ENOEXEC, "kernel func_id 1");
BAD_KERNEL(for_32_bits, -ENOEXEC, "kernel func_id 1");
BAD_KERNEL(for_another_machine, -ENOEXEC, "built for");
BAD_KERNEL(bad_relocation, -ENOEXEC, "relocation");
BAD_KERNEL(relocated_text, -ENOEXEC, "relocation");
BAD_INIT(kernel_without_entry, -ENOENT, "kernel_entry", struct file _f = image("kernel_none");
	 c->binaries[1] = _f.bytes; c->sizes[1] = _f.size);

/* Orchestrations that fail, or call us with nonsense. */
#define BAD_BUILD(name, error, part) \
	FIXTURE_VARIANT_ADD(init, name) { .func = #name, .err = error, .text = part }

BAD_BUILD(returns_errno, -EDOM, "returned -33");
BAD_BUILD(returns_minus_one, -EIO, "returned -1");
BAD_BUILD(returns_positive, -EIO, "returned 3");
BAD_BUILD(bad_host_pointer, -EIO, "SIGSEGV");
BAD_BUILD(self_edge, -EINVAL, "1");
BAD_BUILD(edge_to_nowhere, -EINVAL, "2");
BAD_BUILD(edge_from_nowhere, -EINVAL, "-1");
BAD_BUILD(unknown_func_id, -ENOENT, "77");
BAD_BUILD(bad_core, -EINVAL, "core");
BAD_BUILD(too_many_args, -EINVAL, "145");
BAD_BUILD(negative_args, -EINVAL, "-1");
BAD_BUILD(null_args, -EINVAL, "NULL");
BAD_BUILD(out_of_memory, -ENOMEM, "1152921504606846976");
BAD_BUILD(out_of_memory_unseen, -EIO, "before that: device memory");
BAD_BUILD(double_free, -EINVAL, "freed before");
BAD_BUILD(free_inside, -EINVAL, "not the start");
BAD_BUILD(copy_beyond, -EINVAL, "beyond");
BAD_BUILD(record_host_memory, -EINVAL, "record");
BAD_BUILD(record_null, -EINVAL, "record");
BAD_BUILD(record_beyond, -EINVAL, "beyond");

#define CRASHING(name, how, error, part) \
	static uint64_t args_##name[] = { how }; \
	BAD_INIT(name, error, part, c->func = "crashes"; c->args = args_##name; c->nargs = 1)

CRASHING(orch_divides_by_zero, CRASH_DIVIDE, -EIO, "SIGFPE");
CRASHING(orch_writes_to_null, CRASH_NULL, -EIO, "address 0");
CRASHING(orch_overflows_its_stack, CRASH_STACK, -EIO, "SIGSEGV");
CRASHING(orch_aborts, CRASH_ABORT, -EIO, "SIGABRT");
#ifndef __SANITIZE_THREAD__	/* it defers the signal that leaves an orchestration */
static uint64_t args_never_returns[] = { CRASH_HANG };
BAD_INIT(orch_never_returns, -ETIMEDOUT, "did not return within 100 ms",
	 setenv("PTO_ORCH_TIMEOUT_MS", "100", 1); c->func = "crashes";
	 c->args = args_never_returns; c->nargs = 1);
BAD_INIT(orch_calls_for_ever, -ETIMEDOUT, "did not return within 100 ms",
	 setenv("PTO_ORCH_TIMEOUT_MS", "100", 1); c->orch = image("orch_leaf");
	 c->func = "calls_for_ever");
#endif

TEST_F(init, fails)
{
	struct init_call c;

	good_init(&c, self->rt, variant->func, self->args, 3);
	if (variant->spoil)
		variant->spoil(&c);
	RUN_ROW(({
		EXPECT_EQ(variant->err, call_init(&api, &c));
		EXPECT_TEXT(variant->text);
		if (c.rt == self->rt)
			EXPECT_EQ(-EINVAL, finalize_runtime(self->rt));
	}));
}

/* ---- launch_runtime() ------------------------------------------------ */

FIXTURE(launch) {
	void *rt;
	uint64_t args[3];
};

FIXTURE_VARIANT(launch) {
	struct launch_call call;
	int err;
	const char *text;
};

FIXTURE_SETUP(launch)
{
	ASSERT_EQ(0, set_device(0));
	self->rt = calloc(1, get_runtime_size());
	self->args[0] = (uint64_t)host;
	self->args[1] = (uint64_t)host;
	self->args[2] = 8;
}

FIXTURE_TEARDOWN(launch)
{
	free(self->rt);
}

static const uint8_t not_elf[64] = "#!/bin/sh";

/* Defaults and then what is bad: the last initialiser of a member counts. */
#define BAD_LAUNCH(name, error, part, ...) \
	FIXTURE_VARIANT_ADD(launch, name) { \
		.call = { LAUNCH_DEFAULTS, __VA_ARGS__ }, .err = error, .text = part, \
	}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
BAD_LAUNCH(block_dim_0, -EINVAL, "block_dim is 0", .blocks = 0);
BAD_LAUNCH(block_dim_25, -EINVAL, "block_dim is 25", .blocks = 25);
BAD_LAUNCH(block_dim_negative, -EINVAL, "block_dim is -1", .blocks = -1);
BAD_LAUNCH(threads_0, -EINVAL, "aicpu_thread_num is 0", .threads = 0, .orch_threads = 0);
BAD_LAUNCH(threads_99, -EINVAL, "aicpu_thread_num is 99", .threads = 99);
BAD_LAUNCH(threads_negative, -EINVAL, "aicpu_thread_num is -1", .threads = -1);
BAD_LAUNCH(device_16, -EINVAL, "device_id is 16", .device = 16);
BAD_LAUNCH(device_negative, -EINVAL, "device_id is -1", .device = -1);
BAD_LAUNCH(device_other, -EINVAL, "current device is 0", .device = 1);
BAD_LAUNCH(orch_threads_negative, -EINVAL, "orch_thread_num is -1", .orch_threads = -1);
BAD_LAUNCH(orch_threads_2_of_1, -EINVAL, "orch_thread_num is 2", .orch_threads = 2);
BAD_LAUNCH(aicpu_null, -EINVAL, "AICPU", .aicpu_size = 8);
BAD_LAUNCH(aicore_null, -EINVAL, "AICore", .aicore_size = 8);
BAD_LAUNCH(aicpu_garbage, -ENOEXEC, "AICPU", .aicpu = not_elf, .aicpu_size = sizeof(not_elf));
BAD_LAUNCH(aicore_garbage, -ENOEXEC, "AICore", .aicore = not_elf,
	   .aicore_size = sizeof(not_elf));
#pragma GCC diagnostic pop

TEST_F(launch, fails)
{
	struct launch_call call = variant->call;
	struct init_call init;

	call.rt = self->rt;
	good_init(&init, self->rt, "axpy", self->args, 3);
	RUN_ROW(({
		EXPECT_EQ(0, call_init(&api, &init));
		EXPECT_EQ(variant->err, call_launch(&api, &call));
		EXPECT_TEXT(variant->text);
		EXPECT_EQ(0, finalize_runtime(self->rt));
	}));
}

/* ---- kernels that crash ---------------------------------------------- */

FIXTURE(kernel) {
	void *rt;
};

FIXTURE_VARIANT(kernel) {
	enum kernel kernel;
	enum crash crash;
	int err;
	const char *text;
};

FIXTURE_SETUP(kernel)
{
	setenv("PTO_TASK_TIMEOUT_MS", "200", 1);
	ASSERT_EQ(0, set_device(0));
	self->rt = calloc(1, get_runtime_size());
}

FIXTURE_TEARDOWN(kernel)
{
	free(self->rt);
}

#define CRASHING_KERNEL(name, func_id, how, error, part) \
	FIXTURE_VARIANT_ADD(kernel, name) { \
		.kernel = func_id, .crash = how, .err = error, .text = part, \
	}

CRASHING_KERNEL(divides_by_zero, KERNEL_CRASH, CRASH_DIVIDE, -EIO, "SIGFPE");
CRASHING_KERNEL(writes_to_null, KERNEL_CRASH, CRASH_NULL, -EIO, "SIGSEGV");
CRASHING_KERNEL(aborts, KERNEL_CRASH, CRASH_ABORT, -EIO, "SIGABRT");
CRASHING_KERNEL(overflows_its_stack, KERNEL_CRASH, CRASH_STACK, -EIO, "SIGSEGV");
CRASHING_KERNEL(never_returns, KERNEL_CRASH, CRASH_HANG, -ETIMEDOUT, "did not return");
CRASHING_KERNEL(leaf_divides_by_zero, KERNEL_LEAF_CRASH, CRASH_DIVIDE, -EIO, "SIGFPE");
CRASHING_KERNEL(leaf_writes_to_null, KERNEL_LEAF_CRASH, CRASH_NULL, -EIO, "SIGSEGV");
CRASHING_KERNEL(leaf_traps, KERNEL_LEAF_CRASH, CRASH_ABORT, -EIO, "SIG");
CRASHING_KERNEL(leaf_overflows_its_stack, KERNEL_LEAF_CRASH, CRASH_STACK, -EIO, "SIGSEGV");
CRASHING_KERNEL(leaf_never_returns, KERNEL_LEAF_CRASH, CRASH_HANG, -ETIMEDOUT, "did not return");

TEST_F(kernel, fails)
{
	uint64_t args[] = { variant->kernel, variant->crash };
	char func_id[16];
	struct init_call init;

#ifdef __SANITIZE_THREAD__
	if (variant->crash == CRASH_HANG)
		SKIP(return, "ThreadSanitizer defers the signal that leaves a kernel");
#endif
	snprintf(func_id, sizeof(func_id), "func_id %d", variant->kernel);
	good_init(&init, self->rt, "one_task", args, 2);
	RUN_ROW(({
		EXPECT_EQ(0, call_init(&api, &init));
		EXPECT_EQ(variant->err, launch_default(&api, self->rt));
		EXPECT_TEXT(variant->text);
		EXPECT_TEXT(func_id);
		EXPECT_EQ(0, finalize_runtime(self->rt));
	}));
}

/* ---- calls in the wrong order ---------------------------------------- */

FIXTURE(order) {
	void *rt;
	uint64_t args[3];
	struct init_call good;
};

FIXTURE_SETUP(order)
{
	ASSERT_EQ(0, set_device(0));
	self->rt = calloc(1, get_runtime_size());
	self->args[0] = (uint64_t)host;
	self->args[1] = (uint64_t)host;
	self->args[2] = 8;
	good_init(&self->good, self->rt, "axpy", self->args, 3);
}

FIXTURE_TEARDOWN(order)
{
	free(self->rt);
}

TEST_F(order, launch_before_init)
{
	RUN_ROW(({
		EXPECT_EQ(-EINVAL, launch_default(&api, self->rt));
		EXPECT_TEXT("not initialised");
		EXPECT_EQ(-EINVAL, launch_default(&api, NULL));
		EXPECT_TEXT("NULL");
	}));
}

TEST_F(order, finalize_before_init)
{
	RUN_ROW(({
		EXPECT_EQ(-EINVAL, finalize_runtime(self->rt));
		EXPECT_TEXT("not initialised");
		EXPECT_EQ(-EINVAL, finalize_runtime(NULL));
		EXPECT_TEXT("NULL");
	}));
}

TEST_F(order, finalize_twice)
{
	RUN_ROW(({
		EXPECT_EQ(0, call_init(&api, &self->good));
		EXPECT_EQ(0, launch_default(&api, self->rt));
		EXPECT_EQ(0, finalize_runtime(self->rt));
		EXPECT_EQ(-EINVAL, finalize_runtime(self->rt));
		EXPECT_TEXT("finalized");
	}));
}

TEST_F(order, init_twice)
{
	RUN_ROW(({
		EXPECT_EQ(0, call_init(&api, &self->good));
		EXPECT_EQ(-EBUSY, call_init(&api, &self->good));
		EXPECT_TEXT("finalize");
		EXPECT_EQ(0, launch_default(&api, self->rt));
		EXPECT_EQ(0, finalize_runtime(self->rt));
	}));
}

TEST_F(order, freed_without_finalize)
{
	RUN_ROW(({
		EXPECT_EQ(0, call_init(&api, &self->good));
		memset(self->rt, 0, get_runtime_size());
		EXPECT_EQ(0, call_init(&api, &self->good));
		EXPECT_EQ(0, finalize_runtime(self->rt));
	}));
}

TEST_F(order, recorded_tensor_freed)
{
	struct init_call c;

	good_init(&c, self->rt, "record_then_free", self->args, 1);
	RUN_ROW(({
		EXPECT_EQ(0, call_init(&api, &c));
		EXPECT_EQ(0, launch_default(&api, self->rt));
		EXPECT_EQ(-EINVAL, finalize_runtime(self->rt));
		EXPECT_TEXT("freed before");
		EXPECT_EQ(-EINVAL, finalize_runtime(self->rt));
	}));
}

TEST_F(order, record)
{
	void *dev = device_malloc(64);

	record_tensor_pair(NULL, host, dev, 8);
	EXPECT_TEXT("NULL");
	record_tensor_pair(self->rt, host, dev, 8);
	EXPECT_TEXT("not initialised");
	ASSERT_EQ(0, call_init(&api, &self->good));
	record_tensor_pair(self->rt, host, NULL, 8);
	EXPECT_TEXT("without device memory");
	record_tensor_pair(self->rt, host, dev, 65);
	EXPECT_TEXT("beyond");
	record_tensor_pair(self->rt, host, host, 8);
	EXPECT_TEXT("not device memory");
	EXPECT_EQ(0, finalize_runtime(self->rt));
	device_free(dev);
	EXPECT_EQ(0, good_run(&api, 1, 1));
}

/* Called outside init_runtime(), as one that started a thread might. */
TEST_F(order, orchestration_after_its_time)
{
	struct pto_orch *o = self->rt;
	struct init_call c;

	good_init(&c, self->rt, "empty", NULL, 0);
	ASSERT_EQ(0, call_init(&api, &c));
	EXPECT_EQ(-EPERM, pto_orch_task(o, 0, PTO_ORCH_AIV, NULL, 0));
	EXPECT_TEXT("outside init_runtime");
	EXPECT_EQ(NULL, pto_orch_malloc(o, 8));
	EXPECT_EQ(-EPERM, pto_orch_task_count(o));
	EXPECT_EQ(0, launch_default(&api, self->rt));
	EXPECT_EQ(0, finalize_runtime(self->rt));
}

TEST_F(order, graph_with_cycle)
{
	struct init_call init;

	good_init(&init, self->rt, "cycle", NULL, 0);
	RUN_ROW(({
		EXPECT_EQ(0, call_init(&api, &init));
		EXPECT_EQ(-ELOOP, launch_default(&api, self->rt));
		EXPECT_TEXT("0 -> 1 -> 0");
		EXPECT_EQ(0, finalize_runtime(self->rt));
	}));
}

TEST(profiling_of_no_runtime)
{
	EXPECT_EQ(-EINVAL, enable_runtime_profiling(NULL, 1));
	EXPECT_TEXT("NULL");
}

/* ---- devices and memory ---------------------------------------------- */

TEST(device_numbers)
{
	EXPECT_EQ(-EINVAL, set_device(16));
	EXPECT_TEXT("device 16");
	EXPECT_EQ(-EINVAL, set_device(-1));
	EXPECT_TEXT("device -1");
	EXPECT_EQ(0, set_device(15));
	setenv("PTO_DEVICE", "pt0", 1);
	EXPECT_EQ(-EINVAL, set_device(1));
	EXPECT_TEXT("PTO_DEVICE: no device is called 'pt0'");
	unsetenv("PTO_DEVICE");
}

TEST(no_device)
{
	uint64_t args[] = { (uint64_t)host, (uint64_t)host, 8 };
	void *rt = calloc(1, get_runtime_size());
	struct init_call c;

	EXPECT_EQ(NULL, device_malloc(1));
	EXPECT_TEXT("set_device");
	EXPECT_EQ(-ENODEV, copy_to_device(host, host, 8));
	EXPECT_EQ(-ENODEV, copy_from_device(host, host, 8));
	device_free(host);
	EXPECT_TEXT("set_device");
	good_init(&c, rt, "axpy", args, 3);
	EXPECT_EQ(-ENODEV, call_init(&api, &c));
	EXPECT_TEXT("set_device");
	ASSERT_EQ(0, set_device(0));
	EXPECT_EQ(0, good_run(&api, 1, 1));
	free(rt);
}

FIXTURE(memory) {
	char *dev;
	struct holdings before;
};

FIXTURE_SETUP(memory)
{
	ASSERT_EQ(0, set_device(0));
	self->before = holdings();
	self->dev = device_malloc(64);
	ASSERT_NE(NULL, self->dev);
}

FIXTURE_TEARDOWN(memory)
{
	struct holdings after;

	device_free(self->dev);
	after = holdings();
	EXPECT_SAME_HOLDINGS(self->before, after);
}

TEST_F(memory, out_of_it)
{
	EXPECT_EQ(NULL, device_malloc((size_t)1 << 60));
	EXPECT_TEXT("1152921504606846976");
	EXPECT_EQ(NULL, device_malloc(SIZE_MAX));
	EXPECT_EQ(NULL, device_malloc(0));
	EXPECT_TEXT("0 bytes");
}

TEST_F(memory, double_free)
{
	char *dev = device_malloc(64);

	device_free(dev);
	device_free(dev);
	EXPECT_TEXT("freed before");
}

TEST_F(memory, free_inside)
{
	device_free(self->dev + 8);
	EXPECT_TEXT("not the start");
	EXPECT_EQ(0, copy_from_device(host, self->dev, 8));
}

TEST_F(memory, free_of_host_memory)
{
	device_free(host);
	EXPECT_TEXT("not device memory");
}

TEST_F(memory, copies)
{
	char buffer[128] = "";

	EXPECT_EQ(-EINVAL, copy_to_device(self->dev, buffer, 65));
	EXPECT_TEXT("beyond");
	EXPECT_EQ(-EINVAL, copy_from_device(buffer, self->dev + 60, 5));
	EXPECT_TEXT("beyond");
	EXPECT_EQ(-EINVAL, copy_to_device(self->dev, NULL, 8));
	EXPECT_TEXT("NULL");
	EXPECT_EQ(-EINVAL, copy_to_device(NULL, buffer, 8));
	EXPECT_EQ(-EINVAL, copy_from_device(NULL, self->dev, 8));
	EXPECT_EQ(-EINVAL, copy_from_device(buffer, host, 8));
	EXPECT_EQ(-EINVAL, copy_from_device(buffer, self->dev, SIZE_MAX));
	EXPECT_EQ(0, copy_to_device(self->dev, buffer, 0));
	EXPECT_EQ(0, copy_to_device(self->dev, buffer, 64));
}

/* ---- processes ------------------------------------------------------- */

#define EXPECT_CHILD_OK(pid) do { \
	int _status; \
	ASSERT_LT(0, pid); \
	ASSERT_EQ(pid, waitpid(pid, &_status, 0)); \
	EXPECT_EQ(0, _status) TH_LOG("child: status 0x%x", _status); \
} while (0)

/* What the parent has opened is refused; a device of its own works. */
static int use_in_child(struct init_call *good, void *rt, void *dev)
{
	void *own = calloc(1, get_runtime_size());
	struct init_call c;

	good_init(&c, own, "empty", NULL, 0);
	if (call_init(&api, &c) != -EPERM || device_malloc(1))
		return 1;
	if (!strstr(pto_last_error(), "fork"))
		return 2;
	if (launch_default(&api, rt) != -EPERM || finalize_runtime(rt) != -EPERM)
		return 3;
	if (copy_from_device(host, dev, 8) != -EPERM)
		return 4;
	if (set_device(0) || good_run(&api, 3, 2))
		return 5;
	if (finalize_runtime(rt) != -EPERM)
		return 6;
	if (call_init(&api, good) != -EPERM)
		return 9;
	memset(rt, 0, get_runtime_size());
	if (call_init(&api, good) || finalize_runtime(rt))
		return 7;
	if (set_device(3) || !device_malloc(8))
		return 8;
	free(own);
	return 0;
}

TEST_F(order, used_after_fork)
{
	void *dev = device_malloc(64);
	pid_t pid;

#ifdef __SANITIZE_THREAD__
	device_free(dev);
	SKIP(return, "ThreadSanitizer allows no threads after fork()");
#endif
	ASSERT_EQ(0, good_run(&api, 24, 4));
	ASSERT_EQ(0, call_init(&api, &self->good));
	pid = fork();
	if (!pid)
		_exit(use_in_child(&self->good, self->rt, dev));
	EXPECT_CHILD_OK(pid);
	EXPECT_EQ(0, launch_default(&api, self->rt));
	EXPECT_EQ(0, finalize_runtime(self->rt));
	device_free(dev);
}

/* A process ends as it should, and soon, whatever it leaves behind. */
TEST(exit_without_finalize)
{
	pid_t pid = fork();

	if (!pid) {
		uint64_t args[] = { (uint64_t)host, (uint64_t)host, 8 };
		struct init_call c;

		alarm(20);
		if (set_device(0))
			_exit(1);
		good_init(&c, calloc(1, get_runtime_size()), "axpy", args, 3);
		if (call_init(&api, &c) || launch_default(&api, c.rt))
			_exit(2);
		free(c.rt);
		exit(0);
	}
	EXPECT_CHILD_OK(pid);
}

TEST(exit_while_launched)
{
#ifdef __SANITIZE_THREAD__
	SKIP(return, "ThreadSanitizer reports each thread that exit() finds");
#endif
	pid_t pid = fork();

	if (!pid) {
		int64_t zeros[2] = { 0 };
		uint64_t args[2];
		struct init_call c;

		alarm(20);
		if (set_device(0))
			_exit(1);
		args[0] = (uint64_t)device_malloc(sizeof(zeros));
		args[1] = 100;
		good_init(&c, calloc(1, get_runtime_size()), "spin", args, 2);
		if (copy_to_device((void *)args[0], zeros, sizeof(zeros)) ||
		    call_init(&api, &c) ||
		    pto_runtime_launch_async(c.rt, 2, 3, 0, NULL, 0, NULL, 0, 1))
			_exit(2);
		free(c.rt);
		exit(0);
	}
	EXPECT_CHILD_OK(pid);
}

TEST_HARNESS_MAIN
