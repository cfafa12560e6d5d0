// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The watchdog: one thread a device, which looks now and then at what each
 * kernel-running thread runs. It costs the threads nothing: a kernel that runs
 * is known by its descriptor, its core, that core's head, which each kernel moves
 * that ends, and how many the thread has left so far: two looks that see
 * the same four see the same run.
 *
 * A kernel over its time is told to leave, every millisecond for a second, then
 * given up together with its thread. When no launch has been for a while, and no memory of
 * graphs is left to be given back, the watchdog sleeps until the next one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/futex.h"
#include "base/thread.h"
#include "device/image.h"
#include "device/memory.h"
#include "emulator/guard.h"
#include "emulator/internal.h"
#include "graph/graph.h"

#define TICK_MAX	(50 * NSEC_PER_MSEC)
#define TICK_MIN	NSEC_PER_MSEC
#define IDLE_TICKS	20
#define GIVE_UP_NS	NSEC_PER_SEC
#define TRIM_NS		NSEC_PER_SEC
#define SLEEP_NS	(3600 * NSEC_PER_SEC)

/**
 * struct watched - a thread, and what it was last seen to run
 * @since:	when it was first seen running that
 * @leaving:	when it was first told to leave; 0: it was not
 */
struct watched {
	struct emu_thread *thread;
	const struct pto_desc *desc;
	struct emu_core *core;
	uint32_t head;
	uint32_t left;
	uint32_t status;
	uint64_t since;
	uint64_t leaving;
};

/**
 * struct watchdog
 * @lock:	guards all but the two words; never held across a wait
 * @event:	the watchdog sleeps on it
 * @asleep:	it sleeps until the next launch
 * @seen:	when it last looked, by now_ns()
 * @ran:	how long the process has run by then, as far as its looks can tell
 */
struct watchdog {
	struct emulator *emu;
	pthread_t pthread;
	pthread_mutex_t lock;
	struct watched watched[EMU_WATCHED];
	struct emu_watch *watch;
	bool leave_all;
	bool started;
	bool stop;
	atomic_uint event;
	atomic_uint asleep;
	uint64_t tick;
	uint64_t seen;
	uint64_t ran;
};

static void poke(struct watchdog *dog)
{
	atomic_fetch_add(&dog->event, 1);
	futex_wake(&dog->event, 1);
}

/* ---- looking ------------------------------------------------------------ */

/* True: a kernel of an image runs, and it is the one that was seen before. */
static bool same_run(struct watched *w, uint64_t now)
{
	struct emu_thread *t = w->thread;
	bool running = atomic_load(&t->running);
	struct emu_core *core = atomic_load(&t->core);
	const struct pto_desc *desc = atomic_load(&t->desc);
	uint32_t head, left;

	/* Copies and orchestrations may take as long as they take. */
	if (!running || !core || core->slot >= PTO_MAX_CORES) {
		w->desc = NULL;
		w->leaving = 0;
		return false;
	}
	head = READ_ONCE(core->queue->sq_head);
	left = atomic_load(&t->left);
	if (w->desc == desc && w->core == core && w->head == head && w->left == left)
		return true;
	w->desc = desc;
	w->core = core;
	w->head = head;
	w->left = left;
	w->since = now;
	w->leaving = 0;
	return false;
}

/* True: the thread has been told often enough. */
static bool look_at(struct watchdog *dog, struct watched *w, uint64_t now)
{
	uint64_t limit = dog->watch ? dog->watch->task_ns : UINT64_MAX;
	bool over = same_run(w, now) && now - w->since >= limit;

	if (!w->desc || (!over && !dog->leave_all && !atomic_load(&w->thread->unwanted)))
		return false;
	if (!w->leaving) {
		w->leaving = now;
		w->status = over ? PTO_STATUS_HANG : PTO_STATUS_CANCELED;
	}
	dog->tick = TICK_MIN;
	if (now - w->leaving >= GIVE_UP_NS) {
		/* If nobody can: tell it for another second, and look at the others. */
		w->leaving = now;
		return true;
	}
	guard_leave(w->thread, w->status, w->desc, w->head, w->left);
	return false;
}

