/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What the two kinds of orchestrations on the device have in common. */
#ifndef PTO_COMPAT_SCOPE_H
#define PTO_COMPAT_SCOPE_H

#include <cerrno>

#include "common.h"
#include "log.h"
#include "param.h"
#include "submit_types.h"

struct PTO2OrchestrationConfig {
	int expected_arg_count;
};

inline void pto2_rt_scope_begin(PTO2Runtime *rt)
{
	pto_orch_scope_begin(pto_compat_orch(rt));
}

inline void pto2_rt_scope_end(PTO2Runtime *rt)
{
	pto_orch_scope_end(pto_compat_orch(rt));
}

/* That the entry returns says the same. */
inline void pto2_rt_orchestration_done(PTO2Runtime *)
{
}

inline bool pto2_rt_is_fatal(PTO2Runtime *rt)
{
	return pto_orch_failed(pto_compat_orch(rt));
}

class PTO2ScopeGuard {
public:
	explicit PTO2ScopeGuard(PTO2Runtime *rt) : rt_(rt) { pto2_rt_scope_begin(rt_); }
	~PTO2ScopeGuard() { pto2_rt_scope_end(rt_); }
	PTO2ScopeGuard(const PTO2ScopeGuard &) = delete;
	PTO2ScopeGuard &operator=(const PTO2ScopeGuard &) = delete;

private:
	PTO2Runtime *rt_;
};

#define PTO_COMPAT_JOIN2(a, b) a##b
#define PTO_COMPAT_JOIN(a, b) PTO_COMPAT_JOIN2(a, b)

#define PTO2_SCOPE_GUARD(rt) \
	[[maybe_unused]] PTO2ScopeGuard PTO_COMPAT_JOIN(scope_guard_, __LINE__)(rt)
#define PTO2_SCOPE(rt) if (PTO2_SCOPE_GUARD(rt); true)

inline void pto_compat_param_failed(PTO2Runtime *rt, const MixedKernels &k, const PTOParam &p)
{
	const int32_t func_id = k.aic_kernel_id != INVALID_KERNEL_ID  ? k.aic_kernel_id
				: k.aiv0_kernel_id != INVALID_KERNEL_ID ? k.aiv0_kernel_id
									: k.aiv1_kernel_id;
	pto_orch *o = pto_compat_orch(rt);
	char text[256];

	snprintf(text, sizeof(text), "task %d, %s %u (func_id %d): %s", pto_orch_task_count(o),
		 p.error_in_scalars ? "scalar" : "tensor", p.error_at, func_id, p.error);
	pto_orch_fail(o, -EINVAL, text);
}

/* A task as the runtime takes it; false: a parameter was wrong, and the orchestration is fatal. */
inline bool pto_compat_task(PTO2Runtime *rt, const MixedKernels &k, const PTOParam &p, pto_task *t)
{
	if (p.error) {
		pto_compat_param_failed(rt, k, p);
		return false;
	}
	*t = {};
	t->size = sizeof(*t);
	t->kernels[0] = k.aic_kernel_id;
	t->kernels[1] = k.aiv0_kernel_id;
	t->kernels[2] = k.aiv1_kernel_id;
	t->naccesses = p.tensor_count;
	t->accesses = p.tensors;
	t->scalars = p.scalars;
	t->nscalars = p.scalar_count;
	return true;
}

inline MixedKernels pto_compat_aic(int32_t kernel_id)
{
	MixedKernels k;

	k.aic_kernel_id = kernel_id;
	return k;
}

inline MixedKernels pto_compat_aiv(int32_t kernel_id)
{
	MixedKernels k;

	k.aiv0_kernel_id = kernel_id;
	return k;
}

#endif
