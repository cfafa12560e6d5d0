// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The driver's netlink family: what can be asked for and by whom, what is refused, dumps that
 * are cut in pieces and interrupted, reset, events.
 */
#include <sched.h>
#include <sys/stat.h>

#include "genl.h"
#include "uapi_test.h"

#define DEVICE		2		/* no other test is about it */
#define NOBODY		65534

FIXTURE(netlink) {
	struct genl g;
	struct genl more;
	struct uapi u;
};

FIXTURE_SETUP(netlink)
{
	ASSERT_EQ(0, genl_open(&self->g));
	ASSERT_EQ(0, genl_open(&self->more));
	ASSERT_EQ(0, uapi_start(&self->u, BY_IOCTL, DEVICE));
}

FIXTURE_TEARDOWN(netlink)
{
	uapi_close(&self->u);
	genl_close(&self->g);
	genl_close(&self->more);
}

/* A request with up to three numbers; types of 0 are left out. */
static int ask(struct genl *g, __u8 cmd, __u16 flags, const __u32 (*attrs)[2], int n)
{
	int i;

	genl_begin(g, cmd, flags);
	for (i = 0; i < n; i++)
		genl_put_u32(g, attrs[i][0], attrs[i][1]);
	return flags & NLM_F_DUMP ? genl_send(g) : genl_call(g);
}

#define ASK(g, cmd, flags, ...) ({						\
	const __u32 ask_attrs[][2] = { __VA_ARGS__ };				\
	ask(g, cmd, flags, ask_attrs, sizeof(ask_attrs) / sizeof(ask_attrs[0]));	\
})

/* ---- devices ---- */

TEST_F(netlink, a_device)
{
	struct pto_info_device info;
	struct genl *g = &self->g;

	ASSERT_EQ(0, uapi_query(&self->u, PTO_QUERY_DEVICE, 0, &info, sizeof(info)));
	ASSERT_EQ(0, ASK(g, PTO_NL_DEV_GET, 0, { PTO_A_DEV_INDEX, DEVICE }));
	EXPECT_EQ(PTO_NL_DEV_GET, g->cmd);
	EXPECT_EQ(DEVICE, genl_u32(g, PTO_A_DEV_INDEX));
	EXPECT_STREQ("mock", genl_text(g, PTO_A_DEV_BACKEND));
	EXPECT_EQ(PTO_DEV_STATE_READY, genl_u32(g, PTO_A_DEV_STATE));
	EXPECT_EQ(info.generation, genl_u32(g, PTO_A_DEV_GENERATION));
	EXPECT_EQ(info.blocks, genl_u32(g, PTO_A_DEV_BLOCKS));
	EXPECT_EQ(info.mem_total, genl_u64(g, PTO_A_DEV_MEM_TOTAL));
	EXPECT_EQ(0, genl_u64(g, PTO_A_DEV_MEM_USED));
	EXPECT_EQ(1, genl_u32(g, PTO_A_DEV_CONTEXTS));
	EXPECT_EQ(info.timeout_ms, genl_u32(g, PTO_A_DEV_TIMEOUT_MS));
}

TEST_F(netlink, all_devices)
{
	struct pto_info_driver info;
	struct genl *g = &self->g;
	unsigned int n = 0;
	__u32 last = 0;
	int ret;

	ASSERT_EQ(0, uapi_query(&self->u, PTO_QUERY_DRIVER, 0, &info, sizeof(info)));
	ASSERT_EQ(0, ask(g, PTO_NL_DEV_GET, NLM_F_DUMP, NULL, 0));
	while ((ret = genl_next(g, BOUND_MS)) > 0) {
		__u32 index = genl_u32(g, PTO_A_DEV_INDEX);

		EXPECT_TRUE(!n || index > last);
		last = index;
		n++;
	}
	EXPECT_EQ(0, ret);
	EXPECT_EQ(info.devices, n);
	EXPECT_FALSE(g->interrupted);
}

