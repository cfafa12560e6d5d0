// SPDX-License-Identifier: GPL-2.0
/* The mock device: engines of streams, and the devices of the module's parameters. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "ctx.h"
#include "mock/mock.h"
#include "stream.h"

static unsigned int mock;
module_param(mock, uint, 0444);
MODULE_PARM_DESC(mock, "number of mock devices, at most 16 (default 0)");

static unsigned int mock_mem_mb = 1024;
module_param(mock_mem_mb, uint, 0444);
MODULE_PARM_DESC(mock_mem_mb, "device memory of each, in MiB (default 1024)");

static unsigned int mock_blocks = 8;
module_param(mock_blocks, uint, 0444);
MODULE_PARM_DESC(mock_blocks, "blocks of each, 1 to 24 (default 8)");

/* Copies run here, not on pto_wq, whose work waits for them. */
static struct workqueue_struct *pto_mock_wq;

static DEFINE_MUTEX(pto_mock_lock);	/* protects the table; outside a device's lock */
static struct pto_mock *pto_mocks[PTO_MAX_DEVICES];

#define PTO_MOCK_PIECE	(256 << 10)	/* bytes copied between two looks at @stop */

static struct pto_mock *stream_mock(struct pto_stream *stream)
{
	return to_mock(stream->obj.ctx->pdev);
}

/* ---- engines ---- */

/* How long the device takes besides the command's own time. */
static u64 pto_mock_latency(struct pto_mock *mock)
{
	u32 jitter = READ_ONCE(mock->jitter_ns);
	u64 ns = READ_ONCE(mock->latency_ns);

	return ns + (jitter ? get_random_u32() % jitter : 0);
}

/* Raise the interrupt that ends the head, in @ns. */
static void pto_mock_raise(struct pto_stream *stream, u64 ns)
{
	struct pto_engine *hw = &stream->hw;

	hw->due = ktime_add_ns(ktime_get(), min_t(u64, ns, KTIME_MAX / 2));
	hrtimer_start(&hw->timer, hw->due, HRTIMER_MODE_ABS);
}

static enum hrtimer_restart pto_mock_irq(struct hrtimer *timer)
{
	struct pto_stream *stream = container_of(timer, struct pto_stream, hw.timer);
	struct pto_engine *hw = &stream->hw;
	struct pto_ctx *ctx = stream->obj.ctx;
	unsigned long flags;

	spin_lock_irqsave(&ctx->qlock, flags);
	/* Stopped in the meantime, or set anew, if it is not due. */
	if (ktime_compare(ktime_get(), hw->due) >= 0) {
		hw->due = KTIME_MAX;
		if (hw->fault) {
			pto_fault_task(stream, PTO_FAULT_INJECTED, hw->fault_code);
			pto_stream_done(stream, -EIO);
		} else {
			pto_stream_done(stream, 0);
		}
		pto_run(ctx);
	}
	spin_unlock_irqrestore(&ctx->qlock, flags);
	return HRTIMER_NORESTART;
}

static int pto_mock_move(struct pto_stream *stream, const struct pto_task *task)
{
	const struct pto_range dst = pto_task_range(task, PTO_DST);
	const struct pto_range src = pto_task_range(task, PTO_SRC);
	u64 pos, n, bytes = task->copy.bytes;
	int err = 0;

	for (pos = 0; pos < bytes && !err && !READ_ONCE(stream->hw.stop); pos += n) {
		n = min_t(u64, bytes - pos, PTO_MOCK_PIECE);
		if (task->opcode == PTO_CMD_FILL)
			err = pto_range_fill(&dst, pos, n, task->copy.pattern);
		else
			err = pto_range_copy(&dst, &src, pos, n);
		cond_resched();
	}
	return err;
}

/* The head is a copy or a fill, and stays it until this has answered. */
static void pto_mock_copy(struct work_struct *work)
{
	struct pto_stream *stream = container_of(work, struct pto_stream, hw.work);
	struct pto_engine *hw = &stream->hw;
	struct pto_ctx *ctx = stream->obj.ctx;
	int err;

	err = pto_mock_move(stream, pto_stream_head(stream));
	spin_lock_irq(&ctx->qlock);
	hw->copying = false;
	if (hw->stop || err) {
		pto_stream_done(stream, err ?: -ECANCELED);
		pto_run(ctx);
	} else {
		pto_mock_raise(stream, pto_mock_latency(stream_mock(stream)));
	}
	spin_unlock_irq(&ctx->qlock);
}

