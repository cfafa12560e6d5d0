// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The same in the dialect of sources that give edges themselves. */
#include "pto_orchestration_api.h"

#include "images.h"

#define CHUNKS	4

extern "C" __attribute__((visibility("default")))
void aicpu_orchestration_entry(PTO2Runtime *rt, uint64_t *args, int nargs, int threads, int index)
{
	const uint32_t n[] = { static_cast<uint32_t>(args[3]) }, part[] = { n[0] / CHUNKS };
	Tensor x = make_tensor_external(reinterpret_cast<void *>(args[0]), n, 1, DataType::INT64);
	Tensor y = make_tensor_external(reinterpret_cast<void *>(args[1]), n, 1, DataType::INT64);
	Tensor z = make_tensor_external(reinterpret_cast<void *>(args[2]), n, 1, DataType::INT64);
	PTO2TaskId last[CHUNKS][2];
	PTOParam p;

	if (nargs > 5 && args[5] == FLOW_RING)
		pto2_rt_add_dependency(rt, PTO2TaskId(4), pto2_make_task_id(1, 5));
	else if (nargs > 5)	/* a dependency that leads backwards */
		pto2_rt_add_dependency(rt, PTO2TaskId(5), PTO2TaskId(4));
	for (uint64_t round = 0; round < args[4]; round++) {
		PTO2_SCOPE_GUARD(rt);

		for (uint32_t i = index; i < CHUNKS; i += threads) {
			const uint32_t at[] = { i * part[0] };
			Tensor cx = x.view(part, at), cy = y.view(part, at), cz = z.view(part, at);
			Tensor tmp = make_tensor(part, 1, DataType::INT64);
			PTO2TaskId id[3];

			p.reset();
			p.add_input(cx);
			p.add_input(cy);
			p.add_output(tmp);
			p.add_scalar(0);
			id[0] = pto2_rt_submit_aiv_task(rt, KERNEL_TADD, p);
			p.reset();
			p.add_input(tmp);
			p.add_input(tmp);
			p.add_output(cz);
			p.add_scalar(round);
			id[1] = pto2_rt_submit_aiv_task(rt, KERNEL_TADD, p);
			p.reset();
			p.add_input(tmp);
			p.add_output(cy);
			p.add_scalar(0);
			id[2] = pto2_rt_submit_aiv_task(rt, KERNEL_TCOPY, p);
			pto2_rt_add_dependency(rt, id[0], id[1]);
			pto2_rt_add_dependency(rt, id[0], id[2]);
			if (round) {
				pto2_rt_add_dependency(rt, last[i][1], id[0]);
				pto2_rt_add_dependency(rt, last[i][0], id[1]);
			}
			last[i][0] = id[1];
			last[i][1] = id[2];
		}
	}
}
