// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Devices of the driver by name, by whom, and by which calls. */
#include "kselftest_harness.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "device_test.h"

TEST(names)
{
	static const char *const same[] = { "pto1", "/dev/pto/pto1", "1" };
	static const char *const none[] = { "pto", "ptox", "pto1x", "/dev/pto/", "/dev/null", "-1" };
	struct pto_device_info info = { .size = sizeof(info) };
	struct pto_device *dev, *other;
	unsigned int i;

	ASSERT_EQ(0, pto_device_open("pto1", &dev)) TH_LOG("%s", pto_last_error());
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, pto_device_open(same[i], &other)) TH_LOG("%s", same[i]);
		EXPECT_EQ(dev, other);
		pto_device_close(other);
	}
	for (i = 0; i < 6; i++)
		EXPECT_EQ(-EINVAL, pto_device_open(none[i], &other)) TH_LOG("name %u", i);
	EXPECT_EQ(-ENODEV, pto_device_open("pto16", &other));
	EXPECT_EQ(0, pto_device_query(dev, &info));
	EXPECT_EQ(0, strcmp(info.backend, "chardev"));
	EXPECT_EQ(0, strcmp(info.name, "pto1"));
	EXPECT_EQ(1, info.index);
	EXPECT_EQ(3 * info.blocks, info.cores);
	EXPECT_LT(0, info.mem_total);
	pto_device_close(dev);
	/* The embedded ones are still there. */
	ASSERT_EQ(0, pto_device_open("embedded1", &dev));
	EXPECT_EQ(0, pto_device_query(dev, &info));
	EXPECT_EQ(0, strcmp(info.backend, "embedded"));
	pto_device_close(dev);
}

TEST(a_number_without_a_device_is_the_embedded_one)
{
	struct pto_device_info info = { .size = sizeof(info) };
	struct pto_device *dev;
	char name[8];

	snprintf(name, sizeof(name), "%d", last_device() + 1);
	ASSERT_EQ(0, pto_device_open(name, &dev)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, pto_device_query(dev, &info));
	EXPECT_EQ(0, strcmp(info.backend, "embedded"));
	pto_device_close(dev);
	snprintf(name, sizeof(name), "pto%d", last_device() + 1);
	EXPECT_EQ(-ENODEV, pto_device_open(name, &dev));
	EXPECT_NE(NULL, strstr(pto_last_error(), "module")) TH_LOG("%s", pto_last_error());
}

static int try_as_nobody(const char *path)
{
	struct pto_device *dev;
	int ret;

	if (setgid(65534) || setuid(65534))
		return 1;
	ret = pto_device_open(path, &dev);
	if (ret != -EACCES)
		return 2;
	return strstr(pto_last_error(), "group '123'") ? 0 : 3;
}

TEST(no_permission_names_the_group)
{
	static const char path[] = "/dev/pto/pto0";
	struct stat st;
	pid_t pid;

	ASSERT_EQ(0, stat(path, &st));
	ASSERT_EQ(0, chown(path, 0, 123));
	ASSERT_EQ(0, chmod(path, 0660));
	pid = fork();
	if (!pid)
		_exit(try_as_nobody(path));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, chmod(path, st.st_mode & 07777));
	EXPECT_EQ(0, chown(path, st.st_uid, st.st_gid));
}

/* ---- with and without io_uring ------------------------------------------ */

static int mode_is(const char *submit, const char *mode)
{
	struct pto_device_info info = { .size = sizeof(info) };
	struct pto_program *noop;
	struct pto_device *dev;
	int ret;

	if (submit)
		setenv("PTO_SUBMIT", submit, 1);
	else
		unsetenv("PTO_SUBMIT");
	ret = pto_device_open("pto0", &dev);
	if (ret)
		return ret;
	ret = pto_device_query(dev, &info);
	noop = load_kernel(dev, "noop");
	if (!ret)
		ret = noop ? good_run(dev, noop, 200) : -ENOENT;
	pto_program_unload(noop);
	pto_device_close(dev);
	return ret ? ret : strcmp(info.mode, mode) ? 1 : 0;
}

/* As many hosts do; with SECCOMP_FILTER_FLAG_TSYNC to all threads. False: this kernel can not. */
static bool forbid_uring(unsigned int flags)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, __NR_io_uring_setup, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, __NR_io_uring_register, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 5, filter };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

TEST(io_uring_unless_told_otherwise)
{
	EXPECT_EQ(0, mode_is(NULL, "uring")) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, mode_is("ioctl", "ioctl")) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, mode_is("uring", "uring")) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, mode_is("nonsense", "uring")) TH_LOG("%s", pto_last_error());
}

/* The administrator's switch. */
TEST(ioctl_where_the_host_has_disabled_io_uring)
{
	static const char path[] = "/proc/sys/kernel/io_uring_disabled";

	if (access(path, F_OK))
		SKIP(return, "this kernel has no such switch");
	ASSERT_EQ(0, write_file(path, "2\n"));
	EXPECT_EQ(0, mode_is(NULL, "ioctl")) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(-EPERM, mode_is("uring", "uring"));
	ASSERT_EQ(0, write_file(path, "0\n"));
	EXPECT_EQ(0, mode_is(NULL, "uring")) TH_LOG("%s", pto_last_error());
}

