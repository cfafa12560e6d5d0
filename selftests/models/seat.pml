/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The seat of a flow's only worker, from lib/sched/seat.c: its thread and who submits take turns in it.
 *
 * Each task that is submitted has a successor. Who submits waits, in the end, until all are done,
 * and only then says that no more will come: so what nobody runs is a deadlock. Naps end
 * at any time, and sleeps not by the passing of time.
 *
 * Mutants: NO_SWAP (a free seat is taken in two steps), NO_LEFT (tasks that were left ready are not
 * looked at before sleep), NO_LOOK (the worker sleeps without looking once more), NO_WAKE (nobody
 * wakes it), DROP (who is recalled forgets the successor), NO_CLOSE (the end wakes nobody), NO_GIVE
 * (who is to leave gives the seat to the worker, which does not look whether it has it), TWO_LOOKS
 * (the worker looks twice whether the seat is neither free nor visited, and so its own).
 */
#ifndef TASKS
#define TASKS	3
#endif
#define ALL	(2 * TASKS)

mtype = { FREE, WORKER, SUBMITTER };

mtype seat = FREE;
bool recall;
byte visits;
bool inside;		/* somebody uses the worker's struct */
byte injected;		/* tasks with a successor that have none to wait for */
byte ready;		/* successors that were left */
byte finished;
bool open = true;
bool parked, woken;

inline take(who, taken)
{
#ifndef NO_SWAP
	atomic {
		taken = seat == FREE;
		if
		:: taken -> seat = who
		:: else
		fi
	}
#else
	taken = seat == FREE;
	if
	:: taken -> seat = who
	:: else
	fi
#endif
}

/* Until nothing is ready, or the seat is to be left. */
inline work()
{
	assert(!inside);
	inside = true;
	do
	:: true ->
		atomic {
			if
			:: ready -> ready--; more = 0
			:: !ready && injected -> injected--; more = 1
			:: else -> break
			fi
		}
		finished++;
		if
		:: recall ->
#ifndef DROP
			ready = ready + more;
#endif
			break
		:: !recall && more -> finished++
		:: else
		fi;
		if
		:: recall -> break
		:: else
		fi
	od;
	inside = false
}

inline wake()
{
	atomic {
		if
		:: parked -> parked = false; woken = true
		:: else
		fi
	}
}

proctype submitter()
{
	byte i, more, before;
	bool taken;

	do
	:: i < TASKS ->
		injected++;
#ifndef NO_WAKE
		wake();
#endif
		i++;
		if
		:: !recall && seat == FREE ->
			take(SUBMITTER, taken);
			if
			:: taken ->
				before = finished;
				work();
				if
				:: finished != before -> visits++
				:: else
				fi;
				/* It may also find that the tasks take long. */
				if
				:: !recall -> seat = FREE
				:: seat = WORKER
				fi
			:: else
			fi
		:: !recall ->
			if
			:: seat == WORKER -> recall = true
			:: else
			fi
		:: true
		fi
	:: else -> break
	od;
	finished == ALL;
	open = false;
#ifndef NO_CLOSE
	wake()
#endif
}

inline park()
{
	parked = true;
#ifndef NO_LOOK
	if
	:: !injected && open -> woken
	:: else
	fi;
#else
	woken;
#endif
	woken = false;
	parked = false
}

/* What was ready when it began may have been run by the end of a nap. */
inline watch()
{
	do
	:: !open -> break
	:: else ->
		seen = visits;
		/* a nap */
#ifndef NO_GIVE
		if
		:: seat == WORKER -> break
		:: else
		fi;
#endif
		if
		:: visits != seen -> left = false
		:: else ->
			if
#ifndef NO_LEFT
			:: left || seat == SUBMITTER || injected -> break
#else
			:: seat == SUBMITTER || injected -> break
#endif
			:: else -> park()
			fi
		fi
	od
}

inline sit()
{
#ifdef TWO_LOOKS
	taken = seat != FREE;
	taken = taken && seat != SUBMITTER;
#else
	taken = false;
#endif
	if
	:: taken
	:: else ->
		watch();
		recall = true;
		do
#ifndef NO_GIVE
		:: seat == WORKER -> break
#endif
		:: seat == FREE ->
			take(WORKER, taken);
			if
			:: taken -> break
			:: else
			fi
		od;
		recall = false
	fi
}

inline rest()
{
	left = ready > 0;
	seat = FREE;
	recall = false;
	sit()
}

proctype worker()
{
	byte seen, more;
	bool left, taken;

	sit();
	do
	:: true ->
		work();
		if
		:: !open && finished == ALL -> break
		:: else
		fi;
		if
		:: recall -> rest()
		:: !recall && !injected && !ready && open -> park()
		:: else
		fi
	od
}

init {
	atomic { run submitter(); run worker() }
	_nr_pr == 1;
	assert(finished == ALL)
}
