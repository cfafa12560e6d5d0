/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Ready tasks: how they are kept, shared and found. Used by both loops.
 *
 * Functions take a compile-time @mode. ALONE: a run of one worker, where
 * nothing needs to be atomic and nobody needs to be woken. WINDOW: shared too, with
 * those who add tasks.
 *
 * Modelled in selftests/models/: ring.pml, sched.pml and order.cc.
 */
#ifndef SCHED_READY_H
#define SCHED_READY_H

#include "base/stress.h"
#include "sched/sched.h"

#define relaxed memory_order_relaxed

#define READY_SHARE	32	/* tasks made public at once */
#define READY_BATCH	16	/* tasks taken at once from those who submit */
#define READY_ROOTS	1024u	/* roots taken at once, at the most */

enum ready_mode { ALONE, SHARED, WINDOW };

/* The kind of core that a task runs on, or SCHED_MIXED. */
static __inline unsigned int desc_kind(const struct pto_desc *desc)
{
	_Static_assert(PTO_CORE_AIC == 0 && PTO_CORE_AIV == 1 && SCHED_MIXED == 2 &&
		       PTO_LANE_AIC == 0 && PTO_LANE_AIV0 == 1 && PTO_LANE_AIV1 == 2 &&
		       LANE_MIXED == 3, "the kinds follow the lanes");

	return (desc->lane + 1u) / 2;
}

/* Begin to fetch it: of one task in four it is three cache lines. */
static __inline void task_prefetch(const struct graph_task *t)
{
	__builtin_prefetch(&t->desc);
	__builtin_prefetch(&t->node, 1);
	__builtin_prefetch(&t->node.more, 1);
}

static __inline bool ring_empty(const struct sched_ring *r)
{
	return atomic_load_explicit(&r->head, relaxed) == atomic_load_explicit(&r->tail, relaxed);
}

/* By the ring's owner. False: full. */
static __inline bool ring_put(struct sched_ring *r, uint32_t task)
{
	uint64_t tail = atomic_load_explicit(&r->tail, relaxed);

	if (tail - atomic_load_explicit(&r->head, memory_order_acquire) == SCHED_RING)
		return false;
	atomic_store_explicit(&r->slot[tail % SCHED_RING], task, relaxed);
	stress_point();
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return true;
}

/* By anybody. */
static inline uint32_t ring_take(struct sched_ring *r)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
	uint32_t task;

	while (head != atomic_load_explicit(&r->tail, memory_order_acquire)) {
		task = atomic_load_explicit(&r->slot[head % SCHED_RING], relaxed);
		stress_point();
		if (atomic_compare_exchange_weak_explicit(&r->head, &head, head + 1,
							  memory_order_acq_rel,
							  memory_order_acquire))
			return task;
	}
	return TASK_NONE;
}

/* The worker's empty public ring has got @n tasks: is there somebody to take them? */
static __inline void ready_announce(struct sched_worker *w, unsigned int n)
{
	struct sched_run *run = w->run;

	atomic_thread_fence(memory_order_seq_cst);
	stress_point();
	while (n-- && unlikely(atomic_load_explicit(&run->parked, relaxed)))
		run->ops->wake(run, ~0ull);
}

/* Keep a ready task: in public if nothing is there, for others to find; else in private. */
static __inline void ready_put(struct sched_worker *w, unsigned int list, uint32_t task,
			       enum ready_mode mode)
{
	struct graph_task *t;

	if (mode && ring_empty(&w->ring[list]) && ring_put(&w->ring[list], task)) {
		ready_announce(w, 1);
		return;
	}
	t = slab_task(w->run->slabs, task);
	__builtin_prefetch(&t->desc);
	atomic_store_explicit(&t->node.count, w->ready[list], relaxed);
	w->ready[list] = task;
}

