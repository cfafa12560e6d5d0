// SPDX-License-Identifier: GPL-2.0
/* Attributes of /sys/class/pto/ptoN, see Documentation/ABI/testing/sysfs-class-pto. */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "device.h"
#include "sysfs.h"

static struct pto_device *to_pto_device(struct device *dev)
{
	return container_of(dev, struct pto_device, dev);
}

static ssize_t abi_version_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", PTO_ABI);
}
static DEVICE_ATTR_RO(abi_version);

/* An attribute that is one value of @pdev. */
#define PTO_ATTR(_name, format, value)							\
static ssize_t _name##_show(struct device *dev, struct device_attribute *attr,		\
			    char *buf)							\
{											\
	struct pto_device *pdev = to_pto_device(dev);					\
											\
	return sysfs_emit(buf, format "\n", value);					\
}											\
static DEVICE_ATTR_RO(_name)

static const char *pto_state_name(struct pto_device *pdev)
{
	return READ_ONCE(pdev->state) == PTO_DEV_STATE_RESETTING ? "resetting" : "ready";
}

static u64 pto_busy_us(struct pto_device *pdev, enum pto_busy kind)
{
	struct pto_counters sum;

	pto_device_counters(pdev, &sum);
	return div_u64(sum.busy_ns[kind], NSEC_PER_USEC);
}

PTO_ATTR(backend, "%s", pdev->ops->backend);
PTO_ATTR(state, "%s", pto_state_name(pdev));
PTO_ATTR(generation, "%u", READ_ONCE(pdev->generation));
PTO_ATTR(reset_count, "%u", READ_ONCE(pdev->generation));
PTO_ATTR(blocks, "%u", pdev->blocks);
PTO_ATTR(mem_total, "%llu", pdev->mem_total);
PTO_ATTR(mem_used, "%llu", (u64)atomic64_read(&pdev->mem_used));
PTO_ATTR(busy_copy_us, "%llu", pto_busy_us(pdev, PTO_BUSY_COPY));
PTO_ATTR(busy_aic_us, "%llu", pto_busy_us(pdev, PTO_BUSY_AIC));
PTO_ATTR(busy_aiv_us, "%llu", pto_busy_us(pdev, PTO_BUSY_AIV));
PTO_ATTR(numa_node, "%d", dev_to_node(&pdev->dev));

static struct attribute *pto_attrs[] = {
	&dev_attr_abi_version.attr,
	&dev_attr_backend.attr,
	&dev_attr_state.attr,
	&dev_attr_generation.attr,
	&dev_attr_reset_count.attr,
	&dev_attr_blocks.attr,
	&dev_attr_mem_total.attr,
	&dev_attr_mem_used.attr,
	&dev_attr_busy_copy_us.attr,
	&dev_attr_busy_aic_us.attr,
	&dev_attr_busy_aiv_us.attr,
	&dev_attr_numa_node.attr,
	NULL
};

static const struct attribute_group pto_attr_group = {
	.attrs = pto_attrs,
};

const struct attribute_group *pto_device_groups[] = {
	&pto_attr_group,
	NULL
};
