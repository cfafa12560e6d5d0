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

static json_t *fanout(struct pto_graph *g, uint32_t task)
{
	json_t *list = json_array();

	for_each_successor(g->chunks.at, slab_node(g->slabs.at, task), to, {
		json_array_append_new(list, json_integer(to));
	});
	return list;
}

static json_t *task_json(const struct writer *w, struct pto_graph *g, const struct sched_record *r)
{
	return json_pack("{si si si ss sf sf sf sf sf so si}",
			 "task_id", (int)r->task, "func_id", (int)r->func_id,
			 "core_id", (int)r->core,
			 "core_type", r->lane == PTO_LANE_AIC ? "aic" : "aiv",
			 "start_time_us", us(w, r->start), "end_time_us", us(w, r->end),
			 "duration_us", (r->end - r->start) / 1e3,
			 "dispatch_time_us", us(w, r->dispatch),
			 "finish_time_us", us(w, r->finish),
			 "fanout", fanout(g, r->task),
			 "fanout_count", (int)slab_node(g->slabs.at, r->task)->nsucc);
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

static json_t *phase_json(const struct writer *w, const struct profile_visit *v)
{
	return json_pack("{ss sf sf si}", "phase", v->waits ? "wait" : "schedule",
			 "start_time_us", us(w, v->begin), "end_time_us", us(w, v->end),
			 "tasks_processed", (int)v->tasks);
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
				json_array_append_new(list, phase_json(w, &p->visits[v]));
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

static void write_all(struct writer *w, struct pto_graph *g)
{
	fprintf(w->file, "{\n \"version\": %d", SWIM_VERSION);
	write_tasks(w, g);
	write_phases(w);
	/* A graph that the host has built has no orchestrator on the device. */
	fputs(",\n \"aicpu_orchestrator\": {}", w->file);
	open_array(w, "aicpu_orchestrator_phases");
	close_array(w);
	write_cores(w);
	fputs("\n}\n", w->file);
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
