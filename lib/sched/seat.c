// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * A flow's only worker, and who submits to it, take turns in the worker's seat.
 *
 * A flow of tiny tasks is done soonest by one thread: what is submitted here and run there is
 * fetched from there and back, which takes longer than to run it. So the seat is free at first.
 * Who submits sits there for a visit, every now and then, to run what it has submitted; the
 * worker's thread naps, and watches that somebody works. It sits down when nobody does, when
 * one visit takes very long, and when who submits finds that the tasks are not tiny: then the
 * two are faster side by side. Who submits fast asks for the seat again, but after each
 * mistake much later.
 *
 * Who is in the seat has the worker's struct, and all that a worker has, for itself. Kernels of
 * a visit run in a context of their own (guard_nest()), as an orchestration may have called.
 *
 * Modelled in selftests/models/seat.pml.
 */

#include "base/futex.h"
#include "device/device.h"
#include "emulator/guard.h"
#include "sched/launch.h"
#include "sched/ready.h"
#include "stream/stream.h"

#define NAP_NS		(NSEC_PER_MSEC / 10)	/* between two looks at who submits, */
#define NAP_MAX		(4 * NAP_NS)		/* once it is seen to run tasks itself */
#define VISIT_AFTER	64u			/* tasks */
#define STINT		256u			/* tasks until it is looked whether to ask: */
#define MISTAKES_MAX	4			/* eight times as many after each mistake */
#define ASK_NS		1000			/* a task, by both: they may be tiny */
#define TINY_NS		80			/* a task, in a visit */
#define SLOW_VISITS	3			/* in a row: these are not tiny, */
#define LONG_NS		8000			/* or one in which a task took so long */
#define LONG_VISIT	2			/* naps: who sits there is held up, or the tasks are not tiny */

static bool take(struct sched_window *window, unsigned int who)
{
	unsigned int seat = SEAT_FREE;

	stress_point();
	return atomic_compare_exchange_strong_explicit(&window->seat, &seat, who,
						       memory_order_acquire, relaxed);
}

static unsigned int who(const struct sched_window *window)
{
	stress_point();
	return atomic_load_explicit(&window->seat, memory_order_acquire);
}

static unsigned int visits(const struct sched_window *window)
{
	return atomic_load_explicit(&window->visits, relaxed);
}

static bool tasks_left(const struct sched_window *window)
{
	return atomic_load_explicit(&window->left, relaxed);
}

static void recall(struct sched_window *window, bool on)
{
	stress_point();
	atomic_store_explicit(&window->recall, on, memory_order_release);
}

static void rouse(struct sched_worker *w)
{
	atomic_store(&w->futex, 1);
	futex_wake(&w->futex, 1);
}

/* ---- the worker's thread ------------------------------------------------ */

/* False: somebody has something to say. */
static bool nap(struct sched_worker *w, uint64_t ns)
{
	if (!atomic_exchange(&w->futex, 0))
		futex_wait(&w->futex, 0, ns);
	return !atomic_exchange(&w->futex, 0);
}

/* Until it must work, or is given the seat. */
static void watch(struct sched_worker *w)
{
	struct sched_window *window = w->run->window;
	unsigned int seen, naps = 0;
	uint64_t ns = NAP_NS;
	bool slept;

	while (!stopped(w) && atomic_load_explicit(&window->open, relaxed)) {
		seen = visits(window);
		slept = nap(w, ns);
		if (who(window) == SEAT_WORKER)
			return;
		if (!slept)
			continue;
		if (visits(window) != seen) {
			ns = min(2 * ns, NAP_MAX);
			naps = 0;
		} else if (seat_visited(window)) {
			/* Who sits there may have come just now. */
			if (++naps == LONG_VISIT)
				return;
		} else if (tasks_left(window) || ready_work(w)) {
			return;
		} else {
			ready_park(w);
			if (ready_work(w))
				return;
			ns = NAP_NS;
		}
	}
}

bool seat_sit(struct sched_worker *w)
{
	struct sched_window *window = w->run->window;

	if (who(window) <= SEAT_FIXED)
		return false;
	watch(w);
	recall(window, true);
	while (who(window) != SEAT_WORKER && !take(window, SEAT_WORKER))
		nap(w, NAP_NS);
	recall(window, false);
	return true;
}

