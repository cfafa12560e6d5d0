// SPDX-License-Identifier: GPL-2.0
/* Dumps of hung streams. */
#include <linux/debugfs.h>
#include <linux/devcoredump.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include <linux/pto_dump.h>

#include "ctx.h"
#include "device.h"
#include "dump.h"
#include "emu.h"
#include "stream.h"

/**
 * struct pto_dump_job - a dump on its way
 * @node:	in pto_dump_jobs
 * @pdev:	of which, referenced
 * @words:	the struct pto_dump, and what follows it
 */
struct pto_dump_job {
	struct llist_node node;
	struct pto_device *pdev;
	u64 words[];
};

static LLIST_HEAD(pto_dump_jobs);

static void pto_dump_work(struct work_struct *work);
static DECLARE_WORK(pto_dump_worker, pto_dump_work);

/* ---- making ---- */

static void pto_dump_fill_task(struct pto_stream *stream, u64 seqno, struct pto_dump_task *out)
{
	const struct pto_task *task = pto_stream_task(stream, seqno);

	out->seqno = seqno;
	out->started = task->started;
	out->opcode = task->opcode;
	out->flags = task->flags;
	if (seqno <= stream->completed)
		out->status = pto_stream_status(stream, seqno);
	switch (task->opcode) {
	case PTO_CMD_LAUNCH:
		out->lanes = task->launch.lanes;
		out->left = task->launch.left;
		out->func_id = task->launch.func_id;
		out->nargs = task->launch.nargs;
		out->value = task->launch.args;
		break;
	case PTO_CMD_COPY:
	case PTO_CMD_FILL:
		out->value = task->copy.bytes;
		break;
	case PTO_CMD_WAIT:
		out->value = task->wait.seqno;
		break;
	case PTO_CMD_DELAY:
		out->value = task->delay_ns;
		break;
	}
}

static void pto_dump_fill(struct pto_stream *stream, struct pto_dump *dump)
{
	struct pto_ctx *ctx = stream->obj.ctx;

	dump->magic = PTO_DUMP_MAGIC;
	dump->version = PTO_DUMP_VERSION;
	dump->time_ns = ktime_get_ns();
	dump->dev = ctx->pdev->index;
	dump->ctx = ctx->id;
	dump->pid = pid_nr(ctx->pid);
	dump->generation = READ_ONCE(ctx->pdev->generation);
	BUILD_BUG_ON(sizeof(dump->comm) != sizeof(ctx->comm));
	memcpy(dump->comm, ctx->comm, sizeof(dump->comm));
	memcpy(dump->label, ctx->label, sizeof(dump->label));
	dump->stream = stream->obj.handle;
	dump->engine = stream->engine;
	dump->index = stream->index;
	dump->depth = stream->depth;
	dump->state = stream->state;
	dump->timeout_ms = ctx->timeout_ms;
	dump->submitted = stream->submitted;
	dump->pushed = stream->pushed;
	dump->completed = stream->completed;
}

/* The stream's head has hung: keep what is known of it. The queue lock is held. */
void pto_dump_stream(struct pto_stream *stream)
{
	struct pto_device *pdev = stream->obj.ctx->pdev;
	u64 first = stream->completed + 1, last = stream->submitted;
	struct pto_dump_task *tasks;
	struct pto_dump_job *job;
	struct pto_dump *dump;
	u32 n_tasks, n_cores, i;
	size_t size;

	lockdep_assert_held(&stream->obj.ctx->qlock);
	if (test_and_set_bit(0, &pdev->dump.under_way))
		return;
	/* A few of those before it, as far as the ring still has them. */
	first -= min3(stream->completed, 8ULL, stream->depth - (last - stream->completed));
	n_tasks = min_t(u64, last - first + 1, PTO_DUMP_TASKS_MAX);
	n_cores = pto_emu_dump(stream, NULL);
	size = sizeof(struct pto_dump) + n_tasks * sizeof(struct pto_dump_task) +
	       n_cores * sizeof(struct pto_dump_core);
	job = kzalloc(sizeof(*job) + size, GFP_ATOMIC | __GFP_NOWARN);
	if (!job) {
		clear_bit(0, &pdev->dump.under_way);
		return;
	}
	dump = (struct pto_dump *)job->words;
	pto_dump_fill(stream, dump);
	dump->size = size;
	dump->tasks = n_tasks;
	dump->cores = n_cores;
	tasks = (struct pto_dump_task *)(dump + 1);
	for (i = 0; i < n_tasks; i++)
		pto_dump_fill_task(stream, first + i, &tasks[i]);
	pto_emu_dump(stream, (struct pto_dump_core *)(tasks + n_tasks));
	get_device(&pdev->dev);
	job->pdev = pdev;
	llist_add(&job->node, &pto_dump_jobs);
	queue_work(pto_wq, &pto_dump_worker);
}

