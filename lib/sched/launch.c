// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * One launch at a time on a device: its turn, the run, and its end.
 */
#include "sched/launch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/futex.h"
#include "base/machine.h"
#include "base/thread.h"
#include "device/device.h"
#include "device/image.h"
#include "emulator/guard.h"
#include "graph/submit.h"
#include "profile/profile.h"
#include "sched/ready.h"
#include "stream/stream.h"

#define SPIN_ALONE	2000	/* pauses; a CPU for each worker, and for who submits */
#define SPIN_CROWDED	20
#define LOOK_MIN	8u	/* pauses: not for each task */
#define LOOK_MAX	1000u
#define ALONE_NS	20000	/* as long as it may take to wake a thread */
#define TURN_NS		(20 * NSEC_PER_MSEC)
#define ARGS_SHOWN	8

const struct pto_aicpu_program sched_builtin = {
	.magic = PTO_AICPU_MAGIC,
	.abi = PTO_PROGRAM_ABI,
	.inplace = sched_inplace,
	.rings = sched_rings,
};

const struct pto_aicpu_program sched_shuffling = {
	.magic = PTO_AICPU_MAGIC,
	.abi = PTO_PROGRAM_ABI,
	.inplace = sched_inplace_shuffled,
	.rings = sched_rings_shuffled,
};

static struct sched *sched_of(struct sched_run *run)
{
	return container_of(run, struct sched, run);
}

/* ---- failing ------------------------------------------------------------ */

static void wake_all(struct sched *s)
{
	unsigned int i;

	for (i = 0; i < s->run.nworkers; i++) {
		atomic_store(&s->workers[i]->futex, 1);
		futex_wake(&s->workers[i]->futex, 1);
	}
}

/*
 * End the launch under way, if it is still @launch (NULL: any). s->lock is held,
 * so that the launch can not be over, and the next one meant, before all is told.
 */
static bool stop_run(struct sched *s, const struct launch *launch, int error)
{
	struct launch *current = s->current;
	unsigned int i;

	if (!current || s->error || (launch && current != launch))
		return false;
	s->error = error;
	if (current->stream)
		stream_stop(current->stream, error);
	for (i = 0; i < s->run.nworkers; i++)
		atomic_store(&s->workers[i]->stop, 1);
	emu_leave_kernels(s->dev->emu);
	wake_all(s);
	return true;
}

static void describe_args(char *text, size_t size, const struct sched *s,
			  const struct pto_desc *desc)
{
	const uint64_t *args = (const uint64_t *)(uintptr_t)desc->launch.args;
	uint32_t i, shown = min(desc->launch.nargs, (uint32_t)ARGS_SHOWN);
	int none = snprintf(text, size, "; %u arguments", desc->launch.nargs), n = none;

	for (i = 0; i < shown; i++)
		n += snprintf(text + n, size - n, "%s %#llx", i ? "" : ":",
			      (unsigned long long)args[i]);
	if (shown < desc->launch.nargs)
		n += snprintf(text + n, size - n, " ...");
	/* The memory of a device that has died is gone. */
	if (!device_alive(s->dev))
		text[none] = '\0';
}

int fault_errno(const struct emu_fault *fault)
{
	switch (fault->status) {
	case PTO_STATUS_HANG:
		return -ETIMEDOUT;
	case PTO_STATUS_BAD_PROGRAM:
		return fault->code ? -fault->code : -ENOEXEC;
	case PTO_STATUS_CANCELED:
		return -ECANCELED;
	}
	return -EIO;
}

/* The task's kernel on a core, and where it is. */
static int describe_task(char *text, size_t size, const struct sched *s,
			 const struct pto_desc *desc, int core)
{
	const struct pto_desc *lanes = (const struct pto_desc *)(uintptr_t)desc->launch.image;
	int blocks = s->config_blocks;
	unsigned int lane;

	if (desc->lane != LANE_MIXED)
		return snprintf(text, size, "(func_id %d) on %s core %d of %s failed: ",
				desc->launch.func_id, desc->lane == PTO_LANE_AIC ? "AIC" : "AIV",
				core, s->dev->name);
	if (core < 0)
		return snprintf(text, size, "(func_id %d, several lanes) on block %d of %s failed: ",
				desc->launch.func_id, -1 - core, s->dev->name);
	lane = core < blocks ? PTO_LANE_AIC : PTO_LANE_AIV0 + (core - blocks) % 2;
	return snprintf(text, size, "on %s core %d of %s failed: lane %s (func_id %d): ",
			core < blocks ? "AIC" : "AIV", core, s->dev->name, lane_name[lane],
			lanes[lane].launch.func_id);
}

