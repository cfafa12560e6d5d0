/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Submission rings, doorbells and the emulator's threads that drain them, for spin.
 *
 * Models lib/emulator/pool.c: drain(), drain_ring(), interrupt(), claim(),
 * sleep_until_doorbell(), emu_doorbell(), emu_wait_cores(); and publish() of
 * lib/sched/rings.c. Each step here is one access to shared memory there. Memory is
 * sequentially consistent here: that the orders chosen there suffice is order.cc's matter.
 *
 * Every sleep lasts until it is woken, so a lost wake-up is a deadlock. The first
 * descriptor of each core waits until that of the other core runs, as lanes of a mixed
 * task may: so a thread that sleeps beside a core with work is a deadlock too. Each core
 * is in a word of the set of cores with work of its own. The short spin before a sleep
 * is left out, as it may come to its end at once.
 *
 * A mutant, which must be caught, is chosen with -D:
 *   NO_RECHECK	who gives up a core does not look at its ring again
 *   NO_LOOK	who is about to sleep does not look for work again
 *   NO_REACHED	who waits for completions does not look at the head again
 *   STALE_EVENT who is about to sleep reads the event after it has looked
 *   TWO_BUSY	a core is taken by a load and a store
 *   OVERFULL	a descriptor is put into a ring that is full
 */
#ifndef CORES
#define CORES	2		/* 1 or 2 */
#endif
#ifndef COUNT
#define COUNT	1		/* descriptors of each core */
#endif
#define THREADS	2
#define DEPTH	2
#define NONE	CORES

byte tail[CORES], head[CORES];
byte slot[CORES * DEPTH];
bool asleep[CORES] = true;
bool busy[CORES];
bool work[CORES];
bool irq_wanted[CORES];
byte irq_head[CORES];

byte sleepers, event, moved;
bool in_event[THREADS];		/* sleeps in the kernel, on event */
bool in_moved[CORES];		/* the same on moved; a submitter a core */
bool stop;

bool started[CORES];
byte draining[CORES];
byte submitters = CORES;

#define AT(c, i)	slot[(c) * DEPTH + (i) % DEPTH]

inline futex_wait(word, value, in)
{
	atomic {
		if
		:: word == value -> in = true
		:: else
		fi
	}
	!in
}

inline wake_one_thread()
{
	atomic {
		if
		:: in_event[0] -> in_event[0] = false
		:: in_event[1] -> in_event[1] = false
		:: else
		fi
	}
}

/* ---- submitters ---- */

inline doorbell(c)
{
	work[c] = true;
	if
	:: sleepers ->
		event++;
		wake_one_thread()
	:: else
	fi
}

/* Until the core's head is @at. */
inline wait_core(c, at)
{
	seen = moved;
	if
	:: head[c] >= at
	:: else ->
		irq_head[c] = at;
		irq_wanted[c] = true;
#ifndef NO_REACHED
		if
		:: head[c] >= at
		:: else -> futex_wait(moved, seen, in_moved[c])
		fi
#else
		futex_wait(moved, seen, in_moved[c])
#endif
		irq_wanted[c] = false
	fi;
	seen = 0
}

#ifdef OVERFULL
#define ROOM	(DEPTH + 1)
#else
#define ROOM	DEPTH
#endif

proctype submitter(byte c)
{
	byte seen;

	do
	:: tail[c] < COUNT ->
		do
		:: tail[c] - head[c] < ROOM -> break
		:: else -> wait_core(c, tail[c] - ROOM + 1)
		od;
		AT(c, tail[c]) = tail[c];
		tail[c] = tail[c] + 1;
		if
		:: asleep[c] -> doorbell(c)
		:: else
		fi
	:: else -> break
	od;
	do
	:: head[c] == COUNT -> break
	:: else -> wait_core(c, COUNT)
	od;
	submitters--;
	/* The last one stops the threads. */
	if
	:: atomic { submitters == 0 && !stop -> stop = true }
		event++;
		d_step { in_event[0] = false; in_event[1] = false }
	:: else
	fi
}

/* ---- the emulator's threads ---- */

inline claim()
{
	c = 0;
	do
	:: c == CORES -> break
	:: c < CORES && work[c] ->
		atomic { got = work[c]; work[c] = false }
		if
		:: got -> break
		:: else -> c++
		fi
	:: else -> c++
	od
}

inline any_work(yes)
{
	if
	:: work[0] -> yes = true
	:: else -> yes = CORES > 1 && work[CORES - 1]
	fi
}

inline sleep_until_doorbell()
{
#ifndef STALE_EVENT
	seen = event;
#endif
	sleepers++;
#ifndef NO_LOOK
	any_work(got);
#else
	got = false;
#endif
#ifdef STALE_EVENT
	seen = event;
#endif
	if
	:: got || stop
	:: else -> futex_wait(event, seen, in_event[me])
	fi;
	atomic { sleepers--; seen = 0; got = false }
}

inline interrupt(c)
{
	if
	:: irq_wanted[c] ->
		if
		:: head[c] >= irq_head[c] ->
			moved++;
			d_step { in_moved[0] = false; in_moved[CORES - 1] = false }
		:: else
		fi
	:: else
	fi
}

inline execute(c)
{
	draining[c]++;
	assert(draining[c] == 1);
	assert(AT(c, head[c]) == head[c]);
	if
	:: head[c] == 0 ->
		started[c] = true;
		started[CORES - 1 - c]
	:: else
	fi;
	/* It has not been overwritten meanwhile. */
	assert(AT(c, head[c]) == head[c]);
	draining[c]--
}

inline drain(c)
{
	do
	:: true ->
#ifndef TWO_BUSY
		atomic { got = busy[c]; busy[c] = true }
#else
		got = busy[c];
		busy[c] = true;
#endif
		if
		:: got -> break
		:: else
		fi;
		asleep[c] = false;
		do
		:: head[c] != tail[c] ->
			execute(c);
			head[c] = head[c] + 1;
			interrupt(c)
		:: else -> break
		od;
		asleep[c] = true;
		busy[c] = false;
#ifndef NO_RECHECK
		if
		:: head[c] != tail[c]
		:: else -> break
		fi
#else
		break
#endif
	od
}

proctype thread(byte me)
{
	byte c, seen;
	bool got;

	do
	:: stop -> break
	:: else ->
		claim();
		if
		:: c == NONE -> sleep_until_doorbell()
		:: else -> drain(c)
		fi
	od
}

init {
	atomic {
		run thread(0);
		run thread(1);
		run submitter(0);
		if
		:: CORES > 1 -> run submitter(1)
		:: else
		fi
	}
	_nr_pr == 1;
	assert(head[0] == COUNT && head[CORES - 1] == COUNT && sleepers == 0)
}
