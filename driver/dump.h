/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dumps of hung streams, see uapi/linux/pto_dump.h.
 *
 * One a device at a time is made where the time runs out, in a timer with the queue lock held,
 * and handed over from a work item: to the kernel's device core dumps, or to the device, which
 * keeps its first one for debugfs.
 */
#ifndef PTO_DUMP_H
#define PTO_DUMP_H

#include <linux/mutex.h>
#include <linux/types.h>

struct dentry;
struct pto_device;
struct pto_dump;
struct pto_stream;

/**
 * struct pto_dump_slot - what debugfs shows of a device
 * @lock:	protects it; a leaf
 * @dump:	or NULL
 * @under_way: one was made and is not here yet: bit 0
 */
struct pto_dump_slot {
	struct mutex lock;		/* a leaf */
	struct pto_dump *dump;
	unsigned long under_way;
};

void pto_dump_stream(struct pto_stream *stream);
void pto_dump_flush(void);
void pto_dump_free(struct pto_dump_slot *slot);
void pto_dump_debugfs(struct pto_device *pdev, struct dentry *dir);

#endif
