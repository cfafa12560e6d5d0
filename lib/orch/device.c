// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Orchestrations that run while the graph runs. */
#include "orch/device.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/env.h"
#include "base/error.h"
#include "base/thread.h"
#include "base/util.h"
#include "device/image.h"
#include "emulator/guard.h"
#include "sched/launch.h"
#include "stream/flow.h"

#define CONFIG		"aicpu_orchestration_config"
#define CONFIG_MS	10000
#define PATIENCE	10000	/* calls after an error */
#define LOOK_NS		(100 * NSEC_PER_MSEC)

/* What an object may export beside its entry. */
struct config {
	int expected_arg_count;
};

typedef void (*entry_fn)(void *rt, uint64_t *args, int nargs, int threads, int index);
typedef struct config (*config_fn)(uint64_t *args, int nargs);

/**
 * struct device_thread - one that runs the entry
 * @orch:	what the entry is called with leads here
 * @err, @text:	the first call that failed
 * @refused:	calls since then
 * @calls:	counted when they begin and when they end: odd while in one, and for good at the end
 * @seen, @idle_ns: for who waits: as @calls was, and for how long that has been so
 */
struct device_thread {
	struct pto_orch orch;
	struct device_run *run;
	struct pto_flow *flow;
	pthread_t pthread;
	bool started;
	int index;
	int err;
	unsigned int refused;
	char *text;
	atomic_uint calls;
	unsigned int seen;
	uint64_t idle_ns;
};

/**
 * struct device_run - the threads of a launch
 *
 * A thread that does not return has nothing but this, and what this owns.
 *
 * @image:	of the orchestration; @args: what it is called with
 * @timeout_ms:	of CPU time for an orchestration, and of time in which it makes no call
 * @lock:	guards what follows; a launch is cancelled under it
 * @launch:	NULL once that is over
 * @err, @text:	why the orchestration ended it
 */
struct device_run {
	struct pto_device *dev;
	struct image *image;
	entry_fn entry;
	bool full_deps;
	uint32_t timeout_ms;
	uint64_t *args;
	int nargs;
	pthread_mutex_t lock;
	struct pto_launch *launch;
	int err;
	char *text;
	int count;
	struct device_thread thread[];
};

/* ---- the table ---------------------------------------------------------- */

static struct device_thread *thread_of(struct pto_orch *po)
{
	return container_of(po, struct device_thread, orch);
}

static int64_t stick(struct device_thread *t, int64_t rc)
{
	if (unlikely(rc < 0 && !t->err)) {
		t->err = rc;
		t->text = strdup(pto_last_error());
	}
	return rc;
}

static void count_call(struct device_thread *t)
{
	unsigned int calls = atomic_load_explicit(&t->calls, memory_order_relaxed);

	atomic_store_explicit(&t->calls, calls + 1, memory_order_relaxed);
}

/* A call begins; false: it is to be refused. */
static bool enter(struct device_thread *t)
{
	count_call(t);
	return likely(!t->err);
}

/* A call that is over at once, and that a thread of the orchestration's own may make. */
static struct device_thread *called(struct pto_orch *po)
{
	struct device_thread *t = thread_of(po);

	atomic_fetch_add_explicit(&t->calls, 2, memory_order_relaxed);
	return t;
}

static int64_t leave(struct device_thread *t, int64_t rc)
{
	count_call(t);
	return stick(t, rc);
}

/*
 * After an error nothing more is submitted, whether the orchestration looks or not.
 * One that goes on and on does not, and is made to end.
 */
static int refuse(struct device_thread *t)
{
	count_call(t);
	if (++t->refused > PATIENCE)
		guard_exit();
	return t->err;
}

static int64_t submit(struct pto_orch *po, const struct pto_task *task)
{
	struct device_thread *t = thread_of(po);

	return enter(t) ? leave(t, pto_flow_submit(t->flow, task)) : refuse(t);
}

static int64_t submit_raw(struct pto_orch *po, const struct pto_task *task)
{
	struct pto_task raw = *task;

	if (!thread_of(po)->run->full_deps)
		raw.flags |= PTO_TASK_RAW_ONLY;
	return submit(po, &raw);
}

static int64_t submit_held(struct pto_orch *po, const struct pto_task *task)
{
	struct pto_task held = *task;

	held.flags |= PTO_TASK_NO_DEPS | PTO_TASK_HELD;
	return submit(po, &held);
}

