/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What the tests and their images agree on. */
#ifndef RUNTIME_IMAGES_H
#define RUNTIME_IMAGES_H

#include <stdint.h>

/* func_ids */
enum kernel { KERNEL_AXPY, KERNEL_SUM, KERNEL_CRASH, KERNEL_LEAF_CRASH, KERNEL_SPIN, KERNEL_TADD,
	      KERNEL_TCOPY, KERNEL_TDOUBLE, KERNELS };

/* How to crash. */
enum crash { CRASH_DIVIDE, CRASH_NULL, CRASH_ABORT, CRASH_STACK, CRASH_HANG };

/* What an orchestration on the device may do wrong. */
enum flow { FLOW_BAD_TASK, FLOW_CRASH, FLOW_BAD_POINTER, FLOW_HANG, FLOW_HEAP, FLOW_FAIL,
	    FLOW_LATE, FLOW_SLEEP, FLOW_WAIT, FLOW_LEAF_CRASH, FLOW_POLL, FLOW_ASSERT,
	    FLOW_KERNEL_ASSERT, FLOW_RESHAPE, FLOW_SIX_AXES, FLOW_HUGE, FLOW_HUGE_IN_AXES,
	    FLOW_SIZE, FLOW_SCALARS, FLOW_SCOPES, FLOW_65_SCOPES, FLOW_RING };

/* Recurses until the stack ends. */
static inline int64_t overflow_stack(int64_t n)
{
	volatile char frame[4096];

	frame[n % sizeof(frame)] = n;
	return n ? overflow_stack(n + 1) + frame[(n + 1) % sizeof(frame)] : 0;
}

#endif
