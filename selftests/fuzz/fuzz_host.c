// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Steps of who looks after the host: messages of the netlink family, whole and broken, dumps that
 * are left half-read, events that nobody takes; files of sysfs, debugfs and proc.
 *
 * Nothing is written here but the driver's own files and messages: other families, and files that
 * are the kernel's, get at most a byte that was changed.
 */
#include "../uapi/genl.h"
#include "driver_fuzz.h"

#define NOBODY		65534
#define MESSAGE_MAX	1024

/** struct message - one or more, as they are sent */
struct message {
	__u32 n;
	union {
		struct nlmsghdr head;
		__u8 bytes[MESSAGE_MAX];
	};
};

/* The attributes that each command takes: the device's number is the first of them. */
static const struct {
	__u8 cmd;
	__u16 attrs[3];
} requests[] = {
	{ PTO_NL_DEV_GET, { PTO_A_DEV_INDEX } },
	{ PTO_NL_STATS_GET, { PTO_A_STATS_DEV } },
	{ PTO_NL_FAULT_GET, { PTO_A_FAULT_DEV } },
	{ PTO_NL_CTX_GET, { PTO_A_CTX_DEV, PTO_A_CTX_ID } },
	{ PTO_NL_STREAM_GET, { PTO_A_STREAM_DEV, PTO_A_STREAM_CTX, PTO_A_STREAM_HANDLE } },
	{ PTO_NL_DEV_SET, { PTO_A_DEV_INDEX, PTO_A_DEV_TIMEOUT_MS } },
	{ PTO_NL_DEV_RESET, { PTO_A_DEV_INDEX } },
};

#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

/* ---- the family ---- */

int round_listen(struct round *round)
{
	static struct genl g;
	int err = genl_open(&g);

	if (err)
		return err;
	round->family = g.family;
	memcpy(round->groups, g.groups, sizeof(round->groups));
	round->id = uapi_info(&round->u).id;
	genl_close(&g);
	return 0;
}

/* Those of the lower half belong to nobody: rights are those of who opened a socket. */
static int socket_open(unsigned int i)
{
	bool nobodys = i < SOCKETS / 2;
	int fd;

	/* Of this thread alone, which the C library's would not do. */
	if (nobodys && syscall(SYS_setresuid, -1, NOBODY, -1))
		return -1;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
	if (nobodys && syscall(SYS_setresuid, -1, 0, -1))
		abort();
	return fd;
}

/* ---- messages ---- */

static void message_put(struct message *m, __u16 type, __u16 length, const void *data, __u32 size)
{
	struct nlattr attr = { length, type };

	if (m->n + NLA_HDRLEN + NLA_ALIGN(size) > MESSAGE_MAX)
		return;
	memcpy(m->bytes + m->n, &attr, sizeof(attr));
	memcpy(m->bytes + m->n + NLA_HDRLEN, data, size);
	m->n += NLA_HDRLEN + NLA_ALIGN(size);
}

/* What the attribute at @i of a request means. */
static __u32 any_value(struct fuzzer *f, unsigned int i, __u8 cmd)
{
	unsigned int device = f->round->device;

	if (fuzz_pick(f, 12) == 1)
		return any_u64(f);
	if (i == 1)
		return cmd == PTO_NL_DEV_SET ? 1 + fuzz_pick(f, 1 << 16) : f->round->id;
	if (i == 2)
		return any_handle(f, PTO_OBJ_STREAM);
	/* Nothing more comes of a round that is reset: mostly another device. */
	if (cmd == PTO_NL_DEV_RESET && fuzz_pick(f, 16) != 1)
		return (device + 1 + fuzz_pick(f, 8)) % PTO_MAX_DEVICES;
	return fuzz_pick(f, 4) ? device : fuzz_pick(f, PTO_MAX_DEVICES + 1);
}