/* ---- handing over ---- */

static ssize_t pto_coredump_read(char *buffer, loff_t offset, size_t count, void *data,
				 size_t size)
{
	return memory_read_from_buffer(buffer, count, &offset, data, size);
}

static void pto_coredump_free(void *data)
{
	kfree(data);
}

/*
 * The link to a dump that is being removed goes last, when the kernel has forgotten the dump,
 * and would complain of a second link.
 */
static bool pto_dump_linked(struct pto_device *pdev)
{
	struct kernfs_node *link = sysfs_get_dirent(pdev->dev.kobj.sd, "devcoredump");

	sysfs_put(link);
	return link;
}

/* It is linked in the device's folder, which may not go away just then. Takes over @data. */
static void pto_dump_hand_over(struct pto_device *pdev, struct pto_dump *data)
{
	mutex_lock(&pdev->lock);
	/* It holds the device, and so has to hold the module. */
	if (!pdev->gone && !pto_dump_linked(pdev))
		dev_coredumpm(&pdev->dev, THIS_MODULE, data, data->size, GFP_KERNEL,
			      pto_coredump_read, pto_coredump_free);
	else
		kfree(data);
	mutex_unlock(&pdev->lock);
}

static void pto_dump_deliver(struct pto_device *pdev, const struct pto_dump *dump)
{
	struct pto_dump_slot *slot = &pdev->dump;
	struct pto_dump *data = kmemdup(dump, dump->size, GFP_KERNEL);

	if (!data)
		return;
	if (IS_ENABLED(CONFIG_DEV_COREDUMP)) {
		pto_dump_hand_over(pdev, data);
		return;
	}
	mutex_lock(&slot->lock);
	if (!slot->dump)
		swap(slot->dump, data);
	mutex_unlock(&slot->lock);
	kfree(data);
}

static void pto_dump_work(struct work_struct *work)
{
	struct pto_dump_job *job, *next;
	struct llist_node *jobs = llist_reverse_order(llist_del_all(&pto_dump_jobs));

	llist_for_each_entry_safe(job, next, jobs, node) {
		pto_dump_deliver(job->pdev, (const struct pto_dump *)job->words);
		clear_bit(0, &job->pdev->dump.under_way);
		put_device(&job->pdev->dev);
		kfree(job);
	}
}

/* What was made up to now is handed over. */
void pto_dump_flush(void)
{
	flush_work(&pto_dump_worker);
}

void pto_dump_free(struct pto_dump_slot *slot)
{
	kfree(slot->dump);
	slot->dump = NULL;
}

/* ---- debugfs ---- */

static ssize_t pto_dump_read(struct file *file, char __user *user, size_t count, loff_t *pos)
{
	struct pto_dump_slot *slot = file->private_data;
	ssize_t ret = 0;

	mutex_lock(&slot->lock);
	if (slot->dump)
		ret = simple_read_from_buffer(user, count, pos, slot->dump, slot->dump->size);
	mutex_unlock(&slot->lock);
	return ret;
}

/* Whatever is written removes it, so that the next one is kept. */
static ssize_t pto_dump_write(struct file *file, const char __user *user, size_t count,
			      loff_t *pos)
{
	struct pto_dump_slot *slot = file->private_data;

	mutex_lock(&slot->lock);
	pto_dump_free(slot);
	mutex_unlock(&slot->lock);
	return count;
}

static const struct file_operations pto_dump_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = pto_dump_read,
	.write = pto_dump_write,
	.llseek = default_llseek,
};

void pto_dump_debugfs(struct pto_device *pdev, struct dentry *dir)
{
	if (!IS_ENABLED(CONFIG_DEV_COREDUMP))
		debugfs_create_file("dump", 0600, dir, &pdev->dump, &pto_dump_fops);
}
