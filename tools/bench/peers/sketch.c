// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The floor: what the graph costs when it is written by hand, for one or two
 * threads, without a device, errors, kinds of core, or anything that can be
 * seen from outside.
 *
 * Tasks lie in one array, whose size is known; edges in another, linked. Each
 * thread has a list of ready tasks, the last one first. A thread without work
 * says so, and the other one puts the next task that is over into its box.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer.h"

#define NONE		UINT32_MAX
#define ROOTS		64	/* taken at once */
#define BOX_CLOSED	(NONE - 1)

struct node {
	void (*body)(void *ctx, uint32_t task);
	void *ctx;
	atomic_uint pending;	/* predecessors that have not run, or the next ready task */
	uint32_t npred;
	uint32_t succ;
};

struct edge {
	uint32_t to;
	uint32_t next;
};

struct sketch {
	uint32_t ntasks;
	uint32_t nroots;
	struct node *node;
	struct edge *edge;
	uint32_t *roots;
};

/* A box holds NONE while its owner waits for a task, BOX_CLOSED while it does not. */
struct thread {
	uint32_t ready;
	uint32_t ran;
	atomic_uint box __attribute__((aligned(64)));
};

enum { HELPER_OUT, HELPER_WELCOME, HELPER_IN };

static struct {
	struct sketch *sketch;
	atomic_uint root __attribute__((aligned(64)));
	atomic_uint ran __attribute__((aligned(64)));
	atomic_int helper __attribute__((aligned(64)));	/* HELPER_* */
	sem_t go;
	struct thread thread[2];
} run;

static unsigned int workers;

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

static inline void put(const struct sketch *s, struct thread *me, struct thread *other,
		       uint32_t task)
{
	uint32_t none = NONE;

	if (other && atomic_load_explicit(&other->box, memory_order_relaxed) == NONE &&
	    atomic_compare_exchange_strong(&other->box, &none, task))
		return;
	atomic_store_explicit(&s->node[task].pending, me->ready, memory_order_relaxed);
	me->ready = task;
}

static inline int last_pred(struct node *node, int shared)
{
	uint32_t left;

	if (node->npred == 1)
		return 1;
	if (shared)
		return atomic_fetch_sub_explicit(&node->pending, 1, memory_order_acq_rel) == 1;
	left = atomic_load_explicit(&node->pending, memory_order_relaxed) - 1;
	atomic_store_explicit(&node->pending, left, memory_order_relaxed);
	return !left;
}

/* Run a task and then the first one that it makes ready, and so on. */
static inline void run_chain(const struct sketch *s, struct thread *me, struct thread *other,
			     uint32_t task)
{
	uint32_t at, next;

	for (; task != NONE; task = next) {
		struct node *node = &s->node[task];

		atomic_store_explicit(&node->pending, node->npred, memory_order_relaxed);
		node->body(node->ctx, task);
		me->ran++;
		next = NONE;
		for (at = node->succ; at != NONE; at = s->edge[at].next) {
			uint32_t to = s->edge[at].to;

			if (!last_pred(&s->node[to], other != NULL))
				continue;
			if (next == NONE)
				next = to;
			else
				put(s, me, other, to);
		}
	}
}

/* Until the thread has no ready task left. */
static inline void drain(const struct sketch *s, struct thread *me, struct thread *other)
{
	uint32_t task;

	while ((task = me->ready) != NONE) {
		me->ready = atomic_load_explicit(&s->node[task].pending, memory_order_relaxed);
		run_chain(s, me, other, task);
	}
}

/* Wait for a task from the other thread; NONE: all have run. */
static uint32_t wait_for_task(const struct sketch *s, struct thread *me)
{
	atomic_fetch_add(&run.ran, me->ran);
	me->ran = 0;
	atomic_store(&me->box, NONE);
	while (atomic_load_explicit(&me->box, memory_order_acquire) == NONE &&
	       atomic_load_explicit(&run.ran, memory_order_acquire) != s->ntasks)
		relax();
	return atomic_exchange(&me->box, BOX_CLOSED);
}

