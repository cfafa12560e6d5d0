/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The public ring of ready tasks, one producer and many takers, for spin.
 *
 * Models lib/sched/ready.h: ring_put(), ring_take(). Each step here is one access to
 * shared memory there, and memory is sequentially consistent (see order.cc for the rest).
 * The owner puts tasks as far as there is room, and takes some itself; nothing is lost,
 * nothing is taken twice, and a slot is not written again while its task may be taken.
 *
 * A mutant, which must be caught, is chosen with -D:
 *   NO_SWAP	a taker moves the head by a load and a store
 *   NO_FULL	the owner does not look whether the ring is full
 *   EARLY_TAIL	the tail is moved before the slot is written
 *   SMALL_HEAD	indices are reduced, so that a head seen long ago can come again
 */
#define SLOTS	2
#define TASKS	6
#define TAKERS	2

#ifdef SMALL_HEAD
#define NEXT(i)	(((i) + 1) % (2 * SLOTS))
#define USED()	((tail - head + 2 * SLOTS) % (2 * SLOTS))
#else
#define NEXT(i)	((i) + 1)
#define USED()	(tail - head)
#endif

byte head, tail;
byte slot[SLOTS];
bool taken[TASKS];
bool over;

/* @task: TASKS when there is none. */
inline ring_take(h, task)
{
	h = head;
	do
	:: h == tail ->
		task = TASKS;
		break
	:: else ->
		task = slot[h % SLOTS];
#ifndef NO_SWAP
		atomic {
			if
			:: head == h -> head = NEXT(h); h = 255
			:: else -> h = head
			fi
		}
#else
		if
		:: head == h -> head = NEXT(h); h = 255
		:: else -> h = head
		fi
#endif
		if
		:: h == 255 -> break
		:: else
		fi
	od;
	h = 0
}

inline run_task(task)
{
	d_step {
		assert(!taken[task]);
		taken[task] = true;
		task = 0
	}
}

proctype taker()
{
	byte h, task;

	do
	:: true ->
		ring_take(h, task);
		if
		:: task < TASKS -> run_task(task)
		:: task == TASKS && over -> break
		:: else
		fi
	od
}

proctype owner()
{
	byte h, task, next;

	do
	:: next < TASKS ->
#ifndef NO_FULL
		if
		:: USED() == SLOTS -> goto take
		:: else
		fi;
#endif
#ifndef EARLY_TAIL
		slot[tail % SLOTS] = next;
		tail = NEXT(tail);
#else
		tail = NEXT(tail);
		slot[(tail + SLOTS - 1) % SLOTS] = next;
#endif
		next++
	:: true ->
take:
		ring_take(h, task);
		if
		:: task < TASKS -> run_task(task)
		:: else ->
			if
			:: next == TASKS -> break
			:: else
			fi
		fi
	od;
	over = true
}

init {
	byte i;

	atomic {
		run owner();
		for (i : 1 .. TAKERS) {
			run taker()
		}
	}
	_nr_pr == 1;
	for (i : 0 .. TASKS - 1) {
		assert(taken[i])
	}
}
