// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Teams: the lanes of a mixed task, each on a thread of its own.
 *
 * Kernels of one task may wait for one another, so none of them may wait for a thread.
 * A team has a thread for each lane, and runs one task at a time; whoever gave it
 * the task sleeps meanwhile. When a lane fails the others are made to leave their kernels,
 * since they may wait for that lane for ever.
 *
 * What the watchdog and the signal handlers know a lane by is a core of the team's own,
 * whose head counts what the lane has run; which core of the device it stands for is known
 * to who gave the task.
 *
 * A thread that can not be made to leave is left to itself, as those of the pool are:
 * it never touches the team again.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/futex.h"
#include "base/thread.h"
#include "emulator/guard.h"
#include "emulator/internal.h"

#define SLEEP_NS	(3600 * NSEC_PER_SEC)
#define WAIT_NS		(50 * NSEC_PER_MSEC)

/** struct member - one lane's thread; the team's, until it is given up */
struct member {
	struct emu_team *team;
	unsigned int index;
	struct emu_thread *thread;
	pthread_t pthread;
	atomic_bool lost;
};

/**
 * struct emu_team
 * @next, @busy: in emulator.teams; whether it has a task. Under the emulator's lock
 * @lock:	guards @members, and the decision to give one up
 * @core:	the lanes', to the watchdog
 * @wanted:	member i sleeps on it while it is 0
 * @lane:	the task's, while it runs
 * @left:	lanes that have not ended; who waits for them sleeps on it
 */
struct emu_team {
	struct emulator *emu;
	struct emu_team *next;
	bool busy;
	pthread_mutex_t lock;
	struct member *members[PTO_LANES];
	struct emu_core *core[PTO_LANES];
	bool given_up;
	atomic_bool quit;
	atomic_uint wanted[PTO_LANES];
	struct emu_lane *lane;
	atomic_uint left;
};

static void lane_ends(struct emu_team *team)
{
	atomic_fetch_sub(&team->left, 1);
	futex_wake(&team->left, 1);
}

/* With the team's lock in hand: nobody of it can be given up meanwhile. */
static void lane_fails(struct emu_team *team, unsigned int index, const struct emu_fault *fault)
{
	unsigned int i;

	team->lane[index].fault = *fault;
	for (i = 0; i < PTO_LANES; i++)
		if (i != index && team->members[i])
			emu_leave_kernel(team->emu, team->members[i]->thread);
	lane_ends(team);
}

static void fail_lane(struct member *m)
{
	pthread_mutex_lock(&m->team->lock);
	lane_fails(m->team, m->index, &m->thread->fault);
	pthread_mutex_unlock(&m->team->lock);
}

/* As in the pool: with the lock in hand the answer is final. */
static bool lost(struct member *m)
{
	bool ret;

	if (likely(!atomic_load(&m->lost)))
		return false;
	pthread_mutex_lock(&m->team->lock);
	ret = atomic_load(&m->lost);
	pthread_mutex_unlock(&m->team->lock);
	return ret;
}

/* False: the thread was given up. */
static bool run_lane(struct member *m)
{
	struct emu_core *core = m->team->core[m->index];
	struct emu_lane *lane = &m->team->lane[m->index];
	const struct emu_program *p = emu_find(m->thread, lane->desc, emu_resolve);

	if (!p) {
		fail_lane(m);
		return true;
	}
	lane->start = now_ns();
	emu_execute(m->thread, core, lane->desc, p);
	if (lost(m))
		return false;
	lane->end = now_ns();
	WRITE_ONCE(core->queue->sq_head, core->queue->sq_head + 1);
	lane_ends(m->team);
	return true;
}

static bool work(struct member *m)
{
	struct emu_team *team = m->team;
	atomic_uint *wanted = &team->wanted[m->index];

	if (sigsetjmp(m->thread->env, 0)) {
		if (lost(m))
			return false;
		WRITE_ONCE(team->core[m->index]->queue->sq_head,
			   team->core[m->index]->queue->sq_head + 1);
		fail_lane(m);
	}
	while (!atomic_load(&team->quit)) {
		if (!atomic_exchange(wanted, 0))
			futex_wait(wanted, 0, SLEEP_NS);
		else if (!run_lane(m))
			return false;
	}
	return true;
}

static void *member_main(void *arg)
{
	struct member *m = arg;

	pthread_setname_np(pthread_self(), "pto-lane");
	m->thread->emu = m->team->emu;
	if (work(m))
		emu_unwatch_thread(m->team->emu, m->thread);
	else
		free(m);	/* another one is in its place */
	return NULL;
}

static int member_enter(void *arg)
{
	struct member *m = arg;

	m->thread = guard_thread();
	return m->thread ? emu_watch_thread(m->team->emu, m->thread) : -ENOMEM;
}

static int member_add(struct emu_team *team, unsigned int index)
{
	struct member *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return fail(-ENOMEM, "no memory for a lane's thread");
	m->team = team;
	m->index = index;
	ret = thread_start(&m->pthread, member_enter, member_main, m);
	if (ret)
		free(m);
	else
		team->members[index] = m;
	return ret;
}

/* One that was given up may have left a gap. */
static int need_members(struct emu_team *team)
{
	unsigned int i;
	int ret = 0;

	pthread_mutex_lock(&team->lock);
	for (i = 0; i < PTO_LANES && !ret; i++)
		if (!team->members[i])
			ret = member_add(team, i);
	pthread_mutex_unlock(&team->lock);
	return ret;
}

