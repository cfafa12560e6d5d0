# SPDX-License-Identifier: MIT OR LGPL-2.1
# The tests. Each is a program or a script that prints TAP; `make check` runs
# what is in $(tests), in place and with emulator threads, and adds up. What
# does not depend on the emulator is listed as once:NAME, what takes minutes, and may run beside
# another, as long:NAME.

# The harness comes with Debian's kernel sources.
harness	:= $(O)/include/kselftest/kselftest_harness.h

$(harness):
	$(call say,GET,$@)
	@mkdir -p $(@D)
	$(Q)selftests/get-harness $(@D)

tests :=
test-images :=
# In virtual machines: programs of the driver's own tests, other tests, those for check-full.
vm-programs =
vm-own-tests =
vm-full-tests =

# A C test: $(call ctest,name,source,what it is linked with[,once:])
define ctest
$(O)/selftests/$(1): $(O)/$(2:.c=.o) $(3)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(lib-libs) -lm
$(O)/$(2:.c=.o): | $(harness)
$(O)/$(2:.c=.o): override CPPFLAGS += -isystem $(dir $(harness)) -Iselftests
# The harness declares no function before it defines it.
$(O)/$(2:.c=.o): override CFLAGS += -Wno-missing-prototypes
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

# The driver's tests, all in one virtual machine for each kernel; together they have to see
# each row of the errno tables.
VM_KERNELS ?= 6.12 6.1 debug
vm-tests := $(addprefix long:$(O)/selftests/vm-,$(VM_KERNELS)) $(vm-own-tests)
ifeq ($(filter-out $(VM_KERNELS),6.12 6.1 debug),)
vm-tests += once:selftests/uapi/coverage
endif

# What selftests/run starts is a program without arguments.
$(O)/selftests/vm-%: selftests/uapi/vm $(vm-programs)
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec selftests/uapi/vm %s %s\n' '$*' '$(vm-programs)' >$@
	$(Q)chmod +x $@

# What of the tests has to be made.
test-files = $(filter $(O)/%,$(patsubst long:%,%,$(patsubst once:%,%,$(1))))

# check is check-host and check-vm in one sum. A sanitizer of programs has nothing to say of
# the driver. check-full takes its time over what is random, and builds some tests with sanitizers.
check-host-tests := $(tests)
check-vm-tests := $(vm-tests)
check-tests := $(tests) $(if $(SAN),,$(vm-tests))
check-full-tests := $(tests) $(sanitized-tests) $(vm-tests) $(vm-full-tests)

.PHONY: check check-host check-vm check-full check-build vm-build
check-full: export FUZZ_TIME = 120
check check-host check-vm check-full:
	$(Q)tools/deps build test $(if $(filter long:%,$($@-tests)),driver vm)
	$(Q)+$(MAKE) --no-print-directory check-build $(if $(filter long:%,$($@-tests)),vm-build)
	$(Q)O=$(O) PYTHON=$(PYTHON) SAN=$(SAN) selftests/run $($@-tests)

check-build: all $(call test-files,$(tests)) $(test-images)
vm-build: $(call test-files,$(sanitized-tests) $(vm-tests) $(vm-full-tests))
