// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Round after round, from one array of cells to the other: who waits for whom is inferred. */
#include <pto/orch.h>

#define WIDTH		16	/* floats in a cell */
#define MOST_CELLS	65536

static struct pto_tensor cell[2][MOST_CELLS];

static void step(struct pto_orch *o, struct pto_tensor *to, struct pto_tensor *a,
		 struct pto_tensor *b)
{
	struct pto_access access[] = { { to, PTO_OUT }, { a, PTO_IN }, { b, PTO_IN } };
	struct pto_task task = {
		.size = sizeof(task), .kernels = { PTO_NO_KERNEL, 0, PTO_NO_KERNEL },
		.naccesses = 3, .accesses = access,
	};

	pto_orch_submit(o, &task);
}

void aicpu_orchestration_entry(struct pto_orch *o, uint64_t *args, int nargs, int threads, int index)
{
	const uint32_t width = WIDTH;
	uint64_t tasks = args[2], cells = args[3], rounds, round, i, k;

	/* One thread is enough. */
	if (index)
		return;
	if (cells < 1 || cells > MOST_CELLS) {
		pto_orch_fail(o, -22, "from 1 to 65536 cells");
		return;
	}
	for (k = 0; k < 2; k++)
		for (i = 0; i < cells; i++)
			o->table->tensor_init(&cell[k][i], (float *)args[k] + i * width, &width, 1,
					      PTO_FLOAT32);
	rounds = tasks < cells ? 1 : tasks / cells;
	for (round = 0; round < rounds && !pto_orch_failed(o); round++)
		for (i = 0; i < cells; i++)
			step(o, &cell[(round + 1) % 2][i], &cell[round % 2][i],
			     &cell[round % 2][(i + 1) % cells]);
}
