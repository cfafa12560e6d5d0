// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Devices and runtimes of the process.
 *
 * One lock for all of it; what pto_device_open() and pto_launch_cancel() take
 * comes after it. It is held across fork(), so that the child finds the tables
 * whole.
 */
#include "runtime/registry.h"

#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pto_queue.h>
#include <pto/pto.h>

#include "base/error.h"
#include "base/util.h"
#include "device/device.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t forks_once = PTHREAD_ONCE_INIT;

/* All under the lock. */
static struct pto_device *devices[PTO_MAX_DEVICES];
static int current = -1;
static void *runtimes;		/* tsearch() tree of struct runtime by handle */
static unsigned int live;	/* how many of them are this process's */
static uint64_t generations;

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void parent_after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

static void child_after_fork(void)
{
	live = 0;
	pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
	pthread_atfork(before_fork, parent_after_fork, child_after_fork);
}

/*
 * Not by a constructor: what is registered last is locked first at fork(), and
 * this lock comes before the device list's.
 */
static void registry_lock(void)
{
	pthread_once(&forks_once, watch_forks);
	pthread_mutex_lock(&lock);
}

static void registry_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

static int by_handle(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)((const struct runtime *)a)->handle;
	uintptr_t y = (uintptr_t)((const struct runtime *)b)->handle;

	return (x > y) - (x < y);
}

static struct runtime *lookup(struct orch_handle *h)
{
	struct runtime key = { .handle = h };
	struct runtime **at = tfind(&key, &runtimes, by_handle);

	return at ? *at : NULL;
}

/* Is the handle the one that @rt was initialised with, or another at its address? */
static bool is_handle_of(const struct orch_handle *h, const struct runtime *rt)
{
	return h->magic == ORCH_MAGIC && h->generation == rt->generation;
}

/* What the parent process has made is neither used nor freed in its child. */
static bool is_ours(const struct pto_device *dev)
{
	return dev->fork_epoch == device_fork_epoch;
}

static int check_handle(const struct orch_handle *h)
{
	if (!h)
		return fail(-EINVAL, "runtime handle is NULL");
	if ((uintptr_t)h % _Alignof(struct orch_handle))
		return fail(-EINVAL, "runtime handle %p is not aligned to %zu bytes", (void *)h,
			    _Alignof(struct orch_handle));
	return 0;
}

/* The driver's device of this number, or else the embedded one, unless PTO_DEVICE names a kind. */
static int open_device(int id, struct pto_device **dev)
{
	const char *want = device_wanted(), *kind = "";
	char name[32];
	int rc = want ? device_kind(want, &kind) : 0;

	if (rc) {
		fail_prefix("PTO_DEVICE");
		return rc;
	}
	snprintf(name, sizeof(name), "%s%d", kind, id);
	rc = pto_device_open(name, dev);
	if (!rc)
		log_msg(LOG_INFO, "set_device(%d): %s", id, (*dev)->name);
	return rc;
}

/* Can the device be used once more, or must it be opened? */
static bool is_open(int id)
{
	return devices[id] && is_ours(devices[id]) && device_alive(devices[id]);
}

static int switch_device(int id)
{
	struct pto_device *dev;
	int rc;

	if (id == current && is_open(id))
		return 0;
	if (live)
		return fail(-EBUSY, "device %d is in use by %u runtimes: finalize them before device %d is set%s",
			    current, live, id, id == current ? " anew, as it was reset or is gone" : "");
	if (!is_open(id)) {
		rc = open_device(id, &dev);
		if (rc)
			return rc;
		if (devices[id] && is_ours(devices[id]))
			pto_device_close(devices[id]);
		devices[id] = dev;
	}
	current = id;
	return 0;
}

int registry_set_device(int id)
{
	int rc;

	if (id < 0 || id >= PTO_MAX_DEVICES)
		return fail(-EINVAL, "device %d: there are devices 0 to %d", id,
			    PTO_MAX_DEVICES - 1);
	registry_lock();
	rc = switch_device(id);
	registry_unlock();
	return rc;
}

static struct pto_device *current_device(int *err)
{
	if (current < 0) {
		*err = fail(-ENODEV, "no current device: call set_device() first");
		return NULL;
	}
	*err = device_usable(devices[current]);
	return *err ? NULL : devices[current];
}

struct pto_device *registry_device(int *err)
{
	struct pto_device *dev;

	registry_lock();
	dev = current_device(err);
	registry_unlock();
	return dev;
}

