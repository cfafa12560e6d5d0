// SPDX-License-Identifier: MIT OR LGPL-2.1
/* An orchestration of the kind that runs on the device. */
#include <stdint.h>

int build(void *rt, uint64_t *args, int nargs);
void aicpu_orchestration_entry(void *rt, uint64_t *args, int nargs, int threads, int index);

int build(void *rt, uint64_t *args, int nargs)
{
	return 0;
}

void aicpu_orchestration_entry(void *rt, uint64_t *args, int nargs, int threads, int index)
{
}
