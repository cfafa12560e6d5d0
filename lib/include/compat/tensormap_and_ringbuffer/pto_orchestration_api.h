/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Orchestrations that run on the device, whose dependencies are inferred from
 * tensors: an input or inout waits for those who have written it. With PTO_DEPS=full
 * in the environment outputs wait, too.
 */
#ifndef PTO_ORCHESTRATION_API_H
#define PTO_ORCHESTRATION_API_H

#include "../detail/scope.h"

inline void pto2_rt_submit_task(PTO2Runtime *rt, const MixedKernels &kernels,
				const PTOParam &params)
{
	pto_orch *o = pto_compat_orch(rt);
	pto_task task;

	if (pto_compat_task(rt, kernels, params, &task))
		o->table->submit_raw(o, &task);
}

inline void pto2_rt_submit_aic_task(PTO2Runtime *rt, int32_t kernel_id, const PTOParam &params)
{
	pto2_rt_submit_task(rt, pto_compat_aic(kernel_id), params);
}

inline void pto2_rt_submit_aiv_task(PTO2Runtime *rt, int32_t kernel_id, const PTOParam &params)
{
	pto2_rt_submit_task(rt, pto_compat_aiv(kernel_id), params);
}

#endif
