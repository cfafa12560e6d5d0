/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * A gang on the queues of two cores, and the emulator's threads that may start it, for spin.
 *
 * Models lib/emulator/gang.c: gang_has_work(), gang_execute(); lib/emulator/line.c:
 * line_claim(); lib/emulator/pool.c: drain_core(), and emu_quiesce() with -DCANCEL. Each step
 * here is one access to shared memory there, sequentially consistent.
 *
 * Each core has a task of its own, and behind it a lane of the gang. All that was told before
 * the threads begin, so a thread that finds nothing sleeps for good: when all do, everything
 * must be done. The second core's own task may fault, which takes along its lane.
 *
 * A mutant, which must be caught, is chosen with -D:
 *   NO_SCAN	who leaves a core looks at that one again, and not at the other
 *   NO_BROKEN	what is left of a gang that has lost a lane goes on waiting
 *   NO_STATE	who has taken both cores does not look again if both lanes are there
 *   TWO_BUSY	the other core is taken by a load and a store
 */
#define THREADS	2
#define GANG	1		/* its index on both queues */
#define COUNT	2

byte head[2];
bool busy[2];
byte draining[2];
byte ran;
bool fault;

#define WAITS		0
#define COMPLETE	1
#define BROKEN		2

/* Of the gang at the head of core @c, by its other core. */
inline look(c)
{
	if
	:: head[1 - c] > GANG -> state = BROKEN
	:: head[1 - c] == GANG -> state = COMPLETE
	:: else -> state = WAITS
	fi
}

inline has_work(c)
{
	yes = false;
	at = head[c];
	if
	:: at < GANG -> yes = true
	:: at == GANG ->
		look(c);
		if
#ifndef NO_BROKEN
		:: state == BROKEN -> yes = true
#endif
		:: state == COMPLETE && c == 0 -> yes = !busy[1]
		:: else
		fi
	:: else
	fi;
	atomic { at = 0; state = WAITS }
}

/* The first core's, which is busy with us. */
inline start()
{
#ifndef TWO_BUSY
	atomic { got = busy[1]; busy[1] = true }
#else
	got = busy[1];
	busy[1] = true;
#endif
	if
	:: got -> go = false
	:: else ->
		draining[1]++;
		assert(draining[1] == 1);
#ifndef NO_STATE
		look(0);
#endif
		if
		:: state == COMPLETE ->
			assert(head[0] == GANG && head[1] == GANG);
			ran++;
			head[0] = COUNT;
			head[1] = COUNT
		:: else -> go = false
		fi;
		draining[1]--;
		busy[1] = false
	fi
}

inline drain(c)
{
	do
	:: true ->
		atomic { got = busy[c]; busy[c] = true }
		if
		:: got -> break
		:: else
		fi;
		draining[c]++;
		assert(draining[c] == 1);
		go = true;
		do
		:: !go || head[c] == COUNT -> break
		:: go && head[c] < GANG ->
			if
			:: c == 1 && fault -> head[c] = COUNT
			:: else -> head[c] = GANG
			fi
		:: go && head[c] == GANG ->
			look(c);
			if
			:: state == BROKEN -> head[c] = COUNT
			:: state == COMPLETE && c == 0 -> start()
			:: else -> go = false
			fi
		od;
		draining[c]--;
		busy[c] = false;
		has_work(c);
		if
		:: yes
		:: else -> break
		fi
	od;
	atomic { got = false; yes = false; go = false; state = WAITS }
}

proctype thread(byte c)
{
	byte looked, at, state;
	bool yes, got, go;

	do
	:: looked == 2 -> break
	:: else ->
		c = 1 - c;
		looked++;
		has_work(c);
		if
		:: yes && !busy[c] ->
			drain(c);
#ifndef NO_SCAN
			looked = 0
#else
			looked = 2
#endif
		:: else
		fi
	od
}

#ifdef CANCEL
proctype quiesce()
{
	byte c = 2;

	do
	:: c == 0 -> break
	:: else ->
		c--;
		atomic { !busy[c] -> busy[c] = true }
		draining[c]++;
		assert(draining[c] == 1);
		head[c] = COUNT;
		draining[c]--;
		busy[c] = false
	od
}
#endif

init {
	atomic {
		if
		:: fault = true
		:: fault = false
		fi;
		run thread(0);
		run thread(1);
#ifdef CANCEL
		run quiesce()
#endif
	}
	_nr_pr == 1;
	assert(head[0] == COUNT && head[1] == COUNT);
#ifndef CANCEL
	assert(ran == !fault)
#endif
}
