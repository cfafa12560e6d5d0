// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Scheduler threads: each stands for one worker of whatever run is open, and
 * sleeps between runs.
 *
 * A thread that is given up never touches the scheduler again: its worker's
 * struct, its core and its own struct are left to it, and new ones are put in
 * their places.
 *
 * Modelled in selftests/models/sched.pml.
 */
#include "sched/ready.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/futex.h"
#include "base/machine.h"
#include "base/thread.h"
#include "device/device.h"
#include "emulator/guard.h"
#include "sched/launch.h"

#define SLEEP_NS	(3600 * NSEC_PER_SEC)

/**
 * struct sched_thread - a thread that stands for worker @index
 * @born, @placed: see machine_place()
 * @lent:	it is somebody else's thread, for one run: in the place of @instead
 * @lost:	it was given up; decided under threads_lock
 */
struct sched_thread {
	struct sched *sched;
	struct emu_thread *thread;
	pthread_t pthread;
	unsigned int index;
	uint64_t born;
	bool placed;
	bool lent;
	struct sched_thread *instead;
	atomic_bool lost;
};

bool threads_join_run(struct sched *s)
{
	unsigned int members = atomic_load(&s->members);

	while (members & SCHED_OPEN)
		if (atomic_compare_exchange_weak(&s->members, &members, members + 1))
			return true;
	return false;
}

void threads_leave_run(struct sched *s)
{
	if (atomic_fetch_sub(&s->members, 1) == 1)
		futex_wake(&s->members, 1);
}

void threads_close_run(struct sched *s)
{
	unsigned int members = atomic_fetch_and(&s->members, ~SCHED_OPEN) & ~SCHED_OPEN;

	while (members) {
		/* Each member ends: it finds nothing, or is made to leave, or is given up. */
		futex_wait(&s->members, members, NSEC_PER_SEC);
		members = atomic_load(&s->members);
	}
}

static void stood_in(struct sched *s)
{
	atomic_store(&s->stood_in, 1);
	futex_wake(&s->stood_in, 1);
}

void threads_wait_stand_in(struct sched *s)
{
	/* It comes to its end: all is done, or it is made to leave, or it is given up. */
	while (!atomic_load(&s->stood_in))
		futex_wait(&s->stood_in, 0, NSEC_PER_SEC);
}

/* True: this thread was given up while it ran a kernel, and must be gone. */
static bool lost(struct sched_thread *p)
{
	bool ret;

	if (likely(!atomic_load(&p->lost)))
		return false;
	pthread_mutex_lock(&p->sched->threads_lock);
	ret = atomic_load(&p->lost);
	pthread_mutex_unlock(&p->sched->threads_lock);
	return ret;
}

/* Work on a run until nothing is left. False: given up. */
static bool work(struct sched_thread *p)
{
	struct sched *s = p->sched;
	struct sched_worker *w = s->workers[p->index];
	uint64_t bit = 1ull << p->index;

	for (;;) {
		sched_work(s, w, p->thread);
		if (lost(p))
			return false;
		if (!p->index || stopped(w))
			return true;
		/* Nothing found. Count as parked, then look around once more. */
		atomic_fetch_or(&s->run.parked, bit);
		stress_point();
		atomic_thread_fence(memory_order_seq_cst);
		if (!ready_work(w) || !(atomic_fetch_and(&s->run.parked, ~bit) & bit))
			return true;
	}
}

static void sleep_until_wanted(struct sched_thread *p)
{
	struct sched *s = p->sched;

	if (unlikely(!p->placed))
		p->placed = machine_place(p->born, p->index, atomic_load(&s->config_workers),
					  atomic_load(&s->here));
	futex_wait(&s->wanted[p->index], 0, SLEEP_NS);
}

static void *thread_main(void *arg)
{
	struct sched_thread *p = arg;
	struct sched *s = p->sched;
	atomic_uint *wanted = &s->wanted[p->index];

	pthread_setname_np(pthread_self(), "pto-aicpu");
	while (!atomic_load(&s->quit)) {
		if (!atomic_exchange(wanted, 0)) {
			sleep_until_wanted(p);
			continue;
		}
		stress_point();
		if (!threads_join_run(s))
			continue;
		if (p->index < s->run.nworkers && !work(p)) {
			free(p);
			return NULL;
		}
		if (!p->index)
			stood_in(s);
		threads_leave_run(s);
	}
	emu_unwatch_thread(s->dev->emu, p->thread);
	return NULL;
}

static int thread_enter(void *arg)
{
	struct sched_thread *p = arg;

	p->thread = guard_thread();
	if (!p->thread)
		return -ENOMEM;
	p->thread->emu = p->sched->dev->emu;
	return emu_watch_thread(p->thread->emu, p->thread);
}

static int thread_add(struct sched *s, unsigned int index)
{
	struct sched_thread *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return fail(-ENOMEM, "no memory for a scheduler thread");
	p->sched = s;
	p->index = index;
	p->born = now_ns();
	ret = thread_start(&p->pthread, thread_enter, thread_main, p);
	if (ret)
		free(p);
	else
		s->threads[index] = p;
	return ret;
}

