// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Submitting tasks to a graph that runs, and scopes. */
#include "stream/flow.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/futex.h"
#include "device/device.h"
#include "emulator/guard.h"
#include "graph/check.h"
#include "graph/submit.h"
#include "profile/log.h"
#include "sched/launch.h"

#define OPTS_LEAST	offsetof(struct pto_flow_opts, heap)
#define SCOPE_NS	(60 * NSEC_PER_SEC)	/* of another submitter */
#define HOLD_NS		NSEC_PER_SEC		/* the same, if only for a turn to hold back */
#define TURN_NS		(2 * NSEC_PER_MSEC)	/* after which it is one's turn next */

/*
 * pto_tensor.owner: which buffer of which heap of which submitter of which stream, so that
 * one that is gone is known for what it is. The number, modulo 2^36, is that of a buffer
 * among the latest; streams are numbered from 1 on, so that it is never 0.
 */
#define OWNER_LEVEL_BITS	2
#define OWNER_FLOW_BITS		6
#define OWNER_NUMBER_BITS	36
#define OWNER_SHIFT		(OWNER_LEVEL_BITS + OWNER_FLOW_BITS)
#define OWNER_STREAM_SHIFT	(OWNER_SHIFT + OWNER_NUMBER_BITS)
#define OWNER_NUMBER		((1ull << OWNER_NUMBER_BITS) - 1)

_Static_assert(STREAM_LEVELS == 1 << OWNER_LEVEL_BITS && STREAM_FLOWS == 1 << OWNER_FLOW_BITS,
	       "an owner has a bit field for each");
_Static_assert(STREAM_SERIAL_MAX >> (64 - OWNER_STREAM_SHIFT) == 0, "and for the stream");

/* 0, or why @call can not be served; before any lock, as fork() may have left that taken. */
static int usable(const struct pto_flow *f, const char *call)
{
	int ret;

	if (!f)
		return fail(-EINVAL, "%s: the flow is NULL", call);
	ret = device_ours(f->stream->dev);
	if (ret)
		return ret;
	return likely(f->depth) ? 0 : fail(-EINVAL, "%s: the flow was finished", call);
}

/* ---- who is alone needs no lock ----------------------------------------- */

/*
 * Only a submitter makes another, and each call of one is made by one thread at a time: so
 * one that is alone stays so until its call has ended.
 */
static void lock(struct pto_flow *f)
{
	f->locked = load_acquire(&f->stream->nflows) != 1;
	if (unlikely(f->locked))
		pthread_mutex_lock(&f->stream->lock);
}

static void unlock(struct pto_flow *f)
{
	if (unlikely(f->locked))
		pthread_mutex_unlock(&f->stream->lock);
}

/* ---- scopes ------------------------------------------------------------- */

/* The heap of the innermost scope. */
static unsigned int level_of(const struct pto_flow *f)
{
	return min(f->depth, STREAM_LEVELS) - 1;
}

static void open_scope(struct pto_flow *f)
{
	f->depth++;
	f->first[f->depth - 1] = f->heap[level_of(f)].next;
	f->first_held[f->depth - 1] = f->nheld;
}

static void close_scope(struct pto_flow *f)
{
	uint32_t i, first = f->first_held[f->depth - 1];

	for (i = first; i < f->nheld; i++)
		stream_publish(f->stream, f->held[i]);
	f->stream->nheld -= f->nheld - first;
	f->nheld = first;
	if (unlikely(f->stream->nblocked))
		stream_room(f->stream);
	heap_end(&f->heap[level_of(f)], f->first[f->depth - 1]);
	f->depth--;
}

static int begin(struct pto_flow *f, unsigned int uncounted)
{
	int ret = usable(f, "pto_flow_scope_begin");

	if (ret)
		return ret;
	if (f->depth - uncounted == STREAM_DEPTH)
		return fail(-EOVERFLOW, "%d scopes are open, more there can not be", STREAM_DEPTH);
	lock(f);
	open_scope(f);
	unlock(f);
	return 0;
}

int pto_flow_scope_begin(struct pto_flow *f)
{
	return begin(f, 0);
}

int flow_scope_begin(struct pto_flow *f)
{
	return begin(f, 1);
}

