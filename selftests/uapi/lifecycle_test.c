// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * How contexts and devices end: exit, kill, exec, fork, passed files, device reset and unplug,
 * each while things are in every state; and that nothing is left.
 */
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "cores.h"
#include "genl.h"
#include "uapi_test.h"

/* What a context is busy with when it ends. */
enum state {
	UNBOUND, IDLE, RUNNING, HANGING, COPYING, BLOCKED, STOPPED, PARKED, LAUNCHED, FULL,
	N_STATES
};

static const char *const state_names[] = {
	"unbound", "idle", "running", "hanging", "copying", "blocked", "stopped", "parked",
	"launched", "full",
};

/**
 * struct busy - a context in a state
 * @map:	device memory, mapped; NULL: none
 * @page:	of the stream
 * @seqno:	last command of the stream
 */
struct busy {
	struct uapi u;
	char *map;
	__u32 stream;
	const volatile struct pto_stream_page *page;
	__u64 seqno;
	struct cores cores;
};

static int busy_launch(struct busy *b)
{
	struct pto_stream_create aiv;
	struct pto_prog_load prog;
	struct pto_cmd cmds[3];

	if (cores_attach(&b->cores, &b->u, 2) || uapi_load(&b->u, "program", 8, &prog) ||
	    uapi_stream(&b->u, PTO_ENGINE_AIV, 0, 4, &aiv))
		return -1;
	cmds[0] = cmds[1] = cmds[2] = cmd_launch(prog.handle, 0, 0);
	return uapi_submit(&b->u, aiv.handle, cmds, 3, NULL);
}

/* The command that keeps the stream busy. */
static struct pto_cmd busy_cmd(struct busy *b, enum state state, const struct pto_mem_alloc *mem)
{
	switch (state) {
	case RUNNING:
		return cmd_delay(5000 * MS);
	case COPYING:
		return cmd_fill(mem->addr, mem->bytes, 0x11111111);
	case STOPPED:
		return cmd_fault(1);
	case IDLE:
		return cmd_nop();
	default:
		return cmd_hang();
	}
}

static int busy_block(struct busy *b)
{
	struct pto_cmd wait = cmd_wait(b->stream, b->seqno);
	struct pto_stream_create stream;
	int i;

	for (i = 0; i < 8; i++) {
		if (uapi_stream(&b->u, PTO_ENGINE_COPY, 0, 4, &stream) ||
		    uapi_submit(&b->u, stream.handle, &wait, 1, NULL))
			return -1;
		wait = cmd_wait(stream.handle, 1);
	}
	return 0;
}

/* Waits that are parked; they end ECANCELED or ENODEV. */
static void busy_park(struct busy *b)
{
	static struct pto_stream_wait waits[4];
	int i;

	for (i = 0; i < 4 && b->u.path == BY_URING; i++) {
		waits[i] = (struct pto_stream_wait){ sizeof(waits[i]), 0, b->stream, 0, b->seqno,
						     BOUND_NS };
		uapi_queue(&b->u, PTO_IOC_STREAM_WAIT, &waits[i], sizeof(waits[i]), i);
	}
}

/* Open a device and get into @state. 0 or -1. */
static int busy_start(struct busy *b, enum uapi_path path, unsigned int device, enum state state)
{
	struct pto_stream_create stream;
	struct pto_mem_alloc mem;
	struct pto_cmd cmds[8] = { 0 };
	__u64 first;
	int n = state == FULL ? 8 : state == IDLE ? 1 : 2;

	memset(b, 0, sizeof(*b));
	if (state == UNBOUND)
		return uapi_open(&b->u, path, device);
	if (uapi_start(&b->u, path, device) ||
	    uapi_alloc(&b->u, state == COPYING ? 16 << 20 : 2 * PAGE, &mem) ||
	    uapi_stream(&b->u, PTO_ENGINE_COPY, 0, 8, &stream))
		return -1;
	b->map = uapi_map(&b->u, &mem);
	b->page = uapi_page(&b->u, &stream);
	b->stream = stream.handle;
	if (b->map == MAP_FAILED || !b->page)
		return -1;
	b->map[PAGE] = 42;
	cmds[0] = busy_cmd(b, state, &mem);
	if (uapi_submit(&b->u, stream.handle, cmds, n, &first))
		return -1;
	b->seqno = first + n - 1;
	if (state == BLOCKED && busy_block(b))
		return -1;
	if (state == PARKED)
		busy_park(b);
	return state == LAUNCHED ? busy_launch(b) : 0;
}

