// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * In the dialect of existing sources that have their dependencies inferred: for each chunk
 * and round, y += x and z = y + round, as orch_flow.c does it, the latter by a mixed task.
 */
#include "pto_orchestration_api.h"

#include "images.h"

#define CHUNKS	4

extern "C" __attribute__((visibility("default")))
PTO2OrchestrationConfig aicpu_orchestration_config(uint64_t *args, int nargs)
{
	(void)args;
	(void)nargs;
	return PTO2OrchestrationConfig{
		.expected_arg_count = 5,
	};
}

static void nest(PTO2Runtime *rt, int scopes)
{
	for (int i = 0; i < scopes; i++)
		pto2_rt_scope_begin(rt);
	for (int i = 0; i < scopes; i++)
		pto2_rt_scope_end(rt);
}

static void wrong(PTO2Runtime *rt, uint64_t how)
{
	const uint32_t n[] = { 16 }, more[] = { 17 }, axes[] = { 1, 1, 1, 1, 1, 1 };
	const uint32_t huge[] = { 1u << 31, 1u << 31, 1 }, cube[] = { 65536, 65536, 65536, 65536 };
	const int32_t scalar[] = { 1 };
	Tensor t = make_tensor(n, 1), u = make_tensor(more, 1);
	PTOParam p;

	switch (how) {
	case FLOW_BAD_TASK:
		p.add_input(t);
		pto2_rt_submit_aiv_task(rt, KERNEL_TADD, p);
		break;
	case FLOW_CRASH:
		t.view(n, n);
		break;
	case FLOW_FAIL:
		p.add_scalar(1);
		p.add_output(t);
		pto2_rt_submit_aiv_task(rt, KERNEL_TADD, p);
		always_assert(pto2_rt_is_fatal(rt));
		break;
	case FLOW_ASSERT:
		always_assert(how == FLOW_FAIL && "100%s");
		break;
	case FLOW_KERNEL_ASSERT:
		p.add_output(t);
		p.add_output(u);
		pto2_rt_submit_aiv_task(rt, KERNEL_TCOPY, p);
		break;
	case FLOW_RESHAPE:
		t.reshape(more, 1);
		break;
	case FLOW_SIX_AXES:
		make_tensor(axes, 6);
		break;
	case FLOW_HUGE:
		make_tensor(huge, 3);
		break;
	case FLOW_HUGE_IN_AXES:
		always_assert(!t.valid_reshape(cube, 4));
		make_tensor(cube, 4);
		break;
	case FLOW_SIZE:
		t.buffer.size = 8;
		p.add_output(u);
		p.add_output(t);
		pto2_rt_submit_aiv_task(rt, KERNEL_TCOPY, p);
		break;
	case FLOW_SCALARS:
		p.add_output(t);
		p.add_scalar(7);
		p.add_scalars_i32(scalar, -3);
		pto2_rt_submit_aiv_task(rt, KERNEL_TADD, p);
		break;
	case FLOW_SCOPES:
		nest(rt, 64);
		break;
	case FLOW_65_SCOPES:
		nest(rt, 65);
		break;
	}
}

extern "C" __attribute__((visibility("default")))
void aicpu_orchestration_entry(PTO2Runtime *rt, uint64_t *args, int nargs, int threads, int index)
{
	const uint32_t n[] = { static_cast<uint32_t>(args[3]) }, part[] = { n[0] / CHUNKS };
	Tensor x = make_tensor_external(reinterpret_cast<void *>(args[0]), n, 1, DataType::INT64);
	Tensor y = make_tensor_external(reinterpret_cast<void *>(args[1]), n, 1, DataType::INT64);
	Tensor z = make_tensor_external(reinterpret_cast<void *>(args[2]), n, 1, DataType::INT64);
	PTOParam p;

	LOG_INFO(rt, "thread %d of %d: %s", index, threads, x.dump().c_str());
	if (nargs > 5)
		wrong(rt, args[5]);
	for (uint64_t round = 0; round < args[4]; round++) {
		PTO2_SCOPE(rt) {
			for (uint32_t i = index; i < CHUNKS; i += threads) {
				const uint32_t at[] = { i * part[0] }, rows[] = { 2, part[0] / 2 };
				Tensor cx = x.view(part, at).reshape(rows, 2);
				Tensor cy = y.view(part, at), cz = z.view(part, at);
				Tensor tmp = make_tensor(part, 1, DataType::INT64);
				const int32_t zero[] = { 0 };
				MixedKernels k;

				p.reset();
				p.add_input(cx);
				p.add_input(cy);
				p.add_output(tmp);
				p.add_scalars_i32(zero, 1);
				k.aiv1_kernel_id = KERNEL_TADD;
				pto2_rt_submit_task(rt, k, p);

				PTOParam q;
				MixedKernels both;

				q.add_input(tmp);
				q.add_inout(cy);
				q.add_output(cz);
				q.add_scalar(round);
				both.aic_kernel_id = KERNEL_TDOUBLE;
				both.aiv0_kernel_id = KERNEL_TCOPY;
				pto2_rt_submit_task(rt, both, q);
			}
		}
	}
	pto2_rt_orchestration_done(rt);
}
