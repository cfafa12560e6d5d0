/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * A graph that runs while it is built: a window that moves over it.
 *
 * Task n lies at place n & mask of the window. It is a task of a graph like any
 * other, and the schedulers' loops are the same; what differs is that its place
 * is used again once it is complete. Who submits is the only one to use a place
 * again, and to take back what the task had: the tail of the window moves over
 * complete tasks, in order, and with it go the task's chunks of edges, its
 * arguments, and the buffers that no later task uses. So a worker only stores that
 * a task is complete, and bounded memory costs it nothing else.
 *
 * What runs out makes who submits wait:
 *	places		until the oldest task is complete. All that it waits for is
 *			older, so it will be: any window does for any graph, unless
 *			tasks are held back (PTO_TASK_HELD) until their scope ends
 *	chunks		until the oldest task is complete, which frees its own. When
 *			all tasks are, a new one needs none
 *	arguments	the same
 *	heap		until the tasks that use the oldest buffer are complete, if
 *			the scope that it was made in has ended. If not, only the
 *			waiting thread could end it: that is a deadlock, which is
 *			seen without waiting, and the text names the remedy
 *
 * Each submitter (struct pto_flow) has heaps of its own, one for each depth of
 * scopes up to four, as a buffer of an outer scope would hold up those of inner
 * ones. All else is common, and under the stream's lock, which who is the only submitter does
 * without. A submitter that waits keeps it, since others would have to wait for the same. What
 * they hold back it would wait for in vain: then it waits for the end of the scope that holds back
 * the oldest task, without the lock, before anything of its own task is there. Who holds that
 * one back itself is told that there is no room.
 *
 * So that this is so only where there would be none for one submitter alone, one that holds
 * nothing back begins to when nobody else does; and who submits other tasks meanwhile takes
 * no more than half of the places, edges and arguments. Scopes that are open for long, though,
 * are not waited for to begin, and then share the window.
 */
#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include <pthread.h>

#include <pto/pto.h>

#include "graph/depmap.h"
#include "graph/graph.h"
#include "sched/sched.h"

#define STREAM_LEVELS	4	/* of scopes that have heaps of their own */
#define STREAM_DEPTH	64	/* of scopes, the outermost included */
#define STREAM_FLOWS	64
#define STREAM_SERIAL_MAX	((1u << 20) - 1)
#define STREAM_WINDOW_MOST	(1u << 24)
#define STREAM_DEP_POOL_MOST	(1u << 28)
#define STREAM_HEAP_MOST	(1ull << 40)
#define STREAM_NAP_NS	(5 * NSEC_PER_MSEC)	/* the longest that a submitter sleeps at once */

struct check;
struct heap;
struct profile_log;
struct sched;

/**
 * struct stream_place - what only who submits needs to know of the task at a place
 * @held:	it is not published
 * @npred:	what it was linked to
 * @chunks:	how many it has for its edges; @newest: the one with the latest
 */
struct stream_place {
	uint32_t held : 1;
	uint32_t npred : 31;
	uint32_t chunks;
	uint32_t newest;
};

/**
 * struct stream
 * @window:	what the workers see
 * @slabs:	tasks
 * @chunks:	edges; all slabs are there from the beginning on
 * @event:	submitters sleep on it
 * @error:	the launch has failed: nothing more is submitted
 * @here:	the CPU that the latest submitter has run on
 * @serial:	1 to STREAM_SERIAL_MAX, by which buffers of one stream are told from another's
 * @lends:	how many threads that submit become workers when they are through; @lent of them
 *		have, which the scheduler's lock guards
 * @log:	of a launch that is profiled; there before anything is submitted
 * @lock:	guards all below
 * @dev:	kept, with its scheduler, by a thread that still submits when its launch is over
 * @graph:	whose kernels they are; as long as the launch
 * @head:	number of the next task; @tail: of the oldest that is not known to be complete
 * @places:	as many as the window has
 * @free_chunk:	a list; chunks from @nchunks on have never been used
 * @args:	a ring, filled from @args_head on, in use from @args_tail on, and if that is
 *		further on then up to @args_end; beyond @args_warm it has not been needed yet
 * @check:	PTO_CHECK; NULL: not asked for
 * @broken:	-errno: a dependency may be missing
 * @flows:	by number; @nflows of them are open, which is also looked at without the lock; of
 *		these @nblocked wait for another's scope to end; they hold back @nheld tasks
 * @turn:	who has waited for long to begin that: nobody else does before
 * @stint_head, @stint_tail, @stint_begin: for seat.c: head, tail and time when it was looked last
 *		whether to ask for the seat
 * @slow_visits: in a row, where tasks took long; @mistakes: so often they did, in a row
 * @stat:	read without the lock, too
 */
struct stream {
	struct sched_window window;
	struct graph_slabs slabs;
	struct graph_slabs chunks;
	atomic_uint event;
	atomic_int error;
	atomic_int here;
	unsigned int serial;
	unsigned int lends, lent;
	struct profile_log *log;

