#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# uapi/pto.yaml: valid by the kernel's schema, and the source of header and policies.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/../tools/tap.sh"

check 'the kernel has a generator that takes the spec' 0 '' "$root/tools/ynl" "$work"
check 'the header is what it makes' 0 '' \
	diff -u "$root/uapi/linux/pto_netlink.h" "$work/pto_netlink.h"
check 'so are the policies' 0 '' diff -u "$root/driver/netlink_policy.h" "$work/policy.h"

# A spec that the schema does not allow is refused, so that the first test says something.
mkdir -p "$work/top/uapi" "$work/top/tools"
cp "$root/tools/ynl" "$work/top/tools/"
sed 's/type: u32/type: u33/' "$root/uapi/pto.yaml" >"$work/top/uapi/pto.yaml"
check 'an unknown type is refused' 1 'u33' "$work/top/tools/ynl" "$work/bad"
done_testing
