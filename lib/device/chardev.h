/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * A device of the pto driver: its context in this process.
 *
 * The context's address window (the driver's aperture) has two parts. In the lower one
 * the driver places program images, by first fit; in the upper one memory objects
 * are mapped where device/memory.c wants them. All of it is mapped at the device
 * addresses, so that a pointer means the same to host and kernels.
 *
 * On a mock device this process is the hardware of its own context, too: the
 * emulator works on the queues of the driver's that EMU_ATTACH gives it.
 */
#ifndef DEVICE_CHARDEV_H
#define DEVICE_CHARDEV_H

#include "device/device.h"
#include "device/memory.h"
#include "sched/sched.h"

struct port;
struct ring;

/** struct ring_call - a call that is under way while @busy; then @result is its answer */
struct ring_call {
	int result;
	bool busy;
};

/**
 * struct waker - what ends a worker's wait for its cores
 * @event:	an eventfd; -1: not made yet
 * @value:	by io_uring: what was read from it by @reading
 */
struct waker {
	int event;
	uint64_t value;
	struct ring_call reading;
};

/**
 * struct chardev - an open context
 * @uring:	work is submitted by io_uring, where a thread has a ring
 * @ctl:	the control page; its mapping is what keeps the context alive
 * @window:	the address window; device memory is in it from IMAGES_SIZE on
 * @line, @emu:	on a mock: the queues that the emulator works on; @emu is its handle
 * @lock:	guards what follows
 * @timeout_ms:	what the driver gives a command
 * @ports:	by slot, made when a launch first uses the core or block
 * @wakers:	the workers', each made when it is first needed
 * @faults:	the latest fault records that were taken from the driver
 */
struct chardev {
	int fd;
	bool uring;
	const struct pto_ctl_page *ctl;
	char *window;
	struct mem_source source;
	struct emu_line line;
	uint32_t emu;

	pthread_mutex_t lock;
	uint32_t timeout_ms;
	struct port *_Atomic ports[EMU_FIRST_STREAM];
	struct waker wakers[SCHED_MAX_WORKERS];
	struct pto_fault_query faults[PTO_FAULTS_MAX];
	unsigned int nfaults;
};

/* A call by ioctl; 0 or -errno. Each structure begins with its size, which @args sets. */
int chardev_call(const struct chardev *cd, unsigned int cmd, void *args);

/** chardev_destroy - drop an object's handle, if it has one */
void chardev_destroy(const struct chardev *cd, uint32_t handle);

/**
 * chardev_describe - why a command failed, from the driver's fault records
 * @status:	how it completed
 *
 * Takes the records that the driver has; -1, 0 for @stream, @seqno: of the whole context.
 * Returns the core that failed, by the device's flat numbers; -1: that is not known.
 */
int chardev_describe(struct chardev *cd, uint32_t stream, uint64_t seqno, int status, char *text,
		     size_t size);

/** chardev_map_stream - a stream of commands with its page; -errno with a text */
int chardev_map_stream(struct chardev *cd, struct pto_stream_create *create,
		       const struct pto_stream_page **page);
void chardev_unmap_stream(struct chardev *cd, const struct pto_stream_create *create,
			  const struct pto_stream_page *page);

/** chardev_completed - all commands up to this seqno are complete */
static inline uint64_t chardev_completed(const struct pto_stream_page *page)
{
	return load_acquire(&page->completed);
}

/* ---- launches (port.c) -------------------------------------------------- */

void port_init(struct chardev *cd);
int port_launch_begin(struct pto_device *dev, unsigned int blocks, uint64_t task_ns);
int port_queue(struct pto_device *dev, unsigned int slot, struct emu_core **core);
unsigned int port_width(struct pto_device *dev);
void port_launch_end(struct pto_device *dev);
bool port_poll(struct sched_worker *w);
void port_wait(struct sched_worker *w);
void port_rouse(struct pto_device *dev, unsigned int worker);
void port_leave(struct sched_worker *w);

/** port_free_all - false: a call is still under way, which may write to what it was given */
bool port_free_all(struct chardev *cd);

/* ---- streams of copies (copies.c) --------------------------------------- */

int copies_new(struct pto_device *dev, struct pto_stream **stream);
void copies_free(struct pto_stream *stream);
int64_t copies_submit(struct pto_stream *stream, const struct copy *copy);
int64_t copies_done(struct pto_stream *stream);
int64_t copies_bytes(struct pto_stream *stream);
int copies_wait(struct pto_stream *stream, int64_t seqno, uint64_t timeout_ns);

/* ---- rings of io_uring (ring.c) ----------------------------------------- */

/** ring_works - 0 if calls to @cd can be made by io_uring, or -errno */
int ring_works(const struct chardev *cd);

/**
 * ring_thread - the calling thread's ring, made at the first call
 *
 * NULL: it can not have one, or what it had is of no use any more, as io_uring has been
 * forbidden since.
 */
struct ring *ring_thread(void);

/**
 * ring_prepare - prepare a call; @args and @call must stay until it is done
 *
 * One that the kernel does not take ends with -ECANCELED, here or in ring_submit_wait().
 */
void ring_prepare(struct ring *ring, const struct chardev *cd, unsigned int cmd, const void *args,
		  struct ring_call *call);

/** ring_prepare_read - prepare to read an eventfd into @value, as soon as it is not 0 */
void ring_prepare_read(struct ring *ring, int event, uint64_t *value, struct ring_call *call);

/**
 * ring_submit_wait - make the calls that were prepared, and sleep until @count calls are done
 *
 * Sleeps for @timeout_ns at the most. One system call.
 */
void ring_submit_wait(struct ring *ring, unsigned int count, uint64_t timeout_ns);

/** ring_finish - wait until a call of the calling thread's is done, at the longest to @deadline */
void ring_finish(struct ring_call *call, uint64_t deadline);

#endif
