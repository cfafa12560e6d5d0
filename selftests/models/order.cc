// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * order [CASE [ACCESS]] - are the memory orders strong enough?
 *
 * Each case is a small exchange between threads, executed by relacy in every
 * interleaving, with every value that a load may return under C11's memory
 * model. A case fails when what it says does not hold, or plain data is raced
 * for. Given the number of an access or fence, that one is made relaxed, or left
 * out: then the case must fail, or the order is not needed. Without arguments,
 * the cases are listed, each with the accesses that it numbers.
 *
 * The driver's smp_store_release() and smp_load_acquire() are the same orders.
 * One thing is not modelled: that a load returns what is stored later.
 *
 * What is modelled where:
 *   slot	a descriptor and its slot, uapi/linux/pto_queue.h: publish() in
 *		lib/sched/rings.c, drain_ring() in lib/emulator/pool.c,
 *		pto_emu_put() and pto_emu_reap_core() in driver/emu.c
 *   record	a completion record, or the state of a core that halts, which is
 *		stored before the head: drain_ring(), halt(), reap(), pto_emu_reap_core()
 *   asleep	who sleeps against the tail: publish(), drain()
 *   doorbell	the set of cores with work: emu_doorbell(), sleep_until_doorbell()
 *   interrupt	who waits against the head: interrupt(), emu_wait_cores()
 *   ring	the public ring of ready tasks: ring_put(), ring_take() in lib/sched/ready.h
 *   park	parked bits against public tasks, or the count of those that are done:
 *		ready_announce(), ready_settle(), ready_park(); work() in lib/sched/threads.c
 *   finish	what others have done, when the last one is counted: ready_settle()
 *   edge	an edge from a task that may have run: add_edge() in lib/stream/window.c,
 *		node_close() in lib/sched/ready.h; and when it is gone: node_done(), complete()
 *   release	the same of a task's predecessors: ready_release()
 */
#include <relacy/relacy.hpp>

#include <cstdlib>
#include <cstring>
#include <iostream>

using namespace rl;

static int weak;	/* the access that is made relaxed; 0: none */

static memory_order order(int access, memory_order as_in_code)
{
	return access == weak ? mo_relaxed : as_in_code;
}

static void fence(int access)
{
	if (access != weak)
		atomic_thread_fence(mo_seq_cst, $);
}

/* A ring of one slot: it is written, read, and written again. */
struct slot : test_suite<slot, 2> {
	atomic<int> head, tail;
	var<int> desc;

	void before()
	{
		head($) = 0;
		tail($) = 0;
	}

	void submit(int n)
	{
		desc($) = n;
		tail.store(n, order(1, mo_release), $);
	}

	void execute(int n)
	{
		if (tail.load(order(2, mo_acquire), $) < n)
			return;
		RL_ASSERT(desc($) == n);
		head.store(n, order(3, mo_release), $);
	}

	void thread(unsigned int index)
	{
		if (index) {
			execute(1);
			execute(2);
		} else {
			submit(1);
			if (head.load(order(4, mo_acquire), $) == 1)
				submit(2);
		}
	}
};

/* Who sees the head sees the record, and that there is one. */
struct record : test_suite<record, 2> {
	atomic<int> head, tail;
	var<int> cqe;

	void before()
	{
		head($) = 0;
		tail($) = 0;
	}

	void thread(unsigned int index)
	{
		if (!index) {
			cqe($) = 1;
			tail.store(1, order(1, mo_release), $);
			head.store(1, order(2, mo_release), $);
			return;
		}
		bool done = head.load(order(3, mo_acquire), $);
		bool there = tail.load(order(4, mo_acquire), $);

		RL_ASSERT(there || !done);
		if (there)
			RL_ASSERT(cqe($) == 1);
	}
};

/* Either the submitter rings, or the core sees the tail. */
struct asleep : test_suite<asleep, 2> {
	atomic<int> tail, sleeps, busy;
	bool rung, seen;

	void before()
	{
		tail($) = 0;
		sleeps($) = 0;
		busy($) = 1;
	}

	void thread(unsigned int index)
	{
		if (index) {
			sleeps.store(1, mo_relaxed, $);
			busy.store(0, mo_seq_cst, $);
			fence(2);
			seen = tail.load(mo_relaxed, $);
		} else {
			tail.store(1, mo_release, $);
			fence(1);
			rung = sleeps.load(mo_relaxed, $);
		}
	}

	void after()
	{
		RL_ASSERT(rung || seen);
	}
};

/*
 * Either the doorbell wakes, or the thread sees the bit. There the thread has no fence, as
 * both of its accesses are sequentially consistent, which C11 orders against the fence of
 * the doorbell; relacy orders fences among themselves only.
 */
struct doorbell : test_suite<doorbell, 2> {
	atomic<int> work, sleepers;
	bool woken, seen;

	void before()
	{
		work($) = 0;
		sleepers($) = 0;
	}

	void thread(unsigned int index)
	{
		if (index) {
			sleepers.fetch_add(1, mo_seq_cst, $);
			fence(2);
			seen = work.load(mo_seq_cst, $);
		} else {
			work.fetch_or(1, mo_seq_cst, $);
			fence(1);
			woken = sleepers.load(mo_relaxed, $);
		}
	}

	void after()
	{
		RL_ASSERT(woken || seen);
	}
};

/* Either the core interrupts, or who waits sees the head. It may have waited before. */
struct interrupt : test_suite<interrupt, 2> {
	atomic<int> head, wanted, at;
	bool raised, seen;

	void before()
	{
		head($) = 1;
		wanted($) = 0;
		at($) = 1;
	}