static int add_flow_edge(struct pto_orch *po, int64_t from, int64_t to)
{
	struct device_thread *t = thread_of(po);

	return enter(t) ? leave(t, pto_flow_add_edge(t->flow, from, to)) : refuse(t);
}

static int scope_begin(struct pto_orch *po)
{
	struct device_thread *t = thread_of(po);

	return enter(t) ? leave(t, flow_scope_begin(t->flow)) : refuse(t);
}

static int scope_end(struct pto_orch *po)
{
	struct device_thread *t = thread_of(po);

	return enter(t) ? leave(t, pto_flow_scope_end(t->flow)) : refuse(t);
}

static int error(struct pto_orch *po, int err, const char *text)
{
	struct device_thread *t = called(po);

	if (err)
		stick(t, fail(err < 0 ? err : -EINVAL, "%s", text));
	return t->err ?: atomic_load(&t->flow->stream->error);
}

static int not_here(struct pto_orch *po)
{
	return stick(called(po), fail(-EPERM, "a call that orchestrations on the device do not have"));
}

static int add_task(struct pto_orch *po, int func_id, int core, const uint64_t *args, int nargs)
{
	return not_here(po);
}

static int two_tasks(struct pto_orch *po, int from, int to)
{
	return not_here(po);
}

static int one_task(struct pto_orch *po, int task)
{
	return not_here(po);
}

static int task_count(struct pto_orch *po)
{
	struct pto_flow_stat stat = { .size = sizeof(stat) };

	return pto_flow_stat(called(po)->flow, &stat) ?: (int)stat.tasks;
}

static void *dev_malloc(struct pto_orch *po, size_t size)
{
	not_here(po);
	return NULL;
}

static void dev_free(struct pto_orch *po, void *dev)
{
	not_here(po);
}

static int copy_to(struct pto_orch *po, void *dev, const void *host, size_t size)
{
	struct device_thread *t = thread_of(po);

	enter(t);
	return leave(t, pto_mem_write(t->run->dev, dev, host, size));
}

static int copy_from(struct pto_orch *po, void *host, const void *dev, size_t size)
{
	struct device_thread *t = thread_of(po);

	enter(t);
	return leave(t, pto_mem_read(t->run->dev, host, dev, size));
}

static void record(struct pto_orch *po, void *host, void *dev, size_t size)
{
	not_here(po);
}

static void log_line(struct pto_orch *po, int severity, const char *text)
{
	called(po);
	orch_log(po, severity, text);
}

static const struct pto_orch_table table = {
	.abi = PTO_ORCH_ABI,
	.size = sizeof(struct pto_orch_table),
	.add_task = add_task,
	.add_edge = two_tasks,
	.task_count = task_count,
	.dev_malloc = dev_malloc,
	.dev_free = dev_free,
	.copy_to = copy_to,
	.copy_from = copy_from,
	.record = record,
	.log = log_line,
	.tensor_init = pto_tensor_init,
	.tensor_view = pto_tensor_view,
	.tensor_reshape = pto_tensor_reshape,
	.tensor_transpose = pto_tensor_transpose,
	.submit = submit,
	.submit_raw = submit_raw,
	.submit_held = submit_held,
	.add_flow_edge = add_flow_edge,
	.scope_begin = scope_begin,
	.scope_end = scope_end,
	.error = error,
	.pred_count = one_task,
};

/* ---- init --------------------------------------------------------------- */

struct config_call {
	config_fn fn;
	const struct orch_args *args;
};

static int call_config(void *arg)
{
	struct config_call *c = arg;

	return c->fn(c->args->values, c->args->count).expected_arg_count;
}

static int check_config(struct orch *o, const struct orch_args *args)
{
	struct config_call c = { .args = args };
	int want, rc;

	c.fn = (config_fn)(uintptr_t)image_symbol(o->image, CONFIG);
	if (!c.fn)
		return 0;
	rc = guard_call(o->image, CONFIG, CLOCK_MONOTONIC, CONFIG_MS, call_config, &c, &want);
	if (rc)
		return rc;
	if (args->count < want)
		return fail(-EINVAL, "the orchestration wants %d arguments, and gets %d", want,
			    args->count);
	return 0;
}

