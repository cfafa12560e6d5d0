/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Device memory, programs' images, and host pages pinned for a copy.
 *
 * A memory object owns a range of device addresses, as long as it lives, and the pages
 * behind it, until its context dies: pages are then given back at once, although
 * mappings may still hold the object. So whoever touches a page takes a reference on it
 * first (pto_mem_page()), and must be ready to find none.
 *
 * A range is what a command or a copy works on: part of a memory object, or host pages.
 */
#ifndef PTO_MEM_H
#define PTO_MEM_H

#include <linux/mm_types.h>
#include <linux/spinlock.h>

#include "object.h"

/**
 * struct pto_mem - a memory object
 * @node:	in ctx->space
 * @addr:	its device address
 * @bytes:	a multiple of the page size
 * @readonly:	mappings can not write: it is a program's image
 * @lock:	protects @pages against pto_mem_discard_all()
 * @pages:	of @n_pages, or NULL when they were given back
 */
struct pto_mem {
	struct pto_object obj;
	struct rb_node node;
	u64 addr;
	u64 bytes;
	bool readonly;
	spinlock_t lock;		/* a leaf, never in an interrupt */
	unsigned long n_pages;
	struct page **pages;
};

/**
 * struct pto_pin - host pages pinned for the copies of one command
 * @offset:	of the range in the first page
 */
struct pto_pin {
	struct pto_object obj;
	u32 offset;
	bool write;
	u32 n_pages;
	struct page *pages[];
};

/**
 * struct pto_range - bytes of a memory object or of pinned host pages
 * @obj:	a pto_mem or a pto_pin, referenced
 * @offset:	of the first byte, from the object's first page
 */
struct pto_range {
	struct pto_object *obj;
	u64 offset;
};

#define PTO_MMAP_MEM		(1ULL << 40)	/* offset of the aperture's first byte */

extern const struct pto_object_type pto_mem_type;

int pto_mem_create(struct pto_ctx *ctx, u64 addr, u64 bytes, bool readonly,
		   struct pto_mem **mem);
struct pto_mem *pto_mem_find(struct pto_ctx *ctx, u64 addr);
struct page *pto_mem_page(struct pto_mem *mem, unsigned long index);
u64 pto_mem_mmap_offset(const struct pto_mem *mem);
void pto_mem_discard_all(struct pto_ctx *ctx);

int pto_range_device(struct pto_ctx *ctx, u64 addr, u64 bytes, bool write,
		     struct pto_range *range);
int pto_range_host(struct pto_ctx *ctx, u64 addr, u64 bytes, bool write, struct pto_range *range);
int pto_range_copy(const struct pto_range *dst, const struct pto_range *src, u64 pos, u64 bytes);
int pto_range_fill(const struct pto_range *dst, u64 pos, u64 bytes, u32 pattern);
int pto_range_from_user(const struct pto_range *dst, const void __user *src, u64 bytes);

int pto_call_mem_alloc(struct pto_call *call);
int pto_call_mem_copy(struct pto_call *call);

#endif
