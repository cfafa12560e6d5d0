// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Launches on a device of the driver: each core has a stream there, and a port here.
 *
 * To a worker of the scheduler a port is a queue like any other (struct emu_core): it puts
 * descriptors on a ring in this process, and its head says how many are done. Nobody
 * drains that ring beside the worker. When it has no more to do for the moment it waits
 * (port_wait), and that is when what it has put on its ports goes to the driver, as one
 * batch a stream; by io_uring all of it, and the waiting, are one system call. The head is
 * brought up to date from the stream's page (port_poll), without one.
 *
 * The last task of a batch is asked how long it took, so that workers know how many to give a
 * core at once.
 *
 * A port is used by one thread at a time: the worker that owns the core, and who
 * launches, between runs.
 */
#include "device/chardev.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "sched/launch.h"

#define STREAM_DEPTH	(2 * EMU_QUEUE_DEPTH)
#define TIMEOUT_MIN_MS	10000
#define GRACE_MS	5000		/* the launch's own bounds come first */
#define PATIENCE_NS	NSEC_PER_MSEC	/* then it is worth while to watch all streams */
#define WATCH_NS	(2 * NSEC_PER_MSEC)	/* others may have public tasks by then */
#define DRAIN_NS	(10 * NSEC_PER_SEC)

/**
 * struct port - a core's stream
 * @core:	what workers see
 * @done:	seqno of the ring's head - 1
 * @accepted:	last seqno that the driver has taken
 * @submitted:	index on the ring up to which it has
 * @error:	why it took no more
 * @times:	by entry of the core's completion ring
 * @event:	an eventfd for the worker whose first core this is; -1: not made yet
 * @submitting, @waiting: the calls under way by io_uring
 */
struct port {
	struct emu_core *core;
	struct pto_stream_create create;
	const struct pto_stream_page *page;
	uint64_t done;
	uint64_t accepted;
	uint32_t submitted;
	int error;
	int event;
	struct emu_driver_times times[EMU_QUEUE_DEPTH];
	struct pto_cmd cmds[EMU_QUEUE_DEPTH];
	struct pto_stream_submit submit;
	struct pto_stream_wait wait;
	struct ring_call submitting;
	struct ring_call waiting;
};

static struct pto_device *dev_of(const struct sched_worker *w)
{
	return container_of(w->run, struct sched, run)->dev;
}

static struct port *port_of(const struct chardev *cd, const struct sched_queue *q)
{
	return atomic_load_explicit(&cd->ports[q->core->slot], memory_order_relaxed);
}

/* Descriptors that are not done. */
static uint32_t pending(const struct port *p)
{
	return p->core->sub->sq_tail - p->core->queue->sq_head;
}

static const struct pto_desc *desc_at(const struct port *p, uint32_t index)
{
	return &p->core->sub->sq[index % EMU_QUEUE_DEPTH];
}

/* ---- making ------------------------------------------------------------- */

static int port_new(struct chardev *cd, unsigned int slot, struct port **out)
{
	unsigned int block = slot / PTO_BLOCK_CORES, lane = slot % PTO_BLOCK_CORES;
	struct port *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return fail(-ENOMEM, "no memory for a core's stream");
	p->event = -1;
	p->create.size = sizeof(p->create);
	p->create.engine = lane ? PTO_ENGINE_AIV : PTO_ENGINE_AIC;
	p->create.index = lane ? 2 * block + lane - 1 : block;
	p->create.depth = STREAM_DEPTH;
	p->core = emu_core_new(slot);
	ret = p->core ? chardev_map_stream(cd, &p->create, &p->page) : -ENOMEM;
	if (ret) {
		free(p->core);
		free(p);
		return ret;
	}
	/* Nobody sleeps on the other side of this ring. */
	p->core->queue->asleep = 0;
	p->core->driver = p->times;
	p->submit.size = sizeof(p->submit);
	p->submit.stream = p->create.handle;
	p->submit.cmds = (uintptr_t)p->cmds;
	p->wait.size = sizeof(p->wait);
	p->wait.stream = p->create.handle;
	*out = p;
	return 0;
}

