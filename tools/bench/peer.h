/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * What is measured: a runtime, in an object of its own, peers/NAME.c or .cc.
 *
 * The object is loaded by a process that measures this peer alone, so that
 * no two runtimes meet. Nothing needs to be given back but graphs: the process
 * ends. A function that fails says why on standard error.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "shapes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where one thread submits while others run what is there: how many others. */
#define BESIDE_SUBMITTER(workers) ((workers) > 1 ? (workers) - 1 : 1)

/**
 * struct setup - how a peer is to run
 * @workers:	threads that may be runnable at once, the caller's included
 * @blocks:	libpto: block_dim
 * @emulator_threads: libpto: cores run on threads of their own, not in place
 * @dir:	folder of the kernels' images, NAME.so
 */
struct setup {
	unsigned int workers;
	unsigned int blocks;
	bool emulator_threads;
	const char *dir;
};

/**
 * struct work - what each task does
 * @kernel:	name of its image, which gets @ctx and the task's number if
 *		@ctx is not NULL, else no arguments
 * @body:	the same as a function
 */
struct work {
	const char *kernel;
	void (*body)(void *ctx, uint32_t task);
	void *ctx;
};

/**
 * struct peer - a runtime for task graphs
 * @start:	called once, before all others; 0 or -1
 * @build:	make a graph, by the calls that a program would make; NULL: failed
 * @run:	run it and wait; called again and again; 0 or -1
 * @free:	give all of it back
 * @inlined:	how many tasks the thread that made them ran in the last run, before it had
 *		made all; NULL: none
 * @stream:	run @tasks tasks while they are made, each in a place of its own, with at most
 *		@window of them not complete, and call @at() whenever a tenth has been made;
 *		NULL: it has no such thing
 *
 * A runtime whose tasks are gone once they have run builds in @run.
 */
struct peer {
	int (*start)(const struct setup *setup);
	void *(*build)(const struct shape *shape, const struct work *work);
	int (*run)(void *graph);
	void (*free)(void *graph);
	uint32_t (*inlined)(void *graph);
	int (*stream)(uint32_t tasks, uint32_t window, void (*at)(void *arg), void *arg);
};

/* What a peer's object exports. */
extern __attribute__((visibility("default"))) const struct peer bench_peer;

#ifdef __cplusplus
}
#endif

#endif
