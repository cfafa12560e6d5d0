// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Devices by name, and the life of what they hold.
 *
 * A device is opened once, however many handles there are to it. Everything
 * made from it keeps it; the last one to go frees it.
 */
#include "device/device.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/error.h"
#include "device/memory.h"
#include "sched/launch.h"

#define BACKENDS	2
#define TASK_TIMEOUT_MS	10000

/* By number those that can be had; dead ones that are still held are only among all. */
static struct {
	pthread_mutex_t lock;
	struct pto_device *dev[BACKENDS][PTO_MAX_DEVICES];
	LIST_HEAD(, pto_device) all;
} open_devices = { .lock = PTHREAD_MUTEX_INITIALIZER };

unsigned int device_fork_epoch;

/* ---- fork, exit --------------------------------------------------------- */

static void before_fork(void)
{
	pthread_mutex_lock(&open_devices.lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&open_devices.lock);
}

/* The parent's devices stay with the parent: their threads are not here. */
static void in_child(void)
{
	device_fork_epoch++;
	memset(open_devices.dev, 0, sizeof(open_devices.dev));
	LIST_INIT(&open_devices.all);
	pthread_mutex_unlock(&open_devices.lock);
}

static void __attribute__((constructor)) watch_forks(void)
{
	pthread_atfork(before_fork, after_fork, in_child);
}

int device_forked(const struct pto_device *dev)
{
	return fail(-EPERM, "%s was opened before fork(): the child must open devices of its own",
		    dev->name);
}

int device_dead(const struct pto_device *dev)
{
	return fail(-ENODEV, "%s was reset or is gone: what was opened on it must be closed, and opened again",
		    dev->name);
}

/* At exit: no thread of ours may run on while the process takes itself apart. */
static void __attribute__((destructor)) stop_threads(void)
{
	struct pto_device *dev;

	pthread_mutex_lock(&open_devices.lock);
	LIST_FOREACH(dev, &open_devices.all, link) {
		/* Another thread may be closing it: the reference keeps it, for ever. */
		device_get(dev);
		pthread_mutex_unlock(&open_devices.lock);
		if (dev->sched)
			sched_quit(dev->sched);
		emu_quit(dev->emu);
		pthread_mutex_lock(&open_devices.lock);
	}
	pthread_mutex_unlock(&open_devices.lock);
}

/* ---- names -------------------------------------------------------------- */

/** struct device_name - what a device's name means */
struct device_name {
	const struct device_ops *ops;
	int index;
};

static int no_such_name(const char *name)
{
	return fail(-EINVAL, "no device is called '%s': there are embedded0 to embedded%d, pto0 to pto%d, /dev/pto/pto0, or a number",
		    name, PTO_MAX_DEVICES - 1, PTO_MAX_DEVICES - 1);
}

static int parse_index(const char *name, const char *digits)
{
	unsigned long index;
	char *end;

	index = strtoul(digits, &end, 10);
	if (*digits < '0' || *digits > '9' || *end)
		return no_such_name(name);
	if (index >= PTO_MAX_DEVICES)
		return fail(-ENODEV, "there is no device %lu: devices are 0 to %d", index,
			    PTO_MAX_DEVICES - 1);
	return index;
}

/* "embedded", "embedded7", "pto0", "/dev/pto/pto0", "3" */
static int parse_name(const char *name, struct device_name *to)
{
	static const char folder[] = "/dev/pto/";
	const char *digits = name;

	if (!strcmp(name, "embedded")) {
		*to = (struct device_name){ &embedded_ops, 0 };
		return 0;
	}
	if (!strncmp(name, "embedded", 8)) {
		to->ops = &embedded_ops;
		digits += 8;
	} else {
		if (!strncmp(digits, folder, strlen(folder)))
			digits += strlen(folder);
		to->ops = &chardev_ops;
		if (!strncmp(digits, "pto", 3))
			digits += 3;
		else if (digits == name)
			to->ops = NULL;
		else
			return no_such_name(name);
	}
	to->index = parse_index(name, digits);
	if (to->index < 0)
		return to->index;
	if (!to->ops)
		to->ops = device_is_there(to->index) ? &chardev_ops : &embedded_ops;
	return 0;
}

