/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What the emulator's files share. */
#ifndef EMULATOR_INTERNAL_H
#define EMULATOR_INTERNAL_H

#include <pthread.h>

#include "emulator/emulator.h"

#define EMU_HASH	64
#define EMU_WATCHED	128

struct emu_pool;
struct watchdog;

/** struct emu_loaded - a program in the emulator's table */
struct emu_loaded {
	struct emu_program program;
	struct image *image;
	struct emu_loaded *next;
};

/**
 * struct emulator
 * @lock:	guards @loaded, @stream, and the making of cores
 */
struct emulator {
	struct mem *mem;
	pthread_mutex_t lock;
	struct emu_loaded *loaded[EMU_HASH];
	struct emu_core *_Atomic cores[EMU_SLOTS];
	bool stream[EMU_SLOTS];
	struct emu_pool *pool;
	struct watchdog *watchdog;
};

int pool_create(struct emulator *emu);
bool pool_stop(struct emulator *emu);
void pool_destroy(struct emulator *emu);

/* Replace a thread of the pool that does not leave @desc's kernel; false: it has, or is none. */
bool pool_give_up(struct emulator *emu, struct emu_thread *t, const struct pto_desc *desc);

int watchdog_create(struct emulator *emu);
bool watchdog_stop(struct emulator *emu);
void watchdog_destroy(struct emulator *emu);

#endif
