/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * A window, from lib/stream/window.c and lib/sched/ready.h: places that are used again while
 * tasks run, edges that are added while those they leave from may already run, and who
 * submits asleep until there is room.
 *
 * Odd tasks wait for the one before, even ones for the one before that. Nobody is woken by the passing of time, so
 * a wake that is lost is a deadlock.
 *
 * Mutants: LATE_LOOK (an edge is added without looking again whether its task has closed),
 * EARLY_DONE (a place is free before its edges are walked), STALE (an edge leaves from a
 * task before the tail), MOVED (an edge gives way to a later one, as in a graph), NO_BIAS (a
 * predecessor is counted when it may be done already), NO_ROOM (nobody tells who watches),
 * NO_AGAIN (who submits sleeps without looking once more).
 */
#ifndef WINDOW
#define WINDOW	2
#endif
#ifndef WORKERS
#define WORKERS	2
#endif
#define TASKS	5
#define BIAS	4
#define NONE	255
#define USED	1
#define CLOSED	128

#define at(t)	((t) % WINDOW)
#define before(t)	((t) - 2 + ((t) & 1))

byte number[WINDOW];	/* which task has the place */
byte count[WINDOW];
byte state[WINDOW];	/* 0: complete; else USED, 1 more for each successor, and CLOSED */
byte succ[2 * WINDOW];
#ifdef MOVED
byte chunk[2 * WINDOW];
#endif
chan inject = [TASKS] of { byte };
byte head, tail;
byte watch = NONE;
byte event;
byte ran;		/* a bit each */
byte finished;

inline room()
{
	event++
}

/* ---- who submits ---- */

inline advance(moved)
{
	moved = false;
	do
	:: tail != head && state[at(tail)] == 0 ->
		assert(ran & (1 << tail));
		tail++;
		moved = true
	:: else -> break
	od
}

inline wait_for_room()
{
	do
	:: true ->
		advance(moved);
		if
		:: moved -> break
		:: else
		fi;
		seen = event;
		watch = at(tail);
#ifndef NO_AGAIN
		if
		:: state[at(tail)] == 0
		:: else -> event != seen
		fi;
#else
		event != seen;
#endif
		watch = NONE
	od
}

inline link(from, to)
{
	if
#ifndef STALE
	:: from < tail
#endif
	:: else ->
		n = state[at(from)];
		if
		:: n == 0 || n >= CLOSED
		:: else ->
#ifdef MOVED
			chunk[2 * at(from)] = (n == USED -> at(to) : succ[2 * at(from)]);
			chunk[2 * at(from) + 1] = at(to);
			succ[2 * at(from)] = (n == USED -> at(to) : NONE);
#else
			succ[2 * at(from) + n - USED] = at(to);
#endif
#ifndef LATE_LOOK
			atomic {
				if
				:: state[at(from)] != n
				:: else -> state[at(from)] = n + 1; npred++
				fi
			}
#else
			state[at(from)] = n + 1;
			npred++;
#endif
#ifdef NO_BIAS
			count[at(to)] = count[at(to)] + npred
#endif
		fi
	fi
}

proctype submitter()
{
	byte t, n, npred, seen, left;
	bool moved;

	do
	:: t < TASKS ->
		if
		:: head - tail == WINDOW -> wait_for_room()
		:: else
		fi;
		atomic {
			number[at(t)] = t;
			state[at(t)] = USED;
			npred = 0;
#ifndef NO_BIAS
			count[at(t)] = BIAS
#else
			count[at(t)] = 1
#endif
		}
		if
		:: t -> link(before(t), t)
		:: else
		fi;
		head++;
#ifndef NO_BIAS
		left = BIAS - npred;
#else
		left = 1;
#endif
		atomic {
			if
			:: left == BIAS -> inject ! at(t)
			:: else ->
				count[at(t)] = count[at(t)] - left;
				if
				:: count[at(t)] == 0 -> inject ! at(t)
				:: else
				fi
			fi
		}
		t++
	:: else -> break
	od
}

/* ---- who runs tasks ---- */

inline done(p)
{
	state[p] = 0;
#ifndef NO_ROOM
	if
	:: watch == p -> room()
	:: else
	fi
#endif
}

proctype worker()
{
	byte p, next, n, i, to;

	do
	:: inject ? p ->
		do
		:: true ->
			d_step {
				assert(!(ran & (1 << number[p])));
				assert(!number[p] || ran & (1 << before(number[p])));
				ran = ran | (1 << number[p])
			}
			next = NONE;
#ifdef EARLY_DONE
			done(p);
#endif
			atomic { n = state[p] - USED; state[p] = state[p] | CLOSED }
			do
			:: i < n ->
				atomic {
#ifdef MOVED
					to = (n == 1 -> succ[2 * p] : chunk[2 * p + i]);
#else
					to = succ[2 * p + i];
#endif
					count[to]--;
					if
					:: count[to] == 0 && next == NONE -> next = to
					:: count[to] == 0 && next != NONE -> inject ! to
					:: else
					fi;
					i++
				}
			:: else -> break
			od;
			i = 0;
#ifndef EARLY_DONE
			done(p);
#endif
			finished++;
			if
			:: next == NONE -> break
			:: else -> p = next
			fi
		od;
		atomic { p = 0; next = 0; n = 0; to = 0 }
	:: finished == TASKS -> break
	od
}

init {
	byte i;

	atomic {
		run submitter();
		for (i : 1 .. WORKERS) {
			run worker()
		}
	}
	(finished == TASKS && _nr_pr == 1);
	assert(ran == (1 << TASKS) - 1)
}