int pto_flow_scope_end(struct pto_flow *f)
{
	int ret = usable(f, "pto_flow_scope_end");

	if (ret)
		return ret;
	if (f->depth == 1)
		return fail(-EINVAL, "no scope is open");
	lock(f);
	close_scope(f);
	unlock(f);
	return 0;
}

/* ---- what others hold back ---------------------------------------------- */

/* The oldest task that is held back, if that is another submitter's doing. */
static bool others_oldest(struct pto_flow *f, uint32_t *task)
{
	struct pto_flow **flows = f->stream->flows, *oldest = f;
	unsigned int i;

	if (f->stream->nheld == f->nheld)
		return false;
	for (i = 0; i < STREAM_FLOWS; i++) {
		if (!flows[i] || !flows[i]->nheld)
			continue;
		if (!oldest->nheld || (int32_t)(flows[i]->held[0] - oldest->held[0]) < 0)
			oldest = flows[i];
	}
	if (oldest == f)
		return false;
	*task = oldest->held[0];
	return true;
}

/* -EAGAIN: there will be room when another submitter's scope has ended. */
static int or_again(struct pto_flow *f, int ret)
{
	uint32_t task;

	return unlikely(ret == -ENOBUFS) && others_oldest(f, &task) ? -EAGAIN : ret;
}

/* Let others have the lock; of the task that is to be submitted nothing is there yet. */
static void let_others(struct stream *s)
{
	unsigned int event = atomic_load(&s->event);

	s->nblocked++;
	pthread_mutex_unlock(&s->lock);
	futex_wait(&s->event, event, STREAM_NAP_NS);
	pthread_mutex_lock(&s->lock);
	s->nblocked--;
}

/* Until the scope has ended that holds the oldest task back. Who does that waits for nobody. */
static int wait_for_scope(struct pto_flow *f)
{
	uint64_t deadline = now_ns() + SCOPE_NS;
	struct stream *s = f->stream;
	uint32_t task;

	if (!others_oldest(f, &task))
		return 0;
	while ((int32_t)(task - s->tail) >= 0 && stream_held(s, task) && !atomic_load(&s->error)) {
		if (now_ns() >= deadline)
			return fail(-ETIMEDOUT, "task %u is held back by a scope that another thread does not end",
				    task);
		let_others(s);
	}
	return 0;
}

/*
 * Who holds nothing back begins when nobody else does, so that a scope may hold as much as if it
 * were alone. Not if that takes long: the scope may stay open for as long as the launch, or
 * until this thread has submitted something.
 */
static void wait_to_hold(struct pto_flow *f)
{
	struct stream *s = f->stream;
	uint32_t task, oldest = f->in_vain;
	uint64_t now, begin, since;

	if (f->nheld || likely(!s->nheld && !s->turn))
		return;
	now = begin = since = now_ns();
	while (!atomic_load(&s->error)) {
		if (!others_oldest(f, &task)) {
			if (!s->turn || s->turn == f)
				break;
		} else if (task == f->in_vain) {
			break;
		} else if (task != oldest) {
			oldest = task;
			since = now;
		} else if (now - since >= HOLD_NS) {
			f->in_vain = task;
			break;
		}
		if (!s->turn && now - begin >= TURN_NS)
			s->turn = f;
		let_others(s);
		now = now_ns();
	}
	if (s->turn == f)
		s->turn = NULL;
}

/*
 * Not to take more than half of what there is while another submitter holds tasks back: it needs
 * room, too, until its scope ends.
 */
static int give_way(struct pto_flow *f)
{
	struct stream *s = f->stream;
	uint32_t half = (s->window.mask + 1) / 2, task;
	int ret = 0;

	/* Of a launch that is over the caller is told. */
	if (likely(s->nheld == f->nheld) || atomic_load(&s->error))
		return 0;
	if (s->head - s->tail >= half && others_oldest(f, &task) && s->head - task >= half)
		return -EAGAIN;
	while (!ret && stream_crowded(s) && others_oldest(f, &task))
		ret = or_again(f, stream_wait(s, s->tail, FULL_DEP_POOL));
	return ret;
}

/* ---- buffers ------------------------------------------------------------ */

static unsigned long long mib(size_t bytes, const char **unit)
{
	*unit = bytes % (1 << 20) ? "KiB" : "MiB";
	return bytes % (1 << 20) ? bytes >> 10 : bytes >> 20;
}

