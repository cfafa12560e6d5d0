/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * What this copy of libpto_runtime.so has open: devices, the current one
 * among them, and runtimes, found by the address of their handle.
 *
 * A handle is the caller's memory and may vanish, so what counts is here. A
 * call takes a runtime in a state in which it is free, works on it without
 * the lock, and gives it back in another state.
 */
#ifndef RUNTIME_REGISTRY_H
#define RUNTIME_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "orch/orch.h"

struct pto_device;
struct pto_launch;

/** enum runtime_state - bits, so that a set of them can be asked for */
enum runtime_state {
	RUNTIME_READY = 1,	/* graph built, no launch has failed */
	RUNTIME_FAILED = 2,	/* to be finalized */
	RUNTIME_ASYNC = 4,	/* a launch runs, and nobody is waiting for it */
	/* In the hands of a call: */
	RUNTIME_BUILDING = 8,
	RUNTIME_LAUNCHING = 16,
	RUNTIME_WAITING = 32,	/* for the end of an asynchronous launch */
	RUNTIME_CHANGING = 64,
};

/**
 * struct runtime - what a handle stands for
 * @handle:	its address; the handle itself may be gone
 * @state:	under the registry's lock; the rest belongs to who has taken the
 *		runtime, except that @launch may be cancelled under the lock
 *		while @state is ASYNC or WAITING
 * @was:	the state it was taken from
 * @profiled:	the last launch was
 * @args:	copy of the orchestration's arguments
 */
struct runtime {
	struct orch_handle *handle;
	uint64_t generation;
	enum runtime_state state;
	enum runtime_state was;
	struct pto_device *dev;
	struct orch orch;
	uint64_t *args;
	bool profiled;
	struct pto_launch *launch;
};

/* As set_device(). */
int registry_set_device(int device_id);

/** registry_device - the current device; NULL with *@err = -ENODEV or -EPERM */
struct pto_device *registry_device(int *err);

/**
 * registry_add - make @rt the runtime of a handle, in state BUILDING
 * @stale: the forgotten runtime of an earlier buffer at this address, or NULL;
 *	   the caller destroys it
 *
 * Errors: -EINVAL (bad handle), -EBUSY (it has a runtime), -ENODEV, -ENOMEM.
 */
int registry_add(struct orch_handle *h, struct runtime *rt, struct runtime **stale);

/** registry_remove - forget a taken runtime, and clear its handle */
void registry_remove(struct runtime *rt);

/**
 * registry_take - take the runtime of a handle from a state of the set @from to @to
 *
 * Errors: -EINVAL (no runtime, or no launch to wait for), -EBUSY (in use),
 * -EBADFD (a launch failed), -EPERM (the parent process's).
 */
int registry_take(struct orch_handle *h, unsigned int from, enum runtime_state to,
		  struct runtime **rt);

/** registry_give - give a taken runtime back */
void registry_give(struct runtime *rt, enum runtime_state state);

/** registry_cancel - cancel the asynchronous launch of a handle's runtime */
int registry_cancel(struct orch_handle *h);

/** registry_set_profiling - as enable_runtime_profiling() */
int registry_set_profiling(struct orch_handle *h, bool on);

#endif
