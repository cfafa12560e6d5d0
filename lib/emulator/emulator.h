/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The emulator: virtual cores that execute the descriptors of the queue ABI.
 *
 * A core (struct emu_core) is a queue and its counters; it is not a thread.
 * A host thread (struct emu_thread) executes descriptors on behalf of one
 * core after the other: a scheduler's thread those of its own cores, in place,
 * or one of the emulator's threads those that a doorbell announced.
 *
 * While a kernel runs, emu_thread.running names its program. The signal
 * handlers (guard.c) and the watchdog (watchdog.c) go by it: a CPU fault while
 * it is set is the kernel's, and leaves the kernel through emu_thread.env.
 *
 * A core and a thread struct are never freed while somebody may still write
 * to them: a thread that could not be made to leave its kernel is abandoned
 * together with its core, and both are replaced.
 *
 * The layout of the structs here is known to AICore and AICPU programs that
 * were built apart: what changes it raises PTO_PROGRAM_ABI.
 */
#ifndef EMULATOR_EMULATOR_H
#define EMULATOR_EMULATOR_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include <linux/pto_queue.h>

#include "base/util.h"

#define PTO_PROGRAM_ABI		12
#define EMU_QUEUE_DEPTH		16
#define EMU_CACHE		64

/* desc.lane of a mixed task: the lanes' own descriptors lie where its launch.image says. */
#define LANE_MIXED		PTO_LANES

struct emulator;
struct emu_thread;
struct image;
struct mem;

/** struct emu_program - a program that LAUNCH descriptors name by its serial, loaded */
struct emu_program {
	uint64_t serial;
	void (*entry)(int64_t *args);
	struct image *image;
};

/** struct emu_driver_times - when the driver took a command, and when it saw its end */
struct emu_driver_times {
	uint64_t accepted, done;
};

/**
 * struct emu_core - a virtual core
 * @sub, @queue: the two regions of its queue
 * @driver:	of a core of the driver's devices: an entry for each of the completion ring
 * @peer:	in place: the next core of its kind and worker, a circle
 * @slot:	its bit in the emulator's set of cores with work
 * @number:	flat number, under the block_dim in force
 * @kind:	PTO_CORE_*
 * @busy:	an emulator thread is draining the queue
 * @cancel:	nothing more of the queue is to be started
 * @lost:	the thread that ran on it was given up; so is the core
 * @restarts:	orders to go on after a halt that it has obeyed
 * @task_ns:	what a descriptor took lately, or less; 0: not known
 */
struct emu_core {
	struct pto_queue_sub *sub;
	struct pto_queue_core *queue;
	const struct emu_driver_times *driver;
	struct emu_core *peer;
	uint16_t slot;
	uint16_t number;
	uint16_t kind;
	atomic_bool lost;
	atomic_bool cancel;
	atomic_uint busy;
	uint32_t restarts;
	atomic_uint task_ns;
};

/** struct emu_fault - why a kernel was left */
struct emu_fault {
	uint32_t status;	/* PTO_STATUS_* */
	int code;		/* signal number or errno */
	uint64_t addr;
	uint64_t pc;		/* offset in the image, 0 outside */
};

/**
 * struct emu_thread - a host thread that runs kernels
 * @running:	the program whose kernel runs; NULL between kernels
 * @desc, @core: what runs where; they mean something while @running is set
 * @aicore:	the AICore program that executes descriptors; NULL: built in
 * @emu:	the emulator whose descriptors it executes
 * @programs:	copies of programs by serial, direct mapped; an old one never
 *		matches, since serials are not used again
 * @watched:	its place in the watchdog's table
 * @left:	how many kernels it has left, rather than returned from
 * @leave:	the watchdog wants a kernel left, with this PTO_STATUS_*, if it is
 *		still @leave_desc at the core's head @leave_head that runs, and none has
 *		been left since @left was @leave_left
 * @unwanted:	the watchdog is to have it left: see emu_leave_kernel()
 * @env:	where a kernel is left to; set once a loop
 * @fault:	why it was left
 * @stack:	alternate signal stack, if it is ours to unmap
 * @old_stack:	the one before it
 * @outer, @inner: see guard_nest(); @mask: the signal mask before
 * @clock, @until: of a guard_call() under way, and when its time is over, but for @nested_ns
 *		that were not its own; @nested: since when it is not
 */
