/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The AICPU scheduler: what runs the tasks of a sealed graph on the cores.
 *
 * A run has workers; worker 0 is the thread that launched, or a thread that
 * stands in for it. The others come when there is more ready than one can
 * do, and leave when they find nothing. Where the launch does not say how many there are to be,
 * worker 0 is alone until the run has lasted for as long as it takes to wake another one. Each worker owns blocks, and keeps the
 * tasks that it has made ready in a list of its own, which costs no atomic
 * operation; what is over goes to a small public ring that the others take
 * from. The first successor that a task makes ready is run next, without
 * passing through either. The only worker of a flow may be who submits to it (seat.c).
 *
 * The scheduler is an AICPU program: the functions that work on the structs
 * below are built into the library, and also as an object of their own that a
 * launch may be given instead. They call the library through sched_ops only.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "emulator/emulator.h"
#include "graph/graph.h"

#define SCHED_MAX_WORKERS	64
#define SCHED_RING		256
#define SCHED_KINDS		2	/* of core */
#define SCHED_MIXED		2	/* a task that takes several */
#define SCHED_LISTS		3	/* of ready tasks, by kind */

struct sched_queue;
struct sched_run;
struct sched_worker;

/* The longest that a worker sleeps before it looks around. */
#define SCHED_PARK_NS	(50 * NSEC_PER_MSEC)

/**
 * struct sched_record - a profiled task; times in ns of CLOCK_MONOTONIC
 * @accepted, @done: when the driver took it and saw its end; 0 without the driver
 */
struct sched_record {
	uint32_t task;
	int32_t func_id;
	uint16_t core;
	uint16_t worker;
	uint32_t lane;
	uint64_t dispatch;
	uint64_t start;
	uint64_t end;
	uint64_t finish;
	uint64_t accepted;
	uint64_t done;
};

/**
 * struct sched_ring - tasks that any worker may take
 *
 * Its owner alone puts at @tail; anybody takes at @head with a compare and
 * swap. A slot is written again only after @head has passed it, so a taker that
 * read an old value fails its swap.
 */
struct sched_ring {
	_Atomic uint64_t head __cacheline;
	_Atomic uint64_t tail __cacheline;
	atomic_uint slot[SCHED_RING];
};

/**
 * struct sched_ops - what the scheduler needs of the library around it
 * @resolve:	find a program that the thread has not met yet
 * @wake:	wake one parked worker of those in @mask
 * @park:	sleep until woken, or until a short time has passed
 * @rest:	the only worker of a flow is to leave its seat; returns when it sits there again
 * @doorbell:	descriptors were put on a queue whose core is asleep
 * @poll:	bring the heads of the worker's queues up to date; false: a task has
 *		failed, and the launch with it. NULL: they always are
 * @wait_cores:	sleep until a core of the worker has moved, or there is a public task that it
 *		has room for, or for a bounded time
 * @failed:	the launch has failed; the first one to say so is heard
 * @more_records: the worker's buffer for records is full; false: no memory
 * @mixed:	in place: run a mixed task on a block of the worker's; false: it failed
 * @room:	in a window: what who submits tasks waits for may have happened
 * @look:	worker 0 has done worker->look tasks alone: it may be time for the others
 */
struct sched_ops {
	emu_resolve_fn resolve;
	void (*wake)(struct sched_run *run, uint64_t mask);
	void (*park)(struct sched_worker *w);
	void (*rest)(struct sched_worker *w);
	void (*doorbell)(struct sched_worker *w, struct sched_queue *q);
	bool (*poll)(struct sched_worker *w);
	void (*wait_cores)(struct sched_worker *w);
	void (*failed)(struct sched_worker *w, uint64_t cookie, unsigned int core,
		       const struct emu_fault *fault);
	bool (*more_records)(struct sched_worker *w);
	void (*room)(struct sched_run *run);
	void (*look)(struct sched_worker *w);
	bool (*mixed)(struct sched_worker *w, uint32_t task);
};

/**
 * struct sched_shuffle - PTO_SEED: tasks run one at a time, in an order that a number decides
 * @state:	of the random numbers
 * @task:	@count tasks that are ready; there is room for all that there can be
 *
 * Of a flow it depends on nothing but that number and what is submitted, if one thread
 * submits: the worker runs tasks only when that thread waits or has ended, and then
 * all that can run.
 */
