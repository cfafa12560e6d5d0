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
 * struct mem_source - where a window's memory comes from, if not from the process
 * @base:	the window's addresses, reserved by the source, a multiple of 2 MiB
 * @map:	put memory at [start, start + size); returns its handle, or 0 with a text
 * @unmap:	take it away; the addresses stay reserved
 *
 * Both are called with the window's lock held.
 */
struct mem_source {
	void *base;
	uint32_t (*map)(struct mem_source *source, void *start, size_t size);
	void (*unmap)(struct mem_source *source, uint32_t handle, void *start, size_t size);
};

/**
 * mem_create - make an address window
 * @window:	bytes of address space, a power of two
 * @total:	bytes that may be allocated in it
 * @source:	where the memory comes from; NULL: the process's own, at addresses
 *		that are reserved here
 */
int mem_create(size_t window, size_t total, struct mem_source *source, struct mem **mem);

/**
 * mem_destroy - give back all memory in the window, and its addresses if reserved here
 *
 * A quarantined window is left as it is.
 */
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

/** mem_quarantined - is there such a kernel? */
bool mem_quarantined(const struct mem *mem);

void mem_stat(struct mem *mem, struct pto_mem_stat *stat);
int mem_list(struct mem *mem, int (*visit)(void *arg, void *ptr, size_t size), void *arg);

#endif
