/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * A device's launches: one at a time, on scheduler threads that stay for the
 * next one.
 */
#ifndef SCHED_LAUNCH_H
#define SCHED_LAUNCH_H

#include <pthread.h>

#include <pto/pto.h>

#include "sched/sched.h"
#include "sched/turn.h"

struct profile;
struct sched_thread;
struct stream;

/**
 * struct launch - what one launch is to do, and how it ended
 * @stream:	the tasks are those that it brings; NULL: @graph's
 * @workers:	0: as many as are useful
 * @async:	others than who launches know it, and may set @cancel
 * @begun:	it has had its turn
 * @wait:	for its turn; if @waits, it does so already
 */
struct launch {
	struct pto_graph *graph;
	struct stream *stream;
	unsigned int block_dim;
	unsigned int workers;
	bool profiled;
	uint64_t task_ns;
	uint64_t timeout_ns;
	struct image *aicpu_image, *aicore_image;
	const struct pto_aicpu_program *aicpu;
	const struct pto_aicore_program *aicore;
	bool async;
	atomic_bool cancel;
	bool begun;
	bool waits;
	struct turn_wait wait;
};

/**
 * struct sched - the scheduler of a device
 * @turn:	to launch
 * @lock:	guards the end of a launch: @current, @error, @left and @text
 * @current:	the launch under way, from when it can be ended on; NULL once it is over, so
 *		that what comes late finds nothing
 * @error:	why it fails; set once. @left: of one that took too long a task is named
 * @threads_lock: guards @threads, and the decision to give one up. Taken
 *		inside of nothing; @lock may be taken inside of it
 * @threads:	threads that may stand for worker i, made when first wanted
 * @wanted:	thread i sleeps on it while it is 0
 * @members:	threads working on the run; SCHED_OPEN while more may join
 * @stood_in:	the thread that stood in for worker 0 is through
 * @given_up:	a thread was: it may still look at this struct
 * @lost_workers: the workers of such threads in the run under way, a bit each
 * @useful:	workers that the machine is good for; 0: nobody has asked yet
 * @cpus:	that the process may use, as of when the layout was made
 * @here:	a CPU that the last run with several workers was launched on
 * @config_*:	what the cores and workers are laid out for
 * @last_workers: how many there were in the last launch
 */
struct sched {
	struct pto_device *dev;
	struct turn turn;
	pthread_mutex_t lock;
	struct launch *_Atomic current;
	atomic_int error;
	bool left;
	char text[768];

	struct sched_ops ops;
	struct sched_run run;
	struct sched_worker *workers[SCHED_MAX_WORKERS];
	struct emu_watch watch;
	struct profile *profile;

	pthread_mutex_t threads_lock;
	struct sched_thread *_Atomic threads[SCHED_MAX_WORKERS];
	atomic_bool quit;
	atomic_uint wanted[SCHED_MAX_WORKERS];
	atomic_uint members;
	atomic_uint stood_in;
	bool given_up;
	uint64_t lost_workers;
	const struct pto_aicpu_program *program;
	const struct pto_aicore_program *aicore;

	unsigned int useful;
	unsigned int cpus;
	atomic_int here;
	unsigned int config_blocks;
	atomic_uint config_workers;
	atomic_uint last_workers;
};

#define SCHED_OPEN	(1u << 31)

int sched_create(struct pto_device *dev, struct sched **sched);

/** sched_quit - stop its threads; false: one is still there, and may touch the scheduler */
bool sched_quit(struct sched *sched);
void sched_destroy(struct sched *sched);

/** sched_launch - run a launch to its end on the calling thread; the graph is sealed */
int sched_launch(struct sched *sched, struct launch *launch);

/**
 * sched_begin - begin it, if it is its turn now; else it waits for its turn from now on
 *
 * Before sched_launch(), which another thread may call, or sched_abandon(). So a launch does not
 * lose its turn to one that was made later, and whose thread came sooner; and the tasks of a flow
 * can be run from here on by who submits them. On an error the launch is over.
 */
int sched_begin(struct sched *sched, struct launch *launch);

/**
 * sched_abandon - it will not be run, because of @error, whose text is the calling thread's latest
 *
 * Returns what it has failed with.
 */
int sched_abandon(struct sched *sched, struct launch *launch, int error);

/** sched_workers - how many the last launch has had; 0: there was none, or @sched is NULL */
unsigned int sched_workers(struct sched *sched);

/**
 * sched_join - make the calling thread part of the run of a flow that it still holds open
 *
 * Returns the worker that it is to be, for threads_lend(), or -EAGAIN: there is none for it.
 */