void launch_task_failed(struct sched_worker *w, uint64_t cookie, int core, int error,
			const char *cause)
{
	struct sched *s = sched_of(w->run);
	const struct pto_desc *desc;
	bool first = false;
	char task[160], args[256];

	pthread_mutex_lock(&s->lock);
	/* A thread that was given up has no say any more. */
	if (s->workers[w->index] == w)
		first = stop_run(s, NULL, error);
	if (first) {
		desc = slab_desc(w->run->slabs, w->run->window ? cookie & w->run->window->mask :
						cookie);
		describe_task(task, sizeof(task), s, desc, core);
		describe_args(args, sizeof(args), s, desc);
		snprintf(s->text, sizeof(s->text), "task %llu %s%s%s", (unsigned long long)cookie,
			 task, cause, args);
	}
	pthread_mutex_unlock(&s->lock);
}

void launch_left(struct sched_worker *w, uint64_t cookie, int core, const char *where)
{
	struct sched *s = sched_of(w->run);
	const struct pto_desc *desc;
	size_t n;

	pthread_mutex_lock(&s->lock);
	if (s->workers[w->index] == w && s->error == -ETIME && !s->left) {
		s->left = true;
		desc = slab_desc(w->run->slabs, w->run->window ? cookie & w->run->window->mask :
						cookie);
		n = strlen(s->text);
		snprintf(s->text + n, sizeof(s->text) - n, "; task %llu (func_id %d) was on %s %d of %s (%s)",
			 (unsigned long long)cookie, desc->launch.func_id,
			 core < 0 ? "block" : desc->lane == PTO_LANE_AIC ? "AIC core" : "AIV core",
			 core < 0 ? -1 - core : core, s->dev->name, where);
	}
	pthread_mutex_unlock(&s->lock);
}

void launch_failed(struct sched_worker *w, uint64_t cookie, unsigned int core,
		   const struct emu_fault *fault)
{
	char cause[GUARD_TEXT];

	guard_describe(cause, sizeof(cause), fault);
	launch_task_failed(w, cookie, core, fault_errno(fault), cause);
}

void launch_keep_programs(struct sched *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->current) {
		image_keep(s->current->aicpu_image);
		image_keep(s->current->aicore_image);
	}
	pthread_mutex_unlock(&s->lock);
}

void launch_overdue(struct sched *s)
{
	pthread_mutex_lock(&s->lock);
	if (stop_run(s, NULL, -ETIMEDOUT))
		snprintf(s->text, sizeof(s->text), "a kernel on %s did not return in its time",
			 s->dev->name);
	pthread_mutex_unlock(&s->lock);
}

static void expired(struct emu_watch *watch)
{
	struct sched *s = container_of(watch, struct sched, watch);
	uint64_t now = now_ns();
	struct launch *current;

	pthread_mutex_lock(&s->lock);
	/* It first: of the next launch both are new. */
	current = s->current;
	if (current && watch->deadline && now >= watch->deadline && stop_run(s, current, -ETIME))
		snprintf(s->text, sizeof(s->text),
			 "the launch took longer than its %llu ms; raise timeout_ms or PTO_LAUNCH_TIMEOUT_MS",
			 (unsigned long long)(current->timeout_ns / NSEC_PER_MSEC));
	pthread_mutex_unlock(&s->lock);
}

static bool give_up(struct emu_watch *watch, struct emu_thread *t)
{
	return threads_give_up(container_of(watch, struct sched, watch), t);
}

void sched_cancel(struct sched *s, struct launch *launch)
{
	atomic_store(&launch->cancel, true);
	pthread_mutex_lock(&s->lock);
	if (stop_run(s, launch, -ECANCELED))
		snprintf(s->text, sizeof(s->text), "the launch was cancelled");
	pthread_mutex_unlock(&s->lock);
	turn_poke(&launch->wait);
}

void launch_shut_down(struct sched *s)
{
	pthread_mutex_lock(&s->lock);
	if (stop_run(s, NULL, -ESHUTDOWN))
		snprintf(s->text, sizeof(s->text), "the process is about to end");
	pthread_mutex_unlock(&s->lock);
}