static void busy_end(struct busy *b)
{
	uapi_close(&b->u);
	/* Each mapping holds the file; those in the window are gone with it. */
	if (b->page)
		munmap((void *)b->page, PAGE);
	cores_unmap(&b->cores);
}

/* Nobody else is on the device any more, and nothing is in use. */
static bool quiet(unsigned int device)
{
	struct pto_info_device info;
	struct uapi u;
	int err;

	if (uapi_open(&u, BY_IOCTL, device))
		return false;
	err = uapi_query(&u, PTO_QUERY_DEVICE, 0, &info, sizeof(info));
	uapi_close(&u);
	return !err && info.contexts == 1 && !info.mem_used;
}

FIXTURE(life) {
	unsigned int device;
};

FIXTURE_VARIANT(life) { enum uapi_path path; };
FIXTURE_VARIANT_ADD(life, ioctl) { .path = BY_IOCTL };
FIXTURE_VARIANT_ADD(life, uring) { .path = BY_URING };

FIXTURE_SETUP(life)
{
	self->device = uapi_last_device();
	ASSERT_LT(1, self->device);
	ASSERT_TRUE(UNTIL(quiet(self->device)));
}

FIXTURE_TEARDOWN(life)
{
}

/* ---- the process ---- */

/* A child gets into @state, tells so, and ends as @how says. */
static pid_t child_in_state(enum uapi_path path, unsigned int device, enum state state,
			    void (*how)(struct busy *b))
{
	struct busy b;
	int ready[2];
	char byte = 0;
	pid_t pid;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		close(ready[0]);
		byte = busy_start(&b, path, device, state) ? 'x' : 'r';
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		how(&b);
	}
	close(ready[1]);
	if (pid > 0 && (read(ready[0], &byte, 1) != 1 || byte != 'r')) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(ready[0]);
	return pid;
}

static void end_exit(struct busy *b)
{
	_exit(0);
}

static void end_pause(struct busy *b)
{
	for (;;)
		pause();
}

/* Asleep in a call, for what never comes. */
static void end_in_call(struct busy *b)
{
	for (;;)
		uapi_wait(&b->u, b->stream, b->seqno, BOUND_NS);
}

static void end_exec(struct busy *b)
{
	/* The file is left open for what follows; the mappings are not. */
	fcntl(b->u.fd, F_SETFD, 0);
	execl("/bin/sleep", "sleep", "1", NULL);
	_exit(1);
}

TEST_F_TIMEOUT(life, exit, 60)
{
	enum state state;

	for (state = 0; state < N_STATES; state++) {
		pid_t pid = child_in_state(variant->path, self->device, state, end_exit);

		ASSERT_LT(0, pid)
			TH_LOG("%s", state_names[state]);
		EXPECT_EQ(0, uapi_reap(pid));
		EXPECT_TRUE(UNTIL(quiet(self->device)))
			TH_LOG("%s", state_names[state]);
	}
}

TEST_F_TIMEOUT(life, kill, 60)
{
	enum state state;

	for (state = 0; state < N_STATES; state++) {
		pid_t pid = child_in_state(variant->path, self->device, state, end_pause);

		ASSERT_LT(0, pid)
			TH_LOG("%s", state_names[state]);
		kill(pid, SIGKILL);
		EXPECT_EQ(-1, uapi_reap(pid));
		EXPECT_TRUE(UNTIL(quiet(self->device)))
			TH_LOG("%s", state_names[state]);
	}
}

