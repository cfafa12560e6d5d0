// SPDX-License-Identifier: GPL-2.0
/* Programs. */
#include <linux/slab.h>

#include "call.h"
#include "ctx.h"
#include "emu.h"
#include "mem.h"
#include "prog.h"

static atomic64_t pto_prog_serial = ATOMIC64_INIT(0);

static void pto_prog_free(struct pto_object *obj)
{
	struct pto_prog *prog = container_of(obj, struct pto_prog, obj);

	pto_object_put(&prog->image->obj);
	/* An emulator that has seen it is told, and frees it then. */
	if (!pto_emu_forget_prog(obj->ctx, prog))
		kfree(prog);
}

const struct pto_object_type pto_prog_type = {
	.type = PTO_OBJ_PROG,
	.free = pto_prog_free,
};

static int pto_prog_create(struct pto_ctx *ctx, u64 image, u32 bytes, struct pto_prog **out)
{
	struct pto_range range;
	struct pto_prog *prog;
	int err;

	prog = kzalloc(sizeof(*prog), PTO_GFP);
	if (!prog)
		return -ENOMEM;
	err = pto_mem_create(ctx, 0, bytes, true, &prog->image);
	if (err)
		goto free;
	range.obj = &prog->image->obj;
	range.offset = 0;
	err = pto_range_from_user(&range, u64_to_user_ptr(image), bytes);
	if (err)
		goto put_image;
	pto_object_init(&prog->obj, ctx, &pto_prog_type);
	prog->bytes = bytes;
	prog->serial = atomic64_inc_return(&pto_prog_serial);
	*out = prog;
	return 0;

put_image:
	pto_object_put(&prog->image->obj);
free:
	kfree(prog);
	return err;
}

int pto_call_prog_load(struct pto_call *call)
{
	struct pto_prog_load *args = &call->args.prog_load;
	struct pto_prog *prog;
	int err;

	if (args->image_size > PTO_IMAGE_MAX)
		return -EFBIG;
	err = pto_prog_create(call->ctx, args->image, args->image_size, &prog);
	if (err)
		return err;
	err = pto_object_reserve(&prog->obj);
	if (err)
		goto put;
	args->handle = prog->obj.handle;
	args->serial = prog->serial;
	args->addr = prog->image->addr;
	args->mmap_offset = pto_mem_mmap_offset(prog->image);
	err = pto_object_publish(call, &prog->obj);
	if (err)
		goto put;
	return 0;
put:
	pto_object_put(&prog->obj);
	return err;
}
