// SPDX-License-Identifier: GPL-2.0
/* QUERY, and what else tells of a context. */
#include <linux/ktime.h>
#include <linux/pid_namespace.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "call.h"
#include "compat.h"
#include "ctx.h"
#include "device.h"
#include "emu.h"
#include "mem.h"
#include "prog.h"
#include "stream.h"

union pto_info {
	struct pto_info_driver driver;
	struct pto_info_device device;
	struct pto_info_clock clock;
	struct pto_info_ctx ctx;
	struct pto_info_object object;
};

static int pto_query_driver(struct pto_ctx *ctx, union pto_info *info)
{
	info->driver.abi = PTO_ABI;
	info->driver.calls = pto_call_count();
	info->driver.features = PTO_FEATURE_URING |
				(PTO_URING_CANCEL ? PTO_FEATURE_URING_CANCEL : 0);
	info->driver.version = PTO_DRIVER_VERSION;
	info->driver.devices = pto_device_count();
	return sizeof(info->driver);
}

static int pto_query_device(struct pto_ctx *ctx, union pto_info *info)
{
	struct pto_device *pdev = ctx->pdev;
	struct pto_counters counters;

	pto_device_counters(pdev, &counters);
	info->device.index = pdev->index;
	info->device.flags = pdev->ops->flags;
	info->device.blocks = pdev->blocks;
	info->device.cores = pdev->blocks * PTO_BLOCK_CORES;
	info->device.mem_total = pdev->mem_total;
	info->device.mem_used = atomic64_read(&pdev->mem_used);
	info->device.timeout_ms = READ_ONCE(pdev->timeout_ms);
	info->device.busy_ns = pto_counters_busy(&counters);
	info->device.contexts = READ_ONCE(pdev->n_contexts);
	info->device.generation = READ_ONCE(pdev->generation);
	return sizeof(info->device);
}

static int pto_query_clock(struct pto_ctx *ctx, union pto_info *info)
{
	/* A mock's clock is the host's. */
	info->clock.device_ns = ktime_get_ns();
	info->clock.host_ns = info->clock.device_ns;
	return sizeof(info->clock);
}

static int pto_query_ctx(struct pto_ctx *ctx, union pto_info *info)
{
	struct pto_info_ctx *out = &info->ctx;

	mutex_lock(&ctx->lock);
	out->id = ctx->id;
	out->aperture_base = ctx->aperture_base;
	out->aperture_size = ctx->aperture_size;
	out->mem_used = atomic64_read(&ctx->mem_used);
	out->pinned = atomic64_read(&ctx->pinned);
	out->objects = atomic_read(&ctx->n_objects);
	out->streams = atomic_read(&ctx->n_streams);
	if (ctx->pid)
		out->pid = pid_nr_ns(ctx->pid, task_active_pid_ns(current));
	memcpy(out->label, ctx->label, sizeof(out->label));
	spin_lock_irq(&ctx->qlock);
	out->state = ctx->ctl->state;
	out->timeout_ms = ctx->timeout_ms;
	out->on_fault = ctx->on_fault;
	out->faults = ctx->faults.written;
	out->faults_unread = ctx->faults.written - ctx->faults.read;
	out->busy_ns = pto_counters_busy(&ctx->counters);
	out->submitted = ctx->counters.submitted;
	out->completed = ctx->counters.completed;
	spin_unlock_irq(&ctx->qlock);
	mutex_unlock(&ctx->lock);
	return sizeof(*out);
}

static void pto_info_mem(struct pto_mem *mem, struct pto_info_object *out)
{
	out->mmap_offset = pto_mem_mmap_offset(mem);
	out->mmap_size = mem->bytes;
	out->mem.addr = mem->addr;
	out->mem.bytes = mem->bytes;
}

static void pto_info_prog(struct pto_prog *prog, struct pto_info_object *out)
{
	out->mmap_offset = pto_mem_mmap_offset(prog->image);
	out->mmap_size = prog->image->bytes;
	out->prog.addr = prog->image->addr;
	out->prog.bytes = prog->bytes;
	out->prog.serial = prog->serial;
}

static void pto_info_stream(struct pto_stream *stream, struct pto_info_object *out)
{
	struct pto_ctx *ctx = stream->obj.ctx;

	out->mmap_offset = (u64)stream->obj.handle << PTO_MMAP_SHIFT;
	out->mmap_size = stream->shared.bytes;
	out->stream.engine = stream->engine;
	out->stream.index = stream->index;
	out->stream.depth = stream->depth;
	spin_lock_irq(&ctx->qlock);
	out->stream.state = stream->state;
	out->stream.submitted = stream->submitted;
	out->stream.completed = stream->completed;
	out->stream.armed = stream->armed;
	spin_unlock_irq(&ctx->qlock);
}

