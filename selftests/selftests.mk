# SPDX-License-Identifier: MIT OR LGPL-2.1
# The tests. Each is a program or a script that prints TAP; `make check` runs
# those in $(tests) and $(script-tests), and adds up what they say.

# The harness comes with Debian's kernel sources.
harness-tar := $(firstword $(wildcard /usr/src/linux-source-6.1.tar.xz))
harness	:= $(O)/include/kselftest/kselftest_harness.h

$(harness):
	$(call say,GET,$@)
	@mkdir -p $(@D)
	$(Q)selftests/get-harness $(@D)

# A C test: $(call ctest,name,source,objects it is linked with)
define ctest
$(O)/selftests/$(1): $(O)/$(2:.c=.o) $(3)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $(O)/$(2:.c=.o) $(3) $$(lib-libs) $$(test-libs) -lm
$(O)/$(2:.c=.o): | $(harness)
$(O)/$(2:.c=.o): CPPFLAGS += -isystem $(dir $(harness)) -Iselftests
tests += $(O)/selftests/$(1)
endef

tests :=
script-tests :=
test-images :=

include $(sort $(wildcard selftests/*/*.mk))

.PHONY: check check-build
check-build: all $(tests) $(test-images)

check:
	$(Q)tools/deps build
	$(Q)$(MAKE) --no-print-directory check-run

.PHONY: check-run
check-run: check-build
	$(Q)O=$(O) PYTHON=$(PYTHON) SAN=$(SAN) selftests/run $(tests) $(script-tests)
