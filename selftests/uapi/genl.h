/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The driver's netlink family, by a raw socket: messages are put together byte by byte, so that
 * they can be wrong.
 */
#ifndef GENL_H
#define GENL_H

#include <stdbool.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/pto_netlink.h>

#define GENL_ATTRS	32

/**
 * struct genl - a socket, and one message each way
 * @groups:	ids of the groups "state" and "fault"
 * @attr:	of the message received last, by type; NULL: it has none of it
 * @cmd:	its command
 * @interrupted: it says so of the dump that it is part of
 * @tx:		the request
 * @rx:		taken in turn, so that an acknowledgement leaves what it is for
 */
struct genl {
	int fd;
	__u16 family;
	__u32 groups[2];
	__u32 seq;
	const struct nlattr *attr[GENL_ATTRS];
	__u8 cmd;
	bool interrupted;
	__u32 tx_size;
	__u32 rx_size;
	__u32 rx_at;
	unsigned int rx_turn;
	union {
		struct nlmsghdr head;
		char bytes[1024];
	} tx;
	union {
		struct nlmsghdr head;
		char bytes[65536];
	} rx[2];
};

/* Each returns 0 or -errno. */
int genl_open(struct genl *g);
void genl_close(struct genl *g);
int genl_join(struct genl *g, unsigned int group);

/* A request: begin, put what it has, send. */
void genl_begin(struct genl *g, __u8 cmd, __u16 flags);
void genl_put(struct genl *g, __u16 type, const void *data, __u16 size);
void genl_put_u32(struct genl *g, __u16 type, __u32 value);
int genl_send(struct genl *g);

/*
 * The next message, bounded. 1: here it is; 0: the request, or the dump, is done; -errno: the
 * answer is an error; -ETIME: none came.
 */
int genl_next(struct genl *g, unsigned int timeout_ms);

/* Send, and wait for the end: of what one request answers, @attr is left. */
int genl_call(struct genl *g);

__u32 genl_u32(const struct genl *g, unsigned int type);
__u64 genl_u64(const struct genl *g, unsigned int type);
const char *genl_text(const struct genl *g, unsigned int type);

/* What an administrator does: end all contexts of a device. */
int genl_reset_device(unsigned int device);

#endif
