// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Reading a profile: tasks, edges, what the AICPU threads did. */
#include "swim.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pto.h"

#define VERSION		2	/* of a profile; without one it is taken for this */

/* ---- tasks -------------------------------------------------------------- */

static int load_task(struct swim *swim, struct swim_task *t, json_t *from)
{
	json_int_t func_id, core_id;
	const char *type;
	json_error_t error;

	t->ready = -INFINITY;
	t->accepted = t->done = NAN;
	if (json_unpack_ex(from, &error, 0, "{sI, sI, sI, ss, sF, sF, sF, sF, s?F, s?F, s?F}",
			   "task_id", &t->task_id, "func_id", &func_id,
			   "core_id", &core_id, "core_type", &type,
			   "dispatch_time_us", &t->dispatch, "start_time_us", &t->start,
			   "end_time_us", &t->end, "finish_time_us", &t->finish,
			   "submit_time_us", &t->ready,
			   "driver_accept_time_us", &t->accepted,
			   "driver_done_time_us", &t->done))
		return complain("a task of the profile: %s", error.text), -1;
	if (core_id < 0 || core_id >= SWIM_CORES)
		return complain("task %lld ran on core %lld, which no device has",
				(long long)t->task_id, (long long)core_id), -1;
	if (func_id < INT_MIN || func_id > INT_MAX)
		return complain("task %lld has func_id %lld", (long long)t->task_id,
				(long long)func_id), -1;
	if (t->end < t->start)
		return complain("task %lld ends before it starts", (long long)t->task_id), -1;
	t->func_id = func_id;
	t->core_id = core_id;
	swim->cores[core_id].type = strcmp(type, "aic") ? CORE_AIV : CORE_AIC;
	return 0;
}

static int load_tasks(struct swim *swim, json_t *tasks)
{
	json_t *task;
	size_t i, n = json_array_size(tasks);

	if (n > INT_MAX / 2)
		return complain("a profile of %zu tasks is too large", n), -1;
	swim->tasks = calloc(n + 1, sizeof(*swim->tasks));
	if (!swim->tasks)
		return complain("%m"), -1;
	json_array_foreach(tasks, i, task)
		if (load_task(swim, &swim->tasks[i], task))
			return -1;
	swim->ntasks = n;
	return 0;
}

/* ---- nodes and edges ---------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	const struct swim_node *x = a, *y = b;

	return (x->task_id > y->task_id) - (x->task_id < y->task_id);
}

static struct swim_node *find_node(const struct swim *swim, int64_t task_id)
{
	struct swim_node key = { .task_id = task_id };

	return bsearch(&key, swim->nodes, swim->nnodes, sizeof(key), by_id);
}

/* A node for each task_id, however many records it has. */
static int make_nodes(struct swim *swim)
{
	int n = 0;

	swim->nodes = calloc(swim->ntasks + 1, sizeof(*swim->nodes));
	if (!swim->nodes)
		return complain("%m"), -1;
	for (int i = 0; i < swim->ntasks; i++)
		swim->nodes[i] = (struct swim_node){ .task_id = swim->tasks[i].task_id,
						     .first = i, .next = -1 };
	qsort(swim->nodes, swim->ntasks, sizeof(*swim->nodes), by_id);
	for (int i = 0; i < swim->ntasks; i++)
		if (!n || swim->nodes[n - 1].task_id != swim->nodes[i].task_id)
			swim->nodes[n++] = swim->nodes[i];
	swim->nnodes = n;
	for (int i = 0; i < swim->ntasks; i++)
		swim->tasks[i].node = find_node(swim, swim->tasks[i].task_id) - swim->nodes;
	return 0;
}

/* Edges to tasks that did not run are left out: a launch that failed has some. */
static void link_node(struct swim *swim, struct swim_node *node, json_t *fanout)
{
	struct swim_node *to;
	json_t *id;
	size_t i;

	node->edge = swim->nedges;
	json_array_foreach(fanout, i, id) {
		to = find_node(swim, json_integer_value(id));
		if (!to || !json_is_integer(id))
			continue;
		swim->edges[swim->nedges++] = to - swim->nodes;
		node->nedges++;
		to->npred++;
	}
}

static int link_nodes(struct swim *swim, json_t *tasks)
{
	size_t count = 0;

	if (make_nodes(swim))
		return -1;
	for (int i = 0; i < swim->ntasks; i++)
		count += json_array_size(json_object_get(json_array_get(tasks, i), "fanout"));
	if (count > INT_MAX)
		return complain("a profile of %zu edges is too large", count), -1;
	swim->edges = calloc(count + 1, sizeof(*swim->edges));
	if (!swim->edges)
		return complain("%m"), -1;
	for (int i = 0; i < swim->nnodes; i++) {
		struct swim_node *node = &swim->nodes[i];

		link_node(swim, node, json_object_get(json_array_get(tasks, node->first),
						      "fanout"));
	}
	return 0;
}

