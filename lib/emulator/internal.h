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
 * @lock:	guards @loaded, @stream, @teams, and the making of cores
 * @line:	whose queues the cores are; NULL: they are its own
 * @draining:	threads that work on the line's queues
 * @down:	the line has failed for good
 * @told:	when the line was last told what is done
 */
struct emulator {
	struct mem *mem;
	pthread_mutex_t lock;
	struct emu_loaded *loaded[EMU_HASH];
	struct emu_core *_Atomic cores[EMU_SLOTS];
	bool stream[EMU_SLOTS];
	struct emu_pool *pool;
	struct watchdog *watchdog;
	struct emu_team *teams;

	struct emu_line *line;
	atomic_uint draining;
	atomic_bool down;
	_Atomic uint64_t told;
};

/* queue.c: a core's side of its queue, by who has it busy. @number: of the core that failed */
void queue_put_cqe(struct emu_core *core, const struct pto_cqe *cqe);
void queue_halt(struct emu_core *core, unsigned int number, const struct emu_fault *fault);
void queue_cancel(struct emu_core *core);
bool queue_obey(struct emu_core *core);
bool queue_has_work(struct emulator *emu, const struct emu_core *core);

/* gang.c: mixed tasks, on a queue of their block's and as gangs on the queues of its cores. */
bool mixed_execute(struct emu_thread *t, struct emu_core *core, const struct pto_desc *desc);
bool gang_has_work(struct emulator *emu, const struct pto_desc *desc, const struct emu_core *core);
bool gang_execute(struct emulator *emu, const struct pto_desc *desc, struct emu_core *core);

/* line.c: queues that somebody else feeds. */
struct emu_core *line_claim(struct emulator *emu, unsigned int *at);
void line_sleep(struct emulator *emu, uint32_t *doorbell, uint64_t *nap);
void line_tell(struct emulator *emu, struct emu_core *core);
void line_tell_all(struct emulator *emu);

/* Replace a thread of a team, as pool_give_up() does one of the pool. */
bool team_give_up(struct emulator *emu, struct emu_thread *t);
bool teams_stop(struct emulator *emu);
void teams_destroy(struct emulator *emu);

int pool_create(struct emulator *emu);
bool pool_stop(struct emulator *emu);
void pool_destroy(struct emulator *emu);

/* Replace a thread of the pool that is stuck in a kernel; false: it is not, or not of the pool. */
bool pool_give_up(struct emulator *emu, struct emu_thread *t);

int watchdog_create(struct emulator *emu);
bool watchdog_stop(struct emulator *emu);
void watchdog_destroy(struct emulator *emu);

#endif
