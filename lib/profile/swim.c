// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Writing swim_time.json. Each record is made and written on its own, so that
 * a launch of a million tasks needs no tree of a million objects.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include <pto/pto.h>

#include "base/error.h"
#include "device/device.h"
#include "graph/graph.h"
#include "profile/profile.h"

#define SWIM_VERSION	2

struct writer {
	FILE *file;
	const struct profile *profile;
	bool failed;
	bool first;
};

static double us(const struct writer *w, uint64_t ns)
{
	return (int64_t)(ns - w->profile->begin) / 1e3;
}

/* Write one element of the array under way, and free it. */
static void put(struct writer *w, json_t *element)
{
	if (!element) {
		w->failed = true;
		return;
	}
	fputs(w->first ? "\n  " : ",\n  ", w->file);
	w->first = false;
	if (json_dumpf(element, w->file, JSON_COMPACT | JSON_ENCODE_ANY |
			JSON_REAL_PRECISION(15)))
		w->failed = true;
	json_decref(element);
}

static void open_array(struct writer *w, const char *name)
{
	fprintf(w->file, ",\n \"%s\": [", name);
	w->first = true;
}

static void close_array(struct writer *w)
{
	fputs("\n ]", w->file);
}

/* The tasks that wait for @task. */
static json_t *fanout(const struct writer *w, struct pto_graph *g, uint32_t task)
{
	const struct profile_log *log = w->profile->log;
	json_t *list = json_array();
	const struct log_edge *edges;
	uint32_t i, n;

	if (log) {
		edges = log_fanout(log, task, &n);
		for (i = 0; i < n; i++)
			json_array_append_new(list, json_integer(edges[i].to));
		return list;
	}
	for_each_successor(g->chunks.at, slab_node(g->slabs.at, task), task, to, {
		json_array_append_new(list, json_integer(to));
	});
	return list;
}

static json_t *task_json(const struct writer *w, struct pto_graph *g, const struct sched_record *r)
{
	const struct profile_log *log = w->profile->log;
	json_t *to = fanout(w, g, r->task), *task;

	task = json_pack("{si si si ss sf sf sf sf sf so si}",
			 "task_id", (int)r->task, "func_id", (int)r->func_id,
			 "core_id", (int)r->core,
			 "core_type", r->lane == PTO_LANE_AIC ? "aic" : "aiv",
			 "start_time_us", us(w, r->start), "end_time_us", us(w, r->end),
			 "duration_us", (r->end - r->start) / 1e3,
			 "dispatch_time_us", us(w, r->dispatch),
			 "finish_time_us", us(w, r->finish),
			 "fanout", to, "fanout_count", (int)json_array_size(to));
	if (log && r->task < log->nsubmits)
		json_object_set_new(task, "submit_time_us",
				    json_real(us(w, log->submits[r->task].end)));
	if (r->accepted) {
		json_object_set_new(task, "driver_accept_time_us", json_real(us(w, r->accepted)));
		json_object_set_new(task, "driver_done_time_us", json_real(us(w, r->done)));
	}
	return task;
}

static void write_tasks(struct writer *w, struct pto_graph *g)
{
	const struct profile_block *block;
	uint32_t i;

	open_array(w, "tasks");
	for (block = w->profile->blocks; block; block = block->next)
		for (i = 0; i < block->used; i++)
			put(w, task_json(w, g, &block->record[i]));
	close_array(w);
}

static json_t *phase_json(const struct writer *w, const char *name, uint64_t begin, uint64_t end,
			  uint32_t tasks)
{
	return json_pack("{ss sf sf si}", "phase", name, "start_time_us", us(w, begin),
			 "end_time_us", us(w, end), "tasks_processed", (int)tasks);
}

/* What each scheduler thread did: its stays in the launch and its waits, one list a thread. */
static void write_phases(struct writer *w)
{
	const struct profile *p = w->profile;
	unsigned int i, v;
	json_t *list;

	open_array(w, "aicpu_scheduler_phases");
	for (i = 0; i < p->nworkers; i++) {
		list = json_array();
		for (v = 0; v < p->nvisits; v++)
			if (p->visits[v].worker == i)
				json_array_append_new(list, phase_json(
					w, p->visits[v].waits ? "wait" : "schedule",
					p->visits[v].begin, p->visits[v].end, p->visits[v].tasks));
		put(w, list);
	}
	close_array(w);
}

