// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family "pto": what there is, what it does, and a device's reset. The
 * messages are described in uapi/pto.yaml; the policies are made from it.
 *
 * A request names what it is about by attributes. To get one thing it names it wholly; a
 * dump lists all that matches those given. Both fill the same messages, through one walk
 * over devices, and for each over what the command lists.
 *
 * Nothing here is on the data path. Of locks, a device's and a context's are taken for the
 * length of one message, or of the contexts of one device.
 */
#include <linux/capability.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include <linux/pto_netlink.h>

#include "compat.h"
#include "ctx.h"
#include "device.h"
#include "event.h"
#include "netlink.h"
#include "netlink_policy.h"
#include "stream.h"

enum {
	PTO_GROUP_STATE,
	PTO_GROUP_FAULT,
};

static struct genl_family pto_family;

/**
 * struct pto_reply - an answer that is being written
 * @skb:	where
 * @cb:		of a dump, or NULL
 * @cmd:	its messages'
 * @portid:	the request's
 * @seq:	the request's
 * @attrs:	of the request
 * @extack:	for the reason of an error
 * @uid:	the reader's
 * @user_ns:	the reader's
 * @admin:	who may see all
 */
struct pto_reply {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	u8 cmd;
	u32 portid;
	u32 seq;
	struct nlattr **attrs;
	struct netlink_ext_ack *extack;
	kuid_t uid;
	struct user_namespace *user_ns;
	bool admin;
};

/* @request: the reader's. His rights are those of his socket, and of who runs now. */
static void pto_reply_reader(struct pto_reply *reply, struct sk_buff *request)
{
	struct sock *sk = NETLINK_CB(request).sk;

	reply->uid = sk->sk_uid;
	reply->user_ns = sk_user_ns(sk);
	reply->admin = netlink_capable(request, CAP_NET_ADMIN);
}

static bool pto_reply_may_see(const struct pto_reply *reply, kuid_t owner)
{
	return reply->admin || uid_eq(reply->uid, owner);
}

static void *pto_reply_begin(struct pto_reply *reply)
{
	void *head = genlmsg_put(reply->skb, reply->portid, reply->seq, &pto_family,
				 reply->cb ? NLM_F_MULTI : 0, reply->cmd);

	if (head && reply->cb)
		genl_dump_check_consistent(reply->cb, head);
	return head;
}

static int pto_reply_end(struct pto_reply *reply, void *head, bool failed)
{
	if (failed) {
		genlmsg_cancel(reply->skb, head);
		return -EMSGSIZE;
	}
	genlmsg_end(reply->skb, head);
	return 0;
}

/* Each true: no room. */
static bool put_u64(struct pto_reply *reply, int attr, u64 value)
{
	/* The pad attribute is the first of each set. */
	return nla_put_u64_64bit(reply->skb, attr, value, PTO_A_DEV_PAD);
}

static bool put_u32(struct pto_reply *reply, int attr, u32 value)
{
	return nla_put_u32(reply->skb, attr, value);
}

static bool put_owner(struct pto_reply *reply, int pid_attr, struct pid *pid, int uid_attr,
		      kuid_t uid, int comm_attr, const char *comm)
{
	return put_u32(reply, pid_attr, pid_nr_ns(pid, task_active_pid_ns(current))) ||
	       put_u32(reply, uid_attr, from_kuid_munged(reply->user_ns, uid)) ||
	       nla_put_string(reply->skb, comm_attr, comm);
}

/* ---- messages; 0 or -EMSGSIZE ---- */