/* An attribute of any type and length, with others in it, or which says that it has. */
static void put_odd(struct fuzzer *f, struct message *m)
{
	__u16 type = fuzz_pick(f, 24), size = fuzz_pick(f, 4) ? 4 : fuzz_pick(f, 64);
	__u16 length = NLA_HDRLEN + size;
	__u64 data[8];
	unsigned int i;

	for (i = 0; i < 8; i++)
		data[i] = fuzz_pick(f, 2) ? any_u64(f) : fuzz_pick(f, 32) << 16 | fuzz_pick(f, 70);
	if (fuzz_pick(f, 4) == 1)
		type |= NLA_F_NESTED;
	if (fuzz_pick(f, 8) == 1)
		type |= NLA_F_NET_BYTEORDER;
	if (fuzz_pick(f, 4) == 1)
		length = fuzz_pick(f, 2) ? fuzz_pick(f, 80) : any_u64(f);
	message_put(m, type, length, data, size);
}

static void message_begin(struct message *m, __u32 at, __u16 type, __u16 flags, __u8 cmd)
{
	struct nlmsghdr head = { .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags };
	struct genlmsghdr genl = { .cmd = cmd, .version = PTO_FAMILY_VERSION };

	memcpy(m->bytes + at, &head, sizeof(head));
	memcpy(m->bytes + at + NLMSG_HDRLEN, &genl, sizeof(genl));
	m->n = at + NLMSG_HDRLEN + GENL_HDRLEN;
}

static void message_end(struct fuzzer *f, struct message *m, __u32 at)
{
	__u32 length = m->n - at;

	if (fuzz_pick(f, 32) == 1)
		length = fuzz_pick(f, 2) ? fuzz_pick(f, 64) : any_u64(f);
	memcpy(m->bytes + at, &length, sizeof(length));
	if (fuzz_pick(f, 12) == 1)
		m->bytes[at + fuzz_pick(f, m->n - at)] = fuzz_pick(f, 256);
}

static void put_request(struct fuzzer *f, struct message *m)
{
	unsigned int nr = fuzz_pick(f, REQUESTS), i;
	static const __u16 flags[] = { NLM_F_DUMP, NLM_F_ACK, 0, NLM_F_ECHO | NLM_F_ACK };
	__u8 cmd = requests[nr].cmd;
	__u32 at = m->n, value;

	message_begin(m, at, f->round->family, flags[fuzz_pick(f, 4)],
		      fuzz_pick(f, 32) == 1 ? fuzz_pick(f, PTO_NL_MAX + 3) : cmd);
	for (i = 0; i < 3 && requests[nr].attrs[i]; i++) {
		value = any_value(f, i, cmd);
		if (fuzz_pick(f, 6) != 1)
			message_put(m, requests[nr].attrs[i], NLA_HDRLEN + sizeof(value), &value,
				    sizeof(value));
	}
	while (fuzz_pick(f, 6) == 1)
		put_odd(f, m);
	message_end(f, m, at);
}

/* What the kernel tells of the family: its groups, and its policies. */
static void put_question(struct fuzzer *f, struct message *m)
{
	bool policy = fuzz_pick(f, 2);
	__u32 at = m->n, op = fuzz_pick(f, PTO_NL_MAX + 2);
	__u16 family = f->round->family;

	message_begin(m, at, GENL_ID_CTRL, policy ? NLM_F_DUMP : NLM_F_ACK,
		      policy ? CTRL_CMD_GETPOLICY : CTRL_CMD_GETFAMILY);
	message_put(m, CTRL_ATTR_FAMILY_ID, NLA_HDRLEN + sizeof(family), &family, sizeof(family));
	if (policy && fuzz_pick(f, 2))
		message_put(m, CTRL_ATTR_OP, NLA_HDRLEN + sizeof(op), &op, sizeof(op));
	message_end(f, m, at);
}

/* Some of what there is; the rest of a dump is made when it is asked for, or never. */
static void receive(struct fuzzer *f, int fd)
{
	static __thread union {
		struct nlmsghdr head;
		__u8 bytes[1 << 15];
	} in;
	unsigned int n = 1 + fuzz_pick(f, 8);
	size_t room = fuzz_pick(f, 4) ? sizeof(in) : 1 + fuzz_pick(f, 256);
	int flags = fuzz_pick(f, 8) == 1 ? MSG_PEEK : 0;

	while (n--) {
		if (recv(fd, in.bytes, room, MSG_DONTWAIT | flags) < (ssize_t)sizeof(in.head))
			return;
		if (in.head.nlmsg_type == f->round->family)
			atomic_fetch_add(&f->shared->answers, 1);
	}
}

