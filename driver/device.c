// SPDX-License-Identifier: GPL-2.0
/* Devices: nodes, reset, unplug, and how much memory is left. */
#include <linux/fs.h>
#include <linux/module.h>

#include "call.h"
#include "compat.h"
#include "ctx.h"
#include "device.h"
#include "map.h"
#include "sysfs.h"
#include "trace.h"
#include "uring.h"
#include "wait.h"

static dev_t pto_devt;

/* Devices that are present, by index. An entry is a reference. */
static struct pto_device *pto_devices[PTO_MAX_DEVICES];
static DEFINE_MUTEX(pto_devices_lock);	/* a leaf */

static atomic_t pto_changes[PTO_LISTS];

static char *pto_devnode(PTO_DEVNODE_CONST struct device *dev, umode_t *mode)
{
	if (mode)
		*mode = 0660;
	return kasprintf(GFP_KERNEL, "pto/%s", dev_name(dev));
}

static struct class pto_class = {
	.name = "pto",
	.devnode = pto_devnode,
	.dev_groups = pto_device_groups,
};

const struct file_operations pto_fops = {
	.owner = THIS_MODULE,
	.open = pto_ctx_open,
	.release = pto_ctx_release,
	.unlocked_ioctl = pto_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.uring_cmd = pto_uring_cmd,
	.mmap = pto_mmap,
	.poll = pto_poll,
	.show_fdinfo = pto_show_fdinfo,
	.llseek = noop_llseek,
};

int pto_device_init(void)
{
	int err;

	err = alloc_chrdev_region(&pto_devt, 0, PTO_MAX_DEVICES, "pto");
	if (err)
		return err;
	err = class_register(&pto_class);
	if (err)
		unregister_chrdev_region(pto_devt, PTO_MAX_DEVICES);
	return err;
}

void pto_device_exit(void)
{
	class_unregister(&pto_class);
	unregister_chrdev_region(pto_devt, PTO_MAX_DEVICES);
}

/* ---- what there is ---- */

u32 pto_device_count(void)
{
	u32 i, n = 0;

	for (i = 0; i < PTO_MAX_DEVICES; i++)
		n += !!READ_ONCE(pto_devices[i]);
	return n;
}

/* A device that is present, with a reference, or NULL. */
struct pto_device *pto_device_get(u32 index)
{
	struct pto_device *pdev;

	mutex_lock(&pto_devices_lock);
	pdev = pto_devices[index];
	if (pdev)
		get_device(&pdev->dev);
	mutex_unlock(&pto_devices_lock);
	return pdev;
}

void pto_device_put(struct pto_device *pdev)
{
	put_device(&pdev->dev);
}

static void pto_device_list(struct pto_device *pdev)
{
	get_device(&pdev->dev);
	mutex_lock(&pto_devices_lock);
	WRITE_ONCE(pto_devices[pdev->index], pdev);
	mutex_unlock(&pto_devices_lock);
	pto_list_changed(PTO_LIST_DEVICES);
}

static void pto_device_unlist(struct pto_device *pdev)
{
	mutex_lock(&pto_devices_lock);
	WRITE_ONCE(pto_devices[pdev->index], NULL);
	mutex_unlock(&pto_devices_lock);
	pto_list_changed(PTO_LIST_DEVICES);
	put_device(&pdev->dev);
}

/* Something came or went. */
void pto_list_changed(enum pto_list list)
{
	atomic_inc(&pto_changes[list]);
}

/* A number, not 0, that changes with the list, and with those that it hangs on. */
u32 pto_list_changes(enum pto_list list)
{
	u32 sum = 1, i;

	for (i = 0; i <= list; i++)
		sum += atomic_read(&pto_changes[i]);
	return sum ?: 1;
}

/* ---- life ---- */

