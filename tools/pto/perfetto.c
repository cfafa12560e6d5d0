// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * A profile in the Trace Event Format, which Perfetto and chrome://tracing read: cores are
 * the threads of one process, AICPU threads those of another, edges are flows. Each event
 * is made and written on its own, as there may be millions.
 */
#include <math.h>
#include <stdlib.h>

#include <jansson.h>

#include "pto.h"
#include "swim.h"

enum { PID_CORES, PID_AICPU };

struct trace {
	const struct swim *swim;
	FILE *f;
	bool first;
	bool failed;
};

static void put(struct trace *t, json_t *event)
{
	fputs(t->first ? "\n" : ",\n", t->f);
	t->first = false;
	if (!event || json_dumpf(event, t->f, JSON_COMPACT | JSON_REAL_PRECISION(12)))
		t->failed = true;
	json_decref(event);
}

static void put_process(struct trace *t, int pid, const char *name)
{
	put(t, json_pack("{ss si ss s{ss}}", "ph", "M", "pid", pid, "name", "process_name",
			 "args", "name", name));
	put(t, json_pack("{ss si ss s{si}}", "ph", "M", "pid", pid, "name",
			 "process_sort_index", "args", "sort_index", pid));
}

static void put_thread(struct trace *t, int pid, int tid, const char *name)
{
	put(t, json_pack("{ss si si ss s{ss}}", "ph", "M", "pid", pid, "tid", tid,
			 "name", "thread_name", "args", "name", name));
	put(t, json_pack("{ss si si ss s{si}}", "ph", "M", "pid", pid, "tid", tid,
			 "name", "thread_sort_index", "args", "sort_index", tid));
}

static void put_slice(struct trace *t, int pid, int tid, const char *category, const char *name,
		      double from, double to, json_t *args)
{
	if (to > from || args)
		put(t, json_pack("{ss si si ss ss sf sf so*}", "ph", "X", "pid", pid, "tid", tid,
				 "cat", category, "name", name, "ts", from, "dur", to - from,
				 "args", args));
}

static json_t *task_args(const struct swim_task *task, bool critical)
{
	json_t *args = json_pack("{sI si sf sf sf sb}", "task_id", (json_int_t)task->task_id,
				 "func_id", task->func_id, "ready_us", task->ready,
				 "dispatch_us", task->dispatch, "finish_us", task->finish,
				 "critical", critical);

	if (!isnan(task->accepted))
		json_object_set_new(args, "driver_accept_us", json_real(task->accepted));
	if (!isnan(task->done))
		json_object_set_new(args, "driver_done_us", json_real(task->done));
	return args;
}

static void put_overhead(struct trace *t, int core_id, const char *name, double from, double to)
{
	put_slice(t, PID_CORES, core_id, "overhead", name, from, to, NULL);
}

static void put_task(struct trace *t, const struct swim_task *task)
{
	bool critical = t->swim->nodes[task->node].critical;

	put_overhead(t, task->core_id, "head", task->head, task->took);
	put_overhead(t, task->core_id, "head, driver", task->took, task->start);
	put_slice(t, PID_CORES, task->core_id, critical ? "task,critical" : "task",
		  swim_func(t->swim, task->func_id)->name, task->start, task->end,
		  task_args(task, critical));
	put_overhead(t, task->core_id, "tail, driver", task->end, task->seen);
	put_overhead(t, task->core_id, "tail", task->seen, task->tail);
}

/* An arrow belongs to the slice that is open at its time: the last ns of the first task. */
static void put_flow(struct trace *t, const struct swim_task *from, const struct swim_task *to,
		     int id)
{
	double leaves = from->end - 0.001 > from->start ? from->end - 0.001 : from->start;

	put(t, json_pack("{ss si si si ss ss sf}", "ph", "s", "id", id, "pid", PID_CORES,
			 "tid", from->core_id, "cat", "edge", "name", "edge", "ts", leaves));
	put(t, json_pack("{ss ss si si si ss ss sf}", "ph", "f", "bp", "e", "id", id,
			 "pid", PID_CORES, "tid", to->core_id, "cat", "edge", "name", "edge",
			 "ts", to->start));
}

static void put_flows(struct trace *t)
{
	const struct swim *swim = t->swim;

	for (int i = 0; i < swim->nnodes; i++) {
		const struct swim_node *node = &swim->nodes[i];

		for (int k = node->edge; k < node->edge + node->nedges; k++)
			put_flow(t, &swim->tasks[node->first],
				 &swim->tasks[swim->nodes[swim->edges[k]].first], k);
	}
}

static void put_phases(struct trace *t)
{
	for (int i = 0; i < t->swim->nthreads; i++) {
		const struct swim_thread *thread = &t->swim->threads[i];

		put_thread(t, PID_AICPU, i, thread_name(thread));
		for (int k = 0; k < thread->nphases; k++)
			put_slice(t, PID_AICPU, i, "phase",
				  t->swim->kinds[thread->phases[k].kind],
				  thread->phases[k].start, thread->phases[k].end, NULL);
	}
}

int swim_perfetto(const struct swim *swim, const char *path)
{
	struct trace t = { .swim = swim, .f = fopen(path, "w"), .first = true };
	int ret;

	if (!t.f)
		return complain("%s: %m", path);
	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", t.f);
	put_process(&t, PID_CORES, "cores");
	if (swim->nthreads)
		put_process(&t, PID_AICPU, "AICPU");
	for (int i = 0; i < SWIM_CORES; i++)
		if (swim->cores[i].count)
			put_thread(&t, PID_CORES, i, core_name(swim, i));
	for (int i = 0; i < swim->ntasks; i++)
		put_task(&t, &swim->tasks[i]);
	put_flows(&t);
	put_phases(&t);
	fputs("\n]}\n", t.f);
	ret = swim_close(t.f, path);
	return !ret && t.failed ? complain("writing %s: no memory", path) : ret;
}
