// SPDX-License-Identifier: GPL-2.0
/* Contexts: open, binding, settings, death. The rules are in ctx.h. */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "call.h"
#include "ctx.h"
#include "device.h"
#include "emu.h"
#include "map.h"
#include "mem.h"
#include "stream.h"

struct workqueue_struct *pto_wq;

/* ---- anonymous inodes, one a context ---- */

static struct vfsmount *pto_mount;
static int pto_mount_users;

static int pto_fs_init_context(struct fs_context *fc)
{
	return init_pseudo(fc, 0x50544f) ? 0 : -ENOMEM;
}

static struct file_system_type pto_fs_type = {
	.name = "pto",
	.owner = THIS_MODULE,
	.init_fs_context = pto_fs_init_context,
	.kill_sb = kill_anon_super,
};

/* Each holds the mount, and with it the module. */
static struct inode *pto_inode_get(void)
{
	struct inode *inode;
	int err;

	err = simple_pin_fs(&pto_fs_type, &pto_mount, &pto_mount_users);
	if (err)
		return ERR_PTR(err);
	inode = alloc_anon_inode(pto_mount->mnt_sb);
	if (IS_ERR(inode))
		simple_release_fs(&pto_mount, &pto_mount_users);
	return inode;
}

static void pto_inode_put(struct inode *inode)
{
	iput(inode);
	simple_release_fs(&pto_mount, &pto_mount_users);
}

/* ---- death ---- */

/*
 * Atomic: may be called with mmap_lock held. @err is what commands in flight complete
 * with. The first cause wins.
 */
void pto_ctx_kill(struct pto_ctx *ctx, int err)
{
	struct pto_stream *stream;
	unsigned long flags;

	spin_lock_irqsave(&ctx->qlock, flags);
	if (!ctx->dead) {
		WRITE_ONCE(ctx->dead, err);
		WRITE_ONCE(ctx->ctl->state, PTO_CTX_DEAD);
		if (ctx->emu)
			pto_emu_detach(ctx->emu, err);
		list_for_each_entry(stream, &ctx->streams, node) {
			pto_stream_set_state(stream, PTO_STREAM_DEAD);
			pto_stream_drain(stream, err);
		}
		pto_run(ctx);
		wake_up_poll(&ctx->wait, EPOLLHUP | EPOLLERR);
		queue_work(pto_wq, &ctx->end_work);
	}
	spin_unlock_irqrestore(&ctx->qlock, flags);
}

static void pto_ctx_end(struct work_struct *work)
{
	struct pto_ctx *ctx = container_of(work, struct pto_ctx, end_work);

	/* Dropping a stream waits until its commands are done. */
	pto_object_drop_all(ctx);
	pto_streams_settle(ctx);
	pto_mem_discard_all(ctx);
	pto_map_zap_memory(ctx->inode);
}

/* Until nothing of a killed context runs any more. */
void pto_ctx_wait_dead(struct pto_ctx *ctx)
{
	flush_work(&ctx->end_work);
}

static void pto_ctx_reap_work(struct work_struct *work)
{
	struct pto_ctx *ctx = container_of(work, struct pto_ctx, reap_work);
	struct pto_object *obj, *next;

	llist_for_each_entry_safe(obj, next, llist_del_all(&ctx->garbage), garbage)
		obj->type->free(obj);
}

/* Free what lost its last reference in an interrupt up to now. */
void pto_ctx_reap(struct pto_ctx *ctx)
{
	flush_work(&ctx->reap_work);
}

/* ---- open and release ---- */

