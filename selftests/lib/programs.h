/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Random tensor programs, on one small buffer. */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include "tensors.h"

#define TASKS		80

/** struct program - a random one, and the bytes that each task reads and writes */
struct program {
	int ntasks;
	struct {
		struct pto_tensor tensor[MIX_MAX];
		uint32_t dir[MIX_MAX];
		uint32_t count;
		uint64_t seed;
		uint8_t reads[BUFFER], writes[BUFFER];
	} task[TASKS];
};

/* What a task is submitted with. */
struct program_task {
	struct pto_task task;
	struct pto_access access[MIX_MAX];
	uint64_t scalars[3];
};

static inline void make_program(struct program *p, uint8_t *buffer, uint64_t *seed, bool boxes)
{
	uint32_t rows = 1u << rnd(seed, 7);
	uint8_t map[BUFFER];
	int i, k, n;

	p->ntasks = 10 + rnd(seed, TASKS - 9);
	for (i = 0; i < p->ntasks; i++) {
		p->task[i].count = 1 + rnd(seed, MIX_MAX);
		p->task[i].seed = *seed;
		memset(p->task[i].reads, 0, BUFFER);
		memset(p->task[i].writes, 0, BUFFER);
		for (k = 0; k < p->task[i].count; k++) {
			/* Now and then what an earlier task has named. */
			if (i && !rnd(seed, 3))
				p->task[i].tensor[k] = p->task[rnd(seed, i)].tensor[0];
			else if (boxes)
				p->task[i].tensor[k] = rnd_box(seed, buffer, rows);
			else
				p->task[i].tensor[k] = rnd_tensor(seed, buffer,
								  rnd(seed, PTO_DTYPES), 5);
			p->task[i].dir[k] = rnd(seed, 3);
			mark(&p->task[i].tensor[k], buffer, map);
			for (n = 0; n < BUFFER; n++) {
				p->task[i].reads[n] |= map[n] && p->task[i].dir[k] != PTO_OUT;
				p->task[i].writes[n] |= map[n] && p->task[i].dir[k] != PTO_IN;
			}
		}
	}
}

static inline uint64_t dirs_of(const struct program *p, int i)
{
	uint64_t dirs = 0;
	int k;

	for (k = 0; k < p->task[i].count; k++)
		dirs |= (uint64_t)p->task[i].dir[k] << 2 * k;
	return dirs;
}

/* Task @i, as kernel @func_id, on either kind of core. */
static inline const struct pto_task *program_task(struct program *p, int i, int func_id,
						  struct program_task *t)
{
	int k;

	for (k = 0; k < p->task[i].count; k++)
		t->access[k] = (struct pto_access){ &p->task[i].tensor[k], p->task[i].dir[k] };
	t->scalars[0] = p->task[i].count;
	t->scalars[1] = dirs_of(p, i);
	t->scalars[2] = p->task[i].seed;
	t->task = (struct pto_task){
		.size = sizeof(t->task), .kernels = { -1, -1, -1 },
		.naccesses = p->task[i].count, .accesses = t->access,
		.nscalars = 3, .scalars = t->scalars,
	};
	t->task.kernels[i % 2] = func_id;
	return &t->task;
}

/* One task after the other, here. */
static inline void run_program(struct program *p)
{
	int i, k;

	for (i = 0; i < p->ntasks; i++) {
		struct pto_tensor *t[MIX_MAX];

		for (k = 0; k < p->task[i].count; k++)
			t[k] = &p->task[i].tensor[k];
		mix(t, p->task[i].count, dirs_of(p, i), p->task[i].seed);
	}
}

#endif