static int pto_fill_dev(struct pto_reply *reply, struct pto_device *pdev)
{
	void *head = pto_reply_begin(reply);
	bool failed;

	if (!head)
		return -EMSGSIZE;
	failed = put_u32(reply, PTO_A_DEV_INDEX, pdev->index) ||
		 nla_put_string(reply->skb, PTO_A_DEV_BACKEND, pdev->ops->backend) ||
		 put_u32(reply, PTO_A_DEV_STATE, READ_ONCE(pdev->state)) ||
		 put_u32(reply, PTO_A_DEV_GENERATION, READ_ONCE(pdev->generation)) ||
		 put_u32(reply, PTO_A_DEV_BLOCKS, pdev->blocks) ||
		 put_u64(reply, PTO_A_DEV_MEM_TOTAL, pdev->mem_total) ||
		 put_u64(reply, PTO_A_DEV_MEM_USED, atomic64_read(&pdev->mem_used)) ||
		 put_u32(reply, PTO_A_DEV_CONTEXTS, READ_ONCE(pdev->n_contexts)) ||
		 put_u32(reply, PTO_A_DEV_TIMEOUT_MS, READ_ONCE(pdev->timeout_ms)) ||
		 nla_put_s32(reply->skb, PTO_A_DEV_NUMA_NODE, dev_to_node(&pdev->dev));
	return pto_reply_end(reply, head, failed);
}

static int pto_fill_stats(struct pto_reply *reply, struct pto_device *pdev)
{
	struct pto_counters sum;
	bool failed;
	void *head;

	pto_device_counters(pdev, &sum);
	head = pto_reply_begin(reply);
	if (!head)
		return -EMSGSIZE;
	failed = put_u32(reply, PTO_A_STATS_DEV, pdev->index) ||
		 put_u64(reply, PTO_A_STATS_OPENED, READ_ONCE(pdev->next_ctx)) ||
		 put_u64(reply, PTO_A_STATS_SUBMITTED, sum.submitted) ||
		 put_u64(reply, PTO_A_STATS_COMPLETED, sum.completed) ||
		 put_u64(reply, PTO_A_STATS_FAULTS, sum.faults) ||
		 put_u64(reply, PTO_A_STATS_BUSY_COPY_NS, sum.busy_ns[PTO_BUSY_COPY]) ||
		 put_u64(reply, PTO_A_STATS_BUSY_AIC_NS, sum.busy_ns[PTO_BUSY_AIC]) ||
		 put_u64(reply, PTO_A_STATS_BUSY_AIV_NS, sum.busy_ns[PTO_BUSY_AIV]) ||
		 put_u64(reply, PTO_A_STATS_DROPPED, pto_events_dropped());
	return pto_reply_end(reply, head, failed);
}

static bool pto_put_ctx_counts(struct pto_reply *reply, struct pto_ctx *ctx)
{
	struct pto_counters own = {};

	pto_ctx_count(ctx, &own);
	return put_u32(reply, PTO_A_CTX_STATE, READ_ONCE(ctx->ctl->state)) ||
	       put_u64(reply, PTO_A_CTX_MEM_USED, atomic64_read(&ctx->mem_used)) ||
	       put_u64(reply, PTO_A_CTX_PINNED, atomic64_read(&ctx->pinned)) ||
	       put_u32(reply, PTO_A_CTX_OBJECTS, atomic_read(&ctx->n_objects)) ||
	       put_u32(reply, PTO_A_CTX_STREAMS, atomic_read(&ctx->n_streams)) ||
	       put_u32(reply, PTO_A_CTX_TIMEOUT_MS, READ_ONCE(ctx->timeout_ms)) ||
	       put_u64(reply, PTO_A_CTX_SUBMITTED, own.submitted) ||
	       put_u64(reply, PTO_A_CTX_COMPLETED, own.completed) ||
	       put_u64(reply, PTO_A_CTX_FAULTS, own.faults) ||
	       put_u64(reply, PTO_A_CTX_BUSY_COPY_NS, own.busy_ns[PTO_BUSY_COPY]) ||
	       put_u64(reply, PTO_A_CTX_BUSY_AIC_NS, own.busy_ns[PTO_BUSY_AIC]) ||
	       put_u64(reply, PTO_A_CTX_BUSY_AIV_NS, own.busy_ns[PTO_BUSY_AIV]);
}

