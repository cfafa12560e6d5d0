/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Devices: the boundary below which a device is a driver's or this process's.
 *
 * Above it, a device is memory that host and kernels see at the same address,
 * programs, streams of copies, and for each core a queue of 64-byte
 * descriptors. Two backends are below: the embedded device is an emulator in this
 * process, which takes the queues as they are; a device of the pto driver gets what is
 * on them in batches. The boundary is not on the path of a task: a launch asks once which
 * queues there are, and then calls the backend a batch at a time.
 */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

#include <linux/pto.h>
#include <pto/pto.h>

#include "emulator/emulator.h"
#include "graph/check.h"

struct chardev;
struct device_ops;
struct emulator;
struct image;
struct mem;
struct sched;

/**
 * struct pto_device - an open device
 * @refs:	the user's handles, and the objects made from it
 * @fork_epoch: of the process that opened it
 * @state:	a word that is PTO_CTX_LIVE as long as the device can be used
 * @blocks:	how many it has
 * @inplace:	the scheduler's threads execute descriptors themselves
 * @launch_ms, @task_ms: bounds for who gives none, see struct pto_launch_opts
 * @check:	of graphs and flows, as PTO_CHECK said when it was opened
 * @seeded:	tasks run one at a time, in an order that @seed decides: PTO_SEED
 * @emu:	what runs kernels in this process
 * @chardev:	a device of the driver: its context
 * @lock:	guards what is made at first use: @sched
 * @link:	among all that are open; of those that are dead, too
 */
struct pto_device {
	atomic_int refs;
	unsigned int fork_epoch;
	const uint32_t *state;
	const struct device_ops *ops;
	int index;
	unsigned int blocks;
	char name[32];
	bool inplace;
	uint32_t launch_ms;
	uint32_t task_ms;
	enum check_level check;
	bool seeded;
	uint64_t seed;
	struct mem *mem;
	struct emulator *emu;
	struct chardev *chardev;
	pthread_mutex_t lock;
	struct sched *_Atomic sched;
	LIST_ENTRY(pto_device) link;
};

/**
 * struct pto_program - a kernel image on a device
 * @serial:	what a LAUNCH names it by on the device's queues. The embedded device
 *		never uses one again; for the driver it is the program's handle
 * @address:	the image's device address, where it is mapped for an emulator
 */
struct pto_program {
	atomic_int refs;
	struct pto_device *dev;
	struct image *image;
	uint64_t serial;
	void *address;
};

/** struct pto_stream - a stream of copies; the backend's own begins with it */
struct pto_stream {
	struct pto_device *dev;
};

/** struct copy - an element of a stream: bytes that are moved, or a pattern that is repeated */
struct copy {
	enum copy_kind { COPY_TO_DEVICE, COPY_FROM_DEVICE, COPY_ON_DEVICE, COPY_FILL } kind;
	uint32_t pattern;
	void *dst;
	const void *src;
	size_t size;
};

struct sched_queue;
struct sched_worker;