TEST_F(netlink, what_is_refused)
{
	struct genl *g = &self->g;
	__u8 cmd;

	EXPECT_ERRNO(EINVAL, ask(g, PTO_NL_DEV_GET, 0, NULL, 0));
	EXPECT_ERRNO(ERANGE, ASK(g, PTO_NL_DEV_GET, 0, { PTO_A_DEV_INDEX, 16 }));
	/* Known, but not in a request of this command; and not known at all. */
	EXPECT_ERRNO(EINVAL, ASK(g, PTO_NL_DEV_GET, 0, { PTO_A_DEV_INDEX, 0 },
				 { PTO_A_DEV_BLOCKS, 1 }));
	EXPECT_ERRNO(EINVAL, ASK(g, PTO_NL_DEV_GET, 0, { PTO_A_DEV_INDEX, 0 }, { 99, 1 }));
	EXPECT_ERRNO(EINVAL, ASK(g, PTO_NL_CTX_GET, 0, { PTO_A_CTX_DEV, DEVICE }));
	EXPECT_ERRNO(ERANGE, ASK(g, PTO_NL_CTX_GET, 0, { PTO_A_CTX_DEV, DEVICE },
				 { PTO_A_CTX_ID, 0 }));
	EXPECT_ERRNO(ENOENT, ASK(g, PTO_NL_CTX_GET, 0, { PTO_A_CTX_DEV, DEVICE },
				 { PTO_A_CTX_ID, ~0u }));
	EXPECT_ERRNO(ERANGE, ASK(g, PTO_NL_STREAM_GET, 0, { PTO_A_STREAM_DEV, DEVICE },
				 { PTO_A_STREAM_CTX, 1 }, { PTO_A_STREAM_HANDLE, 65536 }));
	EXPECT_ERRNO(ERANGE, ASK(g, PTO_NL_STREAM_GET, 0, { PTO_A_STREAM_DEV, DEVICE },
				 { PTO_A_STREAM_CTX, 1 }, { PTO_A_STREAM_HANDLE, 0 }));
	EXPECT_ERRNO(EINVAL, ask(g, PTO_NL_DEV_SET, 0, NULL, 0));
	EXPECT_ERRNO(EINVAL, ASK(g, PTO_NL_DEV_SET, 0, { PTO_A_DEV_INDEX, DEVICE }));
	EXPECT_ERRNO(ERANGE, ASK(g, PTO_NL_DEV_SET, 0, { PTO_A_DEV_INDEX, DEVICE },
				 { PTO_A_DEV_TIMEOUT_MS, 0 }));
	EXPECT_ERRNO(ERANGE, ASK(g, PTO_NL_DEV_SET, 0, { PTO_A_DEV_INDEX, DEVICE },
				 { PTO_A_DEV_TIMEOUT_MS, PTO_TIMEOUT_MAX_MS + 1 }));
	EXPECT_ERRNO(EINVAL, ask(g, PTO_NL_DEV_RESET, 0, NULL, 0));
	/* The commands that only the driver sends, one too many, and a dump of what has none. */
	for (cmd = PTO_NL_MAX + 1; cmd; cmd = cmd == PTO_NL_MAX + 1 ? PTO_NL_DEV_NTF :
					       cmd == PTO_NL_DEV_NTF ? PTO_NL_FAULT_NTF : 0)
		EXPECT_ERRNO(EOPNOTSUPP, ASK(g, cmd, 0, { PTO_A_DEV_INDEX, 0 }));
	genl_begin(g, PTO_NL_DEV_RESET, NLM_F_DUMP);
	EXPECT_ERRNO(EOPNOTSUPP, genl_call(g));
	EXPECT_ERRNO(EOPNOTSUPP, ASK(g, PTO_NL_FAULT_GET, 0, { PTO_A_FAULT_DEV, 0 }));
}

