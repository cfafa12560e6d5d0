// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The ring loop: a worker dispatches to cores that other threads run.
 *
 * Descriptors are copied into the submission rings of the worker's cores, and
 * the rings' heads say what is done. Few cores are used at once, since they share
 * few host threads, and a task queued on a core that waits for a thread could have run on
 * another one. Handing a task to a core, and hearing of it again, costs more than many a
 * task takes: so a core is given a batch at once, which is the smaller the longer its tasks
 * take. A task whose only predecessor is the last in a core's ring is sent right behind it:
 * the ring's order is its dependency, and it does not count.
 *
 * A mixed task goes to a queue of its block, as soon as there is a block whose cores have
 * nothing to do. Were they given other tasks meanwhile, it might never find one: so one block
 * is given no more, and runs dry for it, while all others go on.
 *
 * Modelled in selftests/models/cores.pml.
 */
#include <string.h>

#include "sched/ready.h"

static enum ready_mode mode_of(const struct sched_worker *w)
{
	return w->run->window ? WINDOW : w->run->nworkers > 1 ? SHARED : ALONE;
}

static __inline unsigned int queued(const struct sched_queue *q)
{
	return q->tail - q->done;
}

static void push(struct sched_worker *w, struct sched_queue *q, uint32_t task)
{
	unsigned int slot = q->tail % EMU_QUEUE_DEPTH;
	struct pto_desc *desc = &q->core->sub->sq[slot];

	memcpy(desc, slab_desc(w->run->slabs, task), sizeof(*desc));
	if (w->run->profile) {
		desc->flags |= PTO_DESC_TIMESTAMP;
		q->dispatch[slot] = now_ns();
	}
	if (!w->run->window)
		node_arm(w->run->pending, w->run->many, slab_node(w->run->slabs, task), task);
	q->task[slot] = task;
	q->tail++;
}

static void publish(struct sched_worker *w, struct sched_queue *q)
{
	struct emu_core *core = q->core;

	store_release(&core->sub->sq_tail, q->tail);
	atomic_thread_fence(memory_order_seq_cst);
	if (READ_ONCE(core->queue->asleep))
		w->run->ops->doorbell(w, q);
}

/* The task that may follow @task in its core's ring before @task is done, if any. */
static uint32_t follower(struct sched_worker *w, uint32_t task)
{
	struct graph_slab *const *slabs = w->run->slabs;
	const struct graph_node *node = slab_node(slabs, task);
	uint32_t next;

	/* In a window there may be more of them yet. */
	if (w->run->window || node_nsucc(node) != 1)
		return TASK_NONE;
	next = node->succ[0];
	if (node_npred(slab_node(slabs, next)) != 1 ||
	    desc_kind(slab_desc(slabs, next)) != desc_kind(slab_desc(slabs, task)))
		return TASK_NONE;
	return next;
}

/* How many tasks a queue holds: a mixed one may ask for as many records as it has lanes. */
static unsigned int depth(unsigned int kind)
{
	return kind == SCHED_MIXED ? EMU_QUEUE_DEPTH / PTO_LANES : EMU_QUEUE_DEPTH;
}

/* How many tasks a core is given at once. */
static unsigned int batch(const struct sched_worker *w, unsigned int kind)
{
	unsigned int most = min(w->depth, depth(kind));

	if (!w->batch_ns)
		return most;
	return max(min(w->batch_ns / w->task_ns[kind], most), 1u);
}

static void record(struct sched_worker *w, struct sched_queue *q, const struct pto_desc *desc,
		   const struct pto_cqe *cqe)
{
	const struct emu_core *core = q->core;
	struct emu_driver_times driver = { 0 };

	if (core->driver)
		driver = core->driver[(core->sub->cq_head - 1) % EMU_QUEUE_DEPTH];
	if (w->record == w->record_end && !w->run->ops->more_records(w))
		return;
	*w->record++ = (struct sched_record){
		.task = desc->cookie, .func_id = desc->launch.func_id, .lane = desc->lane,
		.core = cqe->core, .worker = w->index,
		.dispatch = q->dispatch[q->done % EMU_QUEUE_DEPTH],
		.start = cqe->start, .end = cqe->end, .finish = now_ns(),
		.accepted = driver.accepted, .done = driver.done,
	};
}

