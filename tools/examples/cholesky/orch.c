// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The tasks in the order in which one would write the loops; their tensors say the rest. */
#include <pto/orch.h>

enum { FORM, ZERO, FACTOR, SOLVE, UPDATE };

struct matrix {
	struct pto_orch *o;
	struct pto_tensor whole;
	uint32_t n, tile;
};

static struct pto_tensor tile(const struct matrix *m, uint32_t i, uint32_t j)
{
	uint32_t offsets[] = { i * m->tile, j * m->tile }, shapes[2];
	struct pto_tensor t;
	int k;

	for (k = 0; k < 2; k++)
		shapes[k] = m->n - offsets[k] < m->tile ? m->n - offsets[k] : m->tile;
	m->o->table->tensor_view(&m->whole, shapes, offsets, &t);
	return t;
}

static void submit(struct pto_orch *o, int func_id, struct pto_access *access, int count,
		   uint64_t scalar)
{
	struct pto_task task = {
		.size = sizeof(task), .kernels = { PTO_NO_KERNEL, PTO_NO_KERNEL, PTO_NO_KERNEL },
		.naccesses = count, .accesses = access, .nscalars = 1, .scalars = &scalar,
	};

	task.kernels[func_id < FACTOR] = func_id;
	pto_orch_submit(o, &task);
}

static void form(const struct matrix *m, const struct matrix *l, uint32_t i, uint32_t j)
{
	struct pto_tensor from = tile(m, i, j), mirror = tile(m, j, i), to = tile(l, i, j);
	struct pto_access a[] = { { &from, PTO_IN }, { &mirror, PTO_IN }, { &to, PTO_OUT } };

	if (j <= i)
		submit(l->o, FORM, a, 3, i == j ? m->n : 0);
	else
		submit(l->o, ZERO, a + 2, 1, 0);
}

static void factor(const struct matrix *l, uint32_t k)
{
	struct pto_tensor kk = tile(l, k, k);
	struct pto_access a[] = { { &kk, PTO_INOUT } };

	submit(l->o, FACTOR, a, 1, 0);
}

static void solve(const struct matrix *l, uint32_t i, uint32_t k)
{
	struct pto_tensor kk = tile(l, k, k), ik = tile(l, i, k);
	struct pto_access a[] = { { &kk, PTO_IN }, { &ik, PTO_INOUT } };

	submit(l->o, SOLVE, a, 2, 0);
}

static void update(const struct matrix *l, uint32_t i, uint32_t j, uint32_t k)
{
	struct pto_tensor ik = tile(l, i, k), jk = tile(l, j, k), ij = tile(l, i, j);
	struct pto_access a[] = { { &ik, PTO_IN }, { &jk, PTO_IN }, { &ij, PTO_INOUT } };

	submit(l->o, UPDATE, a, 3, 0);
}

void aicpu_orchestration_entry(struct pto_orch *o, uint64_t *args, int nargs, int threads, int index)
{
	uint32_t n = args[2], shapes[] = { n, n }, i, j, k, tiles;
	struct matrix m = { .o = o, .n = n, .tile = args[3] }, l = m;

	/* One thread is enough. */
	if (index)
		return;
	tiles = (n + m.tile - 1) / m.tile;
	o->table->tensor_init(&m.whole, (void *)args[0], shapes, 2, PTO_FLOAT32);
	o->table->tensor_init(&l.whole, (void *)args[1], shapes, 2, PTO_FLOAT32);
	for (i = 0; i < tiles; i++)
		for (j = 0; j < tiles; j++)
			form(&m, &l, i, j);
	for (k = 0; k < tiles; k++) {
		factor(&l, k);
		for (i = k + 1; i < tiles; i++)
			solve(&l, i, k);
		for (i = k + 1; i < tiles; i++)
			for (j = k + 1; j <= i; j++)
				update(&l, i, j, k);
	}
}
