/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Which kernels a task has. */
#ifndef PTO_COMPAT_SUBMIT_TYPES_H
#define PTO_COMPAT_SUBMIT_TYPES_H

#include <cstdint>

#define INVALID_KERNEL_ID (-1)

enum class PTO2SubtaskSlot : uint8_t {
	AIC = 0,
	AIV0 = 1,
	AIV1 = 2,
};

enum class PTO2ResourceShape : uint8_t {
	AIC_ONLY = 0,
	AIV_X1 = 1,
	AIV_X2 = 2,
	AIC_AIV_X1 = 3,
	AIC_AIV_X2 = 4,
};

struct MixedKernels {
	int32_t aic_kernel_id = INVALID_KERNEL_ID;
	int32_t aiv0_kernel_id = INVALID_KERNEL_ID;
	int32_t aiv1_kernel_id = INVALID_KERNEL_ID;
};

#endif