/* Read the record that a descriptor asked for, or that says why its core has halted. */
static bool take_cqe(struct sched_queue *q, struct pto_cqe *cqe)
{
	struct emu_core *core = q->core;
	uint32_t head = core->sub->cq_head;

	if (head == load_acquire(&core->queue->cq_tail))
		return false;
	*cqe = core->queue->cq[head % EMU_QUEUE_DEPTH];
	store_release(&core->sub->cq_head, head + 1);
	return true;
}

/* As many records as the task has lanes. */
static void record_task(struct sched_worker *w, struct sched_queue *q, uint32_t task)
{
	const struct pto_desc *desc = slab_desc(w->run->slabs, task), *lanes;
	struct pto_cqe cqe;
	unsigned int i;

	if (q->kind != SCHED_MIXED) {
		if (take_cqe(q, &cqe))
			record(w, q, desc, &cqe);
		return;
	}
	lanes = (const struct pto_desc *)(uintptr_t)desc->launch.image;
	for (i = 0; i < PTO_LANES; i++)
		if (desc->lane_mask & 1u << i && take_cqe(q, &cqe))
			record(w, q, &lanes[i], &cqe);
}

/* A predecessor of @to is done. */
static void release(struct sched_worker *w, uint32_t to)
{
	enum ready_mode mode = mode_of(w);

	if (ready_release(w->run, to, mode))
		ready_put(w, desc_kind(slab_desc(w->run->slabs, to)), to, mode);
}

/* The task is done: see to those that wait for it. */
static void finish(struct sched_worker *w, uint32_t task)
{
	struct graph_node *node = slab_node(w->run->slabs, task);
	uint32_t n;

	if (w->run->window) {
		n = node_close(node);
		for_each_in_window(w->run->chunks, node, n, to, release(w, to));
		node_done(w, node, task);
	} else {
		for_each_successor(w->run->chunks, node, task, to, release(w, to));
	}
}

static void complete(struct sched_worker *w, struct sched_queue *q)
{
	uint32_t task = q->task[q->done % EMU_QUEUE_DEPTH];
	uint32_t next = follower(w, task);

	if (w->run->profile)
		record_task(w, q, task);
	w->executed++;
	q->done++;
	if (next != TASK_NONE && q->done != q->tail && q->task[q->done % EMU_QUEUE_DEPTH] == next)
		return;
	w->inflight--;
	finish(w, task);
}

/* A core has halted. */
static void halted(struct sched_worker *w, struct sched_queue *q)
{
	struct emu_fault fault;
	struct pto_cqe cqe;

	while (take_cqe(q, &cqe)) {
		if (cqe.status == PTO_STATUS_OK)
			continue;
		fault = (struct emu_fault){
			.status = cqe.status, .code = cqe.code,
			.addr = cqe.fault.addr, .pc = cqe.fault.pc,
		};
		w->run->ops->failed(w, cqe.cookie, cqe.core, &fault);
		return;
	}
}

/* False: a task has failed, and the launch with it. */
static bool reap_queue(struct sched_worker *w, struct sched_queue *q, bool *moved)
{
	/* The head first: a core that halts stores its state before it moves the head. */
	uint32_t ns, head = load_acquire(&q->core->queue->sq_head);

	if (unlikely(load_acquire(&q->core->queue->state) == PTO_QUEUE_HALTED)) {
		halted(w, q);
		return false;
	}
	if (q->done == head)
		return true;
	while (q->done != head)
		complete(w, q);
	ns = atomic_load_explicit(&q->core->task_ns, relaxed);
	if (ns)
		w->task_ns[q->kind] = ns;
	*moved = true;
	return true;
}