static int pto_fill_ctx(struct pto_reply *reply, struct pto_ctx *ctx)
{
	void *head = pto_reply_begin(reply);
	bool failed;

	if (!head)
		return -EMSGSIZE;
	mutex_lock(&ctx->lock);
	failed = put_u32(reply, PTO_A_CTX_DEV, ctx->pdev->index) ||
		 put_u32(reply, PTO_A_CTX_ID, ctx->id) ||
		 put_owner(reply, PTO_A_CTX_PID, ctx->pid, PTO_A_CTX_UID, ctx->uid,
			   PTO_A_CTX_COMM, ctx->comm) ||
		 nla_put_string(reply->skb, PTO_A_CTX_LABEL, ctx->label) ||
		 pto_put_ctx_counts(reply, ctx);
	mutex_unlock(&ctx->lock);
	return pto_reply_end(reply, head, failed);
}

static int pto_fill_stream(struct pto_reply *reply, struct pto_stream *stream)
{
	struct pto_ctx *ctx = stream->obj.ctx;
	void *head = pto_reply_begin(reply);
	u64 submitted, completed;
	bool failed;
	u32 state;

	if (!head)
		return -EMSGSIZE;
	spin_lock_irq(&ctx->qlock);
	state = stream->state;
	submitted = stream->submitted;
	completed = stream->completed;
	spin_unlock_irq(&ctx->qlock);
	failed = put_u32(reply, PTO_A_STREAM_DEV, ctx->pdev->index) ||
		 put_u32(reply, PTO_A_STREAM_CTX, ctx->id) ||
		 put_u32(reply, PTO_A_STREAM_HANDLE, stream->obj.handle) ||
		 put_u32(reply, PTO_A_STREAM_ENGINE, stream->engine) ||
		 put_u32(reply, PTO_A_STREAM_INDEX, stream->index) ||
		 put_u32(reply, PTO_A_STREAM_DEPTH, stream->depth) ||
		 put_u32(reply, PTO_A_STREAM_STATE, state) ||
		 put_u64(reply, PTO_A_STREAM_SUBMITTED, submitted) ||
		 put_u64(reply, PTO_A_STREAM_COMPLETED, completed);
	return pto_reply_end(reply, head, failed);
}

static bool pto_put_fault(struct pto_reply *reply, const struct pto_fault *fault)
{
	return put_u32(reply, PTO_A_FAULT_STREAM, fault->stream) ||
	       put_u64(reply, PTO_A_FAULT_SEQNO, fault->seqno) ||
	       put_u64(reply, PTO_A_FAULT_TIME_NS, fault->time_ns) ||
	       nla_put_s32(reply->skb, PTO_A_FAULT_CORE, fault->core) ||
	       put_u32(reply, PTO_A_FAULT_CLASS, fault->fault_class) ||
	       put_u32(reply, PTO_A_FAULT_CODE, fault->code) ||
	       nla_put_s32(reply->skb, PTO_A_FAULT_FUNC_ID, fault->func_id) ||
	       put_u64(reply, PTO_A_FAULT_ADDR, fault->addr) ||
	       put_u64(reply, PTO_A_FAULT_PC, fault->pc);
}

static int pto_fill_fault(struct pto_reply *reply, u32 dev, const struct pto_fault_entry *entry)
{
	void *head = pto_reply_begin(reply);
	bool failed;

	if (!head)
		return -EMSGSIZE;
	failed = put_u32(reply, PTO_A_FAULT_DEV, dev) ||
		 put_u32(reply, PTO_A_FAULT_CTX, entry->ctx) ||
		 put_owner(reply, PTO_A_FAULT_PID, entry->pid, PTO_A_FAULT_UID, entry->uid,
			   PTO_A_FAULT_COMM, entry->comm) ||
		 pto_put_fault(reply, &entry->fault);
	return pto_reply_end(reply, head, failed);
}

/* ---- walks ---- */

/*
 * What a command lists of one device: it fills a message for each thing from *@at on that the
 * request asks for and the reader may see, and moves *@at to the first that had no room.
 */