static void team_free(struct emu_team *team)
{
	unsigned int i;

	for (i = 0; i < PTO_LANES; i++)
		free(team->core[i]);
	pthread_mutex_destroy(&team->lock);
	free(team);
}

static struct emu_team *team_new(struct emulator *emu)
{
	struct emu_team *team = calloc(1, sizeof(*team));
	unsigned int i;

	if (!team) {
		fail(-ENOMEM, "no memory for the lanes of mixed tasks");
		return NULL;
	}
	pthread_mutex_init(&team->lock, NULL);
	team->emu = emu;
	team->busy = true;
	for (i = 0; i < PTO_LANES; i++) {
		team->core[i] = emu_core_new(i);
		if (!team->core[i]) {
			team_free(team);
			return NULL;
		}
	}
	return team;
}

/* One without a task, or a new one. There are as many as there have been tasks at once. */
static struct emu_team *team_take(struct emulator *emu)
{
	struct emu_team *team;

	pthread_mutex_lock(&emu->lock);
	for (team = emu->teams; team && team->busy; team = team->next)
		;
	if (team) {
		team->busy = true;
	} else {
		team = team_new(emu);
		if (team) {
			team->next = emu->teams;
			emu->teams = team;
		}
	}
	pthread_mutex_unlock(&emu->lock);
	return team;
}

static void team_put(struct emulator *emu, struct emu_team *team)
{
	pthread_mutex_lock(&emu->lock);
	team->busy = false;
	pthread_mutex_unlock(&emu->lock);
}

static void run_lanes(struct emu_team *team, struct emu_lane *lanes)
{
	unsigned int i, left = 0;

	for (i = 0; i < PTO_LANES; i++)
		left += !!lanes[i].desc;
	team->lane = lanes;
	atomic_store(&team->left, left);
	/* All of them, before one can fail. */
	for (i = 0; i < PTO_LANES; i++)
		atomic_store(&team->members[i]->thread->unwanted, false);
	for (i = 0; i < PTO_LANES; i++) {
		if (!lanes[i].desc)
			continue;
		atomic_store(&team->wanted[i], 1);
		futex_wake(&team->wanted[i], 1);
	}
	while ((left = atomic_load(&team->left)))
		futex_wait(&team->left, left, WAIT_NS);
}

/* The lane that went wrong, and not one that had to leave because of it; -1: none did. */
static int failed_lane(const struct emu_lane *lanes)
{
	int i, failed = -1;

	for (i = 0; i < PTO_LANES; i++) {
		if (!lanes[i].fault.status)
			continue;
		if (lanes[i].fault.status != PTO_STATUS_CANCELED)
			return i;
		failed = i;
	}
	return failed;
}

int emu_team_run(struct emulator *emu, struct emu_lane *lanes, int *failed)
{
	struct emu_team *team = team_take(emu);
	int ret;

	*failed = -1;
	if (!team)
		return -ENOMEM;
	ret = need_members(team);
	if (!ret) {
		run_lanes(team, lanes);
		*failed = failed_lane(lanes);
	}
	team_put(emu, team);
	return ret;
}

bool team_give_up(struct emulator *emu, struct emu_thread *t)
{
	struct emu_fault why = { 0 };
	struct emu_team *team;
	struct member *m = NULL;
	bool gone = false;
	unsigned int i;

	pthread_mutex_lock(&emu->lock);
	team = emu->teams;
	pthread_mutex_unlock(&emu->lock);
	for (; team; team = team->next) {
		pthread_mutex_lock(&team->lock);
		for (i = 0; i < PTO_LANES && !m; i++)
			if (team->members[i] && team->members[i]->thread == t)
				m = team->members[i];
		if (m)
			break;
		pthread_mutex_unlock(&team->lock);
	}
	if (!m)
		return false;
	/* It was told to leave as hanging, or for another lane's sake. */
	why.status = atomic_load(&t->leave);
	atomic_store(&m->lost, true);
	thread_fence_others();
	gone = guard_stuck(t);
	if (gone) {
		team->given_up = true;
		team->members[m->index] = NULL;
		pthread_detach(m->pthread);
		emu_thread_gone(emu, t);
		lane_fails(team, m->index, &why);
	} else {
		atomic_store(&m->lost, false);
	}
	pthread_mutex_unlock(&team->lock);
	return gone;
}

bool teams_stop(struct emulator *emu)
{
	uint64_t deadline = now_ns() + THREAD_JOIN_NS;
	struct emu_team *team;
	bool all = true;
	unsigned int i;

	for (team = emu->teams; team; team = team->next) {
		atomic_store(&team->quit, true);
		all = all && !team->given_up;
		for (i = 0; i < PTO_LANES; i++) {
			struct member *m = team->members[i];

			atomic_store(&team->wanted[i], 1);
			futex_wake(&team->wanted[i], 1);
			team->members[i] = NULL;
			if (m && thread_join(m->pthread, deadline))
				free(m);
			else if (m)
				all = false;
		}
	}
	return all;
}

void teams_destroy(struct emulator *emu)
{
	struct emu_team *team;

	while ((team = emu->teams)) {
		emu->teams = team->next;
		team_free(team);
	}
}
