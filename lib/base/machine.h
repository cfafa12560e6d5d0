/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The CPUs of the machine, as far as this process may use them.
 *
 * How many there are is always known; which of them are threads of one core, and where
 * memory nodes are, is known once hwloc has been asked, which takes milliseconds: a thread that
 * has nothing to do does that. hwloc is loaded when it is needed. Without it each CPU is a core,
 * and there is one memory node.
 */
#ifndef BASE_MACHINE_H
#define BASE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/** machine_cpus - CPUs that the calling thread may use: its affinity, its cgroup's quota */
unsigned int machine_cpus(void);

/** machine_cores - the same, with CPUs of one core counted once, as far as that is known */
unsigned int machine_cores(void);

/** machine_here - the CPU that the calling thread runs on; negative: not known */
int machine_here(void);

/**
 * machine_leave - have the calling thread run on another CPU, if it is on @cpu and may
 *
 * From there the kernel may move it again. For a thread that waits actively for what one on that
 * CPU does: the kernel, for which both are busy, takes milliseconds to part them. What the
 * thread may use is set anew to what it may use now, so one that lives for long would not
 * follow a cpuset that grows.
 */
void machine_leave(int cpu);

/**
 * machine_place - have the calling thread stay on a memory node, if that is worth while
 * @born:	when it was started, on now_ns()'s clock
 * @index:	which one of the threads it is
 * @count:	how many threads work together
 * @here:	where the first of them runs
 *
 * Where the memory node with most cores has enough of them for all threads, as it always has
 * when there is but one node, the kernel knows best, also what other processes do. Threads
 * that need several nodes are dealt out, as many for each node as it has cores, and each may
 * run on all CPUs of its node that the process may use: never on less.
 *
 * To be called by a thread that has nothing to do: the first one asks hwloc. False: it is
 * to be called again, as another thread just does that, or loads an image, or this one has
 * not been there for long:
 * a process that soon ends should not have to wait for it.
 */
bool machine_place(uint64_t born, unsigned int index, unsigned int count, int here);

/* The CPUs that a cgroup's quota is worth; UINT_MAX: it has none. @root: where cgroups are. */
unsigned int machine_quota(const char *root, const char *path);

#endif
