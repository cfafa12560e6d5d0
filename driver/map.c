// SPDX-License-Identifier: GPL-2.0
/* mmap: pages are inserted by fault. */
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "ctx.h"
#include "emu.h"
#include "map.h"
#include "mem.h"
#include "stream.h"

int pto_shared_alloc(struct pto_shared *shared, size_t bytes, bool writable)
{
	bytes = PAGE_ALIGN(bytes);
	shared->base = __vmalloc(bytes, PTO_GFP | __GFP_ZERO);
	if (!shared->base)
		return -ENOMEM;
	shared->bytes = bytes;
	shared->writable = writable;
	return 0;
}

void pto_shared_free(struct pto_shared *shared)
{
	vfree(shared->base);
}

/* A page's mapping holds the page; the reference is the mapping's. */
static vm_fault_t pto_fault_page(struct vm_fault *vmf, struct page *page)
{
	if (!page)
		return VM_FAULT_SIGBUS;
	get_page(page);
	vmf->page = page;
	return 0;
}

static int pto_vm_refuse_move(struct vm_area_struct *vma)
{
	return -EINVAL;
}

/* ---- the control page: its last unmap ends the context ---- */

static void pto_ctl_open(struct vm_area_struct *vma)
{
	struct pto_ctx *ctx = vma->vm_private_data;

	atomic_inc(&ctx->ctl_maps);
}

static void pto_ctl_close(struct vm_area_struct *vma)
{
	struct pto_ctx *ctx = vma->vm_private_data;

	if (atomic_dec_and_test(&ctx->ctl_maps))
		pto_ctx_kill(ctx, -ECANCELED);
}

static vm_fault_t pto_ctl_fault(struct vm_fault *vmf)
{
	struct pto_ctx *ctx = vmf->vma->vm_private_data;

	return pto_fault_page(vmf, virt_to_page(ctx->ctl));
}

static const struct vm_operations_struct pto_ctl_vm_ops = {
	.open = pto_ctl_open,
	.close = pto_ctl_close,
	.fault = pto_ctl_fault,
	.mremap = pto_vm_refuse_move,
};

static int pto_map_ctl(struct pto_ctx *ctx, struct vm_area_struct *vma)
{
	int err;

	if (vma_pages(vma) != 1)
		return -EINVAL;
	if (vma->vm_flags & VM_WRITE)
		return -EACCES;
	err = pto_ctx_bind(ctx);
	if (err)
		return err;
	/* VM_IO: a madvise() can not take DONTCOPY back. */
	pto_vm_flags(vma, VM_IO, VM_MAYWRITE);
	vma->vm_private_data = ctx;
	vma->vm_ops = &pto_ctl_vm_ops;
	return 0;
}

/* ---- mappings that hold an object ---- */

static void pto_object_vm_open(struct vm_area_struct *vma)
{
	pto_object_get(vma->vm_private_data);
}

static void pto_object_vm_close(struct vm_area_struct *vma)
{
	pto_object_put(vma->vm_private_data);
}

static u64 pto_vmf_offset(struct vm_fault *vmf)
{
	return (u64)vmf->pgoff << PAGE_SHIFT;
}

static vm_fault_t pto_mem_fault(struct vm_fault *vmf)
{
	struct pto_mem *mem = container_of(vmf->vma->vm_private_data, struct pto_mem, obj);
	u64 at = pto_vmf_offset(vmf) - pto_mem_mmap_offset(mem);

	vmf->page = pto_mem_page(mem, at >> PAGE_SHIFT);
	if (vmf->page)
		return 0;
	/* The context is dead: no SIGBUS in the middle of a program, but a private page. */
	vmf->page = alloc_page(GFP_HIGHUSER | __GFP_ACCOUNT | __GFP_ZERO);
	return vmf->page ? 0 : VM_FAULT_OOM;
}

