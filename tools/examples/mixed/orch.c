// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Tiles in turn have their rows multiplied and activated by two tasks, by one of two lanes, and by
 * one of three, with the same kernels. Then all are normalised by a task of two lanes.
 */
#include <pto/orch.h>

#include "lanes.h"

enum { CLEAR, MULTIPLY, ACTIVATE, NORMALISE };

struct matrices {
	struct pto_orch *o;
	struct pto_tensor x, w, y;
};

static void submit(struct pto_orch *o, int aic, int aiv0, int aiv1, struct pto_access *access,
		   int count)
{
	struct pto_task task = {
		.size = sizeof(task), .kernels = { aic, aiv0, aiv1 },
		.naccesses = count, .accesses = access,
	};

	pto_orch_submit(o, &task);
}

static void tile(struct matrices *m, uint32_t number, uint32_t first, uint32_t rows)
{
	uint32_t at[] = { first, 0 };
	struct pto_tensor x, y, lanes, sums;
	struct pto_access clear[] = { { &lanes, PTO_OUT } };
	struct pto_access multiply[] = { { &lanes, PTO_INOUT }, { &y, PTO_OUT }, { &x, PTO_IN },
					 { &m->w, PTO_IN } };
	struct pto_access more[] = { { &lanes, PTO_INOUT }, { &y, PTO_INOUT }, { &sums, PTO_OUT } };
	int aiv1 = number % 3 == 2 ? ACTIVATE : PTO_NO_KERNEL;

	m->o->table->tensor_view(&m->x, (uint32_t[]){ rows, m->x.shapes[1] }, at, &x);
	m->o->table->tensor_view(&m->y, (uint32_t[]){ rows, m->y.shapes[1] }, at, &y);
	m->o->table->tensor_init(&lanes, NULL, (uint32_t[]){ LANES_WORDS }, 1, PTO_INT32);
	m->o->table->tensor_init(&sums, NULL, (uint32_t[]){ 2, rows }, 2, PTO_FLOAT32);
	submit(m->o, PTO_NO_KERNEL, CLEAR, PTO_NO_KERNEL, clear, 1);
	if (number % 3) {
		submit(m->o, MULTIPLY, ACTIVATE, aiv1, multiply, 4);
	} else {
		submit(m->o, MULTIPLY, PTO_NO_KERNEL, PTO_NO_KERNEL, multiply, 4);
		submit(m->o, PTO_NO_KERNEL, ACTIVATE, PTO_NO_KERNEL, more, 2);
	}
	submit(m->o, PTO_NO_KERNEL, NORMALISE, NORMALISE, more, 3);
}

/* args: x, w, y, rows, depth, cols, tile */
void aicpu_orchestration_entry(struct pto_orch *o, uint64_t *args, int nargs, int threads,
			       int index)
{
	uint32_t rows = args[3], depth = args[4], cols = args[5], size = args[6], i;
	struct matrices m = { .o = o };

	o->table->tensor_init(&m.x, (void *)args[0], (uint32_t[]){ rows, depth }, 2, PTO_FLOAT32);
	o->table->tensor_init(&m.w, (void *)args[1], (uint32_t[]){ depth, cols }, 2, PTO_FLOAT32);
	o->table->tensor_init(&m.y, (void *)args[2], (uint32_t[]){ rows, cols }, 2, PTO_FLOAT32);
	for (i = index; i * size < rows; i += threads) {
		pto_orch_scope_begin(o);
		tile(&m, i, i * size, rows - i * size < size ? rows - i * size : size);
		pto_orch_scope_end(o);
	}
}
