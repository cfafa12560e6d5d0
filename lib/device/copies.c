// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Streams of copies on a device of the driver.
 *
 * A copy is one seqno to the caller, and goes to the driver in pieces: it takes
 * only so much host memory at once, which it pins, and who waits sees progress. Pieces that
 * find no room stay behind; a thread that the stream gets when that first happens
 * hands them over as earlier ones complete, so that a large copy goes on beside its caller.
 *
 * A copy that fails stops the stream, which says so at each call.
 */
#include "device/chardev.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/thread.h"

#define DEPTH		64	/* copies of the caller's, and pieces with the driver */
#define PIECE		(4u << 20)
#define PINNED		(16u << 20)	/* by this stream; others of the context need some, too */
#define SLICE_NS	(50 * NSEC_PER_MSEC)
#define FREE_NS		(60 * NSEC_PER_SEC)
#define NAP_NS		(1 * NSEC_PER_MSEC)
#define NO_MEMORY_NS	(10 * NSEC_PER_SEC)

/**
 * struct job - a copy
 * @sent:	bytes that the driver has been given
 * @last:	the driver's seqno of the latest piece
 */
struct job {
	struct copy copy;
	size_t sent;
	uint64_t last;
};

/**
 * struct copies - a stream
 * @lock:	guards all that follows; not held across a wait
 * @changed:	there is something for the thread
 * @queued, @done: seqnos of the caller's
 * @sending:	the first copy that the driver has not got whole
 * @given, @completed: seqnos of the driver's
 * @pinned:	bytes of host memory in the pieces between them
 * @no_memory:	since when the driver, which has nothing of the stream's, finds no memory; 0: it does
 * @moved:	bytes that have been copied
 * @piece:	by the driver's seqno: bytes of the piece, and how many of @pinned are its own
 * @error:	the stream has failed; @text says why
 */
struct copies {
	struct pto_stream base;
	struct pto_stream_create create;
	const struct pto_stream_page *page;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool started;
	bool stop;
	int64_t queued, done, sending;
	uint64_t given, completed;
	size_t pinned;
	uint64_t no_memory;
	int64_t moved;
	struct {
		uint32_t size, pinned;
	} piece[DEPTH];
	struct job jobs[DEPTH];
	int error;
	char text[320];
};

static struct copies *to_copies(struct pto_stream *stream)
{
	return container_of(stream, struct copies, base);
}

static struct chardev *cd_of(const struct copies *s)
{
	return s->base.dev->chardev;
}

static struct job *job_at(struct copies *s, int64_t seqno)
{
	return &s->jobs[seqno % DEPTH];
}

/* ---- with the lock held ------------------------------------------------- */

static void stream_fails(struct copies *s, int error, uint64_t seqno)
{
	char cause[256];

	if (s->error)
		return;
	s->error = error;
	chardev_describe(cd_of(s), s->create.handle, seqno, error, cause, sizeof(cause));
	snprintf(s->text, sizeof(s->text), "a copy on a stream of %s failed: %s",
		 s->base.dev->name, cause);
}

/* Take over what the driver has done. */
static void take_completed(struct copies *s)
{
	uint64_t completed = chardev_completed(s->page);
	const struct pto_completion *entry;

	while (s->completed < completed) {
		s->completed++;
		entry = &s->page->ring[s->completed % DEPTH];
		if (entry->status)
			stream_fails(s, entry->status, s->completed);
		else
			s->moved += s->piece[s->completed % DEPTH].size;
		s->pinned -= s->piece[s->completed % DEPTH].pinned;
	}
	while (!s->error && s->done + 1 < s->sending &&
	       job_at(s, s->done + 1)->last <= s->completed)
		s->done++;
}

static struct pto_cmd piece_of(const struct job *job, size_t size)
{
	static const uint32_t dirs[] = {
		[COPY_TO_DEVICE] = PTO_COPY_H2D,
		[COPY_FROM_DEVICE] = PTO_COPY_D2H,
		[COPY_ON_DEVICE] = PTO_COPY_D2D,
	};
	const struct copy *c = &job->copy;
	uint64_t dst = (uintptr_t)c->dst + job->sent;

	if (c->kind == COPY_FILL)
		return (struct pto_cmd){ .opcode = PTO_CMD_FILL,
					 .fill = { dst, size, c->pattern, 0 } };
	return (struct pto_cmd){
		.opcode = PTO_CMD_COPY,
		.copy = { dirs[c->kind], 0, dst, (uintptr_t)c->src + job->sent, size },
	};
}

