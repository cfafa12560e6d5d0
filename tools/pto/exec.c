// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto bench, pto cc: programs of their own, which lie beside this one. */
#include <stdlib.h>
#include <unistd.h>

#include "pto.h"

/* They call themselves as they are called here: argv[0] is "pto bench". */
static int become(const char *name, char **argv)
{
	char *path = part(name);

	if (path)
		execv(path, argv);
	complain("%s: %m", path ? path : name);
	free(path);
	return PTO_FAILED;
}

int cmd_bench(int argc, char **argv)
{
	return become("bin/pto-bench", argv);
}

int cmd_cc(int argc, char **argv)
{
	return become("bin/pto-cc", argv);
}