	pthread_mutex_t lock;
	struct pto_device *dev;
	struct pto_graph *graph;
	struct sched *sched;
	uint32_t head, tail;
	struct stream_place *places;
	uint32_t free_chunk;
	uint32_t nchunks, max_chunks, used_chunks;
	char *args;
	size_t args_size, args_warm, args_head, args_tail, args_end;
	struct depmap *deps;
	struct depmap_preds preds;
	struct check *check;
	int broken;
	struct pto_flow *flows[STREAM_FLOWS];
	unsigned int nflows;
	unsigned int nblocked;
	uint32_t nheld;
	struct pto_flow *turn;
	size_t heap_size;
	uint32_t stint_head, stint_tail;
	uint64_t stint_begin;
	int slow_visits, mistakes;
	struct pto_flow_stat stat;
};

/* ---- window.c ----------------------------------------------------------- */

int stream_create(struct pto_graph *graph, struct sched *sched, const struct pto_flow_opts *opts,
		  struct stream **stream);
void stream_free(struct stream *s);

/** stream_stop - the launch is over, with @error: whoever submits hears of it */
void stream_stop(struct stream *s, int error);

/** stream_room - wake who waits for tasks to complete or scopes to end */
void stream_room(struct stream *s);

/*
 * For flow.c, under the lock. What waits returns -ECANCELED when the launch has
 * failed.
 */

/** enum stream_full - what has no room, and makes who submits wait */
enum stream_full { FULL_WINDOW, FULL_DEP_POOL, FULL_HEAP };

/**
 * stream_wait - wait until the tail moves, which it does at the latest when @task is complete
 *
 * Or -ENOBUFS: it can not, as tasks are held back. The text says how to raise what is @full.
 */
int stream_wait(struct stream *s, uint32_t task, enum stream_full full);

/** stream_held - has a task not been published yet? */
bool stream_held(struct stream *s, uint32_t task);

/** stream_next - wait for a place for one more task, at @head; 0 or -errno */
int stream_next(struct stream *s);

/** stream_crowded - is half of the edges in use, or half of the arguments? */
bool stream_crowded(struct stream *s);

/** stream_args - @size bytes for the next task's arguments, aligned to 64; waits */
int stream_args(struct stream *s, size_t size, void **args);

/** stream_open - the next task may be linked; its descriptor is to be filled in */
struct pto_desc *stream_open(struct stream *s);

/** stream_link - @to, which is not published, runs after @from; 0 or -errno */
int stream_link(struct stream *s, uint32_t from, uint32_t to);

/** stream_commit - the next task is one from now on, at the place that was the head */
void stream_commit(struct stream *s);

/** stream_publish - a task may run when those are complete that it was linked to */
void stream_publish(struct stream *s, uint32_t task);

/** stream_close - no more tasks will come */
void stream_close(struct stream *s);

static inline struct graph_task *stream_task(struct stream *s, uint32_t task)
{
	return slab_task(s->slabs.at, task & s->window.mask);
}

static inline struct stream_place *stream_place(struct stream *s, uint32_t task)
{
	return &s->places[task & s->window.mask];
}

/* ---- heap.c ------------------------------------------------------------- */

/**
 * struct heap - a ring of buffers
 * @buffers:	a ring of @slots records, of buffers number @first to @next - 1
 * @head, @tail: where the next buffer will lie, where the oldest one does
 * @live:	bytes of buffers whose scope has not ended
 */
struct heap {
	struct heap_buffer *buffers;
	uint64_t first, next;
	uint32_t slots;
	char *base;
	size_t size;
	size_t head, tail;
	size_t live, live_peak, peak;
};

struct mem;

int heap_create(struct heap *h, struct mem *mem, size_t size);
void heap_destroy(struct heap *h, struct mem *mem);

/**
 * heap_alloc - a buffer of @size bytes, used by @task
 *
 * Returns 0, -ENOSPC (no room now), -ENOMEM.
 */
int heap_alloc(struct heap *h, size_t size, uint32_t task, uint64_t *number, void **ptr);

/**
 * heap_trim - free the oldest buffers that are done with
 *
 * Tasks before @tail are complete, and @head is the next one.
 */
void heap_trim(struct heap *h, uint32_t tail, uint32_t head);

/** heap_blocker - the last task that uses the oldest buffer; false: its scope is open */
bool heap_blocker(const struct heap *h, uint32_t *task);

/** heap_behind - bytes of buffers whose scope has ended, but not that of the oldest */
size_t heap_behind(const struct heap *h);

/** heap_keep - @task uses what @maker has made, where that is not dead; @head is the next task */
void heap_keep(struct heap *h, uint32_t maker, uint32_t task, uint32_t head);

/** heap_use - @task uses a buffer; false: the scope that it was made in has ended */
bool heap_use(struct heap *h, uint64_t number, uint32_t task);

/** heap_undo - @task comes to nothing: buffers from number @from on are free, none is used by it */
void heap_undo(struct heap *h, uint64_t from, uint32_t task);

/** heap_end - the scope of all buffers from number @from on has ended */
void heap_end(struct heap *h, uint64_t from);

/* ---- settings.c --------------------------------------------------------- */

/**
 * stream_settings - fill in what is 0: from the environment, or by default
 *
 * Bad values in the environment are warned of. Errors: -EINVAL (a bad value in @opts).
 */
int stream_settings(struct pto_flow_opts *opts);

#endif