void seat_rest(struct sched_worker *w)
{
	struct sched_window *window = w->run->window;
	bool left = w->ready[0] != TASK_NONE || !ring_empty(&w->ring[0]);

	atomic_store_explicit(&window->left, left, relaxed);
	stress_point();
	atomic_store_explicit(&window->seat, SEAT_FREE, memory_order_release);
	/* Not before: who submits would ask again. */
	recall(window, false);
	/* Who waits for room had better sit down. */
	ready_ask(w);
	seat_sit(w);
}

void seat_close(struct stream *stream)
{
	struct sched *s = stream->sched;

	sched_wake(s);
	pthread_mutex_lock(&s->lock);
	/* It may nap. */
	if (s->current && s->current->stream == stream)
		rouse(s->workers[0]);
	pthread_mutex_unlock(&s->lock);
}

/* ---- who submits -------------------------------------------------------- */

/* Adds to @tasks how many were run. False: no kernel may, as it could not be watched. */
static bool work(struct sched *s, struct sched_worker *w, uint32_t *tasks)
{
	struct emu_thread *own = w->thread, *t = guard_nest();
	uint32_t before = w->settled;
	bool may = t && !emu_watch_thread(s->dev->emu, t);

	if (may) {
		t->emu = s->dev->emu;
		t->aicore = s->aicore;
		w->thread = t;
		s->program->inplace(w);
		w->thread = own;
		emu_unwatch_thread(s->dev->emu, t);
	}
	if (t)
		guard_unnest();
	*tasks += w->settled - before;
	return may;
}

static void begin_stint(struct stream *s, uint64_t now)
{
	s->stint_head = s->head;
	s->stint_tail = s->tail;
	s->stint_begin = now;
}

/* Are the tasks tiny? */
static void judge(struct stream *s, uint32_t tasks, uint64_t ns)
{
	bool slow = ns > tasks * (uint64_t)TINY_NS && !s->window.crowded;

	if (!slow)
		s->slow_visits = s->mistakes = 0;
	else if (ns > tasks * (uint64_t)LONG_NS)
		s->slow_visits = SLOW_VISITS;
	else
		s->slow_visits++;
}

bool seat_visit(struct stream *s)
{
	struct sched_window *window = &s->window;
	struct sched_worker *w;
	uint32_t tasks = 0;
	uint64_t begin;
	bool may;

	if (!seat_free(window) || !take(window, SEAT_SUBMITTER))
		return false;
	/* The run does not end before the seat is left; the worker's struct stays with the scheduler. */
	w = s->sched->workers[0];
	begin = now_ns();
	may = work(s->sched, w, &tasks);
	if (tasks) {
		atomic_fetch_add_explicit(&window->visits, 1, relaxed);
		atomic_store_explicit(&window->left, false, relaxed);
		judge(s, tasks, now_ns() - begin);
	}
	stress_point();
	if (likely(may && !seat_recalled(window) && s->slow_visits < SLOW_VISITS)) {
		atomic_store_explicit(&window->seat, SEAT_FREE, memory_order_release);
		return tasks;
	}
	s->slow_visits = 0;
	begin_stint(s, now_ns());
	s->mistakes = min(s->mistakes + 1, MISTAKES_MAX);
	atomic_store_explicit(&window->seat, SEAT_WORKER, memory_order_release);
	rouse(w);
	return tasks;
}

/* Both together take so little time for a task that one had better do all; or there is one CPU. */
static void ask(struct stream *s)
{
	uint64_t now;
	bool tiny;

	if (s->head - s->stint_head < STINT << 3 * s->mistakes)
		return;
	now = now_ns();
	tiny = now - s->stint_begin < (s->tail - s->stint_tail) * (uint64_t)ASK_NS;
	if ((tiny || s->window.crowded) &&
	    !atomic_load_explicit(&s->window.recall, memory_order_acquire) &&
	    who(&s->window) == SEAT_WORKER)
		recall(&s->window, true);
	begin_stint(s, now);
}

bool seat_look(struct stream *s)
{
	bool enough = s->head - s->tail >= VISIT_AFTER;

	switch (who(&s->window)) {
	case SEAT_WORKER:
		ask(s);
		break;
	case SEAT_FREE:
		return enough && (tasks_left(&s->window) || !inject_empty(&s->window.inject[0])) &&
		       seat_visit(s);
	}
	return false;
}
