// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Teams: the lanes of a mixed task, each on a thread of its own.
 *
 * Kernels of one task may wait for one another, so none of them may wait for a thread.
 * A team has a thread for each lane, and runs one task at a time; whoever gave it
 * the task sleeps meanwhile. When a lane fails it is told at once, since the others may
 * wait for that lane for ever: it has them leave their kernels.
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
 * @next:	in emulator.teams, under its lock
 * @lock:	guards @members, and the decision to give one up
 * @wanted:	member i sleeps on it while it is 0
 * @lane:	the task's, while it runs
 * @left:	lanes that have not ended; who waits for them sleeps on it
 * @failed:	those that have failed, a bit each
 */
struct emu_team {
	struct emulator *emu;
	struct emu_team *next;
	pthread_mutex_t lock;
	struct member *members[PTO_LANES];
	bool given_up;
	atomic_bool quit;
	atomic_uint wanted[PTO_LANES];
	struct emu_lane *lane;
	atomic_uint left;
	atomic_uint failed;
};

static void lane_ends(struct emu_team *team)
{
	atomic_fetch_sub(&team->left, 1);
	futex_wake(&team->left, 1);
}

static void lane_fails(struct emu_team *team, unsigned int index, const struct emu_fault *fault)
{
	team->lane[index].fault = *fault;
	atomic_fetch_or(&team->failed, 1u << index);
	lane_ends(team);
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
	struct emu_lane *lane = &m->team->lane[m->index];
	const struct emu_program *p = emu_find(m->thread, lane->desc, emu_resolve);

	if (!p) {
		lane_fails(m->team, m->index, &m->thread->fault);
		return true;
	}
	lane->start = now_ns();
	emu_execute(m->thread, lane->core, lane->desc, p);
	if (lost(m))
		return false;
	lane->end = now_ns();
	/* What the watchdog sees of it. */
	WRITE_ONCE(lane->core->queue->sq_head, lane->core->queue->sq_head + 1);
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
		lane_fails(team, m->index, &m->thread->fault);
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

int emu_team_new(struct emulator *emu, struct emu_team **out)
{
	struct emu_team *team = calloc(1, sizeof(*team));
	int ret;

	if (!team)
		return fail(-ENOMEM, "no memory for the lanes of mixed tasks");
	pthread_mutex_init(&team->lock, NULL);
	team->emu = emu;
	pthread_mutex_lock(&emu->lock);
	team->next = emu->teams;
	emu->teams = team;
	pthread_mutex_unlock(&emu->lock);
	ret = need_members(team);
	/* What there is of it stays with the emulator. */
	if (!ret)
		*out = team;
	return ret;
}

int emu_team_run(struct emu_team *team, struct emu_lane *lanes,
		 void (*failed)(void *arg, unsigned int lane), void *arg)
{
	unsigned int i, left, bits, n = 0;
	bool told = false;
	int ret = need_members(team);

	if (ret)
		return ret;
	for (i = 0; i < PTO_LANES; i++)
		n += !!lanes[i].desc;
	team->lane = lanes;
	atomic_store(&team->failed, 0);
	atomic_store(&team->left, n);
	for (i = 0; i < PTO_LANES; i++) {
		if (!lanes[i].desc)
			continue;
		atomic_store(&team->wanted[i], 1);
		futex_wake(&team->wanted[i], 1);
	}
	do {
		left = atomic_load(&team->left);
		bits = atomic_load(&team->failed);
		if (bits && !told) {
			told = true;
			failed(arg, __builtin_ctz(bits));
		}
		if (left)
			futex_wait(&team->left, left, WAIT_NS);
	} while (left);
	return bits ? -ECANCELED : 0;
}

bool team_give_up(struct emulator *emu, struct emu_thread *t, const struct pto_desc *desc)
{
	const struct emu_fault hang = { .status = PTO_STATUS_HANG };
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
	atomic_store(&m->lost, true);
	thread_fence_others();
	gone = atomic_load(&t->running) && atomic_load(&t->desc) == desc;
	if (gone) {
		team->given_up = true;
		team->members[m->index] = NULL;
		pthread_detach(m->pthread);
		emu_thread_gone(emu, t);
		atomic_store(&atomic_load(&t->core)->lost, true);
		lane_fails(team, m->index, &hang);
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
		pthread_mutex_destroy(&team->lock);
		free(team);
	}
}
