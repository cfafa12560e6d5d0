// SPDX-License-Identifier: GPL-2.0
/* Devices: nodes, reset, unplug, and how much memory is left. */
#include <linux/fs.h>
#include <linux/module.h>

#include "call.h"
#include "compat.h"
#include "ctx.h"
#include "device.h"
#include "map.h"
#include "uring.h"
#include "wait.h"

static dev_t pto_devt;
static atomic_t pto_devices = ATOMIC_INIT(0);

static char *pto_devnode(PTO_DEVNODE_CONST struct device *dev, umode_t *mode)
{
	if (mode)
		*mode = 0666;
	return kasprintf(GFP_KERNEL, "pto/%s", dev_name(dev));
}

static struct class pto_class = {
	.name = "pto",
	.devnode = pto_devnode,
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

u32 pto_device_count(void)
{
	return atomic_read(&pto_devices);
}

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
	if (!err)
		atomic_inc(&pto_devices);
	return err;
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
	mutex_lock(&pdev->lock);
	pdev->gone = true;
	pto_device_kill(pdev);
	mutex_unlock(&pdev->lock);
	cdev_device_del(&pdev->cdev, &pdev->dev);
	atomic_dec(&pto_devices);
}

/* Files that are open now answer ENODEV, new ones work. */
void pto_device_reset(struct pto_device *pdev)
{
	mutex_lock(&pdev->lock);
	pdev->generation++;
	pto_device_kill(pdev);
	mutex_unlock(&pdev->lock);
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
