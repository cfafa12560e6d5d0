// SPDX-License-Identifier: MIT OR LGPL-2.1
/* All names of the dialect whose sources give the edges; golden.py says what comes out. */
#include "../../device.h"

extern "C" __attribute__((visibility("default"))) PTO2OrchestrationConfig
aicpu_orchestration_config(uint64_t *, int)
{
	return PTO2OrchestrationConfig{
		.expected_arg_count = NARGS,
	};
}

static void check_ids(PTO2TaskId id)
{
	const PTO2TaskId none, other = pto2_make_task_id(id.ring(), id.local() + 1);

	always_assert(!none.raw && none == PTO2TaskId(0) && id != other);
	always_assert(id == pto2_make_task_id(pto2_task_id_ring(id), pto2_task_id_local(id)));
	always_assert(PTO2TaskId(pto2_task_id_raw(id)) == id && id.raw == pto2_task_id_raw(id));
}

static void block(PTO2Runtime *rt, const uint64_t *args, const Tensor *all, uint32_t first)
{
	const uint32_t flat[] = { ROWS * all[X].shapes[1] };
	Tensor x = rows(all[X], first).reshape(flat, 1), y = rows(all[Y], first).reshape(flat, 1);
	Tensor z = rows(all[Z], first), w = rows(all[W], first), t = make_tensor(flat, 1);
	PTO2TaskId id[4];
	float alpha;
	PTOParam p;

	memcpy(&alpha, &args[ALPHA], sizeof(alpha));
	p.add_input(x);
	p.add_input(y);
	p.add_output(t);
	factors(p, alpha, 1);
	id[0] = pto2_rt_submit_aiv_task(rt, COMBINE, p);
	always_assert(t.buffer.addr && t.buffer.addr % 1024 == 0);
	check_ids(id[0]);

	p.reset();
	p.add_input(t);
	p.add_input(x);
	p.add_output(z);
	factors(p, 1, 2);
	id[1] = pto2_rt_submit_aic_task(rt, COMBINE, p);

	p.reset();
	p.add_input(t);
	p.add_input(y);
	p.add_inout(y);
	factors(p, 1, 1);
	id[2] = pto2_rt_submit_aiv_task(rt, COMBINE, p);

	p.reset();
	p.add_input(z);
	p.add_output(w);
	id[3] = pto2_rt_submit_task(rt, all_lanes(), p);
	pto2_rt_add_dependency(rt, id[0], id[1]);
	pto2_rt_add_dependency(rt, id[0], id[2]);
	pto2_rt_add_dependency(rt, id[1], id[3]);
}

extern "C" __attribute__((visibility("default"))) void
aicpu_orchestration_entry(PTO2Runtime *rt, uint64_t *args, int nargs, int threads, int index)
{
	Tensor all[] = { matrix(args, X), matrix(args, Y), matrix(args, Z), matrix(args, W) };

	always_assert(nargs == NARGS);
	always_assert(static_cast<int>(PTOParamType::INPUT) == 0 &&
		      static_cast<int>(PTOParamType::OUTPUT) == 1 &&
		      static_cast<int>(PTOParamType::INOUT) == 2);
	check_names(rt, args, all[X]);
	pto2_rt_scope_begin(rt);
	for (uint32_t first = index * ROWS;; first += threads * ROWS) {
		PTO2_SCOPE_GUARD(rt);

		PTO2_SCOPE(rt)
		{
			PTO2ScopeGuard guard(rt);

			if (first >= args[NROWS])
				break;
			block(rt, args, all, first);
		}
	}
	pto2_rt_scope_end(rt);
	pto2_rt_orchestration_done(rt);
}
