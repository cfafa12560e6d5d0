# SPDX-License-Identifier: MIT OR LGPL-2.1
# The host's view of the driver; what runs in virtual machines is listed in selftests/uapi.
tests += once:selftests/netlink/spec.sh
