// SPDX-License-Identifier: GPL-2.0
/*
 * The mock's knobs, in debugfs: pto/ptoN/{latency_ns,jitter_ns,fail_next,hang} and pto/unplug,
 * which takes a device's number; it is not in the device's folder, since a file can not
 * remove itself.
 */
#include <linux/debugfs.h>
#include <linux/module.h>

#include "mock.h"

static struct dentry *pto_knobs;

static int pto_knob_unplug(void *data, u64 index)
{
	return index < PTO_MAX_DEVICES ? pto_mock_unplug(index) : -EINVAL;
}
DEFINE_DEBUGFS_ATTRIBUTE(pto_knob_unplug_fops, NULL, pto_knob_unplug, "%llu\n");

void pto_knobs_add(struct pto_mock *mock)
{
	mock->dir = debugfs_create_dir(dev_name(&mock->pdev.dev), pto_knobs);
	debugfs_create_u64("latency_ns", 0600, mock->dir, &mock->latency_ns);
	debugfs_create_u32("jitter_ns", 0600, mock->dir, &mock->jitter_ns);
	debugfs_create_atomic_t("fail_next", 0600, mock->dir, &mock->fail_next);
	debugfs_create_bool("hang", 0600, mock->dir, &mock->hang);
	pto_dump_debugfs(&mock->pdev, mock->dir);
}

void pto_knobs_del(struct pto_mock *mock)
{
	debugfs_remove(mock->dir);
}

void pto_knobs_init(void)
{
	pto_knobs = debugfs_create_dir("pto", NULL);
	debugfs_create_file_unsafe("unplug", 0200, pto_knobs, NULL, &pto_knob_unplug_fops);
}

void pto_knobs_exit(void)
{
	debugfs_remove(pto_knobs);
}