/* ---- what the scheduler asks for ---------------------------------------- */

/* Without it the others do the work. */
static void wake_thread(struct sched *s, unsigned int index)
{
	int ret = threads_wake(s, index);

	if (unlikely(ret && ret != -ESHUTDOWN))
		log_msg(LOG_WARN, "no thread for worker %u: %s", index, pto_last_error());
}

static void op_wake(struct sched_run *run, uint64_t mask)
{
	struct sched *s = sched_of(run);
	uint64_t parked = atomic_load(&run->parked) & mask;
	unsigned int i;

	while (parked) {
		i = __builtin_ctzll(parked);
		stress_point();
		if (atomic_fetch_and(&run->parked, ~(1ull << i)) & (1ull << i)) {
			if (atomic_load(&s->workers[i]->at_cores)) {
				s->dev->ops->rouse(s->dev, i);
			} else if (!(run->stays & 1ull << i)) {
				wake_thread(s, i);
			} else {
				atomic_store(&s->workers[i]->futex, 1);
				futex_wake(&s->workers[i]->futex, 1);
			}
			return;
		}
		parked = atomic_load(&run->parked) & mask;
	}
}

void sched_wake(struct sched *s)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (unlikely(atomic_load_explicit(&s->run.parked, memory_order_relaxed)))
		op_wake(&s->run, ~0ull);
}

/* A worker has slept since @begin for want of something to do. */
static void record_wait(struct sched_worker *w, uint64_t begin)
{
	struct profile_visit visit = {
		.begin = begin, .end = now_ns(), .worker = w->index, .waits = true,
	};

	profile_visit(sched_of(w->run)->profile, &visit);
}

/*
 * A worker that looks for tasks on the CPU of who submits them would hold that up, and there
 * is another CPU for it. Worker 0 only: where there are more, they are spread anyway, and
 * its thread, but for a stand-in, ends with the launch.
 */
static void leave_submitter(const struct sched_worker *w)
{
	const struct sched_run *run = w->run;
	const struct stream *stream;

	if (!run->window || run->spin != SPIN_ALONE || w->index)
		return;
	stream = container_of(run->window, struct stream, window);
	machine_leave(atomic_load_explicit(&stream->here, memory_order_relaxed));
}

static void op_park(struct sched_worker *w)
{
	uint64_t begin = w->run->profile ? now_ns() : 0;

	stress_point();
	if (!atomic_exchange(&w->futex, 0)) {
		futex_wait(&w->futex, 0, SCHED_PARK_NS);
		leave_submitter(w);
	}
	atomic_store(&w->futex, 0);
	if (begin)
		record_wait(w, begin);
}

static void op_rest(struct sched_worker *w)
{
	uint64_t begin = w->run->profile ? now_ns() : 0;

	seat_rest(w);
	if (begin)
		record_wait(w, begin);
}

static void op_wait_cores(struct sched_worker *w)
{
	uint64_t begin = w->run->profile ? now_ns() : 0;

	sched_of(w->run)->dev->ops->wait(w);
	if (begin)
		record_wait(w, begin);
}

static bool op_more_records(struct sched_worker *w)
{
	struct profile_block *block = profile_add_block(sched_of(w->run)->profile);

	if (!block) {
		log_msg(LOG_WARN, "no memory for the profile: it lacks tasks of worker %u", w->index);
		return false;
	}
	if (w->record)
		profile_end_block(w->record_end, w->record);
	w->record = block->record;
	w->record_end = block->record + PROFILE_BLOCK;
	return true;
}

static void op_room(struct sched_run *run)
{
	stream_room(container_of(run->window, struct stream, window));
}

static void publish_workers(struct sched *s, unsigned int workers)
{
	struct sched_run *run = &s->run;

	atomic_store(&run->nworkers, workers);
	if (workers > 1)
		atomic_store_explicit(&s->here, machine_here(), memory_order_relaxed);
	if (!(atomic_load(&s->members) & SCHED_OPEN))
		atomic_store(&s->members, SCHED_OPEN);
	/*
	 * Not before they can join: a flow is submitted to already, and who is woken in vain
	 * would not be woken again.
	 */
	atomic_store(&run->parked, (workers == 64 ? ~0ull : (1ull << workers) - 1) & ~run->stays);
}

