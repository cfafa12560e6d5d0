// SPDX-License-Identifier: GPL-2.0
/* Device memory: the address space, pages, ranges and copies. */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "call.h"
#include "ctx.h"
#include "device.h"
#include "mem.h"
#include "trace.h"

static struct pto_mem *to_mem(struct pto_object *obj)
{
	return container_of(obj, struct pto_mem, obj);
}

/* ---- the address space: a tree of disjoint ranges ---- */

static struct pto_mem *pto_mem_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct pto_mem, node);
}

/* Put @mem at its address; -EEXIST if it meets another. */
static int pto_space_insert(struct pto_ctx *ctx, struct pto_mem *mem)
{
	struct rb_node **link = &ctx->space.rb_node, *parent = NULL;

	lockdep_assert_held(&ctx->space_lock);
	while (*link) {
		struct pto_mem *other = pto_mem_of(*link);

		parent = *link;
		if (mem->addr + mem->bytes <= other->addr)
			link = &parent->rb_left;
		else if (other->addr + other->bytes <= mem->addr)
			link = &parent->rb_right;
		else
			return -EEXIST;
	}
	rb_link_node(&mem->node, parent, link);
	rb_insert_color(&mem->node, &ctx->space);
	return 0;
}

/*
 * The lowest gap for @bytes with a free page on either side; the aperture's ends
 * need none. 0 if there is none.
 */
static u64 pto_space_first_fit(struct pto_ctx *ctx, u64 bytes)
{
	u64 end = ctx->aperture_base + ctx->aperture_size;
	u64 addr = ctx->aperture_base;
	struct rb_node *node;

	lockdep_assert_held(&ctx->space_lock);
	for (node = rb_first(&ctx->space); node; node = rb_next(node)) {
		struct pto_mem *mem = pto_mem_of(node);

		if (mem->addr >= addr && mem->addr - addr >= bytes + PAGE_SIZE)
			return addr;
		addr = mem->addr + mem->bytes + PAGE_SIZE;
	}
	return addr <= end && end - addr >= bytes ? addr : 0;
}

static int pto_space_place(struct pto_ctx *ctx, struct pto_mem *mem)
{
	int err = -ENODEV;

	spin_lock(&ctx->space_lock);
	/* A dead context's pages are given back by pto_mem_discard_all(), which takes this lock. */
	if (!READ_ONCE(ctx->dead)) {
		if (!mem->addr)
			mem->addr = pto_space_first_fit(ctx, mem->bytes);
		err = mem->addr ? pto_space_insert(ctx, mem) : -ENOSPC;
	}
	spin_unlock(&ctx->space_lock);
	return err;
}

/* The first object that ends behind @addr, with a reference, or NULL. */
static struct pto_mem *pto_space_next(struct pto_ctx *ctx, u64 addr)
{
	struct pto_mem *best = NULL;
	struct rb_node *node;

	spin_lock(&ctx->space_lock);
	node = ctx->space.rb_node;
	while (node) {
		struct pto_mem *mem = pto_mem_of(node);

		if (mem->addr + mem->bytes <= addr) {
			node = node->rb_right;
		} else {
			best = mem;
			node = node->rb_left;
		}
	}
	/* One whose last reference has gone is on its way out of the tree. */
	while (best && !kref_get_unless_zero(&best->obj.ref))
		best = pto_mem_of(rb_next(&best->node));
	spin_unlock(&ctx->space_lock);
	return best;
}

/* The object at @addr, with a reference, or NULL. */
struct pto_mem *pto_mem_find(struct pto_ctx *ctx, u64 addr)
{
	struct pto_mem *mem = pto_space_next(ctx, addr);

	if (mem && mem->addr > addr) {
		pto_object_put(&mem->obj);
		mem = NULL;
	}
	return mem;
}

/* ---- memory objects ---- */

static void pto_pages_free(struct page **pages, unsigned long n)
{
	while (n--) {
		put_page(pages[n]);
		cond_resched();
	}
	kvfree(pages);
}

static int pto_pages_alloc(struct pto_mem *mem)
{
	struct page **pages;
	unsigned long i;

	pages = kvcalloc(mem->n_pages, sizeof(*pages), PTO_GFP);
	if (!pages)
		return -ENOMEM;
	for (i = 0; i < mem->n_pages; i++) {
		pages[i] = alloc_page(PTO_GFP | __GFP_HIGHMEM | __GFP_ZERO);
		if (!pages[i] || fatal_signal_pending(current)) {
			int err = pages[i] ? -EINTR : -ENOMEM;

			pto_pages_free(pages, pages[i] ? i + 1 : i);
			return err;
		}
		cond_resched();
	}
	mem->pages = pages;
	return 0;
}