struct sched_shuffle {
	uint64_t state;
	uint32_t count;
	uint32_t task[];
};

/**
 * struct sched_inject - tasks that were ready when they were submitted
 *
 * As struct sched_ring, but as deep as the window, so that it is never full.
 */
struct sched_inject {
	_Atomic uint64_t head __cacheline;
	_Atomic uint64_t tail __cacheline;
	atomic_uint *slot;
};

/* Who is worker 0 of a flow. The first two do not change any more once its thread works. */
enum {
	SEAT_NONE,	/* nobody: the launch has not had its turn yet, or has failed before */
	SEAT_FIXED,	/* its thread, until the end */
	SEAT_WORKER,	/* its thread, until who submits asks for the seat */
	SEAT_FREE,	/* who takes the seat first */
	SEAT_SUBMITTER,
};

/**
 * struct sched_window - a graph that grows at one end while it runs, and is
 * forgotten at the other
 * @inject:	by kind, as the lists of ready tasks
 * @mask:	tasks that may be in it, a power of two, less 1
 * @open:	more may come; if not, @ntasks, modulo 2^32, have been submitted
 * @watch:	call sched_ops.room() when this one is complete; TASK_NONE: none
 * @waits:	who submits waits for tasks to complete
 * @turn:	with a shuffle: who submits waits for sched_ops.room(), and for this to be false
 * @seat:	SEAT_*; who is there has the worker's struct
 * @left:	its thread has left tasks that are ready
 * @crowded:	its thread and who submits have one CPU
 * @visits:	how often who submits was there, and ran tasks
 * @recall:	who is there is to leave, as the other one wants to sit
 *
 * A task's place in the window is its number & @mask. Unlike in a graph that is
 * whole, edges are added while the tasks that they leave from may already run:
 * who has run one sets NODE_CLOSED in its state, and after that nobody adds any. Then
 * the edges are walked, and then the state is set to 0: the place is free.
 */
struct sched_window {
	struct sched_inject inject[SCHED_LISTS];
	uint32_t mask;
	atomic_bool open;
	atomic_uint ntasks;
	atomic_uint watch __cacheline;
	atomic_bool waits;
	atomic_bool turn;
	atomic_bool recall;
	atomic_bool left;
	bool crowded;
	atomic_uint seat;
	atomic_uint visits;
};

/**
 * struct sched_queue - a core of a worker that dispatches through rings, or a block, to
 * which mixed tasks are dispatched
 * @kind:	of task that it takes
 * @block:	which of the worker's it is, or belongs to
 */
struct sched_queue {
	struct emu_core *core;
	uint16_t kind;
	uint16_t block;
	uint32_t done;		/* the sq_head that was acted upon */
	uint32_t tail;
	uint32_t task[EMU_QUEUE_DEPTH];
	uint64_t dispatch[EMU_QUEUE_DEPTH];
};

/**
 * struct sched_worker - one scheduler thread of a run
 * @stop:	set by others: the run is over for this worker
 * @futex:	what it sleeps on while parked
 * @ready:	its own ready tasks by kind, linked through graph_node.count;
 *		in place there is one list for both kinds
 * @nroots:	roots that it has taken and not yet run: from @root on to
 *		@root_end, which ends @roots, and then those of the next run
 * @executed:	tasks done and not yet added to the run's count
 * @look:	when it is so many, call sched_ops.look(); 0: never
 * @settled:	tasks that were
 * @core:	in place: the core to use next, by kind
 * @queue:	its cores, AIC first, then AIV from @first_aiv on, @nqueues in all; then one
 *		for each of its @first_aiv blocks
 * @turn:	the queue to use next, by kind
 * @closed:	through rings: blocks whose cores are given no more tasks, as they have mixed
 *		ones, or are about to: @awaited, if it is not -1
 * @inflight:	through rings: tasks on their way, those behind one another counted once
 * @active:	through rings: queues that are not empty, at most @width: @busy
 * @depth:	through rings: the most that may be on one queue, but for those behind
 *		one another
 * @batch_ns:	through rings: how long what is on one queue should take; 0: any time
 * @task_ns:	through rings: what a task takes, by kind
 * @room:	through rings: kinds of task that it could still dispatch, a bit each
 * @at_cores:	it waits for its cores, but will be woken for public tasks as well
 */
