// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The driver's netlink family, by a raw socket. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "genl.h"

#define ANSWER_MS	20000

void genl_begin(struct genl *g, __u8 cmd, __u16 flags)
{
	struct genlmsghdr *head = NLMSG_DATA(&g->tx.head);

	memset(&g->tx, 0, NLMSG_LENGTH(GENL_HDRLEN));
	g->tx.head.nlmsg_type = g->family;
	g->tx.head.nlmsg_flags = NLM_F_REQUEST | flags;
	g->tx.head.nlmsg_seq = ++g->seq;
	head->cmd = cmd;
	head->version = 1;
	g->tx_size = NLMSG_LENGTH(GENL_HDRLEN);
}

void genl_put(struct genl *g, __u16 type, const void *data, __u16 size)
{
	struct nlattr attr = { NLA_HDRLEN + size, type };
	char *at = g->tx.bytes + g->tx_size;

	memset(at, 0, NLA_ALIGN(attr.nla_len));
	memcpy(at, &attr, NLA_HDRLEN);
	memcpy(at + NLA_HDRLEN, data, size);
	g->tx_size += NLA_ALIGN(attr.nla_len);
}

void genl_put_u32(struct genl *g, __u16 type, __u32 value)
{
	genl_put(g, type, &value, sizeof(value));
}

int genl_send(struct genl *g)
{
	g->tx.head.nlmsg_len = g->tx_size;
	return send(g->fd, &g->tx, g->tx_size, 0) < 0 ? -errno : 0;
}

static int genl_receive(struct genl *g, unsigned int timeout_ms)
{
	struct pollfd pollfd = { g->fd, POLLIN, 0 };
	ssize_t n;

	n = poll(&pollfd, 1, timeout_ms);
	if (n <= 0)
		return n ? -errno : -ETIME;
	g->rx_turn ^= 1;
	n = recv(g->fd, &g->rx[g->rx_turn], sizeof(g->rx[0]), 0);
	if (n < 0)
		return -errno;
	g->rx_size = n;
	g->rx_at = 0;
	return 0;
}

static void genl_parse(struct genl *g, const char *at, const char *end)
{
	memset(g->attr, 0, sizeof(g->attr));
	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *attr = (const void *)at;
		unsigned int type = attr->nla_type & NLA_TYPE_MASK;

		if (type < GENL_ATTRS)
			g->attr[type] = attr;
		at += NLA_ALIGN(attr->nla_len);
	}
}

int genl_next(struct genl *g, unsigned int timeout_ms)
{
	const struct nlmsghdr *head;
	int err;

	if (g->rx_at >= g->rx_size) {
		err = genl_receive(g, timeout_ms);
		if (err)
			return err;
	}
	head = (const void *)(g->rx[g->rx_turn].bytes + g->rx_at);
	g->rx_at += NLMSG_ALIGN(head->nlmsg_len);
	g->interrupted |= head->nlmsg_flags & NLM_F_DUMP_INTR;
	if (head->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(head))->error;
	if (head->nlmsg_type == NLMSG_DONE)
		return *(const int *)NLMSG_DATA(head);
	g->cmd = ((const struct genlmsghdr *)NLMSG_DATA(head))->cmd;
	genl_parse(g, (const char *)NLMSG_DATA(head) + GENL_HDRLEN,
		   (const char *)head + head->nlmsg_len);
	return 1;
}

int genl_call(struct genl *g)
{
	int ret;

	g->tx.head.nlmsg_flags |= NLM_F_ACK;
	ret = genl_send(g) ?: 1;
	while (ret > 0)
		ret = genl_next(g, ANSWER_MS);
	return ret;
}

__u32 genl_u32(const struct genl *g, unsigned int type)
{
	__u32 value = ~0u;

	if (g->attr[type])
		memcpy(&value, g->attr[type] + 1, sizeof(value));
	return value;
}

__u64 genl_u64(const struct genl *g, unsigned int type)
{
	__u64 value = ~0ull;

	if (g->attr[type])
		memcpy(&value, g->attr[type] + 1, sizeof(value));
	return value;
}

const char *genl_text(const struct genl *g, unsigned int type)
{
	return g->attr[type] ? (const char *)(g->attr[type] + 1) : "(none)";
}

/* Groups come in the order of the spec, each a nest of name and id. */
static void genl_read_groups(struct genl *g, const struct nlattr *groups)
{
	const char *at = (const char *)(groups + 1);
	int i;

	for (i = 0; i < 2; i++) {
		const struct nlattr *group = (const void *)at;

		genl_parse(g, (const char *)(group + 1), at + group->nla_len);
		g->groups[i] = genl_u32(g, CTRL_ATTR_MCAST_GRP_ID);
		at += NLA_ALIGN(group->nla_len);
	}
}

int genl_open(struct genl *g)
{
	const struct nlattr *groups;
	int err;

	memset(g, 0, sizeof(*g));
	g->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (g->fd < 0)
		return -errno;
	g->family = GENL_ID_CTRL;
	genl_begin(g, CTRL_CMD_GETFAMILY, 0);
	genl_put(g, CTRL_ATTR_FAMILY_NAME, PTO_FAMILY_NAME, sizeof(PTO_FAMILY_NAME));
	err = genl_call(g);
	if (err) {
		close(g->fd);
		return err;
	}
	g->family = genl_u32(g, CTRL_ATTR_FAMILY_ID);
	groups = g->attr[CTRL_ATTR_MCAST_GROUPS];
	if (groups)
		genl_read_groups(g, groups);
	return 0;
}

void genl_close(struct genl *g)
{
	close(g->fd);
}

int genl_join(struct genl *g, unsigned int group)
{
	int many = 8 << 20;

	setsockopt(g->fd, SOL_SOCKET, SO_RCVBUFFORCE, &many, sizeof(many));
	return setsockopt(g->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &g->groups[group],
			  sizeof(g->groups[group])) ? -errno : 0;
}

int genl_reset_device(unsigned int device)
{
	static struct genl g;
	int err = genl_open(&g);

	if (err)
		return err;
	genl_begin(&g, PTO_NL_DEV_RESET, 0);
	genl_put_u32(&g, PTO_A_DEV_INDEX, device);
	err = genl_call(&g);
	genl_close(&g);
	return err;
}
