// SPDX-License-Identifier: MIT OR LGPL-2.1
/* What is to be seen in files: sysfs, fdinfo, and tracepoints. */
#include <dirent.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <linux/pto_dump.h>

#include "cores.h"
#include "genl.h"
#include "uapi_test.h"

#define DEVICE	3
#define TRACE	"/sys/kernel/tracing/"

/* A file's text, without the newline at its end; "" if it can not be read. */
static char *slurp(const char *path)
{
	static char text[1 << 18];
	size_t n = 0;
	FILE *f = fopen(path, "r");

	if (f) {
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	while (n && text[n - 1] == '\n')
		n--;
	text[n] = 0;
	return text;
}

static char *attribute(unsigned int device, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/pto/pto%u/%s", device, name);
	return slurp(path);
}

static unsigned long long number(unsigned int device, const char *name)
{
	return strtoull(attribute(device, name), NULL, 10);
}

FIXTURE(files) {
	struct uapi u;
	struct pto_stream_create copy;
	struct pto_stream_create aic;
};

FIXTURE_SETUP(files)
{
	struct uapi *u = &self->u;

	ASSERT_EQ(0, uapi_start(u, BY_IOCTL, DEVICE));
	ASSERT_EQ(0, uapi_set(u, PTO_CTX_ON_FAULT, 0, PTO_ON_FAULT_CONTINUE));
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_COPY, 0, 64, &self->copy));
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_AIC, 0, 64, &self->aic));
}

FIXTURE_TEARDOWN(files)
{
	uapi_close(&self->u);
}

TEST_F(files, attributes)
{
	struct pto_cmd delay = cmd_delay(3 * MS);
	struct pto_info_device info;
	struct pto_mem_alloc mem;
	unsigned long long busy;

	ASSERT_EQ(0, uapi_query(&self->u, PTO_QUERY_DEVICE, 0, &info, sizeof(info)));
	EXPECT_EQ(PTO_ABI, number(DEVICE, "abi_version"));
	EXPECT_STREQ("mock", attribute(DEVICE, "backend"));
	EXPECT_STREQ("ready", attribute(DEVICE, "state"));
	EXPECT_EQ(info.blocks, number(DEVICE, "blocks"));
	EXPECT_EQ(info.mem_total, number(DEVICE, "mem_total"));
	EXPECT_EQ(0, number(DEVICE, "mem_used"));
	ASSERT_EQ(0, uapi_alloc(&self->u, 5 * PAGE, &mem));
	EXPECT_EQ(5 * PAGE, number(DEVICE, "mem_used"));
	EXPECT_STREQ("-1", attribute(DEVICE, "numa_node"));

	busy = number(DEVICE, "busy_aic_us");
	ASSERT_EQ(0, uapi_submit_wait(&self->u, self->aic.handle, &delay, 1, BOUND_NS));
	EXPECT_LE(busy + 3000, number(DEVICE, "busy_aic_us"));
	busy = number(DEVICE, "busy_copy_us");
	ASSERT_EQ(0, uapi_submit_wait(&self->u, self->copy.handle, &delay, 1, BOUND_NS));
	EXPECT_LE(busy + 3000, number(DEVICE, "busy_copy_us"));

	ASSERT_EQ(0, genl_reset_device(DEVICE));
	EXPECT_EQ(info.generation + 1, number(DEVICE, "generation"));
	EXPECT_EQ(info.generation + 1, number(DEVICE, "reset_count"));
	EXPECT_EQ(0, number(DEVICE, "mem_used"));
}

/* Each attribute is documented, and can not be written. */
TEST_F(files, all_read_only)
{
	DIR *dir = opendir("/sys/class/pto/pto3");
	struct dirent *entry;
	struct stat st;
	int n = 0;

	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir))) {
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode) || !strcmp(entry->d_name, "uevent") ||
		    !strcmp(entry->d_name, "dev"))
			continue;
		EXPECT_EQ(0444, st.st_mode & 0777)
			TH_LOG("%s", entry->d_name);
		n++;
	}
	closedir(dir);
	EXPECT_EQ(12, n);
}