/* Worker 0 has been alone for long enough. The next launch asks anew how many are useful. */
static void add_workers(struct sched *s)
{
	unsigned int i;

	s->useful = 0;
	pthread_mutex_lock(&s->lock);
	if (!s->error) {
		for (i = 1; i < s->run.most; i++)
			layout_reset_worker(s->workers[i]);
		publish_workers(s, s->run.most);
	}
	pthread_mutex_unlock(&s->lock);
}

static void op_look(struct sched_worker *w)
{
	struct sched *s = sched_of(w->run);
	unsigned int i;

	if (now_ns() - s->run.begin < ALONE_NS) {
		w->look *= 2;
		return;
	}
	w->look = 0;
	add_workers(s);
	for (i = 1; i < s->run.nworkers && ready_work(w); i++)
		op_wake(&s->run, ~1ull);
}

static struct sched_ops ops_for(const struct device_ops *backend)
{
	return (struct sched_ops){
		.resolve = emu_resolve,
		.wake = op_wake,
		.park = op_park,
		.rest = op_rest,
		.doorbell = backend->doorbell,
		.poll = backend->poll,
		.wait_cores = op_wait_cores,
		.failed = launch_failed,
		.more_records = op_more_records,
		.room = op_room,
		.look = op_look,
		.mixed = launch_mixed,
	};
}

/* ---- a run -------------------------------------------------------------- */

/* PTO_SEED: room for as many ready tasks as there can be; each launch begins anew. */
static __attribute__((cold)) int make_shuffle(struct sched *s, struct launch *l)
{
	uint32_t tasks = l->stream ? l->stream->window.mask + 1 : l->graph->ntasks;
	struct sched_shuffle *shuffle;

	free(s->run.shuffle);
	shuffle = calloc(1, sizeof(*shuffle) + tasks * sizeof(*shuffle->task));
	s->run.shuffle = shuffle;
	if (!shuffle)
		return fail(-ENOMEM, "no memory for PTO_SEED's order of %u tasks", tasks);
	/* Never 0, and far from that of the next number. */
	shuffle->state = (s->dev->seed + 1) * 0x9e3779b97f4a7c15ull ?: 1;
	l->aicpu = &sched_shuffling;
	l->workers = 1;
	return 0;
}

/*
 * How many workers are useful, if the launch does not say? One, where cores run on threads of
 * their own, which have all the work. Who submits to a flow has a CPU, too.
 */
static unsigned int useful_workers(struct sched *s, const struct launch *l)
{
	if (!s->dev->inplace || (!l->stream && l->graph->ntasks < 2))
		return 1;
	if (!s->useful)
		s->useful = min(machine_cores(), (unsigned int)SCHED_MAX_WORKERS);
	return l->stream ? max(s->useful - 1, 1u) : s->useful;
}

/* Worker 0, and the last ones, as many as threads will be lent to. */
static uint64_t staying(const struct launch *l, unsigned int workers)
{
	unsigned int lent = l->stream ? min(l->stream->lends, workers - 1) : 0;

	return 1 | ((1ull << lent) - 1) << (workers - lent);
}

int sched_join(struct sched *s, struct stream *stream)
{
	struct launch *l;
	int index = -EAGAIN;

	pthread_mutex_lock(&s->lock);
	l = s->current;
	/* While this is the launch, no other run can be open. */
	if (l && l->stream == stream && stream->lent < stream->lends &&
	    stream->lent + 1 < s->run.nworkers && threads_join_run(s))
		index = s->run.nworkers - ++stream->lent;
	pthread_mutex_unlock(&s->lock);
	return index;
}

/*
 * The thread that launches is worker 0, unless it would run kernels that it
 * might have to be given up for: then one of the scheduler's stands in.
 */
static bool runs_here(const struct sched *s, const struct launch *l)
{
	return !s->dev->inplace ||
	       (l->graph->leaf && (!l->aicore_image || l->aicore_image->leaf));
}

/*
 * Who submits may be the only worker, unless it might have to be given up for that; and it is
 * here, while a thread may take milliseconds to come.
 */
