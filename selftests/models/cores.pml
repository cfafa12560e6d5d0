/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * A worker that waits for its cores, or for a public task that it has room for, for spin.
 *
 * Models lib/sched/rings.c: sched_rings() and idle(); lib/sched/ready.h: ready_announce(),
 * ready_watch(), ready_unwatch(); lib/device/embedded.c: embedded_wait(), embedded_rouse()
 * (in lib/device/port.c a counter is read instead, which misses nothing);
 * lib/emulator/pool.c: emu_wait_cores(), interrupt(), emu_rouse(); lib/sched/launch.c:
 * op_wake(); lib/sched/threads.c: work(). Each step here is one access to shared memory
 * there, and memory is sequentially consistent (see order.cc for the rest).
 *
 * The worker has a task on a core, which does not end before the first public task has been
 * run. Another worker publishes two of them, one after the other; the second one meets the
 * worker at its cores, or at home, or on its way. Every sleep lasts until it is woken, so a
 * lost wake-up is a deadlock.
 *
 * A mutant, which must be caught, is chosen with -D:
 *   NO_LOOK	it does not look for public tasks again before it waits for its cores
 *   LATE_EVENT	it reads the event after it has looked
 *   NO_PARKED	who publishes does not get to know of it
 *   NO_ROUSE	who wakes it thinks that it is at home
 *   NO_REACHED	it does not look at the core's head again
 */
#define TASKS	2

bool public;			/* a task is in the public ring */
bool head;			/* the core's task is done */
byte ran;

byte moved;
bool in_moved;			/* sleeps in the kernel, on moved */
bool irq_wanted;
bool parked, at_cores;
bool wanted;
bool over;

inline rouse()
{
	moved++;
	in_moved = false
}

inline wait_at_cores()
{
#ifndef LATE_EVENT
	seen = moved;
#endif
#ifndef NO_ROUSE
	at_cores = true;
#endif
#ifndef NO_PARKED
	parked = true;
#endif
#ifndef NO_LOOK
	yes = public;
#endif
#ifdef LATE_EVENT
	seen = moved;
#endif
	if
	:: yes
	:: else ->
		irq_wanted = true;
#ifndef NO_REACHED
		yes = head;
#endif
		if
		:: yes
		:: else ->
			atomic {
				if
				:: moved == seen -> in_moved = true
				:: else
				fi
			}
			!in_moved
		fi;
		irq_wanted = false
	fi;
	parked = false;
	at_cores = false;
	atomic { yes = false; seen = 0 }
}

/* It has nothing to do: it sleeps unless it finds something, and has not been woken yet. */
inline go_home()
{
	parked = true;
	yes = public;
	if
	:: yes -> atomic { yes = parked; parked = false }
	:: else
	fi;
	if
	:: yes
	:: else -> atomic { wanted -> wanted = false }
	fi;
	yes = false
}

proctype worker()
{
	bool inflight = true, yes;
	byte seen;

	do
	:: !inflight && ran == TASKS -> break
	:: else ->
		if
		:: inflight && head -> inflight = false
		:: else
		fi;
		atomic { yes = public; public = false }
		if
		:: yes -> ran++; yes = false
		:: !yes && inflight -> wait_at_cores()
		:: !yes && !inflight && ran < TASKS -> go_home()
		:: else
		fi
	od;
	over = true
}

proctype publisher()
{
	byte i;
	bool got;

	do
	:: i == TASKS -> break
	:: else ->
		atomic { !public -> public = true }
		i++;
		if
		:: parked ->
			atomic { got = parked; parked = false }
			if
			:: got && at_cores -> rouse()
			:: got && !at_cores -> wanted = true
			:: else
			fi
		:: else
		fi
	od
}

proctype core()
{
	ran > 0;
	head = true;
	if
	:: irq_wanted -> rouse()
	:: else
	fi
}

init {
	atomic {
		run worker();
		run publisher();
		run core()
	}
	over
}
