// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The window: places, edges and arguments of tasks that come and go.
 *
 * Modelled in selftests/models/: window.pml and order.cc.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/futex.h"
#include "base/machine.h"
#include "device/device.h"
#include "device/memory.h"
#include "graph/check.h"
#include "graph/slab.h"
#include "profile/log.h"
#include "sched/launch.h"
#include "sched/ready.h"
#include "stream/stream.h"

#define BIAS		(1u << 30)	/* more than a task has predecessors */
#define SPIN		500
#define LOOK_EVERY	16	/* tasks */
#define AHEAD		4
#define ARGS_PER_TASK	256
#define ARGS_LEAST	(64 << 10)	/* more than a task may have */
#define ARGS_WARM	(512u << 10)
#define CHUNK_NONE	UINT32_MAX

/* ---- waiting ------------------------------------------------------------ */

void stream_room(struct stream *s)
{
	atomic_fetch_add(&s->event, 1);
	futex_wake(&s->event, INT_MAX);
}

void stream_stop(struct stream *s, int error)
{
	int none = 0;

	atomic_compare_exchange_strong(&s->error, &none, error ? error : -ESHUTDOWN);
	stream_room(s);
}

static bool complete(struct stream *s, uint32_t task)
{
	return !load_acquire(&stream_task(s, task)->node.state);
}

/* The chunks of a task go to the front of the free ones. */
static void free_chunks(struct stream *s, const struct graph_node *node, uint32_t task)
{
	const struct stream_place *place = stream_place(s, task);

	if (likely(!place->chunks))
		return;
	s->used_chunks -= place->chunks;
	window_chunk(s->chunks.at, place->newest)->next = s->free_chunk;
	s->free_chunk = node->more;
}

/* Move the tail over what is complete. */
static bool advance(struct stream *s)
{
	uint32_t was = s->tail;

	while (s->tail != s->head && complete(s, s->tail)) {
		const struct graph_task *t = stream_task(s, s->tail);
		const struct pto_desc *desc = &t->desc;

		free_chunks(s, &t->node, s->tail);
		if (desc->launch.args)
			s->args_tail = align_up(desc->launch.args - (uintptr_t)s->args +
						desc->launch.nargs * sizeof(uint64_t), CACHE_LINE);
		s->tail++;
	}
	return s->tail != was;
}

static int stopped_error(struct stream *s)
{
	return fail(-ECANCELED, "the launch is over: %s", strerror(-atomic_load(&s->error)));
}

bool stream_held(struct stream *s, uint32_t task)
{
	return stream_place(s, task)->held;
}

static void sleep_until(struct stream *s, uint32_t task)
{
	unsigned int event = atomic_load(&s->event);

	atomic_store(&s->window.watch, task & s->window.mask);
	atomic_thread_fence(memory_order_seq_cst);
	if (!complete(s, task) && !atomic_load(&s->error) && !seat_free(&s->window))
		futex_wait(&s->event, event, STREAM_NAP_NS);
	atomic_store(&s->window.watch, TASK_NONE);
}

static __attribute__((cold)) int held_back(struct stream *s, enum stream_full full)
{
	const struct { const char *what, *name; uint64_t size, most; } all[] = {
		[FULL_WINDOW] = { "window", "PTO2_RING_TASK_WINDOW", s->window.mask + 1,
				  STREAM_WINDOW_MOST },
		[FULL_DEP_POOL] = { "pool of edges", "PTO2_RING_DEP_POOL", s->max_chunks,
				    STREAM_DEP_POOL_MOST },
		[FULL_HEAP] = { "heap ring", "PTO2_RING_HEAP", s->heap_size, STREAM_HEAP_MOST },
	}, *is = &all[full];
	char raise[80] = "";

	if (2 * is->size <= is->most)
		snprintf(raise, sizeof(raise), "raise %s to %llu, or ", is->name,
			 2ull * is->size);
	return fail(-ENOBUFS, "scopes hold back %u of %u tasks that are under way, the %s is %llu: %send the scope earlier; a task that is held back keeps its place, and all behind it theirs, until its scope ends, an outer one's too",
		    s->nheld, s->head - s->tail, is->what, (unsigned long long)is->size, raise);
}

