/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The driver's calls for its tests, by ioctl or by io_uring. They run as root where pto.ko is
 * loaded as selftests/uapi/vm does it.
 */
#ifndef UAPI_H
#define UAPI_H

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/pto.h>

#define PAGE		4096UL
#define WINDOW		(1UL << 30)
#define MS		1000000ULL
#define BOUND_NS	(20000 * MS)	/* no test waits longer for what must come */
#define BOUND_MS	20000

#define ADDRESS(p)	((__u64)(unsigned long)(p))

enum uapi_path {
	BY_IOCTL,
	BY_URING,
};

/**
 * struct uapi - a context, and how it is talked to
 * @window:	address space reserved for device memory, WINDOW bytes
 */
struct uapi {
	int fd;
	enum uapi_path path;
	struct io_uring ring;
	volatile struct pto_ctl_page *ctl;
	char *window;
};

/* Each returns 0 or -errno. */
int uapi_open(struct uapi *u, enum uapi_path path, unsigned int device);
int uapi_bind(struct uapi *u);
int uapi_window(struct uapi *u);
void uapi_close(struct uapi *u);
int uapi_ring_again(struct uapi *u);

/* Open, bind and name the aperture. */
int uapi_start(struct uapi *u, enum uapi_path path, unsigned int device);

/* A call; uapi_raw() is told the size that io_uring's copy has. */
int uapi_call(struct uapi *u, unsigned int cmd, void *args);
int uapi_raw(struct uapi *u, unsigned int cmd, const void *args, __u32 size);
/* A free SQE; where a kernel thread takes them, it may have to be waited for. */
struct io_uring_sqe *uapi_sqe(struct io_uring *ring);
/* The two halves of one by io_uring. */
void uapi_queue(struct uapi *u, unsigned int cmd, const void *args, __u32 size, __u64 tag);
int uapi_cqe(struct uapi *u, unsigned int timeout_ms, __u64 *tag);
#define UAPI_NO_CQE	(-4095)		/* uapi_cqe(): none came */

/* Tell the log that a row of an errno table was seen. */
void uapi_row(const struct uapi *u, const char *call, const char *error, const char *row);

/* Calls that are used all over. 0, or -errno. */
int uapi_query(struct uapi *u, __u32 item, __u32 handle, void *data, __u32 size);
int uapi_alloc(struct uapi *u, __u64 bytes, struct pto_mem_alloc *mem);
int uapi_alloc_at(struct uapi *u, __u64 addr, __u64 bytes);
int uapi_copy(struct uapi *u, __u32 dir, __u64 dst, __u64 src, __u64 bytes);
int uapi_load(struct uapi *u, const void *image, __u32 size, struct pto_prog_load *prog);
int uapi_stream(struct uapi *u, __u32 engine, __u32 index, __u32 depth,
		struct pto_stream_create *stream);
int uapi_submit(struct uapi *u, __u32 stream, const struct pto_cmd *cmds, __u32 count,
		__u64 *first);
int uapi_submit_wait(struct uapi *u, __u32 stream, const struct pto_cmd *cmds, __u32 count,
		     __u64 timeout_ns);
int uapi_wait(struct uapi *u, __u32 stream, __u64 seqno, __u64 timeout_ns);
int uapi_ctl(struct uapi *u, __u32 stream, __u32 op);
int uapi_arm(struct uapi *u, __u32 stream, int fd, __u64 seqno);
int uapi_fault(struct uapi *u, struct pto_fault_query *fault);
int uapi_reset(struct uapi *u);
int uapi_destroy(struct uapi *u, __u32 handle);
int uapi_shutdown(struct uapi *u);
int uapi_set(struct uapi *u, __u32 flags, __u32 timeout_ms, __u32 on_fault);

/* A stream's page, or NULL. */
const volatile struct pto_stream_page *uapi_page(struct uapi *u,
						 const struct pto_stream_create *stream);
/* Memory in the window, or MAP_FAILED. */
void *uapi_map(struct uapi *u, const struct pto_mem_alloc *mem);
struct pto_info_ctx uapi_info(struct uapi *u);

/* The mock's knobs; 0 or -errno. */
int uapi_knob(unsigned int device, const char *knob, unsigned long long value);
int uapi_unplug(unsigned int device);
/* The last device that is there: who unplugs takes this one. */
unsigned int uapi_last_device(void);

/* Wait, in time, for what comes without a call. True: it came. */
#define UNTIL(condition) ({						\
	unsigned int until_ms = BOUND_MS;				\
	while (!(condition) && --until_ms)				\
		uapi_tick();						\
	until_ms != 0;							\
})
void uapi_tick(void);

/* Let a signal come, which does nothing but to interrupt. */
void uapi_signal_in(unsigned int ms);

/* The child's result, or -1 if it does not end well in time. */
int uapi_reap(pid_t pid);

static inline struct pto_cmd cmd_nop(void)
{
	return (struct pto_cmd){ .opcode = PTO_CMD_NOP };
}

static inline struct pto_cmd cmd_delay(__u64 ns)
{
	return (struct pto_cmd){ .opcode = PTO_CMD_DELAY, .delay.ns = ns };
}

static inline struct pto_cmd cmd_hang(void)
{
	return (struct pto_cmd){ .opcode = PTO_CMD_HANG };
}

static inline struct pto_cmd cmd_fault(__u32 code)
{
	return (struct pto_cmd){ .opcode = PTO_CMD_FAULT, .fault.code = code };
}

static inline struct pto_cmd cmd_wait(__u32 stream, __u64 seqno)
{
	return (struct pto_cmd){ .opcode = PTO_CMD_WAIT, .wait = { stream, 0, seqno } };
}

static inline struct pto_cmd cmd_copy(__u32 dir, __u64 dst, __u64 src, __u64 bytes)
{
	return (struct pto_cmd){ .opcode = PTO_CMD_COPY, .copy = { dir, 0, dst, src, bytes } };
}

static inline struct pto_cmd cmd_fill(__u64 dst, __u64 bytes, __u32 pattern)
{
	return (struct pto_cmd){ .opcode = PTO_CMD_FILL, .fill = { dst, bytes, pattern } };
}

static inline struct pto_cmd cmd_launch(__u32 prog, __u64 args, __u32 nargs)
{
	return (struct pto_cmd){ .opcode = PTO_CMD_LAUNCH,
				 .launch = { .prog = { prog }, .args = args, .nargs = nargs } };
}

#endif