typedef int (*pto_walk_fn)(struct pto_reply *reply, struct pto_device *pdev, unsigned long *at);

/* The value of an attribute of the request, or 0. */
static u32 pto_asked(const struct pto_reply *reply, int attr)
{
	return reply->attrs && reply->attrs[attr] ? nla_get_u32(reply->attrs[attr]) : 0;
}

static int pto_walk_devs(struct pto_reply *reply, struct pto_device *pdev, unsigned long *at)
{
	return pto_fill_dev(reply, pdev);
}

static int pto_walk_stats(struct pto_reply *reply, struct pto_device *pdev, unsigned long *at)
{
	return pto_fill_stats(reply, pdev);
}

/* Call @fill for the contexts that the request asks for: @id, or 0 for all. */
static int pto_each_ctx(struct pto_reply *reply, struct pto_device *pdev, u32 id,
			unsigned long *at,
			int (*fill)(struct pto_reply *reply, struct pto_ctx *ctx,
				    unsigned long *at))
{
	struct pto_ctx *ctx;
	bool found = false;
	int err = 0;

	mutex_lock(&pdev->lock);
	list_for_each_entry(ctx, &pdev->contexts, node) {
		if (ctx->id < at[0] || (id && ctx->id != id))
			continue;
		found = true;
		if (!pto_reply_may_see(reply, READ_ONCE(ctx->uid))) {
			if (id && !reply->cb)
				err = -EPERM;
			continue;
		}
		if (ctx->id != at[0]) {
			at[0] = ctx->id;
			at[1] = 0;
		}
		err = fill(reply, ctx, at);
		if (err)
			break;
		at[0]++;
		at[1] = 0;
	}
	mutex_unlock(&pdev->lock);
	if (!found && id && !reply->cb) {
		NL_SET_ERR_MSG(reply->extack, "the device has no such context");
		err = -ENOENT;
	}
	return err;
}

static int pto_each_ctx_fill(struct pto_reply *reply, struct pto_ctx *ctx, unsigned long *at)
{
	return pto_fill_ctx(reply, ctx);
}

static int pto_walk_ctxs(struct pto_reply *reply, struct pto_device *pdev, unsigned long *at)
{
	return pto_each_ctx(reply, pdev, pto_asked(reply, PTO_A_CTX_ID), at, pto_each_ctx_fill);
}

static int pto_each_stream_fill(struct pto_reply *reply, struct pto_ctx *ctx, unsigned long *at)
{
	u32 handle = pto_asked(reply, PTO_A_STREAM_HANDLE);
	struct pto_object *obj;
	bool found = false;
	int err = 0;

	for (; !err; at[1]++) {
		at[1] = max_t(unsigned long, at[1], handle);
		obj = pto_object_next(ctx, &at[1], PTO_OBJ_STREAM);
		if (!obj)
			break;
		if (!handle || at[1] == handle) {
			found = true;
			err = pto_fill_stream(reply, to_stream(obj));
		}
		pto_object_put(obj);
		if (err || handle)
			break;
	}
	if (handle && !found && !reply->cb) {
		NL_SET_ERR_MSG(reply->extack, "the context has no such stream");
		err = -ENOENT;
	}
	return err;
}

static int pto_walk_streams(struct pto_reply *reply, struct pto_device *pdev, unsigned long *at)
{
	return pto_each_ctx(reply, pdev, pto_asked(reply, PTO_A_STREAM_CTX), at,
			    pto_each_stream_fill);
}

static int pto_walk_faults(struct pto_reply *reply, struct pto_device *pdev, unsigned long *at)
{
	struct pto_fault_history *history = &pdev->faults;
	const struct pto_fault_entry *entry;
	u64 first;
	int err = 0;

	mutex_lock(&history->lock);
	first = history->written - min_t(u64, history->written, PTO_FAULTS_MAX);
	for (at[0] = max_t(u64, at[0], first); at[0] < history->written; at[0]++) {
		entry = &history->entry[at[0] % PTO_FAULTS_MAX];
		if (!pto_reply_may_see(reply, entry->uid))
			continue;
		err = pto_fill_fault(reply, pdev->index, entry);
		if (err)
			break;
	}
	mutex_unlock(&history->lock);
	return err;
}