	void thread(unsigned int index)
	{
		if (index) {
			at.store(2, mo_relaxed, $);
			wanted.store(1, mo_relaxed, $);
			fence(2);
			seen = head.load(mo_relaxed, $) >= 2;
		} else {
			head.store(2, mo_release, $);
			fence(1);
			raised = wanted.load(mo_relaxed, $) && at.load(mo_relaxed, $) <= 2;
		}
	}

	void after()
	{
		RL_ASSERT(raised || seen);
	}
};

/* A ring of one slot, whose tasks two others take: each once, and what belongs to it. */
struct ring : test_suite<ring, 3> {
	atomic<int> head, tail, task;
	var<int> made[2];
	atomic<int> taken[2];

	void before()
	{
		head($) = 0;
		tail($) = 0;
		task($) = 0;
		taken[0]($) = 0;
		taken[1]($) = 0;
	}

	void put(int n)
	{
		if (n - head.load(mo_acquire, $) == 1)
			return;
		made[n]($) = n;
		task.store(n, mo_relaxed, $);
		tail.store(n + 1, order(1, mo_release), $);
	}

	void take()
	{
		int at = head.load(mo_acquire, $);

		if (at == tail.load(order(2, mo_acquire), $))
			return;
		int n = task.load(mo_relaxed, $);

		if (!head.compare_exchange_weak(at, at + 1, mo_acq_rel, $, mo_acquire, $))
			return;
		RL_ASSERT(made[n]($) == n);
		RL_ASSERT(!taken[n].exchange(1, mo_relaxed, $));
	}

	void thread(unsigned int index)
	{
		if (index) {
			take();
		} else {
			put(0);
			put(1);
		}
	}
};

/* Either the publisher wakes, or who parks sees the task. */
struct park : test_suite<park, 2> {
	atomic<int> tail, parked;
	bool woken, seen;

	void before()
	{
		tail($) = 0;
		parked($) = 0;
	}

	void thread(unsigned int index)
	{
		if (index) {
			parked.fetch_or(1, mo_relaxed, $);
			fence(2);
			seen = tail.load(mo_relaxed, $);
		} else {
			tail.store(1, mo_release, $);
			fence(1);
			woken = parked.load(mo_relaxed, $);
		}
	}

	void after()
	{
		RL_ASSERT(woken || seen);
	}
};

/* Two count what they have done; the last one, or a third that finds the count, sees both. */
struct finish : test_suite<finish, 3> {
	atomic<int> finished;
	var<int> result[2];

	void before()
	{
		finished($) = 0;
	}

	void check()
	{
		RL_ASSERT(result[0]($) == 1 && result[1]($) == 1);
	}

	void thread(unsigned int index)
	{
		if (index == 2) {
			if (finished.load(order(2, mo_acquire), $) == 2)
				check();
			return;
		}
		result[index]($) = 1;
		if (finished.fetch_add(1, order(1, mo_acq_rel), $) == 1)
			check();
	}
};

struct release : test_suite<release, 3> {
	atomic<int> pending;
	var<int> result[3];

	void before()
	{
		pending($) = 3;
	}

	void check()
	{
		RL_ASSERT(result[0]($) == 1 && result[1]($) == 1 && result[2]($) == 1);
	}

	void thread(unsigned int index)
	{
		result[index]($) = 1;
		if (pending.load(order(1, mo_acquire), $) == 1 ||
		    pending.fetch_sub(1, order(2, mo_acq_rel), $) == 1)
			check();
	}
};

/*
 * Either the edge is there before the task closes, or what the task has done is seen. Its place
 * is used again when the edge has been looked at.
 */
struct edge : test_suite<edge, 2> {
	static const int used = 1, closed = 4;

	atomic<int> state;
	var<int> succ, result;

	void before()
	{
		state($) = used;
	}

	void add()
	{
		int n = state.load(order(1, mo_acquire), $);

		if (n == used) {
			succ($) = 1;
			if (state.compare_exchange_strong(n, used + 1, order(2, mo_acq_rel), $,
							  mo_acquire, $))
				return;
		}
		RL_ASSERT(result($) == 1);
	}

	void again()
	{
		if (!state.load(order(4, mo_acquire), $))
			succ($) = 2;
	}

	void close()
	{
		result($) = 1;
		if (state.fetch_or(closed, order(3, mo_acq_rel), $) > used)
			RL_ASSERT(succ($) == 1);
		state.store(0, order(5, mo_release), $);
	}

	void thread(unsigned int index)
	{
		if (index) {
			close();
		} else {
			add();
			again();
		}
	}
};

template<typename T> static bool holds()
{
	test_params params;

	params.search_type = fair_full_search_scheduler_type;
	return simulate<T>(params);
}

static const struct {
	const char *name;
	int accesses;
	bool (*holds)();
} cases[] = {
	{ "slot", 4, holds<slot> },
	{ "record", 4, holds<record> },
	{ "asleep", 2, holds<asleep> },
	{ "doorbell", 2, holds<doorbell> },
	{ "interrupt", 2, holds<interrupt> },
	{ "ring", 2, holds<ring> },
	{ "park", 2, holds<park> },
	{ "finish", 2, holds<finish> },
	{ "edge", 5, holds<edge> },
	{ "release", 2, holds<release> },
};

int main(int argc, char **argv)
{
	weak = argc > 2 ? atoi(argv[2]) : 0;
	for (const auto &c : cases) {
		if (argc < 2)
			std::cout << c.name << ' ' << c.accesses << '\n';
		else if (!strcmp(c.name, argv[1]))
			return !c.holds();
	}
	return argc < 2 ? 0 : 2;
}
