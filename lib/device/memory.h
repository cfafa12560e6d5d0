/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Device memory: one address window, and the allocations in it. */
#ifndef DEVICE_MEMORY_H
#define DEVICE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEM_ALIGN	512

struct mem;
struct pto_mem_stat;

/**
 * mem_create - reserve an address window
 * @window:	bytes of address space, a power of two
 * @total:	bytes that may be allocated in it
 */
int mem_create(size_t window, size_t total, struct mem **mem);

/** mem_destroy - unmap the window and all in it (a quarantined one is left mapped) */
void mem_destroy(struct mem *mem);

/* As pto_mem_alloc() and pto_mem_free(). Thread-safe, amortised O(1). */
int mem_alloc(struct mem *mem, size_t size, void **ptr);
int mem_free(struct mem *mem, void *ptr);

/**
 * mem_check - see that [ptr, ptr + size) lies inside one live allocation
 *
 * Returns 0, or -EINVAL with a text that names the nearest allocation.
 */
int mem_check(struct mem *mem, const void *ptr, size_t size);

/** mem_is_start - whether a live allocation begins at @ptr */
bool mem_is_start(struct mem *mem, const void *ptr);

/**
 * mem_quarantine - from now on freed memory is neither used again nor unmapped
 *
 * A kernel that could not be stopped may write to anything that was allocated
 * while it ran. The memory so lost still counts as used.
 */
void mem_quarantine(struct mem *mem);

void mem_stat(struct mem *mem, struct pto_mem_stat *stat);
int mem_list(struct mem *mem, int (*visit)(void *arg, void *ptr, size_t size), void *arg);

#endif
