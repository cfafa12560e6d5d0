/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contexts: an open file and all that was made through it.
 *
 * Life. The file owns the context: pto_ctx_open() makes it, pto_ctx_release() frees
 * it. Mappings, calls in progress and parked io_uring commands hold the file, so
 * none of them can outlive the context. Everything else that works for it (timers,
 * work items, copies) is ended by pto_ctx_release().
 *
 * Death comes earlier and in two steps. pto_ctx_kill() is atomic: under the queue
 * lock it sets the error that calls answer from now on, and makes every stream drain.
 * pto_ctx_end(), from a work item, because the killer may hold mmap_lock, waits until
 * nothing runs, drops all handles and gives device memory back. The causes are the
 * last unmap of the control page (the process exits, or calls exec), CTX_CLOSE, a
 * device's reset or unplug, and the last close.
 *
 * Binding. The first mmap of the control page binds the context to that address
 * space. @mm is held by mmgrab(), only to be compared: the pointer can not be
 * reused while we hold it, and the address space itself is free to go.
 *
 * Locks, outermost first
 *	pto_device.lock		the device's list of contexts
 *	mmap_lock		(taken by the kernel around mmap, munmap and faults)
 *	pto_ctx.lock		settings, binding, making of handles against death
 *	pto_ctx.qlock		irq-safe spinlock: streams, waits, faults, the emulator's
 *				queues, @dead. One for all streams of a context, so
 *				that a WAIT across streams needs no lock order
 *	inside qlock: only wait queues', timers', io_uring's task work's and events' locks
 * The handle table, the address tree and a memory object's pages have small
 * spinlocks of their own, leaves, never taken in an interrupt.
 *
 * User memory is read once, before any of these is taken, and written with none held.
 */
#ifndef PTO_CTX_H
#define PTO_CTX_H

#include <linux/fs.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "device.h"
#include "fault.h"

struct pto_call;
struct pto_emu;

/* What contexts hold is charged to who asks. His cgroup's limit is ENOMEM, not the OOM killer. */
#define PTO_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/**
 * struct pto_ctx - a context
 * @pdev:	its device, referenced
 * @node:	in pdev->contexts, under pdev->lock
 * @inode:	an anonymous inode for the mappings of this context alone, so that
 *		zapping them hits no other
 * @mm:		the address space it is bound to; set once, under @lock
 * @pid, @comm:	the process that bound it
 * @uid:	who bound it, or else who opened it
 * @ctl:	the control page
 * @ctl_maps:	mappings of the control page
 *
 * @lock:	protects the settings, binding, and publishing of handles
 * @objects:	handle to object
 * @n_streams:	streams that exist
 * @n_waits:	waits by io_uring that have not ended
 * @space:	memory objects by device address, under @space_lock
 * @aperture_base, @aperture_size:	where device memory may lie; size 0: not set
 *
 * @qlock:	protects all below
 * @dead:	0, or the negative errno that commands in flight complete with
 * @streams:	all streams
 * @runnable:	streams whose next command may be able to start
 * @emu:	the attached emulator, or NULL
 *
 * @wait:	what poll() sleeps on
 * @run_work:	goes on where an interrupt's budget was used up
 * @end_work:	the second step of death
 * @reap_work:	frees @garbage: objects whose last reference was dropped where one
 *		can not sleep
 * @watchdog:	ends commands that take too long; armed while one can
 */
struct pto_ctx {
	struct pto_device *pdev;
	struct list_head node;
	u32 id;
	struct inode *inode;
	struct mm_struct *mm;
	struct pid *pid;
	char comm[TASK_COMM_LEN];
	kuid_t uid;
	struct pto_ctl_page *ctl;
	atomic_t ctl_maps;

	struct mutex lock;		/* under pdev->lock and mmap_lock */
	struct xarray objects;
	u32 next_handle;
	atomic_t n_objects;
	atomic_t n_streams;
	atomic_t n_waits;
	spinlock_t space_lock;		/* a leaf, never in an interrupt */
	struct rb_root space;
	u64 aperture_base;
	u64 aperture_size;
	char label[PTO_LABEL_SIZE];
	atomic64_t mem_used;
	atomic64_t pinned;

	spinlock_t qlock;		/* irq-safe, inside lock */
	int dead;
	u32 timeout_ms;
	u32 on_fault;
	struct list_head streams;
	struct list_head runnable;
	struct pto_emu *emu;
	struct pto_fault_log faults;
	struct pto_counters counters;

	wait_queue_head_t wait;
	struct work_struct run_work;
	struct work_struct end_work;
	struct llist_head garbage;
	struct work_struct reap_work;
	struct timer_list watchdog;
};

/* Work of all contexts. None of it waits for user memory or takes mmap_lock. */
extern struct workqueue_struct *pto_wq;

int pto_ctx_open(struct inode *inode, struct file *file);
int pto_ctx_release(struct inode *inode, struct file *file);
int pto_ctx_bind(struct pto_ctx *ctx);
int pto_ctx_check(struct pto_ctx *ctx);
int pto_ctx_missing(struct pto_ctx *ctx, int err);
void pto_ctx_kill(struct pto_ctx *ctx, int err);
void pto_ctx_wait_dead(struct pto_ctx *ctx);
void pto_ctx_count(struct pto_ctx *ctx, struct pto_counters *sum);
void pto_ctx_reap(struct pto_ctx *ctx);

int pto_call_ctx_set(struct pto_call *call);
int pto_call_ctx_close(struct pto_call *call);
int pto_call_reset(struct pto_call *call);

#endif
