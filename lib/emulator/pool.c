// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The emulator's threads: a few host threads that run many cores.
 *
 * A doorbell sets the core's bit in a set of cores with work. A thread takes a
 * bit, becomes the core's only consumer (core->busy), and drains its queue.
 * A thread that finds a core busy leaves it: whoever drains it looks once
 * more after giving it up. Threads that find nothing sleep. (Where others feed the
 * queues it is a little different, see line.c.)
 *
 * Order of the two fences: a submitter stores sq_tail, then reads asleep; a
 * consumer stores asleep, then reads sq_tail. A doorbell sets the bit, then
 * reads sleepers; a thread counts itself among sleepers, then reads the bits.
 *
 * Modelled in selftests/models/: queue.pml and order.cc.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/futex.h"
#include "base/machine.h"
#include "base/stress.h"
#include "base/thread.h"
#include "emulator/guard.h"
#include "emulator/internal.h"

#define POOL_MIN	3u	/* the lanes of a mixed task wait for one another */
#define POOL_MAX	16u
#define SPIN		200
#define SLEEP_NS	(3600 * NSEC_PER_SEC)
#define WORDS		(EMU_SLOTS / 64)

/**
 * struct pool_thread - one host thread; the pool's, until it is given up
 * @born, @index, @count, @here, @placed: see machine_place()
 * @core_at, @doorbell, @nap: on a line: where it looks for work next, the count that
 *		it has seen, and how long it sleeps while others work
 */
struct pool_thread {
	struct emulator *emu;
	struct emu_thread *thread;
	pthread_t pthread;
	uint64_t born;
	unsigned int index, count;
	int here;
	bool placed;
	unsigned int core_at;
	uint32_t doorbell;
	uint64_t nap;
};

/**
 * struct emu_pool
 * @lock:	guards @threads, and the decision to give one up
 * @given_up:	one was: it may still look at this struct
 * @work:	cores whose doorbell was rung, a bit each
 * @event:	threads without work sleep on it, @sleepers of them
 * @moved:	submitters sleep on it
 */
struct emu_pool {
	pthread_mutex_t lock;
	struct pool_thread *threads[POOL_MAX];
	unsigned int count;
	bool given_up;
	_Atomic uint64_t work[WORDS];
	atomic_uint sleepers;
	atomic_uint event;
	atomic_uint moved;
	atomic_bool spinning;
	atomic_bool stop;
};

/* ---- queues ------------------------------------------------------------- */

static void interrupt(struct emulator *emu, struct emu_core *core)
{
	uint32_t head = READ_ONCE(core->queue->sq_head);

	if (emu->line) {
		line_tell(emu, core);
		return;
	}
	atomic_thread_fence(memory_order_seq_cst);
	stress_point();
	if (!READ_ONCE(core->sub->irq_wanted) ||
	    (int32_t)(head - READ_ONCE(core->sub->irq_head)) < 0)
		return;
	emu_rouse(emu);
}

static void fill(const struct pto_desc *desc)
{
	uint32_t *at = (uint32_t *)(uintptr_t)desc->fill.dst;
	uint64_t i;

	for (i = 0; i < desc->fill.size / 4; i++)
		at[i] = desc->fill.pattern;
}

/* A copy may meet an address that is not there, just as a kernel may. */
static void move(struct emu_thread *t, struct emu_core *core, const struct pto_desc *desc)
{
	static const struct emu_program engine;

	atomic_store_explicit(&t->core, core, memory_order_relaxed);
	atomic_store_explicit(&t->desc, desc, memory_order_relaxed);
	atomic_store_explicit(&t->running, &engine, memory_order_relaxed);
	if (desc->opcode == PTO_OP_COPY)
		memcpy((void *)(uintptr_t)desc->copy.dst, (void *)(uintptr_t)desc->copy.src,
		       desc->copy.size);
	else
		fill(desc);
	atomic_store_explicit(&t->running, NULL, memory_order_relaxed);
}