TEST_F_TIMEOUT(life, kill_in_a_call, 60)
{
	static const enum state states[] = { RUNNING, HANGING, BLOCKED, FULL };
	unsigned int i;

	for (i = 0; i < 4; i++) {
		pid_t pid = child_in_state(variant->path, self->device, states[i], end_in_call);

		ASSERT_LT(0, pid);
		kill(pid, SIGKILL);
		EXPECT_EQ(-1, uapi_reap(pid));
		EXPECT_TRUE(UNTIL(quiet(self->device)));
	}
}

static void end_allocating(struct busy *b)
{
	struct pto_mem_alloc mem;

	for (;;) {
		if (!uapi_alloc(&b->u, 128 << 20, &mem))
			uapi_destroy(&b->u, mem.handle);
	}
}

/* A long allocation ends early when its process is killed. */
TEST_F(life, kill_while_allocating)
{
	pid_t pid = child_in_state(variant->path, self->device, IDLE, end_allocating);

	ASSERT_LT(0, pid);
	uapi_tick();
	kill(pid, SIGKILL);
	EXPECT_EQ(-1, uapi_reap(pid));
	EXPECT_TRUE(UNTIL(quiet(self->device)));
}

/* exec() keeps the file, and yet the context ends. */
TEST_F_TIMEOUT(life, exec, 60)
{
	enum state state;

	for (state = IDLE; state < N_STATES; state += 3) {
		pid_t pid = child_in_state(variant->path, self->device, state, end_exec);
		struct pto_info_device info = { 0 };
		struct uapi u;

		ASSERT_LT(0, pid);
		ASSERT_EQ(0, uapi_open(&u, BY_IOCTL, self->device));
		EXPECT_TRUE(UNTIL(!uapi_query(&u, PTO_QUERY_DEVICE, 0, &info, sizeof(info)) &&
				  !info.mem_used))
			TH_LOG("%s", state_names[state]);
		uapi_close(&u);
		EXPECT_EQ(0, uapi_reap(pid));
		EXPECT_TRUE(UNTIL(quiet(self->device)));
	}
}

/* A forked child has the file, but neither the context nor its mappings. */
TEST_F(life, fork)
{
	struct pto_info_device info;
	struct busy b;
	pid_t pid;

	ASSERT_EQ(0, busy_start(&b, variant->path, self->device, RUNNING));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		unsigned char resident;
		int wrong = mincore((void *)b.u.ctl, PAGE, &resident) != -1 || errno != ENOMEM;

		wrong += mincore(b.map, PAGE, &resident) != -1 || errno != ENOMEM;
		wrong += mincore((void *)b.page, PAGE, &resident) != -1 || errno != ENOMEM;
		wrong += uapi_ring_again(&b.u) || uapi_reset(&b.u) != -EPERM;
		close(b.u.fd);
		_exit(wrong);
	}
	EXPECT_EQ(0, uapi_reap(pid));
	/* The parent's goes on. */
	EXPECT_EQ(0, b.page->completed);
	EXPECT_EQ(0, uapi_reset(&b.u));
	EXPECT_EQ(42, b.map[PAGE]);

	/* A child that only holds the file does not keep the context alive. */
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		pause();
		_exit(0);
	}
	busy_end(&b);
	ASSERT_EQ(0, uapi_open(&b.u, BY_IOCTL, self->device));
	EXPECT_TRUE(UNTIL(!uapi_query(&b.u, PTO_QUERY_DEVICE, 0, &info, sizeof(info)) &&
			  !info.mem_used));
	EXPECT_EQ(2, info.contexts);
	uapi_close(&b.u);
	kill(pid, SIGKILL);
	EXPECT_EQ(-1, uapi_reap(pid));
	EXPECT_TRUE(UNTIL(quiet(self->device)));
}

