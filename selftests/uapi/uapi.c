// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Calls, by either path, and the mock's knobs. */
#include <sys/time.h>

#include "uapi.h"

static int result(int ret)
{
	return ret < 0 ? -errno : ret;
}

/* ---- a context ---- */

int uapi_open(struct uapi *u, enum uapi_path path, unsigned int device)
{
	char name[32];
	int err;

	memset(u, 0, sizeof(*u));
	u->path = path;
	snprintf(name, sizeof(name), "/dev/pto/pto%u", device);
	u->fd = open(name, O_RDWR | O_CLOEXEC);
	if (u->fd < 0)
		return -errno;
	if (path == BY_IOCTL)
		return 0;
	err = io_uring_queue_init(64, &u->ring, 0);
	if (err)
		close(u->fd);
	return err;
}

/* A ring belongs to who made it: in a child, make another one. */
int uapi_ring_again(struct uapi *u)
{
	return u->path == BY_URING ? io_uring_queue_init(64, &u->ring, 0) : 0;
}

int uapi_bind(struct uapi *u)
{
	void *ctl = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, u->fd, PTO_MMAP_CTL);

	if (ctl == MAP_FAILED)
		return -errno;
	u->ctl = ctl;
	return 0;
}

int uapi_window(struct uapi *u)
{
	struct pto_ctx_set set = { sizeof(set), PTO_CTX_APERTURE, .aperture_size = WINDOW };

	u->window = mmap(NULL, WINDOW, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			 -1, 0);
	if (u->window == MAP_FAILED)
		return -errno;
	set.aperture_base = ADDRESS(u->window);
	return uapi_call(u, PTO_IOC_CTX_SET, &set);
}

int uapi_start(struct uapi *u, enum uapi_path path, unsigned int device)
{
	return uapi_open(u, path, device) ?: uapi_bind(u) ?: uapi_window(u);
}

void uapi_close(struct uapi *u)
{
	if (u->path == BY_URING)
		io_uring_queue_exit(&u->ring);
	if (u->window)
		munmap(u->window, WINDOW);
	if (u->ctl)
		munmap((void *)u->ctl, PAGE);
	close(u->fd);
}

/* ---- calls ---- */

struct io_uring_sqe *uapi_sqe(struct io_uring *ring)
{
	struct io_uring_sqe *sqe;

	while (!(sqe = io_uring_get_sqe(ring))) {
		io_uring_submit(ring);
		io_uring_sqring_wait(ring);
	}
	return sqe;
}

void uapi_queue(struct uapi *u, unsigned int cmd, const void *args, __u32 size, __u64 tag)
{
	struct io_uring_sqe *sqe = uapi_sqe(&u->ring);
	struct pto_uring payload = { ADDRESS(args), size };

	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, u->fd, NULL, 0, 0);
	sqe->cmd_op = cmd;
	memcpy(sqe->cmd, &payload, sizeof(payload));
	io_uring_sqe_set_data64(sqe, tag);
	io_uring_submit(&u->ring);
}

int uapi_cqe(struct uapi *u, unsigned int timeout_ms, __u64 *tag)
{
	struct __kernel_timespec limit = { timeout_ms / 1000, timeout_ms % 1000 * 1000000LL };
	struct io_uring_cqe *cqe;
	int res = -EINTR, tries;

	/* A signal, or a failure injected into the waiting itself, is none of the call's. */
	for (tries = 0; tries < 100 && res && res != -ETIME; tries++)
		res = io_uring_wait_cqe_timeout(&u->ring, &cqe, &limit);
	if (res)
		return UAPI_NO_CQE;
	res = cqe->res;
	if (tag)
		*tag = cqe->user_data;
	io_uring_cqe_seen(&u->ring, cqe);
	return res;
}

int uapi_raw(struct uapi *u, unsigned int cmd, const void *args, __u32 size)
{
	if (u->path == BY_IOCTL)
		return result(ioctl(u->fd, cmd, args));
	uapi_queue(u, cmd, args, size, 0);
	return uapi_cqe(u, BOUND_MS, NULL);
}

int uapi_call(struct uapi *u, unsigned int cmd, void *args)
{
	return uapi_raw(u, cmd, args, *(__u32 *)args);
}

/* Not by stdio: a test's process leaves without flushing. */
void uapi_row(const struct uapi *u, const char *call, const char *error, const char *row)
{
	dprintf(STDOUT_FILENO, "# row %s %s %s %s\n", call, error, row,
		u->path == BY_URING ? "uring" : "ioctl");
}

int uapi_query(struct uapi *u, __u32 item, __u32 handle, void *data, __u32 size)
{
	struct pto_query args = {
		.size = sizeof(args),
		.item = item,
		.handle = handle,
		.data = ADDRESS(data),
		.data_size = size,
	};

	return uapi_call(u, PTO_IOC_QUERY, &args);
}

struct pto_info_ctx uapi_info(struct uapi *u)
{
	struct pto_info_ctx info;

	/* No test expects this many. */
	if (uapi_query(u, PTO_QUERY_CTX, 0, &info, sizeof(info)))
		memset(&info, 0xff, sizeof(info));
	return info;
}

int uapi_alloc(struct uapi *u, __u64 bytes, struct pto_mem_alloc *mem)
{
	*mem = (struct pto_mem_alloc){ .size = sizeof(*mem), .bytes = bytes };
	return uapi_call(u, PTO_IOC_MEM_ALLOC, mem);
}

int uapi_alloc_at(struct uapi *u, __u64 addr, __u64 bytes)
{
	struct pto_mem_alloc mem = { .size = sizeof(mem), .bytes = bytes, .addr = addr };

	return uapi_call(u, PTO_IOC_MEM_ALLOC, &mem);
}

