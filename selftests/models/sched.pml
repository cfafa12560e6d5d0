/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Workers that come to a run, run out of work, sleep or leave, and the run's end, for spin.
 *
 * Models lib/sched/ready.h: ready_put(), ready_share(), ready_announce(), ready_steal(),
 * ready_settle(), ready_park(); lib/sched/inplace.c: work_shared() and what it calls; lib/sched/threads.c:
 * work(), thread_main(), threads_join_run(), threads_leave_run(), threads_close_run();
 * lib/sched/launch.c: op_wake(), op_park(), op_look(), stop_run(), run_all(). Each step here is one
 * access to shared memory there, and memory is sequentially consistent (see order.cc for
 * the rest). The public rings are ring.pml's matter: here a step puts or takes.
 *
 * Two launches follow one another, the second with fewer workers, so that what the first
 * has left behind meets the second. The bounds of sleeps are left out: a lost wake-up is a
 * deadlock. A run completes, unless it was stopped; each task is executed once; nobody
 * touches a run that is closed. After a worker has told of a public task, another worker
 * is awake or the task is gone. The graph:
 *
 *	0 -> 2, 4, 5, 3		1 -> 3
 *
 * With more than two workers there is no 5, to keep the states few.
 *
 * With -DSTOP somebody stops one of the launches at any moment, by cancelling it or because
 * its time is over. With -DGROW worker 0 is alone until, after any of its tasks, the others are
 * let in.
 *
 * A mutant, which must be caught, is chosen with -D:
 *   NO_LOOK	worker 0 sleeps without looking around once more
 *   NO_RETURN	a worker leaves without looking around once more
 *   NO_TELL	who completes the run does not wake worker 0
 *   NO_OPEN	a worker joins a run that may be closed
 *   NO_WAIT	a run is closed without waiting for those who are there
 *   NO_ERROR	(with STOP) stopping does not wake who sleeps
 *   NO_COME	(with GROW) who is let in is not told of what is public already
 */
#ifndef WORKERS
#define WORKERS	2
#endif
#if WORKERS > 2
#define TASKS	5
#else
#define TASKS	6
#endif
#define ROOTS	2
#define NONE	TASKS
#define OPEN	128
#define ALL	255

/* struct sched_run */
byte nworkers, most;
byte root, finished;
byte parked;
byte ring[WORKERS];		/* a bit each task, as in own */
byte pending;			/* of task 3 */

/* struct sched, struct sched_worker */
byte members;
bool in_members;		/* sleeps in the kernel, on members */
bool wanted[WORKERS];
bool futex0;
bool stop[WORKERS];
bool lock, current, failed;

/* What is looked at. */
bool alive;
bool idle[WORKERS];
byte done;
bool over;

#define TOUCH	assert(alive)
#ifdef STOP
#define STOPPED	stop[me]
#else
#define STOPPED	false
#endif

/* ---- op_wake, op_park ---- */

inline wake(mask)
{
	atomic { TOUCH; bits = parked & mask }
	do
	:: bits == 0 -> break
	:: else ->
		i = 0;
		do
		:: bits & (1 << i) -> break
		:: else -> i++
		od;
		atomic { got = (parked >> i) & 1; parked = parked & ~(1 << i) }
		if
		:: got && i -> wanted[i] = true; break
		:: got && !i -> futex0 = true; break
		:: else -> bits = parked & mask
		fi
	od;
	atomic { bits = 0; i = 0; got = false }
}

inline park()
{
	atomic { got = futex0; futex0 = false }
	if
	:: got
	:: else ->
		idle[0] = true;
		atomic { futex0 -> idle[0] = false }
	fi;
	atomic { futex0 = false; got = false }
}

/* ---- ready tasks ---- */

#define AWAKE(w)	((w) != me && (w) < nworkers && (!idle[w] || wanted[w] || (w) == 0 && futex0))

/* @n: how many tasks the ring, which was empty, has got. */
inline announce(n)
{
	do
	:: n && parked -> n--; wake(ALL)
	:: else -> break
	od;
	n = 0;
	assert(failed || !ring[me] || nworkers < most || AWAKE(0) || AWAKE(1) || AWAKE(WORKERS - 1))
}

