// SPDX-License-Identifier: MIT OR LGPL-2.1
/* What a profile comes to: by function, core and thread, as text and as JSON. */
#include <math.h>
#include <stdlib.h>

#include "pto.h"
#include "swim.h"

#define STATS_VERSION	1

/* ---- summing up --------------------------------------------------------- */

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

static void add_task(struct swim *swim, const struct swim_task *t)
{
	struct swim_func *func = swim_func(swim, t->func_id);
	double duration = t->end - t->start;

	func->count++;
	func->critical += swim->nodes[t->node].critical;
	func->total += duration;
	swim->cores[t->core_id].count++;
	swim->cores[t->core_id].busy += duration;
	swim->head += (t->start - t->head) / swim->ntasks;
	swim->tail += (t->finish - t->end) / swim->ntasks;
	swim->driver_head += (t->start - t->took) / swim->ntasks;
	swim->driver_tail += (fmin(fmax(t->done, t->end), t->finish) - t->end) / swim->ntasks;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The least of @n sorted values that @percent of them do not exceed. */
static double percentile(const double *values, int n, int percent)
{
	long long rank = ((long long)n * percent + 99) / 100;

	return values[rank ? rank - 1 : 0];
}

/* The durations of each function are sorted in a part of one array. */
static int find_percentiles(struct swim *swim)
{
	double *values = calloc(swim->ntasks + 1, sizeof(*values));
	double **end = calloc(swim->nfuncs + 1, sizeof(*end)), *at = values;

	if (!values || !end) {
		free(values);
		free(end);
		return complain("%m"), -1;
	}
	for (int i = 0; i < swim->nfuncs; at += swim->funcs[i++].count)
		end[i] = at;
	for (int i = 0; i < swim->ntasks; i++) {
		const struct swim_task *t = &swim->tasks[i];

		*end[swim_func(swim, t->func_id) - swim->funcs]++ = t->end - t->start;
	}
	for (int i = 0; i < swim->nfuncs; i++) {
		struct swim_func *func = &swim->funcs[i];
		double *first = end[i] - func->count;

		qsort(first, func->count, sizeof(*first), by_value);
		func->least = first[0];
		func->p50 = percentile(first, func->count, 50);
		func->p99 = percentile(first, func->count, 99);
		func->most = first[func->count - 1];
	}
	free(values);
	free(end);
	return 0;
}

int swim_sum_up(struct swim *swim)
{
	swim->funcs = calloc(swim->ntasks + 1, sizeof(*swim->funcs));
	if (!swim->funcs)
		return complain("%m"), -1;
	collect_funcs(swim);
	for (int i = 0; i < swim->ntasks; i++)
		add_task(swim, &swim->tasks[i]);
	return find_percentiles(swim);
}

/* ---- names -------------------------------------------------------------- */

void swim_printable(char *to, size_t size, const char *text)
{
	json_t *valid;

	snprintf(to, size, "%s", text);
	valid = json_string(to);
	for (; *to; to++)
		if ((unsigned char)*to < ' ' || *to == 0x7f || (!valid && *to & 0x80))
			*to = '?';
	json_decref(valid);
}

void swim_name(struct swim *swim, int func_id, const char *name)
{
	struct swim_func *func = swim_func(swim, func_id);

	if (func && *name)
		swim_printable(func->name, sizeof(func->name), name);
}

const char *core_name(const struct swim *swim, int core_id)
{
	static char name[16];

	snprintf(name, sizeof(name), "%s core %d",
		 swim->cores[core_id].type == CORE_AIC ? "AIC" : "AIV", core_id);
	return name;
}

const char *thread_name(const struct swim_thread *thread)
{
	static char name[32];

	snprintf(name, sizeof(name), "%s %d", thread->orchestrator ? "orchestrator" : "scheduler",
		 thread->index);
	return name;
}

int swim_hue(int index)
{
	return (210 + index * 1375LL / 10) % 360;
}

/* ---- text and JSON ------------------------------------------------------ */

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static void print_funcs(const struct swim *swim)
{
	printf("\n%-20s %7s %8s %9s %9s %9s %9s %9s %10s\n", "function", "func_id", "tasks",
	       "mean us", "p50", "p99", "least", "most", "total");
	for (int i = 0; i < swim->nfuncs; i++) {
		const struct swim_func *f = &swim->funcs[i];

		printf("%-20s %7d %8d %9.2f %9.2f %9.2f %9.2f %9.2f %10.1f\n", f->name, f->func_id,
		       f->count, f->total / f->count, f->p50, f->p99, f->least, f->most, f->total);
	}
}

static void print_threads(const struct swim *swim)
{
	if (swim->nthreads)
		printf("\n%-20s %8s  %s\n", "AICPU thread", "tasks", "us in each phase");
	for (int i = 0; i < swim->nthreads; i++) {
		const struct swim_thread *t = &swim->threads[i];

		printf("%-20s %8d ", thread_name(t), t->tasks);
		for (int k = 0; k < swim->nkinds; k++)
			if (t->time[k] > 0)
				printf(" %s %.1f", swim->kinds[k], t->time[k]);
		putchar('\n');
	}
}

void swim_summary(const struct swim *swim)
{
	printf("%d tasks in %.1f us\n", swim->nnodes, swim->span);
	printf("critical path: %d tasks, %.1f us, %.1f%% of the time\n", swim->npath,
	       swim->path_time, 100 * share(swim->path_time, swim->span));
	printf("overhead of a task: %.2f us before it, %.2f us after it\n", swim->head,
	       swim->tail);
	if (swim->driver)
		printf("of that in the driver and the device: %.2f us before it, %.2f us after it\n",
		       swim->driver_head, swim->driver_tail);
	print_funcs(swim);
	printf("\n%-20s %8s %10s\n", "core", "tasks", "busy");
	for (int i = 0; i < SWIM_CORES; i++)
		if (swim->cores[i].count)
			printf("%-20s %8d %9.1f%%\n", core_name(swim, i), swim->cores[i].count,
			       100 * share(swim->cores[i].busy, swim->span));
	print_threads(swim);
}

static json_t *funcs_json(const struct swim *swim)
{
	json_t *list = json_array();

	for (int i = 0; i < swim->nfuncs; i++) {
		const struct swim_func *f = &swim->funcs[i];

		json_array_append_new(list, json_pack(
			"{si ss si si sf sf sf sf sf sf}", "func_id", f->func_id, "name", f->name,
			"tasks", f->count, "critical_tasks", f->critical,
			"mean_us", f->total / f->count, "p50_us", f->p50, "p99_us", f->p99,
			"min_us", f->least, "max_us", f->most, "total_us", f->total));
	}
	return list;
}

static json_t *cores_json(const struct swim *swim)
{
	json_t *list = json_array();

	for (int i = 0; i < SWIM_CORES; i++) {
		const struct swim_core *core = &swim->cores[i];

		if (core->count)
			json_array_append_new(list, json_pack(
				"{si ss si sf sf}", "core_id", i,
				"core_type", core->type == CORE_AIC ? "aic" : "aiv",
				"tasks", core->count, "busy_us", core->busy,
				"busy_share", share(core->busy, swim->span)));
	}
	return list;
}

static json_t *threads_json(const struct swim *swim)
{
	json_t *list = json_array();

	for (int i = 0; i < swim->nthreads; i++) {
		const struct swim_thread *t = &swim->threads[i];
		json_t *phases = json_object();

		for (int k = 0; k < swim->nkinds; k++)
			if (t->time[k] > 0)
				json_object_set_new(phases, swim->kinds[k], json_real(t->time[k]));
		json_array_append_new(list, json_pack(
			"{ss si si so}", "role", t->orchestrator ? "orchestrator" : "scheduler",
			"thread", t->index, "tasks", t->tasks, "phases_us", phases));
	}
	return list;
}

static json_t *overhead_json(const struct swim *swim)
{
	json_t *overhead = json_pack("{sf sf}", "head_mean_us", swim->head,
				     "tail_mean_us", swim->tail);

	if (swim->driver) {
		json_object_set_new(overhead, "driver_head_mean_us", json_real(swim->driver_head));
		json_object_set_new(overhead, "driver_tail_mean_us", json_real(swim->driver_tail));
	}
	return overhead;
}

json_t *swim_json(const struct swim *swim)
{
	json_t *path = json_array();

	for (int i = 0; i < swim->npath; i++)
		json_array_append_new(path,
				      json_integer(swim->nodes[swim->path[i]].task_id));
	return json_pack("{si si si sf s{si sf sf so} so so so so}",
			 "version", STATS_VERSION, "tasks", swim->nnodes, "edges", swim->nedges,
			 "span_us", swim->span,
			 "critical_path", "tasks", swim->npath, "us", swim->path_time,
			 "share", share(swim->path_time, swim->span), "task_ids", path,
			 "overhead", overhead_json(swim),
			 "functions", funcs_json(swim), "cores", cores_json(swim),
			 "threads", threads_json(swim));
}
