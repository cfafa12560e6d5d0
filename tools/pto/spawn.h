/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Child processes. */
#ifndef TOOLS_SPAWN_H
#define TOOLS_SPAWN_H

#include <stdio.h>
#include <sys/types.h>

/**
 * spawn - start a program found on PATH or by its path
 * @out: if not NULL, where to put a stream that reads its standard output
 *
 * Returns its pid, or -1 after a complaint.
 */
pid_t spawn(char *const argv[], FILE **out);

/** spawn_wait - its exit code; 128 and the signal that ended it; -1 if unknown */
int spawn_wait(pid_t pid);

#endif