static void offer_seat(const struct sched *s, const struct launch *l)
{
	struct sched_window *window = s->run.window;
	bool may = s->run.nworkers == 1 && s->dev->inplace && !s->dev->seeded && runs_here(s, l);

	window->crowded = s->run.spin == SPIN_CROWDED;
	atomic_store_explicit(&window->seat, may ? SEAT_FREE : SEAT_FIXED, memory_order_release);
	/* If it has not been its turn yet, who submits may sleep. */
	ready_ask(s->run.workers[0]);
}

static int prepare(struct sched *s, struct launch *l)
{
	const struct pto_graph *g = l->graph;
	struct sched_run *run = &s->run;
	bool one = s->dev->inplace && !l->stream && g->ntasks == 1;
	unsigned int workers, i;
	bool grows;
	int ret;

	if (unlikely(s->dev->seeded) && make_shuffle(s, l))
		return -ENOMEM;
	workers = min(l->workers ?: useful_workers(s, l), l->block_dim);
	grows = !l->workers && !l->stream && workers > 1;
	ret = layout_set(s, l->block_dim, workers);
	if (!ret)
		ret = s->dev->ops->launch_begin(s->dev, l->block_dim, l->task_ns);
	if (ret)
		return ret;
	/* Nobody can help with one task. */
	run->most = one ? 1 : workers;
	if (grows || one)
		workers = 1;
	for (i = 0; i < workers; i++) {
		layout_reset_worker(s->workers[i]);
		if (!s->dev->inplace)
			layout_reset_queues(s, s->workers[i]);
	}
	s->workers[0]->look = run->most > workers;
	s->program = l->aicpu ? l->aicpu : &sched_builtin;
	s->aicore = l->aicore;
	run->ops = &s->ops;
	if (l->stream) {
		run->window = &l->stream->window;
		run->slabs = l->stream->slabs.at;
		run->chunks = l->stream->chunks.at;
		run->nroots = 0;
	} else {
		run->window = NULL;
		run->slabs = g->slabs.at;
		run->chunks = g->chunks.at;
		run->pending = g->pending;
		run->many = &g->many;
		run->roots = g->roots;
		run->runs = g->runs;
		run->nroots = g->nroots;
		run->ntasks = g->ntasks;
	}
	run->workers = s->workers;
	run->nworkers = workers;
	run->stays = staying(l, workers);
	/* Who submits to a flow has a CPU, too. */
	run->spin = workers + (l->stream != NULL) <= s->cpus ? SPIN_ALONE : SPIN_CROWDED;
	/* Alone it may lag behind, by a small part of the window. */
	run->look_every = LOOK_MIN;
	if (l->stream && workers == 1)
		run->look_every = min(max(l->stream->window.mask / 16, LOOK_MIN), LOOK_MAX);
	run->emu = s->dev->emu;
	run->profile = l->profiled;
	atomic_store_explicit(&run->root, 0, memory_order_relaxed);
	atomic_store_explicit(&run->finished, 0, memory_order_relaxed);
	return 0;
}

static void cancelled(struct sched *s, struct launch *l)
{
	pthread_mutex_lock(&s->lock);
	if (stop_run(s, l, -ECANCELED))
		snprintf(s->text, sizeof(s->text), "the launch was cancelled");
	pthread_mutex_unlock(&s->lock);
}

/* From here on it can be ended, by others, too. @t: see runs_here(). */
static int begin(struct sched *s, struct launch *l, struct emu_thread *t)
{
	uint64_t deadline = l->timeout_ns ? now_ns() + l->timeout_ns : 0;
	int ret;

	atomic_store_explicit(&s->watch.task_ns, l->task_ns, memory_order_relaxed);
	atomic_store_explicit(&s->watch.deadline, deadline, memory_order_relaxed);
	atomic_store_explicit(&s->error, 0, memory_order_relaxed);
	s->left = false;
	atomic_store_explicit(&s->current, l, memory_order_release);
	if (l->async) {
		/* Who cancels says so first, and looks for it then. */
		atomic_thread_fence(memory_order_seq_cst);
		if (atomic_load(&l->cancel))
			cancelled(s, l);
	}
	ret = emu_watch(s->dev->emu, &s->watch, t);
	return ret ? ret : s->error;
}

static int end(struct sched *s, struct emu_thread *t)
{
	int error;

	emu_unwatch(s->dev->emu, t);
	pthread_mutex_lock(&s->lock);
	atomic_store_explicit(&s->current, NULL, memory_order_relaxed);
	error = s->error;
	pthread_mutex_unlock(&s->lock);
	return error ? fail_set(error, s->text) : 0;
}

