// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The cores of an emulated device, and the programs that they know. */
#include "emulator/emulator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "device/image.h"
#include "emulator/internal.h"

int emu_create(struct mem *mem, struct emulator **emu)
{
	struct emulator *e = calloc(1, sizeof(*e));
	int ret;

	if (!e)
		return fail(-ENOMEM, "no memory for an emulator");
	e->mem = mem;
	pthread_mutex_init(&e->lock, NULL);
	ret = pool_create(e);
	if (ret)
		goto err_free;
	ret = watchdog_create(e);
	if (ret)
		goto err_pool;
	*emu = e;
	return 0;

err_pool:
	pool_destroy(e);
err_free:
	free(e);
	return ret;
}

bool emu_quit(struct emulator *emu)
{
	/* The watchdog last: it makes the others leave their kernels. */
	bool all = pool_stop(emu);

	all &= teams_stop(emu);
	return watchdog_stop(emu) && all;
}

void emu_destroy(struct emulator *emu)
{
	struct emu_loaded *loaded;
	unsigned int i;

	watchdog_destroy(emu);
	teams_destroy(emu);
	pool_destroy(emu);
	for (i = 0; i < EMU_SLOTS; i++)
		free(atomic_load(&emu->cores[i]));
	for (i = 0; i < EMU_HASH; i++) {
		while ((loaded = emu->loaded[i])) {
			emu->loaded[i] = loaded->next;
			image_put(loaded->image);
			free(loaded);
		}
	}
	pthread_mutex_destroy(&emu->lock);
	free(emu);
}

/* ---- cores -------------------------------------------------------------- */

/* A core and its queue's two regions, each on cache lines of its own. */
struct emu_core *emu_core_new(unsigned int slot)
{
	size_t head = align_up(sizeof(struct emu_core), CACHE_LINE);
	size_t size = head + PTO_QUEUE_SUB_SIZE(EMU_QUEUE_DEPTH) +
		      PTO_QUEUE_CORE_SIZE(EMU_QUEUE_DEPTH);
	struct emu_core *core = aligned_alloc(CACHE_LINE, align_up(size, CACHE_LINE));

	if (!core) {
		fail(-ENOMEM, "no memory for core queue %u", slot);
		return NULL;
	}
	memset(core, 0, size);
	core->sub = (void *)((char *)core + head);
	core->queue = (void *)((char *)core->sub + PTO_QUEUE_SUB_SIZE(EMU_QUEUE_DEPTH));
	core->sub->depth = EMU_QUEUE_DEPTH;
	core->queue->asleep = 1;
	core->slot = slot;
	return core;
}

struct emu_core *emu_core_if(struct emulator *emu, unsigned int slot)
{
	return atomic_load_explicit(&emu->cores[slot], memory_order_acquire);
}

struct emu_core *emu_core(struct emulator *emu, unsigned int slot)
{
	struct emu_core *core = emu_core_if(emu, slot);

	if (core)
		return core;
	pthread_mutex_lock(&emu->lock);
	core = atomic_load(&emu->cores[slot]);
	if (!core) {
		core = emu_core_new(slot);
		atomic_store_explicit(&emu->cores[slot], core, memory_order_release);
	}
	pthread_mutex_unlock(&emu->lock);
	return core;
}

void emu_core_retire(struct emulator *emu, unsigned int slot)
{
	struct emu_core *old, *core = emu_core_new(slot);

	old = atomic_load(&emu->cores[slot]);
	if (core && old) {
		core->number = old->number;
		core->kind = old->kind;
	}
	if (core && old && emu->line) {
		core->sub = old->sub;
		core->queue = old->queue;
		core->restarts = old->restarts;
	}
	/* Without memory for a new one the slot is empty, and emu_core() tries again. */
	atomic_store_explicit(&emu->cores[slot], core, memory_order_release);
}

int emu_slot_get(struct emulator *emu)
{
	int slot;

	pthread_mutex_lock(&emu->lock);
	for (slot = EMU_FIRST_STREAM; slot < EMU_SLOTS && emu->stream[slot]; slot++)
		;
	if (slot < EMU_SLOTS)
		emu->stream[slot] = true;
	pthread_mutex_unlock(&emu->lock);
	return slot < EMU_SLOTS ? slot : fail(-EBUSY, "%u streams are in use, more there are not",
					      EMU_SLOTS - EMU_FIRST_STREAM);
}

void emu_slot_put(struct emulator *emu, unsigned int slot)
{
	pthread_mutex_lock(&emu->lock);
	emu->stream[slot] = false;
	pthread_mutex_unlock(&emu->lock);
}

/* ---- programs ----------------------------------------------------------- */

static struct emu_loaded **loaded_find(struct emulator *emu, uint64_t serial)
{
	struct emu_loaded **at = &emu->loaded[serial % EMU_HASH];

	while (*at && (*at)->program.serial != serial)
		at = &(*at)->next;
	return at;
}

static struct emu_loaded *load(const struct pto_desc *desc, int *err)
{
	struct emu_loaded *loaded = calloc(1, sizeof(*loaded));
	char name[32];

	*err = -ENOMEM;
	if (!loaded)
		return NULL;
	snprintf(name, sizeof(name), "kernel of func_id %d", desc->launch.func_id);
	*err = image_get((const void *)(uintptr_t)desc->launch.image, desc->launch.image_size,
			 name, &loaded->image);
	if (*err)
		goto err_free;
	loaded->program.serial = desc->launch.serial;
	loaded->program.image = loaded->image;
	loaded->program.entry = (void (*)(int64_t *))image_symbol(loaded->image, "kernel_entry");
	if (loaded->program.entry)
		return loaded;
	*err = -ENOENT;
	image_put(loaded->image);
err_free:
	free(loaded);
	return NULL;
}

const struct emu_program *emu_resolve(struct emu_thread *t, const struct pto_desc *desc)
{
	struct emu_program *program = &t->programs[desc->launch.serial % EMU_CACHE];
	struct emulator *emu = t->emu;
	struct emu_loaded **at;
	int err = 0;

	pthread_mutex_lock(&emu->lock);
	at = loaded_find(emu, desc->launch.serial);
	if (!*at)
		*at = load(desc, &err);
	if (*at)
		*program = (*at)->program;
	pthread_mutex_unlock(&emu->lock);
	if (!err)
		return program;
	t->fault = (struct emu_fault){ .status = PTO_STATUS_BAD_PROGRAM, .code = -err };
	return NULL;
}

void emu_forget(struct emulator *emu, uint64_t serial)
{
	struct emu_loaded **at, *loaded;

	pthread_mutex_lock(&emu->lock);
	at = loaded_find(emu, serial);
	loaded = *at;
	if (loaded)
		*at = loaded->next;
	pthread_mutex_unlock(&emu->lock);
	if (!loaded)
		return;
	image_put(loaded->image);
	free(loaded);
}