static void pto_info_emu(struct pto_emu *emu, struct pto_info_object *out)
{
	struct pto_ctx *ctx = emu->obj.ctx;

	out->mmap_offset = (u64)emu->obj.handle << PTO_MMAP_SHIFT;
	out->mmap_size = emu->sub.bytes;
	spin_lock_irq(&ctx->qlock);
	out->emu.doorbell = emu->doorbell;
	out->emu.depth = emu->depth;
	out->emu.in_flight = emu->in_flight;
	spin_unlock_irq(&ctx->qlock);
}

static int pto_query_object(struct pto_ctx *ctx, u32 handle, union pto_info *info)
{
	struct pto_object *obj = pto_object_find(ctx, handle, 0);

	if (!obj)
		return -ENOENT;
	info->object.type = obj->type->type;
	info->object.handle = handle;
	switch (obj->type->type) {
	case PTO_OBJ_MEM:
		pto_info_mem(container_of(obj, struct pto_mem, obj), &info->object);
		break;
	case PTO_OBJ_PROG:
		pto_info_prog(container_of(obj, struct pto_prog, obj), &info->object);
		break;
	case PTO_OBJ_STREAM:
		pto_info_stream(to_stream(obj), &info->object);
		break;
	case PTO_OBJ_EMU:
		pto_info_emu(to_emu(obj), &info->object);
		break;
	}
	pto_object_put(obj);
	return sizeof(info->object);
}

/* /proc/PID/fdinfo of the context's file. */
void pto_show_fdinfo(struct seq_file *seq, struct file *file)
{
	struct pto_ctx *ctx = file->private_data;
	struct pto_counters own = {};
	union pto_info info = {};

	pto_query_ctx(ctx, &info);
	pto_ctx_count(ctx, &own);
	seq_printf(seq, "pto-device:\t%u\n", ctx->pdev->index);
	seq_printf(seq, "pto-context:\t%u\n", info.ctx.id);
	seq_puts(seq, "pto-label:\t");
	seq_escape(seq, info.ctx.label, "\n\\");
	seq_printf(seq, "\npto-state:\t%s\n", info.ctx.state == PTO_CTX_LIVE ? "live" :
		   info.ctx.state == PTO_CTX_DEAD ? "dead" : "unbound");
	seq_printf(seq, "pto-memory:\t%llu bytes\n", info.ctx.mem_used);
	seq_printf(seq, "pto-pinned:\t%llu bytes\n", info.ctx.pinned);
	seq_printf(seq, "pto-streams:\t%u\n", info.ctx.streams);
	seq_printf(seq, "pto-submitted:\t%llu\n", own.submitted);
	seq_printf(seq, "pto-completed:\t%llu\n", own.completed);
	seq_printf(seq, "pto-faults:\t%llu\n", own.faults);
	seq_printf(seq, "pto-busy-copy:\t%llu ns\n", own.busy_ns[PTO_BUSY_COPY]);
	seq_printf(seq, "pto-busy-aic:\t%llu ns\n", own.busy_ns[PTO_BUSY_AIC]);
	seq_printf(seq, "pto-busy-aiv:\t%llu ns\n", own.busy_ns[PTO_BUSY_AIV]);
}

/* May current ask for this item? */
static int pto_query_allowed(struct pto_ctx *ctx, u32 item)
{
	int err = pto_ctx_check(ctx);

	/* The driver outlives its devices. */
	if (item == PTO_QUERY_DRIVER)
		return 0;
	/* What is not the context's own needs no binding; what is, must not be another's. */
	if (err == -EPERM && (item == PTO_QUERY_CTX || item == PTO_QUERY_OBJECT))
		return err;
	return READ_ONCE(ctx->dead) ? -ENODEV : 0;
}

int pto_call_query(struct pto_call *call)
{
	static int (*const query[])(struct pto_ctx *ctx, union pto_info *info) = {
		[PTO_QUERY_DRIVER] = pto_query_driver,
		[PTO_QUERY_DEVICE] = pto_query_device,
		[PTO_QUERY_CLOCK] = pto_query_clock,
		[PTO_QUERY_CTX] = pto_query_ctx,
	};
	struct pto_query *args = &call->args.query;
	void __user *data = u64_to_user_ptr(args->data);
	union pto_info info;
	int size, err;

	err = pto_query_allowed(call->ctx, args->item);
	if (err)
		return err;
	if (args->item > PTO_QUERY_OBJECT)
		return -EOPNOTSUPP;
	if (args->data_size > PAGE_SIZE)
		return -E2BIG;
	if (args->handle && args->item != PTO_QUERY_OBJECT)
		return -EINVAL;
	memset(&info, 0, sizeof(info));
	if (args->item == PTO_QUERY_OBJECT)
		size = pto_query_object(call->ctx, args->handle, &info);
	else
		size = query[args->item](call->ctx, &info);
	if (size < 0)
		return size;
	if (copy_to_user(data, &info, min_t(u32, size, args->data_size)))
		return -EFAULT;
	if (args->data_size > size && clear_user(data + size, args->data_size - size))
		return -EFAULT;
	args->data_size = size;
	return 0;
}
