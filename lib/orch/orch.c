// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Running an orchestration, and the table that it calls us through.
 *
 * An orchestration is foreign code: it runs under the thread's fault guard,
 * and may be left at any instruction, inside a call of the table too when it
 * passed a bad pointer. So no function of the table reads or writes memory of
 * the orchestration's while it holds a lock or owns something unnoted.
 */
#include "orch/orch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pto/pto.h>

#include "base/env.h"
#include "base/error.h"
#include "base/util.h"
#include "device/image.h"
#include "emulator/guard.h"
#include "graph/graph.h"
#include "orch/device.h"

typedef int (*orch_fn)(struct pto_orch *o, uint64_t *args, int nargs);

#define DEVICE_SIDE_ENTRY	"aicpu_orchestration_entry"

/* Remember the first error: an orchestration may not look at return values. */
static int stick(struct orch *o, int rc)
{
	if (unlikely(rc < 0 && !o->err)) {
		o->err = rc;
		o->text = strdup(pto_last_error());
	}
	return rc;
}

/* The runtime behind the first argument, if its orchestration is running. */
static struct orch *building(struct pto_orch *po)
{
	struct orch_handle *h = container_of(po, struct orch_handle, orch);

	if (likely(h->magic == ORCH_MAGIC && h->build->building))
		return h->build;
	fail(-EPERM, "call of an orchestration outside init_runtime()");
	return NULL;
}

static int orch_add_task(struct pto_orch *po, int func_id, int core, const uint64_t *args,
			 int nargs)
{
	struct orch *o = building(po);

	return o ? stick(o, pto_graph_add_task(o->graph, func_id, core, args, nargs)) : -EPERM;
}

static int orch_add_edge(struct pto_orch *po, int from, int to)
{
	struct orch *o = building(po);

	return o ? stick(o, pto_graph_add_edge(o->graph, from, to)) : -EPERM;
}

static int orch_task_count(struct pto_orch *po)
{
	struct orch *o = building(po);

	return o ? pto_graph_task_count(o->graph) : -EPERM;
}

static void *orch_malloc(struct pto_orch *po, size_t size)
{
	struct orch *o = building(po);
	void *ptr = NULL;

	if (o)
		stick(o, staging_alloc(&o->staging, size, &ptr));
	return ptr;
}

static void orch_free(struct pto_orch *po, void *dev)
{
	struct orch *o = building(po);

	if (o)
		stick(o, staging_free(&o->staging, dev));
}

static int orch_copy_to(struct pto_orch *po, void *dev, const void *host, size_t size)
{
	struct orch *o = building(po);

	return o ? stick(o, pto_mem_write(o->staging.dev, dev, host, size)) : -EPERM;
}

static int orch_copy_from(struct pto_orch *po, void *host, const void *dev, size_t size)
{
	struct orch *o = building(po);

	return o ? stick(o, pto_mem_read(o->staging.dev, host, dev, size)) : -EPERM;
}

static void orch_record(struct pto_orch *po, void *host, void *dev, size_t size)
{
	struct orch *o = building(po);

	if (o)
		stick(o, staging_record(&o->staging, host, dev, size));
}

void orch_log(struct pto_orch *po, int severity, const char *text)
{
	int least = max(severity, PTO_ORCH_ERROR);

	log_msg(LOG_ERROR + min(least, PTO_ORCH_DEBUG), "orchestration: %s", text);
}

static int64_t orch_submit(struct pto_orch *po, const struct pto_task *task)
{
	struct orch *o = building(po);
	int64_t id;

	if (!o)
		return -EPERM;
	id = pto_graph_submit(o->graph, task);
	stick(o, min(id, (int64_t)0));
	return id;
}

static int64_t orch_submit_held(struct pto_orch *po, const struct pto_task *task)
{
	struct pto_task held = *task;

	held.flags |= PTO_TASK_NO_DEPS;
	return orch_submit(po, &held);
}