/* False: the descriptor could not be executed, t->fault says why. */
static bool execute(struct emu_thread *t, struct emu_core *core, const struct pto_desc *desc)
{
	const struct emu_program *p;

	switch (desc->opcode) {
	case PTO_OP_NOP:
		return true;
	case PTO_OP_LAUNCH:
		p = emu_find(t, desc, emu_resolve);
		if (!p)
			return false;
		emu_execute(t, core, desc, p);
		return true;
	case PTO_OP_COPY:
	case PTO_OP_FILL:
		move(t, core, desc);
		return true;
	case PTO_OP_DESTROY:
		emu_forget(t->emu, desc->destroy.serial);
		return true;
	}
	t->fault = (struct emu_fault){ .status = PTO_STATUS_BAD_DESC };
	return false;
}

/*
 * Was this thread given up while its kernel ran? The watchdog sets the flag,
 * looks whether the kernel still runs, and takes the flag back if not, all
 * under the lock: with the lock in hand the answer is final.
 */
static bool lost(struct emu_pool *pool, struct emu_core *core)
{
	bool ret;

	if (likely(!atomic_load_explicit(&core->lost, memory_order_relaxed)))
		return false;
	pthread_mutex_lock(&pool->lock);
	ret = atomic_load(&core->lost);
	pthread_mutex_unlock(&pool->lock);
	return ret;
}

enum drained { DRAINED, WAITS, HALTED, LOST };

/* Less at once, more by and by: a thread that lost its CPU meanwhile is not to be believed. */
void emu_note_task_ns(struct emu_core *core, uint64_t ns)
{
	uint32_t old = atomic_load_explicit(&core->task_ns, memory_order_relaxed);

	ns = min(ns, NSEC_PER_SEC);
	if (old && ns > old)
		ns = old + (ns - old + 3) / 4;
	atomic_store_explicit(&core->task_ns, max(ns, 1ull), memory_order_relaxed);
}

/* Execute what is at the head of the ring, and move the head. */
static enum drained drain_one(struct emu_thread *t, struct emu_core *core,
			      const struct pto_desc *desc)
{
	struct pto_cqe cqe = { .status = PTO_STATUS_OK };

	if (unlikely(desc->gang))
		return !gang_execute(t->emu, desc, core) ? WAITS :
		       READ_ONCE(core->queue->state) == PTO_QUEUE_HALTED ? HALTED : DRAINED;
	cqe.start = desc->flags & PTO_DESC_TIMESTAMP ? now_ns() : 0;
	if (!execute(t, core, desc)) {
		queue_halt(core, core->number, &t->fault);
		return HALTED;
	}
	if (lost(t->emu->pool, core))
		return LOST;
	if (desc->flags & PTO_DESC_FLAGS) {
		cqe.cookie = desc->cookie;
		cqe.core = core->number;	/* as laid out before @desc was submitted */
		cqe.end = desc->flags & PTO_DESC_TIMESTAMP ? now_ns() : 0;
		queue_put_cqe(core, &cqe);
	}
	store_release(&core->queue->sq_head, READ_ONCE(core->queue->sq_head) + 1);
	return DRAINED;
}

/* The same for a mixed task on its block's queue. */
static enum drained drain_mixed(struct emu_thread *t, struct emu_core *core,
				const struct pto_desc *desc)
{
	if (!mixed_execute(t, core, desc))
		return HALTED;
	store_release(&core->queue->sq_head, READ_ONCE(core->queue->sq_head) + 1);
	return DRAINED;
}

/* Execute what is in the ring. */
static enum drained drain_ring(struct emu_thread *t, struct emu_core *core)
{
	struct pto_queue_core *queue = core->queue;
	uint32_t head = READ_ONCE(queue->sq_head);
	uint64_t begin = now_ns();
	const struct pto_desc *desc;
	enum drained ret;
	uint32_t first;

	/* What was submitted before the submitter knew of a fault waits for its orders. */
	if (READ_ONCE(queue->state) == PTO_QUEUE_HALTED) {
		if (!queue_obey(core))
			return DRAINED;
		head = READ_ONCE(queue->sq_head);
	}
	first = head;
	while (head != load_acquire(&core->sub->sq_tail)) {
		if (unlikely(atomic_load_explicit(&core->cancel, memory_order_relaxed)))
			break;
		desc = &core->sub->sq[head % EMU_QUEUE_DEPTH];
		ret = unlikely(desc->lane == LANE_MIXED) ? drain_mixed(t, core, desc) :
							   drain_one(t, core, desc);
		if (ret == WAITS)
			break;
		if (ret != DRAINED)
			return ret;
		head++;
		interrupt(t->emu, core);
	}
	if (head != first)
		emu_note_task_ns(core, (now_ns() - begin) / (head - first));
	return DRAINED;
}

