// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Launches on a device of the driver: each core has a stream there, and a port here; so has
 * each block, for mixed tasks.
 *
 * To a worker of the scheduler a port is a queue like any other (struct emu_core): it puts
 * descriptors on a ring in this process, and its head says how many are done. Nobody
 * drains that ring beside the worker. When it has no more to do for the moment it waits
 * (port_wait), and that is when what it has put on its ports goes to the driver, as one
 * batch a stream; by io_uring all of it, and the waiting, are one system call. The head is
 * brought up to date from the stream's page (port_poll), without one.
 *
 * A worker that has room for other tasks is woken for them, but not before it has waited for a
 * while: most waits are short, and a batch of what came meanwhile costs less than each alone.
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
#include "sched/ready.h"

#define STREAM_DEPTH	(2 * EMU_QUEUE_DEPTH)
#define TIMEOUT_MIN_MS	10000
#define GRACE_MS	5000		/* the launch's own bounds come first */
#define PATIENCE_NS	NSEC_PER_MSEC	/* then it is worth while to watch for all that may come */
#define DRAIN_NS	(10 * NSEC_PER_SEC)

/**
 * struct port - a core's stream, or a block's
 * @core:	what workers see
 * @done:	seqno of the ring's head - 1
 * @accepted:	last seqno that the driver has taken
 * @submitted:	index on the ring up to which it has
 * @error:	why it took no more
 * @times:	by entry of the core's completion ring
 * @armed:	by ioctl: seqno whose completion is told to the worker's event
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
	struct emu_driver_times times[EMU_QUEUE_DEPTH];
	uint64_t armed;
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

static void set_engine(struct pto_stream_create *create, unsigned int slot)
{
	unsigned int block = slot / PTO_BLOCK_CORES, lane = slot % PTO_BLOCK_CORES;

	if (slot >= EMU_FIRST_BLOCK) {
		create->engine = PTO_ENGINE_BLOCK;
		create->index = slot - EMU_FIRST_BLOCK;
	} else {
		create->engine = lane ? PTO_ENGINE_AIV : PTO_ENGINE_AIC;
		create->index = lane ? 2 * block + lane - 1 : block;
	}
}

static int port_new(struct chardev *cd, unsigned int slot, struct port **out)
{
	struct port *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return fail(-ENOMEM, "no memory for a core's stream");
	p->create.size = sizeof(p->create);
	p->create.depth = STREAM_DEPTH;
	set_engine(&p->create, slot);
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

int port_queue(struct pto_device *dev, unsigned int slot, struct emu_core **core)
{
	struct chardev *cd = dev->chardev;
	struct port *p = atomic_load(&cd->ports[slot]);
	int ret;

	if (!p) {
		ret = port_new(cd, slot, &p);
		if (ret)
			return ret;
		atomic_store(&cd->ports[slot], p);
	}
	*core = p->core;
	return 0;
}

bool port_free_all(struct chardev *cd)
{
	bool busy = false;
	struct port *p;
	unsigned int i;

	for (i = 0; i < EMU_FIRST_STREAM; i++) {
		p = atomic_load(&cd->ports[i]);
		if (!p)
			continue;
		if (p->waiting.busy || p->submitting.busy) {
			busy = true;
			continue;
		}
		chardev_unmap_stream(cd, &p->create, p->page);
		free(p->core);
		free(p);
	}
	for (i = 0; i < SCHED_MAX_WORKERS; i++) {
		busy |= cd->wakers[i].reading.busy;
		if (cd->wakers[i].event >= 0)
			close(cd->wakers[i].event);
	}
	return !busy;
}

void port_init(struct chardev *cd)
{
	unsigned int i;

	for (i = 0; i < SCHED_MAX_WORKERS; i++)
		cd->wakers[i].event = -1;
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

static void put_cqe(struct port *p, const struct pto_cqe *cqe,
		    const struct pto_completion *entry)
{
	uint32_t i = p->core->queue->cq_tail++ % EMU_QUEUE_DEPTH;

	p->core->queue->cq[i] = *cqe;
	p->times[i] = (struct emu_driver_times){ entry->accepted, entry->done };
}

/* Of the lanes of a mixed task the driver knows when the first began and the last ended. */
static void put_times(struct sched_worker *w, struct sched_queue *q, struct port *p,
		      const struct pto_desc *desc, const struct pto_completion *entry)
{
	struct pto_cqe cqe = { .core = q->core->number, .start = entry->start, .end = entry->end };
	unsigned int lane;

	if (desc->lane != LANE_MIXED) {
		put_cqe(p, &cqe, entry);
		return;
	}
	for (lane = 0; lane < PTO_LANES; lane++) {
		cqe.core = sched_lane(w, q->block, lane)->core->number;
		if (desc->lane_mask & 1u << lane)
			put_cqe(p, &cqe, entry);
	}
}