/**
 * struct pto_walk - what a command lists
 * @one:	of one device
 * @dev_attr:	names the device
 * @required:	besides it, attributes that a request for one thing has
 * @list:	what tells whether a dump was interrupted
 */
struct pto_walk {
	pto_walk_fn one;
	int dev_attr;
	int required[2];
	enum pto_list list;
};

static const struct pto_walk pto_walks[] = {
	[PTO_NL_DEV_GET] = {
		.one = pto_walk_devs,
		.dev_attr = PTO_A_DEV_INDEX,
		.list = PTO_LIST_DEVICES,
	},
	[PTO_NL_STATS_GET] = {
		.one = pto_walk_stats,
		.dev_attr = PTO_A_STATS_DEV,
		.list = PTO_LIST_DEVICES,
	},
	[PTO_NL_CTX_GET] = {
		.one = pto_walk_ctxs,
		.dev_attr = PTO_A_CTX_DEV,
		.required = { PTO_A_CTX_ID },
		.list = PTO_LIST_CONTEXTS,
	},
	[PTO_NL_STREAM_GET] = {
		.one = pto_walk_streams,
		.dev_attr = PTO_A_STREAM_DEV,
		.required = { PTO_A_STREAM_CTX, PTO_A_STREAM_HANDLE },
		.list = PTO_LIST_STREAMS,
	},
	[PTO_NL_FAULT_GET] = {
		.one = pto_walk_faults,
		.dev_attr = PTO_A_FAULT_DEV,
		.list = PTO_LIST_DEVICES,
	},
};

/* ---- requests ---- */

/* The device that a request names, with a reference. */
static struct pto_device *pto_asked_device(struct genl_info *info, int attr)
{
	struct pto_device *pdev;

	if (GENL_REQ_ATTR_CHECK(info, attr))
		return ERR_PTR(-EINVAL);
	pdev = pto_device_get(nla_get_u32(info->attrs[attr]));
	if (!pdev) {
		GENL_SET_ERR_MSG(info, "there is no such device");
		return ERR_PTR(-ENODEV);
	}
	return pdev;
}

static int pto_nl_get(struct sk_buff *skb, struct genl_info *info)
{
	const struct pto_walk *walk = &pto_walks[info->genlhdr->cmd];
	struct pto_reply reply = {
		.cmd = info->genlhdr->cmd,
		.portid = info->snd_portid,
		.seq = info->snd_seq,
		.attrs = info->attrs,
		.extack = info->extack,
	};
	unsigned long at[2] = {};
	struct pto_device *pdev;
	int i, err;

	for (i = 0; i < ARRAY_SIZE(walk->required) && walk->required[i]; i++)
		if (GENL_REQ_ATTR_CHECK(info, walk->required[i]))
			return -EINVAL;
	pdev = pto_asked_device(info, walk->dev_attr);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	pto_reply_reader(&reply, skb);
	reply.skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	err = reply.skb ? walk->one(&reply, pdev, at) : -ENOMEM;
	pto_device_put(pdev);
	if (err) {
		nlmsg_free(reply.skb);
		return err;
	}
	return genlmsg_reply(reply.skb, info);
}