inline put(t)
{
	if
	:: most > 1 && !ring[me] ->
		atomic { TOUCH; ring[me] = 1 << t }
		n = 1;
		announce(n)
	:: else -> own = own | (1 << t)
	fi
}

/* Take the last task of a set. */
inline pick(set)
{
	if
	:: set & 32 -> task = 5
	:: !(set & 32) && (set & 16) -> task = 4
	:: !(set & 48) && (set & 8) -> task = 3
	:: else -> task = NONE
	fi;
	if
	:: task != NONE -> set = set & ~(1 << task)
	:: else
	fi
}

inline ring_take(w)
{
	atomic { TOUCH; pick(ring[w]) }
}

/* One private task is @task's, the others become public: in this graph, 3. */
inline share()
{
	own = own & ~8;
	atomic { TOUCH; ring[me] = 8 }
	n = 1;
	announce(n)
}

inline steal()
{
	i = me;
	do
	:: true ->
		i = (i + 1) % nworkers;
		if
		:: i == me -> break
		:: else
		fi;
		ring_take(i);
		if
		:: task != NONE -> break
		:: else
		fi
	od;
	i = 0
}

inline take()
{
	if
	:: own ->
		d_step { pick(own) }
		if
		:: most > 1 && own && !ring[me] -> assert(own == 8); share()
		:: else
		fi
	:: else ->
		ring_take(me);
		if
		:: task == NONE ->
			atomic {
				if
				:: root < ROOTS -> task = root; root++
				:: else
				fi
			}
			if
			:: task == NONE -> steal()
			:: else
			fi
		:: else
		fi
	fi
}

inline work_there_is(yes)
{
	atomic { TOUCH; yes = root < ROOTS }
	do
	:: !yes && i < nworkers -> yes = ring[i] != 0; i++
	:: else -> break
	od;
	i = 0
}

inline anything(yes)
{
	yes = STOPPED;
	if
	:: yes
	:: else ->
		work_there_is(yes);
		if
		:: yes
		:: else -> yes = finished == TASKS
		fi
	fi
}

/* ---- inplace.c ---- */

inline release3()
{
	atomic { pending--; got = pending == 0 }
	if
	:: got && task == 1 -> task = 3
	:: got && task == 2 -> put(3)
	:: else -> if :: task == 1 -> task = NONE :: else fi
	fi;
	got = false
}

/* Worker 0 lets the others in. */
inline grow()
{
	atomic { !lock -> lock = true }
	if
	:: failed
	:: else ->
		d_step {
			i = 1;
			do
			:: i < most -> ring[i] = 0; stop[i] = false; i++
			:: else -> break
			od;
			i = 0
		}
		nworkers = most;
		members = members | OPEN;
		parked = (1 << most) - 2
	fi;
	lock = false;
#ifndef NO_COME
	n = 1;
	do
	:: n < nworkers ->
		work_there_is(yes);
		if
		:: yes -> yes = false; wake(ALL - 1); n++
		:: else -> break
		fi
	:: else -> break
	od;
	n = 0;
#endif
	assert(failed || !ring[me] || AWAKE(1) || AWAKE(WORKERS - 1))
}

/* Execute @task; then it is the first of those that it has made ready. */
inline execute()
{
	d_step {
		TOUCH;
		assert(!(done & (1 << task)));
		done = done | (1 << task);
		executed++
	}
#ifdef GROW
	if
	:: !me && nworkers < most -> grow()
	:: true
	fi;
#endif
	if
	:: task == 0 ->
		task = 2;
		put(4);
#if TASKS > 5
		put(5);
#endif
		release3()
	:: task == 1 -> release3()
	:: else -> task = NONE
	fi
}

/* Tell the run what has been done. */
inline settle(complete)
{
	atomic { TOUCH; finished = finished + executed; complete = finished == TASKS }
	if
	:: complete && executed && me ->
#ifndef NO_TELL
		wake(1)
#else
		skip
#endif
	:: else
	fi;
	executed = 0
}

