/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What both of StarPU's peers do alike. */
#include <stdio.h>
#include <stdlib.h>

#include <starpu.h>

#include "peer.h"

/* Of the graph that runs, one at a time; a task's own number is its argument. */
static struct work running;

static void execute(void *buffers[], void *arg)
{
	running.body(running.ctx, (uintptr_t)arg);
}

static int start_workers(unsigned int workers)
{
	struct starpu_conf conf;

	setenv("STARPU_SILENT", "1", 1);
	starpu_conf_init(&conf);
	conf.ncpus = workers;
	conf.ncuda = 0;
	conf.nopencl = 0;
	return starpu_init(&conf) ? -1 : 0;
}