/* The next power of two from @n, which is not more than 2^63. */
static unsigned long long enough(uint64_t n)
{
	return n < 2 ? 1 : 1ull << (64 - __builtin_clzll(n - 1));
}

/* The depth of the scope that the oldest buffer of its heap was made in, which is still open. */
static unsigned int oldest_depth(const struct pto_flow *f, const struct heap *h)
{
	unsigned int depth = f->depth;

	while (depth > STREAM_LEVELS && f->first[depth - 1] > h->first)
		depth--;
	return depth;
}

/*
 * The heap of scopes at depth STREAM_LEVELS and more is one for all: what inner ones have used is
 * not free while an older buffer is in use, however large the ring.
 */
static __attribute__((cold)) int too_small(const struct pto_flow *f, const struct heap *h,
					   size_t size)
{
	const char *live_unit, *heap_unit;
	unsigned long long live = mib(h->live, &live_unit), all = mib(h->size, &heap_unit);
	unsigned int depth = h->first == h->next ? f->depth : oldest_depth(f, h);
	unsigned long long raise;
	char scopes[64] = "", advice[64] = "";

	if (size <= h->size && heap_behind(h))
		return fail(-ENOBUFS, "scope at depth %u needs %zu bytes more, the heap ring is %llu %s, and shared by all scopes from depth %d on: one at depth %u has a live output before %llu bytes that are done with; make that output in a scope at depth %d or less, or end its scope earlier",
			    f->depth, size, all, heap_unit, STREAM_LEVELS, depth,
			    (unsigned long long)heap_behind(h), STREAM_LEVELS - 1);
	if (size > STREAM_HEAP_MOST)
		return fail(-ENOBUFS, "scope at depth %u needs %zu bytes for one output, which no heap ring can have",
			    f->depth, size);
	/* What is free may lie in two pieces. */
	raise = min(max(enough(h->live + size), 2ull * h->size), 2 * STREAM_HEAP_MOST);
	if (raise <= STREAM_HEAP_MOST)
		snprintf(advice, sizeof(advice), "raise PTO2_RING_HEAP to %llu, or ", raise);
	if (depth != f->depth)
		snprintf(scopes, sizeof(scopes), ", with those from depth %u on that share its heap,",
			 depth);
	return fail(-ENOBUFS, "scope at depth %u%s holds %llu %s of live outputs and needs %zu bytes more, the heap ring is %llu %s: %send the scope earlier",
		    f->depth, scopes, live, live_unit, size, all, heap_unit, advice);
}

/* A buffer from the heap of the scope; waits for tasks that still use older ones. */
static int allocate(struct pto_flow *f, struct pto_tensor *t)
{
	struct stream *s = f->stream;
	unsigned int level = level_of(f);
	struct heap *h = &f->heap[level];
	uint64_t number;
	uint32_t user;
	void *ptr;
	int ret;

	if (!h->base) {
		ret = heap_create(h, s->dev->mem, s->heap_size);
		if (ret)
			return ret;
	}
	if (t->size > h->size)
		return too_small(f, h, t->size);
	for (;;) {
		heap_trim(h, s->tail, s->head);
		ret = heap_alloc(h, t->size, s->head, &number, &ptr);
		if (ret != -ENOSPC)
			break;
		if (!heap_blocker(h, &user))
			return too_small(f, h, t->size);
		ret = or_again(f, stream_wait(s, user, FULL_HEAP));
		if (ret)
			return ret;
	}
	if (ret)
		return ret;
	t->addr = (uintptr_t)ptr;
	t->owner = (uint64_t)s->serial << OWNER_STREAM_SHIFT |
		   (number & OWNER_NUMBER) << OWNER_SHIFT | f->index << OWNER_LEVEL_BITS | level;
	return 0;
}

/* A tensor that the library has allocated is used once more. */
static bool use(struct stream *s, const struct pto_tensor *t)
{
	struct pto_flow *f = s->flows[t->owner >> OWNER_LEVEL_BITS & (STREAM_FLOWS - 1)];
	struct heap *h;

	if (!f || t->owner >> OWNER_STREAM_SHIFT != s->serial)
		return false;
	h = &f->heap[t->owner & (STREAM_LEVELS - 1)];
	return heap_use(h, h->next - ((h->next - (t->owner >> OWNER_SHIFT)) & OWNER_NUMBER), s->head);
}