static const struct vm_operations_struct pto_mem_vm_ops = {
	.open = pto_object_vm_open,
	.close = pto_object_vm_close,
	.fault = pto_mem_fault,
	.mremap = pto_vm_refuse_move,
};

static struct pto_shared *pto_object_shared(struct pto_object *obj, u64 *at)
{
	*at &= (1ULL << PTO_MMAP_SHIFT) - 1;
	if (obj->type == &pto_stream_type)
		return &to_stream(obj)->shared;
	if (obj->type != &pto_emu_type)
		return NULL;
	if (*at < PTO_MMAP_EMU_CORE)
		return &to_emu(obj)->sub;
	*at -= PTO_MMAP_EMU_CORE;
	return &to_emu(obj)->core;
}

static vm_fault_t pto_shared_fault(struct vm_fault *vmf)
{
	u64 at = pto_vmf_offset(vmf);
	struct pto_shared *shared = pto_object_shared(vmf->vma->vm_private_data, &at);

	if (at >= shared->bytes)
		return VM_FAULT_SIGBUS;
	return pto_fault_page(vmf, vmalloc_to_page(shared->base + at));
}

static const struct vm_operations_struct pto_shared_vm_ops = {
	.open = pto_object_vm_open,
	.close = pto_object_vm_close,
	.fault = pto_shared_fault,
	.mremap = pto_vm_refuse_move,
};

/* On success the mapping takes over the reference to @obj. */
static int pto_map_object(struct vm_area_struct *vma, struct pto_object *obj, u64 at, u64 bytes,
			  bool writable, const struct vm_operations_struct *ops)
{
	u64 length = vma->vm_end - vma->vm_start;

	if (at > bytes || length > bytes - at)
		return -EINVAL;
	if (!writable) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		pto_vm_flags(vma, 0, VM_MAYWRITE);
	}
	vma->vm_private_data = obj;
	vma->vm_ops = ops;
	return 0;
}

static int pto_map_mem(struct pto_ctx *ctx, struct vm_area_struct *vma, u64 offset)
{
	struct pto_mem *mem = pto_mem_find(ctx, offset - PTO_MMAP_MEM + ctx->aperture_base);
	int err;

	if (!mem)
		return -EINVAL;
	err = pto_map_object(vma, &mem->obj, offset - pto_mem_mmap_offset(mem), mem->bytes,
			     !mem->readonly, &pto_mem_vm_ops);
	if (err)
		pto_object_put(&mem->obj);
	return err;
}

static int pto_map_shared(struct pto_ctx *ctx, struct vm_area_struct *vma, u64 offset)
{
	struct pto_object *obj = pto_object_find(ctx, offset >> PTO_MMAP_SHIFT, 0);
	struct pto_shared *shared;
	u64 at = offset;
	int err = -EINVAL;

	if (!obj)
		return -EINVAL;
	shared = pto_object_shared(obj, &at);
	if (shared)
		err = pto_map_object(vma, obj, at, shared->bytes, shared->writable,
				     &pto_shared_vm_ops);
	if (err)
		pto_object_put(obj);
	return err;
}

int pto_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct pto_ctx *ctx = file->private_data;
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	int err;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	pto_vm_flags(vma, VM_DONTCOPY | VM_DONTEXPAND, VM_MAYEXEC);
	if (offset == PTO_MMAP_CTL)
		return pto_map_ctl(ctx, vma);
	err = pto_ctx_check(ctx);
	if (err)
		return err;
	if (offset >= PTO_MMAP_MEM)
		err = pto_map_mem(ctx, vma, offset);
	else
		err = pto_map_shared(ctx, vma, offset);
	return err == -EINVAL ? pto_ctx_missing(ctx, err) : err;
}

/* From now on faults decide anew. Touches no other context: the inode is this one's. */
void pto_map_zap_memory(struct inode *inode)
{
	unmap_mapping_range(inode->i_mapping, PTO_MMAP_MEM, 0, 1);
}