/* Others have taken all that was in public: give them more of the private ones. */
static __attribute__((noinline)) void ready_share(struct sched_worker *w, unsigned int list)
{
	uint32_t task = w->ready[list], next;
	unsigned int n;

	for (n = 0; n < READY_SHARE && task != TASK_NONE; n++, task = next) {
		/* Once it is in public it is somebody else's. */
		next = atomic_load_explicit(&slab_node(w->run->slabs, task)->count, relaxed);
		if (!ring_put(&w->ring[list], task))
			break;
	}
	w->ready[list] = task;
	ready_announce(w, n);
}

/* Take one of the worker's own. */
static __inline uint32_t ready_take(struct sched_worker *w, unsigned int list, enum ready_mode mode)
{
	uint32_t task = w->ready[list];

	if (likely(task != TASK_NONE)) {
		w->ready[list] = atomic_load_explicit(
			&slab_node(w->run->slabs, task)->count, relaxed);
		if (mode && w->ready[list] != TASK_NONE && ring_empty(&w->ring[list]))
			ready_share(w, list);
		return task;
	}
	return mode && !ring_empty(&w->ring[list]) ? ring_take(&w->ring[list]) : TASK_NONE;
}

static inline uint32_t ready_steal(struct sched_worker *w, unsigned int list)
{
	struct sched_run *run = w->run;
	unsigned int i, at = w->index;
	uint32_t task;

	for (i = 1; i < run->nworkers; i++) {
		if (++at == run->nworkers)
			at = 0;
		task = ring_take(&run->workers[at]->ring[list]);
		if (task != TASK_NONE)
			return task;
	}
	return TASK_NONE;
}

/* The next of the worker's share of roots; there is one. */
static __inline uint32_t ready_root(struct sched_worker *w)
{
	uint32_t task = w->root++;

	if (--w->nroots && unlikely(w->root == w->root_end)) {
		w->roots++;
		w->root = w->roots->first;
		w->root_end = w->root + w->roots[1].index - w->roots->index;
		task_prefetch(slab_task(w->run->slabs, w->root));
	}
	return task;
}

/* The run of roots that has the root number @at. */
static inline const struct graph_roots *find_run(const struct sched_run *run, uint32_t at)
{
	uint32_t low = 0, high = run->runs, mid;

	while (high - low > 1) {
		mid = (low + high) / 2;
		if (run->roots[mid].index <= at)
			low = mid;
		else
			high = mid;
	}
	return &run->roots[low];
}

static __inline bool inject_empty(const struct sched_inject *in)
{
	return atomic_load_explicit(&in->head, relaxed) == atomic_load_explicit(&in->tail, relaxed);
}

/* In a window: take some of what was ready when it was submitted, and keep all but the first. */
static inline uint32_t ready_injected(struct sched_worker *w, unsigned int list)
{
	struct sched_window *window = w->run->window;
	struct sched_inject *in = &window->inject[list];
	uint64_t head = atomic_load_explicit(&in->head, memory_order_acquire), n;
	uint32_t task[READY_BATCH], i;

	do {
		n = atomic_load_explicit(&in->tail, memory_order_acquire) - head;
		if (!n)
			return TASK_NONE;
		n = min(n / (2 * w->run->nworkers) + 1, (uint64_t)READY_BATCH);
		for (i = 0; i < n; i++)
			task[i] = atomic_load_explicit(&in->slot[(head + i) & window->mask],
						       relaxed);
	} while (!atomic_compare_exchange_weak_explicit(&in->head, &head, head + n,
							memory_order_acq_rel,
							memory_order_acquire));
	for (i = n; --i; )
		ready_put(w, list, task[i], ALONE);
	return task[0];
}

/*
 * Take a share of the tasks without predecessors; false: all are taken. What lies together is run
 * by one worker as far as possible; towards the end shares become small, so that no worker has
 * much left when the others have nothing.
 */