/* @yes: the run is over, as far as this worker can see. */
inline work_shared(yes)
{
	do
	:: true ->
		take();
		do
		:: task == NONE -> break
		:: task != NONE && STOPPED -> break
		:: else ->
			execute();
			if
			:: task == NONE -> take()
			:: else
			fi
		od;
		task = NONE;
		if
		:: STOPPED -> break
		:: else
		fi;
		settle(yes);
		if
		:: yes -> yes = false; break
		:: else
		fi;
		/* It looks around for a while, perhaps for none. */
		anything(yes);
		if
		:: yes
		:: !yes && me -> break
		:: else ->
			atomic { parked = parked | (1 << me) }
#ifndef NO_LOOK
			anything(yes);
#endif
			if
			:: yes
			:: else -> park()
			fi;
			atomic { parked = parked & ~(1 << me) }
		fi
	od;
	atomic { yes = false; own = 0; executed = 0 }
}

/* ---- threads.c ---- */

inline leave()
{
	atomic { members--; got = members == 0 }
	if
	:: got -> in_members = false
	:: else
	fi;
	got = false
}

proctype thread(byte me)
{
	byte i, n, bits, own, executed, task = NONE;
	bool got, yes;

	do
	:: true ->
endwait:	atomic { wanted[me] -> wanted[me] = false; idle[me] = false }
		atomic {
			if
#ifndef NO_OPEN
			:: members & OPEN -> members++; got = true
			:: else -> got = false
#else
			:: true -> members++; got = true
#endif
			fi
		}
		if
		:: got ->
			got = false;
			if
			:: me < nworkers ->
				do
				:: true ->
					work_shared(yes);
					if
					:: STOPPED -> break
					:: else
					fi;
					atomic { TOUCH; parked = parked | (1 << me) }
#ifndef NO_RETURN
					work_there_is(yes);
#endif
					if
					:: yes ->
						atomic {
							TOUCH;
							yes = (parked >> me) & 1;
							parked = parked & ~(1 << me)
						}
						if
						:: yes
						:: else -> break
						fi
					:: else -> break
					fi
				od;
				yes = false
			:: else
			fi;
			leave()
		:: else
		fi;
		idle[me] = true
	od
}

/* ---- launch.c ---- */

inline prepare(workers)
{
	d_step {
		assert(!alive && !members);
		alive = true;
		most = workers;
#ifdef GROW
		nworkers = 1;
#else
		nworkers = workers;
#endif
		root = 0;
		finished = 0;
		pending = 2;
		parked = (1 << nworkers) - 2;
		done = 0;
		failed = false;
		futex0 = false;
		i = 0;
		do
		:: i < WORKERS -> ring[i] = 0; stop[i] = false; i++
		:: else -> break
		od;
		i = 0
	}
}

inline close_run()
{
	atomic { members = members & ~OPEN; bits = members }
#ifndef NO_WAIT
	do
	:: bits == 0 -> break
	:: else ->
		atomic {
			if
			:: members == bits -> in_members = true
			:: else
			fi
		}
		!in_members;
		bits = members
	od;
#endif
	bits = 0
}

/* With one root beside its own, who launches wakes one more worker. */
inline launch(workers)
{
	prepare(workers);
	atomic { !lock; current = true }
#ifdef GROW
	/* Worker 0 may have to join, too. */
	if
	:: members = OPEN
	:: true
	fi;
#else
	members = OPEN;
	wake(ALL - 1);
#endif
	work_shared(yes);
	close_run();
	atomic { !lock -> current = false }
	d_step {
		assert(failed || (finished == TASKS && done == (1 << TASKS) - 1));
		alive = false
	}
}

proctype launcher()
{
	byte i, n, bits, own, executed, task = NONE;
	bool got, yes;
	byte me = 0;

	launch(WORKERS);
	launch(WORKERS - 1);
	over = true
}

proctype stopper()
{
	byte i;

	atomic { !lock -> lock = true }
	if
	:: current ->
		failed = true;
		do
		:: i < nworkers -> stop[i] = true; i++
		:: else -> break
		od;
#ifndef NO_ERROR
		futex0 = true;
#endif
		assert(alive)
	:: else
	fi;
	lock = false
}

init {
	byte i;

	atomic {
		for (i : 1 .. WORKERS - 1) {
			idle[i] = true;
			run thread(i)
		}
#ifdef STOP
		run stopper();
#endif
		run launcher()
	}
	over
}