/* With PTO_SEED: the worker runs all that it can, and nothing unless it is its turn. */
static void give_turn(struct stream *s)
{
	unsigned int event;

	atomic_store(&s->window.turn, true);
	sched_wake(s->sched);
	for (;;) {
		event = atomic_load(&s->event);
		if (!atomic_load(&s->window.turn) || atomic_load(&s->error))
			return;
		futex_wait(&s->event, event, STREAM_NAP_NS);
	}
}

static int wait_for_room(struct stream *s, uint32_t task, enum stream_full full)
{
	unsigned int spin;

	while (!advance(s)) {
		if (atomic_load(&s->error))
			return stopped_error(s);
		if (s->tail == s->head)
			return fail(-EDEADLK, "no task is under way that could make room");
		/* To publish it takes the lock. */
		if (stream_held(s, s->tail))
			return held_back(s, full);
		if (unlikely(s->graph->dev->seeded)) {
			give_turn(s);
			continue;
		}
		if (seat_visit(s))
			continue;
		atomic_store_explicit(&s->window.waits, true, memory_order_relaxed);
		/* The tail moves in order, and none is published meanwhile. */
		if (complete(s, task) || stream_held(s, task))
			task = s->tail;
		for (spin = SPIN; spin && !complete(s, task) && !seat_free(&s->window); spin--)
			cpu_relax();
		if (!spin)
			sleep_until(s, task);
		atomic_store_explicit(&s->window.waits, false, memory_order_relaxed);
	}
	return 0;
}

int stream_wait(struct stream *s, uint32_t task, enum stream_full full)
{
	WRITE_ONCE(s->stat.waits, s->stat.waits + 1);
	return wait_for_room(s, task, full);
}

/* ---- a task ------------------------------------------------------------- */

/* Workers read it much more often than it changes. */
static void note_here(struct stream *s)
{
	int here = machine_here();

	if (atomic_load_explicit(&s->here, memory_order_relaxed) != here)
		atomic_store_explicit(&s->here, here, memory_order_relaxed);
}

int stream_next(struct stream *s)
{
	uint32_t size = s->window.mask + 1;
	int ret;

	if (unlikely(atomic_load_explicit(&s->error, memory_order_relaxed)))
		return stopped_error(s);
	if (s->broken)
		return graph_deps_lost(s->broken);
	if (s->head % LOOK_EVERY == 0) {
		advance(s);
		/* Not while others wait for the lock. */
		if (s->nflows == 1 && seat_look(s))
			advance(s);
		note_here(s);
	}
	if (unlikely(s->head - s->tail == size) && !advance(s)) {
		/* Not for the first one that comes free, and then for the next. */
		ret = stream_wait(s, s->tail + size / 2, FULL_WINDOW);
		if (ret)
			return ret;
	}
	WRITE_ONCE(s->stat.window_peak, max(s->stat.window_peak, s->head - s->tail + 1));
	return 0;
}

/*
 * The ring is used as far as it is needed, since the first touch of a page costs more than
 * a task. Where it has been used to, it begins anew if half of that is free by now. Not so if
 * tasks are held back: those before the end must complete without anything that comes later.
 * Once they have, the ring can grow again.
 */
static bool args_room(struct stream *s, size_t size, size_t *at)
{
	/* Room is never filled to the last byte, so this is none in use. */
	if (s->args_head == s->args_tail)
		s->args_head = s->args_tail = 0;
	else if (s->args_head < s->args_tail && s->args_tail == s->args_end)
		s->args_tail = 0;
	*at = s->args_head;
	if (s->args_head < s->args_tail)
		return s->args_tail - s->args_head > size;
	if (s->args_warm - s->args_head < size &&
	    (s->args_tail < s->args_warm / 2 || s->nheld))
		s->args_warm = min(2 * s->args_warm, s->args_size);
	if (s->args_warm - s->args_head >= size)
		return true;
	s->args_end = s->args_head;
	*at = 0;
	return s->args_tail > size;
}

int stream_args(struct stream *s, size_t size, void **args)
{
	size_t at;
	int ret;

	size = align_up(size, CACHE_LINE);
	while (unlikely(!args_room(s, size, &at))) {
		if (advance(s))
			continue;
		/* It has been too small. */
		s->args_warm = min(2 * s->args_warm, s->args_size);
		ret = stream_wait(s, s->tail + (s->head - s->tail) / 2, FULL_WINDOW);
		if (ret)
			return ret;
	}
	s->args_head = at + size;
	*args = s->args + at;
	return 0;
}