/* A number of a context's fdinfo; ~0: it is not there. */
static unsigned long long fdinfo_number(pid_t pid, int fd, const char *name)
{
	char path[64], *at;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	at = strstr(slurp(path), name);
	return at ? strtoull(at + strlen(name), NULL, 10) : ~0ull;
}

/* In a child: what is wrong with what it sees of its parent, until that is over. */
static int watch(int fd, const volatile bool *over)
{
	unsigned long long submitted = 0, busy = 0, now;
	int n = 0;

	do {
		now = fdinfo_number(getppid(), fd, "pto-submitted:\t");
		if (now == ~0ull || now < submitted)
			return 1;
		submitted = now;
		now = number(DEVICE, "busy_copy_us");
		if (now < busy)
			return 2;
		busy = now;
		if (strcmp(attribute(DEVICE, "state"), "ready"))
			return 3;
		if (number(DEVICE, "mem_used") % PAGE)
			return 4;
		n++;
	} while (!*over);
	/* The last look came after all that was done. */
	if (fdinfo_number(getppid(), fd, "pto-completed:\t") !=
	    fdinfo_number(getppid(), fd, "pto-submitted:\t"))
		return 5;
	return n < 2 ? 6 : 0;
}

/* Another process reads all the time. */
TEST_F(files, under_load)
{
	volatile bool *over = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				   -1, 0);
	struct pto_cmd cmds[64];
	struct pto_mem_alloc mem;
	pid_t pid;
	int i;

	ASSERT_NE(MAP_FAILED, (void *)over);
	for (i = 0; i < 64; i++)
		cmds[i] = i ? cmd_nop() : cmd_delay(100000);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(watch(self->u.fd, over));
	for (i = 0; i < 200; i++) {
		EXPECT_EQ(0, uapi_submit_wait(&self->u, self->copy.handle, cmds, 64, BOUND_NS));
		EXPECT_EQ(0, uapi_alloc(&self->u, 3 * PAGE, &mem));
		EXPECT_EQ(0, uapi_destroy(&self->u, mem.handle));
	}
	*over = true;
	EXPECT_EQ(0, uapi_reap(pid));
	EXPECT_EQ(200 * 64, fdinfo_number(getpid(), self->u.fd, "pto-submitted:\t"));
	munmap((void *)over, PAGE);
}

/* Files that are read while their device goes. */
TEST_F(files, reading_during_unplug)
{
	unsigned int device = uapi_last_device();
	struct uapi guest;
	char path[64];
	int i;
	pid_t pid;

	ASSERT_LT(DEVICE, device);
	ASSERT_EQ(0, uapi_start(&guest, BY_IOCTL, device));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", guest.fd);
	EXPECT_NE(NULL, strstr(slurp(path), "pto-state:\tlive\n"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		for (i = 0; i < 10; i++)
			uapi_tick();
		_exit(uapi_unplug(device));
	}
	EXPECT_TRUE(UNTIL(!*attribute(device, "busy_aiv_us") && !*attribute(device, "state") &&
			  strstr(slurp(path), "pto-state:\tdead\n")));
	EXPECT_EQ(0, uapi_reap(pid));
	/* Its device is gone, the context's file is not. */
	EXPECT_EQ(0, fdinfo_number(getpid(), guest.fd, "pto-streams:\t"));
	uapi_close(&guest);
	EXPECT_STREQ("ready", attribute(DEVICE, "state"));
}

TEST_F(files, fdinfo)
{
	struct pto_ctx_set label = { sizeof(label), PTO_CTX_LABEL, .label = "a\nb" };
	struct pto_cmd cmds[3] = { cmd_delay(2 * MS), cmd_nop(), cmd_fault(3) };
	struct pto_mem_alloc mem;
	char path[64], *text, *at;

	ASSERT_EQ(0, uapi_call(&self->u, PTO_IOC_CTX_SET, &label));
	ASSERT_EQ(0, uapi_alloc(&self->u, 2 * PAGE, &mem));
	ASSERT_ERRNO(EIO, uapi_submit_wait(&self->u, self->aic.handle, cmds, 3, BOUND_NS));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->u.fd);
	text = slurp(path);
	EXPECT_NE(NULL, strstr(text, "pto-device:\t3\n"))
		TH_LOG("%s", text);
	EXPECT_NE(NULL, strstr(text, "pto-label:\ta\\012b\n"));
	EXPECT_NE(NULL, strstr(text, "pto-state:\tlive\n"));
	EXPECT_NE(NULL, strstr(text, "pto-memory:\t8192 bytes\n"));
	EXPECT_NE(NULL, strstr(text, "pto-streams:\t2\n"));
	EXPECT_NE(NULL, strstr(text, "pto-submitted:\t3\n"));
	EXPECT_NE(NULL, strstr(text, "pto-completed:\t3\n"));
	EXPECT_NE(NULL, strstr(text, "pto-faults:\t1\n"));
	at = strstr(text, "pto-busy-aic:\t");
	ASSERT_NE(NULL, at);
	EXPECT_LE(2 * MS, strtoull(at + strlen("pto-busy-aic:\t"), NULL, 10));
	ASSERT_EQ(0, uapi_shutdown(&self->u));
	text = slurp(path);
	EXPECT_NE(NULL, strstr(text, "pto-state:\tdead\n"));
	EXPECT_NE(NULL, strstr(text, "pto-memory:\t0 bytes\n"));
}

