// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The driver's netlink family, by libnl. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "host.h"
#include "host_decode.h"
#include "pto.h"

#define DUMP_TRIES	16	/* of one that is interrupted again and again */

/**
 * struct host - a connection
 * @out:	where messages are put: an array, or one object
 * @err:	of the last request
 * @acked:	it is done
 * @reason:	the driver's words for it
 */
struct host {
	struct nl_sock *sock;
	struct nl_cb *cb;
	int family;
	json_t *out;
	int err;
	bool acked;
	char reason[128];
};

static int on_message(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *head = genlmsg_hdr(nlmsg_hdr(msg));
	struct host *host = arg;
	json_t *object = host_decode(head->cmd, genlmsg_attrdata(head, 0),
				     genlmsg_attrlen(head, 0));

	json_array_append_new(host->out, object);
	return NL_OK;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	((struct host *)arg)->acked = true;
	return NL_STOP;
}

/* Events are no answers. */
static int on_sequence(struct nl_msg *msg, void *arg)
{
	return NL_OK;
}

static void keep_reason(struct host *host, const struct nlmsghdr *head)
{
	const struct nlmsgerr *err = nlmsg_data(head);
	int used = sizeof(*err);
	struct nlattr *text;

	host->reason[0] = 0;
	if (!(head->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(head->nlmsg_flags & NLM_F_CAPPED))
		used += err->msg.nlmsg_len - sizeof(err->msg);
	used = NLMSG_ALIGN(used);
	text = nla_find((struct nlattr *)((char *)err + used), nlmsg_datalen(head) - used,
			NLMSGERR_ATTR_MSG);
	if (text)
		snprintf(host->reason, sizeof(host->reason), "%s", nla_get_string(text));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	struct host *host = arg;

	host->err = err->error;
	keep_reason(host, (struct nlmsghdr *)((char *)err - NLMSG_HDRLEN));
	return NL_STOP;
}

/* Messages that come are to be put into host->out; an error into host->err. */
static int host_receive(struct host *host)
{
	int ret;

	host->err = 0;
	ret = nl_recvmsgs(host->sock, host->cb);
	if (host->err)
		return host->err;
	if (ret >= 0)
		return 0;
	switch (-ret) {
	case NLE_DUMP_INTR:
		return -EAGAIN;
	case NLE_NOMEM:
		return -ENOBUFS;
	default:
		snprintf(host->reason, sizeof(host->reason), "%s", nl_geterror(ret));
		return -EIO;
	}
}

int host_open(struct host **out)
{
	struct host *host = calloc(1, sizeof(*host));
	int yes = 1, err = -ENOMEM;

	if (!host)
		return -ENOMEM;
	host->sock = nl_socket_alloc();
	host->cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!host->sock || !host->cb)
		goto close;
	err = -EIO;
	if (genl_connect(host->sock))
		goto close;
	host->family = genl_ctrl_resolve(host->sock, PTO_FAMILY_NAME);
	if (host->family < 0) {
		err = -ENOENT;
		goto close;
	}
	setsockopt(nl_socket_get_fd(host->sock), SOL_NETLINK, NETLINK_EXT_ACK, &yes,
		   sizeof(yes));
	nl_cb_set(host->cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, host);
	nl_cb_set(host->cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, host);
	nl_cb_err(host->cb, NL_CB_CUSTOM, on_error, host);
	*out = host;
	return 0;
close:
	host_close(host);
	return err;
}

void host_close(struct host *host)
{
	if (!host)
		return;
	nl_cb_put(host->cb);
	nl_socket_free(host->sock);
	free(host);
}

const char *host_reason(const struct host *host)
{
	return host->reason[0] ? host->reason : strerror(-host->err);
}

static int host_send(struct host *host, int cmd, int flags, const struct host_attr *attrs)
{
	struct nl_msg *msg = nlmsg_alloc();
	int ret = -NLE_NOMEM;

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, host->family, 0, flags, cmd,
			       PTO_FAMILY_VERSION)) {
		for (; attrs && attrs->type; attrs++)
			nla_put_u32(msg, attrs->type, attrs->value);
		ret = nl_send_auto(host->sock, msg);
	}
	nlmsg_free(msg);
	return ret < 0 ? -EIO : 0;
}

json_t *host_list(struct host *host, int cmd, const struct host_attr *attrs)
{
	json_t *list = NULL;
	int err = -EAGAIN;

	for (int i = 0; i < DUMP_TRIES && err == -EAGAIN; i++) {
		json_decref(list);
		list = host->out = json_array();
		err = host_send(host, cmd, NLM_F_DUMP, attrs);
		if (!err)
			err = host_receive(host);
	}
	/* Interrupted to the end: what a busy host has is never quite what it was. */
	if (!err || err == -EAGAIN)
		return list;
	complain("asking the driver: %s", host_reason(host));
	json_decref(list);
	return NULL;
}

int host_call(struct host *host, int cmd, const struct host_attr *attrs, json_t **reply)
{
	int err = host_send(host, cmd, NLM_F_ACK, attrs);

	host->out = json_array();
	host->acked = false;
	while (!err && !host->acked)
		err = host_receive(host);
	if (reply)
		*reply = err ? NULL : json_incref(json_array_get(host->out, 0));
	json_decref(host->out);
	return err;
}

/* ---- events ---- */

int host_listen(struct host *host, bool faults)
{
	int group = genl_ctrl_resolve_grp(host->sock, PTO_FAMILY_NAME,
					  faults ? PTO_MCGRP_FAULT : PTO_MCGRP_STATE);

	if (group < 0)
		return -ENOENT;
	if (setsockopt(nl_socket_get_fd(host->sock), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
		       sizeof(group)))
		return -errno;
	nl_cb_set(host->cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, NULL);
	return 0;
}

json_t *host_event(struct host *host, int timeout_ms)
{
	struct pollfd pollfd = { nl_socket_get_fd(host->sock), POLLIN, 0 };
	json_t *event = NULL;

	if (poll(&pollfd, 1, timeout_ms) <= 0)
		return NULL;
	host->out = json_array();
	if (host_receive(host))
		event = json_pack("{ss}", "event", "lost");
	else
		event = json_incref(json_array_get(host->out, 0));
	json_decref(host->out);
	if (event && json_object_get(event, "class"))
		json_object_set_new(event, "event", json_string("fault"));
	return event;
}

/* ---- small things ---- */

struct host *host_or_complain(void)
{
	struct host *host;
	int err = host_open(&host);

	if (!err)
		return host;
	if (err == -ENOENT)
		complain("the driver is not loaded, or not seen from this network namespace; "
			 "as root: modprobe pto. `pto doctor` tells more");
	else
		complain("netlink: %s", strerror(-err));
	return NULL;
}

error_t host_parse(int key, char *arg, struct argp_state *state, struct host_options *opt)
{
	switch (key) {
	case 'j':
		opt->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (opt->device >= 0)
			argp_error(state, "more than one device");
		opt->device = host_device(arg);
		if (opt->device < 0)
			argp_error(state, "%s: ptoN, or N from 0 to 15 wanted", arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int host_device(const char *name)
{
	char *end;
	long n;

	if (!strncmp(name, "/dev/pto/", 9))
		name += 9;
	if (!strncmp(name, "pto", 3))
		name += 3;
	n = strtol(name, &end, 10);
	return *name >= '0' && *name <= '9' && !*end && n >= 0 && n < 16 ? n : -1;
}
