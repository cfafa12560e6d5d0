// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Queues that somebody else feeds: the cores of a device whose driver this
 * process plays the hardware for.
 *
 * There is no set of cores with work: the doorbell says that something was
 * submitted, not where, so a thread looks at all cores. Threads without work sleep in
 * the line's step(), which first takes over what all cores have done; so the
 * more there is to do, the rarer it is told.
 *
 * A thread that goes from kernel to kernel tells now and then. Should it meet a long
 * one right after a short one, another thread that has no work wakes and tells. Without such
 * a thread all are busy, and nothing is lost by a late answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "emulator/internal.h"

#define TELL_NS		(20 * 1000ull)
#define NAP_MIN_NS	NSEC_PER_MSEC
#define NAP_MAX_NS	(16 * NSEC_PER_MSEC)
#define SLEEP_NS	(100 * NSEC_PER_SEC)

int emu_attach(struct emulator *emu, struct emu_line *line)
{
	struct emu_core *core;
	unsigned int i;

	for (i = 0; i < line->cores; i++) {
		core = aligned_alloc(CACHE_LINE, align_up(sizeof(*core), CACHE_LINE));
		if (!core)
			return fail(-ENOMEM, "no memory for an emulated core");
		memset(core, 0, sizeof(*core));
		core->sub = (void *)((char *)line->sub + (size_t)i * line->sub_stride);
		core->queue = (void *)((char *)line->core + (size_t)i * line->core_stride);
		core->slot = i;
		core->number = i;
		atomic_store(&emu->cores[i], core);
	}
	emu->line = line;
	return 0;
}

struct emu_core *line_claim(struct emulator *emu, unsigned int *at)
{
	struct emu_core *core;
	unsigned int i;

	if (atomic_load_explicit(&emu->down, memory_order_relaxed))
		return NULL;
	for (i = 0; i < emu->line->cores; i++) {
		if (++*at >= emu->line->cores)
			*at = 0;
		core = emu_core_if(emu, *at);
		if (core && queue_has_work(emu, core) &&
		    !atomic_load_explicit(&core->busy, memory_order_relaxed))
			return core;
	}
	return NULL;
}

static int step(struct emulator *emu, uint32_t *doorbell, uint64_t timeout_ns)
{
	int ret = emu->line->step(emu->line, doorbell, timeout_ns);

	if (ret && ret != -ETIME && ret != -EINTR)
		atomic_store(&emu->down, true);
	return ret;
}

void line_tell_all(struct emulator *emu)
{
	uint32_t doorbell;

	atomic_store_explicit(&emu->told, now_ns(), memory_order_relaxed);
	if (!atomic_load(&emu->down))
		step(emu, &doorbell, 0);
}

void line_tell(struct emulator *emu, struct emu_core *core)
{
	uint64_t told = atomic_load_explicit(&emu->told, memory_order_relaxed);

	if (READ_ONCE(core->queue->state) == PTO_QUEUE_HALTED || now_ns() - told >= TELL_NS)
		line_tell_all(emu);
}

void line_sleep(struct emulator *emu, uint32_t *doorbell, uint64_t *nap)
{
	bool others = atomic_load(&emu->draining);

	atomic_store_explicit(&emu->told, now_ns(), memory_order_relaxed);
	if (step(emu, doorbell, others ? *nap : SLEEP_NS) == -ETIME)
		*nap = min(2 * *nap, NAP_MAX_NS);
	else
		*nap = NAP_MIN_NS;
}
