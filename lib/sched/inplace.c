// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The in-place loop: a worker executes the descriptors of its own cores.
 *
 * The thread is submitter and core at once, so a descriptor needs no copy into
 * the ring: it is executed where it was prebuilt, and the ring's head moves on.
 * A new chain of tasks goes to the next of the worker's cores of its kind; a
 * task that its predecessor made ready stays on the predecessor's core.
 */
#include "sched/ready.h"

#define PREFETCH_AHEAD	2
#define CHUNKS_AHEAD	4096	/* bytes */

/* Runs are watched by the core's head, so it moves in place as well. */
static __inline void core_advance(struct emu_core *core)
{
	WRITE_ONCE(core->queue->sq_head, core->queue->sq_head + 1);
}

static void record(struct sched_worker *w, const struct pto_desc *desc, const struct emu_core *core,
		   uint64_t start)
{
	uint64_t end = now_ns();

	if (w->record == w->record_end && !w->run->ops->more_records(w))
		return;
	*w->record++ = (struct sched_record){
		.task = desc->cookie, .func_id = desc->launch.func_id, .lane = desc->lane,
		.core = core->number, .worker = w->index,
		.dispatch = start, .start = start, .end = end, .finish = end,
	};
}

/* False: the descriptor has no program, and the launch has failed. */
static __inline bool execute(struct sched_worker *w, const struct pto_desc *desc,
			     struct emu_core *core)
{
	const struct emu_program *p = emu_find(w->thread, desc, w->run->ops->resolve);
	uint64_t start;

	if (unlikely(!p)) {
		w->run->ops->failed(w, desc->cookie, core->number, &w->thread->fault);
		return false;
	}
	if (unlikely(w->run->profile)) {
		start = now_ns();
		emu_execute(w->thread, core, desc, p);
		if (!stopped(w))
			record(w, desc, core, start);
	} else {
		emu_execute(w->thread, core, desc, p);
	}
	core_advance(core);
	return true;
}

/* A predecessor of @to is done. Its first successor that becomes ready is @next; keep others. */
static __inline void release_one(struct sched_worker *w, uint32_t to, uint32_t *next,
				 enum ready_mode mode)
{
	if (!ready_release(w->run, to, mode))
		return;
	if (*next == TASK_NONE)
		*next = to;
	else
		ready_put(w, 0, to, mode);
}

/* Returns the first successor that has become ready, and keeps the others. */
static __inline uint32_t release(struct sched_worker *w, struct graph_node *node, uint32_t task,
				 enum ready_mode mode)
{
	uint32_t n, next = TASK_NONE;

	if (mode == WINDOW) {
		n = node_close(node);
		for_each_in_window(w->run->chunks, node, n, to, release_one(w, to, &next, mode));
		node_done(w, node, task);
	} else {
		for_each_successor(w->run->chunks, node, task, to,
				   release_one(w, to, &next, mode));
	}
	return next;
}

/* The next task that this worker can find without waiting. */
static __inline uint32_t take(struct sched_worker *w, enum ready_mode mode)
{
	uint32_t task = ready_take(w, 0, mode);

	if (task != TASK_NONE)
		return task;
	if (mode == WINDOW) {
		task = ready_injected(w, 0);
		if (task != TASK_NONE)
			return task;
	} else if (w->nroots || ready_roots(w)) {
		return ready_root(w);
	}
	return mode ? ready_steal(w, 0) : TASK_NONE;
}

/*
 * In a large graph a task costs what its cache misses cost. Here begins to be fetched what
 * will be needed soon: where the task's other successors are, and the tasks that were added a
 * little after this one, since graphs tend to run roughly in the order in which they were
 * built. A prefetch may point anywhere, so neighbours need no bounds.
 */
static __inline void prefetch(const struct sched_run *run, const struct graph_task *t)
{
	task_prefetch(t + PREFETCH_AHEAD);
	if (unlikely(node_nsucc(&t->node) > NODE_EDGES)) {
		const struct graph_chunk *chunk = node_chunk(run->chunks, &t->node);

		chunk_prefetch(chunk);
		__builtin_prefetch((const char *)chunk + CHUNKS_AHEAD);
	}
}

/* The core to use for a task; NULL: it is a mixed one. */
static __inline struct emu_core *next_core(struct sched_worker *w, unsigned int kind)
{
	struct emu_core *core;

	if (unlikely(kind == SCHED_MIXED))
		return NULL;
	core = w->core[kind];
	w->core[kind] = core->peer;
	return core;
}