static uint64_t tick_for(const struct emu_watch *watch, uint64_t now)
{
	uint64_t tick = min(TICK_MAX, watch->task_ns / 8);

	if (watch->deadline)
		tick = min(tick, watch->deadline > now ? watch->deadline - now : 0);
	return max(tick, TICK_MIN);
}

/* Look at all threads. Returns one to give up, or NULL. */
static struct emu_thread *look(struct watchdog *dog)
{
	unsigned int i;

	if (dog->watch)
		dog->tick = tick_for(dog->watch, dog->seen);
	for (i = 0; i < EMU_WATCHED; i++)
		if (dog->watched[i].thread && look_at(dog, &dog->watched[i], dog->ran))
			return dog->watched[i].thread;
	return NULL;
}

/* The thread does not leave: whoever owns it may replace it. */
static void give_up(struct watchdog *dog, struct emu_watch *watch, struct emu_thread *t)
{
	if (pool_give_up(dog->emu, t) || team_give_up(dog->emu, t) ||
	    (watch && watch->give_up(watch, t)))
		log_msg(LOG_WARN, "a kernel does not return: its thread and its core are given up");
}

/* Returns how long to sleep; 0: no more. */
static uint64_t look_around(struct watchdog *dog, unsigned int *idle)
{
	uint64_t tick, deadline, now = now_ns();
	struct emu_thread *gone = NULL;
	struct emu_watch *watch;
	bool stop;

	pthread_mutex_lock(&dog->lock);
	/* A process that was stopped has not run for as long as the clock says. */
	dog->ran += min(now - dog->seen, 2 * TICK_MAX);
	dog->seen = now;
	watch = dog->watch;
	deadline = watch ? watch->deadline : 0;
	*idle = watch ? 0 : *idle + 1;
	dog->tick = TICK_MAX;
	if (watch || dog->leave_all)
		gone = look(dog);
	if (*idle > IDLE_TICKS) {
		atomic_store(&dog->asleep, 1);
		dog->tick = SLEEP_NS;
	}
	tick = dog->tick;
	stop = dog->stop;
	pthread_mutex_unlock(&dog->lock);

	/* These take other locks. They find out whether the launch is still the same. */
	if (deadline && now >= deadline)
		watch->expired(watch);
	if (gone)
		give_up(dog, watch, gone);
	return stop ? 0 : tick;
}

static void *watchdog_main(void *arg)
{
	struct watchdog *dog = arg;
	unsigned int event, idle = 0;
	uint64_t tick, trimmed = 0;

	pthread_setname_np(pthread_self(), "pto-watchdog");
	for (;;) {
		event = atomic_load(&dog->event);
		tick = look_around(dog, &idle);
		if (!tick)
			return NULL;
		if (tick == SLEEP_NS || dog->seen - trimmed >= TRIM_NS) {
			if (graph_trim())
				tick = min(tick, TRIM_NS);
			trimmed = dog->seen;
		}
		futex_wait(&dog->event, event, tick);
		if (atomic_exchange(&dog->asleep, 0))
			idle = 0;
	}
}

/* ---- for launches ------------------------------------------------------- */

/* A launch without a watchdog could last for ever. */
static int start(struct watchdog *dog)
{
	int ret;

	if (likely(dog->started))
		return 0;
	if (dog->stop)
		return fail(-ESHUTDOWN, "the process is about to end");
	ret = thread_start(&dog->pthread, NULL, watchdog_main, dog);
	dog->started = !ret;
	return ret;
}

/* False: there is no room for it. */
static bool add_thread(struct watchdog *dog, struct emu_thread *t)
{
	unsigned int i;

	for (i = 0; i < EMU_WATCHED && dog->watched[i].thread; i++)
		;
	if (i == EMU_WATCHED)
		return false;
	t->watched = i;
	atomic_store_explicit(&t->leave, 0, memory_order_relaxed);
	dog->watched[i] = (struct watched){ .thread = t };
	return true;
}