static int place_tensors(struct pto_flow *f)
{
	bool allocated[PTO_MAX_ARGS];
	uint32_t i;
	int ret;

	for (i = 0; i < f->task.naccesses; i++) {
		struct pto_tensor *t = f->access[i].tensor;

		ret = 0;
		allocated[i] = !t->addr;
		if (allocated[i])
			ret = allocate(f, t);
		else if (unlikely(t->owner && !use(f->stream, t)))
			ret = fail(-ESTALE, "its buffer has gone with the scope or the flow that it was made in");
		if (ret == -EAGAIN)
			break;
		if (ret) {
			fail_prefix("task %llu, tensor %u",
				    (unsigned long long)f->stream->stat.tasks, i);
			return ret;
		}
	}
	if (likely(i == f->task.naccesses))
		return 0;
	while (i--)
		if (allocated[i])
			f->access[i].tensor->addr = 0;
	return -EAGAIN;
}

/* ---- tasks -------------------------------------------------------------- */

/* The copy of the caller's tensor @i: one for all that is to get the same buffer. */
static struct pto_tensor *copy_of(struct pto_flow *f, const struct pto_access *accesses, uint32_t i)
{
	uint32_t k;

	for (k = 0; !f->tensor[i].addr && k < i; k++)
		if (accesses[k].tensor == accesses[i].tensor)
			return f->access[k].tensor;
	return &f->tensor[i];
}

static int copy_in(struct pto_flow *f, const struct pto_task *t)
{
	uint64_t id = READ_ONCE(f->stream->stat.tasks);
	uint32_t i;
	int ret;

	f->task = *t;
	t = &f->task;
	ret = submit_check(t, id);
	if (ret)
		return ret;
	for (i = 0; i < t->naccesses; i++) {
		f->access[i].dir = t->accesses[i].dir;
		if (!t->accesses[i].tensor)
			return fail(-EINVAL, "task %llu, tensor %u is NULL", (unsigned long long)id, i);
		f->tensor[i] = *t->accesses[i].tensor;
		f->access[i].tensor = copy_of(f, t->accesses, i);
	}
	if (t->nscalars)
		memcpy(f->scalar, t->scalars, t->nscalars * sizeof(*f->scalar));
	f->task.accesses = f->access;
	f->task.scalars = f->scalar;
	return submit_check_tensors(t, id);
}

static int link_task(struct stream *s, const struct pto_task *t)
{
	uint32_t i;
	int ret;

	/* For PTO_CHECK it makes no difference how far the tasks have come. */
	depmap_retire(s->deps, unlikely(s->check) ? s->head - s->window.mask : s->tail, s->head);
	ret = submit_infer(t, s->head, s->deps, &s->preds);
	/* They have run, or will, on other CPUs. */
	for (i = 0; i < s->preds.count; i++)
		__builtin_prefetch(&stream_task(s, s->preds.task[i])->node, 1);
	for (i = 0; i < s->preds.count && !ret; i++)
		ret = stream_link(s, s->preds.task[i], s->head);
	return ret;
}

/* Room to note one more task that is held back. */
static int more_held(struct pto_flow *f)
{
	uint32_t size = max(2 * f->held_size, 64u);
	uint32_t *grown;

	if (likely(f->nheld < f->held_size))
		return 0;
	grown = realloc(f->held, size * sizeof(*grown));
	if (!grown)
		return fail(-ENOMEM, "no memory for %u tasks that are held back", size);
	f->held = grown;
	f->held_size = size;
	return 0;
}

/* For the profile: the call that began at @begin, after @waits waits of all calls, has linked. */
static void log_call(struct pto_flow *f, uint64_t begin, uint64_t waits)
{
	struct stream *s = f->stream;
	struct log_submit submit = {
		.begin = begin, .end = now_ns(), .submitter = f->index,
		.waited = s->stat.waits != waits,
	};

	log_task(s->log, &submit, s->preds.task, s->preds.count);
}

