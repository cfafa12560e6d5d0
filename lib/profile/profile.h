/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* The records of a profiled launch. */
#ifndef PROFILE_PROFILE_H
#define PROFILE_PROFILE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "profile/log.h"
#include "sched/sched.h"

#define PROFILE_BLOCK	4096

/**
 * struct profile_block - records of one worker; it fills one block at a time
 * @used: records filled, known once the worker is through with the block
 */
struct profile_block {
	struct profile_block *next;
	uint32_t used;
	struct sched_record record[PROFILE_BLOCK];
};

/**
 * struct profile_visit - a worker's stay in the launch, from joining to leaving, or a part of
 * one that it slept through
 * @waits:	it did, for want of something to do
 */
struct profile_visit {
	uint64_t begin, end;
	uint32_t worker;
	uint32_t tasks;
	bool waits;
};

/**
 * struct profile - one launch
 * @lock:	guards @blocks and @visits during the launch
 * @begin:	of the launch; the zero of all times that are written
 * @log:	of a graph that was built meanwhile; NULL of others
 */
struct profile {
	pthread_mutex_t lock;
	struct profile_block *blocks;
	struct profile_visit *visits;
	unsigned int nvisits;
	uint64_t begin;
	struct profile_log *log;
	unsigned int nworkers;
	unsigned int ncores;
	uint16_t core_worker[PTO_MAX_CORES];
};

/** profile_new - an empty profile, which shares @log, if there is one; NULL with an error text */
struct profile *profile_new(struct profile_log *log);
void profile_free(struct profile *profile);

/** profile_add_block - another block for a worker; NULL: no memory */
struct profile_block *profile_add_block(struct profile *profile);

/** profile_end_block - a worker is through with the block of @block_end, filled up to @end */
void profile_end_block(struct sched_record *block_end, struct sched_record *end);

/** profile_visit - a worker has left the launch, or has slept; lost when there is no memory */
void profile_visit(struct profile *profile, const struct profile_visit *visit);

#endif
