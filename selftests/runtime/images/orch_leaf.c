// SPDX-License-Identifier: MIT OR LGPL-2.1
/* An orchestration that imports nothing: all that it calls is in the table it is given. */
#include <pto/orch.h>

int calls_for_ever(struct pto_orch *o, uint64_t *args, int nargs);

int calls_for_ever(struct pto_orch *o, uint64_t *args, int nargs)
{
	for (;;)
		pto_orch_free(o, pto_orch_malloc(o, 64));
}
