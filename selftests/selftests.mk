# SPDX-License-Identifier: MIT OR LGPL-2.1
# The tests. Each is a program or a script that prints TAP; `make check` runs
# what is in $(tests), in place and with emulator threads, and adds up. What
# does not depend on the emulator is listed as once:NAME.

# The harness comes with Debian's kernel sources.
harness	:= $(O)/include/kselftest/kselftest_harness.h

$(harness):
	$(call say,GET,$@)
	@mkdir -p $(@D)
	$(Q)selftests/get-harness $(@D)

tests :=
test-images :=

# A C test: $(call ctest,name,source,what it is linked with[,once:])
define ctest
$(O)/selftests/$(1): $(O)/$(2:.c=.o) $(3)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(lib-libs) -lm
$(O)/$(2:.c=.o): | $(harness)
$(O)/$(2:.c=.o): CPPFLAGS += -isystem $(dir $(harness)) -Iselftests
# The harness declares no function before it defines it.
$(O)/$(2:.c=.o): CFLAGS += -Wno-missing-prototypes
tests += $(4)$(O)/selftests/$(1)
endef

# A kernel or an orchestration that tests load: $(call test-image,output,source)
define test-image
$(O)/selftests/$(1): $(2) lib/include/pto/orch.h
	$$(call say,IMAGE,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) -O2 -fPIC -shared -Ilib/include -Iuapi $$(sanflags-$(SAN)) -Wl,-z,now -o $$@ $$<
test-images += $(O)/selftests/$(1)
endef

include $(sort $(wildcard selftests/*/*.mk))

.PHONY: check check-build
check-build: all $(tests:once:%=%) $(test-images)

check:
	$(Q)tools/deps build test
	$(Q)$(MAKE) --no-print-directory check-run

.PHONY: check-run
check-run: check-build
	$(Q)O=$(O) PYTHON=$(PYTHON) SAN=$(SAN) selftests/run $(tests)

# The driver's tests, all in one virtual machine for each kernel.
VM_KERNELS ?= 6.12 6.1
vm-tests := $(addprefix once:$(O)/selftests/vm-,$(VM_KERNELS)) $(vm-own-tests)

# What selftests/run starts is a program without arguments.
$(O)/selftests/vm-%: selftests/uapi/vm $(vm-programs)
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec selftests/uapi/vm %s %s\n' '$*' '$(vm-programs)' >$@
	$(Q)chmod +x $@

.PHONY: check-vm check-vm-full
check-vm: $(vm-tests:once:%=%)
	$(Q)O=$(O) PTO_TEST_TIMEOUT=$(or $(PTO_TEST_TIMEOUT),900) selftests/run $(vm-tests)

# Together they see every row of the errno tables.
check-vm-full:
	$(Q)$(MAKE) --no-print-directory check-vm VM_KERNELS='6.12 6.1 debug'
	$(Q)selftests/uapi/coverage $(O)/check/vm-*.log
