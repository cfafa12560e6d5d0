/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTO_SYSFS_H
#define PTO_SYSFS_H

struct attribute_group;

/* Of each device, there from the moment it can be seen. */
extern const struct attribute_group *pto_device_groups[];

#endif
