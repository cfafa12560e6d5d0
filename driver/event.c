// SPDX-License-Identifier: GPL-2.0
/* Events: noted anywhere, sent from a work item. See event.h. */
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/ratelimit.h>
#include <linux/workqueue.h>

#include "ctx.h"
#include "device.h"
#include "event.h"
#include "netlink.h"

#define PTO_EVENTS		128
#define PTO_EVENTS_SPARE	32	/* room that faults leave to devices */
#define PTO_EVENT_RATE		500	/* faults that are sent in a second */

/* Free-running indices; all under the lock, which is a leaf, and irq-safe. */
static DEFINE_SPINLOCK(pto_events_lock);
static struct pto_event pto_events[PTO_EVENTS];
static u32 pto_events_head;
static u32 pto_events_tail;

static atomic64_t pto_dropped = ATOMIC64_INIT(0);
/* It counts for itself, and does not tell the kernel's log. */
static struct ratelimit_state pto_event_rate =
	RATELIMIT_STATE_INIT_FLAGS(pto_event_rate, HZ, PTO_EVENT_RATE, RATELIMIT_MSG_ON_RELEASE);

static void pto_event_work(struct work_struct *work);
static DECLARE_WORK(pto_event_worker, pto_event_work);

u64 pto_events_dropped(void)
{
	return atomic64_read(&pto_dropped);
}

/* ---- noting ---- */

/* The next free entry, or NULL; the lock is held. */
static struct pto_event *pto_event_next(u32 room)
{
	lockdep_assert_held(&pto_events_lock);
	if (pto_events_tail - pto_events_head >= room) {
		atomic64_inc(&pto_dropped);
		return NULL;
	}
	return &pto_events[pto_events_tail++ % PTO_EVENTS];
}

void pto_event_device(struct pto_device *pdev, enum pto_dev_event what)
{
	struct pto_event *event;
	unsigned long flags;

	spin_lock_irqsave(&pto_events_lock, flags);
	event = pto_event_next(PTO_EVENTS);
	if (event) {
		get_device(&pdev->dev);
		event->pdev = pdev;
		event->fault = false;
		event->what = what;
		event->generation = READ_ONCE(pdev->generation);
		event->time_ns = ktime_get_ns();
		queue_work(pto_wq, &pto_event_worker);
	}
	spin_unlock_irqrestore(&pto_events_lock, flags);
}

/* The queue lock is held. */
void pto_event_fault(struct pto_ctx *ctx, const struct pto_fault *fault)
{
	struct pto_event *event;

	lockdep_assert_held(&ctx->qlock);
	spin_lock(&pto_events_lock);
	event = pto_event_next(PTO_EVENTS - PTO_EVENTS_SPARE);
	if (event) {
		get_device(&ctx->pdev->dev);
		event->pdev = ctx->pdev;
		event->fault = true;
		event->entry.ctx = ctx->id;
		event->entry.uid = ctx->uid;
		event->entry.pid = get_pid(ctx->pid);
		memcpy(event->entry.comm, ctx->comm, sizeof(ctx->comm));
		event->entry.fault = *fault;
		queue_work(pto_wq, &pto_event_worker);
	}
	spin_unlock(&pto_events_lock);
}

/* ---- sending ---- */

static bool pto_event_take(struct pto_event *event)
{
	bool some;

	spin_lock_irq(&pto_events_lock);
	some = pto_events_head != pto_events_tail;
	if (some)
		*event = pto_events[pto_events_head++ % PTO_EVENTS];
	spin_unlock_irq(&pto_events_lock);
	return some;
}

/* Takes over the reference to the process. */
static void pto_fault_history_add(struct pto_fault_history *history,
				  const struct pto_fault_entry *entry)
{
	struct pto_fault_entry *slot;
	struct pid *old;

	mutex_lock(&history->lock);
	slot = &history->entry[history->written++ % PTO_FAULTS_MAX];
	old = slot->pid;
	*slot = *entry;
	mutex_unlock(&history->lock);
	put_pid(old);
}

static void pto_event_work(struct work_struct *work)
{
	struct pto_event event;

	while (pto_event_take(&event)) {
		if (event.fault && !__ratelimit(&pto_event_rate))
			atomic64_inc(&pto_dropped);
		else if (pto_netlink_send(&event))
			atomic64_inc(&pto_dropped);
		if (event.fault)
			pto_fault_history_add(&event.pdev->faults, &event.entry);
		pto_device_put(event.pdev);
		cond_resched();
	}
}

/* What was noted up to now is sent. */
void pto_event_flush(void)
{
	flush_work(&pto_event_worker);
}

void pto_fault_history_init(struct pto_fault_history *history)
{
	mutex_init(&history->lock);
}

void pto_fault_history_clear(struct pto_fault_history *history)
{
	int i;

	for (i = 0; i < PTO_FAULTS_MAX; i++)
		put_pid(history->entry[i].pid);
}
