# SPDX-License-Identifier: MIT OR LGPL-2.1
# Tests of the driver. They run in virtual machines, see selftests.mk.
uapi-objs := $(addprefix $(O)/selftests/uapi/,uapi.o cores.o genl.o)

# The harness declares no function before it defines it. Calls' outputs need no initializer.
vm-cflags := -Wno-missing-prototypes -Wno-missing-field-initializers

# A test that runs in a virtual machine: $(call vmtest,name,source)
define vmtest
$(O)/selftests/$(1): $(O)/$(2:.c=.o) $(uapi-objs)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ -luring
$(O)/$(2:.c=.o): | $(harness)
$(O)/$(2:.c=.o): override CPPFLAGS += -isystem $(dir $(harness)) -Iselftests/uapi
$(O)/$(2:.c=.o): override CFLAGS += $(vm-cflags)
vm-programs += $(O)/selftests/$(1)
endef

$(uapi-objs): override CFLAGS += -Wno-missing-field-initializers

uapi-suites := call ctx mem stream submit wait fault emu liar lifecycle fail_nth
$(foreach s,$(uapi-suites),$(eval $(call vmtest,uapi_$(s)_test,selftests/uapi/$(s)_test.c)))

$(foreach s,netlink sysfs,$(eval $(call vmtest,$(s)_test,selftests/netlink/$(s)_test.c)))

# The caller of 32 bits brings its C library along.
$(O)/selftests/uapi_compat_test: selftests/uapi/compat_test.c $(wildcard uapi/linux/*.h) | $(harness)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -m32 -static -D_FILE_OFFSET_BITS=64 $(layout-includes) -isystem $(dir $(harness)) \
		-D_GNU_SOURCE -std=gnu11 -O2 -Wall $(vm-cflags) -o $@ $<
vm-programs += $(O)/selftests/uapi_compat_test
