/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What existing sources that run on the device rely on, in either flavour. */
#ifndef CONFORMANCE_DEVICE_H
#define CONFORMANCE_DEVICE_H

#include "conformance.h"

#include "pto_orchestration_api.h"
#include "pto_submit_types.h"
#include "pto_types.h"

static_assert(static_cast<int>(PTOParamType::INPUT) == 0, "");
static_assert(static_cast<int>(PTOParamType::OUTPUT) == 1, "");
static_assert(static_cast<int>(PTOParamType::INOUT) == 2, "");
static_assert(INVALID_KERNEL_ID == -1, "");
SAME(decltype(MixedKernels::aic_kernel_id), int32_t);
static_assert(offsetof(MixedKernels, aic_kernel_id) == 0, "");
static_assert(offsetof(MixedKernels, aiv0_kernel_id) == 4, "");
static_assert(offsetof(MixedKernels, aiv1_kernel_id) == 8, "");
static_assert(MixedKernels().aic_kernel_id == INVALID_KERNEL_ID, "");
static_assert(MixedKernels().aiv0_kernel_id == INVALID_KERNEL_ID, "");
static_assert(MixedKernels().aiv1_kernel_id == INVALID_KERNEL_ID, "");
SAME(decltype(PTO2OrchestrationConfig::expected_arg_count), int);
static_assert(std::is_aggregate<PTO2OrchestrationConfig>::value, "");
static_assert(sizeof(PTO2SubtaskSlot) <= 4, "");
static_assert(sizeof(PTO2ResourceShape) <= 4, "");

inline PTO2OrchestrationConfig designated()
{
	return PTO2OrchestrationConfig{
		.expected_arg_count = 3,
	};
}

inline int device_conformance(PTO2Runtime *rt, PTOParam &p, Tensor &t, const uint64_t *v,
			      const int32_t *w)
{
	RETURNS(void, p.add_input(t));
	RETURNS(void, p.add_output(t));
	RETURNS(void, p.add_inout(t));
	RETURNS(void, p.add_scalar(uint64_t()));
	RETURNS(void, p.add_scalars(v, 1));
	RETURNS(void, p.add_scalars_i32(w, 1));
	RETURNS(void, p.copy_scalars_from(p, 0, 1));
	RETURNS(void, p.reset());
	RETURNS(void, pto2_rt_scope_begin(rt));
	RETURNS(void, pto2_rt_scope_end(rt));
	RETURNS(void, pto2_rt_orchestration_done(rt));
	RETURNS(bool, pto2_rt_is_fatal(rt));
	LOG_ERROR(rt, "%d", 1);
	LOG_WARN(rt, "text");
	LOG_INFO(rt, "%s", "text");
	LOG_DEBUG(rt, "text");
	LOG_ALWAYS(rt, "text");
	PTO2_SCOPE_GUARD(rt);
	for (int i = 0; i < 2; i++) {
		PTO2_SCOPE(rt) {
			if (!i)
				continue;
			break;
		}
	}
	PTO2_SCOPE(rt) {
		PTO2_SCOPE(rt)
			return 1;
	}
	return 0;
}

#endif