/* Every bound that a policy has: what is beyond it is refused, and what is just within is not. */
TEST_F(netlink, bounds)
{
	static const struct {
		__u8 cmd;
		__u16 flags, attr;
		__u32 low, high;
	} bounds[] = {
		{ PTO_NL_DEV_GET, 0, PTO_A_DEV_INDEX, 0, PTO_MAX_DEVICES - 1 },
		{ PTO_NL_DEV_SET, 0, PTO_A_DEV_INDEX, 0, PTO_MAX_DEVICES - 1 },
		{ PTO_NL_DEV_SET, 0, PTO_A_DEV_TIMEOUT_MS, 1, PTO_TIMEOUT_MAX_MS },
		{ PTO_NL_DEV_RESET, 0, PTO_A_DEV_INDEX, 0, PTO_MAX_DEVICES - 1 },
		{ PTO_NL_CTX_GET, 0, PTO_A_CTX_DEV, 0, PTO_MAX_DEVICES - 1 },
		{ PTO_NL_CTX_GET, 0, PTO_A_CTX_ID, 1, ~0u },
		{ PTO_NL_STREAM_GET, 0, PTO_A_STREAM_DEV, 0, PTO_MAX_DEVICES - 1 },
		{ PTO_NL_STREAM_GET, 0, PTO_A_STREAM_CTX, 1, ~0u },
		{ PTO_NL_STREAM_GET, NLM_F_DUMP, PTO_A_STREAM_HANDLE, 1, PTO_OBJECTS_MAX },
		{ PTO_NL_STATS_GET, 0, PTO_A_STATS_DEV, 0, PTO_MAX_DEVICES - 1 },
		{ PTO_NL_FAULT_GET, NLM_F_DUMP, PTO_A_FAULT_DEV, 0, PTO_MAX_DEVICES - 1 },
	};
	struct genl *g = &self->g;
	unsigned int i, k;
	int err;

	for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		/* Two beyond, two within. */
		const __u32 values[] = { bounds[i].low - 1, bounds[i].high + 1, bounds[i].low,
					 bounds[i].high };

		for (k = 0; k < 4; k++) {
			bool beyond = values[k] < bounds[i].low || values[k] > bounds[i].high;

			/* Of a reset, nothing within is tried here. */
			if (!beyond && (k < 2 || bounds[i].cmd == PTO_NL_DEV_RESET))
				continue;
			genl_begin(g, bounds[i].cmd, bounds[i].flags);
			genl_put_u32(g, bounds[i].attr, values[k]);
			err = genl_call(g);
			EXPECT_EQ(beyond, err == -ERANGE)
				TH_LOG("command %u, attribute %u of %u: %d", bounds[i].cmd,
				       bounds[i].attr, values[k], err);
		}
	}
}

/* Attributes that are no attributes. */
TEST_F(netlink, malformed)
{
	static const __u8 sizes[] = { 0, 1, 2, 3, 5, 8, 200 };
	struct genl *g = &self->g;
	char zero[256] = { 0 };
	struct nlattr lie = { 0, PTO_A_DEV_INDEX };
	unsigned int i;

	for (i = 0; i < sizeof(sizes); i++) {
		genl_begin(g, PTO_NL_DEV_GET, 0);
		genl_put(g, PTO_A_DEV_INDEX, zero, sizes[i]);
		EXPECT_ERRNO(EINVAL, genl_call(g))
			TH_LOG("%u bytes", sizes[i]);
	}
	/* A length that points past the end, or is less than the header. */
	for (i = 0; i < 0x10000; i = i * 2 + 1) {
		if (i >= 4 && i <= 8)
			continue;
		genl_begin(g, PTO_NL_DEV_GET, 0);
		lie.nla_len = i;
		memcpy(g->tx.bytes + g->tx_size, &lie, sizeof(lie));
		memset(g->tx.bytes + g->tx_size + 4, 0, 4);
		g->tx_size += 8;
		EXPECT_ERRNO(EINVAL, genl_call(g))
			TH_LOG("length %u", i);
	}
	/* It answers on. */
	EXPECT_EQ(0, ASK(g, PTO_NL_DEV_GET, 0, { PTO_A_DEV_INDEX, DEVICE }));
}

TEST_F(netlink, settings)
{
	struct genl *g = &self->g;
	struct uapi fresh;

	ASSERT_EQ(0, ASK(g, PTO_NL_DEV_SET, 0, { PTO_A_DEV_INDEX, DEVICE },
			 { PTO_A_DEV_TIMEOUT_MS, 1234 }));
	ASSERT_EQ(0, uapi_start(&fresh, BY_IOCTL, DEVICE));
	EXPECT_EQ(1234, uapi_info(&fresh).timeout_ms);
	EXPECT_EQ(10000, uapi_info(&self->u).timeout_ms);
	uapi_close(&fresh);
	EXPECT_EQ(0, ASK(g, PTO_NL_DEV_SET, 0, { PTO_A_DEV_INDEX, DEVICE },
			 { PTO_A_DEV_TIMEOUT_MS, 10000 }));
}

