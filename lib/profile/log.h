/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * What submitters have done in a profiled launch whose graph was built meanwhile. Its edges
 * can not be read off the graph when it is over, as the tasks' places were used again.
 */
#ifndef PROFILE_LOG_H
#define PROFILE_LOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * struct log_submit - a call that has submitted a task
 * @begin, @end: when it was made, and when the task was about to be published
 * @submitter:	number of the thread
 * @waited:	it had to wait for room
 */
struct log_submit {
	uint64_t begin, end;
	uint32_t submitter;
	bool waited;
};

/** struct log_edge - @to waits for @from */
struct log_edge {
	uint32_t from, to;
};

/**
 * struct profile_log - shared by who submits and by the profile of the launch
 * @lock:	guards all below
 * @begin:	when it was made, before any call
 * @submits:	by number of the task
 * @edges:	as they were found; log_sort() sorts them
 * @full:	there was no memory: what comes after is left out
 */
struct profile_log {
	atomic_uint refs;
	uint64_t begin;
	pthread_mutex_t lock;
	struct log_submit *submits;
	uint32_t nsubmits;
	struct log_edge *edges;
	uint32_t nedges;
	bool full;
};

/** log_new - an empty log, for log_put(); NULL with an error text */
struct profile_log *log_new(void);
struct profile_log *log_get(struct profile_log *log);
void log_put(struct profile_log *log);

/** log_task - note the call for the next task, and the @count tasks that it waits for */
void log_task(struct profile_log *log, const struct log_submit *submit, const uint32_t *preds,
	      uint32_t count);

/** log_edge - note an edge that was given for a task that has been noted */
void log_edge(struct profile_log *log, uint32_t from, uint32_t to);

/** log_sort - bring edges in order, each but once; under the lock */
void log_sort(struct profile_log *log);

/** log_fanout - the @count edges that lead from @task; under the lock, after log_sort() */
const struct log_edge *log_fanout(const struct profile_log *log, uint32_t task, uint32_t *count);

#endif