static inline void work(const struct sketch *s, struct thread *me, struct thread *other)
{
	uint32_t at, end, task;

	while ((at = atomic_fetch_add_explicit(&run.root, ROOTS, memory_order_relaxed)) <
	       s->nroots) {
		end = at + ROOTS < s->nroots ? at + ROOTS : s->nroots;
		for (; at < end; at++) {
			run_chain(s, me, other, s->roots[at]);
			drain(s, me, other);
		}
	}
	while ((task = wait_for_task(s, me)) != NONE) {
		run_chain(s, me, other, task);
		drain(s, me, other);
	}
}

/* The second thread sleeps between runs; one that wakes too late stays out. */
static void *help(void *arg)
{
	int state;

	for (;;) {
		while (sem_wait(&run.go))
			;
		state = HELPER_WELCOME;
		if (!atomic_compare_exchange_strong(&run.helper, &state, HELPER_IN))
			continue;
		work(run.sketch, &run.thread[1], &run.thread[0]);
		atomic_store(&run.helper, HELPER_OUT);
	}
	return NULL;
}

static int run_graph(void *graph)
{
	int state = HELPER_WELCOME;
	unsigned int i;

	run.sketch = graph;
	atomic_store(&run.root, 0);
	atomic_store(&run.ran, 0);
	for (i = 0; i < 2; i++) {
		run.thread[i].ready = NONE;
		run.thread[i].ran = 0;
		atomic_store(&run.thread[i].box, BOX_CLOSED);
	}
	if (workers == 1 || run.sketch->ntasks == 1) {
		work(graph, &run.thread[0], NULL);
		return 0;
	}
	atomic_store(&run.helper, HELPER_WELCOME);
	sem_post(&run.go);
	work(graph, &run.thread[0], &run.thread[1]);
	if (!atomic_compare_exchange_strong(&run.helper, &state, HELPER_OUT))
		while (atomic_load(&run.helper) != HELPER_OUT)
			relax();
	return 0;
}

static int start(const struct setup *setup)
{
	pthread_t thread;

	workers = setup->workers;
	if (workers > 2) {
		fprintf(stderr, "sketch: it knows no more than two threads\n");
		return -1;
	}
	sem_init(&run.go, 0, 0);
	if (workers == 2 && pthread_create(&thread, NULL, help, NULL)) {
		fprintf(stderr, "sketch: no thread\n");
		return -1;
	}
	return 0;
}

static void destroy(void *graph)
{
	struct sketch *s = graph;

	free(s->node);
	free(s->edge);
	free(s->roots);
	free(s);
}

static void add_task(struct sketch *s, const struct work *w)
{
	s->node[s->ntasks++] = (struct node){ .body = w->body, .ctx = w->ctx, .succ = NONE };
}

static void add_edge(struct sketch *s, uint32_t edge, uint32_t from, uint32_t to)
{
	s->edge[edge] = (struct edge){ .to = to, .next = s->node[from].succ };
	s->node[from].succ = edge;
	s->node[to].npred++;
}

static void *build(const struct shape *shape, const struct work *w)
{
	struct sketch *s = calloc(1, sizeof(*s));
	uint32_t task, edge;

	if (!s)
		return NULL;
	s->node = malloc(shape->ntasks * sizeof(*s->node));
	s->edge = malloc((shape->first[shape->ntasks] + 1) * sizeof(*s->edge));
	s->roots = malloc(shape->ntasks * sizeof(*s->roots));
	if (!s->node || !s->edge || !s->roots) {
		destroy(s);
		return NULL;
	}
	for (task = 0; task < shape->ntasks; task++) {
		add_task(s, w);
		for (edge = shape->first[task]; edge < shape->first[task + 1]; edge++)
			add_edge(s, edge, shape->pred[edge], task);
		atomic_store_explicit(&s->node[task].pending, s->node[task].npred,
				      memory_order_relaxed);
		if (!s->node[task].npred)
			s->roots[s->nroots++] = task;
	}
	return s;
}

const struct peer bench_peer = {
	.start = start,
	.build = build,
	.run = run_graph,
	.free = destroy,
};