/* ---- contexts and streams ---- */

TEST_F(netlink, a_context)
{
	struct pto_ctx_set label = { sizeof(label), PTO_CTX_LABEL, .label = "somebody" };
	struct pto_cmd cmds[4] = { cmd_delay(2 * MS), cmd_nop(), cmd_nop(), cmd_fault(7) };
	struct pto_stream_create copy, aiv;
	struct genl *g = &self->g;
	struct uapi *u = &self->u;
	struct pto_mem_alloc mem;
	__u32 id = uapi_info(u).id;

	ASSERT_EQ(0, uapi_call(u, PTO_IOC_CTX_SET, &label));
	ASSERT_EQ(0, uapi_alloc(u, 3 * PAGE, &mem));
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_COPY, 0, 8, &copy));
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_AIV, 1, 4, &aiv));
	ASSERT_ERRNO(EIO, uapi_submit_wait(u, copy.handle, cmds, 4, BOUND_NS));
	ASSERT_EQ(0, uapi_submit_wait(u, aiv.handle, cmds, 1, BOUND_NS));

	ASSERT_EQ(0, ASK(g, PTO_NL_CTX_GET, 0, { PTO_A_CTX_DEV, DEVICE }, { PTO_A_CTX_ID, id }));
	EXPECT_EQ(id, genl_u32(g, PTO_A_CTX_ID));
	EXPECT_EQ(getpid(), (pid_t)genl_u32(g, PTO_A_CTX_PID));
	EXPECT_EQ(geteuid(), genl_u32(g, PTO_A_CTX_UID));
	EXPECT_EQ(0, strncmp(program_invocation_short_name, genl_text(g, PTO_A_CTX_COMM), 15))
		TH_LOG("%s", genl_text(g, PTO_A_CTX_COMM));
	EXPECT_STREQ("somebody", genl_text(g, PTO_A_CTX_LABEL));
	EXPECT_EQ(PTO_CTX_LIVE, genl_u32(g, PTO_A_CTX_STATE));
	EXPECT_EQ(3 * PAGE, genl_u64(g, PTO_A_CTX_MEM_USED));
	EXPECT_EQ(0, genl_u64(g, PTO_A_CTX_PINNED));
	EXPECT_EQ(3, genl_u32(g, PTO_A_CTX_OBJECTS));
	EXPECT_EQ(2, genl_u32(g, PTO_A_CTX_STREAMS));
	EXPECT_EQ(5, genl_u64(g, PTO_A_CTX_SUBMITTED));
	EXPECT_EQ(5, genl_u64(g, PTO_A_CTX_COMPLETED));
	EXPECT_EQ(1, genl_u64(g, PTO_A_CTX_FAULTS));
	EXPECT_LE(2 * MS, genl_u64(g, PTO_A_CTX_BUSY_COPY_NS));
	EXPECT_EQ(0, genl_u64(g, PTO_A_CTX_BUSY_AIC_NS));
	EXPECT_LE(2 * MS, genl_u64(g, PTO_A_CTX_BUSY_AIV_NS));

	ASSERT_EQ(0, ASK(g, PTO_NL_STREAM_GET, 0, { PTO_A_STREAM_DEV, DEVICE },
			 { PTO_A_STREAM_CTX, id }, { PTO_A_STREAM_HANDLE, copy.handle }));
	EXPECT_EQ(PTO_ENGINE_COPY, genl_u32(g, PTO_A_STREAM_ENGINE));
	EXPECT_EQ(8, genl_u32(g, PTO_A_STREAM_DEPTH));
	EXPECT_EQ(PTO_STREAM_STOPPED, genl_u32(g, PTO_A_STREAM_STATE));
	EXPECT_EQ(4, genl_u64(g, PTO_A_STREAM_SUBMITTED));
	EXPECT_EQ(4, genl_u64(g, PTO_A_STREAM_COMPLETED));
	/* A handle of something else is no stream. */
	EXPECT_ERRNO(ENOENT, ASK(g, PTO_NL_STREAM_GET, 0, { PTO_A_STREAM_DEV, DEVICE },
				 { PTO_A_STREAM_CTX, id }, { PTO_A_STREAM_HANDLE, mem.handle }));
}

