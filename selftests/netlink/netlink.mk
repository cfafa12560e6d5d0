# SPDX-License-Identifier: MIT OR LGPL-2.1
# The host's view of the driver. Its tests that are programs are listed in selftests/uapi.
tests += once:selftests/netlink/spec.sh

# The tools, on a host with devices.
vm-own-tests += long:$(O)/selftests/cli-$(firstword $(VM_KERNELS))
vm-full-tests += $(addprefix long:$(O)/selftests/cli-,$(wordlist 2,9,$(VM_KERNELS)))

$(O)/selftests/cli-%: selftests/netlink/cli.sh $(O)/selftests/netlink_user $(PTO)
	$(Q)printf '#!/bin/sh\nexec selftests/netlink/cli.sh %s\n' '$*' >$@
	$(Q)chmod +x $@

$(O)/selftests/netlink/user.o: override CPPFLAGS += -Iselftests/uapi
$(O)/selftests/netlink/user.o: override CFLAGS += -Wno-missing-field-initializers
$(O)/selftests/netlink_user: $(addprefix $(O)/selftests/,netlink/user.o uapi/uapi.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -luring
