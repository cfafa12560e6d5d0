/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Orchestrations that run on the device and say themselves which task waits for which.
 * Tasks start when the scope ends that they were submitted in.
 */
#ifndef PTO_ORCHESTRATION_API_H
#define PTO_ORCHESTRATION_API_H

#include "../detail/scope.h"

/* A task's number; there is but one ring of them, number 0. */
struct PTO2TaskId {
	uint64_t raw = 0;

	PTO2TaskId() = default;
	constexpr explicit PTO2TaskId(uint64_t value) : raw(value) {}
	constexpr uint8_t ring() const { return static_cast<uint8_t>(raw >> 32); }
	constexpr uint32_t local() const { return static_cast<uint32_t>(raw); }
	constexpr bool operator==(const PTO2TaskId &other) const { return raw == other.raw; }
	constexpr bool operator!=(const PTO2TaskId &other) const { return raw != other.raw; }
};

inline constexpr PTO2TaskId pto2_make_task_id(uint8_t ring, uint32_t local)
{
	return PTO2TaskId(static_cast<uint64_t>(ring) << 32 | local);
}

inline constexpr uint8_t pto2_task_id_ring(PTO2TaskId id)
{
	return id.ring();
}

inline constexpr uint32_t pto2_task_id_local(PTO2TaskId id)
{
	return id.local();
}

inline constexpr uint64_t pto2_task_id_raw(PTO2TaskId id)
{
	return id.raw;
}

/* After an error the id is 0, and the orchestration is fatal. */
inline PTO2TaskId pto2_rt_submit_task(PTO2Runtime *rt, const MixedKernels &kernels,
				      const PTOParam &params)
{
	pto_orch *o = pto_compat_orch(rt);
	pto_task task;
	int64_t id = 0;

	if (pto_compat_task(rt, kernels, params, &task))
		id = o->table->submit_held(o, &task);
	return pto2_make_task_id(0, id < 0 ? 0 : static_cast<uint32_t>(id));
}

inline PTO2TaskId pto2_rt_submit_aic_task(PTO2Runtime *rt, int32_t kernel_id,
					  const PTOParam &params)
{
	return pto2_rt_submit_task(rt, pto_compat_aic(kernel_id), params);
}

inline PTO2TaskId pto2_rt_submit_aiv_task(PTO2Runtime *rt, int32_t kernel_id,
					  const PTOParam &params)
{
	return pto2_rt_submit_task(rt, pto_compat_aiv(kernel_id), params);
}

inline void pto2_rt_add_dependency(PTO2Runtime *rt, PTO2TaskId producer, PTO2TaskId consumer)
{
	pto_orch *o = pto_compat_orch(rt);
	char text[128];

	if (!((producer.raw | consumer.raw) >> 32)) {
		o->table->add_flow_edge(o, producer.local(), consumer.local());
		return;
	}
	snprintf(text, sizeof(text), "edge %#llx -> %#llx: no tasks, which are all of ring 0",
		 static_cast<unsigned long long>(producer.raw),
		 static_cast<unsigned long long>(consumer.raw));
	pto_orch_fail(o, -EINVAL, text);
}

#endif
