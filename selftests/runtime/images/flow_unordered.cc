// SPDX-License-Identifier: MIT OR LGPL-2.1
/* In the dialect that does not order plain outputs: two tasks write z = x + y, and none waits. */
#include "pto_orchestration_api.h"

#include "images.h"

extern "C" __attribute__((visibility("default")))
void aicpu_orchestration_entry(PTO2Runtime *rt, uint64_t *args, int nargs, int threads, int index)
{
	const uint32_t n[] = { static_cast<uint32_t>(args[3]) };
	Tensor x = make_tensor_external(reinterpret_cast<void *>(args[0]), n, 1, DataType::INT64);
	Tensor y = make_tensor_external(reinterpret_cast<void *>(args[1]), n, 1, DataType::INT64);
	Tensor z = make_tensor_external(reinterpret_cast<void *>(args[2]), n, 1, DataType::INT64);
	PTOParam p;

	(void)nargs;
	(void)threads;
	if (index)
		return;
	p.add_input(x);
	p.add_input(y);
	p.add_output(z);
	p.add_scalar(0);
	pto2_rt_submit_aiv_task(rt, KERNEL_TADD, p);
	pto2_rt_submit_aiv_task(rt, KERNEL_TADD, p);
}