static int threads_need(struct sched *s, unsigned int index)
{
	int ret = 0;

	pthread_mutex_lock(&s->threads_lock);
	if (atomic_load(&s->quit))
		ret = -ESHUTDOWN;
	else if (!s->threads[index])
		ret = thread_add(s, index);
	pthread_mutex_unlock(&s->threads_lock);
	return ret;
}

int threads_wake(struct sched *s, unsigned int index)
{
	atomic_store(&s->wanted[index], 1);
	if (unlikely(!atomic_load(&s->threads[index])))
		return threads_need(s, index);
	futex_wake(&s->wanted[index], 1);
	return 0;
}

/*
 * Let go of a thread that is stuck. What it may still touch is its own from
 * now on: its worker and its core are replaced when the run has ended.
 */
static void let_go(struct sched *s, struct sched_thread *p)
{
	const struct pto_desc *desc = atomic_load(&p->thread->desc);
	struct emu_core *core = atomic_load(&p->thread->core);
	struct emu_fault hang = { .status = PTO_STATUS_HANG };

	if (!p->lent)
		pthread_detach(p->pthread);
	emu_thread_gone(s->dev->emu, p->thread);
	launch_keep_programs(s);
	atomic_store(&core->lost, true);
	s->given_up = true;
	s->lost_workers |= 1ull << p->index;
	s->threads[p->index] = p->instead;
	launch_failed(s->workers[p->index], desc->cookie, core->number, &hang);
	if (!p->index)
		stood_in(s);
	threads_leave_run(s);
}

bool threads_give_up(struct sched *s, struct emu_thread *t)
{
	struct sched_thread *p = NULL;
	bool gone = false;
	unsigned int i;

	pthread_mutex_lock(&s->threads_lock);
	for (i = 0; i < SCHED_MAX_WORKERS; i++)
		if (s->threads[i] && s->threads[i]->thread == t)
			p = s->threads[i];
	if (p) {
		/* Should the kernel return just now, its worker must do no more. */
		atomic_store(&s->workers[p->index]->stop, 1);
		atomic_store(&p->lost, true);
		thread_fence_others();
		gone = guard_stuck(t);
		if (!gone)
			atomic_store(&p->lost, false);
	}
	if (gone)
		let_go(s, p);
	else if (p)
		launch_overdue(s);
	pthread_mutex_unlock(&s->threads_lock);
	return gone;
}

/* False: it was given up meanwhile, and owns nothing of the run's any more. */
static bool work_lent(struct sched *s, struct sched_thread *p)
{
	bool gone;

	pthread_mutex_lock(&s->threads_lock);
	p->instead = s->threads[p->index];
	s->threads[p->index] = p;
	pthread_mutex_unlock(&s->threads_lock);
	sched_work(s, s->workers[p->index], p->thread);
	pthread_mutex_lock(&s->threads_lock);
	gone = atomic_load(&p->lost);
	if (!gone)
		s->threads[p->index] = p->instead;
	pthread_mutex_unlock(&s->threads_lock);
	return !gone;
}

void threads_lend(struct sched *s, unsigned int index, struct emu_thread *t)
{
	struct sched_thread p = {
		.sched = s, .thread = t, .index = index, .lent = true,
	};

	t->emu = s->dev->emu;
	if (emu_watch_thread(t->emu, t)) {
		log_msg(LOG_WARN, "no thread for worker %u: %s", index, pto_last_error());
	} else {
		if (!work_lent(s, &p))
			return;
		emu_unwatch_thread(t->emu, t);
	}
	threads_leave_run(s);
}

/* From now on there is no thread of our own for this worker. @lent: there still is another. */
static struct sched_thread *take_thread(struct sched *s, unsigned int index, bool *lent)
{
	struct sched_thread *own, *p;

	pthread_mutex_lock(&s->threads_lock);
	own = p = s->threads[index];
	*lent = p && p->lent;
	if (*lent) {
		own = p->instead;
		p->instead = NULL;
	} else {
		s->threads[index] = NULL;
	}
	pthread_mutex_unlock(&s->threads_lock);
	return own;
}

bool sched_quit(struct sched *s)
{
	uint64_t deadline = now_ns() + THREAD_JOIN_NS;
	struct sched_thread *p;
	bool all = true, lent;
	unsigned int i;

	atomic_store(&s->quit, true);
	launch_shut_down(s);
	for (i = 0; i < SCHED_MAX_WORKERS; i++) {
		atomic_store(&s->wanted[i], 1);
		futex_wake(&s->wanted[i], 1);
	}
	for (i = 0; i < SCHED_MAX_WORKERS; i++) {
		p = take_thread(s, i, &lent);
		all = all && !lent;
		if (!p)
			continue;
		if (thread_join(p->pthread, deadline))
			free(p);
		else
			all = false;
	}
	return all && !s->given_up;
}