bool stream_crowded(struct stream *s)
{
	size_t args = s->args_head - s->args_tail;

	if (s->args_head < s->args_tail)
		args += s->args_end;
	return s->used_chunks >= s->max_chunks / 2 || args >= s->args_size / 2;
}

/* A chunk for edges of @from; waits for one. CHUNK_NONE: @from is complete by then. */
static int get_chunk(struct stream *s, uint32_t from, uint32_t *chunk)
{
	int ret;

	*chunk = CHUNK_NONE;
	while (s->free_chunk == CHUNK_NONE && s->nchunks == s->max_chunks) {
		ret = stream_wait(s, from, FULL_DEP_POOL);
		if (ret)
			return ret;
		/* Its own may be among those that were freed. */
		if ((int32_t)(from - s->tail) < 0)
			return 0;
	}
	if (s->free_chunk != CHUNK_NONE) {
		*chunk = s->free_chunk;
		s->free_chunk = window_chunk(s->chunks.at, *chunk)->next;
	} else {
		*chunk = s->nchunks++;
	}
	WRITE_ONCE(s->stat.dep_peak, max(s->stat.dep_peak, ++s->used_chunks));
	return 0;
}

static void put_chunk(struct stream *s, uint32_t chunk)
{
	window_chunk(s->chunks.at, chunk)->next = s->free_chunk;
	s->free_chunk = chunk;
	s->used_chunks--;
}

static uint32_t last_edge(struct stream *s, const struct graph_node *node, uint32_t from,
			  uint32_t n)
{
	if (!n)
		return TASK_NONE;
	if (n <= NODE_NEAR)
		return node->succ[n - 1];
	return window_chunk(s->chunks.at, stream_place(s, from)->newest)->
		to[(n - 1 - NODE_NEAR) % WINDOW_EDGES];
}

/*
 * Add edge number @n unless its task closes meanwhile: first the entry, which nobody
 * reads yet, then the count, if it is still what it was. If not, what the task has done is seen.
 */