static inline bool ready_roots(struct sched_worker *w)
{
	struct sched_run *run = w->run;
	uint32_t at = atomic_load_explicit(&run->root, relaxed), share;

	if (at >= run->nroots)
		return false;
	share = run->most == 1 ? run->nroots :
		min((run->nroots - at) / (4 * run->most) + 1, READY_ROOTS);
	at = atomic_fetch_add_explicit(&run->root, share, relaxed);
	if (at >= run->nroots)
		return false;
	w->nroots = min(share, run->nroots - at);
	w->roots = find_run(run, at);
	w->root = w->roots->first + at - w->roots->index;
	w->root_end = w->roots->first + w->roots[1].index - w->roots->index;
	return true;
}

/* Is there a task of this list that any worker could take? */
static inline bool ready_public(const struct sched_run *run, unsigned int list)
{
	unsigned int i;

	if (run->window && !inject_empty(&run->window->inject[list]))
		return true;
	for (i = 0; i < run->nworkers; i++)
		if (!ring_empty(&run->workers[i]->ring[list]))
			return true;
	return false;
}

/* Is there a task that an idle worker could take? */
static inline bool ready_work(struct sched_worker *w)
{
	struct sched_run *run = w->run;
	unsigned int list;

	if (atomic_load_explicit(&run->root, relaxed) < run->nroots)
		return true;
	for (list = 0; list < SCHED_LISTS; list++)
		if (ready_public(run, list))
			return true;
	return false;
}

/* Does the worker stay until all is done? Others go home when they find nothing. */
static __inline bool ready_stays(const struct sched_worker *w)
{
	return w->run->stays & 1ull << w->index;
}

static __inline bool stopped(const struct sched_worker *w)
{
	return unlikely(atomic_load_explicit(&w->stop, relaxed));
}

/* With @finished tasks done, are all? */
static inline bool ready_complete(const struct sched_run *run, uint32_t finished)
{
	const struct sched_window *window = run->window;

	if (!window)
		return finished == run->ntasks;
	return !atomic_load_explicit(&window->open, memory_order_acquire) &&
	       finished == atomic_load_explicit(&window->ntasks, relaxed);
}

/* Is there anything that an idle worker should not sleep through? */
static inline bool ready_anything(struct sched_worker *w)
{
	return stopped(w) || ready_work(w) ||
	       ready_complete(w->run, atomic_load_explicit(&w->run->finished, relaxed));
}

/*
 * A predecessor of @to is done; true: it was the last one. Where one is missing, nobody else
 * counts any more: what others have counted is all seen with an acquiring load. A task that
 * waits for others is fetched meanwhile.
 */
static __inline bool ready_release(const struct sched_run *run, uint32_t to, enum ready_mode mode)
{
	_Atomic uint16_t *pending = &run->pending[to];
	uint16_t left = 0;

	if (mode != WINDOW) {
		left = atomic_load_explicit(pending, memory_order_acquire);
		if (left == 1)
			return true;
	}
	stress_point();
	if (mode == WINDOW || unlikely(left == PENDING_MANY))
		return atomic_fetch_sub_explicit(&slab_node(run->slabs, to)->count, 1,
						 memory_order_acq_rel) == 1;
	task_prefetch(slab_task(run->slabs, to));
	if (mode == SHARED)
		return atomic_fetch_sub_explicit(pending, 1, memory_order_acq_rel) == 1;
	atomic_store_explicit(pending, left - 1, relaxed);
	return false;
}

/*
 * In a window: the task has run. No more edges leave it from now on; returns how
 * many do. node_done() when they have been walked: then its place is free.
 */
static __inline uint32_t node_close(struct graph_node *node)
{
	return __atomic_fetch_or(&node->state, NODE_CLOSED, __ATOMIC_ACQ_REL) - NODE_USED;
}

/*
 * Who submits looks at the state after it has stored @watch, with a fence between. That
 * there is none here makes it wait a little longer now and then: until the next
 * task is done, or this worker finds nothing to do.
 */
static __inline void node_done(struct sched_worker *w, struct graph_node *node, uint32_t task)
{
	store_release(&node->state, 0);
	stress_point();
	if (unlikely(atomic_load_explicit(&w->run->window->watch, relaxed) == task))
		w->run->ops->room(w->run);
}