static void remove_thread(struct watchdog *dog, const struct emu_thread *t)
{
	if (dog->watched[t->watched].thread == t)
		dog->watched[t->watched].thread = NULL;
}

static __attribute__((cold)) int too_many(void)
{
	return fail(-EAGAIN, "over %u threads run kernels", EMU_WATCHED);
}

int emu_watch(struct emulator *emu, struct emu_watch *watch, struct emu_thread *t)
{
	struct watchdog *dog = emu->watchdog;
	bool hurry, room;
	int ret;

	pthread_mutex_lock(&dog->lock);
	ret = start(dog);
	room = !t || add_thread(dog, t);
	dog->watch = watch;
	dog->leave_all = false;
	hurry = watch->task_ns / 8 < dog->tick || watch->deadline;
	pthread_mutex_unlock(&dog->lock);
	if (hurry)
		poke(dog);
	return ret || room ? ret : too_many();
}

void emu_unwatch(struct emulator *emu, struct emu_thread *t)
{
	struct watchdog *dog = emu->watchdog;

	pthread_mutex_lock(&dog->lock);
	if (t)
		remove_thread(dog, t);
	dog->watch = NULL;
	dog->leave_all = false;
	pthread_mutex_unlock(&dog->lock);
}

void emu_tidy(struct emulator *emu)
{
	/* It says so before it looks what there is. */
	atomic_thread_fence(memory_order_seq_cst);
	if (unlikely(atomic_load_explicit(&emu->watchdog->asleep, memory_order_relaxed)))
		poke(emu->watchdog);
}

void emu_leave_kernel(struct emulator *emu, struct emu_thread *t)
{
	atomic_store(&t->unwanted, true);
	poke(emu->watchdog);
}

void emu_leave_kernels(struct emulator *emu)
{
	struct watchdog *dog = emu->watchdog;

	pthread_mutex_lock(&dog->lock);
	dog->leave_all = true;
	pthread_mutex_unlock(&dog->lock);
	poke(dog);
}

int emu_watch_thread(struct emulator *emu, struct emu_thread *t)
{
	struct watchdog *dog = emu->watchdog;
	bool room;

	pthread_mutex_lock(&dog->lock);
	room = add_thread(dog, t);
	pthread_mutex_unlock(&dog->lock);
	return room ? 0 : too_many();
}

void emu_unwatch_thread(struct emulator *emu, struct emu_thread *t)
{
	struct watchdog *dog = emu->watchdog;

	pthread_mutex_lock(&dog->lock);
	remove_thread(dog, t);
	pthread_mutex_unlock(&dog->lock);
}

void emu_thread_gone(struct emulator *emu, struct emu_thread *t)
{
	const struct emu_program *running = atomic_load(&t->running);

	mem_quarantine(emu->mem);
	/* It may return one day, to code that must be there. */
	if (running)
		image_keep(running->image);
	emu_unwatch_thread(emu, t);
}

/* ---- life --------------------------------------------------------------- */

int watchdog_create(struct emulator *emu)
{
	struct watchdog *dog = calloc(1, sizeof(*dog));

	if (!dog)
		return fail(-ENOMEM, "no memory for a watchdog");
	dog->emu = emu;
	dog->tick = TICK_MAX;
	pthread_mutex_init(&dog->lock, NULL);
	emu->watchdog = dog;
	return 0;
}

bool watchdog_stop(struct emulator *emu)
{
	struct watchdog *dog = emu->watchdog;
	bool started;

	pthread_mutex_lock(&dog->lock);
	dog->stop = true;
	started = dog->started;
	dog->started = false;
	pthread_mutex_unlock(&dog->lock);
	poke(dog);
	return !started || thread_join(dog->pthread, now_ns() + THREAD_JOIN_NS);
}

void watchdog_destroy(struct emulator *emu)
{
	pthread_mutex_destroy(&emu->watchdog->lock);
	free(emu->watchdog);
}
