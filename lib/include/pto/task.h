/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Tasks that say what they read and write. */
#ifndef PTO_TASK_H
#define PTO_TASK_H

#include "tensor.h"

/* struct pto_access.dir */
#define PTO_IN		0	/* the task reads the tensor */
#define PTO_OUT		1	/* it writes it, and nobody asks for what was there before */
#define PTO_INOUT	2	/* both */

/**
 * struct pto_access - what a task does with a tensor
 * @tensor:	the tensor. If @dir is PTO_OUT and it has no address, a buffer is
 *		allocated, which the graph owns, and its address is written here: one,
 *		however often the task has this same tensor
 * @dir:	PTO_IN, PTO_OUT or PTO_INOUT
 */
struct pto_access {
	struct pto_tensor *tensor;
	uint32_t dir;
};

#define PTO_NO_KERNEL	(-1)

/** pto_task.flags: its tensors make it wait for nobody, nor anybody for it */
#define PTO_TASK_NO_DEPS	(1u << 0)

/**
 * pto_task.flags: it waits for those who have written what it reads, and for
 * nobody else: not before it writes. Nobody waits until it has read
 */
#define PTO_TASK_RAW_ONLY	(1u << 1)

/**
 * pto_task.flags: in a flow, it does not start before the scope ends that it was
 * submitted in, and pto_flow_add_edge() may add to those that it waits for. Until then
 * it keeps its place in the window, and so do all tasks that come after it: what is submitted
 * between the first task that an outer scope holds back and its end must fit as a whole
 */
#define PTO_TASK_HELD		(1u << 2)

/**
 * struct pto_task - a task that says what it reads and writes
 * @size:	sizeof(struct pto_task), set by the caller
 * @flags:	PTO_TASK_*
 * @kernels:	func_ids for AIC, the first AIV and the second AIV, PTO_NO_KERNEL
 *		for those that it does not use. If it uses several it is a mixed task:
 *		they start together, on one block, and may wait for one another; it
 *		is complete when all have ended. All get the same arguments
 * @accesses:	@naccesses tensors
 * @scalars:	@nscalars values
 *
 * The kernel is called with a pointer to a copy of each tensor (a struct
 * pto_tensor, aligned to 64 bytes, valid until the task ends), and then the
 * scalars: @naccesses + @nscalars values, 144 at the most.
 */
struct pto_task {
	uint32_t size;
	uint32_t flags;
	int32_t kernels[3];
	uint32_t naccesses;
	const struct pto_access *accesses;
	const uint64_t *scalars;
	uint32_t nscalars;
	uint32_t reserved;
};

#endif