/*
 * There is no memory for a piece: other streams have pinned what a context may, and have it
 * until some time after they are done. Or there is none at all.
 */
static bool memory_may_come(struct copies *s)
{
	uint64_t now = now_ns();

	if (s->given != s->completed)
		return true;
	if (!s->no_memory)
		s->no_memory = now;
	return now - s->no_memory < NO_MEMORY_NS;
}

/* Give the driver the next piece of a copy. -EBUSY: there is no room now. */
static int send_piece(struct copies *s, struct job *job)
{
	bool host = job->copy.kind == COPY_TO_DEVICE || job->copy.kind == COPY_FROM_DEVICE;
	size_t size = min(job->copy.size - job->sent, (size_t)PIECE);
	struct pto_cmd cmd = piece_of(job, size);
	struct pto_stream_submit submit = {
		.size = sizeof(submit),
		.stream = s->create.handle,
		.count = 1,
		.cmds = (uintptr_t)&cmd,
	};
	int ret;

	if (s->given - s->completed == DEPTH || (host && s->pinned + size > PINNED))
		return -EBUSY;
	ret = chardev_call(cd_of(s), PTO_IOC_STREAM_SUBMIT, &submit);
	if (ret == -ENOMEM && memory_may_come(s))
		return -EBUSY;
	if (ret)
		return ret;
	s->no_memory = 0;
	s->given = submit.first_seqno;
	s->piece[s->given % DEPTH].size = size;
	s->piece[s->given % DEPTH].pinned = host ? size : 0;
	s->pinned += host ? size : 0;
	job->sent += size;
	job->last = s->given;
	return 0;
}

/* Give the driver what it takes. Returns 0, or why the copy at s->sending is refused. */
static int pump(struct copies *s)
{
	struct job *job;
	int ret = 0;

	take_completed(s);
	while (!s->error && !ret && s->sending <= s->queued) {
		job = job_at(s, s->sending);
		ret = send_piece(s, job);
		if (!ret && job->sent == job->copy.size)
			s->sending++;
	}
	/* A fault has stopped the stream since: whose, its entry says. */
	if (ret == -EIO)
		take_completed(s);
	return ret == -EBUSY ? 0 : ret;
}

/* The same, for copies that were accepted before. */
static void pump_on(struct copies *s)
{
	int ret = pump(s);

	if (ret)
		stream_fails(s, ret, s->given + 1);
}

/* The driver's seqno to wait for; 0: it has nothing of the stream's. */
static uint64_t next_piece(const struct copies *s)
{
	return s->given == s->completed ? 0 : s->completed + 1;
}

static int error_of(const struct copies *s)
{
	return s->error ? fail_set(s->error, s->text) : 0;
}

/* ---- the thread --------------------------------------------------------- */

/* Until the driver's seqno is complete; 0: for a moment, as nobody tells when there is memory. */
static int wait_driver(struct copies *s, uint64_t seqno, uint64_t timeout_ns)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	struct pto_stream_wait wait = {
		.size = sizeof(wait),
		.stream = s->create.handle,
		.seqno = seqno,
		.timeout_ns = min(timeout_ns, (uint64_t)PTO_TIMEOUT_MAX_NS),
	};

	if (!seqno)
		return nanosleep(&nap, NULL);
	return chardev_call(cd_of(s), PTO_IOC_STREAM_WAIT, &wait);
}