int uapi_copy(struct uapi *u, __u32 dir, __u64 dst, __u64 src, __u64 bytes)
{
	struct pto_mem_copy args = { sizeof(args), 0, dir, 0, dst, src, bytes };

	return uapi_call(u, PTO_IOC_MEM_COPY, &args);
}

int uapi_load(struct uapi *u, const void *image, __u32 size, struct pto_prog_load *prog)
{
	*prog = (struct pto_prog_load){ sizeof(*prog), 0, ADDRESS(image), size };
	return uapi_call(u, PTO_IOC_PROG_LOAD, prog);
}

int uapi_stream(struct uapi *u, __u32 engine, __u32 index, __u32 depth,
		struct pto_stream_create *stream)
{
	*stream = (struct pto_stream_create){ sizeof(*stream), 0, engine, index, depth };
	return uapi_call(u, PTO_IOC_STREAM_CREATE, stream);
}

int uapi_submit(struct uapi *u, __u32 stream, const struct pto_cmd *cmds, __u32 count,
		__u64 *first)
{
	struct pto_stream_submit args = { sizeof(args), 0, stream, count, ADDRESS(cmds) };
	int err = uapi_call(u, PTO_IOC_STREAM_SUBMIT, &args);

	if (!err && args.accepted != count)
		return -ENOBUFS;
	if (first)
		*first = args.first_seqno;
	return err;
}

int uapi_submit_wait(struct uapi *u, __u32 stream, const struct pto_cmd *cmds, __u32 count,
		     __u64 timeout_ns)
{
	struct pto_stream_submit args = { sizeof(args), PTO_SUBMIT_WAIT, stream, count,
					  ADDRESS(cmds), timeout_ns };

	return uapi_call(u, PTO_IOC_STREAM_SUBMIT, &args);
}

int uapi_wait(struct uapi *u, __u32 stream, __u64 seqno, __u64 timeout_ns)
{
	struct pto_stream_wait args = { sizeof(args), 0, stream, 0, seqno, timeout_ns };

	return uapi_call(u, PTO_IOC_STREAM_WAIT, &args);
}

int uapi_ctl(struct uapi *u, __u32 stream, __u32 op)
{
	struct pto_stream_ctl args = { sizeof(args), 0, stream, op };

	return uapi_call(u, PTO_IOC_STREAM_CTL, &args);
}

int uapi_arm(struct uapi *u, __u32 stream, int fd, __u64 seqno)
{
	struct pto_event_fd args = { sizeof(args), 0, stream, fd, seqno };

	return uapi_call(u, PTO_IOC_EVENT_FD, &args);
}

int uapi_fault(struct uapi *u, struct pto_fault_query *fault)
{
	*fault = (struct pto_fault_query){ .size = sizeof(*fault) };
	return uapi_call(u, PTO_IOC_FAULT_QUERY, fault);
}

int uapi_reset(struct uapi *u)
{
	struct pto_reset args = { sizeof(args) };

	return uapi_call(u, PTO_IOC_RESET, &args);
}

int uapi_destroy(struct uapi *u, __u32 handle)
{
	struct pto_obj_destroy args = { sizeof(args), 0, handle };

	return uapi_call(u, PTO_IOC_OBJ_DESTROY, &args);
}

int uapi_shutdown(struct uapi *u)
{
	struct pto_ctx_close args = { sizeof(args) };

	return uapi_call(u, PTO_IOC_CTX_CLOSE, &args);
}

int uapi_set(struct uapi *u, __u32 flags, __u32 timeout_ms, __u32 on_fault)
{
	struct pto_ctx_set args = { sizeof(args), flags, 0, 0, timeout_ms, on_fault };

	return uapi_call(u, PTO_IOC_CTX_SET, &args);
}

/* ---- mappings ---- */

const volatile struct pto_stream_page *uapi_page(struct uapi *u,
						 const struct pto_stream_create *stream)
{
	void *page = mmap(NULL, stream->mmap_size, PROT_READ, MAP_SHARED, u->fd,
			  stream->mmap_offset);

	return page == MAP_FAILED ? NULL : page;
}

void *uapi_map(struct uapi *u, const struct pto_mem_alloc *mem)
{
	return mmap((void *)(unsigned long)mem->addr, mem->bytes, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, u->fd, mem->mmap_offset);
}

/* ---- the mock ---- */

static int write_knob(const char *path, unsigned long long value)
{
	int fd = open(path, O_WRONLY), ret;

	if (fd < 0)
		return -errno;
	ret = dprintf(fd, "%llu\n", value) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

int uapi_knob(unsigned int device, const char *knob, unsigned long long value)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/kernel/debug/pto/pto%u/%s", device, knob);
	return write_knob(path, value);
}

int uapi_unplug(unsigned int device)
{
	return write_knob("/sys/kernel/debug/pto/unplug", device);
}

unsigned int uapi_last_device(void)
{
	unsigned int device = PTO_MAX_DEVICES;
	char path[32];

	do {
		snprintf(path, sizeof(path), "/dev/pto/pto%u", --device);
	} while (device && access(path, F_OK));
	return device;
}

/* ---- time and processes ---- */

static void ignore(int sig)
{
}

void uapi_signal_in(unsigned int ms)
{
	const struct itimerval soon = { .it_value.tv_usec = ms * 1000 };
	struct sigaction action = { .sa_handler = ignore };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
}

void uapi_tick(void)
{
	const struct timespec ms = { 0, MS };

	nanosleep(&ms, NULL);
}

int uapi_reap(pid_t pid)
{
	int status = 0;
	pid_t done;

	if (!UNTIL((done = waitpid(pid, &status, WNOHANG))))
		kill(pid, SIGKILL);
	if (!done)
		done = waitpid(pid, &status, 0);
	return done == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