/* Take the runtime of an earlier buffer at this address out of the way. */
static int evict(struct orch_handle *h, struct runtime **stale)
{
	struct runtime *old = lookup(h);

	if (!old)
		return 0;
	if (is_handle_of(h, old))
		return device_ours(old->dev) ?:
		       fail(-EBUSY, "runtime %p is initialised: finalize it first", (void *)h);
	if (is_ours(old->dev)) {
		if (!(old->state & (RUNTIME_READY | RUNTIME_FAILED | RUNTIME_ASYNC)))
			return fail(-EBUSY, "an earlier runtime at %p is still in use",
				    (void *)h);
		*stale = old;
		live--;
	}
	tdelete(old, &runtimes, by_handle);
	return 0;
}

static int add(struct orch_handle *h, struct runtime *rt, struct runtime **stale)
{
	int i, rc;

	rt->dev = current_device(&rc);
	if (rc)
		return rc;
	rc = evict(h, stale);
	if (rc)
		return rc;
	rt->handle = h;
	rt->generation = ++generations;
	rt->state = RUNTIME_BUILDING;
	if (!tsearch(rt, &runtimes, by_handle))
		return fail(-ENOMEM, "no memory for a runtime");
	live++;
	h->orch.table = &orch_table;
	for (i = 0; i < PTO_ORCH_HOST_CALLS; i++)
		h->host_calls[i] = &h->orch;
	h->magic = ORCH_MAGIC;
	h->generation = rt->generation;
	h->build = &rt->orch;
	return 0;
}

int registry_add(struct orch_handle *h, struct runtime *rt, struct runtime **stale)
{
	int rc = check_handle(h);

	*stale = NULL;
	if (rc)
		return rc;
	registry_lock();
	rc = add(h, rt, stale);
	registry_unlock();
	return rc;
}

void registry_remove(struct runtime *rt)
{
	struct orch_handle *h = rt->handle;

	registry_lock();
	tdelete(rt, &runtimes, by_handle);
	live--;
	h->orch.table = NULL;
	h->magic = 0;
	h->generation = 0;
	h->build = NULL;
	registry_unlock();
}

static int no_launch(const struct runtime *rt)
{
	return fail(-EINVAL, "runtime %p has no asynchronous launch", (void *)rt->handle);
}

/* Why a runtime can not be taken from a state of the set @from. */
static int refuse(const struct runtime *rt, unsigned int from)
{
	const void *h = rt->handle;

	switch (rt->state) {
	case RUNTIME_READY:
		return no_launch(rt);
	case RUNTIME_FAILED:
		if (from == RUNTIME_ASYNC)
			return no_launch(rt);
		return fail(-EBADFD, "a launch of runtime %p has failed: finalize it", h);
	case RUNTIME_BUILDING:
		return fail(-EBUSY, "runtime %p is being initialised", h);
	case RUNTIME_ASYNC:
	case RUNTIME_LAUNCHING:
	case RUNTIME_WAITING:
		return fail(-EBUSY, "runtime %p is being launched", h);
	case RUNTIME_CHANGING:
		break;
	}
	return fail(-EBUSY, "runtime %p is in use by another call", h);
}

/* The runtime of a handle, if this process may use it. Under the lock. */
static int find(struct orch_handle *h, struct runtime **rt)
{
	*rt = lookup(h);
	if (!*rt || !is_handle_of(h, *rt))
		return fail(-EINVAL, "runtime %p is not initialised, or was finalized", (void *)h);
	return device_ours((*rt)->dev);
}

int registry_take(struct orch_handle *h, unsigned int from, enum runtime_state to,
		  struct runtime **rt)
{
	int rc = check_handle(h);

	if (rc)
		return rc;
	registry_lock();
	rc = find(h, rt);
	if (!rc && !((*rt)->state & from))
		rc = refuse(*rt, from);
	if (!rc) {
		(*rt)->was = (*rt)->state;
		(*rt)->state = to;
	}
	registry_unlock();
	return rc;
}

void registry_give(struct runtime *rt, enum runtime_state state)
{
	registry_lock();
	rt->state = state;
	registry_unlock();
}

int registry_cancel(struct orch_handle *h)
{
	struct runtime *rt;
	int rc = check_handle(h);

	if (rc)
		return rc;
	registry_lock();
	rc = find(h, &rt);
	if (!rc && rt->state & (RUNTIME_ASYNC | RUNTIME_WAITING))
		pto_launch_cancel(rt->launch);
	else if (!rc)
		rc = no_launch(rt);
	registry_unlock();
	return rc;
}

int registry_set_profiling(struct orch_handle *h, bool on)
{
	const unsigned int idle = RUNTIME_READY | RUNTIME_FAILED;
	struct runtime *rt;
	int rc = check_handle(h);

	if (rc)
		return rc;
	registry_lock();
	rt = lookup(h);
	if (rt && is_handle_of(h, rt) && !(rt->state & idle))
		rc = refuse(rt, idle);
	else
		h->profiling = on ? ORCH_MAGIC : 0;
	registry_unlock();
	return rc;
}