/* ---- the dump of a hung stream ---- */

#define DUMP	"/sys/kernel/debug/pto/pto3/dump"
#define CLASS	"/sys/class/devcoredump"

static union {
	struct pto_dump head;
	char bytes[1 << 16];
} dump;

/* The device core dump of a device; false: there is none. */
static bool coredump_path(char *path, size_t size, unsigned int device)
{
	char link[300], target[256], want[16];
	struct dirent *entry;
	DIR *dir = opendir(CLASS);
	bool found = false;
	ssize_t n;

	snprintf(want, sizeof(want), "/pto%u", device);
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(link, sizeof(link), CLASS "/%s/failing_device", entry->d_name);
		n = readlink(link, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = 0;
		found = n > 0 && !strcmp(strrchr(target, '/') ?: "", want);
		snprintf(path, size, CLASS "/%s/data", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Kernels with device core dumps have them there, the others in debugfs; -1: none. */
static int open_dump(int flags)
{
	char path[300];

	if (!access(CLASS, F_OK))
		return coredump_path(path, sizeof(path), DEVICE) ? open(path, flags) : -1;
	return open(DUMP, flags);
}

/* The dump's size; 0: there is none. */
static ssize_t read_dump(void)
{
	int fd = open_dump(O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, dump.bytes, sizeof(dump.bytes));

	close(fd);
	return n;
}

/* Whatever is written removes it, by and by. False: there still is one. */
static bool remove_dump(void)
{
	return UNTIL(({
		int fd = open_dump(O_WRONLY);

		if (fd >= 0 && write(fd, "1", 1) != 1)
			perror("a dump's removal");
		close(fd);
		!read_dump();
	}));
}

static bool await_dump(__u32 ctx)
{
	return UNTIL(read_dump() > 0 && dump.head.ctx == ctx);
}

TEST_F(files, a_hung_command)
{
	struct pto_cmd cmds[5] = { cmd_nop(), cmd_nop(), cmd_hang(), cmd_delay(5 * MS), cmd_nop() };
	const struct pto_dump_task *tasks = (const void *)(&dump.head + 1);
	__u64 first;

	ASSERT_TRUE(remove_dump());
	ASSERT_EQ(0, uapi_set(&self->u, PTO_CTX_TIMEOUT, 100, 0));
	ASSERT_EQ(0, uapi_submit(&self->u, self->aic.handle, cmds, 5, &first));
	EXPECT_ERRNO(ETIMEDOUT, uapi_wait(&self->u, self->aic.handle, 3, BOUND_NS));
	ASSERT_TRUE(await_dump(uapi_info(&self->u).id));
	EXPECT_EQ(PTO_DUMP_MAGIC, dump.head.magic);
	EXPECT_EQ(PTO_DUMP_VERSION, dump.head.version);
	EXPECT_EQ(sizeof(struct pto_dump) + 5 * sizeof(struct pto_dump_task), dump.head.size);
	EXPECT_EQ(dump.head.size, read_dump());
	EXPECT_EQ(DEVICE, dump.head.dev);
	EXPECT_EQ(uapi_info(&self->u).id, dump.head.ctx);
	EXPECT_EQ(getpid(), dump.head.pid);
	EXPECT_EQ(self->aic.handle, dump.head.stream);
	EXPECT_EQ(PTO_ENGINE_AIC, dump.head.engine);
	EXPECT_EQ(100, dump.head.timeout_ms);
	EXPECT_EQ(5, dump.head.submitted);
	EXPECT_EQ(2, dump.head.completed);
	ASSERT_EQ(5, dump.head.tasks);
	EXPECT_EQ(0, dump.head.cores);
	EXPECT_EQ(1, tasks[0].seqno);
	EXPECT_EQ(PTO_CMD_HANG, tasks[2].opcode);
	EXPECT_NE(0, tasks[2].started);
	EXPECT_EQ(PTO_CMD_DELAY, tasks[3].opcode);
	EXPECT_EQ(5 * MS, tasks[3].value);
	EXPECT_EQ(0, tasks[3].started);

	/* The first one stays, until it is removed. */
	ASSERT_EQ(0, uapi_submit(&self->u, self->copy.handle, &cmds[2], 1, &first));
	EXPECT_ERRNO(ETIMEDOUT, uapi_wait(&self->u, self->copy.handle, first, BOUND_NS));
	EXPECT_LT(0, read_dump());
	EXPECT_EQ(self->aic.handle, dump.head.stream);
	EXPECT_TRUE(remove_dump());
}

static void remove_dumps(void)
{
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		fd = open("/sys/class/pto/pto3/devcoredump/data", O_WRONLY);
		if (fd < 0)
			continue;
		if (write(fd, "1", 1) < 0 && errno != ENODEV)
			_exit(1);
		close(fd);
	}
}

/* Streams hang, one soon after the other, while what they leave is removed. */
TEST_F(files, dumps_come_and_go)
{
	enum { STREAMS = 12, HANGS = 32 };
	struct pto_stream_create stream[STREAMS];
	struct pto_cmd cmds[HANGS];
	__u64 first;
	pid_t pid;
	int i;

	if (access(CLASS, F_OK))
		SKIP(return, "no device core dumps");
	ASSERT_EQ(0, uapi_set(&self->u, PTO_CTX_TIMEOUT, 8, 0));
	for (i = 0; i < HANGS; i++)
		cmds[i] = cmd_hang();
	pid = fork();
	if (!pid)
		remove_dumps();
	ASSERT_LT(0, pid);
	for (i = 0; i < STREAMS; i++) {
		EXPECT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_COPY, 0, 64, &stream[i]));
		EXPECT_EQ(0, uapi_submit(&self->u, stream[i].handle, cmds, HANGS, &first));
	}
	for (i = 0; i < STREAMS; i++)
		EXPECT_ERRNO(ETIMEDOUT, uapi_wait(&self->u, stream[i].handle, HANGS, BOUND_NS));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(pid, waitpid(pid, &i, 0));
	EXPECT_TRUE(WIFSIGNALED(i));
	/* It is the kernel's log that tells; and the next dump is there. */
	ASSERT_TRUE(remove_dump());
	ASSERT_EQ(0, uapi_submit(&self->u, self->copy.handle, cmds, 1, &first));
	EXPECT_TRUE(await_dump(uapi_info(&self->u).id));
	EXPECT_TRUE(remove_dump());
}