const char *device_wanted(void)
{
	const char *name = getenv("PTO_DEVICE");

	return name && *name ? name : NULL;
}

int device_kind(const char *name, const char **kind)
{
	struct device_name to;
	int ret = parse_name(name, &to);

	if (ret)
		return ret;
	*kind = *name >= '0' && *name <= '9' ? "" : to.ops == &embedded_ops ? "embedded" : "pto";
	return 0;
}

/* ---- opening ------------------------------------------------------------ */

static struct pto_device **open_slot(const struct device_ops *ops, int index)
{
	return &open_devices.dev[ops == &chardev_ops][index];
}

static int device_new(const struct device_name *name, struct pto_device **out)
{
	struct pto_device *dev = calloc(1, sizeof(*dev));
	int ret;

	if (!dev)
		return fail(-ENOMEM, "no memory for a device");
	dev->ops = name->ops;
	dev->index = name->index;
	dev->fork_epoch = device_fork_epoch;
	/* To look for them at each launch would cost more than all else that one does. */
	dev->launch_ms = env_ms("PTO_LAUNCH_TIMEOUT_MS", 0);
	dev->task_ms = env_ms("PTO_TASK_TIMEOUT_MS", 0) ?: TASK_TIMEOUT_MS;
	dev->check = check_level();
	dev->seeded = env_number("PTO_SEED", &dev->seed);
	atomic_init(&dev->refs, 1);
	pthread_mutex_init(&dev->lock, NULL);
	ret = dev->ops->open(dev);
	if (ret) {
		dev->ops->close(dev);
		pthread_mutex_destroy(&dev->lock);
		free(dev);
		return ret;
	}
	log_msg(LOG_INFO, "opened %s (%s), %s", dev->name, dev->ops->backend,
		dev->ops->mode(dev));
	LIST_INSERT_HEAD(&open_devices.all, dev, link);
	*out = dev;
	return 0;
}

int pto_device_open(const char *name, struct pto_device **out)
{
	struct pto_device **slot;
	struct device_name want = { .ops = NULL };
	int ret;

	if (!out)
		return fail(-EINVAL, "pto_device_open: dev is NULL");
	if (!name)
		name = device_wanted();
	ret = parse_name(name ?: "embedded", &want);
	if (ret)
		return ret;
	pthread_mutex_lock(&open_devices.lock);
	slot = open_slot(want.ops, want.index);
	/* A dead one is left to those who hold it. */
	if (*slot && device_alive(*slot))
		device_get(*slot);
	else
		ret = device_new(&want, slot);
	*out = ret ? NULL : *slot;
	pthread_mutex_unlock(&open_devices.lock);
	return ret;
}

void device_get(struct pto_device *dev)
{
	atomic_fetch_add(&dev->refs, 1);
}

/* What a thread that was given up may still touch stays for ever. */
static void device_free(struct pto_device *dev)
{
	bool all = !dev->sched || sched_quit(dev->sched);

	all &= emu_quit(dev->emu);
	if (!all)
		return;
	if (dev->sched)
		sched_destroy(dev->sched);
	dev->ops->close(dev);
	pthread_mutex_destroy(&dev->lock);
	free(dev);
}

void device_put(struct pto_device *dev)
{
	struct pto_device **slot = open_slot(dev->ops, dev->index);
	int refs = atomic_load(&dev->refs);

	/* Only the last one concerns who opens it again. */
	while (refs > 1)
		if (atomic_compare_exchange_weak(&dev->refs, &refs, refs - 1))
			return;
	pthread_mutex_lock(&open_devices.lock);
	if (atomic_fetch_sub(&dev->refs, 1) > 1) {
		dev = NULL;
	} else {
		if (*slot == dev)
			*slot = NULL;
		if (dev->fork_epoch == device_fork_epoch)
			LIST_REMOVE(dev, link);
		else
			dev = NULL;
	}
	pthread_mutex_unlock(&open_devices.lock);
	if (dev)
		device_free(dev);
}

void pto_device_close(struct pto_device *dev)
{
	if (dev)
		device_put(dev);
}

