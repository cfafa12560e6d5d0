// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Streams: copies in order, beside the caller, on a queue of the emulator's.
 *
 * The stream's seqno is its queue's free-running index, widened to 64 bits. A
 * copy that faults (host memory that is not there) halts the queue; the stream
 * then says so at each call.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "device/device.h"
#include "device/memory.h"

#define SLICE_NS	(10 * NSEC_PER_MSEC)

/**
 * struct pto_stream
 * @lock:	guards @queued and the submission ring; not held across a wait
 * @queued:	seqno of the last copy queued
 */
struct pto_stream {
	struct pto_device *dev;
	struct emu_core *core;
	pthread_mutex_t lock;
	int64_t queued;
};

int pto_stream_create(struct pto_device *dev, struct pto_stream **stream)
{
	struct pto_stream *s;
	int ret, slot;

	if (!dev || !stream)
		return fail(-EINVAL, "pto_stream_create: NULL argument");
	if (device_usable(dev))
		return -EPERM;
	ret = emu_threads_start(dev->emu);
	if (ret < 0)
		return ret;
	s = calloc(1, sizeof(*s));
	if (!s)
		return fail(-ENOMEM, "no memory for a stream");
	slot = emu_slot_get(dev->emu);
	if (slot < 0) {
		free(s);
		return slot;
	}
	s->core = emu_core(dev->emu, slot);
	if (!s->core) {
		emu_slot_put(dev->emu, slot);
		free(s);
		return -ENOMEM;
	}
	emu_quiesce(dev->emu, slot, slot + 1);
	s->queued = s->core->sub->sq_tail;
	pthread_mutex_init(&s->lock, NULL);
	device_get(dev);
	s->dev = dev;
	*stream = s;
	return 0;
}

/* The queue's index is the low half of a seqno that is at most a ring away. */
static int64_t done_of(struct pto_stream *s, int64_t queued)
{
	uint32_t head = load_acquire(&s->core->queue->sq_head);

	return queued - (uint32_t)((uint32_t)queued - head);
}

static bool halted(struct pto_stream *s)
{
	return load_acquire(&s->core->queue->state) == PTO_QUEUE_HALTED;
}

static int64_t queued_of(struct pto_stream *s)
{
	int64_t queued;

	pthread_mutex_lock(&s->lock);
	queued = s->queued;
	pthread_mutex_unlock(&s->lock);
	return queued;
}

static int64_t submit(struct pto_stream *s, const struct pto_desc *desc)
{
	struct emu_core *core = s->core;
	int64_t seqno;

	pthread_mutex_lock(&s->lock);
	if (halted(s)) {
		seqno = fail(-EIO, "a copy on this stream has met an address that is not there");
	} else if (s->queued - done_of(s, s->queued) == EMU_QUEUE_DEPTH) {
		seqno = fail(-EBUSY, "%d copies are queued, more do not fit", EMU_QUEUE_DEPTH);
	} else {
		core->sub->sq[s->queued % EMU_QUEUE_DEPTH] = *desc;
		seqno = ++s->queued;
		store_release(&core->sub->sq_tail, (uint32_t)seqno);
		atomic_thread_fence(memory_order_seq_cst);
		if (READ_ONCE(core->queue->asleep))
			emu_doorbell(s->dev->emu, core);
	}
	pthread_mutex_unlock(&s->lock);
	return seqno;
}

static int64_t submit_copy(struct pto_stream *s, void *dst, const void *src, size_t size,
			   const void *device)
{
	struct pto_desc desc = { .opcode = PTO_OP_COPY };
	int ret;

	if (!s || !dst || !src || !size)
		return fail(-EINVAL, "stream copy: a NULL argument, or no bytes");
	if (device_usable(s->dev))
		return -EPERM;
	ret = mem_check(s->dev->mem, device, size);
	if (ret)
		return ret;
	desc.copy.dst = (uintptr_t)dst;
	desc.copy.src = (uintptr_t)src;
	desc.copy.size = size;
	return submit(s, &desc);
}

int64_t pto_stream_write(struct pto_stream *s, void *dst, const void *src, size_t size)
{
	return submit_copy(s, dst, src, size, dst);
}

int64_t pto_stream_read(struct pto_stream *s, void *dst, const void *src, size_t size)
{
	return submit_copy(s, dst, src, size, src);
}

int64_t pto_stream_copy(struct pto_stream *s, void *dst, const void *src, size_t size)
{
	if (s && size && !device_usable(s->dev) && mem_check(s->dev->mem, src, size))
		return -EINVAL;
	return submit_copy(s, dst, src, size, dst);
}

int64_t pto_stream_fill(struct pto_stream *s, void *dst, uint32_t pattern, size_t size)
{
	struct pto_desc desc = { .opcode = PTO_OP_FILL };
	int ret;

	if (!s || !dst || !size || size % 4 || (uintptr_t)dst % 4)
		return fail(-EINVAL, "stream fill: address and size must be multiples of 4");
	if (device_usable(s->dev))
		return -EPERM;
	ret = mem_check(s->dev->mem, dst, size);
	if (ret)
		return ret;
	desc.fill.dst = (uintptr_t)dst;
	desc.fill.size = size;
	desc.fill.pattern = pattern;
	return submit(s, &desc);
}

int64_t pto_stream_done(struct pto_stream *s)
{
	if (!s)
		return fail(-EINVAL, "pto_stream_done: the stream is NULL");
	if (device_usable(s->dev))
		return -EPERM;
	return done_of(s, queued_of(s));
}

int pto_stream_wait(struct pto_stream *s, int64_t seqno, int timeout_ms)
{
	uint64_t now = now_ns(), deadline;
	int64_t done, queued;
	uint32_t head;

	if (!s || timeout_ms < 0)
		return fail(-EINVAL, "pto_stream_wait: %s", s ? "a negative timeout" : "NULL stream");
	if (device_usable(s->dev))
		return -EPERM;
	queued = queued_of(s);
	if (seqno < 0 || seqno > queued)
		return fail(-EINVAL, "seqno %lld is not queued, the last one is %lld",
			    (long long)seqno, (long long)queued);
	deadline = now + timeout_ms * NSEC_PER_MSEC;
	while ((done = done_of(s, queued)) < seqno && now < deadline) {
		head = seqno;
		/* In slices: of several waiters only one is sure to be interrupted. */
		emu_wait_cores(s->dev->emu, &s->core, &head, 1, min(deadline - now, SLICE_NS));
		now = now_ns();
	}
	if (halted(s))
		return fail(-EIO, "a copy on this stream has met an address that is not there");
	return done >= seqno ? 0 : fail(-ETIME, "seqno %lld is not complete yet", (long long)seqno);
}

void pto_stream_destroy(struct pto_stream *s)
{
	if (!s)
		return;
	if (!device_usable(s->dev)) {
		/* A copy ends, or faults: the emulator's threads never wait in one. */
		while (done_of(s, s->queued) < s->queued && !halted(s))
			pto_stream_wait(s, s->queued, 1000);
		emu_slot_put(s->dev->emu, s->core->slot);
	}
	pthread_mutex_destroy(&s->lock);
	device_put(s->dev);
	free(s);
}
