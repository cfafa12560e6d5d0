/* SPDX-License-Identifier: GPL-2.0 */
/* Programs: opaque bytes in device memory, with a serial that is never used again. */
#ifndef PTO_PROG_H
#define PTO_PROG_H

#include <linux/list.h>

#include "object.h"

struct pto_mem;

/**
 * struct pto_prog - a program
 * @image:	its bytes, a read-only memory object without a handle, referenced
 * @bytes:	their number
 * @serial:	names it on the queues
 * @launched:	an emulator has seen it; under the context's queue lock
 * @node:	in pto_emu.destroyed, when nothing but the emulator remembers it
 */
struct pto_prog {
	struct pto_object obj;
	struct pto_mem *image;
	u32 bytes;
	u64 serial;
	bool launched;
	struct list_head node;
};

extern const struct pto_object_type pto_prog_type;

int pto_call_prog_load(struct pto_call *call);

#endif
