// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The AICore program as a shared object of its own: what a core does with a
 * kernel between fetching a descriptor and completing it.
 */
#include <pto/pto.h>

#include "emulator/emulator.h"

static void execute(void (*entry)(int64_t *args), int64_t *args)
{
	entry(args);
}

PTO_API extern const struct pto_aicore_program pto_aicore_program;

const struct pto_aicore_program pto_aicore_program = {
	.magic = PTO_AICORE_MAGIC,
	.abi = PTO_PROGRAM_ABI,
	.execute = execute,
};