static bool reap(struct sched_worker *w, bool *moved)
{
	unsigned int i = 0;

	if (w->run->ops->poll && !w->run->ops->poll(w))
		return false;
	while (i < w->active) {
		if (!reap_queue(w, w->busy[i], moved))
			return false;
		if (queued(w->busy[i])) {
			i++;
			continue;
		}
		if (w->busy[i]->kind == SCHED_MIXED)
			w->closed &= ~(1u << w->busy[i]->block);
		w->busy[i] = w->busy[--w->active];
	}
	return true;
}

static bool closed(const struct sched_worker *w, const struct sched_queue *q)
{
	return q->kind != SCHED_MIXED && w->closed & 1u << q->block;
}

/* The next idle core of this kind. */
static struct sched_queue *find_idle(struct sched_worker *w, unsigned int kind)
{
	unsigned int first = kind == PTO_CORE_AIC ? 0 : w->first_aiv;
	unsigned int count = (kind == PTO_CORE_AIC ? w->first_aiv : w->nqueues) - first;
	struct sched_queue *q;
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (++w->turn[kind] >= count)
			w->turn[kind] = 0;
		q = &w->queue[first + w->turn[kind]];
		if (!queued(q) && !closed(w, q))
			return q;
	}
	return NULL;
}

/*
 * A core of this kind that may be given a batch: an idle one, or one that will soon be. Of
 * each kind there is one, so that neither keeps out the other.
 */
static struct sched_queue *find_queue(struct sched_worker *w, unsigned int kind)
{
	struct sched_queue *q = w->active < w->width ? find_idle(w, kind) : NULL;
	bool none = true;
	unsigned int i;

	for (i = 0; !q && i < w->active; i++) {
		if (w->busy[i]->kind != kind || closed(w, w->busy[i]))
			continue;
		none = false;
		if (2 * queued(w->busy[i]) <= batch(w, kind))
			q = w->busy[i];
	}
	return q || !none ? q : find_idle(w, kind);
}

static uint32_t take(struct sched_worker *w, unsigned int kind)
{
	enum ready_mode mode = mode_of(w);
	uint32_t task = ready_take(w, kind, mode);

	if (task == TASK_NONE && mode == WINDOW)
		task = ready_injected(w, kind);
	return task != TASK_NONE || !mode ? task : ready_steal(w, kind);
}

/* Roots are of either kind: sort a few into the lists. */
static void sort_roots(struct sched_worker *w)
{
	struct sched_run *run = w->run;
	unsigned int n = w->width * w->depth;
	uint32_t task;

	while (n-- && (w->nroots || ready_roots(w))) {
		task = ready_root(w);
		ready_put(w, desc_kind(slab_desc(run->slabs, task)), task, mode_of(w));
	}
}

/* Put a batch on a core. False: there is no task for it. */
static bool dispatch(struct sched_worker *w, struct sched_queue *q, unsigned int kind)
{
	unsigned int most = batch(w, kind);
	bool idle = !queued(q);
	uint32_t task;

	while (queued(q) < most) {
		task = take(w, kind);
		if (task == TASK_NONE)
			break;
		w->inflight++;
		do {
			push(w, q, task);
			task = follower(w, task);
		} while (task != TASK_NONE && queued(q) < depth(kind));
	}
	if (queued(q) && idle)
		w->busy[w->active++] = q;
	if (q->tail == q->core->sub->sq_tail)
		return false;
	publish(w, q);
	return true;
}

static bool block_idle(struct sched_worker *w, unsigned int block)
{
	unsigned int lane;

	for (lane = 0; lane < PTO_LANES; lane++)
		if (queued(sched_lane(w, block, lane)))
			return false;
	return true;
}

/* The queue of a block that a mixed task may go to: it has some, or its cores are idle. */
static struct sched_queue *find_block(struct sched_worker *w)
{
	unsigned int i, *turn = &w->turn[SCHED_MIXED];
	struct sched_queue *q;
	unsigned int mixed = 0;