static int send_fd(int socket, int fd)
{
	union { char buffer[CMSG_SPACE(sizeof(fd))]; struct cmsghdr align; } control = { 0 };
	struct iovec byte = { "x", 1 };
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int socket)
{
	union { char buffer[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = { 0 };
	char data;
	struct iovec byte = { &data, 1 };
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(socket, &message, 0) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* A broker opens, asks, and passes the file; who binds it owns it. */
TEST_F(life, passed_file)
{
	struct uapi u;
	int sockets[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct pto_mem_alloc mem;
		int wrong;

		memset(&u, 0, sizeof(u));
		u.path = variant->path;
		u.fd = receive_fd(sockets[1]);
		wrong = uapi_ring_again(&u) || uapi_bind(&u) || uapi_window(&u) ||
			uapi_alloc(&u, PAGE, &mem);
		wrong += write(sockets[1], "b", 1) != 1;
		_exit(wrong + (read(sockets[1], &u, 1) != 1));
	}
	ASSERT_EQ(0, uapi_open(&u, variant->path, self->device));
	EXPECT_ERRNO(EBADFD, uapi_reset(&u));
	ASSERT_EQ(0, send_fd(sockets[0], u.fd));
	ASSERT_EQ(1, read(sockets[0], &(char){ 0 }, 1));
	EXPECT_ERRNO(EPERM, uapi_reset(&u));
	EXPECT_ERRNO(EPERM, uapi_bind(&u));
	ASSERT_EQ(1, write(sockets[0], "g", 1));
	EXPECT_EQ(0, uapi_reap(pid));
	/* It ended with the child, although the file is open here; and can not be had again. */
	EXPECT_ERRNO(EPERM, uapi_reset(&u));
	EXPECT_ERRNO(EPERM, uapi_bind(&u));
	uapi_close(&u);
	EXPECT_TRUE(UNTIL(quiet(self->device)));
}

/* ---- the device ---- */

/* What is left of a context whose device was taken from under it. */
static void expect_taken(struct __test_metadata *_metadata, struct busy *b, enum state state)
{
	struct pollfd poll_fd = { b->u.fd, POLLIN, 0 };

	EXPECT_EQ(1, poll(&poll_fd, 1, BOUND_MS))
		TH_LOG("%s", state_names[state]);
	EXPECT_TRUE(poll_fd.revents & POLLHUP);
	if (state == UNBOUND) {
		struct pto_info_ctx info;

		EXPECT_ERRNO(ENODEV, uapi_query(&b->u, PTO_QUERY_CTX, 0, &info, sizeof(info)));
		EXPECT_ERRNO(ENODEV, uapi_bind(&b->u));
		return;
	}
	EXPECT_EQ(PTO_CTX_DEAD, b->u.ctl->state);
	EXPECT_EQ(PTO_STREAM_DEAD, b->page->state);
	EXPECT_EQ(b->seqno, b->page->completed)
		TH_LOG("%s", state_names[state]);
	if (state == HANGING || state == RUNNING)
		EXPECT_EQ(-ENODEV, b->page->ring[b->seqno & 7].status);
	/* No SIGBUS: memory of one's own, which begins as zero. */
	EXPECT_EQ(0, b->map[PAGE]);
	b->map[PAGE] = 7;
	EXPECT_EQ(7, b->map[PAGE]);
	if (state == PARKED && b->u.path == BY_URING) {
		int i;

		for (i = 0; i < 4; i++)
			EXPECT_ERRNO(ENODEV, uapi_cqe(&b->u, BOUND_MS, NULL));
	}
	EXPECT_ERRNO(ENODEV, uapi_reset(&b->u));
	EXPECT_ERRNO(ENODEV, uapi_wait(&b->u, b->stream, 1, 0));
}

/* Contexts in all states at once. */
static void start_all(struct __test_metadata *_metadata, struct busy *b, enum uapi_path path,
		      unsigned int device)
{
	enum state state;

	for (state = 0; state < N_STATES; state++)
		ASSERT_EQ(0, busy_start(&b[state], path, device, state))
			TH_LOG("%s", state_names[state]);
}

TEST_F(life, reset)
{
	struct busy b[N_STATES], fresh;
	struct pto_info_device before, after;
	enum state state;

	start_all(_metadata, b, variant->path, self->device);
	ASSERT_EQ(0, uapi_query(&b[UNBOUND].u, PTO_QUERY_DEVICE, 0, &before, sizeof(before)));
	ASSERT_EQ(0, genl_reset_device(self->device));
	for (state = 0; state < N_STATES; state++)
		expect_taken(_metadata, &b[state], state);
	/* A new file works while the old ones are still open. */
	ASSERT_EQ(0, busy_start(&fresh, variant->path, self->device, IDLE));
	EXPECT_EQ(0, uapi_wait(&fresh.u, fresh.stream, 1, BOUND_NS));
	ASSERT_EQ(0, uapi_query(&fresh.u, PTO_QUERY_DEVICE, 0, &after, sizeof(after)));
	EXPECT_EQ(before.generation + 1, after.generation);
	EXPECT_EQ(2 * PAGE, after.mem_used);
	for (state = 0; state < N_STATES; state++)
		busy_end(&b[state]);
	EXPECT_EQ(0, uapi_wait(&fresh.u, fresh.stream, 1, BOUND_NS));
	busy_end(&fresh);
	EXPECT_TRUE(UNTIL(quiet(self->device)));
}

TEST_F(life, unplug)
{
	struct pto_info_driver before, after;
	struct busy b[N_STATES];
	enum state state;
	char path[32];

	start_all(_metadata, b, variant->path, self->device);
	ASSERT_EQ(0, uapi_query(&b[UNBOUND].u, PTO_QUERY_DRIVER, 0, &before, sizeof(before)));
	ASSERT_EQ(0, uapi_unplug(self->device));
	for (state = 0; state < N_STATES; state++)
		expect_taken(_metadata, &b[state], state);
	/* The driver answers on; the node is gone, and others are not touched. */
	ASSERT_EQ(0, uapi_query(&b[IDLE].u, PTO_QUERY_DRIVER, 0, &after, sizeof(after)));
	EXPECT_EQ(before.devices - 1, after.devices);
	EXPECT_TRUE(quiet(self->device - 1));
	snprintf(path, sizeof(path), "/dev/pto/pto%u", self->device);
	EXPECT_TRUE(UNTIL(access(path, F_OK)));
	EXPECT_EQ(-1, open(path, O_RDWR));
	EXPECT_ERRNO(ENODEV, uapi_unplug(self->device));
	for (state = 0; state < N_STATES; state++)
		busy_end(&b[state]);
}

/* Asleep in a call when the device goes. */
TEST_F_TIMEOUT(life, unplug_in_calls, 60)
{
	static const enum state states[] = { RUNNING, HANGING, BLOCKED, FULL };
	pid_t pids[4];
	int i;

	for (i = 0; i < 4; i++) {
		pids[i] = child_in_state(variant->path, self->device, states[i], end_in_call);
		ASSERT_LT(0, pids[i]);
	}
	ASSERT_EQ(0, uapi_unplug(self->device));
	for (i = 0; i < 4; i++) {
		kill(pids[i], SIGKILL);
		EXPECT_EQ(-1, uapi_reap(pids[i]));
	}
}

/*
 * A page whose first reader waits until the device was reset: what reads it is then in the
 * middle of a call of a context that has lost all it had.
 */
struct late_page {
	pthread_t thread;
	unsigned int device;
	int uffd;
	void *page;
	struct pto_cmd cmd;
	bool reset;
};

static void *late_fill(void *arg)
{
	struct late_page *late = arg;
	char data[PAGE] __attribute__((aligned(PAGE)));
	struct uffdio_copy fill = { .dst = ADDRESS(late->page), .src = ADDRESS(data), .len = PAGE };
	struct pollfd poll_fd = { late->uffd, POLLIN, 0 };

	memset(data, 0, sizeof(data));
	memcpy(data, &late->cmd, sizeof(late->cmd));
	late->reset = poll(&poll_fd, 1, BOUND_MS) == 1 && !genl_reset_device(late->device);
	ioctl(late->uffd, UFFDIO_COPY, &fill);
	return NULL;
}

static int late_start(struct late_page *late, unsigned int device, const struct pto_cmd *cmd)
{
	struct uffdio_register range = { .range.len = PAGE, .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };

	late->device = device;
	late->cmd = *cmd;
	late->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	late->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = ADDRESS(late->page);
	if (late->uffd < 0 || late->page == MAP_FAILED || ioctl(late->uffd, UFFDIO_API, &api) ||
	    ioctl(late->uffd, UFFDIO_REGISTER, &range))
		return -1;
	return pthread_create(&late->thread, NULL, late_fill, late);
}

/* True: it was read, and the device reset meanwhile. */
static bool late_end(struct late_page *late)
{
	pthread_join(late->thread, NULL);
	munmap(late->page, PAGE);
	close(late->uffd);
	return late->reset;
}

TEST_F_TIMEOUT(life, reset_in_a_submission, 60)
{
	struct late_page late;
	struct busy b;
	int i;

	for (i = 0; i < 5; i++) {
		struct pto_stream_create stream;
		struct pto_prog_load prog;
		struct pto_mem_alloc mem;
		struct pto_cmd cmd;

		ASSERT_EQ(0, busy_start(&b, variant->path, self->device, IDLE));
		ASSERT_EQ(0, uapi_alloc(&b.u, PAGE, &mem));
		ASSERT_EQ(0, uapi_load(&b.u, "program", 8, &prog));
		ASSERT_EQ(0, uapi_stream(&b.u, i ? PTO_ENGINE_COPY : PTO_ENGINE_AIC, 0, 4, &stream));
		/* Each command misses something else. */
		switch (i) {
		case 0:	cmd = cmd_launch(prog.handle, 0, 0); break;
		case 1:	cmd = cmd_fill(mem.addr, PAGE, 1); break;
		case 2:	cmd = cmd_copy(PTO_COPY_D2D, mem.addr, mem.addr + 8, 8); break;
		case 3:	cmd = cmd_wait(b.stream, 1); break;
		case 4:	cmd = cmd_nop(); break;
		}
		ASSERT_EQ(0, late_start(&late, self->device, &cmd));
		EXPECT_ERRNO(ENODEV, uapi_submit(&b.u, stream.handle, late.page, 1, NULL))
			TH_LOG("command %d", i);
		EXPECT_TRUE(late_end(&late));
		busy_end(&b);
	}
	EXPECT_TRUE(UNTIL(quiet(self->device)));
}

/* Open, and resets at the same time. */
TEST_F_TIMEOUT(life, reset_again_and_again, 60)
{
	struct busy b;
	pid_t pid = fork();
	int i;

	ASSERT_LE(0, pid);
	if (!pid) {
		for (i = 0; i < 40; i++) {
			genl_reset_device(self->device);
			uapi_tick();
		}
		_exit(0);
	}
	/* Any call may fail; the end of a context may not. */
	for (i = 0; i < 20; i++) {
		enum state state = i % N_STATES;

		if (state != UNBOUND && !busy_start(&b, variant->path, self->device, state)) {
			b.map[0] = 1;
			busy_end(&b);
		}
	}
	EXPECT_EQ(0, uapi_reap(pid));
}

/* ---- the module ---- */

TEST_F(life, module_in_use)
{
	struct busy b;

	ASSERT_EQ(0, busy_start(&b, variant->path, self->device, IDLE));
	EXPECT_EQ(-1, syscall(SYS_delete_module, "pto", O_NONBLOCK));
	EXPECT_EQ(EWOULDBLOCK, errno);
	/* A mapping alone holds it, too. */
	if (variant->path == BY_URING)
		io_uring_queue_exit(&b.u.ring);
	close(b.u.fd);
	munmap((void *)b.u.ctl, PAGE);
	EXPECT_EQ(-1, syscall(SYS_delete_module, "pto", O_NONBLOCK));
	EXPECT_EQ(EWOULDBLOCK, errno);
	b.map[PAGE] = 1;
}

TEST_HARNESS_MAIN
