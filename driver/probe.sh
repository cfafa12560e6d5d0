#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Print a header of what the kernel has: probe.sh SCRATCH CC FLAGS...
scratch=$1
shift

# compile NAME HEADERS STATEMENTS CC FLAGS...: does a function of these compile?
compile()
{
	name=$1 headers=$2 body=$3
	shift 3
	for header in $headers; do
		echo "#include <$header>"
	done >"$scratch.c"
	echo "void probe(void); void probe(void) { $body; }" >>"$scratch.c"
	"$@" -Werror -Wno-unused -fsyntax-only "$scratch.c" >/dev/null 2>&1 &&
		echo "#define HAVE_$name 1"
}

echo "/* Made by driver/probe.sh. */"
# The headers must be usable at all, or else each answer below would be a no.
compile KERNEL "linux/module.h" "" "$@" || { echo "probe: no kernel headers" >&2; exit 1; }
compile IO_URING_CMD_H "linux/io_uring/cmd.h" "" "$@"
compile IO_URING_CANCEL "linux/io_uring/cmd.h" "io_uring_cmd_mark_cancelable(NULL, 0)" "$@"
compile EVENTFD_SIGNAL_N "linux/eventfd.h" "eventfd_signal(NULL, 1)" "$@"
compile VM_FLAGS_SET "linux/mm.h" "vm_flags_set(NULL, 0)" "$@"
compile GENL_INFO_DUMP "net/genetlink.h" "genl_info_dump(NULL)" "$@"
compile GENL_MCAST_CAP "net/genetlink.h" "int flag = GENL_MCAST_CAP_NET_ADMIN" "$@"
compile CONST_DEVNODE "linux/device/class.h" \
	"struct class c; char *(*f)(const struct device *, umode_t *) = NULL; c.devnode = f" "$@"
rm -f "$scratch.c"
