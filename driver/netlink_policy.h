/* SPDX-License-Identifier: GPL-2.0 */
/* Do not edit directly, auto-generated from uapi/pto.yaml by tools/ynl. */

/* Integer value ranges */
static struct netlink_range_validation pto_a_dev_timeout_ms_range = {
	.min	= 1ULL,
	.max	= 240000ULL,
};

static struct netlink_range_validation pto_a_stream_handle_range = {
	.min	= 1ULL,
	.max	= 65535ULL,
};

/* PTO_NL_DEV_GET - do */
static const struct nla_policy pto_dev_get_do_nl_policy[PTO_A_DEV_INDEX + 1] = {
	[PTO_A_DEV_INDEX] = NLA_POLICY_MAX(NLA_U32, 15),
};

/* PTO_NL_DEV_SET - do */
static const struct nla_policy pto_dev_set_nl_policy[PTO_A_DEV_TIMEOUT_MS + 1] = {
	[PTO_A_DEV_INDEX] = NLA_POLICY_MAX(NLA_U32, 15),
	[PTO_A_DEV_TIMEOUT_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &pto_a_dev_timeout_ms_range),
};

/* PTO_NL_DEV_RESET - do */
static const struct nla_policy pto_dev_reset_nl_policy[PTO_A_DEV_INDEX + 1] = {
	[PTO_A_DEV_INDEX] = NLA_POLICY_MAX(NLA_U32, 15),
};

/* PTO_NL_CTX_GET - do */
static const struct nla_policy pto_ctx_get_do_nl_policy[PTO_A_CTX_ID + 1] = {
	[PTO_A_CTX_DEV] = NLA_POLICY_MAX(NLA_U32, 15),
	[PTO_A_CTX_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* PTO_NL_STREAM_GET - do */
static const struct nla_policy pto_stream_get_do_nl_policy[PTO_A_STREAM_HANDLE + 1] = {
	[PTO_A_STREAM_DEV] = NLA_POLICY_MAX(NLA_U32, 15),
	[PTO_A_STREAM_CTX] = NLA_POLICY_MIN(NLA_U32, 1),
	[PTO_A_STREAM_HANDLE] = NLA_POLICY_FULL_RANGE(NLA_U32, &pto_a_stream_handle_range),
};

/* PTO_NL_STATS_GET - do */
static const struct nla_policy pto_stats_get_do_nl_policy[PTO_A_STATS_DEV + 1] = {
	[PTO_A_STATS_DEV] = NLA_POLICY_MAX(NLA_U32, 15),
};

/* PTO_NL_FAULT_GET - dump */
static const struct nla_policy pto_fault_get_nl_policy[PTO_A_FAULT_DEV + 1] = {
	[PTO_A_FAULT_DEV] = NLA_POLICY_MAX(NLA_U32, 15),
};