/* ---- AICPU threads ------------------------------------------------------ */

/* The number of a kind of phase, which may be a new one; -1: too many. */
static int find_kind(struct swim *swim, const char *text)
{
	char name[sizeof(swim->kinds[0])];
	int i;

	swim_printable(name, sizeof(name), text);
	for (i = 0; i < swim->nkinds; i++)
		if (!strcmp(swim->kinds[i], name))
			return i;
	if (i == SWIM_KINDS)
		return complain("the profile has more than %d kinds of phases", SWIM_KINDS), -1;
	strcpy(swim->kinds[swim->nkinds++], name);
	return i;
}

static int load_phase(struct swim *swim, struct swim_thread *thread, json_t *from)
{
	struct swim_phase *p = &thread->phases[thread->nphases];
	json_error_t error;
	const char *name;
	int tasks = 0;

	if (json_unpack_ex(from, &error, 0, "{ss, sF, sF, s?i}", "phase", &name,
			   "start_time_us", &p->start, "end_time_us", &p->end,
			   "tasks_processed", &tasks))
		return complain("a phase of the profile: %s", error.text), -1;
	if (p->end < p->start)
		return complain("a phase of the profile ends before it starts"), -1;
	p->kind = find_kind(swim, name);
	if (p->kind < 0)
		return -1;
	thread->time[p->kind] += p->end - p->start;
	thread->tasks += tasks;
	thread->nphases++;
	return 0;
}

static int load_thread(struct swim *swim, json_t *phases, bool orchestrator, int index)
{
	struct swim_thread *grown, *thread;
	json_t *phase;
	size_t i;

	grown = realloc(swim->threads, (swim->nthreads + 1) * sizeof(*grown));
	if (!grown)
		return complain("%m"), -1;
	swim->threads = grown;
	thread = &grown[swim->nthreads++];
	*thread = (struct swim_thread){
		.orchestrator = orchestrator, .index = index,
		.phases = calloc(json_array_size(phases) + 1, sizeof(*thread->phases)),
	};
	if (!thread->phases)
		return complain("%m"), -1;
	json_array_foreach(phases, i, phase)
		if (load_phase(swim, thread, phase))
			return -1;
	return 0;
}

/* A list for each thread; a bare list of phases is one thread's. */
static int load_threads(struct swim *swim, json_t *lists, bool orchestrator)
{
	json_t *list;
	size_t i;

	if (json_is_object(json_array_get(lists, 0)))
		return load_thread(swim, lists, orchestrator, 0);
	json_array_foreach(lists, i, list)
		if (load_thread(swim, list, orchestrator, i))
			return -1;
	return 0;
}

static int load_all_threads(struct swim *swim, json_t *root)
{
	if (load_threads(swim, json_object_get(root, "aicpu_scheduler_phases"), false))
		return -1;
	return load_threads(swim, json_object_get(root, "aicpu_orchestrator_phases"), true);
}

/* ---- times -------------------------------------------------------------- */

static double least(double a, double b)
{
	return a < b ? a : b;
}

static double most(double a, double b)
{
	return a > b ? a : b;
}

static double first_time(const struct swim *swim)
{
	double zero = swim->ntasks ? swim->tasks[0].dispatch : 0;

	for (int i = 0; i < swim->ntasks; i++)
		zero = least(zero, least(swim->tasks[i].dispatch, swim->tasks[i].start));
	for (int i = 0; i < swim->nthreads; i++)
		for (int k = 0; k < swim->threads[i].nphases; k++)
			zero = least(zero, swim->threads[i].phases[k].start);
	return zero;
}

/* What lies within another phase comes after it. */
static int by_phase(const void *a, const void *b)
{
	const struct swim_phase *x = a, *y = b;

	if (x->start != y->start)
		return x->start > y->start ? 1 : -1;
	return (x->end < y->end) - (x->end > y->end);
}