static bool pto_mock_start(struct pto_stream *stream)
{
	struct pto_mock *mock = stream_mock(stream);
	struct pto_task *task = pto_stream_head(stream);
	struct pto_engine *hw = &stream->hw;
	u64 ns;

	hw->fault_code = atomic_xchg(&mock->fail_next, 0);
	hw->fault = hw->fault_code;
	if (READ_ONCE(mock->hang) || task->opcode == PTO_CMD_HANG)
		return false;
	switch (task->opcode) {
	case PTO_CMD_COPY:
	case PTO_CMD_FILL:
		hw->copying = true;
		hw->stop = false;
		queue_work(pto_mock_wq, &hw->work);
		return false;
	case PTO_CMD_FAULT:
		hw->fault = true;
		hw->fault_code = task->fault_code;
		fallthrough;
	default:
		ns = pto_mock_latency(mock) +
		     (task->opcode == PTO_CMD_DELAY ? task->delay_ns : 0);
		/* What takes no time ends in the interrupt that made it the head. */
		if (!ns && !hw->fault && in_hardirq())
			return true;
		pto_mock_raise(stream, ns);
		return false;
	}
}

static bool pto_mock_stop(struct pto_stream *stream)
{
	struct pto_engine *hw = &stream->hw;

	if (hw->copying) {
		WRITE_ONCE(hw->stop, true);
		return false;
	}
	hw->due = KTIME_MAX;
	hrtimer_try_to_cancel(&hw->timer);
	return true;
}

static void pto_mock_stream_init(struct pto_stream *stream)
{
	struct pto_engine *hw = &stream->hw;

	hrtimer_init(&hw->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	hw->timer.function = pto_mock_irq;
	hw->due = KTIME_MAX;
	INIT_WORK(&hw->work, pto_mock_copy);
}

static void pto_mock_stream_idle(struct pto_stream *stream)
{
	flush_work(&stream->hw.work);
	hrtimer_cancel(&stream->hw.timer);
}

static const struct pto_device_ops pto_mock_ops = {
	.backend = "mock",
	.flags = PTO_DEVICE_MOCK,
	.stream_init = pto_mock_stream_init,
	.stream_idle = pto_mock_stream_idle,
	.start = pto_mock_start,
	.stop = pto_mock_stop,
};

/* ---- devices ---- */

static void pto_mock_release(struct device *dev)
{
	struct pto_mock *m = container_of(dev, struct pto_mock, pdev.dev);

	pto_device_cleanup(&m->pdev);
	kfree(m);
}

static int pto_mock_add(u32 index)
{
	struct pto_mock *m;
	int err;

	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	m->pdev.mem_total = (u64)mock_mem_mb << 20;
	m->pdev.blocks = mock_blocks;
	pto_device_setup(&m->pdev, &pto_mock_ops, index, pto_mock_release);
	err = pto_device_register(&m->pdev);
	if (err) {
		put_device(&m->pdev.dev);
		return err;
	}
	pto_knobs_add(m);
	pto_mocks[index] = m;
	return 0;
}

int pto_mock_unplug(u32 index)
{
	struct pto_mock *m;

	mutex_lock(&pto_mock_lock);
	m = pto_mocks[index];
	pto_mocks[index] = NULL;
	mutex_unlock(&pto_mock_lock);
	if (!m)
		return -ENODEV;
	pto_knobs_del(m);
	pto_device_unplug(&m->pdev);
	put_device(&m->pdev.dev);
	return 0;
}

static void pto_mock_del_all(void)
{
	u32 i;

	for (i = 0; i < PTO_MAX_DEVICES; i++)
		pto_mock_unplug(i);
	/* Waits for who is unplugging at this moment. */
	pto_knobs_exit();
	destroy_workqueue(pto_mock_wq);
}

int pto_mock_init(void)
{
	u32 i;
	int err;

	if (mock > PTO_MAX_DEVICES || !mock_mem_mb || !mock_blocks ||
	    mock_blocks > PTO_MAX_BLOCKS) {
		pr_err("mock, mock_mem_mb or mock_blocks is out of range\n");
		return -EINVAL;
	}
	pto_mock_wq = alloc_workqueue("pto_mock", WQ_UNBOUND, 0);
	if (!pto_mock_wq)
		return -ENOMEM;
	pto_knobs_init();
	for (i = 0; i < mock; i++) {
		err = pto_mock_add(i);
		if (!err)
			continue;
		/* The first ones may be open by now: a module that fails takes its code with it. */
		if (i) {
			pr_err("only %u of %u mock devices, error %d\n", i, mock, err);
			break;
		}
		pto_mock_del_all();
		return err;
	}
	return 0;
}

void pto_mock_exit(void)
{
	pto_mock_del_all();
}