/* Move the head. Returns 0, or how the task at the head has failed. */
static int advance(struct sched_worker *w, struct sched_queue *q, struct port *p)
{
	struct pto_queue_core *queue = p->core->queue;
	uint64_t completed = chardev_completed(p->page);
	const struct pto_completion *entry;
	const struct pto_desc *desc;

	for (; p->done < completed; p->done++) {
		entry = &p->page->ring[(p->done + 1) % STREAM_DEPTH];
		if (unlikely(entry->status))
			return entry->status;
		desc = desc_at(p, queue->sq_head);
		if (desc->flags & PTO_DESC_TIMESTAMP)
			put_times(w, q, p, desc, entry);
		if (entry->end)
			emu_note_task_ns(p->core, entry->end - entry->start);
		queue->sq_head++;
	}
	return unlikely(p->error) && queue->sq_head == p->submitted ? p->error : 0;
}

/* The flat number in this launch of a core that the device has told of; see launch_task_failed(). */
static int number_of(struct sched_worker *w, const struct sched_queue *q, int core)
{
	int blocks = dev_of(w)->blocks;

	if (q->kind != SCHED_MIXED)
		return q->core->number;
	if (core < 0)
		return -1 - (int)q->core->number;
	return sched_lane(w, q->block, core < blocks ? PTO_LANE_AIC :
			  PTO_LANE_AIV0 + (core - blocks) % 2)->core->number;
}

static void failed(struct sched_worker *w, const struct sched_queue *q, struct port *p, int status)
{
	struct chardev *cd = dev_of(w)->chardev;
	char cause[320];
	int core;

	core = chardev_describe(cd, p->create.handle, p->done + 1, status, cause, sizeof(cause));
	launch_task_failed(w, desc_at(p, p->core->queue->sq_head)->cookie, number_of(w, q, core),
			   status, cause);
}

bool port_poll(struct sched_worker *w)
{
	struct chardev *cd = dev_of(w)->chardev;
	struct port *p;
	unsigned int i;
	int status;

	for (i = 0; i < w->active; i++) {
		p = port_of(cd, w->busy[i]);
		status = advance(w, w->busy[i], p);
		if (unlikely(status)) {
			failed(w, w->busy[i], p, status);
			return false;
		}
	}
	return true;
}

/* ---- submission --------------------------------------------------------- */

static struct pto_cmd cmd_of(const struct pto_desc *desc)
{
	const struct pto_desc *lanes = (const struct pto_desc *)(uintptr_t)desc->launch.image;
	struct pto_cmd cmd = {
		.opcode = PTO_CMD_LAUNCH,
		.flags = desc->flags & PTO_DESC_TIMESTAMP ? PTO_CMD_TIMESTAMP : 0,
		.launch = {
			/* Of a mixed task without any, it is where they would be. */
			.args = desc->launch.nargs ? desc->launch.args : 0,
			.nargs = desc->launch.nargs,
			.func_id = desc->launch.func_id,
		},
	};
	unsigned int lane;

	if (desc->lane != LANE_MIXED) {
		cmd.launch.prog[0] = desc->launch.serial;
		return cmd;
	}
	cmd.launch.lane_mask = desc->lane_mask;
	for (lane = 0; lane < PTO_LANES; lane++)
		if (desc->lane_mask & 1u << lane)
			cmd.launch.prog[lane] = lanes[lane].launch.serial;
	return cmd;
}

static void batch_taken(struct port *p, int ret)
{
	/* What it has not accepted, it says why when it is asked again. */
	p->submitted += p->submit.accepted;
	p->accepted += p->submit.accepted;
	/* Nor does it say anything if a ring has made no call of it: then another way is taken. */
	if (ret && ret != -EBUSY && ret != -ECANCELED)
		p->error = ret;
	p->submit.count = 0;
}

/* What has become of the batch that went by io_uring, if that is over by now. */
static void settle_batch(struct port *p)
{
	if (p->submit.count && !p->submitting.busy)
		batch_taken(p, p->submitting.result);
}

/* Make a batch of what the driver has not got yet. False: it has got all. */
static bool make_batch(struct port *p)
{
	uint32_t i, n;

	settle_batch(p);
	n = p->core->sub->sq_tail - p->submitted;
	if (!n || p->error || p->submitting.busy)
		return false;
	for (i = 0; i < n; i++)
		p->cmds[i] = cmd_of(desc_at(p, p->submitted + i));
	p->cmds[n - 1].flags = PTO_CMD_TIMESTAMP;
	p->submit.count = n;
	p->submit.accepted = 0;
	return true;
}

/*
 * The seqno to wait for: half of what the core has to do, so that it goes on meanwhile; but
 * only what the driver has, or is given now.
 */
static uint64_t aim(const struct port *p)
{
	return min(p->done + (pending(p) + 1) / 2, p->accepted + p->submit.count);
}

/* To be made before anybody sees that the worker watches. Without one it looks around at times. */
static struct waker *waker_of(const struct sched_worker *w)
{
	struct waker *waker = &dev_of(w)->chardev->wakers[w->index];

	if (unlikely(waker->event < 0))
		waker->event = eventfd(0, EFD_CLOEXEC);
	return waker;
}

void port_rouse(struct pto_device *dev, unsigned int worker)
{
	const struct waker *waker = &dev->chardev->wakers[worker];

	if (waker->event >= 0)
		eventfd_write(waker->event, 1);
}

