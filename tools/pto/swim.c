// SPDX-License-Identifier: MIT OR LGPL-2.1
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "pto.h"
#include "swim.h"

static int load_task(struct swim *swim, struct swim_task *t, json_t *from)
{
	const char *type;
	json_error_t error;

	if (json_unpack_ex(from, &error, 0, "{si, si, si, ss, sF, sF, sF, sF}",
			   "task_id", &t->task_id, "func_id", &t->func_id,
			   "core_id", &t->core_id, "core_type", &type,
			   "dispatch_time_us", &t->dispatch, "start_time_us", &t->start,
			   "end_time_us", &t->end, "finish_time_us", &t->finish))
		return complain("a task of the profile: %s", error.text), -1;
	if (t->core_id < 0 || t->core_id >= SWIM_CORES)
		return complain("task %d ran on core %d, which no device has", t->task_id,
				t->core_id), -1;
	swim->cores[t->core_id].type = strcmp(type, "aic") ? CORE_AIV : CORE_AIC;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct swim_task *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static int by_func(const void *a, const void *b)
{
	const struct swim_func *x = a, *y = b;

	return (x->func_id > y->func_id) - (x->func_id < y->func_id);
}

struct swim_func *swim_func(const struct swim *swim, int func_id)
{
	struct swim_func key = { .func_id = func_id };

	return bsearch(&key, swim->funcs, swim->nfuncs, sizeof(key), by_func);
}

/* Times count from the first dispatch. */
static void rebase(struct swim *swim)
{
	double zero = swim->ntasks ? swim->tasks[0].dispatch : 0;

	for (int i = 0; i < swim->ntasks; i++)
		if (swim->tasks[i].dispatch < zero)
			zero = swim->tasks[i].dispatch;
	for (int i = 0; i < swim->ntasks; i++) {
		struct swim_task *t = &swim->tasks[i];

		t->dispatch -= zero;
		t->start -= zero;
		t->end -= zero;
		t->finish -= zero;
		if (t->finish > swim->span)
			swim->span = t->finish;
		if (t->end > swim->span)
			swim->span = t->end;
	}
}

static void collect_funcs(struct swim *swim)
{
	for (int i = 0; i < swim->ntasks; i++)
		swim->funcs[i].func_id = swim->tasks[i].func_id;
	qsort(swim->funcs, swim->ntasks, sizeof(*swim->funcs), by_func);
	for (int i = 0; i < swim->ntasks; i++) {
		struct swim_func func = swim->funcs[i];

		if (swim->nfuncs && swim->funcs[swim->nfuncs - 1].func_id == func.func_id)
			continue;
		snprintf(func.name, sizeof(func.name), "func %d", func.func_id);
		swim->funcs[swim->nfuncs++] = func;
	}
}

static void sum_up(struct swim *swim)
{
	for (int i = 0; i < swim->ntasks; i++) {
		const struct swim_task *t = &swim->tasks[i];
		struct swim_func *func = swim_func(swim, t->func_id);
		double duration = t->end - t->start;

		if (!func->count || duration < func->least)
			func->least = duration;
		if (duration > func->most)
			func->most = duration;
		func->count++;
		func->total += duration;
		swim->cores[t->core_id].count++;
		swim->cores[t->core_id].busy += duration;
	}
}

int swim_load(struct swim *swim, const char *path)
{
	json_error_t error;
	json_t *root = json_load_file(path, 0, &error);
	json_t *tasks = json_object_get(root, "tasks"), *task;
	size_t i, n = json_array_size(tasks);
	int ret = 0;

	*swim = (struct swim){
		.tasks = calloc(n + 1, sizeof(*swim->tasks)),
		.funcs = calloc(n + 1, sizeof(*swim->funcs)),
	};
	if (!root)
		ret = complain("%s: %s", path, error.text);
	else if (!json_is_array(tasks))
		ret = complain("%s: no profile: it has no tasks", path);
	else if (!swim->tasks || !swim->funcs)
		ret = complain("%m");
	json_array_foreach(tasks, i, task) {
		if (ret || load_task(swim, &swim->tasks[i], task)) {
			ret = -1;
			break;
		}
		swim->ntasks++;
	}
	json_decref(root);
	if (ret)
		return -1;
	qsort(swim->tasks, swim->ntasks, sizeof(*swim->tasks), by_start);
	rebase(swim);
	collect_funcs(swim);
	sum_up(swim);
	return 0;
}

void swim_free(struct swim *swim)
{
	free(swim->tasks);
	free(swim->funcs);
}

void swim_name(struct swim *swim, int func_id, const char *source)
{
	struct swim_func *func = swim_func(swim, func_id);
	const char *name = basename(source);

	if (func)
		snprintf(func->name, sizeof(func->name), "%.*s", (int)strcspn(name, "."), name);
}

const char *core_name(const struct swim *swim, int core_id)
{
	static char name[16];

	snprintf(name, sizeof(name), "%s core %d",
		 swim->cores[core_id].type == CORE_AIC ? "AIC" : "AIV", core_id);
	return name;
}

void swim_summary(const struct swim *swim)
{
	printf("%d tasks in %.1f us\n\n%-16s %8s %10s %10s %10s %12s\n", swim->ntasks, swim->span,
	       "function", "tasks", "mean us", "least", "most", "total");
	for (int i = 0; i < swim->nfuncs; i++) {
		const struct swim_func *f = &swim->funcs[i];

		printf("%-16s %8d %10.2f %10.2f %10.2f %12.1f\n", f->name, f->count,
		       f->total / f->count, f->least, f->most, f->total);
	}
	printf("\n%-16s %8s %10s\n", "core", "tasks", "busy");
	for (int i = 0; i < SWIM_CORES; i++)
		if (swim->cores[i].count)
			printf("%-16s %8d %9.1f%%\n", core_name(swim, i), swim->cores[i].count,
			       swim->span > 0 ? 100 * swim->cores[i].busy / swim->span : 0);
}