static void close_run(struct sched *s)
{
	threads_close_run(s);
	/* Nobody is left to be woken, whoever still submits to a flow. */
	atomic_store(&s->run.parked, 0);
}

/* Workers and cores whose thread was given up are left to it. */
static void replace_lost(struct sched *s)
{
	struct emu_core *core;
	unsigned int i;

	for (i = 0; i < SCHED_MAX_WORKERS; i++)
		if (s->lost_workers & 1ull << i)
			s->workers[i] = NULL;
	if (s->lost_workers)
		s->config_workers = 0;
	s->lost_workers = 0;
	for (i = 0; i < PTO_MAX_CORES; i++) {
		core = emu_core_if(s->dev->emu, i);
		if (core && atomic_load(&core->lost)) {
			emu_core_retire(s->dev->emu, i);
			s->config_workers = 0;
		}
	}
}

void sched_work(struct sched *s, struct sched_worker *w, struct emu_thread *t)
{
	struct profile_visit visit = { .worker = w->index };

	if (unlikely(s->profile))
		visit.begin = now_ns();
	leave_submitter(w);
	if (s->run.window && !w->index && seat_sit(w) && s->profile) {
		/* Who submits may have worked since the launch began. */
		visit.begin = s->profile->begin;
		record_wait(w, visit.begin);
	}
	if (stopped(w))
		return;
	w->thread = t;
	t->aicore = s->aicore;
	if (s->dev->inplace)
		s->program->inplace(w);
	else
		s->program->rings(w);
	if (s->dev->ops->leave)
		s->dev->ops->leave(w);
	/* A thread that was given up is stopped, and owns nothing any more. */
	if (likely(!s->profile) || stopped(w))
		return;
	visit.end = now_ns();
	visit.tasks = w->settled;
	w->settled = 0;
	profile_visit(s->profile, &visit);
}

static int stand_in(struct sched *s)
{
	int ret;

	atomic_store(&s->stood_in, 0);
	ret = threads_wake(s, 0);
	if (ret == -ESHUTDOWN)
		return fail(ret, "the process is about to end");
	if (!ret)
		threads_wait_stand_in(s);
	return ret;
}

static int run_worker0(struct sched *s, struct emu_thread *t)
{
	if (unlikely(!t))
		return stand_in(s);
	t->emu = s->dev->emu;
	sched_work(s, s->workers[0], t);
	return 0;
}

static void wake_for_roots(struct sched *s)
{
	unsigned int i;

	for (i = 1; i < s->run.nworkers && i < s->run.nroots; i++)
		op_wake(&s->run, ~1ull);
	/* Of a flow there may be tasks already, that nobody could be woken for. */
	if (s->run.window)
		op_wake(&s->run, ~1ull);
}

/* The thread that is to work on the run, which has begun, can not. */
static void leave_run(struct sched *s, struct launch *l, int error)
{
	pthread_mutex_lock(&s->lock);
	if (stop_run(s, l, error))
		snprintf(s->text, sizeof(s->text), "%s", pto_last_error());
	pthread_mutex_unlock(&s->lock);
	if (l->stream)
		seat_sit(s->workers[0]);
}

/* @ret: why it can not be run. */
static int run_all(struct sched *s, struct launch *l, struct emu_thread *t, int ret)
{
	bool alone = t && s->run.most == 1;
	int error;

	if (!alone)
		publish_workers(s, s->run.nworkers);
	if (!ret && (l->stream || l->graph->ntasks)) {
		if (s->run.nworkers > 1)
			wake_for_roots(s);
		s->run.begin = s->workers[0]->look ? now_ns() : 0;
		ret = run_worker0(s, t);
	}
	if (unlikely(ret))
		leave_run(s, l, ret);
	if (!alone)
		close_run(s);
	if (unlikely(ret || s->error))
		s->dev->ops->launch_end(s->dev);
	atomic_store_explicit(&s->last_workers, s->run.nworkers, memory_order_relaxed);
	error = end(s, t);
	if (unlikely(error || ret))
		l->graph->sealed = l->graph->armed = false;
	return error ? error : ret;
}