static int add_edge(struct stream *s, struct graph_node *node, uint32_t from, uint32_t n,
		    uint32_t to)
{
	uint32_t at = (n - NODE_NEAR) % WINDOW_EDGES, chunk = CHUNK_NONE, state = NODE_USED + n;
	struct stream_place *place = stream_place(s, from);
	bool opens = n >= NODE_NEAR && !at;
	int ret;

	if (n < NODE_NEAR) {
		node->succ[n] = to;
	} else if (!opens) {
		window_chunk(s->chunks.at, place->newest)->to[at] = to;
	} else {
		ret = get_chunk(s, from, &chunk);
		if (ret || chunk == CHUNK_NONE)
			return ret;
		window_chunk(s->chunks.at, chunk)->to[0] = to;
		if (n == NODE_NEAR)
			node->more = chunk;
		else
			window_chunk(s->chunks.at, place->newest)->next = chunk;
	}
	if (!__atomic_compare_exchange_n(&node->state, &state, state + 1, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		if (opens)
			put_chunk(s, chunk);
		return 0;
	}
	if (opens) {
		place->newest = chunk;
		place->chunks++;
	}
	return 1;
}

struct pto_desc *stream_open(struct stream *s)
{
	struct graph_task *t = stream_task(s, s->head), *later = stream_task(s, s->head + AHEAD);

	/* Its last user was a worker. */
	__builtin_prefetch(&later->desc, 1);
	__builtin_prefetch(&later->node, 1);
	atomic_store_explicit(&t->node.count, BIAS, memory_order_relaxed);
	t->node.state = NODE_USED;
	*stream_place(s, s->head) = (struct stream_place){ .held = true };
	return &t->desc;
}

int stream_link(struct stream *s, uint32_t from, uint32_t to)
{
	struct graph_node *node = &stream_task(s, from)->node;
	uint32_t n, state, place = to & s->window.mask;
	int ret;

	/* Of one before the tail, however old, the place may be another's. */
	if (from - s->tail >= to - s->tail)
		return 0;
	state = load_acquire(&node->state);
	if (!state || state & NODE_CLOSED)
		return 0;
	n = state - NODE_USED;
	if (last_edge(s, node, from, n) == place)
		return 0;
	ret = add_edge(s, node, from, n, place);
	if (ret <= 0)
		return ret;
	stream_place(s, to)->npred++;
	return 0;
}

static void inject(struct stream *s, uint32_t place, unsigned int kind)
{
	struct sched_inject *in = &s->window.inject[s->dev->inplace ? 0 : kind];
	uint64_t tail = atomic_load_explicit(&in->tail, memory_order_relaxed);

	atomic_store_explicit(&in->slot[tail & s->window.mask], place, memory_order_relaxed);
	atomic_store_explicit(&in->tail, tail + 1, memory_order_release);
	sched_wake(s->sched);
}

void stream_commit(struct stream *s)
{
	s->head++;
	WRITE_ONCE(s->stat.tasks, s->stat.tasks + 1);
}

void stream_publish(struct stream *s, uint32_t task)
{
	struct stream_place *place = stream_place(s, task);
	struct graph_task *t = stream_task(s, task);
	uint32_t left = BIAS - place->npred;

	place->held = false;
	/* Nobody else counts what has no predecessors. */
	if (left == BIAS || atomic_fetch_sub_explicit(&t->node.count, left, memory_order_acq_rel) == left)
		inject(s, task & s->window.mask, desc_kind(&t->desc));
}

void stream_close(struct stream *s)
{
	atomic_store_explicit(&s->window.ntasks, s->head, memory_order_relaxed);
	atomic_store_explicit(&s->window.open, false, memory_order_release);
	seat_close(s);
}

/* ---- life --------------------------------------------------------------- */

/* All of them: the workers read the array of slabs. */
static int add_slabs(struct graph_slabs *slabs, uint32_t count, uint32_t shift)
{
	while (slabs->count << shift < count)
		if (slabs_add(slabs))
			return -ENOMEM;
	return 0;
}

static int allocate(struct stream *s, const struct pto_flow_opts *o)
{
	bool full = true;
	unsigned int i;
	int ret;

	s->places = calloc(o->window, sizeof(*s->places));
	for (i = 0; i < SCHED_LISTS; i++) {
		s->window.inject[i].slot = calloc(o->window, sizeof(atomic_uint));
		full = full && s->window.inject[i].slot;
	}
	if (!full || !s->places ||
	    add_slabs(&s->slabs, o->window, SLAB_SHIFT) ||
	    add_slabs(&s->chunks, WINDOW_UNITS * o->dep_pool, SLAB_UNIT_SHIFT))
		return fail(-ENOMEM, "no memory for a window of %u tasks and %u edges", o->window,
			    o->dep_pool);
	s->args_size = max((size_t)o->window * ARGS_PER_TASK, (size_t)ARGS_LEAST);
	s->args_warm = min(s->args_size, (size_t)ARGS_WARM);
	ret = mem_alloc(s->dev->mem, s->args_size, (void **)&s->args);
	if (ret)
		fail_prefix("arguments of %u tasks", o->window);
	return ret;
}

int stream_create(struct pto_graph *graph, struct sched *sched, const struct pto_flow_opts *o,
		  struct stream **stream)
{
	struct stream *s = aligned_alloc(CACHE_LINE, align_up(sizeof(*s), CACHE_LINE));
	static atomic_uint streams;
	int ret;

	if (!s)
		return fail(-ENOMEM, "no memory for a stream");
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	s->dev = graph->dev;
	device_get(s->dev);
	s->graph = graph;
	s->sched = sched;
	s->serial = atomic_fetch_add(&streams, 1) % STREAM_SERIAL_MAX + 1;
	s->window.mask = o->window - 1;
	s->window.open = true;
	s->window.watch = TASK_NONE;
	s->here = machine_here();
	s->free_chunk = CHUNK_NONE;
	s->max_chunks = o->dep_pool;
	s->heap_size = o->heap;
	s->deps = depmap_new();
	ret = s->deps ? allocate(s, o) : -ENOMEM;
	if (!ret && unlikely(graph->dev->check)) {
		s->check = check_new(graph->dev->check, o->window);
		ret = s->check ? 0 : -ENOMEM;
	}
	if (ret)
		stream_free(s);
	else
		*stream = s;
	return ret;
}

void stream_free(struct stream *s)
{
	unsigned int i;

	for (i = 0; i < SCHED_LISTS; i++)
		free(s->window.inject[i].slot);
	free(s->places);
	slabs_free(&s->slabs);
	slabs_free(&s->chunks);
	depmap_free(s->deps);
	check_free(s->check);
	free(s->preds.task);
	log_put(s->log);
	if (s->args)
		mem_free(s->dev->mem, s->args);
	device_put(s->dev);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