/* Give the pages back; who still looks for one finds none. */
static void pto_mem_discard(struct pto_mem *mem)
{
	struct pto_ctx *ctx = mem->obj.ctx;
	struct page **pages;

	spin_lock(&mem->lock);
	pages = mem->pages;
	mem->pages = NULL;
	spin_unlock(&mem->lock);
	if (!pages)
		return;
	pto_pages_free(pages, mem->n_pages);
	pto_device_uncharge(ctx->pdev, mem->bytes);
	atomic64_sub(mem->bytes, &ctx->mem_used);
	trace_pto_free(mem);
}

/* Of a dead context: whatever holds its memory objects does without their pages. */
void pto_mem_discard_all(struct pto_ctx *ctx)
{
	struct pto_mem *mem;
	u64 addr = 0;

	while ((mem = pto_space_next(ctx, addr))) {
		addr = mem->addr + mem->bytes;
		pto_mem_discard(mem);
		pto_object_put(&mem->obj);
	}
}

static void pto_mem_free(struct pto_object *obj)
{
	struct pto_mem *mem = to_mem(obj);
	struct pto_ctx *ctx = obj->ctx;

	pto_mem_discard(mem);
	spin_lock(&ctx->space_lock);
	rb_erase(&mem->node, &ctx->space);
	spin_unlock(&ctx->space_lock);
	kfree(mem);
}

const struct pto_object_type pto_mem_type = {
	.type = PTO_OBJ_MEM,
	.free = pto_mem_free,
};

static int pto_mem_try_create(struct pto_ctx *ctx, u64 addr, u64 bytes, bool readonly,
			      struct pto_mem **out)
{
	struct pto_mem *mem;
	int err;

	err = pto_device_charge(ctx->pdev, bytes);
	if (err)
		return err;
	mem = kzalloc(sizeof(*mem), PTO_GFP);
	if (!mem) {
		err = -ENOMEM;
		goto uncharge;
	}
	pto_object_init(&mem->obj, ctx, &pto_mem_type);
	mem->addr = addr;
	mem->bytes = bytes;
	mem->readonly = readonly;
	mem->n_pages = bytes >> PAGE_SHIFT;
	spin_lock_init(&mem->lock);
	err = pto_pages_alloc(mem);
	if (err)
		goto free;
	err = pto_space_place(ctx, mem);
	if (err)
		goto free_pages;
	atomic64_add(bytes, &ctx->mem_used);
	trace_pto_alloc(mem);
	*out = mem;
	return 0;

free_pages:
	pto_pages_free(mem->pages, mem->n_pages);
free:
	kfree(mem);
uncharge:
	pto_device_uncharge(ctx->pdev, bytes);
	return err;
}

/**
 * pto_mem_create - make a memory object without a handle
 * @ctx:	whose
 * @addr:	device address, or 0: where it fits
 * @bytes:	at least 1, rounded up to pages
 * @readonly:	neither mappings nor commands can write it
 * @mem:	out, with one reference
 */
int pto_mem_create(struct pto_ctx *ctx, u64 addr, u64 bytes, bool readonly,
		   struct pto_mem **mem)
{
	u64 size = smp_load_acquire(&ctx->aperture_size);	/* pairs with CTX_SET */
	u64 base = ctx->aperture_base;
	int err;

	if (!size)
		return -ENXIO;
	if (!bytes || !PAGE_ALIGNED(addr))
		return -EINVAL;
	/* Before rounding up, which could overflow. */
	if (bytes > size)
		return addr ? -ERANGE : -ENOSPC;
	bytes = PAGE_ALIGN(bytes);
	if (addr && (addr < base || addr - base > size - bytes))
		return -ERANGE;
	err = pto_mem_try_create(ctx, addr, bytes, readonly, mem);
	if (err == -ENOSPC || err == -EEXIST) {
		/* What commands in flight have just let go counts as free. */
		pto_ctx_reap(ctx);
		err = pto_mem_try_create(ctx, addr, bytes, readonly, mem);
	}
	return err;
}

/* A page, with a reference, or NULL: it was given back. */
struct page *pto_mem_page(struct pto_mem *mem, unsigned long index)
{
	struct page *page = NULL;