struct emu_thread {
	const struct emu_program *_Atomic running;
	const struct pto_desc *_Atomic desc;
	struct emu_core *_Atomic core;
	const struct pto_aicore_program *aicore;
	struct emulator *emu;
	struct emu_program programs[EMU_CACHE];
	unsigned int watched;
	atomic_uint left;
	atomic_uint leave;
	atomic_uint leave_head;
	atomic_uint leave_left;
	const struct pto_desc *_Atomic leave_desc;
	atomic_bool unwanted;
	pid_t tid;
	sigjmp_buf env;
	struct emu_fault fault;
	void *stack;
	size_t stack_size;
	stack_t old_stack;
	struct emu_thread *outer, *inner;
	sigset_t mask;
	clockid_t clock;
	uint64_t until, nested, nested_ns;
};

/**
 * struct pto_aicore_program - what an AICore program exports as
 * `pto_aicore_program`
 * @magic:	PTO_AICORE_MAGIC
 * @abi:	PTO_PROGRAM_ABI it was built for
 * @execute:	call a kernel: what a core does between fetching a descriptor
 *		and completing it
 */
struct pto_aicore_program {
	uint32_t magic;
	uint32_t abi;
	void (*execute)(void (*entry)(int64_t *args), int64_t *args);
};

#define PTO_AICORE_MAGIC	0x43495450u	/* "PTIC" */

/*
 * Find the program of a LAUNCH that the thread has not met yet, and load it if
 * the emulator has not either. NULL: t->fault says why there is none.
 */
const struct emu_program *emu_resolve(struct emu_thread *t, const struct pto_desc *desc);

typedef const struct emu_program *(*emu_resolve_fn)(struct emu_thread *t,
						    const struct pto_desc *desc);

static __inline const struct emu_program *emu_find(struct emu_thread *t,
						   const struct pto_desc *desc,
						   emu_resolve_fn resolve)
{
	const struct emu_program *p = &t->programs[desc->launch.serial % EMU_CACHE];

	return likely(p->serial == desc->launch.serial) ? p : resolve(t, desc);
}

/*
 * Run a LAUNCH's kernel. Comes back by siglongjmp to t->env, with t->fault
 * filled in, when the kernel crashes or the watchdog has it left.
 */
static __inline void emu_execute(struct emu_thread *t, struct emu_core *core,
				 const struct pto_desc *desc, const struct emu_program *p)
{
	int64_t *args = (int64_t *)(uintptr_t)desc->launch.args;

	atomic_store_explicit(&t->core, core, memory_order_relaxed);
	atomic_store_explicit(&t->desc, desc, memory_order_relaxed);
	atomic_signal_fence(memory_order_release);
	atomic_store_explicit(&t->running, p, memory_order_relaxed);
	if (likely(!t->aicore))
		p->entry(args);
	else
		t->aicore->execute(p->entry, args);
	atomic_store_explicit(&t->running, NULL, memory_order_relaxed);
}

/* ---- the emulator of a device ------------------------------------------ */

/* Slots: three a block for its cores, then one a block for its mixed tasks, then streams'. */
#define EMU_FIRST_BLOCK		PTO_MAX_CORES
#define EMU_FIRST_STREAM	(EMU_FIRST_BLOCK + PTO_MAX_BLOCKS)
#define EMU_SLOTS		192

/**
 * emu_create - an emulator; @mem is what its kernels may write to
 *
 * Starts no thread: that comes with the first use.
 */
int emu_create(struct mem *mem, struct emulator **emu);

/**
 * struct emu_line - whom the emulator works for, where others feed its queues
 * @sub, @core:	the two regions of the queues, one a core by flat number; @sub is
 *		read-only
 * @sub_stride, @core_stride: bytes from one queue to the next
 * @cores:	their number
 * @step:	take over what the cores have completed, then sleep for @timeout_ns at the
 *		most (0: do not) while *@doorbell counts what was submitted. 0, -ETIME,
 *		-EINTR; any other error is for good
 * @cut:	end all sleeps in @step, for good
 */
struct emu_line {
	void *sub, *core;
	uint32_t sub_stride, core_stride;
	unsigned int cores;
	int (*step)(struct emu_line *line, uint32_t *doorbell, uint64_t timeout_ns);
	void (*cut)(struct emu_line *line);
};

/** emu_attach - work on @line's queues from now on; before the threads start */
int emu_attach(struct emulator *emu, struct emu_line *line);

/** emu_quit - stop its threads; false: one is still there, and may touch the emulator */
bool emu_quit(struct emulator *emu);
void emu_destroy(struct emulator *emu);

/** emu_core_new - a core that is no emulator's, for a queue; NULL with an error text */
struct emu_core *emu_core_new(unsigned int slot);

/** emu_core - the core in a slot, made at first use; NULL with an error text */
struct emu_core *emu_core(struct emulator *emu, unsigned int slot);

/** emu_core_if - the core in a slot, if it has been made */
struct emu_core *emu_core_if(struct emulator *emu, unsigned int slot);