/* What a device did stays when who did it is gone. */
TEST_F(netlink, statistics)
{
	struct pto_cmd cmds[2] = { cmd_delay(MS), cmd_fault(7) };
	__u64 submitted, faults, busy, opened;
	struct pto_stream_create aic;
	struct genl *g = &self->g;
	struct uapi guest;

	ASSERT_EQ(0, ASK(g, PTO_NL_STATS_GET, 0, { PTO_A_STATS_DEV, DEVICE }));
	opened = genl_u64(g, PTO_A_STATS_OPENED);
	submitted = genl_u64(g, PTO_A_STATS_SUBMITTED);
	faults = genl_u64(g, PTO_A_STATS_FAULTS);
	busy = genl_u64(g, PTO_A_STATS_BUSY_AIC_NS);
	ASSERT_EQ(0, uapi_start(&guest, BY_IOCTL, DEVICE));
	ASSERT_EQ(0, uapi_stream(&guest, PTO_ENGINE_AIC, 0, 4, &aic));
	ASSERT_ERRNO(EIO, uapi_submit_wait(&guest, aic.handle, cmds, 2, BOUND_NS));
	uapi_close(&guest);
	ASSERT_EQ(0, ASK(g, PTO_NL_STATS_GET, 0, { PTO_A_STATS_DEV, DEVICE }));
	EXPECT_EQ(opened + 1, genl_u64(g, PTO_A_STATS_OPENED));
	EXPECT_EQ(submitted + 2, genl_u64(g, PTO_A_STATS_SUBMITTED));
	EXPECT_EQ(faults + 1, genl_u64(g, PTO_A_STATS_FAULTS));
	EXPECT_LE(busy + MS, genl_u64(g, PTO_A_STATS_BUSY_AIC_NS));
}

/* More streams than one message holds, each once; then one more while it is read. */
TEST_F(netlink, a_long_dump)
{
	struct pto_stream_create stream;
	struct genl *g = &self->g;
	unsigned int i, n = 0;
	__u32 last = 0;
	int ret;

	for (i = 0; i < 255; i++)
		ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_COPY, 0, 2, &stream));
	ASSERT_EQ(0, ASK(g, PTO_NL_STREAM_GET, NLM_F_DUMP, { PTO_A_STREAM_DEV, DEVICE }));
	while ((ret = genl_next(g, BOUND_MS)) > 0) {
		EXPECT_LT(last, genl_u32(g, PTO_A_STREAM_HANDLE));
		last = genl_u32(g, PTO_A_STREAM_HANDLE);
		n++;
	}
	EXPECT_EQ(0, ret);
	EXPECT_EQ(255, n);
	EXPECT_FALSE(g->interrupted);

	ASSERT_EQ(0, ASK(g, PTO_NL_STREAM_GET, NLM_F_DUMP, { PTO_A_STREAM_DEV, DEVICE }));
	/* The first piece is made when it is asked for, the next one when that is read. */
	ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_COPY, 0, 2, &stream));
	while ((ret = genl_next(g, BOUND_MS)) > 0)
		;
	EXPECT_EQ(0, ret);
	EXPECT_TRUE(g->interrupted);

	/* Narrower ones. */
	ASSERT_EQ(0, ASK(g, PTO_NL_STREAM_GET, NLM_F_DUMP, { PTO_A_STREAM_DEV, DEVICE },
			 { PTO_A_STREAM_HANDLE, last }));
	ASSERT_EQ(1, genl_next(g, BOUND_MS));
	EXPECT_EQ(last, genl_u32(g, PTO_A_STREAM_HANDLE));
	EXPECT_EQ(0, genl_next(g, BOUND_MS));
	ASSERT_EQ(0, ASK(g, PTO_NL_STREAM_GET, NLM_F_DUMP, { PTO_A_STREAM_DEV, DEVICE + 1 }));
	EXPECT_EQ(0, genl_next(g, BOUND_MS));
}