	spin_lock(&mem->lock);
	if (mem->pages && index < mem->n_pages) {
		page = mem->pages[index];
		get_page(page);
	}
	spin_unlock(&mem->lock);
	return page;
}

u64 pto_mem_mmap_offset(const struct pto_mem *mem)
{
	return PTO_MMAP_MEM + (mem->addr - mem->obj.ctx->aperture_base);
}

/* ---- pinned host pages ---- */

static void pto_pin_free(struct pto_object *obj)
{
	struct pto_pin *pin = container_of(obj, struct pto_pin, obj);

	unpin_user_pages_dirty_lock(pin->pages, pin->n_pages, pin->write);
	atomic64_sub((u64)pin->n_pages << PAGE_SHIFT, &obj->ctx->pinned);
	kvfree(pin);
}

static const struct pto_object_type pto_pin_type = {
	.free = pto_pin_free,
};

/**
 * pto_range_host - pin a range of the caller's memory
 * @ctx:	whose pinned pages they count as
 * @addr:	host address
 * @bytes:	1 to PTO_HOST_COPY_MAX
 * @write:	the device writes it
 * @range:	out; it holds the pages
 */
int pto_range_host(struct pto_ctx *ctx, u64 addr, u64 bytes, bool write,
		   struct pto_range *range)
{
	u32 offset = offset_in_page(addr);
	u32 n_pages = DIV_ROUND_UP(offset + bytes, PAGE_SIZE);
	u64 pinned = (u64)n_pages << PAGE_SHIFT;
	struct pto_pin *pin;
	int n, err;

	if (!access_ok(u64_to_user_ptr(addr), bytes))
		return -EFAULT;
	if (atomic64_add_return(pinned, &ctx->pinned) > PTO_PINNED_MAX) {
		err = -ENOMEM;
		goto unaccount;
	}
	pin = kvzalloc(struct_size(pin, pages, n_pages), PTO_GFP);
	if (!pin) {
		err = -ENOMEM;
		goto unaccount;
	}
	n = pin_user_pages_fast(addr & PAGE_MASK, n_pages,
				FOLL_LONGTERM | (write ? FOLL_WRITE : 0), pin->pages);
	if (n != n_pages) {
		if (n > 0)
			unpin_user_pages(pin->pages, n);
		err = n == -ENOMEM ? -ENOMEM : -EFAULT;
		goto free;
	}
	pto_object_init(&pin->obj, ctx, &pto_pin_type);
	pin->offset = offset;
	pin->write = write;
	pin->n_pages = n_pages;
	range->obj = &pin->obj;
	range->offset = offset;
	return 0;

free:
	kvfree(pin);
unaccount:
	atomic64_sub(pinned, &ctx->pinned);
	return err;
}

/* ---- ranges ---- */

/* Part of one memory object, which the range holds from now on; -ERANGE if it is not. */
int pto_range_device(struct pto_ctx *ctx, u64 addr, u64 bytes, bool write,
		     struct pto_range *range)
{
	struct pto_mem *mem = pto_mem_find(ctx, addr);

	if (!mem)
		return -ERANGE;
	if (bytes > mem->addr + mem->bytes - addr || (write && mem->readonly)) {
		pto_object_put(&mem->obj);
		return -ERANGE;
	}
	range->obj = &mem->obj;
	range->offset = addr - mem->addr;
	return 0;
}

/* The page at @pos of the range, with a reference, and where in it; NULL if given back. */
static struct page *pto_range_page(const struct pto_range *range, u64 pos, u32 *offset)
{
	u64 at = range->offset + pos;
	struct pto_pin *pin;

	*offset = offset_in_page(at);
	if (range->obj->type == &pto_mem_type)
		return pto_mem_page(to_mem(range->obj), at >> PAGE_SHIFT);
	pin = container_of(range->obj, struct pto_pin, obj);
	get_page(pin->pages[at >> PAGE_SHIFT]);
	return pin->pages[at >> PAGE_SHIFT];
}

/* Copy @bytes at @pos of both; -ENODEV: the context died. */
int pto_range_copy(const struct pto_range *dst, const struct pto_range *src, u64 pos, u64 bytes)
{
	u64 end = pos + bytes;

	while (pos < end) {
		u32 dst_offset, src_offset, n;
		struct page *d = pto_range_page(dst, pos, &dst_offset);
		struct page *s = pto_range_page(src, pos, &src_offset);

		n = min_t(u64, end - pos, PAGE_SIZE - max(dst_offset, src_offset));
		if (d && s)
			memcpy_page(d, dst_offset, s, src_offset, n);
		if (d)
			put_page(d);
		if (s)
			put_page(s);
		if (!d || !s)
			return -ENODEV;
		pos += n;
	}
	return 0;
}