static bool is_held(const struct pto_flow *f, uint32_t task)
{
	uint32_t low = 0, high = f->nheld, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (f->held[mid] == task)
			return true;
		if ((int32_t)(f->held[mid] - task) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* A place and arguments for a task. Returns lanes, as submit_lanes(). */
static int make_room(struct pto_flow *f, void **args)
{
	struct stream *s = f->stream;
	int lanes, ret = give_way(f);
	size_t size;

	/* This first: of a launch that is over there may be nothing left but the stream. */
	ret = ret ?: or_again(f, stream_next(s));
	if (ret)
		return ret;
	lanes = submit_lanes(s->graph, &f->task, s->stat.tasks);
	if (lanes < 0)
		return lanes;
	size = submit_size(&f->task, lanes);
	if (size)
		ret = or_again(f, stream_args(s, size, args));
	return ret ?: lanes;
}

/* For PTO_CHECK: what the task waits for so far. */
static void note(struct stream *s, const struct pto_task *t)
{
	uint32_t i;

	check_task(s->check, s->head, t);
	for (i = 0; i < s->preds.count; i++)
		check_after(s->check, s->head, s->preds.task[i]);
}

/* The next task comes to nothing: its arguments and buffers are free, and it uses none. */
static __attribute__((cold)) void undo(struct pto_flow *f, const void *args, uint64_t first)
{
	struct stream *s = f->stream;
	struct heap *own = &f->heap[level_of(f)];
	unsigned int i, level;

	if (args)
		s->args_head = (const char *)args - s->args;
	for (i = 0; i < STREAM_FLOWS; i++) {
		for (level = 0; s->flows[i] && level < STREAM_LEVELS; level++) {
			struct heap *h = &s->flows[i]->heap[level];

			heap_undo(h, h == own ? first : h->next, s->head);
		}
	}
}

/* Under the lock, which it keeps. -EAGAIN: nothing has come of it, see or_again(). */
static int64_t try_submit(struct pto_flow *f, uint64_t begin, uint64_t waits)
{
	struct stream *s = f->stream;
	uint64_t id, first = f->heap[level_of(f)].next;
	const struct pto_task *t = &f->task;
	void *args = NULL;
	int lanes, ret;

	lanes = make_room(f, &args);
	if (lanes < 0)
		return lanes;
	id = s->stat.tasks;
	ret = more_held(f) ?: place_tensors(f);
	if (ret) {
		undo(f, args, first);
		return ret;
	}
	submit_fill(s->graph, t, lanes, id, args, stream_open(s));
	ret = link_task(s, t);
	if (ret) {
		s->broken = ret;
		return ret;
	}
	if (unlikely(s->check))
		note(s, t);
	if (unlikely(begin))
		log_call(f, begin, waits);
	stream_commit(s);
	if (t->flags & PTO_TASK_HELD) {
		f->held[f->nheld++] = id;
		s->nheld++;
	} else {
		stream_publish(s, id);
	}
	return id;
}

/* Under the lock. */
static int64_t submit(struct pto_flow *f)
{
	struct stream *s = f->stream;
	uint64_t begin = unlikely(s->log) ? now_ns() : 0, waits = s->stat.waits;
	int64_t id;

	do {
		if (f->task.flags & PTO_TASK_HELD)
			wait_to_hold(f);
		id = try_submit(f, begin, waits);
	} while (unlikely(id == -EAGAIN) && !(id = wait_for_scope(f)));
	return id;
}

/* What was allocated has an address now. */
static void copy_out(const struct pto_flow *f, const struct pto_access *accesses)
{
	uint32_t i;

	for (i = 0; i < f->task.naccesses; i++) {
		struct pto_tensor *t = accesses[i].tensor;

		if (t->addr)
			continue;
		t->addr = f->access[i].tensor->addr;
		t->owner = f->access[i].tensor->owner;
	}
}

int64_t pto_flow_submit(struct pto_flow *f, const struct pto_task *t)
{
	int64_t id = usable(f, "pto_flow_submit");

	if (id)
		return id;
	if (!t)
		return fail(-EINVAL, "pto_flow_submit: the task is NULL");
	id = copy_in(f, t);
	if (id)
		return id;
	lock(f);
	id = submit(f);
	unlock(f);
	if (id >= 0)
		copy_out(f, t->accesses);
	return id;
}

/* Under the lock. */
static int add_edge(struct pto_flow *f, int64_t from, int64_t to)
{
	struct stream *s = f->stream;
	unsigned int i, level;
	int ret;

	if (from < 0 || from >= to || to >= s->stat.tasks)
		return fail(-EINVAL, "edge %lld -> %lld: there are %llu tasks, and each waits for earlier ones",
			    (long long)from, (long long)to, (unsigned long long)s->stat.tasks);
	if (!is_held(f, to))
		return fail(-EINVAL, "edge %lld -> %lld: task %lld is not held back, or its scope has ended",
			    (long long)from, (long long)to, (long long)to);
	for (i = 0; i < STREAM_FLOWS; i++)
		for (level = 0; s->flows[i] && level < STREAM_LEVELS; level++)
			heap_keep(&s->flows[i]->heap[level], from, to, s->head);
	if (unlikely(s->check))
		check_after(s->check, to, from);
	if (unlikely(s->log))
		log_edge(s->log, from, to);
	do
		ret = or_again(f, stream_link(s, from, to));
	while (unlikely(ret == -EAGAIN) && !(ret = wait_for_scope(f)));
	return ret;
}

int pto_flow_add_edge(struct pto_flow *f, int64_t from, int64_t to)
{
	int ret = usable(f, "pto_flow_add_edge");

	if (ret)
		return ret;
	lock(f);
	ret = add_edge(f, from, to);
	unlock(f);
	return ret;
}

/* ---- life --------------------------------------------------------------- */

static struct pto_flow *new_flow(struct stream *s, unsigned int index)
{
	struct pto_flow *f = aligned_alloc(_Alignof(struct pto_flow), sizeof(*f));

	if (!f) {
		fail(-ENOMEM, "no memory for a flow");
		return NULL;
	}
	memset(f, 0, offsetof(struct pto_flow, task));
	f->stream = s;
	f->index = index;
	f->in_vain = TASK_NONE;
	s->flows[index] = f;
	return f;
}

/*
 * Under the lock. One that was finished begins anew: its heaps may still be in use, and go on
 * numbering their buffers.
 */
static int add_flow(struct stream *s, struct pto_flow **flow)
{
	struct pto_flow *f;
	unsigned int i;

	for (i = 0; i < STREAM_FLOWS && s->flows[i] && s->flows[i]->depth; i++)
		;
	if (i == STREAM_FLOWS)
		return fail(-EBUSY, "%d threads submit already", STREAM_FLOWS);
	f = s->flows[i] ?: new_flow(s, i);
	if (!f)
		return -ENOMEM;
	open_scope(f);
	store_release(&s->nflows, s->nflows + 1);
	*flow = f;
	return 0;
}

static void free_all(struct stream *s)
{
	unsigned int i, level;

	for (i = 0; i < STREAM_FLOWS; i++) {
		if (!s->flows[i])
			continue;
		for (level = 0; level < STREAM_LEVELS; level++)
			heap_destroy(&s->flows[i]->heap[level], s->dev->mem);
		free(s->flows[i]->held);
		free(s->flows[i]);
	}
	stream_free(s);
}

static int read_opts(const struct pto_flow_opts *in, struct pto_flow_opts *o)
{
	memset(o, 0, sizeof(*o));
	if (in) {
		if (in->size < OPTS_LEAST || in->size > sizeof(*o))
			return fail(-EINVAL, "pto_flow_opts: size is %u", in->size);
		memcpy(o, in, in->size);
		if (o->flags)
			return fail(-EINVAL, "unknown flow flags %#x", o->flags);
	}
	return stream_settings(o);
}

int flow_start(struct pto_graph *g, const struct pto_launch_opts *opts,
	       const struct pto_flow_opts *flow_opts, unsigned int lends, struct pto_flow **flow)
{
	struct pto_flow_opts o;
	struct sched *sched;
	struct stream *s;
	struct pto_flow *f;
	int ret;

	if (!g || !flow)
		return fail(-EINVAL, "pto_flow_start: NULL argument");
	if (g->ntasks)
		return fail(-EINVAL, "pto_flow_start: the graph has %u tasks; it may only have kernels",
			    g->ntasks);
	ret = device_usable(g->dev) ?: read_opts(flow_opts, &o) ?: launch_sched(g->dev, &sched) ?:
	      stream_create(g, sched, &o, &s);
	if (ret)
		return ret;
	s->lends = lends;
	ret = add_flow(s, &f) ?: launch_async(g, opts, s, &f->launch);
	if (ret)
		free_all(s);
	else
		*flow = f;
	return ret;
}

int pto_flow_start(struct pto_graph *g, const struct pto_launch_opts *opts,
		   const struct pto_flow_opts *flow_opts, struct pto_flow **flow)
{
	return flow_start(g, opts, flow_opts, 0, flow);
}

int pto_flow_fork(struct pto_flow *f, struct pto_flow **other)
{
	int ret = usable(f, "pto_flow_fork");

	if (ret)
		return ret;
	if (!other)
		return fail(-EINVAL, "pto_flow_fork: other is NULL");
	pthread_mutex_lock(&f->stream->lock);
	ret = add_flow(f->stream, other);
	pthread_mutex_unlock(&f->stream->lock);
	return ret;
}

void pto_flow_cancel(struct pto_flow *f)
{
	if (f)
		pto_launch_cancel(f->stream->flows[0]->launch);
}

static void max_heaps(const struct pto_flow *f, struct pto_flow_stat *stat)
{
	unsigned int k;

	for (k = 0; k < STREAM_LEVELS; k++) {
		stat->heap_peak[k] = max(stat->heap_peak[k], (uint64_t)READ_ONCE(f->heap[k].peak));
		stat->scope_peak[k] = max(stat->scope_peak[k],
					  (uint64_t)READ_ONCE(f->heap[k].live_peak));
	}
}

int pto_flow_stat(struct pto_flow *f, struct pto_flow_stat *stat)
{
	struct stream *s;
	unsigned int i;
	int ret;

	if (!f || !stat || stat->size != sizeof(*stat))
		return fail(-EINVAL, "pto_flow_stat: NULL argument, or size is not %zu", sizeof(*stat));
	ret = device_ours(f->stream->dev);
	if (ret)
		return ret;
	s = f->stream;
	*stat = (struct pto_flow_stat){
		.size = sizeof(*stat),
		.dep_peak = READ_ONCE(s->stat.dep_peak),
		.tasks = READ_ONCE(s->stat.tasks),
		.waits = READ_ONCE(s->stat.waits),
		.window_peak = READ_ONCE(s->stat.window_peak),
	};
	pthread_mutex_lock(&s->lock);
	for (i = 0; i < STREAM_FLOWS; i++)
		if (s->flows[i])
			max_heaps(s->flows[i], stat);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

void flow_end(struct pto_flow *f)
{
	struct stream *s = f->stream;

	pthread_mutex_lock(&s->lock);
	while (f->depth)
		close_scope(f);
	if (s->nflows == 1)
		stream_close(s);
	/* Another one may be alone from here on, and does not wait for this lock. */
	store_release(&s->nflows, s->nflows - 1);
	pthread_mutex_unlock(&s->lock);
}

void flow_lend(struct pto_flow *f)
{
	struct stream *s = f->stream;
	int worker = s->lends ? sched_join(s->sched, s) : -EAGAIN;

	/* Not before: when the last one ends the launch may. */
	flow_end(f);
	if (worker >= 0)
		threads_lend(s->sched, worker, guard_thread());
}

int flow_verdict(struct pto_flow *f)
{
	if (f->stream->broken)
		return graph_deps_lost(f->stream->broken);
	return f->stream->check ? check_flow(f->stream->check) : 0;
}

void flow_free(struct pto_flow *f)
{
	free_all(f->stream);
}

int pto_flow_finish(struct pto_flow *f)
{
	unsigned int others;
	int ret = usable(f, "pto_flow_finish");

	if (ret)
		return ret;
	pthread_mutex_lock(&f->stream->lock);
	others = f->stream->nflows - 1;
	pthread_mutex_unlock(&f->stream->lock);
	if (f->launch && others)
		return fail(-EBUSY, "%u forked flows have not been finished", others);
	flow_end(f);
	if (!f->launch)
		return 0;
	/* It ends: what was submitted is run, or the launch fails. */
	do
		ret = launch_wait(f->launch, INT_MAX);
	while (ret == -EINPROGRESS);
	if (!ret)
		ret = flow_verdict(f);
	pto_launch_free(f->launch);
	flow_free(f);
	return ret;
}