struct emu_core *port_queue(struct pto_device *dev, unsigned int slot)
{
	struct chardev *cd = dev->chardev;
	struct port *p = atomic_load(&cd->ports[slot]);

	if (!p) {
		if (port_new(cd, slot, &p))
			return NULL;
		atomic_store(&cd->ports[slot], p);
	}
	return p->core;
}

void port_free_all(struct chardev *cd)
{
	struct port *p;
	unsigned int i;

	for (i = 0; i < PTO_MAX_CORES; i++) {
		p = atomic_load(&cd->ports[i]);
		/* A call that does not end may still write to it. */
		if (!p || p->waiting.busy || p->submitting.busy)
			continue;
		chardev_unmap_stream(cd, &p->create, p->page);
		if (p->event >= 0)
			close(p->event);
		free(p->core);
		free(p);
	}
}

/* The driver is not to give up a kernel before the launch does. */
static int set_timeout(struct pto_device *dev, uint64_t task_ns)
{
	uint64_t ms = max(task_ns / NSEC_PER_MSEC + GRACE_MS, (uint64_t)TIMEOUT_MIN_MS);
	struct pto_ctx_set set = {
		.size = sizeof(set),
		.flags = PTO_CTX_TIMEOUT,
		.timeout_ms = min(ms, (uint64_t)PTO_TIMEOUT_MAX_MS),
	};
	struct chardev *cd = dev->chardev;
	int ret;

	if (cd->timeout_ms == set.timeout_ms)
		return 0;
	ret = chardev_call(cd, PTO_IOC_CTX_SET, &set);
	if (ret)
		return fail(ret, "%s: its timeout can not be set: %s", dev->name, strerror(-ret));
	cd->timeout_ms = set.timeout_ms;
	return 0;
}

int port_launch_begin(struct pto_device *dev, unsigned int blocks, uint64_t task_ns)
{
	int ret = dev->chardev->emu ? min(emu_threads_start(dev->emu), 0) : 0;

	return ret ? ret : set_timeout(dev, task_ns);
}

/* A mock's cores are a few threads; those of an NPU all run. */
unsigned int port_width(struct pto_device *dev)
{
	return dev->chardev->emu ? emu_threads_count(dev->emu) : PTO_BLOCK_CORES * dev->blocks;
}

/* ---- completions -------------------------------------------------------- */

static void put_times(struct port *p, const struct pto_completion *entry)
{
	struct pto_queue_core *queue = p->core->queue;
	uint32_t i = queue->cq_tail++ % EMU_QUEUE_DEPTH;

	queue->cq[i] = (struct pto_cqe){ .start = entry->start, .end = entry->end };
	p->times[i] = (struct emu_driver_times){ entry->accepted, entry->done };
}

/* Move the head. Returns 0, or how the task at the head has failed. */
static int advance(struct port *p)
{
	struct pto_queue_core *queue = p->core->queue;
	uint64_t completed = chardev_completed(p->page);
	const struct pto_completion *entry;

	for (; p->done < completed; p->done++) {
		entry = &p->page->ring[(p->done + 1) % STREAM_DEPTH];
		if (unlikely(entry->status))
			return entry->status;
		if (desc_at(p, queue->sq_head)->flags & PTO_DESC_TIMESTAMP)
			put_times(p, entry);
		if (entry->end)
			emu_note_task_ns(p->core, entry->end - entry->start);
		queue->sq_head++;
	}
	return unlikely(p->error) && queue->sq_head == p->submitted ? p->error : 0;
}

static void failed(struct sched_worker *w, struct port *p, int status)
{
	struct chardev *cd = dev_of(w)->chardev;
	char cause[320];

	chardev_describe(cd, p->create.handle, p->done + 1, status, cause, sizeof(cause));
	launch_task_failed(w, desc_at(p, p->core->queue->sq_head)->cookie, p->core->number, status,
			   cause);
}