/* Does whoever submits wait for the worker, or has nothing more? */
static __inline bool ready_pressed(const struct sched_window *window)
{
	return atomic_load_explicit(&window->waits, relaxed) ||
	       !atomic_load_explicit(&window->open, relaxed);
}

/* The worker has run out of tasks: whoever submits them must not sleep. */
static inline void ready_ask(struct sched_worker *w)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&w->run->window->watch, relaxed) != TASK_NONE)
		w->run->ops->room(w->run);
}

/* The run is complete: tell those of @who that may sleep until it is. */
static inline void ready_tell(struct sched_worker *w, uint64_t who)
{
	struct sched_run *run = w->run;

	who &= ~(1ull << w->index);
	if (likely(!who) || run->nworkers == 1)
		return;
	atomic_thread_fence(memory_order_seq_cst);
	for (; who; who &= who - 1)
		run->ops->wake(run, who & -who);
}

/* Tell the run what this worker has done. True: the run is complete. */
static inline bool ready_settle(struct sched_worker *w)
{
	struct sched_run *run = w->run;
	uint32_t done = w->executed;

	w->executed = 0;
	w->settled += done;
	if (!done) {
		if (!ready_complete(run, atomic_load_explicit(&run->finished,
							      memory_order_acquire)))
			return false;
		/* The end of a flow, which may come when all is done, wakes but one. */
		ready_tell(w, run->stays & ~1ull);
		return true;
	}
	if (!ready_complete(run, atomic_fetch_add_explicit(&run->finished, done,
							   memory_order_acq_rel) + done))
		return false;
	ready_tell(w, run->stays);
	return true;
}

/* See seat.c: who works in the seat of a flow's only worker is to leave it. */
static __inline bool seat_recalled(const struct sched_window *window)
{
	return unlikely(atomic_load_explicit(&window->recall, relaxed));
}

/* May who submits sit down? */
static __inline bool seat_free(const struct sched_window *window)
{
	return atomic_load_explicit(&window->seat, relaxed) == SEAT_FREE && !seat_recalled(window);
}

static __inline bool seat_visited(const struct sched_window *window)
{
	return atomic_load_explicit(&window->seat, relaxed) == SEAT_SUBMITTER;
}

/*
 * Nothing to do: sleep. A worker that others publish for sets its bit in
 * run->parked first and looks around once more, and a publisher looks at
 * run->parked after it has published, so that one of them sees the other.
 */
static inline void ready_park(struct sched_worker *w)
{
	struct sched_run *run = w->run;
	uint64_t bit = 1ull << w->index;

	/* Who wakes may be a thread that has no part in the run: it gets to know the worker here. */
	atomic_fetch_or_explicit(&run->parked, bit, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	stress_point();
	if (!ready_anything(w))
		run->ops->park(w);
	stress_point();
	atomic_fetch_and_explicit(&run->parked, ~bit, memory_order_seq_cst);
}

/* Could others give a worker that waits for its cores something to do meanwhile? */
static inline bool ready_watches(const struct sched_worker *w)
{
	return w->room && (w->run->nworkers > 1 || w->run->window);
}

/*
 * As ready_park(), for a worker that is about to wait for its cores, until ready_unwatch().
 * Whatever ends that wait must have been looked at before. False: there is a task to take.
 */
static inline bool ready_watch(struct sched_worker *w)
{
	struct sched_run *run = w->run;
	unsigned int list;

	if (!ready_watches(w))
		return true;
	atomic_store(&w->at_cores, true);
	stress_point();
	atomic_fetch_or_explicit(&run->parked, 1ull << w->index, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	for (list = 0; list < SCHED_LISTS; list++)
		if (w->room & 1u << list && ready_public(run, list))
			return false;
	return !stopped(w);
}

static inline void ready_unwatch(struct sched_worker *w)
{
	if (!atomic_load_explicit(&w->at_cores, relaxed))
		return;
	atomic_fetch_and(&w->run->parked, ~(1ull << w->index));
	stress_point();
	atomic_store(&w->at_cores, false);
}

#endif