struct sched_worker {
	struct sched_run *run;
	struct emu_thread *thread;
	unsigned int index;
	atomic_uint stop;
	atomic_uint futex;
	uint32_t ready[SCHED_LISTS];
	uint32_t root, root_end;
	uint32_t nroots;
	const struct graph_roots *roots;
	uint32_t executed;
	uint32_t look;
	uint32_t settled;
	struct emu_core *core[SCHED_KINDS];
	struct sched_record *record, *record_end;

	struct sched_queue *queue;
	unsigned int nqueues;
	unsigned int first_aiv;
	unsigned int turn[SCHED_LISTS];
	uint32_t closed;
	int awaited;
	unsigned int inflight;
	unsigned int active;
	unsigned int width;
	unsigned int depth;
	struct sched_queue *busy[PTO_MAX_CORES + PTO_MAX_BLOCKS];
	uint32_t batch_ns;
	uint32_t task_ns[SCHED_LISTS];
	unsigned int room;
	atomic_bool at_cores;

	struct sched_ring ring[SCHED_LISTS];
};

/* The worker's queue of a lane of its block number @block. */
static __inline struct sched_queue *sched_lane(struct sched_worker *w, unsigned int block,
					       unsigned int lane)
{
	return lane == PTO_LANE_AIC ? &w->queue[block] :
				      &w->queue[w->first_aiv + 2 * block + lane - PTO_LANE_AIV0];
}

/**
 * struct sched_run - one launch
 *
 * What AICPU programs see of it and of the structures above is PTO_PROGRAM_ABI.
 *
 * @nworkers:	workers that there are
 * @most:	how many there may yet be
 * @begin:	when it began, if there may be more
 * @stays:	workers that stay until all is done, a bit each: 0, and those whose threads are lent
 * @spin:	how long an idle worker looks around before it sleeps, in pauses
 * @look_every:	in a window, how many of them pass between two looks
 * @slabs:	the graph's tasks
 * @chunks:	its edges
 * @pending:	the graph's counts, and @many, whose predecessors these can not count
 * @roots:	its tasks without predecessors, @nroots in @runs
 * @window:	the tasks are those of a window; NULL: of a graph
 * @shuffle:	for the loops that have one
 * @root:	roots taken by workers
 * @finished:	tasks done, as far as workers have told
 * @parked:	workers that sleep or have left, a bit each
 */
struct sched_run {
	const struct sched_ops *ops;
	struct graph_slab *const *slabs;
	struct graph_slab *const *chunks;
	_Atomic uint16_t *pending;
	const struct graph_many_table *many;
	const struct graph_roots *roots;
	struct sched_worker **workers;
	struct emulator *emu;
	struct sched_window *window;
	struct sched_shuffle *shuffle;
	uint32_t runs;
	uint32_t nroots;
	uint32_t ntasks;
	atomic_uint nworkers;
	unsigned int most;
	uint64_t begin;
	uint64_t stays;
	unsigned int spin;
	unsigned int look_every;
	bool profile;

	atomic_uint root __cacheline;
	atomic_uint finished __cacheline;
	_Atomic uint64_t parked __cacheline;
};

/**
 * struct pto_aicpu_program - what an AICPU program exports as
 * `pto_aicpu_program`
 * @magic:	PTO_AICPU_MAGIC
 * @abi:	PTO_PROGRAM_ABI it was built for
 * @inplace:	work on a run, executing tasks on the calling thread, until
 *		nothing is left to do; a worker other than 0 also returns when it
 *		has found nothing for a while
 * @rings:	the same through the cores' rings
 */
struct pto_aicpu_program {
	uint32_t magic;
	uint32_t abi;
	void (*inplace)(struct sched_worker *w);
	void (*rings)(struct sched_worker *w);
};

#define PTO_AICPU_MAGIC		0x50495450u	/* "PTIP" */

extern const struct pto_aicpu_program sched_builtin;

/* The two loops, as sched_builtin has them. */
void sched_inplace(struct sched_worker *w);
void sched_rings(struct sched_worker *w);

/* The same for runs with a shuffle. */
extern const struct pto_aicpu_program sched_shuffling;
void sched_inplace_shuffled(struct sched_worker *w);
void sched_rings_shuffled(struct sched_worker *w);

/**
 * sched_shuffled - what both are
 * @run_one: run a task to its end, and keep those that it makes ready; false: the run is over
 */
void sched_shuffled(struct sched_worker *w, bool (*run_one)(struct sched_worker *w, uint32_t task));

#endif