/* An argument that is a pointer becomes one to device memory. */
static int stage(struct orch *o, const struct orch_args *args, int i)
{
	void *host = (void *)(uintptr_t)args->values[i], *dev;
	uint64_t size = args->sizes[i];
	int rc;

	if (args->types[i] == ORCH_ARG_SCALAR)
		return 0;
	if (args->types[i] < 0 || args->types[i] > ORCH_ARG_INOUT)
		return fail(-EINVAL, "type %d is none", args->types[i]);
	if (!host || !size)
		return fail(-EINVAL, host ? "a pointer to 0 bytes" : "the pointer is NULL");
	rc = staging_alloc(&o->staging, size, &dev);
	if (!rc && args->types[i] != ORCH_ARG_OUT)
		rc = pto_mem_write(o->staging.dev, dev, host, size);
	if (!rc && args->types[i] != ORCH_ARG_IN)
		rc = staging_record(&o->staging, host, dev, size);
	if (!rc)
		args->values[i] = (uintptr_t)dev;
	return rc;
}

int device_orch_init(struct orch *o, const struct orch_args *args)
{
	int i, rc;

	if (args->count && (!args->types || !args->sizes))
		return fail(-EINVAL, "an orchestration on the device: %s is NULL",
			    args->types ? "arg_sizes" : "arg_types");
	rc = check_config(o, args);
	for (i = 0; i < args->count && !rc; i++) {
		rc = stage(o, args, i);
		if (rc)
			fail_prefix("argument %d of the orchestration", i);
	}
	o->args = *args;
	return rc;
}

/* ---- threads ------------------------------------------------------------ */

static int call_entry(void *arg)
{
	struct device_thread *t = arg;
	const struct device_run *run = t->run;

	run->entry(&t->orch, run->args, run->nargs, run->count, t->index);
	return 0;
}

/* The first thread that fails ends the launch; its text is what the caller gets. */
static void give_up(struct device_run *run, int err, const char *text)
{
	pthread_mutex_lock(&run->lock);
	if (!run->err) {
		run->err = err;
		run->text = strdup(text);
	}
	pto_launch_cancel(run->launch);
	pthread_mutex_unlock(&run->lock);
}

static int thread_enter(void *arg)
{
	return guard_thread() ? 0 : -ENOMEM;
}

static void *thread_main(void *arg)
{
	struct device_thread *t = arg;
	int rc, ret;

	/* Its own time: it may wait for tasks as long as they take. */
	rc = guard_call(t->run->image, "orchestration", CLOCK_THREAD_CPUTIME_ID,
			t->run->timeout_ms, call_entry, t, &ret);
	atomic_store(&t->calls, UINT_MAX);
	/* What it did wrong first says more than what came of it. */
	if (t->err) {
		give_up(t->run, t->err, t->text ?: "no memory for the error text");
	} else if (rc) {
		fail_prefix("after %llu tasks",
			    (unsigned long long)READ_ONCE(t->flow->stream->stat.tasks));
		give_up(t->run, rc, pto_last_error());
	}
	flow_lend(t->flow);
	return NULL;
}

static void free_run(struct device_run *run)
{
	int i;

	if (run->thread[0].flow)
		flow_free(run->thread[0].flow);
	for (i = 0; i < run->count; i++)
		free(run->thread[i].text);
	free(run->text);
	free(run->args);
	pthread_mutex_destroy(&run->lock);
	free(run);
}

static struct device_run *new_run(const struct orch *o, int threads)
{
	struct device_run *run = calloc(1, sizeof(*run) + threads * sizeof(run->thread[0]));
	uint64_t *args = calloc(max(o->args.count, 1), sizeof(*args));
	int i;

	if (!run || !args) {
		free(run);
		free(args);
		return NULL;
	}
	memcpy(args, o->args.values, o->args.count * sizeof(*args));
	pthread_mutex_init(&run->lock, NULL);
	run->dev = o->staging.dev;
	run->image = o->image;
	run->entry = (entry_fn)(uintptr_t)o->entry;
	run->full_deps = o->full_deps;
	run->timeout_ms = max(env_ms("PTO_ORCH_TIMEOUT_MS", ORCH_TIMEOUT_MS), 1u);
	run->args = args;
	run->nargs = o->args.count;
	run->count = threads;
	for (i = 0; i < threads; i++) {
		run->thread[i].orch.table = &table;
		run->thread[i].run = run;
		run->thread[i].index = i;
	}
	return run;
}

static int start_threads(struct device_run *run)
{
	int i, rc = 0;

	for (i = 1; i < run->count && !rc; i++)
		rc = pto_flow_fork(run->thread[0].flow, &run->thread[i].flow);
	for (i = 0; i < run->count && !rc; i++) {
		rc = thread_start(&run->thread[i].pthread, thread_enter, thread_main,
				  &run->thread[i]);
		run->thread[i].started = !rc;
	}
	return rc;
}

