// SPDX-License-Identifier: MIT OR LGPL-2.1
/* What is measured, and what it is compared with. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define ANY	UINT_MAX

struct contender contenders[] = {
	{ .name = "pto", .kind = SUBJECT, .title = "libpto" },
	{ .name = "flow", .inferred = SUBJECT, .title = "libpto's flows, and tensors" },
	{ .name = "submit", .inferred = SHOWN,
	  .title = "libpto: tensors, but the whole graph first, to be run again and again" },
	{ .name = "tbb", .kind = RIVAL, .title = "oneTBB's flow graph; malloc keeps what it has" },
	{ .name = "tbb-trim", .object = "tbb", .kind = RIVAL, .trim = true,
	  .title = "the same; malloc gives memory back, as is its default" },
	{ .name = "taskflow", .kind = RIVAL, .title = "Taskflow; malloc keeps what it has" },
	{ .name = "taskflow-trim", .object = "taskflow", .kind = RIVAL, .trim = true,
	  .title = "the same; malloc gives memory back" },
	{ .name = "async", .inferred = RIVAL,
	  .title = "Taskflow's dependent_async; malloc keeps what it has" },
	{ .name = "async-trim", .object = "async", .inferred = RIVAL, .trim = true,
	  .title = "the same; malloc gives memory back" },
	{ .name = "libomp", .kind = RIVAL, .counts_from = 2, .inferred = RIVAL,
	  .title = "OpenMP tasks with depend, of clang; one thread runs each at once" },
	{ .name = "starpu", .kind = RIVAL, .asked = true, .title = "StarPU; only when it is named" },
	{ .name = "handles", .inferred = RIVAL, .slow = true,
	  .title = "StarPU with data handles; two repetitions" },
	{ .name = "openmp", .kind = SHOWN, .inferred = RIVAL,
	  .title = "OpenMP tasks with depend, of gcc; the creator runs many of them itself" },
	{ .name = "counters", .kind = SHOWN,
	  .title = "oneTBB's task_group, with counters and edges of our own" },
	{ .name = "pto-threads", .object = "pto", .kind = SHOWN, .emulator_threads = true,
	  .title = "libpto with its cores on threads of the emulator" },
	{ .name = "sketch", .kind = FLOOR, .max_threads = 2,
	  .title = "a plain C program without a runtime, at most 2 threads" },
};
const unsigned int contender_count = sizeof(contenders) / sizeof(contenders[0]);

const char *contender_object(const struct contender *c)
{
	return c->object ? c->object : c->name;
}

bool contender_able(const struct contender *c, unsigned int threads)
{
	return c->present && threads <= (c->max_threads ? c->max_threads : ANY);
}

bool contender_here(const char *name)
{
	unsigned int i;

	for (i = 0; i < contender_count; i++)
		if (contenders[i].present && !strcmp(contenders[i].name, name))
			return true;
	return false;
}

void contenders_usual(void)
{
	unsigned int i;

	for (i = 0; i < contender_count; i++)
		contenders[i].present = !contenders[i].asked;
}

void contenders_none(void)
{
	unsigned int i;

	for (i = 0; i < contender_count; i++)
		contenders[i].present = false;
}

int contenders_add(const char *name)
{
	unsigned int i;

	for (i = 0; i < contender_count; i++) {
		if (strcmp(name, contenders[i].name))
			continue;
		contenders[i].present = contenders[i].named = true;
		return 0;
	}
	return -1;
}

/* Peers that need what this machine has not got were not built. */
int contenders_find(const char *dir)
{
	char path[PATH_MAX];
	unsigned int i;
	int ret = 0;

	for (i = 0; i < contender_count; i++) {
		struct contender *c = &contenders[i];

		snprintf(path, sizeof(path), "%s/%s.so", dir, contender_object(c));
		if (!c->present || !access(path, R_OK))
			continue;
		c->present = false;
		if (!c->named)
			continue;
		fprintf(stderr, "pto-bench: %s was not built: what it needs is not installed\n", c->name);
		ret = -1;
	}
	return ret;
}