/* False: the thread was given up together with the core. */
static bool drain_core(struct emu_thread *t, struct emu_core *core)
{
	enum drained ret;

	do {
		if (atomic_exchange(&core->busy, 1))
			return true;
		WRITE_ONCE(core->queue->asleep, 0);
		ret = drain_ring(t, core);
		if (ret == LOST)
			return false;
		if (ret == HALTED)
			interrupt(t->emu, core);
		WRITE_ONCE(core->queue->asleep, 1);
		atomic_store(&core->busy, 0);
		stress_point();
		atomic_thread_fence(memory_order_seq_cst);
	} while (queue_has_work(t->emu, core));
	return true;
}

static bool drain(struct emu_thread *t, struct emu_core *core)
{
	struct emulator *emu = t->emu;
	bool ret;

	if (!emu->line)
		return drain_core(t, core);
	atomic_fetch_add(&emu->draining, 1);
	ret = drain_core(t, core);
	if (ret)
		atomic_fetch_sub(&emu->draining, 1);
	return ret;
}

/* ---- threads ------------------------------------------------------------ */

static struct emu_core *claim(struct emulator *emu)
{
	struct emu_pool *pool = emu->pool;
	unsigned int i, bit;
	uint64_t work;

	for (i = 0; i < WORDS; i++) {
		work = atomic_load_explicit(&pool->work[i], memory_order_relaxed);
		while (work) {
			bit = __builtin_ctzll(work);
			work = atomic_fetch_and(&pool->work[i], ~(1ull << bit));
			if (work & (1ull << bit))
				return atomic_load_explicit(&emu->cores[i * 64 + bit],
							    memory_order_acquire);
		}
	}
	return NULL;
}

static bool any_work(struct emu_pool *pool)
{
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		if (atomic_load(&pool->work[i]))
			return true;
	return false;
}

/* One idle thread looks around for a few microseconds before it sleeps. */
static bool spin(struct emu_pool *pool)
{
	unsigned int i;

	if (atomic_exchange(&pool->spinning, true))
		return false;
	for (i = 0; i < SPIN && !any_work(pool); i++)
		cpu_relax();
	atomic_store(&pool->spinning, false);
	return i < SPIN;
}

static void sleep_until_doorbell(struct emu_pool *pool)
{
	unsigned int event = atomic_load(&pool->event);

	if (spin(pool))
		return;
	atomic_fetch_add(&pool->sleepers, 1);
	stress_point();
	if (!any_work(pool) && !atomic_load(&pool->stop))
		futex_wait(&pool->event, event, SLEEP_NS);
	atomic_fetch_sub(&pool->sleepers, 1);
}

/*
 * The kernel was left: the core halts, and goes to whoever comes next. On a line it does not
 * halt when the launch has ended: nothing has faulted, and nobody would have it go on.
 */
static void after_fault(struct emu_thread *t)
{
	struct emu_core *core = atomic_load_explicit(&t->core, memory_order_relaxed);

	if (t->emu->line && t->fault.status == PTO_STATUS_CANCELED)
		queue_cancel(core);
	else
		queue_halt(core, core->number, &t->fault);
	interrupt(t->emu, core);
	WRITE_ONCE(core->queue->asleep, 1);
	atomic_store(&core->busy, 0);
	if (t->emu->line)
		atomic_fetch_sub(&t->emu->draining, 1);
}

static struct emu_core *find_work(struct pool_thread *p)
{
	return p->emu->line ? line_claim(p->emu, &p->core_at) : claim(p->emu);
}

static void sleep_until_work(struct pool_thread *p)
{
	if (unlikely(!p->placed))
		p->placed = machine_place(p->born, p->index, p->count, p->here);
	if (p->emu->line && !atomic_load(&p->emu->down))
		line_sleep(p->emu, &p->doorbell, &p->nap);
	else
		sleep_until_doorbell(p->emu->pool);
}

