/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Devices: the boundary below which a device is a driver's or this process's.
 *
 * Above it, a device is memory, programs, and cores that take 64-byte
 * descriptors. The embedded device is the emulator in this process.
 */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <pto/pto.h>

#include "emulator/emulator.h"

struct emulator;
struct image;
struct mem;
struct sched;

/**
 * struct pto_device - an open device
 * @refs:	the user's handles, and the objects made from it
 * @fork_epoch: of the process that opened it
 * @inplace:	the scheduler's threads execute descriptors themselves
 * @lock:	guards what is made at first use: @sched
 */
struct pto_device {
	atomic_int refs;
	unsigned int fork_epoch;
	int index;
	char name[32];
	bool inplace;
	struct mem *mem;
	struct emulator *emu;
	pthread_mutex_t lock;
	struct sched *_Atomic sched;
};

/** struct pto_program - a kernel image on a device; @serial is never used again */
struct pto_program {
	atomic_int refs;
	struct pto_device *dev;
	struct image *image;
	uint64_t serial;
};

/* Count of fork()s up to this process: what was opened in another one is refused. */
extern unsigned int device_fork_epoch;

int device_forked(const struct pto_device *dev) __attribute__((cold));

/** device_usable - 0, or -EPERM in a child of the process that opened the device */
static inline int device_usable(const struct pto_device *dev)
{
	return likely(dev->fork_epoch == device_fork_epoch) ? 0 : device_forked(dev);
}

void device_get(struct pto_device *dev);
void device_put(struct pto_device *dev);

struct pto_program *program_get(struct pto_program *prog);

#endif