/* A dump that goes on while devices go away. */
TEST_F(netlink, dump_during_unplug)
{
	unsigned int device = uapi_last_device();
	struct genl *g = &self->g;
	unsigned int i, seen = 0;
	struct uapi guest;
	int ret, round;
	pid_t pid;

	ASSERT_LT(DEVICE + 1, device);
	ASSERT_EQ(0, uapi_start(&guest, BY_IOCTL, device));
	for (i = 0; i < 200; i++) {
		struct pto_stream_create stream;

		ASSERT_EQ(0, uapi_stream(&guest, PTO_ENGINE_COPY, 0, 2, &stream));
	}
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		uapi_tick();
		_exit(uapi_unplug(device));
	}
	for (round = 0; round < 20; round++) {
		seen = 0;
		ASSERT_EQ(0, ask(g, PTO_NL_STREAM_GET, NLM_F_DUMP, NULL, 0));
		while ((ret = genl_next(g, BOUND_MS)) > 0)
			seen += genl_u32(g, PTO_A_STREAM_DEV) == device;
		EXPECT_EQ(0, ret);
	}
	EXPECT_EQ(0, uapi_reap(pid));
	ASSERT_EQ(0, ASK(g, PTO_NL_STREAM_GET, NLM_F_DUMP, { PTO_A_STREAM_DEV, device }));
	EXPECT_EQ(0, genl_next(g, BOUND_MS));
	EXPECT_ERRNO(ENODEV, ASK(g, PTO_NL_DEV_GET, 0, { PTO_A_DEV_INDEX, device }));
	EXPECT_ERRNO(ENODEV, ASK(g, PTO_NL_DEV_RESET, 0, { PTO_A_DEV_INDEX, device }));
	uapi_close(&guest);
}

/* ---- who may ---- */

/* In a child that is nobody: what goes wrong, as a number of one digit. */
static int as_nobody(__u32 roots_id, int namespaces)
{
	static struct genl g;
	struct uapi own;
	unsigned int n = 0;
	__u32 id;
	int ret;

	if (setgid(NOBODY) || setuid(NOBODY) || unshare(namespaces) || genl_open(&g) ||
	    uapi_start(&own, BY_IOCTL, DEVICE))
		return 1;
	id = uapi_info(&own).id;
	if (ASK(&g, PTO_NL_CTX_GET, 0, { PTO_A_CTX_DEV, DEVICE }, { PTO_A_CTX_ID, id }) ||
	    genl_u32(&g, PTO_A_CTX_UID) != NOBODY)
		return 2;
	if (ASK(&g, PTO_NL_CTX_GET, 0, { PTO_A_CTX_DEV, DEVICE },
		{ PTO_A_CTX_ID, roots_id }) != -EPERM)
		return 3;
	if (ASK(&g, PTO_NL_CTX_GET, NLM_F_DUMP, { PTO_A_CTX_DEV, DEVICE }))
		return 4;
	while ((ret = genl_next(&g, BOUND_MS)) > 0)
		n += genl_u32(&g, PTO_A_CTX_ID) == id ? 1 : 100;
	if (ret || n != 1)
		return 5;
	if (ASK(&g, PTO_NL_DEV_RESET, 0, { PTO_A_DEV_INDEX, DEVICE }) != -EPERM ||
	    ASK(&g, PTO_NL_DEV_SET, 0, { PTO_A_DEV_INDEX, DEVICE },
		{ PTO_A_DEV_TIMEOUT_MS, 1 }) != -EPERM)
		return 6;
	if (genl_join(&g, 1) != -EPERM || genl_join(&g, 0))
		return 7;
	return ASK(&g, PTO_NL_DEV_GET, 0, { PTO_A_DEV_INDEX, DEVICE }) ? 8 : 0;
}

TEST_F(netlink, unprivileged)
{
	__u32 id = uapi_info(&self->u).id;
	pid_t pid;

	ASSERT_EQ(0, chmod("/dev/pto/pto2", 0666));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(as_nobody(id, 0));
	EXPECT_EQ(0, uapi_reap(pid));
	/* Who has all rights in a user namespace of his own has none here. */
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(as_nobody(id, CLONE_NEWUSER));
	EXPECT_EQ(0, uapi_reap(pid));
	/* It has got nothing wrong by it. */
	EXPECT_EQ(0, uapi_reset(&self->u));
}

/* In another network namespace there is no such family. */
TEST_F(netlink, initial_network_only)
{
	static struct genl g;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid)
		_exit(unshare(CLONE_NEWNET) ? 1 : genl_open(&g) == -ENOENT ? 0 : 2);
	EXPECT_EQ(0, uapi_reap(pid));
}

