// SPDX-License-Identifier: MIT OR LGPL-2.1
/* PTO_SEED: a run in an order that is random, and the same each time. */
#include "sched/ready.h"

/* Xorshift, and a multiplication: its upper bits are the better ones. */
static uint32_t below(struct sched_shuffle *s, uint32_t n)
{
	s->state ^= s->state >> 12;
	s->state ^= s->state << 25;
	s->state ^= s->state >> 27;
	return (s->state * 0x2545f4914f6cdd1dull >> 32) * n >> 32;
}

static uint32_t draw(struct sched_shuffle *s)
{
	uint32_t i, task;

	if (!s->count)
		return TASK_NONE;
	i = below(s, s->count);
	task = s->task[i];
	s->task[i] = s->task[--s->count];
	return task;
}

/* What has become ready is shuffled in. */
static void gather(struct sched_worker *w, enum ready_mode mode)
{
	struct sched_shuffle *s = w->run->shuffle;
	unsigned int list;
	uint32_t task;

	while (mode != WINDOW && (w->nroots || ready_roots(w)))
		s->task[s->count++] = ready_root(w);
	for (list = 0; list < SCHED_LISTS; list++) {
		while ((task = ready_take(w, list, mode)) != TASK_NONE)
			s->task[s->count++] = task;
		while (mode == WINDOW && (task = ready_injected(w, list)) != TASK_NONE)
			s->task[s->count++] = task;
	}
}

/* Nobody submits meanwhile. */
static bool our_turn(const struct sched_run *run)
{
	const struct sched_window *window = run->window;

	return !window || atomic_load(&window->turn) || !atomic_load(&window->open);
}

static void end_turn(struct sched_run *run)
{
	if (run->window && atomic_exchange(&run->window->turn, false))
		run->ops->room(run);
}

static void wait_for_turn(struct sched_worker *w)
{
	struct sched_run *run = w->run;

	atomic_fetch_or(&run->parked, 1ull);
	atomic_thread_fence(memory_order_seq_cst);
	if (!our_turn(run) && !stopped(w))
		run->ops->park(w);
	atomic_fetch_and(&run->parked, ~1ull);
}

void sched_shuffled(struct sched_worker *w, bool (*run_one)(struct sched_worker *w, uint32_t task))
{
	enum ready_mode mode = w->run->window ? WINDOW : ALONE;
	bool complete = false;
	uint32_t task;

	while (!stopped(w) && !complete) {
		if (!our_turn(w->run)) {
			wait_for_turn(w);
			continue;
		}
		for (;;) {
			gather(w, mode);
			task = draw(w->run->shuffle);
			if (task == TASK_NONE)
				break;
			if (!run_one(w, task) || stopped(w))
				return;
		}
		complete = ready_settle(w);
		end_turn(w->run);
	}
}
