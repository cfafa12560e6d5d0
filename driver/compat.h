/* SPDX-License-Identifier: GPL-2.0 */
/* The only place that knows how kernels differ; probed.h is made by probe.sh. */
#ifndef PTO_COMPAT_H
#define PTO_COMPAT_H

#include <linux/device/class.h>
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <net/genetlink.h>

#include "probed.h"

#ifdef HAVE_IO_URING_CMD_H
#include <linux/io_uring/cmd.h>
#else
#include <linux/io_uring.h>
#endif

static inline const void *pto_uring_payload(const struct io_uring_cmd *cmd)
{
#ifdef HAVE_IO_URING_CMD_H
	return io_uring_sqe_cmd(cmd->sqe);
#else
	return cmd->cmd;
#endif
}

/* Without it, a dying ring waits for what is in flight, so all of it is bounded. */
#ifdef HAVE_IO_URING_CANCEL
#define PTO_URING_CANCEL		IO_URING_F_CANCEL
#define pto_uring_mark_cancelable	io_uring_cmd_mark_cancelable
#else
#define PTO_URING_CANCEL		0
static inline void pto_uring_mark_cancelable(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
}
#endif

static inline void pto_eventfd_signal(struct eventfd_ctx *eventfd)
{
#ifdef HAVE_EVENTFD_SIGNAL_N
	eventfd_signal(eventfd, 1);
#else
	eventfd_signal(eventfd);
#endif
}

static inline void pto_vm_flags(struct vm_area_struct *vma, vm_flags_t set, vm_flags_t clear)
{
#ifdef HAVE_VM_FLAGS_SET
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

static inline struct nlattr **pto_dump_attrs(struct netlink_callback *cb)
{
#ifdef HAVE_GENL_INFO_DUMP
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/* Stable kernels of 6.1 have got the first. */
#ifdef HAVE_GENL_MCAST_CAP
#define PTO_GENL_MCAST_ADMIN GENL_MCAST_CAP_NET_ADMIN
#else
#define PTO_GENL_MCAST_ADMIN GENL_UNS_ADMIN_PERM
#endif

#ifdef HAVE_CONST_DEVNODE
#define PTO_DEVNODE_CONST const
#else
#define PTO_DEVNODE_CONST
#endif

#endif
