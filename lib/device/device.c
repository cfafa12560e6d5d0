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

#include "base/error.h"
#include "device/memory.h"
#include "sched/launch.h"

#define WINDOW_SIZE	(16ull << 30)

static struct {
	pthread_mutex_t lock;
	struct pto_device *dev[PTO_MAX_DEVICES];
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

/* At exit: no thread of ours may run on while the process takes itself apart. */
static void __attribute__((destructor)) stop_threads(void)
{
	struct pto_device *dev;
	unsigned int i;

	for (i = 0; i < PTO_MAX_DEVICES; i++) {
		/* Another thread may be closing it: the reference keeps it, for ever. */
		pthread_mutex_lock(&open_devices.lock);
		dev = open_devices.dev[i];
		if (dev)
			device_get(dev);
		pthread_mutex_unlock(&open_devices.lock);
		if (!dev)
			continue;
		if (dev->sched)
			sched_quit(dev->sched);
		emu_quit(dev->emu);
	}
}

/* ---- opening ------------------------------------------------------------ */

/* Half of the host's memory, so that the device is out of it before the host is. */
static size_t default_memory(void)
{
	uint64_t host = (uint64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);

	return min((size_t)(host / 2), (size_t)WINDOW_SIZE);
}

static size_t memory_total(void)
{
	const char *text = getenv("PTO_DEVICE_MEMORY");
	unsigned long long mib;
	char *end;

	if (!text)
		return default_memory();
	mib = strtoull(text, &end, 10);
	if (!*text || *end || *text == '-' || !mib || mib > WINDOW_SIZE >> 20) {
		log_msg(LOG_WARN, "PTO_DEVICE_MEMORY=%s is not in 1..%llu MiB, ignored", text,
			WINDOW_SIZE >> 20);
		return default_memory();
	}
	return mib << 20;
}

static bool wants_inplace(void)
{
	const char *mode = getenv("PTO_EMULATOR");

	if (mode && strcmp(mode, "inplace") && strcmp(mode, "threads"))
		log_msg(LOG_WARN, "PTO_EMULATOR=%s is neither inplace nor threads, ignored", mode);
	return !mode || strcmp(mode, "threads");
}

static int device_new(int index, struct pto_device **out)
{
	struct pto_device *dev = calloc(1, sizeof(*dev));
	int ret;

	if (!dev)
		return fail(-ENOMEM, "no memory for a device");
	dev->index = index;
	dev->fork_epoch = device_fork_epoch;
	dev->inplace = wants_inplace();
	atomic_init(&dev->refs, 1);
	pthread_mutex_init(&dev->lock, NULL);
	snprintf(dev->name, sizeof(dev->name), "embedded%d", index);
	ret = mem_create(WINDOW_SIZE, memory_total(), &dev->mem);
	if (ret)
		goto err_free;
	ret = emu_create(dev->mem, &dev->emu);
	if (ret)
		goto err_mem;
	log_msg(LOG_INFO, "opened %s, %s", dev->name, dev->inplace ? "in place" : "threads");
	*out = dev;
	return 0;

err_mem:
	mem_destroy(dev->mem);
err_free:
	free(dev);
	return ret;
}

/* "embedded", "embedded7" */
static int parse_name(const char *name)
{
	const char *digits;
	unsigned long index;
	char *end;

	if (!name)
		name = getenv("PTO_DEVICE");
	if (!name || !*name || !strcmp(name, "embedded"))
		return 0;
	if (strncmp(name, "embedded", 8))
		return fail(-EINVAL, "no device is called '%s'; there are embedded0 to embedded%d",
			    name, PTO_MAX_DEVICES - 1);
	digits = name + 8;
	index = strtoul(digits, &end, 10);
	if (*digits < '0' || *digits > '9' || *end)
		return fail(-EINVAL, "no device is called '%s'; there are embedded0 to embedded%d",
			    name, PTO_MAX_DEVICES - 1);
	if (index >= PTO_MAX_DEVICES)
		return fail(-ENODEV, "there is no device %lu: devices are 0 to %d", index,
			    PTO_MAX_DEVICES - 1);
	return index;
}

int pto_device_open(const char *name, struct pto_device **out)
{
	int index, ret = 0;

	if (!out)
		return fail(-EINVAL, "pto_device_open: dev is NULL");
	index = parse_name(name);
	if (index < 0)
		return index;
	pthread_mutex_lock(&open_devices.lock);
	if (open_devices.dev[index])
		device_get(open_devices.dev[index]);
	else
		ret = device_new(index, &open_devices.dev[index]);
	*out = open_devices.dev[index];
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
	emu_destroy(dev->emu);
	mem_destroy(dev->mem);
	pthread_mutex_destroy(&dev->lock);
	free(dev);
}

void device_put(struct pto_device *dev)
{
	pthread_mutex_lock(&open_devices.lock);
	if (atomic_fetch_sub(&dev->refs, 1) > 1) {
		dev = NULL;
	} else {
		if (open_devices.dev[dev->index] == dev)
			open_devices.dev[dev->index] = NULL;
		if (dev->fork_epoch != device_fork_epoch)
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
	struct pto_device_info now = { .blocks = PTO_MAX_BLOCKS, .cores = PTO_MAX_CORES };
	struct pto_mem_stat stat = { .size = sizeof(stat) };
	uint32_t size;

	if (!dev || !info)
		return fail(-EINVAL, "pto_device_query: NULL argument");
	if (info->size < offsetof(struct pto_device_info, reserved))
		return fail(-EINVAL, "pto_device_info: size is %u", info->size);
	if (device_usable(dev))
		return -EPERM;
	mem_stat(dev->mem, &stat);
	now.size = sizeof(now);
	now.index = dev->index;
	now.mem_total = stat.total;
	now.mem_used = stat.used;
	now.host_threads = emu_threads_count(dev->emu);
	snprintf(now.backend, sizeof(now.backend), "embedded");
	snprintf(now.mode, sizeof(now.mode), dev->inplace ? "inplace" : "threads");
	snprintf(now.name, sizeof(now.name), "%s", dev->name);
	size = min(info->size, now.size);
	memcpy(info, &now, size);
	info->size = size;
	return 0;
}

/* ---- memory ------------------------------------------------------------- */

int pto_mem_alloc(struct pto_device *dev, size_t size, void **ptr)
{
	if (!dev || !ptr)
		return fail(-EINVAL, "pto_mem_alloc: NULL argument");
	return device_usable(dev) ? -EPERM : mem_alloc(dev->mem, size, ptr);
}

int pto_mem_free(struct pto_device *dev, void *ptr)
{
	if (!dev)
		return fail(-EINVAL, "pto_mem_free: the device is NULL");
	if (!ptr)
		return 0;
	return device_usable(dev) ? -EPERM : mem_free(dev->mem, ptr);
}

/* The side given as @device must be device memory. */
static int copy(struct pto_device *dev, void *dst, const void *src, size_t size,
		const void *device, const char *what)
{
	int ret;

	if (!dev)
		return fail(-EINVAL, "%s: the device is NULL", what);
	if (device_usable(dev))
		return -EPERM;
	if (!size)
		return 0;
	if (!dst || !src)
		return fail(-EINVAL, "%s: the %s is NULL", what, dst ? "source" : "destination");
	ret = mem_check(dev->mem, device, size);
	if (!ret)
		memmove(dst, src, size);
	return ret;
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
	if (dev && size && src && !device_usable(dev) && mem_check(dev->mem, src, size))
		return -EINVAL;
	return copy(dev, dst, src, size, dst, "copy on the device");
}

int pto_mem_stat(struct pto_device *dev, struct pto_mem_stat *stat)
{
	if (!dev || !stat || stat->size < sizeof(*stat))
		return fail(-EINVAL, "pto_mem_stat: NULL argument, or size not set");
	if (device_usable(dev))
		return -EPERM;
	mem_stat(dev->mem, stat);
	return 0;
}

int pto_mem_list(struct pto_device *dev, int (*visit)(void *arg, void *ptr, size_t size), void *arg)
{
	if (!dev || !visit)
		return fail(-EINVAL, "pto_mem_list: NULL argument");
	return device_usable(dev) ? -EPERM : mem_list(dev->mem, visit, arg);
}