/* Where a dump is: cb->args[0] is the device, [1] and [2] are the walk's. */
static int pto_nl_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	u8 cmd = ((struct genlmsghdr *)nlmsg_data(cb->nlh))->cmd;
	const struct pto_walk *walk = &pto_walks[cmd];
	struct pto_reply reply = {
		.skb = skb,
		.cb = cb,
		.cmd = cmd,
		.portid = NETLINK_CB(cb->skb).portid,
		.seq = cb->nlh->nlmsg_seq,
		.attrs = pto_dump_attrs(cb),
		.extack = cb->extack,
	};
	bool one = reply.attrs && reply.attrs[walk->dev_attr];
	unsigned long *at = (unsigned long *)cb->args;
	struct pto_device *pdev;
	int err = 0;

	pto_reply_reader(&reply, cb->skb);
	cb->seq = pto_list_changes(walk->list);
	for (; at[0] < PTO_MAX_DEVICES; at[0]++, at[1] = at[2] = 0) {
		if (one && at[0] != nla_get_u32(reply.attrs[walk->dev_attr]))
			continue;
		pdev = pto_device_get(at[0]);
		if (!pdev)
			continue;
		err = walk->one(&reply, pdev, &at[1]);
		pto_device_put(pdev);
		if (err)
			break;
	}
	return err && !skb->len ? err : skb->len;
}

static int pto_nl_dev_set(struct sk_buff *skb, struct genl_info *info)
{
	struct pto_device *pdev;

	if (GENL_REQ_ATTR_CHECK(info, PTO_A_DEV_TIMEOUT_MS))
		return -EINVAL;
	pdev = pto_asked_device(info, PTO_A_DEV_INDEX);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	WRITE_ONCE(pdev->timeout_ms, nla_get_u32(info->attrs[PTO_A_DEV_TIMEOUT_MS]));
	pto_device_put(pdev);
	return 0;
}

static int pto_nl_dev_reset(struct sk_buff *skb, struct genl_info *info)
{
	struct pto_reply reply = {
		.cmd = PTO_NL_DEV_RESET,
		.portid = info->snd_portid,
		.seq = info->snd_seq,
	};
	struct pto_device *pdev;
	u32 generation;
	void *head;
	int err;

	pdev = pto_asked_device(info, PTO_A_DEV_INDEX);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	/* Nothing may fail once it has begun. */
	reply.skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	err = reply.skb ? pto_device_reset(pdev, &generation) : -ENOMEM;
	if (!err) {
		head = pto_reply_begin(&reply);
		err = pto_reply_end(&reply, head,
				    put_u32(&reply, PTO_A_DEV_INDEX, pdev->index) ||
				    put_u32(&reply, PTO_A_DEV_GENERATION, generation));
	}
	pto_device_put(pdev);
	if (err) {
		nlmsg_free(reply.skb);
		return err;
	}
	return genlmsg_reply(reply.skb, info);
}

/* ---- events ---- */

static int pto_fill_dev_event(struct pto_reply *reply, const struct pto_event *event)
{
	void *head = pto_reply_begin(reply);
	bool failed;

	if (!head)
		return -EMSGSIZE;
	failed = put_u32(reply, PTO_A_DEV_INDEX, event->pdev->index) ||
		 put_u32(reply, PTO_A_DEV_EVENT, event->what) ||
		 put_u32(reply, PTO_A_DEV_GENERATION, event->generation) ||
		 put_u64(reply, PTO_A_DEV_TIME_NS, event->time_ns) ||
		 put_u64(reply, PTO_A_DEV_DROPPED, pto_events_dropped());
	return pto_reply_end(reply, head, failed);
}

/* It has many readers; it is told as the kernel's own worker sees it. */
static int pto_fill_fault_event(struct pto_reply *reply, const struct pto_event *event)
{
	const struct pto_fault_entry *entry = &event->entry;
	void *head = pto_reply_begin(reply);
	bool failed;

	if (!head)
		return -EMSGSIZE;
	failed = put_u32(reply, PTO_A_FAULT_DEV, event->pdev->index) ||
		 put_u32(reply, PTO_A_FAULT_CTX, entry->ctx) ||
		 put_owner(reply, PTO_A_FAULT_PID, entry->pid, PTO_A_FAULT_UID, entry->uid,
			   PTO_A_FAULT_COMM, entry->comm) ||
		 pto_put_fault(reply, &entry->fault) ||
		 put_u64(reply, PTO_A_FAULT_DROPPED, pto_events_dropped());
	return pto_reply_end(reply, head, failed);
}