static void write_cores(struct writer *w)
{
	unsigned int i;

	open_array(w, "core_to_thread");
	for (i = 0; i < w->profile->ncores; i++)
		put(w, json_integer(w->profile->core_worker[i]));
	close_array(w);
}

/* What a submitter did from its first call to its last: the calls that had to wait. */
static json_t *submitter_json(const struct writer *w, const struct profile_log *log,
			      uint32_t number)
{
	const struct log_submit *first = NULL, *last = NULL;
	json_t *list = json_array();
	uint32_t i, tasks = 0;

	for (i = 0; i < log->nsubmits; i++) {
		const struct log_submit *submit = &log->submits[i];

		if (submit->submitter != number)
			continue;
		first = first ? first : submit;
		last = submit;
		tasks++;
		if (submit->waited)
			json_array_append_new(list, phase_json(w, "wait", submit->begin,
							       submit->end, 0));
	}
	if (first)
		json_array_insert_new(list, 0, phase_json(w, "orchestrate", first->begin,
							  last->end, tasks));
	return list;
}

/* A graph that was built before its launch has no orchestrator in it. */
static void write_orchestrators(struct writer *w)
{
	const struct profile_log *log = w->profile->log;
	uint32_t i, n = 0;

	fprintf(w->file, ",\n \"aicpu_orchestrator\": {");
	if (log && log->nsubmits)
		fprintf(w->file, "\"submit_count\": %u, \"start_time_us\": %.3f, "
			"\"end_time_us\": %.3f", log->nsubmits, us(w, log->submits[0].begin),
			us(w, log->submits[log->nsubmits - 1].end));
	fputc('}', w->file);
	open_array(w, "aicpu_orchestrator_phases");
	for (i = 0; log && i < log->nsubmits; i++)
		n = max(n, log->submits[i].submitter + 1);
	for (i = 0; i < n; i++)
		put(w, submitter_json(w, log, i));
	close_array(w);
}

static void write_all(struct writer *w, struct pto_graph *g)
{
	struct profile_log *log = w->profile->log;

	if (log) {
		pthread_mutex_lock(&log->lock);
		log_sort(log);
	}
	fprintf(w->file, "{\n \"version\": %d", SWIM_VERSION);
	write_tasks(w, g);
	write_phases(w);
	write_orchestrators(w);
	write_cores(w);
	fputs("\n}\n", w->file);
	if (log)
		pthread_mutex_unlock(&log->lock);
}

/* A new file beside @path, with a name that no other process or thread uses. */
static FILE *create_beside(const char *path, char **temp)
{
	static atomic_uint serial;
	FILE *file;
	int fd;

	/* One that a process of the same number left behind is passed over. */
	do {
		free(*temp);
		if (asprintf(temp, "%s.%d.%u", path, getpid(), atomic_fetch_add(&serial, 1)) < 0) {
			*temp = NULL;
			return NULL;
		}
		fd = open(*temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	} while (fd < 0 && errno == EEXIST);
	if (fd < 0)
		return NULL;
	file = fdopen(fd, "w");
	if (!file) {
		close(fd);
		unlink(*temp);
	}
	return file;
}

int pto_profile_write(struct pto_graph *g, const char *path)
{
	struct writer w = { .file = NULL };
	char *temp = NULL;
	int ret;

	if (!g || !path)
		return fail(-EINVAL, "pto_profile_write: NULL argument");
	if (!g->profile)
		return fail(-ENODATA, "the last launch of this graph was not profiled");
	if (atomic_load(&g->launched))
		return fail(-EBUSY, "the graph is being launched");
	w.file = create_beside(path, &temp);
	if (!w.file) {
		ret = fail(-errno, "can not create %s: %m", temp ? temp : path);
		goto out_free;
	}
	w.profile = g->profile;
	write_all(&w, g);
	ret = ferror(w.file) || w.failed ? -EIO : 0;
	if (fclose(w.file) || ret)
		ret = fail(-EIO, "can not write %s", temp);
	else if (rename(temp, path))
		ret = fail(-errno, "can not rename %s to %s: %m", temp, path);
	if (ret)
		unlink(temp);
out_free:
	free(temp);
	return ret;
}