/**
 * struct device_ops - a backend
 *
 * Calls return 0 or -errno with a text, and are made on devices that
 * device_usable() has found usable, except where it says else.
 *
 * @backend:	its name
 * @open:	make @mem, @emu, @state, @blocks and @name of a device that has an @index
 * @close:	take that apart; nothing runs any more. Also a dead device, and when @open failed
 * @mode:	how work gets to the cores, for pto_device_info
 * @load:	give prog->image to the device, and set prog->serial
 * @unload:	take it away. Also on a dead device
 *
 * @stream_new:	a stream of copies
 * @stream_free: wait for it in bounded time, and free it. Also on a dead device
 * @stream_submit: returns the copy's seqno
 * @stream_done: all up to this seqno are complete
 * @stream_bytes: copied by it so far
 * @stream_wait: see pto_stream_wait()
 *
 * @launch_begin: a launch is about to use the first @blocks blocks; the longest that a
 *		kernel may run is @task_ns
 * @launch_queue: the queue that feeds a core: block @slot / 3, lane @slot % 3
 * @launch_width: cores that really run at once; more would only be kept waiting
 * @launch_depth: tasks without order between them that a core may be given at once
 * @launch_batch_ns: as many of them as take so long together, by emu_core.task_ns; the less
 *		is ahead of a task on its core, the fewer could have run on another one
 *		meanwhile. 0: that is not known, and it is @launch_depth
 * @launch_end:	after a launch that failed, when no worker works on it any more: nothing
 *		of it runs, and the queues can be used again. Also on a dead device
 * @doorbell:	a worker has put descriptors on @q, whose core is asleep
 * @poll:	bring the heads of a worker's queues up to date. False: a task failed, which
 *		was told by launch_task_failed(). NULL: they are always up to date
 * @wait:	sleep until a queue of a worker that has something on it has moved, for a
 *		bounded time
 * @rouse:	end the @wait of this worker, which has called ready_watch() there; it may have
 *		left the run meanwhile
 * @leave:	a worker leaves the run, or has nothing to do in it. NULL: nothing to be done
 */
struct device_ops {
	const char *backend;
	int (*open)(struct pto_device *dev);
	void (*close)(struct pto_device *dev);
	const char *(*mode)(const struct pto_device *dev);
	int (*load)(struct pto_program *prog);
	void (*unload)(struct pto_program *prog);

	int (*stream_new)(struct pto_device *dev, struct pto_stream **stream);
	void (*stream_free)(struct pto_stream *stream);
	int64_t (*stream_submit)(struct pto_stream *stream, const struct copy *copy);
	int64_t (*stream_done)(struct pto_stream *stream);
	int64_t (*stream_bytes)(struct pto_stream *stream);
	int (*stream_wait)(struct pto_stream *stream, int64_t seqno, uint64_t timeout_ns);

	int (*launch_begin)(struct pto_device *dev, unsigned int blocks, uint64_t task_ns);
	int (*launch_queue)(struct pto_device *dev, unsigned int slot, struct emu_core **core);
	unsigned int (*launch_width)(struct pto_device *dev);
	unsigned int launch_depth;
	uint32_t launch_batch_ns;
	void (*launch_end)(struct pto_device *dev);
	void (*doorbell)(struct sched_worker *w, struct sched_queue *q);
	bool (*poll)(struct sched_worker *w);
	void (*wait)(struct sched_worker *w);
	void (*rouse)(struct pto_device *dev, unsigned int worker);
	void (*leave)(struct sched_worker *w);
};

extern const struct device_ops embedded_ops, chardev_ops;

/** device_wanted - $PTO_DEVICE, if it names one; else NULL */
const char *device_wanted(void);

/**
 * device_kind - what to put before the number of another device of the same kind
 *
 * Errors: as pto_device_open(), for a name that is none.
 */
int device_kind(const char *name, const char **kind);

/** device_is_there - whether the driver has a device of this number */
bool device_is_there(int index);

/* Count of fork()s up to this process: what was opened in another one is refused. */
extern unsigned int device_fork_epoch;

int device_forked(const struct pto_device *dev) __attribute__((cold));
int device_dead(const struct pto_device *dev) __attribute__((cold));

/** device_ours - 0, or -EPERM in a child of the process that opened the device */
static inline int device_ours(const struct pto_device *dev)
{
	return likely(dev->fork_epoch == device_fork_epoch) ? 0 : device_forked(dev);
}

static inline bool device_alive(const struct pto_device *dev)
{
	return likely(READ_ONCE(*dev->state) == PTO_CTX_LIVE);
}

/** device_usable - 0, -EPERM as device_ours(), or -ENODEV: it was reset or is gone */
static inline int device_usable(const struct pto_device *dev)
{
	int ret = device_ours(dev);

	return likely(ret || device_alive(dev)) ? ret : device_dead(dev);
}

void device_get(struct pto_device *dev);
void device_put(struct pto_device *dev);

struct pto_program *program_get(struct pto_program *prog);

#endif