/* Run a task, and then what it makes ready, on one core as far as the kind allows. */
static __inline bool run_chain(struct sched_worker *w, uint32_t task, enum ready_mode mode)
{
	struct graph_slab *const *slabs = w->run->slabs;
	struct emu_core *core = NULL;

	do {
		struct graph_task *t = slab_task(slabs, task);
		unsigned int kind = desc_kind(&t->desc);

		/* In a window successors come and go. */
		if (mode != WINDOW) {
			prefetch(w->run, t);
			/* A root's count is always 0, and others may use its cache line. */
			if (node_npred(&t->node))
				node_arm(w->run->pending, w->run->many, &t->node, task);
		}
		if (!core || core->kind != kind)
			core = next_core(w, kind);
		if (likely(core) ? !execute(w, &t->desc, core) : !w->run->ops->mixed(w, task))
			return false;
		if (stopped(w))
			return false;
		if (++w->executed == w->look && mode == SHARED)
			w->run->ops->look(w);
		task = release(w, &t->node, task, mode);
		if (mode == WINDOW && seat_recalled(w->run->window)) {
			/* What is ready is left to who comes next. */
			if (task != TASK_NONE)
				ready_put(w, 0, task, ALONE);
			return false;
		}
	} while (task != TASK_NONE);
	return true;
}

static __inline void work(struct sched_worker *w, enum ready_mode mode)
{
	uint32_t task;

	while ((task = take(w, mode)) != TASK_NONE)
		if (!run_chain(w, task, mode))
			return;
}

/*
 * A worker that has found nothing waits for a while before it looks again: in a window, who
 * submits writes what is looked at. A worker that lags behind finds many tasks at once, and
 * their edges made. Not so while it is waited for.
 */
static __inline bool wait_for_work(struct sched_worker *w, enum ready_mode mode)
{
	const struct sched_run *run = w->run;
	unsigned int spin, look = run->look_every;

	for (spin = run->spin; spin; spin--) {
		cpu_relax();
		if (mode == WINDOW && seat_recalled(run->window))
			return true;
		if (mode == WINDOW && !ready_pressed(run->window) && --look)
			continue;
		if (ready_anything(w))
			return true;
		look = run->look_every;
	}
	return false;
}

static __inline void work_with_others(struct sched_worker *w, enum ready_mode mode)
{
	for (;;) {
		work(w, mode);
		if (stopped(w) || ready_settle(w))
			return;
		if (mode == WINDOW)
			ready_ask(w);
		if (mode == WINDOW && seat_recalled(w->run->window)) {
			w->run->ops->rest(w);
			if (stopped(w))
				return;
			continue;
		}
		if (wait_for_work(w, mode))
			continue;
		if (!ready_stays(w))
			return;
		ready_park(w);
	}
}

/* One function for each mode, none of them in the one with sigsetjmp(), which costs registers. */
static __attribute__((noinline)) void run_alone(struct sched_worker *w)
{
	work(w, ALONE);
	if (!stopped(w))
		ready_settle(w);
}

static __attribute__((noinline)) void run_shared(struct sched_worker *w)
{
	work_with_others(w, SHARED);
}

static __attribute__((noinline)) void run_window(struct sched_worker *w)
{
	work_with_others(w, WINDOW);
}

/* Who submits, in the worker's seat. */
static __attribute__((noinline)) void run_visit(struct sched_worker *w)
{
	if (stopped(w))
		return;
	work(w, WINDOW);
	if (!stopped(w))
		ready_settle(w);
}

static void crashed(struct sched_worker *w)
{
	struct emu_thread *t = w->thread;

	/* Given up, perhaps: then the launch is over, and its tasks are gone. */
	if (stopped(w))
		return;
	w->run->ops->failed(w, t->desc->cookie, t->core->number, &t->fault);
}

void sched_inplace(struct sched_worker *w)
{
	struct emu_thread *t = w->thread;

	if (sigsetjmp(t->env, 0)) {
		crashed(w);
		return;
	}
	if (w->run->window && seat_visited(w->run->window))
		run_visit(w);
	else if (w->run->window)
		run_window(w);
	else if (w->run->most > 1)
		run_shared(w);
	else
		run_alone(w);
}

/* For sched_shuffled(). */
static bool run_one(struct sched_worker *w, uint32_t task)
{
	enum ready_mode mode = w->run->window ? WINDOW : ALONE;
	struct graph_task *t = slab_task(w->run->slabs, task);
	struct emu_core *core = next_core(w, desc_kind(&t->desc));
	uint32_t next;

	if (mode != WINDOW)
		node_arm(w->run->pending, w->run->many, &t->node, task);
	if (core ? !execute(w, &t->desc, core) : !w->run->ops->mixed(w, task))
		return false;
	if (stopped(w))
		return false;
	w->executed++;
	next = mode == WINDOW ? release(w, &t->node, task, WINDOW) : release(w, &t->node, task, ALONE);
	if (next != TASK_NONE)
		ready_put(w, 0, next, ALONE);
	return true;
}

void sched_inplace_shuffled(struct sched_worker *w)
{
	if (sigsetjmp(w->thread->env, 0))
		crashed(w);
	else
		sched_shuffled(w, run_one);
}