int device_orch_start(struct orch *o, struct pto_launch_opts *opts, int threads,
		      struct pto_launch **launch)
{
	struct device_run *run;
	int schedule, lends, rc;

	threads = max(threads, 1);
	run = new_run(o, threads);
	if (!run)
		return fail(-ENOMEM, "no memory for %d orchestrations", threads);
	/* Of the threads those that orchestrate do not schedule before they are through, if then. */
	schedule = max(opts->aicpu_threads - threads, 1);
	lends = o->orch_to_sched ? opts->aicpu_threads - schedule : 0;
	opts->aicpu_threads = schedule + lends;
	rc = flow_start(o->graph, opts, &o->flow_opts, lends, &run->thread[0].flow);
	if (rc) {
		free_run(run);
		return rc;
	}
	run->launch = run->thread[0].flow->launch;
	o->run = run;
	*launch = run->launch;
	rc = start_threads(run);
	if (!rc)
		return 0;
	/* Those that did not start end no flow; the launch ends all the same. */
	give_up(run, rc, pto_last_error());
	return 0;
}

/* A thread that sleeps for ever uses no time of its own, and would have the launch wait for it. */
static void look_after(struct device_run *run, uint64_t passed_ns)
{
	struct device_thread *t;
	unsigned int calls;
	char text[96];

	for (t = run->thread; t < run->thread + run->count; t++) {
		calls = atomic_load(&t->calls);
		t->idle_ns = calls == t->seen && calls % 2 == 0 ? t->idle_ns + passed_ns : 0;
		t->seen = calls;
		if (t->idle_ns < run->timeout_ms * NSEC_PER_MSEC)
			continue;
		snprintf(text, sizeof(text), "orchestration did not return within %u ms, nor make a call",
			 run->timeout_ms);
		give_up(run, fail(-ETIMEDOUT, "%s", text), text);
		t->idle_ns = 0;
	}
}

int device_orch_wait(struct orch *o, struct pto_launch *launch, int timeout_ms)
{
	uint64_t now = now_ns(), deadline = now + timeout_ms * NSEC_PER_MSEC, begin, slice;
	int rc;

	if (!o->run)
		return launch_wait(launch, timeout_ms);
	do {
		begin = now;
		slice = min(deadline - now, (uint64_t)LOOK_NS);
		rc = launch_wait(launch, (slice + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC);
		now = now_ns();
		/* Not what a process has slept that was stopped. */
		if (rc == -EINPROGRESS)
			look_after(o->run, min(now - begin, slice));
		/* It may be a signal that has ended the wait, and is to be seen to. */
	} while (rc == -EINPROGRESS && now - begin >= slice && now < deadline);
	return rc;
}

/* What PTO2_RING_* could have been. */
static void log_needs(const struct device_run *run)
{
	struct pto_flow_stat st = { .size = sizeof(st) };
	unsigned long long heap[4];
	int i;

	if (pto_flow_stat(run->thread[0].flow, &st))
		return;
	for (i = 0; i < 4; i++)
		heap[i] = st.scope_peak[i];
	log_msg(LOG_INFO, "orchestration: %llu tasks; at most %u at once, with %u blocks of edges; scopes held %llu, %llu, %llu and %llu bytes of a heap at depths 1 to 4 and more; submitters waited %llu times",
		(unsigned long long)st.tasks, st.window_peak, st.dep_peak, heap[0], heap[1], heap[2],
		heap[3], (unsigned long long)st.waits);
}

int device_orch_end(struct orch *o, int rc)
{
	uint64_t deadline = now_ns() + THREAD_JOIN_NS;
	struct device_run *run = o->run;
	bool all = true;
	int i;

	if (!run)
		return rc;
	o->run = NULL;
	pthread_mutex_lock(&run->lock);
	run->launch = NULL;
	pthread_mutex_unlock(&run->lock);
	for (i = 0; i < run->count; i++)
		if (run->thread[i].started && !thread_join(run->thread[i].pthread, deadline))
			all = false;
	pthread_mutex_lock(&run->lock);
	if (run->err && (!rc || rc == -ECANCELED))
		rc = fail_set(run->err, run->text ?: "no memory for the error text");
	pthread_mutex_unlock(&run->lock);
	if (all) {
		log_needs(run);
		rc = rc ?: flow_verdict(run->thread[0].flow);
		free_run(run);
		return rc;
	}
	/* What it runs, and what it calls, stays. */
	o->image = NULL;
	return rc ?: fail(-ETIMEDOUT, "an orchestration did not return after its launch");
}
