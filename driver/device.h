/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Devices: /dev/pto/ptoN, and what a kind of device must be able to do.
 */
#ifndef PTO_DEVICE_H
#define PTO_DEVICE_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/mutex.h>

#include <linux/pto.h>
#include <linux/pto_netlink.h>

#include "dump.h"
#include "event.h"

struct pto_ctx;
struct pto_stream;

#define PTO_DRIVER_VERSION	0x000100
#define PTO_DRIVER_VERSION_TEXT	"0.1.0"

/* What commands keep busy. */
enum pto_busy {
	PTO_BUSY_COPY,
	PTO_BUSY_AIC,
	PTO_BUSY_AIV,
	PTO_BUSY_KINDS
};

/**
 * struct pto_counters - what was done, by a context or by all of a device
 * @busy_ns:	time that commands took, a core's each
 */
struct pto_counters {
	u64 submitted;
	u64 completed;
	u64 faults;
	u64 busy_ns[PTO_BUSY_KINDS];
};

/**
 * struct pto_device_ops - how a kind of device runs what the driver gives it
 * @backend:	its name
 * @flags:	PTO_DEVICE_*
 * @stream_init:	set up a new stream's engine; may sleep
 * @stream_idle:	its commands were stopped: wait until its engine is idle; may sleep
 * @start:	the stream's head command (never LAUNCH or WAIT) may run. True: it is
 *		already done, without an error. False: pto_stream_done() follows, not
 *		from inside this call
 * @stop:	end the head command. True: it will not answer any more. False: it will,
 *		soon
 *
 * @start and @stop are called with the context's queue lock held.
 */
struct pto_device_ops {
	const char *backend;
	u32 flags;
	void (*stream_init)(struct pto_stream *stream);
	void (*stream_idle)(struct pto_stream *stream);
	bool (*start)(struct pto_stream *stream);
	bool (*stop)(struct pto_stream *stream);
};

/**
 * struct pto_device - one device
 * @dev:	its device node; its references are the structure's. Each open file
 *		holds one, so that it outlives an unplug
 * @timeout_ms:	for new contexts
 * @lock:	protects @contexts, @gone, @past, and writing of the members beside them.
 *		Taken before any lock of a context, never with mmap_lock held
 * @n_contexts:	their number; like @generation and @state read without the lock
 * @next_ctx:	id of the last one that was opened; they are listed by id
 * @past:	of contexts that are closed
 * @faults:	the last ones, see event.h
 * @dump:	of a stream that hung, see dump.h
 */
struct pto_device {
	struct device dev;
	struct cdev cdev;
	const struct pto_device_ops *ops;
	u32 index;
	u32 blocks;
	u64 mem_total;
	atomic64_t mem_used;
	u32 timeout_ms;

	struct mutex lock;		/* the outermost */
	struct list_head contexts;
	u32 n_contexts;
	u32 next_ctx;
	u32 generation;
	enum pto_dev_state state;
	bool gone;
	struct pto_counters past;

	struct pto_fault_history faults;
	struct pto_dump_slot dump;
};

/* What dumps list; see pto_list_changes(). */
enum pto_list {
	PTO_LIST_DEVICES,
	PTO_LIST_CONTEXTS,
	PTO_LIST_STREAMS,
	PTO_LISTS
};

/* The module's parameter, for new contexts. */
extern unsigned int pto_timeout_ms;
extern const struct file_operations pto_fops;

int pto_device_init(void);
void pto_device_exit(void);
u32 pto_device_count(void);
struct pto_device *pto_device_get(u32 index);
void pto_device_put(struct pto_device *pdev);

void pto_list_changed(enum pto_list list);
u32 pto_list_changes(enum pto_list list);

void pto_device_setup(struct pto_device *pdev, const struct pto_device_ops *ops, u32 index,
		      void (*release)(struct device *dev));
int pto_device_register(struct pto_device *pdev);
void pto_device_unplug(struct pto_device *pdev);
int pto_device_reset(struct pto_device *pdev, u32 *generation);
void pto_device_cleanup(struct pto_device *pdev);

void pto_device_counters(struct pto_device *pdev, struct pto_counters *sum);
u64 pto_counters_busy(const struct pto_counters *counters);

int pto_device_charge(struct pto_device *pdev, u64 bytes);
void pto_device_uncharge(struct pto_device *pdev, u64 bytes);

#endif