bool port_poll(struct sched_worker *w)
{
	struct chardev *cd = dev_of(w)->chardev;
	struct port *p;
	unsigned int i;
	int status;

	for (i = 0; i < w->active; i++) {
		p = port_of(cd, w->busy[i]);
		status = advance(p);
		if (unlikely(status)) {
			failed(w, p, status);
			return false;
		}
	}
	return true;
}

/* ---- submission --------------------------------------------------------- */

static struct pto_cmd cmd_of(const struct pto_desc *desc)
{
	return (struct pto_cmd){
		.opcode = PTO_CMD_LAUNCH,
		.flags = desc->flags & PTO_DESC_TIMESTAMP ? PTO_CMD_TIMESTAMP : 0,
		.launch = {
			.prog[0] = desc->launch.serial,
			.args = desc->launch.args,
			.nargs = desc->launch.nargs,
			.func_id = desc->launch.func_id,
		},
	};
}

/* Make a batch of what the driver has not got yet. False: it has got all. */
static bool make_batch(struct port *p)
{
	uint32_t i, n = p->core->sub->sq_tail - p->submitted;

	if (!n || p->error || p->submitting.busy)
		return false;
	for (i = 0; i < n; i++)
		p->cmds[i] = cmd_of(desc_at(p, p->submitted + i));
	p->cmds[n - 1].flags = PTO_CMD_TIMESTAMP;
	p->submit.count = n;
	p->submit.accepted = 0;
	return true;
}

static void batch_taken(struct port *p, int ret)
{
	/* What it has not accepted, it says why when it is asked again. */
	p->submitted += p->submit.accepted;
	p->accepted += p->submit.accepted;
	if (ret && ret != -EBUSY)
		p->error = ret;
}

/*
 * The seqno to wait for: half of what the core has to do, so that it goes on meanwhile; but
 * only what the driver has, or is given now.
 */
static void aim(struct port *p)
{
	p->wait.seqno = min(p->done + (pending(p) + 1) / 2, p->accepted + p->submit.count);
}

/* Nobody wakes a worker here: one that could do more looks around now and then. */
static uint64_t slice(const struct sched_worker *w)
{
	return w->room && (w->run->nworkers > 1 || w->run->window) ? WATCH_NS : SCHED_PARK_NS;
}

static void wait_uring(struct sched_worker *w, struct ring *ring)
{
	struct chardev *cd = dev_of(w)->chardev;
	unsigned int i, batches = 0;
	struct port *p;

	for (i = 0; i < w->active; i++) {
		p = port_of(cd, w->busy[i]);
		if (!make_batch(p))
			continue;
		batches++;
		ring_prepare(ring, cd, PTO_IOC_STREAM_SUBMIT, &p->submit, &p->submitting);
	}
	for (i = 0; i < w->active; i++) {
		p = port_of(cd, w->busy[i]);
		if (p->waiting.busy)
			continue;
		aim(p);
		p->wait.timeout_ns = PTO_TIMEOUT_MAX_NS;
		ring_prepare(ring, cd, PTO_IOC_STREAM_WAIT, &p->wait, &p->waiting);
	}
	/* Batches are taken at once; of the waits, one is to end. */
	ring_submit_wait(ring, batches + 1, slice(w));
	for (i = 0; i < w->active; i++) {
		p = port_of(cd, w->busy[i]);
		if (!p->submit.count || p->submitting.busy)
			continue;
		batch_taken(p, p->submitting.result);
		p->submit.count = 0;
	}
}