static void *copies_main(void *arg)
{
	struct copies *s = arg;
	uint64_t next;

	pthread_setname_np(pthread_self(), "pto-copy");
	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		pump_on(s);
		if (s->error || s->sending > s->queued) {
			pthread_cond_wait(&s->changed, &s->lock);
			continue;
		}
		next = next_piece(s);
		pthread_mutex_unlock(&s->lock);
		wait_driver(s, next, SLICE_NS);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* There is more than the driver takes now. */
static int need_thread(struct copies *s)
{
	int ret;

	if (!s->started) {
		ret = thread_start(&s->thread, NULL, copies_main, s);
		if (ret)
			return ret;
		s->started = true;
	}
	pthread_cond_signal(&s->changed);
	return 0;
}

/* ---- calls -------------------------------------------------------------- */

int copies_new(struct pto_device *dev, struct pto_stream **stream)
{
	struct copies *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return fail(-ENOMEM, "no memory for a stream");
	s->base.dev = dev;
	s->sending = 1;
	s->create.size = sizeof(s->create);
	s->create.engine = PTO_ENGINE_COPY;
	s->create.depth = DEPTH;
	ret = chardev_map_stream(dev->chardev, &s->create, &s->page);
	if (ret) {
		free(s);
		return ret;
	}
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	*stream = &s->base;
	return 0;
}

static int refused(struct copies *s, int ret)
{
	if (ret == -EFAULT)
		return fail(ret, "a copy on a stream of %s: the host memory is not there",
			    s->base.dev->name);
	if (ret == -ENODEV)
		return device_dead(s->base.dev);
	return fail(ret, "a copy on a stream of %s is refused: %s", s->base.dev->name,
		    strerror(-ret));
}

static int64_t submit(struct copies *s, const struct copy *copy)
{
	struct job *job;
	int ret;

	pump_on(s);
	if (s->error)
		return error_of(s);
	if (s->queued - s->done == DEPTH)
		return fail(-EBUSY, "%d copies are queued, more do not fit", DEPTH);
	job = job_at(s, ++s->queued);
	*job = (struct job){ .copy = *copy };
	ret = pump(s);
	if (!ret && s->sending <= s->queued)
		ret = need_thread(s);
	if (!ret)
		return s->queued;
	/* Nothing of it was given, or it is the stream that fails. */
	if (job->sent || s->sending < s->queued) {
		stream_fails(s, ret, s->given + 1);
		return error_of(s);
	}
	s->queued--;
	return s->error ? error_of(s) : refused(s, ret);
}

int64_t copies_submit(struct pto_stream *stream, const struct copy *copy)
{
	struct copies *s = to_copies(stream);
	int64_t ret;

	pthread_mutex_lock(&s->lock);
	ret = submit(s, copy);
	pthread_mutex_unlock(&s->lock);
	return ret;
}

int64_t copies_done(struct pto_stream *stream)
{
	struct copies *s = to_copies(stream);
	int64_t done;

	pthread_mutex_lock(&s->lock);
	pump_on(s);
	done = s->done;
	pthread_mutex_unlock(&s->lock);
	return done;
}

int64_t copies_bytes(struct pto_stream *stream)
{
	struct copies *s = to_copies(stream);
	int64_t moved;

	pthread_mutex_lock(&s->lock);
	pump_on(s);
	moved = s->moved;
	pthread_mutex_unlock(&s->lock);
	return moved;
}

/* Returns 0 once @seqno is complete, 1 with the driver's seqno to wait for, or an error. */
static int look(struct copies *s, int64_t seqno, uint64_t *next)
{
	int ret;

	pthread_mutex_lock(&s->lock);
	pump_on(s);
	if (seqno > s->queued)
		ret = fail(-EINVAL, "seqno %lld is not queued, the last one is %lld",
			   (long long)seqno, (long long)s->queued);
	else if (s->done >= seqno)
		ret = 0;
	else
		ret = s->error ? error_of(s) : 1;
	*next = seqno < s->sending ? job_at(s, seqno)->last : next_piece(s);
	pthread_mutex_unlock(&s->lock);
	return ret;
}

static int wait_until(struct copies *s, int64_t seqno, uint64_t timeout_ns)
{
	uint64_t now = now_ns(), deadline = now + timeout_ns, next;
	int ret;

	while ((ret = look(s, seqno, &next)) > 0 && now < deadline) {
		/* In slices: the thread that moves the stream on takes no part in this. */
		ret = wait_driver(s, next, min(deadline - now, SLICE_NS));
		if (ret == -ENODEV)
			return device_dead(s->base.dev);
		now = now_ns();
	}
	return ret > 0 ? fail(-ETIME, "seqno %lld is not complete yet", (long long)seqno) : ret;
}

int copies_wait(struct pto_stream *stream, int64_t seqno, uint64_t timeout_ns)
{
	return wait_until(to_copies(stream), seqno, timeout_ns);
}

void copies_free(struct pto_stream *stream)
{
	struct copies *s = to_copies(stream);

	wait_until(s, s->queued, FREE_NS);
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (s->started)
		pthread_join(s->thread, NULL);
	/* What is not done by now is cancelled with the stream. */
	chardev_unmap_stream(cd_of(s), &s->create, s->page);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
