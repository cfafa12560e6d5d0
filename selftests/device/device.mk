# SPDX-License-Identifier: MIT OR LGPL-2.1
# libpto on devices of the driver, in virtual machines: make check runs the quick profile on one
# kernel, make check-full everything on all.

device-programs := $(addprefix $(O)/selftests/device_,open_test failure_test sharing_test)
blocks-test := $(O)/selftests/device_blocks_test
device-objs := $(patsubst $(O)/selftests/device_%,$(O)/selftests/device/%.o,$(device-programs) $(blocks-test))

$(device-programs) $(blocks-test): $(O)/selftests/device_%: $(O)/selftests/device/%.o $(O)/selftests/uapi/genl.o \
		$(call objs,$(runtime-src)) $(O)/libpto.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(lib-libs) -lm
$(device-objs): | $(harness)
$(device-objs): override CPPFLAGS += -isystem $(dir $(harness)) -Iselftests
# The harness declares no function before it defines it.
$(device-objs): override CFLAGS += -Wno-missing-prototypes -Wno-missing-field-initializers

# What selftests/run starts is a program without arguments.
$(O)/selftests/device-%: selftests/device/vm $(device-programs) $(LIBS) | check-build
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec selftests/device/vm %s\n' '$(subst -, ,$*)' >$@
	$(Q)chmod +x $@

$(O)/selftests/device-python-%: selftests/device/vm-python $(LIBS) | check-build
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec selftests/device/vm-python %s\n' '$*' >$@
	$(Q)chmod +x $@

vm-programs += $(blocks-test)
vm-own-tests += long:$(O)/selftests/device-6.12-quick
vm-full-tests += $(addprefix long:$(O)/selftests/device-,debug-full 6.12-full 6.1-full python-debug \
	python-6.12 python-6.1)