/* Only one of the two ways is there, and only for root. */
TEST_F(files, where_dumps_are)
{
	bool coredumps = !access(CLASS, F_OK);
	struct stat st;

	EXPECT_EQ(coredumps, access(DUMP, F_OK) != 0);
	if (coredumps)
		return;
	ASSERT_EQ(0, stat(DUMP, &st));
	EXPECT_EQ(0600, st.st_mode & 0777);
}

/* A kernel that its emulator never ends: the core's queue is in it. */
TEST_F(files, a_hung_launch)
{
	const struct pto_dump_core *core;
	struct pto_prog_load prog;
	struct pto_cmd launch;
	struct cores cores;
	__u64 first;

	ASSERT_TRUE(remove_dump());
	ASSERT_EQ(0, uapi_set(&self->u, PTO_CTX_TIMEOUT, 100, 0));
	ASSERT_EQ(0, cores_attach(&cores, &self->u, 4));
	ASSERT_EQ(0, uapi_load(&self->u, "program", 8, &prog));
	launch = cmd_launch(prog.handle, 0, 0);
	launch.launch.func_id = 77;
	ASSERT_EQ(0, uapi_submit(&self->u, self->aic.handle, &launch, 1, &first));
	EXPECT_ERRNO(ETIMEDOUT, uapi_wait(&self->u, self->aic.handle, first, BOUND_NS));
	ASSERT_TRUE(await_dump(uapi_info(&self->u).id));
	ASSERT_EQ(1, dump.head.cores);
	ASSERT_EQ(1, dump.head.tasks);
	EXPECT_EQ(77, ((const struct pto_dump_task *)(&dump.head + 1))->func_id);
	core = (const void *)((const struct pto_dump_task *)(&dump.head + 1) + 1);
	EXPECT_EQ(0, core->core);
	EXPECT_EQ(0, core->head);
	EXPECT_EQ(1, core->tail);
	EXPECT_EQ(0, core->emu_head);
	cores_unmap(&cores);
}

