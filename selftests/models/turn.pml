/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The turn to launch, from lib/sched/turn.c: one has it, others queue for it.
 *
 * Sleeps do not end by the passing of time, so a wake-up that is lost is a deadlock. Those who
 * wait have become impatient, or have not, whenever a turn is passed, or is free when one more
 * comes. With LEAVE the first launcher may give up.
 *
 * Mutants: TWO_STEPS (a free turn is looked at, then taken), NO_FLAG (who queues does not say so),
 * STALE_EVENT (who is woken before it sleeps sleeps nevertheless), NO_WAKE (the turn becomes free,
 * and nobody is told), NO_NEXT (who gives up does not wake the next one), KEPT (nor does it pass on
 * what it was given).
 */
#ifndef LAUNCHERS
#define LAUNCHERS	3
#endif
#ifndef ROUNDS
#define ROUNDS	1
#endif
#define NOBODY	255

bool taken, wanted;	/* the word */
bool locked;
chan queue = [LAUNCHERS] of { byte };
bool queued[LAUNCHERS], given[LAUNCHERS], asleep[LAUNCHERS], event[LAUNCHERS];
byte holders;

inline lock()
{
	atomic { !locked -> locked = true }
}

inline take(want, got)
{
#ifndef TWO_STEPS
	atomic {
		got = !taken;
		taken = true;
		wanted = wanted || want
	}
#else
	got = !taken;
	taken = true;
	wanted = wanted || want
#endif
}

inline leave_queue(who)
{
	d_step {
		queue ?? eval(who);
		queued[who] = false;
		if
		:: empty(queue) -> wanted = false
		:: nempty(queue)
		fi
	}
}

inline find_first()
{
	first = NOBODY;
	if
	:: nempty(queue) -> queue ? <first>
	:: empty(queue)
	fi
}

inline wake_first()
{
	if
	:: first != NOBODY && asleep[first] -> asleep[first] = false; event[first] = true
	:: else
	fi
}

inline enter()
{
	atomic {
		mine = !taken && !wanted;
		if
		:: mine -> taken = true
		:: else
		fi
	}
	if
	:: mine
	:: else ->
		lock();
		d_step {
			given[me] = false;
			asleep[me] = false;
			queue ! me;
			queued[me] = true
		}
#ifndef NO_FLAG
		if
		:: take(true, mine)
		:: wanted = true
		fi;
#else
		take(false, mine);
#endif
		if
		:: mine -> leave_queue(me)
		:: else
		fi;
		locked = false
	fi
}

inline try()
{
	lock();
	find_first();
	if
	:: !given[me] && first == me ->
		take(false, mine);
		if
		:: mine -> leave_queue(me); given[me] = true
		:: else
		fi
	:: else
	fi;
	asleep[me] = !given[me];
	locked = false
}

inline pass()
{
	holders--;
	atomic {
		fast = !wanted;
		if
		:: fast -> taken = false
		:: else
		fi
	}
	if
	:: fast
	:: else ->
		lock();
		find_first();
		if
		:: first != NOBODY -> leave_queue(first); given[first] = true
		:: taken = false
		fi;
#ifndef NO_WAKE
		wake_first();
#endif
		locked = false
	fi
}

/* Returns with the turn, or with @left. */
inline wait()
{
	do
	:: mine || left -> break
	:: else ->
#ifndef STALE_EVENT
		event[me] = false;
#endif
		try();
#ifdef STALE_EVENT
		event[me] = false;
#endif
		if
		:: given[me] -> mine = true
		:: else ->
			if
			:: event[me]
#ifdef LEAVE
			:: me == 0 -> left = true
#endif
			fi
		fi
	od
}

inline leave()
{
	lock();
	if
	:: queued[me] ->
		leave_queue(me);
		find_first();
#ifndef NO_NEXT
		wake_first()
#endif
	:: else
	fi;
	locked = false;
#ifndef KEPT
	if
	:: given[me] -> holders++; assert(holders == 1); pass()
	:: else
	fi
#endif
}

proctype launcher(byte me)
{
	byte round, first;
	bool mine, fast, left;

	do
	:: round == ROUNDS -> break
	:: else ->
		round++;
		left = false;
		enter();
		wait();
		if
		:: left -> leave()
		:: else ->
			holders++;
			assert(holders == 1);
			pass()
		fi
	od
}

init
{
	byte i;

	atomic {
		do
		:: i < LAUNCHERS -> run launcher(i); i++
		:: else -> break
		od
	}
}
