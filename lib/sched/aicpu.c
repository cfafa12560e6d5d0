// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The AICPU program as a shared object of its own: the same loops that the
 * library has built in, for launches that bring their program along.
 */
#include <pto/pto.h>

#include "sched/sched.h"

PTO_API extern const struct pto_aicpu_program pto_aicpu_program;

const struct pto_aicpu_program pto_aicpu_program = {
	.magic = PTO_AICPU_MAGIC,
	.abi = PTO_PROGRAM_ABI,
	.inplace = sched_inplace,
	.rings = sched_rings,
};