/* Tell who listens. 0, also if nobody does; else -ENOMEM. */
int pto_netlink_send(const struct pto_event *event)
{
	u32 group = event->fault ? PTO_GROUP_FAULT : PTO_GROUP_STATE;
	struct pto_reply reply = {
		.cmd = event->fault ? PTO_NL_FAULT_NTF : PTO_NL_DEV_NTF,
		.user_ns = &init_user_ns,
	};
	int err;

	if (!genl_has_listeners(&pto_family, &init_net, group))
		return 0;
	reply.skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply.skb)
		return -ENOMEM;
	err = event->fault ? pto_fill_fault_event(&reply, event) :
			     pto_fill_dev_event(&reply, event);
	if (err) {
		nlmsg_free(reply.skb);
		return err;
	}
	/* Who has gone meanwhile, or has no room, has missed it, and is told by his socket. */
	genlmsg_multicast(&pto_family, reply.skb, 0, group, GFP_KERNEL);
	return 0;
}

/* ---- the family ---- */

#define OP(nr, _policy, ...)					\
	{							\
		.cmd = nr,					\
		.policy = _policy,				\
		.maxattr = ARRAY_SIZE(_policy) - 1,		\
		__VA_ARGS__					\
	}

static const struct genl_ops pto_ops[] = {
	OP(PTO_NL_DEV_GET, pto_dev_get_do_nl_policy, .doit = pto_nl_get, .dumpit = pto_nl_dump),
	OP(PTO_NL_DEV_SET, pto_dev_set_nl_policy, .doit = pto_nl_dev_set,
	   .flags = GENL_ADMIN_PERM),
	OP(PTO_NL_DEV_RESET, pto_dev_reset_nl_policy, .doit = pto_nl_dev_reset,
	   .flags = GENL_ADMIN_PERM),
	OP(PTO_NL_CTX_GET, pto_ctx_get_do_nl_policy, .doit = pto_nl_get, .dumpit = pto_nl_dump),
	OP(PTO_NL_STREAM_GET, pto_stream_get_do_nl_policy, .doit = pto_nl_get,
	   .dumpit = pto_nl_dump),
	OP(PTO_NL_STATS_GET, pto_stats_get_do_nl_policy, .doit = pto_nl_get,
	   .dumpit = pto_nl_dump),
	OP(PTO_NL_FAULT_GET, pto_fault_get_nl_policy, .dumpit = pto_nl_dump),
};

static const struct genl_multicast_group pto_groups[] = {
	[PTO_GROUP_STATE] = { .name = PTO_MCGRP_STATE },
	[PTO_GROUP_FAULT] = { .name = PTO_MCGRP_FAULT, .flags = PTO_GENL_MCAST_ADMIN },
};

static struct genl_family pto_family __ro_after_init = {
	.name = PTO_FAMILY_NAME,
	.version = PTO_FAMILY_VERSION,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = pto_ops,
	.n_ops = ARRAY_SIZE(pto_ops),
	.mcgrps = pto_groups,
	.n_mcgrps = ARRAY_SIZE(pto_groups),
};

int pto_netlink_init(void)
{
	/* Each of the sets has it in the same place, see put_u64(). */
	BUILD_BUG_ON((int)PTO_A_DEV_PAD != (int)PTO_A_CTX_PAD ||
		     (int)PTO_A_DEV_PAD != (int)PTO_A_STREAM_PAD ||
		     (int)PTO_A_DEV_PAD != (int)PTO_A_STATS_PAD ||
		     (int)PTO_A_DEV_PAD != (int)PTO_A_FAULT_PAD);
	return genl_register_family(&pto_family);
}

/* The devices are gone; what happened to them is told before. */
void pto_netlink_exit(void)
{
	pto_dump_flush();
	pto_event_flush();
	genl_unregister_family(&pto_family);
}
