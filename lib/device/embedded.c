// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The embedded device: memory, programs and cores of this process. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "device/embedded.h"
#include "device/memory.h"
#include "sched/launch.h"
#include "sched/ready.h"

#define WINDOW_SIZE	(16ull << 30)
#define BATCH_NS	20000	/* as long as it may take to wake a thread */
#define REFILL_NS	2000	/* as long as it takes to give a core more */

/* ---- opening ------------------------------------------------------------ */

/* Half of the host's memory, so that the device is out of it before the host is. */
static size_t default_memory(void)
{
	uint64_t host = (uint64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);

	return min((size_t)(host / 2), (size_t)WINDOW_SIZE);
}

static size_t memory_total(void)
{
	const char *text = getenv("PTO_DEVICE_MEMORY");
	unsigned long long mib;
	char *end;

	if (!text)
		return default_memory();
	mib = strtoull(text, &end, 10);
	if (!*text || *end || *text == '-' || !mib || mib > WINDOW_SIZE >> 20) {
		log_msg(LOG_WARN, "PTO_DEVICE_MEMORY=%s is not in 1..%llu MiB, ignored", text,
			WINDOW_SIZE >> 20);
		return default_memory();
	}
	return mib << 20;
}

static bool wants_inplace(void)
{
	const char *mode = getenv("PTO_EMULATOR");

	if (mode && strcmp(mode, "inplace") && strcmp(mode, "threads"))
		log_msg(LOG_WARN, "PTO_EMULATOR=%s is neither inplace nor threads, ignored", mode);
	return !mode || strcmp(mode, "threads");
}

static int embedded_open(struct pto_device *dev)
{
	static const uint32_t live = PTO_CTX_LIVE;
	int ret;

	dev->state = &live;
	dev->blocks = PTO_MAX_BLOCKS;
	dev->inplace = wants_inplace();
	snprintf(dev->name, sizeof(dev->name), "embedded%d", dev->index);
	ret = mem_create(WINDOW_SIZE, memory_total(), NULL, &dev->mem);
	return ret ? ret : emu_create(dev->mem, &dev->emu);
}

static void embedded_close(struct pto_device *dev)
{
	if (dev->emu)
		emu_destroy(dev->emu);
	mem_destroy(dev->mem);
}

static const char *embedded_mode(const struct pto_device *dev)
{
	return dev->inplace ? "inplace" : "threads";
}

/* ---- programs ----------------------------------------------------------- */

static int embedded_load(struct pto_program *prog)
{
	static _Atomic uint64_t serials;

	prog->serial = atomic_fetch_add(&serials, 1) + 1;
	return 0;
}

static void embedded_unload(struct pto_program *prog)
{
	emu_forget(prog->dev->emu, prog->serial);
}

/* ---- launches ----------------------------------------------------------- */

static int embedded_launch_begin(struct pto_device *dev, unsigned int blocks, uint64_t task_ns)
{
	return dev->inplace ? 0 : min(emu_threads_start(dev->emu), 0);
}

static int embedded_queue(struct pto_device *dev, unsigned int slot, struct emu_core **core)
{
	*core = emu_core(dev->emu, slot);
	return *core ? 0 : -ENOMEM;
}

static unsigned int embedded_width(struct pto_device *dev)
{
	return 2 * emu_threads_count(dev->emu);
}

static void embedded_launch_end(struct pto_device *dev)
{
	if (!dev->inplace)
		emu_quiesce(dev->emu, 0, EMU_FIRST_STREAM);
}

static void embedded_doorbell(struct sched_worker *w, struct sched_queue *q)
{
	emu_doorbell(w->run->emu, q->core);
}

/* Until half of a queue is done, if it is worth while to fill it again meanwhile; else all. */
static uint32_t wanted_head(const struct sched_queue *q)
{
	uint32_t n = q->tail - q->done;
	uint32_t ns = atomic_load_explicit(&q->core->task_ns, memory_order_relaxed);

	return (uint64_t)n / 2 * ns < REFILL_NS ? q->tail : q->tail - n / 2;
}

static void embedded_wait(struct sched_worker *w)
{
	struct emulator *emu = w->run->emu;
	struct emu_core *cores[ARRAY_SIZE(w->busy)];
	uint32_t heads[ARRAY_SIZE(w->busy)];
	unsigned int i, event = emu_event(emu);

	for (i = 0; i < w->active; i++) {
		cores[i] = w->busy[i]->core;
		heads[i] = wanted_head(w->busy[i]);
	}
	if (ready_watch(w))
		emu_wait_cores(emu, cores, heads, w->active, event, SCHED_PARK_NS);
	ready_unwatch(w);
}

static void embedded_rouse(struct pto_device *dev, unsigned int worker)
{
	emu_rouse(dev->emu);
}

const struct device_ops embedded_ops = {
	.backend = "embedded",
	.open = embedded_open,
	.close = embedded_close,
	.mode = embedded_mode,
	.load = embedded_load,
	.unload = embedded_unload,
	.stream_new = embedded_stream_new,
	.stream_free = embedded_stream_free,
	.stream_submit = embedded_stream_submit,
	.stream_done = embedded_stream_done,
	.stream_bytes = embedded_stream_bytes,
	.stream_wait = embedded_stream_wait,
	.launch_begin = embedded_launch_begin,
	.launch_queue = embedded_queue,
	.launch_width = embedded_width,
	.launch_depth = EMU_QUEUE_DEPTH,
	.launch_batch_ns = BATCH_NS,
	.launch_end = embedded_launch_end,
	.doorbell = embedded_doorbell,
	.wait = embedded_wait,
	.rouse = embedded_rouse,
};
