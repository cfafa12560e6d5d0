/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mmap: the control page, stream pages, the emulator's regions, device memory.
 *
 * Offsets: the control page at 0; shared pages of the object with handle h from
 * h << PTO_MMAP_SHIFT; device memory from PTO_MMAP_MEM by its place in the aperture.
 * All are below 2^44, which is as far as a 32-bit process can say.
 */
#ifndef PTO_MAP_H
#define PTO_MAP_H

#include <linux/fs.h>
#include <linux/types.h>

#define PTO_MMAP_SHIFT		24
#define PTO_MMAP_EMU_CORE	(1ULL << 23)	/* from an emulator's first region to its second */

/**
 * struct pto_shared - memory of the driver that a process can map
 * @base:	from vmalloc, zeroed, charged to the process
 * @bytes:	a multiple of the page size
 * @writable:	the process may write it
 */
struct pto_shared {
	void *base;
	size_t bytes;
	bool writable;
};

int pto_shared_alloc(struct pto_shared *shared, size_t bytes, bool writable);
void pto_shared_free(struct pto_shared *shared);

int pto_mmap(struct file *file, struct vm_area_struct *vma);
void pto_map_zap_memory(struct inode *inode);

#endif