static void send_messages(struct fuzzer *f, int fd)
{
	struct message m = { 0 };
	unsigned int n = fuzz_pick(f, 8) == 1 ? 1 + fuzz_pick(f, 4) : 1;

	atomic_fetch_add(&f->shared->messages, n);
	for (; n && m.n < MESSAGE_MAX / 2; n--) {
		if (fuzz_pick(f, 16) == 1)
			put_question(f, &m);
		else
			put_request(f, &m);
	}
	(void)!send(fd, m.bytes, m.n, MSG_DONTWAIT);
	if (fuzz_pick(f, 4))
		receive(f, fd);
}

/* ---- sockets ---- */

static void socket_option(struct fuzzer *f, int fd)
{
	static const int switches[] = {
		NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK, NETLINK_NO_ENOBUFS,
		NETLINK_PKTINFO, NETLINK_BROADCAST_ERROR,
	};
	int value = fuzz_pick(f, 2);

	switch (fuzz_pick(f, 4)) {
	case 0:
		value = fuzz_pick(f, 2) ? 1 : 1 << fuzz_pick(f, 20);
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof(value));
		break;
	case 1:
		setsockopt(fd, SOL_NETLINK, switches[fuzz_pick(f, 6)], &value, sizeof(value));
		break;
	default:
		setsockopt(fd, SOL_NETLINK,
			   fuzz_pick(f, 4) ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP,
			   &f->round->groups[value], sizeof(f->round->groups[value]));
		break;
	}
}

static void step_netlink(struct fuzzer *f)
{
	unsigned int i = fuzz_pick(f, SOCKETS);
	int fd = f->sockets[i] - 1;

	if (fd < 0) {
		fd = socket_open(i);
		f->sockets[i] = fd + 1;
		return;
	}
	switch (fuzz_pick(f, 16)) {
	case 1 ... 4:
		receive(f, fd);
		break;
	case 5 ... 6:
		socket_option(f, fd);
		break;
	case 7:
		close(fd);
		f->sockets[i] = 0;
		break;
	default:
		send_messages(f, fd);
		break;
	}
}

/* ---- files ---- */

static void any_path(struct fuzzer *f, char *path, size_t size, bool write)
{
	static const char *const attributes[] = {
		"abi_version", "backend", "state", "generation", "reset_count", "blocks",
		"mem_total", "mem_used", "busy_copy_us", "busy_aic_us", "busy_aiv_us",
		"numa_node", "uevent",
	};
	unsigned int device = fuzz_pick(f, 4) ? f->round->device : fuzz_pick(f, PTO_MAX_DEVICES);

	switch (write ? 4 + fuzz_pick(f, 4) : fuzz_pick(f, 8)) {
	case 0 ... 2:
		snprintf(path, size, "/sys/class/pto/pto%u/%s", device, attributes[fuzz_pick(f, 13)]);
		break;
	case 3 ... 4:
		snprintf(path, size, "/proc/self/fdinfo/%d", f->round->u.fd);
		break;
	case 5:
		snprintf(path, size, "/sys/kernel/debug/pto/pto%u/dump", device);
		break;
	case 6:
		snprintf(path, size, "/sys/class/pto/pto%u/devcoredump/data", device);
		break;
	default:
		snprintf(path, size, "/sys/kernel/tracing/events/pto/enable");
		break;
	}
}

static void step_file(struct fuzzer *f)
{
	bool write = fuzz_pick(f, 4) == 1;
	static __thread char bytes[PAGE];
	char path[80];
	off_t at;
	int fd;

	any_path(f, path, sizeof(path), write);
	at = fuzz_pick(f, 4) ? 0 : any_u64(f);
	fd = open(path, (write ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write)
		(void)!pwrite(fd, fuzz_pick(f, 2) ? "1" : "0", 1, at);
	else
		(void)!pread(fd, bytes, fuzz_pick(f, PAGE), at);
	close(fd);
}

void fuzz_host_step(struct fuzzer *f)
{
	if (fuzz_pick(f, 4))
		step_netlink(f);
	else
		step_file(f);
}