/* Make @pdev a structure that put_device() frees, with @release. */
void pto_device_setup(struct pto_device *pdev, const struct pto_device_ops *ops, u32 index,
		      void (*release)(struct device *dev))
{
	device_initialize(&pdev->dev);
	pdev->dev.class = &pto_class;
	pdev->dev.devt = MKDEV(MAJOR(pto_devt), MINOR(pto_devt) + index);
	pdev->dev.release = release;
	pdev->ops = ops;
	pdev->index = index;
	pdev->timeout_ms = pto_timeout_ms;
	pto_fault_history_init(&pdev->faults);
	mutex_init(&pdev->dump.lock);
	mutex_init(&pdev->lock);
	INIT_LIST_HEAD(&pdev->contexts);
	cdev_init(&pdev->cdev, &pto_fops);
	pdev->cdev.owner = THIS_MODULE;
}

int pto_device_register(struct pto_device *pdev)
{
	int err;

	err = dev_set_name(&pdev->dev, "pto%u", pdev->index);
	if (err)
		return err;
	err = cdev_device_add(&pdev->cdev, &pdev->dev);
	if (err)
		return err;
	pto_device_list(pdev);
	pto_event_device(pdev, PTO_DEV_EVENT_ADDED);
	return 0;
}

/* For the release function: what the structure holds besides itself. */
void pto_device_cleanup(struct pto_device *pdev)
{
	pto_fault_history_clear(&pdev->faults);
	pto_dump_free(&pdev->dump);
}

/* End all contexts that are open now. */
static void pto_device_kill(struct pto_device *pdev)
{
	struct pto_ctx *ctx;

	lockdep_assert_held(&pdev->lock);
	list_for_each_entry(ctx, &pdev->contexts, node)
		pto_ctx_kill(ctx, -ENODEV);
	list_for_each_entry(ctx, &pdev->contexts, node)
		pto_ctx_wait_dead(ctx);
}

/* The device is gone: open files stay, but answer ENODEV. */
void pto_device_unplug(struct pto_device *pdev)
{
	pto_device_unlist(pdev);
	mutex_lock(&pdev->lock);
	pdev->gone = true;
	pto_device_kill(pdev);
	mutex_unlock(&pdev->lock);
	cdev_device_del(&pdev->cdev, &pdev->dev);
	pto_event_device(pdev, PTO_DEV_EVENT_REMOVED);
}

/* Files that are open now answer ENODEV, new ones work. -ENODEV: it is gone. */
int pto_device_reset(struct pto_device *pdev, u32 *generation)
{
	int err = -ENODEV;

	mutex_lock(&pdev->lock);
	if (!pdev->gone) {
		*generation = pdev->generation + 1;
		WRITE_ONCE(pdev->generation, *generation);
		WRITE_ONCE(pdev->state, PTO_DEV_STATE_RESETTING);
		trace_pto_reset(pdev);
		pto_event_device(pdev, PTO_DEV_EVENT_RESET_BEGIN);
		pto_device_kill(pdev);
		WRITE_ONCE(pdev->state, PTO_DEV_STATE_READY);
		pto_event_device(pdev, PTO_DEV_EVENT_RESET_END);
		err = 0;
	}
	mutex_unlock(&pdev->lock);
	return err;
}

/* ---- counting ---- */

/* What all contexts did, closed ones too. */
void pto_device_counters(struct pto_device *pdev, struct pto_counters *sum)
{
	struct pto_ctx *ctx;

	mutex_lock(&pdev->lock);
	*sum = pdev->past;
	list_for_each_entry(ctx, &pdev->contexts, node)
		pto_ctx_count(ctx, sum);
	mutex_unlock(&pdev->lock);
}

u64 pto_counters_busy(const struct pto_counters *counters)
{
	return counters->busy_ns[PTO_BUSY_COPY] + counters->busy_ns[PTO_BUSY_AIC] +
	       counters->busy_ns[PTO_BUSY_AIV];
}

int pto_device_charge(struct pto_device *pdev, u64 bytes)
{
	s64 used = atomic64_read(&pdev->mem_used);

	do {
		if (bytes > pdev->mem_total - used)
			return -ENOSPC;
	} while (!atomic64_try_cmpxchg(&pdev->mem_used, &used, used + bytes));
	return 0;
}

void pto_device_uncharge(struct pto_device *pdev, u64 bytes)
{
	atomic64_sub(bytes, &pdev->mem_used);
}
