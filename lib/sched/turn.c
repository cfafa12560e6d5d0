// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Modelled in selftests/models/turn.pml. */
#include "sched/turn.h"

#include "base/futex.h"
#include "base/stress.h"
#include "base/util.h"

#define PATIENCE_NS	(2 * NSEC_PER_MSEC)

enum { TURN_TAKEN = 1, TURN_WANTED = 2 };

void turn_init(struct turn *t)
{
	atomic_init(&t->word, 0);
	pthread_mutex_init(&t->lock, NULL);
	TAILQ_INIT(&t->queue);
}

void turn_destroy(struct turn *t)
{
	pthread_mutex_destroy(&t->lock);
}

static void rouse(struct turn_wait *w)
{
	atomic_fetch_add(&w->event, 1);
	futex_wake(&w->event, 1);
}

/* ---- under the lock ------------------------------------------------------ */

static bool take(struct turn *t, unsigned int bits)
{
	return !(atomic_fetch_or_explicit(&t->word, bits, memory_order_acquire) & TURN_TAKEN);
}

static void leave_queue(struct turn *t, struct turn_wait *w)
{
	TAILQ_REMOVE(&t->queue, w, link);
	w->queued = false;
	if (TAILQ_EMPTY(&t->queue))
		atomic_fetch_and_explicit(&t->word, ~TURN_WANTED, memory_order_relaxed);
}

static bool impatient(const struct turn_wait *w)
{
	return w && now_ns() - w->since >= PATIENCE_NS;
}

static void wake(struct turn_wait *w)
{
	if (!w || !w->asleep)
		return;
	w->asleep = false;
	rouse(w);
}

/* ---- not under it -------------------------------------------------------- */

bool turn_enter(struct turn *t, struct turn_wait *w)
{
	unsigned int word = 0;
	bool mine = false;

	if (likely(atomic_compare_exchange_strong_explicit(&t->word, &word, TURN_TAKEN,
							   memory_order_acquire,
							   memory_order_relaxed)))
		return true;
	pthread_mutex_lock(&t->lock);
	w->given = false;
	w->asleep = false;
	w->since = now_ns();
	TAILQ_INSERT_TAIL(&t->queue, w, link);
	w->queued = true;
	/* Who has the turn looks into the queue from here on when it passes it. */
	if (impatient(TAILQ_FIRST(&t->queue)))
		atomic_fetch_or_explicit(&t->word, TURN_WANTED, memory_order_relaxed);
	else
		mine = take(t, TURN_TAKEN | TURN_WANTED);
	if (mine)
		leave_queue(t, w);
	pthread_mutex_unlock(&t->lock);
	return mine;
}

/* The first one takes the turn if it is free; the others are woken when they are the first. */
static bool try(struct turn *t, struct turn_wait *w)
{
	if (!w->given && w == TAILQ_FIRST(&t->queue) && take(t, TURN_TAKEN)) {
		leave_queue(t, w);
		w->given = true;
	}
	w->asleep = !w->given;
	return w->given;
}

bool turn_wait(struct turn *t, struct turn_wait *w, uint64_t ns)
{
	unsigned int event = atomic_load(&w->event);
	bool mine;

	stress_point();
	pthread_mutex_lock(&t->lock);
	mine = try(t, w);
	pthread_mutex_unlock(&t->lock);
	if (mine)
		return true;
	stress_point();
	if (!atomic_load(&w->poked))
		futex_wait(&w->event, event, ns);
	pthread_mutex_lock(&t->lock);
	mine = try(t, w);
	pthread_mutex_unlock(&t->lock);
	return mine;
}

void turn_leave(struct turn *t, struct turn_wait *w)
{
	pthread_mutex_lock(&t->lock);
	if (w->queued) {
		leave_queue(t, w);
		/* It may have been woken to take the turn. */
		wake(TAILQ_FIRST(&t->queue));
	}
	pthread_mutex_unlock(&t->lock);
	if (w->given)
		turn_pass(t);
}

void turn_poke(struct turn_wait *w)
{
	atomic_store(&w->poked, true);
	rouse(w);
}

static __attribute__((noinline)) void pass_slowly(struct turn *t)
{
	struct turn_wait *w;

	pthread_mutex_lock(&t->lock);
	w = TAILQ_FIRST(&t->queue);
	if (impatient(w)) {
		leave_queue(t, w);
		w->given = true;
	} else {
		atomic_fetch_and_explicit(&t->word, ~TURN_TAKEN, memory_order_release);
	}
	wake(w);
	pthread_mutex_unlock(&t->lock);
}

void turn_pass(struct turn *t)
{
	unsigned int word = TURN_TAKEN;

	stress_point();
	if (unlikely(!atomic_compare_exchange_strong_explicit(&t->word, &word, 0,
							      memory_order_release,
							      memory_order_relaxed)))
		pass_slowly(t);
}