/* Fill @bytes at @pos, both multiples of 4; -ENODEV: the context died. */
int pto_range_fill(const struct pto_range *dst, u64 pos, u64 bytes, u32 pattern)
{
	u64 end = pos + bytes;

	while (pos < end) {
		u32 offset, n;
		struct page *page = pto_range_page(dst, pos, &offset);
		void *va;

		if (!page)
			return -ENODEV;
		n = min_t(u64, end - pos, PAGE_SIZE - offset);
		va = kmap_local_page(page);
		memset32(va + offset, pattern, n / 4);
		kunmap_local(va);
		put_page(page);
		pos += n;
	}
	return 0;
}

/*
 * Copy between a device range and user memory, either may be the source. Faults are
 * taken with a reference on the page and no lock.
 */
static int pto_range_user(const struct pto_range *range, void __user *user, u64 bytes,
			  bool to_user)
{
	u64 pos = 0;

	while (pos < bytes) {
		u32 offset, n;
		struct page *page = pto_range_page(range, pos, &offset);
		unsigned long left;
		void *va;

		if (!page)
			return -ENODEV;
		n = min_t(u64, bytes - pos, PAGE_SIZE - offset);
		va = kmap_local_page(page);
		left = to_user ? copy_to_user(user + pos, va + offset, n) :
				 copy_from_user(va + offset, user + pos, n);
		kunmap_local(va);
		put_page(page);
		if (left)
			return -EFAULT;
		pos += n;
		cond_resched();
	}
	return 0;
}

int pto_range_from_user(const struct pto_range *dst, const void __user *src, u64 bytes)
{
	return pto_range_user(dst, (void __user *)src, bytes, false);
}

/* ---- calls ---- */

int pto_call_mem_alloc(struct pto_call *call)
{
	struct pto_mem_alloc *args = &call->args.mem_alloc;
	struct pto_mem *mem;
	int err;

	err = pto_mem_create(call->ctx, args->addr, args->bytes, false, &mem);
	if (err)
		return err;
	err = pto_object_reserve(&mem->obj);
	if (err)
		goto put;
	args->bytes = mem->bytes;
	args->addr = mem->addr;
	args->handle = mem->obj.handle;
	args->mmap_offset = pto_mem_mmap_offset(mem);
	err = pto_object_publish(call, &mem->obj);
	if (err)
		goto put;
	return 0;
put:
	pto_object_put(&mem->obj);
	return err;
}

static int pto_mem_copy_device(struct pto_ctx *ctx, const struct pto_mem_copy *args)
{
	struct pto_range dst, src;
	int err;

	if (args->dst < args->src + args->bytes && args->src < args->dst + args->bytes)
		return -EINVAL;
	err = pto_range_device(ctx, args->dst, args->bytes, true, &dst);
	if (err)
		return err;
	err = pto_range_device(ctx, args->src, args->bytes, false, &src);
	if (!err) {
		err = pto_range_copy(&dst, &src, 0, args->bytes);
		pto_object_put(src.obj);
	}
	pto_object_put(dst.obj);
	return err;
}

static int pto_mem_copy_user(struct pto_ctx *ctx, u64 device, u64 user, u64 bytes, bool to_user)
{
	struct pto_range range;
	int err;

	err = pto_range_device(ctx, device, bytes, !to_user, &range);
	if (err)
		return err;
	err = pto_range_user(&range, u64_to_user_ptr(user), bytes, to_user);
	pto_object_put(range.obj);
	return err;
}

int pto_call_mem_copy(struct pto_call *call)
{
	const struct pto_mem_copy *args = &call->args.mem_copy;

	if (args->dir > PTO_COPY_D2D)
		return -EOPNOTSUPP;
	if (args->bytes > PTO_MEM_COPY_MAX)
		return -EFBIG;
	switch (args->dir) {
	case PTO_COPY_H2D:
		return pto_mem_copy_user(call->ctx, args->dst, args->src, args->bytes, false);
	case PTO_COPY_D2H:
		return pto_mem_copy_user(call->ctx, args->src, args->dst, args->bytes, true);
	default:
		return pto_mem_copy_device(call->ctx, args);
	}
}