/* ---- tracepoints ---- */

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static int count(const char *text, const char *event, const char *with)
{
	int n = 0;

	while ((text = strstr(text, event))) {
		const char *end = strchrnul(text, '\n'), *found = strstr(text, with);

		n += found && found < end;
		text = end;
	}
	return n;
}

TEST_F(files, tracepoints)
{
	struct pto_cmd cmds[64];
	struct pto_mem_alloc mem;
	char mine[32], *text;
	int i;

	for (i = 0; i < 64; i++)
		cmds[i] = i % 16 == 15 ? cmd_fault(9) : cmd_nop();
	for (i = 0; i < 64; i += 8)
		cmds[i].flags = PTO_CMD_TIMESTAMP;
	ASSERT_EQ(0, put(TRACE "trace", ""));
	ASSERT_EQ(0, put(TRACE "events/pto/enable", "1"));
	ASSERT_EQ(0, uapi_alloc(&self->u, PAGE, &mem));
	for (i = 0; i < 3; i++)
		EXPECT_ERRNO(EIO, uapi_submit_wait(&self->u, self->copy.handle, cmds, 64,
						   BOUND_NS));
	ASSERT_EQ(0, uapi_destroy(&self->u, mem.handle));
	ASSERT_EQ(0, uapi_ctl(&self->u, self->copy.handle, PTO_STREAM_ABORT));
	ASSERT_EQ(0, genl_reset_device(DEVICE));
	ASSERT_EQ(0, put(TRACE "events/pto/enable", "0"));
	text = slurp(TRACE "trace");
	snprintf(mine, sizeof(mine), "pto%u ctx=", DEVICE);
	EXPECT_EQ(3 * 64, count(text, "pto_submit:", mine));
	EXPECT_EQ(3 * 64, count(text, "pto_complete:", mine));
	EXPECT_EQ(3 * 4, count(text, "pto_complete:", "FAULT status=-5"));
	EXPECT_EQ(3 * 4, count(text, "pto_fault:", "code=9"));
	/* Who asked for times has them, and FAULT, which takes some. */
	EXPECT_EQ(3 * 52, count(text, "pto_complete:", "start=0 end=0"));
	EXPECT_EQ(1, count(text, "pto_alloc:", mine));
	EXPECT_EQ(1, count(text, "pto_free:", mine));
	EXPECT_LE(1, count(text, "pto_cancel:", "completed=192 seqno=192 status=-125"));
	EXPECT_EQ(1, count(text, "pto_reset:", "pto3 generation="));
}

TEST_HARNESS_MAIN