static void keep_profile(struct sched *s, struct launch *l)
{
	struct profile *profile = s->profile;
	unsigned int i, k;

	profile->nworkers = s->run.nworkers;
	profile->ncores = l->block_dim * PTO_BLOCK_CORES;
	for (i = 0; i < s->run.nworkers; i++) {
		struct sched_worker *w = s->workers[i];

		if (w->record)
			profile_end_block(w->record_end, w->record);
		for (k = 0; k < w->nqueues; k++)
			profile->core_worker[w->queue[k].core->number] = i;
	}
	profile_free(l->graph->profile);
	l->graph->profile = profile;
	s->profile = NULL;
}

/* ---- turns -------------------------------------------------------------- */

static __attribute__((noinline)) int wait_turn(struct sched *s, struct launch *l)
{
	uint64_t now = now_ns(), deadline = l->timeout_ns ? now + l->timeout_ns : UINT64_MAX;

	while (!turn_wait(&s->turn, &l->wait, min(TURN_NS, deadline - now))) {
		now = now_ns();
		if (!atomic_load(&l->cancel) && now < deadline)
			continue;
		turn_leave(&s->turn, &l->wait);
		if (atomic_load(&l->cancel))
			return fail(-ECANCELED, "the launch was cancelled before its turn");
		return fail(-ETIME, "other launches kept %s busy for all of its %llu ms",
			    s->dev->name, (unsigned long long)(l->timeout_ns / NSEC_PER_MSEC));
	}
	return 0;
}

static int take_turn(struct sched *s, struct launch *l)
{
	if (likely(!l->waits && turn_enter(&s->turn, &l->wait)))
		return 0;
	return wait_turn(s, l);
}

/* Its turn has come. */
static int begin_run(struct sched *s, struct launch *l, struct emu_thread *t)
{
	int ret = prepare(s, l);

	if (ret)
		return ret;
	if (unlikely(l->profiled)) {
		s->profile = profile_new(l->stream ? l->stream->log : NULL);
		if (!s->profile)
			return -ENOMEM;
	}
	l->begun = true;
	ret = begin(s, l, t);
	/* Not before: whoever sits there is watched. */
	if (!ret && l->stream)
		offer_seat(s, l);
	return ret;
}

/* @ret: how it has begun. */
static int end_run(struct sched *s, struct launch *l, struct emu_thread *t, int ret)
{
	if (likely(l->begun))
		ret = run_all(s, l, t, ret);
	if (unlikely(s->profile))
		keep_profile(s, l);
	if (unlikely(ret))
		replace_lost(s);
	turn_pass(&s->turn);
	return ret;
}

int sched_begin(struct sched *s, struct launch *l)
{
	int ret;

	l->waits = !turn_enter(&s->turn, &l->wait);
	if (l->waits)
		return 0;
	ret = begin_run(s, l, NULL);
	return ret ? end_run(s, l, NULL, ret) : 0;
}

int sched_launch(struct sched *s, struct launch *l)
{
	struct emu_thread *t = runs_here(s, l) ? guard_thread() : NULL;
	int ret;

	if (l->begun) {
		ret = s->error;
		if (!ret && t)
			ret = emu_watch_thread(s->dev->emu, t);
	} else {
		ret = take_turn(s, l);
		if (ret)
			return ret;
		ret = begin_run(s, l, t);
	}
	return end_run(s, l, t, ret);
}

int sched_abandon(struct sched *s, struct launch *l, int error)
{
	if (l->begun)
		return end_run(s, l, NULL, error);
	turn_leave(&s->turn, &l->wait);
	return error;
}

unsigned int sched_workers(struct sched *s)
{
	return s ? atomic_load_explicit(&s->last_workers, memory_order_relaxed) : 0;
}

/* ---- life --------------------------------------------------------------- */

int sched_create(struct pto_device *dev, struct sched **sched)
{
	struct sched *s = aligned_alloc(CACHE_LINE, align_up(sizeof(*s), CACHE_LINE));

	if (!s)
		return fail(-ENOMEM, "no memory for a scheduler");
	memset(s, 0, sizeof(*s));
	s->dev = dev;
	s->ops = ops_for(dev->ops);
	s->watch.expired = expired;
	s->watch.give_up = give_up;
	turn_init(&s->turn);
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->threads_lock, NULL);
	*sched = s;
	return 0;
}

void sched_destroy(struct sched *s)
{
	layout_free(s);
	free(s->run.shuffle);
	pthread_mutex_destroy(&s->threads_lock);
	turn_destroy(&s->turn);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
