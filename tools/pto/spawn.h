/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Child processes. */
#ifndef TOOLS_SPAWN_H
#define TOOLS_SPAWN_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/**
 * spawn - start a program found on PATH or by its path
 * @group: it starts programs itself, which are to end with it: all are a process group of their
 *	own, in the background as to the terminal
 * @out: if not NULL, where to put a stream that reads its standard output
 *
 * Returns its pid, or -1 after a complaint.
 */
pid_t spawn(char *const argv[], bool group, FILE **out);

/** spawn_wait - its exit code; 128 and the signal that ended it; -1 if unknown */
int spawn_wait(pid_t pid);

/** spawn_end - end all that runs; from then on the other two functions do not return */
void spawn_end(void);

#endif
