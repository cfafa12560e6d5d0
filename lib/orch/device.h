/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Orchestrations that run on the device: on threads beside the scheduler's, while the
 * graph runs. Each thread has a handle, a submitter (struct pto_flow), and calls the
 * entry once a launch.
 */
#ifndef ORCH_DEVICE_H
#define ORCH_DEVICE_H

#include <pto/pto.h>

#include "orch/orch.h"

/** device_orch_init - look at the object's configuration, and put arguments on the device */
int device_orch_init(struct orch *o, const struct orch_args *args);

/**
 * device_orch_start - launch: start threads that run the orchestration
 * @threads: how many; each calls the entry
 * @launch:	the launch under way; the caller's to wait for, and to free after
 *		device_orch_end()
 */
int device_orch_start(struct orch *o, struct pto_launch_opts *opts, int threads,
		      struct pto_launch **launch);

/**
 * device_orch_wait - as launch_wait(), of any launch
 *
 * An orchestration on the device that makes no call for as long as it may run ends the
 * launch.
 */
int device_orch_wait(struct orch *o, struct pto_launch *launch, int timeout_ms);

/**
 * device_orch_end - the launch has ended with @rc: end the threads
 *
 * Returns @rc, or what made an orchestration end it. A thread that does not return
 * in bounded time is left to itself, with all that it may use.
 */
int device_orch_end(struct orch *o, int rc);

#endif