/** emu_slot_get - a slot for a stream's queue; -EBUSY when all are in use */
int emu_slot_get(struct emulator *emu);
void emu_slot_put(struct emulator *emu, unsigned int slot);

/** emu_note_task_ns - a descriptor took so long on a core; for emu_core.task_ns */
void emu_note_task_ns(struct emu_core *core, uint64_t ns);

/** emu_core_retire - put a new core in a slot; the old one is never touched again */
void emu_core_retire(struct emulator *emu, unsigned int slot);

/** emu_forget - a program's serial is not used any more (what DESTROY does) */
void emu_forget(struct emulator *emu, uint64_t serial);

/* ---- its threads (pool.c): the cores that a doorbell announced ---------- */

/** emu_threads_start - see that the threads run; returns how many, or -errno */
int emu_threads_start(struct emulator *emu);
unsigned int emu_threads_count(struct emulator *emu);

/**
 * emu_quiesce - after a failure: empty queues, and take them out of their halt
 *
 * Waits until the cores in slots @first to @end - 1 are left; nothing more is
 * started on them, and whoever runs a kernel there is being made to leave. What
 * is on a line's queues completes as cancelled, and is told.
 */
void emu_quiesce(struct emulator *emu, unsigned int first, unsigned int end);

/** emu_doorbell - a core's queue has got descriptors */
void emu_doorbell(struct emulator *emu, struct emu_core *core);

/**
 * emu_wait_cores - sleep until the sq_head of one core has reached its @heads, or it has halted
 * @event:	what emu_event() was before it was found that there is reason to sleep
 *
 * Returns after @timeout_ns at the latest, or when emu_rouse() has been called since
 * emu_event(). A core has one waiter at a time.
 */
void emu_wait_cores(struct emulator *emu, struct emu_core *const *cores, const uint32_t *heads,
		    unsigned int count, unsigned int event, uint64_t timeout_ns);
unsigned int emu_event(struct emulator *emu);
void emu_rouse(struct emulator *emu);

/* ---- teams (team.c): the lanes of mixed tasks --------------------------- */

/**
 * struct emu_lane - a lane of a mixed task
 * @desc:	what runs; NULL if the lane is not used
 * @start, @end: when it did, where it did not fail
 * @fault:	why it failed; CANCELED: it had to leave since another one had
 */
struct emu_lane {
	const struct pto_desc *desc;
	uint64_t start, end;
	struct emu_fault fault;
};

/**
 * emu_team_run - run the lanes of one task at once, on cores that nobody else uses
 * @lanes:	one a lane, without times and faults
 * @failed:	the lane that has failed; -1: none has
 *
 * Returns 0 when all have ended; -ENOMEM, -EAGAIN: there are no threads, and nothing was run.
 */
int emu_team_run(struct emulator *emu, struct emu_lane *lanes, int *failed);

/* ---- its watchdog (watchdog.c) ------------------------------------------ */

/**
 * struct emu_watch - a launch, as the watchdog sees it
 * @task_ns:	the longest that one kernel may run
 * @deadline:	when the launch must be over, on now_ns()'s clock; 0: never
 * @expired:	called once the deadline has passed
 * @give_up:	a thread could not be made to leave its kernel: replace it.
 *		false: it did leave after all, or can not be spared
 */
struct emu_watch {
	_Atomic uint64_t task_ns;
	_Atomic uint64_t deadline;
	void (*expired)(struct emu_watch *watch);
	bool (*give_up)(struct emu_watch *watch, struct emu_thread *t);
};

/**
 * emu_watch - watch over kernels from now on, or -errno; emu_unwatch() - no more
 * @t:		for as long, as by emu_watch_thread(); NULL: none
 */
int emu_watch(struct emulator *emu, struct emu_watch *watch, struct emu_thread *t);
void emu_unwatch(struct emulator *emu, struct emu_thread *t);

/** emu_watch_thread - have a thread watched; emu_unwatch_thread() before it may end */
int emu_watch_thread(struct emulator *emu, struct emu_thread *t);
void emu_unwatch_thread(struct emulator *emu, struct emu_thread *t);

/** emu_tidy - graph_trim() may have something to do in a while, though nothing is launched */
void emu_tidy(struct emulator *emu);

/**
 * emu_thread_gone - a thread is given up: nobody else gets the memory that it may write to
 *
 * To be called before the launch can end, and its memory be freed.
 */
void emu_thread_gone(struct emulator *emu, struct emu_thread *t);

/** emu_leave_kernel - have a thread leave the kernel that it runs, while @t->unwanted is set */
void emu_leave_kernel(struct emulator *emu, struct emu_thread *t);

/** emu_leave_kernels - the launch has failed: have all threads leave their kernels now */
void emu_leave_kernels(struct emulator *emu);

#endif
