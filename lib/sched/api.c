// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The public calls that launch a graph: checked options, waiting, cancelling. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <pto/pto.h>

#include "base/error.h"
#include "base/thread.h"
#include "device/device.h"
#include "device/image.h"
#include "emulator/guard.h"
#include "profile/log.h"
#include "sched/launch.h"
#include "stream/stream.h"

#define OPTS_MAX	4096	/* no version of the options will be larger */

/**
 * struct pto_launch - an asynchronous launch
 * @fd:		an eventfd that is readable once @result is there
 */
struct pto_launch {
	struct launch launch;
	struct pto_device *dev;
	pthread_t thread;
	int fd;
	atomic_bool done;
	int result;
	char text[768];
};

/* ---- options ------------------------------------------------------------ */

/* Options of an older caller are shorter; what a newer one adds must be zero. */
static int read_opts(const struct pto_launch_opts *in, struct pto_launch_opts *out)
{
	const char *tail = (const char *)in + sizeof(*out);

	memset(out, 0, sizeof(*out));
	if (!in)
		return 0;
	if (in->size < offsetof(struct pto_launch_opts, timeout_ms) || in->size > OPTS_MAX)
		return fail(-EINVAL, "pto_launch_opts: size is %u", in->size);
	for (; tail < (const char *)in + in->size; tail++)
		if (*tail)
			return fail(-E2BIG, "pto_launch_opts: this library knows %zu of %u bytes",
				    sizeof(*out), in->size);
	copy_bytes(out, in, min((size_t)in->size, sizeof(*out)));
	return 0;
}

static int check_opts(const struct pto_device *dev, struct pto_launch_opts *o)
{
	if (o->flags & ~PTO_LAUNCH_PROFILE)
		return fail(-EINVAL, "unknown launch flags %#x", o->flags & ~PTO_LAUNCH_PROFILE);
	if (!o->block_dim)
		o->block_dim = 1;
	if (o->block_dim < 1 || o->block_dim > PTO_MAX_BLOCKS)
		return fail(-EINVAL, "block_dim %d is not in 1..%d", o->block_dim, PTO_MAX_BLOCKS);
	if (o->block_dim > dev->blocks)
		return fail(-EINVAL, "block_dim %d: %s has %u blocks", o->block_dim, dev->name,
			    dev->blocks);
	if (o->aicpu_threads < 0 || o->aicpu_threads > SCHED_MAX_WORKERS)
		return fail(-EINVAL, "aicpu_threads %d is not in 0..%d", o->aicpu_threads,
			    SCHED_MAX_WORKERS);
	if (!o->timeout_ms)
		o->timeout_ms = dev->launch_ms;
	if (!o->task_timeout_ms)
		o->task_timeout_ms = dev->task_ms;
	return 0;
}

/* ---- programs that a launch brings along -------------------------------- */

/* What both kinds of program export begins like this. */
struct program_head {
	uint32_t magic;
	uint32_t abi;
};

static int no_function(const char *kind, const char *function)
{
	return fail(-ENOEXEC, "the %s has no function %s()", kind, function);
}

static int load_program(const void *bytes, size_t size, const char *kind, const char *symbol,
			size_t least, uint32_t magic, struct image **image, const void **program)
{
	const struct program_head *head;
	int ret;

	if (!bytes || !size)
		return 0;
	ret = image_get(bytes, size, kind, image);
	if (ret)
		return ret;
	head = image_symbol(*image, symbol);
	if (!head || (*image)->hi - (uintptr_t)head < least)
		return fail(-ENOEXEC, "the %s does not export %s", kind, symbol);
	if (head->magic != magic)
		return fail(-ENOEXEC, "the %s has a wrong magic %#x", kind, head->magic);
	if (head->abi != PTO_PROGRAM_ABI)
		return fail(-ENOEXEC, "the %s was built for ABI %u, this library has %u: build it again",
			    kind, head->abi, PTO_PROGRAM_ABI);
	*program = head;
	return 0;
}

static int load_programs(struct launch *l, const struct pto_launch_opts *o)
{
	int ret = load_program(o->aicpu, o->aicpu_size, "AICPU program", "pto_aicpu_program",
			       sizeof(*l->aicpu), PTO_AICPU_MAGIC, &l->aicpu_image,
			       (const void **)&l->aicpu);

	ret = ret ?: load_program(o->aicore, o->aicore_size, "AICore program", "pto_aicore_program",
				  sizeof(*l->aicore), PTO_AICORE_MAGIC, &l->aicore_image,
				  (const void **)&l->aicore);
	if (!ret && l->aicpu && (!l->aicpu->inplace || !l->aicpu->rings))
		ret = no_function("AICPU program", l->aicpu->inplace ? "rings" : "inplace");
	if (!ret && l->aicore && !l->aicore->execute)
		ret = no_function("AICore program", "execute");
	return ret;
}

/* ---- launches ----------------------------------------------------------- */