TEST(ioctl_where_io_uring_is_forbidden)
{
	if (!forbid_uring(0))
		SKIP(return, "this kernel has no seccomp");
	EXPECT_EQ(0, mode_is(NULL, "ioctl")) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(-EPERM, mode_is("uring", "uring"));
	EXPECT_NE(NULL, strstr(pto_last_error(), "PTO_SUBMIT")) TH_LOG("%s", pto_last_error());
}

/* Forbidden after the device was opened: threads that come later have no ring. */
TEST(a_thread_without_a_ring_uses_ioctl)
{
	struct pto_program *noop;
	struct pto_device *dev;

	unsetenv("PTO_SUBMIT");
	ASSERT_EQ(0, pto_device_open("pto0", &dev));
	noop = load_kernel(dev, "noop");
	ASSERT_NE(NULL, noop);
	if (!forbid_uring(0))
		SKIP(return, "this kernel has no seccomp");
	EXPECT_EQ(0, good_run(dev, noop, 500)) TH_LOG("%s", pto_last_error());
	pto_program_unload(noop);
	pto_device_close(dev);
}

/* Forbidden to a thread that has a ring: what it has prepared is submitted otherwise. */
TEST(a_ring_that_is_forbidden_later)
{
	struct rig r;
	int round;

	unsetenv("PTO_SUBMIT");
	ASSERT_EQ(0, rig_open(&r, "pto0")) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, rig_add_busy(&r, 200, 100));
	ASSERT_EQ(0, rig_launch(&r)) TH_LOG("%s", pto_last_error());
	if (!forbid_uring(0))
		SKIP(return, "this kernel has no seccomp");
	for (round = 2; round < 5; round++) {
		EXPECT_EQ(0, rig_launch(&r)) TH_LOG("%s", pto_last_error());
		EXPECT_EQ(200 * round, *r.word);
		EXPECT_EQ(0, good_run(r.dev, r.prog[0], 500)) TH_LOG("%s", pto_last_error());
	}
	EXPECT_EQ(0, rig_close(&r));
}

static void *launch_rig(void *arg)
{
	struct rig *r = arg;

	return (void *)(intptr_t)rig_launch(r);
}

/* While workers wait in their rings: what they have under way there still ends. */
TEST(io_uring_that_is_forbidden_during_a_launch)
{
	pthread_t thread;
	struct rig r;
	void *ret;
	int round;

	unsetenv("PTO_SUBMIT");
	for (round = 0; round < 2; round++) {
		ASSERT_EQ(0, rig_open(&r, "pto0")) TH_LOG("%s", pto_last_error());
		ASSERT_EQ(0, rig_add_busy(&r, 1000, 1000));
		ASSERT_EQ(0, pthread_create(&thread, NULL, launch_rig, &r));
		ASSERT_TRUE(UNTIL(__atomic_load_n(r.word, __ATOMIC_RELAXED) > 20));
		if (!round && !forbid_uring(SECCOMP_FILTER_FLAG_TSYNC))
			SKIP(return, "this kernel has no seccomp");
		pthread_join(thread, &ret);
		EXPECT_EQ(NULL, ret);
		EXPECT_EQ(1000, *r.word);
		EXPECT_EQ(0, rig_launch(&r)) TH_LOG("%s", pto_last_error());
		EXPECT_EQ(0, rig_close(&r));
	}
}

/* ---- fork --------------------------------------------------------------- */

static int child_of_fork(struct rig *r)
{
	struct pto_task task = {
		.size = sizeof(task), .kernels = { PTO_NO_KERNEL, 0, PTO_NO_KERNEL },
	};
	uint64_t args[2] = { 0 };
	struct pto_program *noop;
	struct pto_device *dev;
	void *ptr;
	int bad = 0;

	bad += pto_mem_alloc(r->dev, 64, &ptr) != -EPERM;
	bad += !strstr(pto_last_error(), "fork");
	bad += rig_launch(r) != -EPERM;
	bad += pto_graph_add_task(r->graph, 1, PTO_AIV, args, 2) != -EPERM;
	bad += pto_graph_set_scalar(r->graph, 0, 1, 7) != -EPERM;
	bad += pto_graph_submit(r->graph, &task) != -EPERM;
	bad += pto_graph_bind(r->graph, NULL, 0) != -EPERM;
	bad += pto_graph_param(r->graph, r->word, 64) != -EPERM;
	bad += pto_graph_set_kernel(r->graph, 9, r->prog[0]) != -EPERM;
	bad += pto_graph_destroy(r->graph) != -EPERM;
	bad += pto_device_open("pto0", &dev) != 0 || dev == r->dev;
	if (bad)
		return bad;
	noop = load_kernel(dev, "noop");
	bad += !noop || good_run(dev, noop, 100) != 0;
	pto_program_unload(noop);
	pto_device_close(dev);
	return bad;
}

TEST(a_child_opens_its_own)
{
	struct rig r;
	pid_t pid;

	ASSERT_EQ(0, rig_open(&r, "pto0")) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, rig_add_busy(&r, 4, 100));
	ASSERT_EQ(0, rig_launch(&r)) TH_LOG("%s", pto_last_error());
	pid = fork();
	if (!pid)
		_exit(child_of_fork(&r));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, rig_launch(&r)) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(0, rig_close(&r));
}

TEST_HARNESS_MAIN