/* False: the thread was given up. */
static bool work(struct pool_thread *p)
{
	struct emu_pool *pool = p->emu->pool;
	struct emu_core *core;

	if (sigsetjmp(p->thread->env, 0)) {
		if (lost(p->emu->pool, atomic_load(&p->thread->core)))
			return false;
		after_fault(p->thread);
	}
	while (!atomic_load_explicit(&pool->stop, memory_order_relaxed)) {
		core = find_work(p);
		if (!core)
			sleep_until_work(p);
		else if (!drain(p->thread, core))
			return false;
	}
	return true;
}

static void *thread_main(void *arg)
{
	struct pool_thread *p = arg;

	pthread_setname_np(pthread_self(), "pto-core");
	p->thread->emu = p->emu;
	if (work(p))
		emu_unwatch_thread(p->emu, p->thread);
	else
		free(p);	/* another one is in its place */
	return NULL;
}

/* What a new thread must have before anybody counts on it. */
static int thread_enter(void *arg)
{
	struct pool_thread *p = arg;

	p->thread = guard_thread();
	return p->thread ? emu_watch_thread(p->emu, p->thread) : -ENOMEM;
}

static int thread_add(struct emulator *emu, unsigned int index, unsigned int count)
{
	struct pool_thread *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return fail(-ENOMEM, "no memory for an emulator thread");
	p->emu = emu;
	p->index = index;
	p->count = count;
	p->born = now_ns();
	p->here = machine_here();
	ret = thread_start(&p->pthread, thread_enter, thread_main, p);
	if (ret) {
		free(p);
		return ret;
	}
	emu->pool->threads[index] = p;
	return 0;
}

int emu_threads_start(struct emulator *emu)
{
	struct emu_pool *pool = emu->pool;
	unsigned int want;
	int ret = 0;

	pthread_mutex_lock(&pool->lock);
	want = pool->count ?: min(max(machine_cpus(), POOL_MIN), POOL_MAX);
	if (atomic_load(&pool->stop))
		ret = fail(-ESHUTDOWN, "the process is about to end");
	while (!ret && pool->count < want) {
		ret = thread_add(emu, pool->count, want);
		pool->count += !ret;
	}
	/* Fewer will do, as long as the lanes of a mixed task find one each. */
	if (pool->count >= POOL_MIN && !atomic_load(&pool->stop))
		ret = pool->count;
	pthread_mutex_unlock(&pool->lock);
	return ret;
}

unsigned int emu_threads_count(struct emulator *emu)
{
	unsigned int count;

	pthread_mutex_lock(&emu->pool->lock);
	count = emu->pool->count;
	pthread_mutex_unlock(&emu->pool->lock);
	return count;
}

bool pool_give_up(struct emulator *emu, struct emu_thread *t)
{
	struct emu_pool *pool = emu->pool;
	const struct emu_fault hang = { .status = PTO_STATUS_HANG };
	struct emu_core *core = NULL;
	struct pool_thread *p = NULL;
	bool gone = false;
	unsigned int i;

	pthread_mutex_lock(&pool->lock);
	for (i = 0; i < pool->count && pool->threads[i]->thread != t; i++)
		;
	if (i < pool->count) {
		p = pool->threads[i];
		core = atomic_load(&t->core);
		atomic_store(&core->lost, true);
		thread_fence_others();
		gone = guard_stuck(t);
		if (!gone)
			atomic_store(&core->lost, false);
	}
	if (gone) {
		pool->given_up = true;
		pthread_detach(p->pthread);
		emu_thread_gone(emu, t);
		queue_halt(core, core->number, &hang);
		if (emu->line) {
			emu_core_retire(emu, core->slot);
			atomic_fetch_sub(&emu->draining, 1);
		}
		interrupt(emu, core);
		if (thread_add(emu, i, pool->count))
			pool->threads[i] = pool->threads[--pool->count];
	}
	pthread_mutex_unlock(&pool->lock);
	return gone;
}

/* ---- for submitters ----------------------------------------------------- */

void emu_doorbell(struct emulator *emu, struct emu_core *core)
{
	struct emu_pool *pool = emu->pool;

	atomic_fetch_or(&pool->work[core->slot / 64], 1ull << core->slot % 64);
	atomic_thread_fence(memory_order_seq_cst);
	stress_point();
	if (!atomic_load_explicit(&pool->sleepers, memory_order_relaxed))
		return;
	atomic_fetch_add(&pool->event, 1);
	futex_wake(&pool->event, 1);
}

