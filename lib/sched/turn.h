/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Whose turn it is, of those who want to launch on a device.
 *
 * A free turn is taken at once, by whoever comes: to hand each one on to a thread that must be
 * woken first would make small launches slow. But who comes first of those who wait is given
 * the turn when it has waited for a while, so that nobody waits for ever.
 */
#ifndef SCHED_TURN_H
#define SCHED_TURN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/**
 * struct turn_wait - one that waits; zeroes before
 * @event:	it sleeps on it
 * @poked:	it is to sleep no more
 * @asleep:	it does, or is about to
 * @queued:	it is in turn.queue
 * @given:	it has got the turn
 * @since:	when it came, by now_ns()
 */
struct turn_wait {
	TAILQ_ENTRY(turn_wait) link;
	atomic_uint event;
	atomic_bool poked;
	bool asleep;
	bool queued;
	bool given;
	uint64_t since;
};

/**
 * struct turn
 * @word:	TURN_TAKEN, and TURN_WANTED while @queue is not empty
 * @lock:	guards the queue and all that is in it; nothing is locked under it
 */
struct turn {
	atomic_uint word;
	pthread_mutex_t lock;
	TAILQ_HEAD(turn_queue, turn_wait) queue;
};

void turn_init(struct turn *t);
void turn_destroy(struct turn *t);

/** turn_enter - take the turn, if it is free; else @w waits for it from now on, and it is false */
bool turn_enter(struct turn *t, struct turn_wait *w);

/** turn_wait - sleep until @w has the turn, was poked, or @ns have passed; true: it has it */
bool turn_wait(struct turn *t, struct turn_wait *w, uint64_t ns);

/** turn_leave - @w does not want it any more; if it has been given the turn, that is passed on */
void turn_leave(struct turn *t, struct turn_wait *w);

/** turn_poke - @w is not to sleep any more, whether it waits yet or not; by anybody */
void turn_poke(struct turn_wait *w);

/** turn_pass - the turn is over */
void turn_pass(struct turn *t);

#endif