static int orch_add_flow_edge(struct pto_orch *po, int64_t from, int64_t to)
{
	bool small = from >= INT_MIN && from <= INT_MAX && to >= INT_MIN && to <= INT_MAX;

	return orch_add_edge(po, small ? from : -1, small ? to : -1);
}

/* Buffers live as long as the graph. */
static int orch_scope(struct pto_orch *po)
{
	return building(po) ? 0 : -EPERM;
}

static int orch_error(struct pto_orch *po, int err, const char *text)
{
	struct orch *o = building(po);

	if (!o)
		return -EPERM;
	if (err)
		stick(o, fail(err < 0 ? err : -EINVAL, "%s", text));
	return o->err;
}

static int orch_pred_count(struct pto_orch *po, int task)
{
	struct orch *o = building(po);

	return o ? stick(o, graph_pred_count(o->graph, task)) : -EPERM;
}

const struct pto_orch_table orch_table = {
	.abi = PTO_ORCH_ABI,
	.size = sizeof(struct pto_orch_table),
	.add_task = orch_add_task,
	.add_edge = orch_add_edge,
	.task_count = orch_task_count,
	.dev_malloc = orch_malloc,
	.dev_free = orch_free,
	.copy_to = orch_copy_to,
	.copy_from = orch_copy_from,
	.record = orch_record,
	.log = orch_log,
	.tensor_init = pto_tensor_init,
	.tensor_view = pto_tensor_view,
	.tensor_reshape = pto_tensor_reshape,
	.tensor_transpose = pto_tensor_transpose,
	.submit = orch_submit,
	.submit_raw = orch_submit,
	.submit_held = orch_submit_held,
	.add_flow_edge = orch_add_flow_edge,
	.scope_begin = orch_scope,
	.scope_end = orch_scope,
	.error = orch_error,
	.pred_count = orch_pred_count,
};

struct orch_call {
	orch_fn fn;
	struct pto_orch *orch;
	uint64_t *args;
	int nargs;
};

static int call(void *arg)
{
	struct orch_call *c = arg;

	return c->fn(c->orch, c->args, c->nargs);
}

/* Sort out what came back: the first failed call says more than the result. */
static int verdict(struct orch *o, const char *what, int ret)
{
	if (o->err) {
		fail_set(o->err, o->text ?: "no memory for the error text");
		fail_prefix("%s", what);
		return o->err;
	}
	if (!ret)
		return 0;
	/* -1 is how sources that know no errno say "failed". */
	return fail(ret < -1 && ret >= -4095 ? ret : -EIO, "%s returned %d", what, ret);
}

int orch_run(struct orch_handle *h, const void *so, size_t size, const char *func,
	     const struct orch_args *args)
{
	struct orch_call c = { .orch = &h->orch, .args = args->values, .nargs = args->count };
	struct orch *o = h->build;
	char what[64];
	int rc, ret;

	snprintf(what, sizeof(what), "orchestration '%s'", func ?: "");
	rc = image_get(so, size, what, &o->image);
	if (rc)
		return rc;
	o->entry = image_symbol(o->image, DEVICE_SIDE_ENTRY);
	if (o->entry)
		return device_orch_init(o, args);
	if (!func || !*func)
		return fail(-EINVAL, "init: no name of an orchestration function given");
	c.fn = (orch_fn)(uintptr_t)image_symbol(o->image, func);
	if (!c.fn)
		return fail(-ENOENT, "%s: the object exports no function of that name", what);

	o->building = true;
	rc = guard_call(o->image, what, CLOCK_MONOTONIC,
			max(env_ms("PTO_ORCH_TIMEOUT_MS", ORCH_TIMEOUT_MS), 1u), call, &c, &ret);
	o->building = false;
	if (!rc)
		return verdict(o, what, ret);
	/* It may have crashed because it took no notice. */
	return o->text ? fail(rc, "%s; before that: %s", pto_last_error(), o->text) : rc;
}

void orch_release(struct orch *o)
{
	pto_graph_destroy(o->graph);
	staging_release(&o->staging);
	image_put(o->image);
	free(o->text);
}