static bool any_reached(struct emu_core *const *cores, const uint32_t *heads, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if ((int32_t)(READ_ONCE(cores[i]->queue->sq_head) -
			      heads[i]) >= 0)
			return true;
	return false;
}

unsigned int emu_event(struct emulator *emu)
{
	return atomic_load(&emu->pool->moved);
}

void emu_rouse(struct emulator *emu)
{
	atomic_fetch_add(&emu->pool->moved, 1);
	futex_wake(&emu->pool->moved, INT_MAX);
}

void emu_wait_cores(struct emulator *emu, struct emu_core *const *cores, const uint32_t *heads,
		    unsigned int count, unsigned int event, uint64_t timeout_ns)
{
	struct emu_pool *pool = emu->pool;
	unsigned int i;

	for (i = 0; i < SPIN; i++) {
		if (any_reached(cores, heads, count) || emu_event(emu) != event)
			return;
		cpu_relax();
	}
	for (i = 0; i < count; i++) {
		WRITE_ONCE(cores[i]->sub->irq_head, heads[i]);
		WRITE_ONCE(cores[i]->sub->irq_wanted, 1);
	}
	atomic_thread_fence(memory_order_seq_cst);
	stress_point();
	if (!any_reached(cores, heads, count))
		futex_wait(&pool->moved, event, timeout_ns);
	for (i = 0; i < count; i++)
		WRITE_ONCE(cores[i]->sub->irq_wanted, 0);
}

/* Both regions are ours. */
static void reset_queue(struct emu_core *core)
{
	WRITE_ONCE(core->sub->irq_wanted, 0);
	WRITE_ONCE(core->sub->cq_head, core->queue->cq_tail);
	WRITE_ONCE(core->sub->sq_tail, READ_ONCE(core->queue->sq_head));
	WRITE_ONCE(core->queue->state, PTO_QUEUE_RUNNING);
}

/* Whoever drains the core ends soon: it has no more to start, and is made to leave a kernel. */
static void quiesce(struct emu_pool *pool, struct emu_core *core, bool line)
{
	unsigned int moved;

	atomic_store(&core->cancel, true);
	for (;;) {
		moved = atomic_load(&pool->moved);
		if (atomic_load(&core->lost))
			return;
		if (!atomic_exchange(&core->busy, 1))
			break;
		futex_wait(&pool->moved, moved, NSEC_PER_MSEC);
	}
	if (line)
		queue_cancel(core);
	else
		reset_queue(core);
	atomic_store(&core->cancel, false);
	atomic_store(&core->busy, 0);
}

void emu_quiesce(struct emulator *emu, unsigned int first, unsigned int end)
{
	struct emu_core *core;

	for (; first < end; first++) {
		core = emu_core_if(emu, first);
		if (core)
			quiesce(emu->pool, core, emu->line);
	}
	if (emu->line)
		line_tell_all(emu);
}

/* ---- life --------------------------------------------------------------- */

int pool_create(struct emulator *emu)
{
	emu->pool = calloc(1, sizeof(*emu->pool));
	if (!emu->pool)
		return fail(-ENOMEM, "no memory for the emulator's threads");
	pthread_mutex_init(&emu->pool->lock, NULL);
	return 0;
}

bool pool_stop(struct emulator *emu)
{
	struct emu_pool *pool = emu->pool;
	uint64_t deadline = now_ns() + THREAD_JOIN_NS;
	bool all = !pool->given_up;

	atomic_store(&pool->stop, true);
	atomic_fetch_add(&pool->event, 1);
	futex_wake(&pool->event, INT_MAX);
	if (emu->line)
		emu->line->cut(emu->line);
	pthread_mutex_lock(&pool->lock);
	while (pool->count) {
		struct pool_thread *p = pool->threads[--pool->count];

		if (thread_join(p->pthread, deadline))
			free(p);
		else
			all = false;
	}
	pthread_mutex_unlock(&pool->lock);
	return all;
}

void pool_destroy(struct emulator *emu)
{
	pthread_mutex_destroy(&emu->pool->lock);
	free(emu->pool);
}