/* In a pid namespace of its own, the process is 1, and does not see its parent's number. */
static int in_namespace(__u32 parents_id)
{
	static struct genl g;
	struct uapi own;

	if (genl_open(&g) || uapi_start(&own, BY_IOCTL, DEVICE))
		return 1;
	if (ASK(&g, PTO_NL_CTX_GET, 0, { PTO_A_CTX_DEV, DEVICE },
		{ PTO_A_CTX_ID, uapi_info(&own).id }) || genl_u32(&g, PTO_A_CTX_PID) != 1)
		return 2;
	if (ASK(&g, PTO_NL_CTX_GET, 0, { PTO_A_CTX_DEV, DEVICE },
		{ PTO_A_CTX_ID, parents_id }) || genl_u32(&g, PTO_A_CTX_PID) != 0)
		return 3;
	return 0;
}

TEST_F(netlink, pids_are_the_readers)
{
	__u32 id = uapi_info(&self->u).id;
	pid_t outer, inner;

	outer = fork();
	ASSERT_LE(0, outer);
	if (!outer) {
		if (unshare(CLONE_NEWPID))
			_exit(9);
		inner = fork();
		if (!inner)
			_exit(in_namespace(id));
		_exit(inner < 0 ? 9 : uapi_reap(inner));
	}
	EXPECT_EQ(0, uapi_reap(outer));
}

/* ---- reset and events ---- */

static void expect_dev_event(struct __test_metadata *_metadata, struct genl *g, __u32 what,
			     __u32 generation)
{
	ASSERT_EQ(1, genl_next(g, BOUND_MS));
	EXPECT_EQ(PTO_NL_DEV_NTF, g->cmd);
	EXPECT_EQ(what, genl_u32(g, PTO_A_DEV_EVENT));
	EXPECT_EQ(DEVICE, genl_u32(g, PTO_A_DEV_INDEX));
	EXPECT_EQ(generation, genl_u32(g, PTO_A_DEV_GENERATION));
	EXPECT_NE(~0ull, genl_u64(g, PTO_A_DEV_TIME_NS));
}

/* Two that listen, and a reset by a third. */
TEST_F(netlink, reset)
{
	struct genl *g = &self->g, *more = &self->more;
	static struct genl admin;
	__u32 generation;
	struct uapi fresh;

	ASSERT_EQ(0, genl_open(&admin));
	ASSERT_EQ(0, ASK(&admin, PTO_NL_DEV_GET, 0, { PTO_A_DEV_INDEX, DEVICE }));
	generation = genl_u32(&admin, PTO_A_DEV_GENERATION) + 1;
	ASSERT_EQ(0, genl_join(g, 0));
	ASSERT_EQ(0, genl_join(more, 0));
	ASSERT_EQ(0, genl_join(more, 1));
	ASSERT_EQ(0, ASK(&admin, PTO_NL_DEV_RESET, 0, { PTO_A_DEV_INDEX, DEVICE }));
	EXPECT_EQ(generation, genl_u32(&admin, PTO_A_DEV_GENERATION));
	EXPECT_ERRNO(ENODEV, uapi_reset(&self->u));
	expect_dev_event(_metadata, g, PTO_DEV_EVENT_RESET_BEGIN, generation);
	expect_dev_event(_metadata, more, PTO_DEV_EVENT_RESET_BEGIN, generation);
	expect_dev_event(_metadata, g, PTO_DEV_EVENT_RESET_END, generation);
	expect_dev_event(_metadata, more, PTO_DEV_EVENT_RESET_END, generation);
	ASSERT_EQ(0, uapi_start(&fresh, BY_IOCTL, DEVICE));
	EXPECT_EQ(0, uapi_reset(&fresh));
	uapi_close(&fresh);
	genl_close(&admin);
}