int pto_device_query(struct pto_device *dev, struct pto_device_info *info)
{
	struct pto_mem_stat stat = { .size = sizeof(stat) };
	struct pto_device_info now = { .size = sizeof(now) };
	uint32_t size;
	int ret;

	if (!dev || !info)
		return fail(-EINVAL, "pto_device_query: NULL argument");
	if (info->size < offsetof(struct pto_device_info, aicpu_threads))
		return fail(-EINVAL, "pto_device_info: size is %u", info->size);
	ret = device_usable(dev);
	if (ret)
		return ret;
	mem_stat(dev->mem, &stat);
	now.index = dev->index;
	now.blocks = dev->blocks;
	now.cores = PTO_BLOCK_CORES * dev->blocks;
	now.mem_total = stat.total;
	now.mem_used = stat.used;
	now.host_threads = emu_threads_count(dev->emu);
	now.aicpu_threads = sched_workers(dev->sched);
	snprintf(now.backend, sizeof(now.backend), "%s", dev->ops->backend);
	snprintf(now.mode, sizeof(now.mode), "%s", dev->ops->mode(dev));
	snprintf(now.name, sizeof(now.name), "%s", dev->name);
	size = min(info->size, now.size);
	memcpy(info, &now, size);
	info->size = size;
	return 0;
}

/* ---- memory ------------------------------------------------------------- */

int pto_mem_alloc(struct pto_device *dev, size_t size, void **ptr)
{
	int ret;

	if (!dev || !ptr)
		return fail(-EINVAL, "pto_mem_alloc: NULL argument");
	ret = device_usable(dev);
	if (ret)
		return ret;
	ret = mem_alloc(dev->mem, size, ptr);
	/* It may have died meanwhile, and has no memory since then. */
	return ret == -ENOMEM && !device_alive(dev) ? device_dead(dev) : ret;
}

int pto_mem_free(struct pto_device *dev, void *ptr)
{
	int ret;

	if (!dev)
		return fail(-EINVAL, "pto_mem_free: the device is NULL");
	if (!ptr)
		return 0;
	ret = device_ours(dev);
	return ret ? ret : mem_free(dev->mem, ptr);
}

/* The side given as @device must be device memory. */
static int copy(struct pto_device *dev, void *dst, const void *src, size_t size,
		const void *device, const char *what)
{
	int ret;

	if (!dev)
		return fail(-EINVAL, "%s: the device is NULL", what);
	ret = device_usable(dev);
	if (ret || !size)
		return ret;
	if (!dst || !src)
		return fail(-EINVAL, "%s: the %s is NULL", what, dst ? "source" : "destination");
	ret = mem_check(dev->mem, device, size);
	if (ret)
		return ret;
	memmove(dst, src, size);
	/* The memory of a device that has just died is another's. */
	return device_usable(dev);
}

int pto_mem_write(struct pto_device *dev, void *dst, const void *src, size_t size)
{
	return copy(dev, dst, src, size, dst, "copy to device");
}

int pto_mem_read(struct pto_device *dev, void *dst, const void *src, size_t size)
{
	return copy(dev, dst, src, size, src, "copy from device");
}

int pto_mem_copy(struct pto_device *dev, void *dst, const void *src, size_t size)
{
	if (dev && size && src && !device_ours(dev) && mem_check(dev->mem, src, size))
		return -EINVAL;
	return copy(dev, dst, src, size, dst, "copy on the device");
}

int pto_mem_stat(struct pto_device *dev, struct pto_mem_stat *stat)
{
	int ret;

	if (!dev || !stat || stat->size < sizeof(*stat))
		return fail(-EINVAL, "pto_mem_stat: NULL argument, or size not set");
	ret = device_ours(dev);
	if (ret)
		return ret;
	mem_stat(dev->mem, stat);
	return 0;
}

int pto_mem_list(struct pto_device *dev, int (*visit)(void *arg, void *ptr, size_t size), void *arg)
{
	int ret;

	if (!dev || !visit)
		return fail(-EINVAL, "pto_mem_list: NULL argument");
	ret = device_ours(dev);
	return ret ? ret : mem_list(dev->mem, visit, arg);
}