static void rebase(struct swim *swim)
{
	double zero = first_time(swim);

	for (int i = 0; i < swim->ntasks; i++) {
		struct swim_task *t = &swim->tasks[i];

		t->dispatch -= zero;
		t->start -= zero;
		t->end -= zero;
		t->finish = most(t->finish - zero, t->end);
		t->ready = most(t->ready - zero, 0);
		t->accepted -= zero;
		t->done -= zero;
		swim->span = most(swim->span, t->finish);
	}
	for (int i = 0; i < swim->nthreads; i++) {
		for (int k = 0; k < swim->threads[i].nphases; k++) {
			struct swim_phase *p = &swim->threads[i].phases[k];

			p->start -= zero;
			p->end -= zero;
			swim->span = most(swim->span, p->end);
		}
		qsort(swim->threads[i].phases, swim->threads[i].nphases,
		      sizeof(struct swim_phase), by_phase);
	}
}

static int by_start(const void *a, const void *b)
{
	const struct swim_task *x = a, *y = b;

	if (x->start != y->start)
		return x->start > y->start ? 1 : -1;
	return (x->task_id > y->task_id) - (x->task_id < y->task_id);
}

/* What of the overhead is seen on a core, which does one thing at a time. */
static void find_overhead(struct swim *swim)
{
	struct swim_task *last[SWIM_CORES] = { NULL };

	for (int i = 0; i < swim->ntasks; i++) {
		struct swim_task *t = &swim->tasks[i], *before = last[t->core_id];

		t->head = least(t->start, before ? most(t->dispatch, before->end) : t->dispatch);
		t->tail = t->finish;
		if (before)
			before->tail = most(before->end, least(before->tail, t->head));
		last[t->core_id] = t;
		swim->driver |= !isnan(t->done);
	}
	for (int i = 0; i < swim->ntasks; i++) {
		struct swim_task *t = &swim->tasks[i];

		/* The lesser, or greater, of NAN and a number is the number. */
		t->took = fmax(fmin(t->accepted, t->start), t->head);
		t->seen = fmin(fmax(t->done, t->end), t->tail);
	}
}

/* Nodes know their records only once these have their order. */
static void time_nodes(struct swim *swim)
{
	for (int i = swim->ntasks; i--; ) {
		const struct swim_task *t = &swim->tasks[i];
		struct swim_node *node = &swim->nodes[t->node];

		node->first = i;
		node->start = t->start;
		node->end = most(node->end, t->end);
		node->finish = most(node->finish, t->finish);
	}
	for (int i = 0; i < swim->nnodes; i++) {
		const struct swim_node *node = &swim->nodes[i];

		for (int k = 0; k < node->nedges; k++) {
			int first = swim->nodes[swim->edges[node->edge + k]].first;

			swim->tasks[first].ready = most(swim->tasks[first].ready, node->finish);
		}
	}
	for (int i = 0; i < swim->ntasks; i++)
		swim->tasks[i].ready = swim->tasks[swim->nodes[swim->tasks[i].node].first].ready;
}

int swim_load(struct swim *swim, const char *path)
{
	json_error_t error;
	json_t *root = json_load_file(path, 0, &error);
	json_t *tasks = json_object_get(root, "tasks");
	json_t *version = json_object_get(root, "version");
	struct stat st;
	int ret = 0;

	*swim = (struct swim){ 0 };
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		ret = complain("%s is a folder; a profile in it is %s/swim_time.json", path, path);
	else if (!root)
		ret = complain("%s: %s", path, error.text);
	else if (!json_is_array(tasks))
		ret = complain("%s: no profile: it has no tasks", path);
	else if (version && json_integer_value(version) != VERSION)
		ret = complain("%s: a profile of another version than %d", path, VERSION);
	ret = ret || load_tasks(swim, tasks) || link_nodes(swim, tasks) ||
	      load_all_threads(swim, root);
	json_decref(root);
	if (ret)
		return -1;
	rebase(swim);
	qsort(swim->tasks, swim->ntasks, sizeof(*swim->tasks), by_start);
	find_overhead(swim);
	time_nodes(swim);
	return swim_path(swim) || swim_sum_up(swim) ? -1 : 0;
}

/* ---- for writers -------------------------------------------------------- */

void swim_xml(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", f);
		else if (*text == '<')
			fputs("&lt;", f);
		else if (*text == '>')
			fputs("&gt;", f);
		else if (*text == '"')
			fputs("&quot;", f);
		else
			fputc(*text, f);
	}
}

int swim_close(FILE *f, const char *path)
{
	int bad = ferror(f);

	return fclose(f) || bad ? complain("writing %s: %m", path) : PTO_OK;
}

void swim_free(struct swim *swim)
{
	for (int i = 0; i < swim->nthreads; i++)
		free(swim->threads[i].phases);
	free(swim->threads);
	free(swim->tasks);
	free(swim->nodes);
	free(swim->edges);
	free(swim->path);
	free(swim->funcs);
}