int launch_sched(struct pto_device *dev, struct sched **sched)
{
	int ret = 0;

	pthread_mutex_lock(&dev->lock);
	*sched = dev->sched;
	if (!*sched) {
		ret = sched_create(dev, sched);
		if (!ret)
			dev->sched = *sched;
	}
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

static void launch_end(struct launch *l)
{
	image_put(l->aicpu_image);
	image_put(l->aicore_image);
	atomic_store_explicit(&l->graph->launched, false, memory_order_release);
}

/* All that needs no run. On success the graph is marked as launched. */
static int launch_begin(struct launch *l, struct pto_graph *g, const struct pto_launch_opts *opts)
{
	struct pto_launch_opts o;
	struct sched *sched;
	struct emu_thread *t;
	int ret;

	if (!g)
		return fail(-EINVAL, "the graph to launch is NULL");
	ret = device_usable(g->dev);
	if (ret)
		return ret;
	t = guard_thread();
	if (!t)
		return -ENOMEM;
	if (atomic_load_explicit(&t->running, memory_order_relaxed))
		return fail(-EDEADLK, "a kernel or an orchestration can not launch a graph");
	ret = read_opts(opts, &o);
	if (!ret)
		ret = check_opts(g->dev, &o);
	if (ret)
		return ret;
	if (atomic_exchange(&g->launched, true))
		return fail(-EBUSY, "the graph is being launched");
	l->graph = g;
	l->block_dim = o.block_dim;
	l->workers = o.aicpu_threads;
	l->profiled = o.flags & PTO_LAUNCH_PROFILE;
	l->timeout_ns = o.timeout_ms * NSEC_PER_MSEC;
	l->task_ns = o.task_timeout_ms * NSEC_PER_MSEC;
	ret = graph_seal(g);
	if (!ret && unlikely(o.aicpu || o.aicore))
		ret = load_programs(l, &o);
	if (!ret && unlikely(!g->dev->sched))
		ret = launch_sched(g->dev, &sched);
	if (ret)
		launch_end(l);
	return ret;
}

int pto_graph_launch(struct pto_graph *graph, const struct pto_launch_opts *opts)
{
	struct launch l = { .graph = graph };
	int ret = launch_begin(&l, graph, opts);

	if (ret)
		return ret;
	ret = sched_launch(graph->dev->sched, &l);
	launch_end(&l);
	return ret;
}

/* ---- asynchronous ------------------------------------------------------- */

static int launch_enter(void *arg)
{
	return guard_thread() ? 0 : -ENOMEM;
}

static void *launch_main(void *arg)
{
	struct pto_launch *l = arg;

	l->result = sched_launch(l->dev->sched, &l->launch);
	if (l->result)
		snprintf(l->text, sizeof(l->text), "%s", pto_last_error());
	if (l->launch.stream)
		stream_stop(l->launch.stream, l->result);
	launch_end(&l->launch);
	atomic_store(&l->done, true);
	eventfd_write(l->fd, 1);
	return NULL;
}

int launch_async(struct pto_graph *graph, const struct pto_launch_opts *opts,
		 struct stream *stream, struct pto_launch **launch)
{
	struct pto_launch *l;
	int ret;

	l = calloc(1, sizeof(*l));
	if (!l)
		return fail(-ENOMEM, "no memory for a launch");
	l->fd = eventfd(0, EFD_CLOEXEC);
	if (l->fd < 0) {
		ret = fail(-errno, "eventfd: %m");
		goto err_free;
	}
	l->launch.async = true;
	ret = launch_begin(&l->launch, graph, opts);
	if (ret)
		goto err_close;
	l->launch.stream = stream;
	l->dev = graph->dev;
	if (stream && l->launch.profiled && !(stream->log = log_new())) {
		ret = -ENOMEM;
		goto err_launch;
	}
	device_get(l->dev);
	ret = sched_begin(l->dev->sched, &l->launch);
	if (ret)
		goto err_put;
	/* It takes longer to come than many tasks take to run. */
	ret = thread_start(&l->thread, launch_enter, launch_main, l);
	if (ret) {
		ret = sched_abandon(l->dev->sched, &l->launch, ret);
		goto err_put;
	}
	*launch = l;
	return 0;

err_put:
	device_put(l->dev);
err_launch:
	launch_end(&l->launch);
err_close:
	close(l->fd);
err_free:
	free(l);
	return ret;
}

int pto_graph_launch_async(struct pto_graph *graph, const struct pto_launch_opts *opts,
			   struct pto_launch **launch)
{
	if (!launch)
		return fail(-EINVAL, "pto_graph_launch_async: launch is NULL");
	return launch_async(graph, opts, NULL, launch);
}

int pto_launch_fd(const struct pto_launch *launch)
{
	return launch ? launch->fd : fail(-EINVAL, "pto_launch_fd: the launch is NULL");
}

int launch_wait(struct pto_launch *launch, int timeout_ms)
{
	struct pollfd pfd = { .events = POLLIN };

	if (device_ours(launch->dev))
		return -EPERM;
	pfd.fd = launch->fd;
	if (!atomic_load(&launch->done))
		poll(&pfd, 1, timeout_ms);
	if (!atomic_load(&launch->done))
		return -EINPROGRESS;
	return launch->result ? fail_set(launch->result, launch->text) : 0;
}

int pto_launch_wait(struct pto_launch *launch, int timeout_ms)
{
	int ret;

	if (!launch || timeout_ms < 0)
		return fail(-EINVAL, "pto_launch_wait: %s",
			    launch ? "a negative timeout" : "the launch is NULL");
	ret = launch_wait(launch, timeout_ms);
	/* Who polls has not failed: the log has no line of it. */
	return ret == -EINPROGRESS ? fail_set(ret, "the launch has not ended yet") : ret;
}

void pto_launch_cancel(struct pto_launch *launch)
{
	if (launch && !atomic_load(&launch->done) && !device_ours(launch->dev))
		sched_cancel(launch->dev->sched, &launch->launch);
}

void pto_launch_free(struct pto_launch *launch)
{
	if (!launch)
		return;
	pto_launch_cancel(launch);
	/* In a child of fork() there is no such thread. */
	if (!device_ours(launch->dev))
		pthread_join(launch->thread, NULL);
	device_put(launch->dev);
	close(launch->fd);
	free(launch);
}
