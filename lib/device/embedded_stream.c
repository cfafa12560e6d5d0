// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Streams of the embedded device: copies in order, beside the caller, on a queue of the
 * emulator's.
 *
 * The stream's seqno is its queue's free-running index, widened to 64 bits. A
 * copy that faults (host memory that is not there) halts the queue; the stream
 * then says so at each call.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "device/embedded.h"

#define SLICE_NS	(10 * NSEC_PER_MSEC)

/**
 * struct embedded_stream
 * @lock:	guards @queued and the submission ring; not held across a wait
 * @queued:	seqno of the last copy queued
 * @total, @size: bytes of all copies queued, and by seqno, of each
 */
struct embedded_stream {
	struct pto_stream base;
	struct emu_core *core;
	pthread_mutex_t lock;
	int64_t queued;
	int64_t total;
	size_t size[EMU_QUEUE_DEPTH];
};

static struct embedded_stream *to_embedded(struct pto_stream *stream)
{
	return container_of(stream, struct embedded_stream, base);
}

int embedded_stream_new(struct pto_device *dev, struct pto_stream **stream)
{
	struct embedded_stream *s;
	int ret, slot;

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
	s->base.dev = dev;
	*stream = &s->base;
	return 0;
}

/*
 * The queue's index is the low half of a seqno that is at most a ring before what is queued.
 * Under the lock: what is queued must not be older than the index.
 */
static int64_t done_locked(const struct embedded_stream *s)
{
	uint32_t head = load_acquire(&s->core->queue->sq_head);

	return s->queued - (uint32_t)((uint32_t)s->queued - head);
}

static int64_t done_of(struct embedded_stream *s)
{
	int64_t done;

	pthread_mutex_lock(&s->lock);
	done = done_locked(s);
	pthread_mutex_unlock(&s->lock);
	return done;
}

static bool halted(struct embedded_stream *s)
{
	return load_acquire(&s->core->queue->state) == PTO_QUEUE_HALTED;
}

static int64_t queued_of(struct embedded_stream *s)
{
	int64_t queued;

	pthread_mutex_lock(&s->lock);
	queued = s->queued;
	pthread_mutex_unlock(&s->lock);
	return queued;
}

static int64_t submit(struct embedded_stream *s, const struct pto_desc *desc, size_t size)
{
	struct emu_core *core = s->core;
	int64_t seqno;

	pthread_mutex_lock(&s->lock);
	if (halted(s)) {
		seqno = fail(-EIO, "a copy on this stream has met an address that is not there");
	} else if (s->queued - done_locked(s) == EMU_QUEUE_DEPTH) {
		seqno = fail(-EBUSY, "%d copies are queued, more do not fit", EMU_QUEUE_DEPTH);
	} else {
		core->sub->sq[s->queued % EMU_QUEUE_DEPTH] = *desc;
		seqno = ++s->queued;
		s->size[seqno % EMU_QUEUE_DEPTH] = size;
		s->total += size;
		store_release(&core->sub->sq_tail, (uint32_t)seqno);
		atomic_thread_fence(memory_order_seq_cst);
		if (READ_ONCE(core->queue->asleep))
			emu_doorbell(s->base.dev->emu, core);
	}
	pthread_mutex_unlock(&s->lock);
	return seqno;
}

int64_t embedded_stream_submit(struct pto_stream *stream, const struct copy *copy)
{
	struct pto_desc desc = { .opcode = PTO_OP_COPY };

	if (copy->kind == COPY_FILL) {
		desc.opcode = PTO_OP_FILL;
		desc.fill.dst = (uintptr_t)copy->dst;
		desc.fill.size = copy->size;
		desc.fill.pattern = copy->pattern;
	} else {
		desc.copy.dst = (uintptr_t)copy->dst;
		desc.copy.src = (uintptr_t)copy->src;
		desc.copy.size = copy->size;
	}
	return submit(to_embedded(stream), &desc, copy->size);
}

int64_t embedded_stream_done(struct pto_stream *stream)
{
	return done_of(to_embedded(stream));
}

int64_t embedded_stream_bytes(struct pto_stream *stream)
{
	struct embedded_stream *s = to_embedded(stream);
	int64_t done, bytes;

	pthread_mutex_lock(&s->lock);
	bytes = s->total;
	for (done = done_locked(s); done < s->queued; done++)
		bytes -= s->size[(done + 1) % EMU_QUEUE_DEPTH];
	pthread_mutex_unlock(&s->lock);
	return bytes;
}

int embedded_stream_wait(struct pto_stream *stream, int64_t seqno, uint64_t timeout_ns)
{
	struct embedded_stream *s = to_embedded(stream);
	uint64_t now = now_ns(), deadline = now + timeout_ns;
	int64_t done, queued = queued_of(s);
	unsigned int event;
	uint32_t head;

	if (seqno > queued)
		return fail(-EINVAL, "seqno %lld is not queued, the last one is %lld",
			    (long long)seqno, (long long)queued);
	for (;;) {
		event = emu_event(s->base.dev->emu);
		done = done_of(s);
		if (done >= seqno || now >= deadline || halted(s))
			break;
		head = seqno;
		/* In slices: of several waiters only one is sure to be interrupted. */
		emu_wait_cores(s->base.dev->emu, &s->core, &head, 1, event,
			       min(deadline - now, SLICE_NS));
		now = now_ns();
	}
	if (halted(s))
		return fail(-EIO, "a copy on this stream has met an address that is not there");
	return done >= seqno ? 0 : fail(-ETIME, "seqno %lld is not complete yet", (long long)seqno);
}

void embedded_stream_free(struct pto_stream *stream)
{
	struct embedded_stream *s = to_embedded(stream);

	/* A copy ends, or faults: the emulator's threads never wait in one. */
	while (done_of(s) < s->queued && !halted(s))
		embedded_stream_wait(stream, s->queued, NSEC_PER_SEC);
	emu_slot_put(stream->dev->emu, s->core->slot);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
