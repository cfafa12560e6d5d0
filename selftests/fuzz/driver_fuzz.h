/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The fuzzer of the driver.
 *
 * An input is a string of bytes. Each choice that a step makes (which call, which handle, what
 * length) is read from it, so that to change bytes is to change the step, and most of what
 * comes out is almost valid. Inputs that reach new code (KCOV) are kept and changed again.
 *
 * A round is a process with one context, several threads that run inputs on it, and an end that
 * is different each time: exit, kill, CTX_CLOSE, a device's reset, an unplug. The corpus and the
 * counts are in memory that all rounds share.
 */
#ifndef DRIVER_FUZZ_H
#define DRIVER_FUZZ_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "../uapi/uapi.h"

#define INPUT_MAX	256
#define CORPUS_MAX	2048
#define PCS_MAX		(1 << 15)
#define CALLS		16
#define ARENA		(1UL << 20)	/* host memory that the driver may write */
#define HANDLES		16	/* of each type */
#define PLACES		16
#define TYPES		(PTO_OBJ_EMU + 1)
#define EMULATORS	8
#define SOCKETS		4	/* of netlink, of each thread */

/* ---- inputs and coverage (fuzz_corpus.c) ---- */

struct input {
	uint32_t n;
	uint8_t bytes[INPUT_MAX];
};

struct corpus_entry {
	atomic_bool ready;
	struct input input;
};

/**
 * struct shared - what outlives a round
 * @pcs:	addresses of the driver's code that were reached, an open hash table
 * @calls, @good:	calls made, and those that returned 0, by number
 * @messages:	of netlink, that were sent
 * @answers:	and what came of the family, events too
 */
struct shared {
	atomic_uint n_corpus, n_pcs, rounds;
	atomic_ulong inputs, steps;
	atomic_ulong calls[CALLS], good[CALLS];
	atomic_ulong messages, answers;
	atomic_ulong pcs[PCS_MAX];
	struct corpus_entry corpus[CORPUS_MAX];
};

/**
 * struct fuzzer - a thread that runs inputs
 * @seed:	state of its random numbers
 * @input, @at:	what it runs, and how far it is
 * @cover:	KCOV's buffer, or NULL
 * @sockets:	descriptors plus one; 0: none
 */
struct fuzzer {
	struct shared *shared;
	struct round *round;
	uint64_t seed;
	struct input input;
	uint32_t at;
	unsigned long *cover;
	struct io_uring ring;
	bool has_ring;
	unsigned int turn;
	int sockets[SOCKETS];
};

uint32_t fuzz_random(struct fuzzer *f, uint32_t below);
void fuzz_cover_open(struct fuzzer *f);
void fuzz_input_make(struct fuzzer *f);
void fuzz_input_run(struct fuzzer *f);

/* The next choice of the input, under @below. An input that is over chooses 0. */
uint32_t fuzz_pick(struct fuzzer *f, uint32_t below);
static inline bool fuzz_more(const struct fuzzer *f)
{
	return f->at < f->input.n;
}

/* ---- steps (fuzz_steps.c) ---- */

struct emulator {
	struct pto_emu_attach attach;
	void *sub, *core;
};

/**
 * struct round - the context that the threads of a round share, and what they know of it
 *
 * All is read and written without a lock: what is stale is as good as what is wrong.
 */
struct round {
	struct uapi u;
	unsigned int device;
	char *arena;
	int sink;			/* a file to write to */
	int event;
	uint16_t family;		/* of netlink */
	uint32_t groups[2];
	uint32_t id;			/* of the context */
	_Atomic uint32_t handles[TYPES][HANDLES];	/* by PTO_OBJ_* */
	_Atomic uint64_t places[PLACES];	/* device addresses */
	_Atomic uint64_t offsets[PLACES];	/* for mmap() */
	struct emulator emulators[EMULATORS];
	atomic_uint n_emulators;	/* counts on, see emulator_add() */
};

int round_open(struct round *round, unsigned int device);
void fuzz_step(struct fuzzer *f);
void fuzz_ring_open(struct fuzzer *f);

/* A number, mostly one at a limit; an object's handle, mostly of the type that is asked for. */
__u64 any_u64(struct fuzzer *f);
__u32 any_handle(struct fuzzer *f, unsigned int type);

/* ---- steps of the host's administrator (fuzz_host.c) ---- */

/* 0 or -errno: the round knows the netlink family. */
int round_listen(struct round *round);
void fuzz_host_step(struct fuzzer *f);

#endif