int sched_join(struct sched *sched, struct stream *stream);

/** sched_wake - tasks have been added to a window */
void sched_wake(struct sched *sched);

/** launch_async - as pto_graph_launch_async(), of the graph's tasks or of a stream's */
int launch_async(struct pto_graph *graph, const struct pto_launch_opts *opts,
		 struct stream *stream, struct pto_launch **launch);

/**
 * launch_wait - as pto_launch_wait(), for who waits again
 *
 * -EINPROGRESS comes without a text.
 */
int launch_wait(struct pto_launch *launch, int timeout_ms);

/** launch_sched - the device's scheduler, made at first use */
int launch_sched(struct pto_device *dev, struct sched **sched);

/** sched_cancel - end a launch soon, whether it runs or waits for its turn */
void sched_cancel(struct sched *sched, struct launch *launch);

/* ---- seat.c: a flow's only worker and who submits to it take turns ------ */

/**
 * seat_sit - be in the seat, as the worker's thread, as soon as it is needed there
 *
 * False: the seat is that thread's alone.
 */
bool seat_sit(struct sched_worker *w);

/** seat_rest - what sched_ops.rest() does */
void seat_rest(struct sched_worker *w);

/**
 * seat_look - to be called now and then by the only one that submits
 *
 * True: it has run tasks.
 */
bool seat_look(struct stream *stream);

/** seat_visit - run what is ready, if the seat is free; true: there was something */
bool seat_visit(struct stream *stream);

/** seat_close - tasks will not be added to the flow any more */
void seat_close(struct stream *stream);

/* ---- layout.c: which worker has which cores ----------------------------- */

/** layout_set - @workers of them, for the cores of @blocks; 0 or -ENOMEM */
int layout_set(struct sched *s, unsigned int blocks, unsigned int workers);

/** layout_reset_worker - for a new launch; what a launch that failed has left is gone */
void layout_reset_worker(struct sched_worker *w);

/** layout_reset_queues - the same for its cores, where tasks go through rings */
void layout_reset_queues(struct sched *s, struct sched_worker *w);
void layout_free(struct sched *s);

/* ---- threads.c: the scheduler threads of a device ----------------------- */

/** threads_join_run - join the open run; false: it is over, or was never there */
bool threads_join_run(struct sched *s);
void threads_leave_run(struct sched *s);

/** threads_close_run - let nobody join any more, and wait until all have left */
void threads_close_run(struct sched *s);

/**
 * threads_wake - wake the thread of worker @index, or start it
 *
 * 0, -ESHUTDOWN without a text if the process is about to end, or another -errno.
 */
int threads_wake(struct sched *s, unsigned int index);

/** threads_lend - be worker @index until the run is complete, as sched_join() has said */
void threads_lend(struct sched *s, unsigned int index, struct emu_thread *t);

/** threads_wait_stand_in - wait until the thread that stands in for worker 0 is through */
void threads_wait_stand_in(struct sched *s);

/** threads_give_up - replace a thread that is stuck in a kernel; false: it is not */
bool threads_give_up(struct sched *s, struct emu_thread *t);

/* ---- for threads.c ------------------------------------------------------ */

/** sched_work - work on the run as worker @w until nothing is left, or is found */
void sched_work(struct sched *s, struct sched_worker *w, struct emu_thread *t);

/** launch_shut_down - end the launch under way, if any: the process is about to end */
void launch_shut_down(struct sched *s);

/** launch_keep_programs - what a thread that was given up runs is never unloaded */
void launch_keep_programs(struct sched *s);

/** launch_overdue - a kernel has returned, but after its time and more */
void launch_overdue(struct sched *s);

/** launch_mixed - what sched_ops.mixed() does (mixed.c) */
bool launch_mixed(struct sched_worker *w, uint32_t task);

/**
 * launch_left - the launch's time is over, and a task is on a core: the first to be told is named
 * @core:	as in launch_task_failed()
 * @where:	what else is known
 */
void launch_left(struct sched_worker *w, uint64_t cookie, int core, const char *where);

/** fault_errno - what a fault of a kernel is to who launched it */
int fault_errno(const struct emu_fault *fault);

/**
 * launch_task_failed - the launch fails with @error, since a task of it has
 * @core:	where, by flat number; -1 - a block: of a mixed task that is not known
 * @cause:	why
 */
void launch_task_failed(struct sched_worker *w, uint64_t cookie, int core, int error,
			const char *cause);

/** launch_failed - what sched_ops.failed() does */
void launch_failed(struct sched_worker *w, uint64_t cookie, unsigned int core,
		   const struct emu_fault *fault);

#endif