/* Sleep until one of several streams moves: it takes a call for each, but now there is time. */
static void wait_events(struct sched_worker *w)
{
	struct chardev *cd = dev_of(w)->chardev;
	struct pto_event_fd arm = { .size = sizeof(arm) };
	struct port *first = port_of(cd, &w->queue[0]), *p;
	struct pollfd pfd = { .events = POLLIN };
	unsigned int i;
	eventfd_t count;

	if (first->event < 0)
		first->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (i = 0; first->event >= 0 && i < w->active; i++) {
		p = port_of(cd, w->busy[i]);
		arm.stream = p->create.handle;
		arm.fd = first->event;
		arm.seqno = p->done + 1;
		chardev_call(cd, PTO_IOC_EVENT_FD, &arm);
	}
	pfd.fd = first->event;
	poll(&pfd, 1, slice(w) / NSEC_PER_MSEC);
	eventfd_read(first->event, &count);
}

static void wait_ioctl(struct sched_worker *w)
{
	struct chardev *cd = dev_of(w)->chardev;
	struct port *p, *nearest = NULL;
	unsigned int i;

	for (i = 0; i < w->active; i++) {
		p = port_of(cd, w->busy[i]);
		if (make_batch(p)) {
			batch_taken(p, chardev_call(cd, PTO_IOC_STREAM_SUBMIT, &p->submit));
			p->submit.count = 0;
		}
		if (!nearest || pending(p) < pending(nearest))
			nearest = p;
	}
	if (!nearest)
		return;
	aim(nearest);
	nearest->wait.timeout_ns = PATIENCE_NS;
	if (chardev_call(cd, PTO_IOC_STREAM_WAIT, &nearest->wait) == -ETIME)
		wait_events(w);
}

void port_wait(struct sched_worker *w)
{
	struct ring *ring = dev_of(w)->chardev->uring ? ring_thread() : NULL;

	if (ring)
		wait_uring(w, ring);
	else
		wait_ioctl(w);
}

/* ---- ends --------------------------------------------------------------- */

static int control(struct chardev *cd, struct port *p, uint32_t op)
{
	struct pto_stream_ctl ctl = { .size = sizeof(ctl), .stream = p->create.handle, .op = op };

	return chardev_call(cd, PTO_IOC_STREAM_CTL, &ctl);
}

/* After a failure: what is under way is not wanted any more. No call waits in the ring. */
void port_leave(struct sched_worker *w)
{
	struct chardev *cd = dev_of(w)->chardev;
	uint64_t deadline = now_ns() + DRAIN_NS;
	struct port *p;
	unsigned int i;

	for (i = 0; i < w->nqueues; i++) {
		p = port_of(cd, &w->queue[i]);
		if (pending(p))
			control(cd, p, PTO_STREAM_ABORT);
	}
	for (i = 0; i < w->nqueues; i++) {
		p = port_of(cd, &w->queue[i]);
		while ((p->waiting.busy || p->submitting.busy) && now_ns() < deadline)
			ring_submit_wait(ring_thread(), 1, SCHED_PARK_NS);
	}
}

/* Make a port as good as new; its stream has nothing to do any more. */
static void port_reset(struct chardev *cd, struct port *p)
{
	struct pto_queue_sub *sub = p->core->sub;
	struct pto_queue_core *queue = p->core->queue;

	if (READ_ONCE(p->page->state) == PTO_STREAM_STOPPED)
		control(cd, p, PTO_STREAM_RESUME);
	p->wait.seqno = p->accepted;
	p->wait.timeout_ns = DRAIN_NS;
	if (p->accepted)
		chardev_call(cd, PTO_IOC_STREAM_WAIT, &p->wait);
	p->done = p->accepted;
	p->error = 0;
	p->submit.count = 0;
	p->submitted = queue->sq_head = sub->sq_tail;
	sub->cq_head = queue->cq_tail;
}

void port_launch_end(struct pto_device *dev)
{
	struct chardev *cd = dev->chardev;
	struct port *p;
	unsigned int i;

	if (cd->emu)
		emu_quiesce(dev->emu, 0, cd->line.cores);
	for (i = 0; i < PTO_MAX_CORES; i++) {
		p = atomic_load(&cd->ports[i]);
		if (p)
			port_reset(cd, p);
	}
}