static int pto_ctx_init(struct pto_ctx *ctx)
{
	ctx->ctl = (void *)get_zeroed_page(PTO_GFP);
	if (!ctx->ctl)
		return -ENOMEM;
	ctx->inode = pto_inode_get();
	if (IS_ERR(ctx->inode)) {
		free_page((unsigned long)ctx->ctl);
		return PTR_ERR(ctx->inode);
	}
	ctx->ctl->abi = PTO_ABI;
	mutex_init(&ctx->lock);
	xa_init_flags(&ctx->objects, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	spin_lock_init(&ctx->space_lock);
	ctx->space = RB_ROOT;
	spin_lock_init(&ctx->qlock);
	INIT_LIST_HEAD(&ctx->streams);
	INIT_LIST_HEAD(&ctx->runnable);
	init_waitqueue_head(&ctx->wait);
	INIT_WORK(&ctx->run_work, pto_run_work);
	INIT_WORK(&ctx->end_work, pto_ctx_end);
	init_llist_head(&ctx->garbage);
	INIT_WORK(&ctx->reap_work, pto_ctx_reap_work);
	timer_setup(&ctx->watchdog, pto_watchdog, 0);
	return 0;
}

static void pto_ctx_free(struct pto_ctx *ctx)
{
	pto_inode_put(ctx->inode);
	free_page((unsigned long)ctx->ctl);
	if (ctx->mm)
		mmdrop(ctx->mm);
	put_pid(ctx->pid);
	kfree(ctx);
}

int pto_ctx_open(struct inode *inode, struct file *file)
{
	struct pto_device *pdev = container_of(inode->i_cdev, struct pto_device, cdev);
	struct pto_ctx *ctx;
	int err;

	ctx = kzalloc(sizeof(*ctx), PTO_GFP);
	if (!ctx)
		return -ENOMEM;
	err = pto_ctx_init(ctx);
	if (err) {
		kfree(ctx);
		return err;
	}
	mutex_lock(&pdev->lock);
	if (pdev->gone) {
		mutex_unlock(&pdev->lock);
		pto_ctx_free(ctx);
		return -ENODEV;
	}
	get_device(&pdev->dev);
	ctx->pdev = pdev;
	ctx->uid = current_euid();
	ctx->timeout_ms = READ_ONCE(pdev->timeout_ms);
	ctx->id = ++pdev->next_ctx;
	list_add_tail(&ctx->node, &pdev->contexts);
	WRITE_ONCE(pdev->n_contexts, pdev->n_contexts + 1);
	mutex_unlock(&pdev->lock);
	pto_list_changed(PTO_LIST_CONTEXTS);

	file->private_data = ctx;
	file->f_mapping = ctx->inode->i_mapping;
	return nonseekable_open(inode, file);
}

/* No call, no mapping and no parked command is left: each holds the file. */
int pto_ctx_release(struct inode *inode, struct file *file)
{
	struct pto_ctx *ctx = file->private_data;
	struct pto_device *pdev = ctx->pdev;

	pto_ctx_kill(ctx, -ECANCELED);
	pto_ctx_wait_dead(ctx);

	mutex_lock(&pdev->lock);
	list_del(&ctx->node);
	WRITE_ONCE(pdev->n_contexts, pdev->n_contexts - 1);
	pto_ctx_count(ctx, &pdev->past);
	mutex_unlock(&pdev->lock);
	pto_list_changed(PTO_LIST_CONTEXTS);

	del_timer_sync(&ctx->watchdog);
	cancel_work_sync(&ctx->run_work);
	pto_ctx_reap(ctx);
	WARN_ON(!xa_empty(&ctx->objects) || !RB_EMPTY_ROOT(&ctx->space) ||
		!list_empty(&ctx->streams));
	pto_ctx_free(ctx);
	put_device(&pdev->dev);
	return 0;
}

/* ---- binding ---- */

/* Unless it has just died. */
static void pto_ctl_live(struct pto_ctx *ctx)
{
	spin_lock_irq(&ctx->qlock);
	if (!ctx->dead)
		WRITE_ONCE(ctx->ctl->state, PTO_CTX_LIVE);
	spin_unlock_irq(&ctx->qlock);
}

/* A mapping of the control page is being made. */
int pto_ctx_bind(struct pto_ctx *ctx)
{
	int err = 0;

	mutex_lock(&ctx->lock);
	if (ctx->mm && ctx->mm != current->mm) {
		err = -EPERM;
	} else if (READ_ONCE(ctx->dead)) {
		err = -ENODEV;
	} else {
		if (!ctx->mm) {
			mmgrab(current->mm);
			ctx->pid = get_task_pid(current, PIDTYPE_TGID);
			get_task_comm(ctx->comm, current->group_leader);
			ctx->uid = current_euid();
			pto_ctl_live(ctx);
			/* Pairs with pto_ctx_check(): who sees it, sees the pid. */
			smp_store_release(&ctx->mm, current->mm);
		}
		atomic_inc(&ctx->ctl_maps);
	}
	mutex_unlock(&ctx->lock);
	return err;
}

/* May current use the context, now? */
int pto_ctx_check(struct pto_ctx *ctx)
{
	struct mm_struct *mm = smp_load_acquire(&ctx->mm);	/* pairs with pto_ctx_bind() */

	if (!mm)
		return -EBADFD;
	if (mm != current->mm)
		return -EPERM;
	if (READ_ONCE(ctx->dead))
		return -ENODEV;
	return 0;
}

/*
 * @err says that something is missing. -ENODEV if the context has died since it was checked:
 * then everything is.
 */
int pto_ctx_missing(struct pto_ctx *ctx, int err)
{
	/* Who saw that a thing was taken, sees the death before it: see pto_ctx_kill(). */
	smp_rmb();
	return READ_ONCE(ctx->dead) ? -ENODEV : err;
}

/* Add what it did to @sum. */
void pto_ctx_count(struct pto_ctx *ctx, struct pto_counters *sum)
{
	const struct pto_counters *own = &ctx->counters;
	int i;

	spin_lock_irq(&ctx->qlock);
	sum->submitted += own->submitted;
	sum->completed += own->completed;
	sum->faults += ctx->faults.written;
	for (i = 0; i < PTO_BUSY_KINDS; i++)
		sum->busy_ns[i] += own->busy_ns[i];
	spin_unlock_irq(&ctx->qlock);
}

/* ---- calls ---- */

static bool pto_aperture_ok(u64 base, u64 size)
{
	return base && size && PAGE_ALIGNED(base) && PAGE_ALIGNED(size) &&
	       size <= PTO_APERTURE_MAX && base <= TASK_SIZE && size <= TASK_SIZE - base;
}

static int pto_ctx_set_check(const struct pto_ctx *ctx, const struct pto_ctx_set *set)
{
	if (!set->flags)
		return -EINVAL;
	if (set->flags & PTO_CTX_APERTURE) {
		if (!pto_aperture_ok(set->aperture_base, set->aperture_size))
			return -EINVAL;
		if (ctx->aperture_size)
			return -EBUSY;
	}
	if ((set->flags & PTO_CTX_TIMEOUT) &&
	    (!set->timeout_ms || set->timeout_ms > PTO_TIMEOUT_MAX_MS))
		return -EINVAL;
	if ((set->flags & PTO_CTX_ON_FAULT) && set->on_fault > PTO_ON_FAULT_CONTINUE)
		return -EOPNOTSUPP;
	if ((set->flags & PTO_CTX_LABEL) &&
	    strnlen(set->label, PTO_LABEL_SIZE) == PTO_LABEL_SIZE)
		return -EINVAL;
	return 0;
}

int pto_call_ctx_set(struct pto_call *call)
{
	const struct pto_ctx_set *set = &call->args.ctx_set;
	struct pto_ctx *ctx = call->ctx;
	int err;

	mutex_lock(&ctx->lock);
	err = pto_ctx_set_check(ctx, set);
	if (err)
		goto unlock;
	if (set->flags & PTO_CTX_APERTURE) {
		ctx->aperture_base = set->aperture_base;
		/* Read without the lock: who sees a size, sees the base. */
		smp_store_release(&ctx->aperture_size, set->aperture_size);
	}
	spin_lock_irq(&ctx->qlock);
	/* Read with either lock: lists have the one, dumps of hung streams the other. */
	if (set->flags & PTO_CTX_LABEL)
		strscpy_pad(ctx->label, set->label, PTO_LABEL_SIZE);
	if (set->flags & PTO_CTX_ON_FAULT)
		ctx->on_fault = set->on_fault;
	if (set->flags & PTO_CTX_TIMEOUT) {
		ctx->timeout_ms = set->timeout_ms;
		pto_watchdog_rearm(ctx);
	}
	spin_unlock_irq(&ctx->qlock);
unlock:
	mutex_unlock(&ctx->lock);
	return err;
}

int pto_call_ctx_close(struct pto_call *call)
{
	pto_ctx_kill(call->ctx, -ECANCELED);
	pto_ctx_wait_dead(call->ctx);
	return 0;
}

int pto_call_reset(struct pto_call *call)
{
	struct pto_ctx *ctx = call->ctx;
	struct pto_stream *stream;

	spin_lock_irq(&ctx->qlock);
	/* What ends now, ends for that. */
	if (ctx->dead) {
		spin_unlock_irq(&ctx->qlock);
		return -ENODEV;
	}
	if (ctx->emu && pto_emu_stuck(ctx->emu))
		pto_emu_detach(ctx->emu, -ECANCELED);
	list_for_each_entry(stream, &ctx->streams, node) {
		pto_stream_drain(stream, -ECANCELED);
		if (stream->state == PTO_STREAM_STOPPED)
			pto_stream_set_state(stream, PTO_STREAM_RUNNING);
	}
	ctx->faults.read = ctx->faults.written;
	ctx->faults.lost = 0;
	pto_run(ctx);
	spin_unlock_irq(&ctx->qlock);
	return 0;
}
