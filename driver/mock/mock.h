/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mock device: commands run in the kernel, and complete from the interrupt of a
 * high-resolution timer, as hardware's would; launches go to the context's emulator.
 */
#ifndef PTO_MOCK_H
#define PTO_MOCK_H

#include <linux/types.h>

#include "device.h"

struct dentry;

/**
 * struct pto_mock - a mock device
 * @latency_ns:	added to each command
 * @jitter_ns:	at most this much more, by chance
 * @fail_next:	the next command faults with this code; 0: none
 * @hang:	commands that start from now on never end
 * @dir:	its debugfs folder, with a file for each of these
 *
 * The knobs are read where a command starts, without a lock.
 */
struct pto_mock {
	struct pto_device pdev;
	u64 latency_ns;
	u32 jitter_ns;
	atomic_t fail_next;
	bool hang;
	struct dentry *dir;
};

static inline struct pto_mock *to_mock(struct pto_device *pdev)
{
	return container_of(pdev, struct pto_mock, pdev);
}

int pto_mock_init(void);
void pto_mock_exit(void);
int pto_mock_unplug(u32 index);

void pto_knobs_init(void);
void pto_knobs_exit(void);
void pto_knobs_add(struct pto_mock *mock);
void pto_knobs_del(struct pto_mock *mock);

#endif