/* A fault is told at once, and can be asked for when its context is gone. */
TEST_F(netlink, fault)
{
	struct genl *g = &self->g, *more = &self->more;
	struct pto_stream_create stream;
	struct pto_cmd cmd = cmd_fault(0x5eed);
	__u32 id, last = 0;
	struct uapi guest;
	int ret, n = 0;

	ASSERT_EQ(0, genl_join(g, 1));
	ASSERT_EQ(0, uapi_start(&guest, BY_IOCTL, DEVICE));
	id = uapi_info(&guest).id;
	ASSERT_EQ(0, uapi_stream(&guest, PTO_ENGINE_COPY, 0, 4, &stream));
	ASSERT_ERRNO(EIO, uapi_submit_wait(&guest, stream.handle, &cmd, 1, BOUND_NS));
	uapi_close(&guest);
	ASSERT_EQ(1, genl_next(g, BOUND_MS));
	EXPECT_EQ(PTO_NL_FAULT_NTF, g->cmd);
	EXPECT_EQ(DEVICE, genl_u32(g, PTO_A_FAULT_DEV));
	EXPECT_EQ(id, genl_u32(g, PTO_A_FAULT_CTX));
	EXPECT_EQ(getpid(), (pid_t)genl_u32(g, PTO_A_FAULT_PID));
	EXPECT_EQ(stream.handle, genl_u32(g, PTO_A_FAULT_STREAM));
	EXPECT_EQ(1, genl_u64(g, PTO_A_FAULT_SEQNO));
	EXPECT_EQ(PTO_FAULT_INJECTED, genl_u32(g, PTO_A_FAULT_CLASS));
	EXPECT_EQ(0x5eed, genl_u32(g, PTO_A_FAULT_CODE));
	EXPECT_EQ(~0u, genl_u32(g, PTO_A_FAULT_CORE));

	/* It is noted after it is told. */
	ASSERT_TRUE(UNTIL(({
		ASSERT_EQ(0, ASK(more, PTO_NL_FAULT_GET, NLM_F_DUMP,
				 { PTO_A_FAULT_DEV, DEVICE }));
		for (n = 0; (ret = genl_next(more, BOUND_MS)) > 0; n++)
			last = genl_u32(more, PTO_A_FAULT_CTX);
		last == id;
	})));
	EXPECT_EQ(0, ret);
	EXPECT_LE(n, PTO_FAULTS_MAX);
}

/* A flood is thinned out, and each one that was left out is counted. */
TEST_F(netlink, flood)
{
	struct pto_cmd cmds[64];
	struct pto_stream_create stream;
	struct genl *g = &self->g;
	__u64 before, after, seen = 0;
	unsigned int i;

	ASSERT_EQ(0, genl_join(g, 1));
	ASSERT_EQ(0, ASK(&self->more, PTO_NL_STATS_GET, 0, { PTO_A_STATS_DEV, DEVICE }));
	before = genl_u64(&self->more, PTO_A_STATS_DROPPED);
	ASSERT_EQ(0, uapi_set(&self->u, PTO_CTX_ON_FAULT, 0, PTO_ON_FAULT_CONTINUE));
	ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_COPY, 0, 64, &stream));
	for (i = 0; i < 64; i++)
		cmds[i] = cmd_fault(i);
	for (i = 0; i < 32; i++)
		ASSERT_ERRNO(EIO, uapi_submit_wait(&self->u, stream.handle, cmds, 64, BOUND_NS));
	/* All that will come has come, when the driver's worker has nothing left. */
	while (genl_next(g, 300) > 0)
		seen++;
	ASSERT_EQ(0, ASK(&self->more, PTO_NL_STATS_GET, 0, { PTO_A_STATS_DEV, DEVICE }));
	after = genl_u64(&self->more, PTO_A_STATS_DROPPED);
	EXPECT_LT(0, seen);
	EXPECT_LT(before, after);
	EXPECT_EQ(32 * 64, seen + after - before);
}

/* An unplug, as those see it who listen. */
TEST_F(netlink, removed)
{
	unsigned int device = uapi_last_device();
	struct genl *g = &self->g;

	ASSERT_LT(DEVICE + 1, device);
	ASSERT_EQ(0, genl_join(g, 0));
	ASSERT_EQ(0, uapi_unplug(device));
	ASSERT_EQ(1, genl_next(g, BOUND_MS));
	EXPECT_EQ(PTO_DEV_EVENT_REMOVED, genl_u32(g, PTO_A_DEV_EVENT));
	EXPECT_EQ(device, genl_u32(g, PTO_A_DEV_INDEX));
}

TEST_HARNESS_MAIN