	for (i = 0; i < w->active; i++) {
		q = w->busy[i];
		if (q->kind != SCHED_MIXED)
			continue;
		mixed++;
		if (2 * queued(q) <= batch(w, SCHED_MIXED))
			return q;
	}
	/* No more of them than can really run at once. */
	if (mixed && (mixed + 1) * PTO_LANES > w->width)
		return NULL;
	for (i = 0; i < w->first_aiv; i++) {
		*turn = (*turn + 1) % w->first_aiv;
		q = &w->queue[w->nqueues + *turn];
		if (!queued(q) && block_idle(w, *turn))
			return q;
	}
	return NULL;
}

static bool any_mixed(struct sched_worker *w)
{
	uint32_t task = take(w, SCHED_MIXED);

	if (task == TASK_NONE)
		return false;
	ready_put(w, SCHED_MIXED, task, ALONE);
	return true;
}

/* No block is idle, and none will be since it has mixed tasks now: have one run dry. */
static void await_block(struct sched_worker *w)
{
	if (w->closed)
		return;
	w->awaited = w->turn[SCHED_MIXED];
	w->closed = 1u << w->awaited;
}

static void await_no_block(struct sched_worker *w)
{
	if (w->awaited >= 0)
		w->closed &= ~(1u << w->awaited);
	w->awaited = -1;
}

static bool dispatch_mixed(struct sched_worker *w)
{
	bool moved = false;
	struct sched_queue *q;

	while (any_mixed(w)) {
		q = find_block(w);
		if (!q) {
			await_block(w);
			return moved;
		}
		await_no_block(w);
		w->closed |= 1u << q->block;
		moved |= dispatch(w, q, SCHED_MIXED);
	}
	await_no_block(w);
	w->room |= 1u << SCHED_MIXED;
	return moved;
}

/* Notes in w->room for what kinds there was no task. */
static bool dispatch_all(struct sched_worker *w)
{
	struct sched_queue *q;
	bool moved = false;
	unsigned int kind;

	w->room = 0;
	moved = dispatch_mixed(w);
	for (kind = 0; kind < SCHED_KINDS; kind++) {
		while ((q = find_queue(w, kind))) {
			if (!dispatch(w, q, kind)) {
				w->room |= 1u << kind;
				break;
			}
			moved = true;
		}
	}
	return moved;
}

/* Nothing to dispatch, nothing completed: wait for what is there to wait for. */
static bool idle(struct sched_worker *w)
{
	struct sched_run *run = w->run;

	if (w->inflight) {
		run->ops->wait_cores(w);
		return true;
	}
	/* Others have taken all that was sorted, but its share of the roots is not over. */
	if (w->nroots)
		return true;
	if (ready_settle(w))
		return false;
	if (run->window)
		ready_ask(w);
	if (!ready_stays(w))
		return false;
	if (run->window || run->nworkers > 1)
		ready_park(w);
	return true;
}

void sched_rings(struct sched_worker *w)
{
	bool moved;

	while (!stopped(w)) {
		moved = false;
		if (!reap(w, &moved))
			return;
		if (w->ready[0] == TASK_NONE && w->ready[1] == TASK_NONE)
			sort_roots(w);
		if (!dispatch_all(w) && !moved && !idle(w))
			return;
	}
}

/* For sched_shuffled(). */
static bool run_one(struct sched_worker *w, uint32_t task)
{
	unsigned int kind = desc_kind(slab_desc(w->run->slabs, task));
	struct sched_queue *q = kind == SCHED_MIXED ? find_block(w) : find_idle(w, kind);
	bool moved;

	w->inflight++;
	push(w, q, task);
	w->busy[w->active++] = q;
	publish(w, q);
	while (w->active && !stopped(w)) {
		moved = false;
		if (!reap(w, &moved))
			return false;
		if (!moved)
			w->run->ops->wait_cores(w);
	}
	return !w->active;
}

void sched_rings_shuffled(struct sched_worker *w)
{
	w->room = 0;
	sched_shuffled(w, run_one);
}