/* Has a task been completed since the last port_poll()? */
static bool any_done(const struct sched_worker *w)
{
	const struct port *p;
	unsigned int i;

	for (i = 0; i < w->active; i++) {
		p = port_of(dev_of(w)->chardev, w->busy[i]);
		if (p->error || chardev_completed(p->page) != p->done)
			return true;
	}
	return false;
}

/* Nothing has come for a while: wait for completions, and for other workers' tasks. */
static void watch_uring(struct sched_worker *w, struct ring *ring)
{
	struct waker *waker = waker_of(w);

	if (ready_watch(w)) {
		if (waker->event >= 0 && !waker->reading.busy)
			ring_prepare_read(ring, waker->event, &waker->value, &waker->reading);
		ring_submit_wait(ring, 1, SCHED_PARK_NS);
	}
	ready_unwatch(w);
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
		p->wait.seqno = aim(p);
		p->wait.timeout_ns = PTO_TIMEOUT_MAX_NS;
		ring_prepare(ring, cd, PTO_IOC_STREAM_WAIT, &p->wait, &p->waiting);
	}
	/* Batches are taken at once; of the waits, one is to end. */
	ring_submit_wait(ring, batches + 1, ready_watches(w) ? PATIENCE_NS : SCHED_PARK_NS);
	for (i = 0; i < w->active; i++)
		settle_batch(port_of(cd, w->busy[i]));
	if (ready_watches(w) && !any_done(w))
		watch_uring(w, ring);
}

/* Sleep until one of several streams moves, or the worker is roused. */
static void wait_events(struct sched_worker *w, const struct waker *waker)
{
	struct chardev *cd = dev_of(w)->chardev;
	struct pto_event_fd arm = { .size = sizeof(arm), .fd = waker->event };
	struct pollfd pfd = { .fd = waker->event, .events = POLLIN };
	struct port *p;
	unsigned int i;
	eventfd_t count;

	for (i = 0; waker->event >= 0 && i < w->active; i++) {
		p = port_of(cd, w->busy[i]);
		if (p->armed > p->done)
			continue;
		arm.stream = p->create.handle;
		arm.seqno = max(aim(p), p->done + 1);
		if (!chardev_call(cd, PTO_IOC_EVENT_FD, &arm))
			p->armed = arm.seqno;
	}
	/* A read that a ring began when it was of use takes the count, and has it by now. */
	if (poll(&pfd, 1, SCHED_PARK_NS / NSEC_PER_MSEC) > 0 && !waker->reading.busy)
		eventfd_read(waker->event, &count);
}

static void wait_ioctl(struct sched_worker *w)
{
	struct pto_stream_wait wait = { .size = sizeof(wait), .timeout_ns = PATIENCE_NS };
	struct chardev *cd = dev_of(w)->chardev;
	struct port *p, *nearest = NULL;
	const struct waker *waker;
	unsigned int i;

	for (i = 0; i < w->active; i++) {
		p = port_of(cd, w->busy[i]);
		if (make_batch(p))
			batch_taken(p, chardev_call(cd, PTO_IOC_STREAM_SUBMIT, &p->submit));
		if (!nearest || pending(p) < pending(nearest))
			nearest = p;
	}
	if (!nearest)
		return;
	wait.stream = nearest->create.handle;
	wait.seqno = aim(nearest);
	if (chardev_call(cd, PTO_IOC_STREAM_WAIT, &wait) != -ETIME)
		return;
	/* It takes a call for each stream, but now there is time. */
	waker = waker_of(w);
	if (ready_watch(w))
		wait_events(w, waker);
	ready_unwatch(w);
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

/*
 * After a failure: what is under way is not wanted any more. No call waits in the ring, which
 * is the thread's, and not the worker's.
 */
void port_leave(struct sched_worker *w)
{
	struct chardev *cd = dev_of(w)->chardev;
	uint64_t deadline = now_ns() + DRAIN_NS;
	struct waker *waker = &cd->wakers[w->index];
	struct port *p;
	unsigned int i;
	char where[64];

	if (waker->reading.busy)
		eventfd_write(waker->event, 1);
	ring_finish(&waker->reading, deadline);
	for (i = 0; i < w->nqueues + w->first_aiv; i++) {
		p = port_of(cd, &w->queue[i]);
		/* Not accepted after what is under way has been ended. */
		ring_finish(&p->submitting, deadline);
		settle_batch(p);
		if (!pending(p))
			continue;
		control(cd, p, PTO_STREAM_ABORT);
		snprintf(where, sizeof(where), "stream %u, seqno %llu", p->create.handle,
			 (unsigned long long)p->done + 1);
		launch_left(w, desc_at(p, p->core->queue->sq_head)->cookie,
			    number_of(w, &w->queue[i], -1), where);
	}
	for (i = 0; i < w->nqueues + w->first_aiv; i++)
		ring_finish(&port_of(cd, &w->queue[i])->waiting, deadline);
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
	p->armed = 0;
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
	for (i = 0; i < EMU_FIRST_STREAM; i++) {
		p = atomic_load(&cd->ports[i]);
		if (p)
			port_reset(cd, p);
	}
}
