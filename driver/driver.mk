# SPDX-License-Identifier: GPL-2.0
# The kernel module. Kernel builds put objects beside the sources, so each kernel
# gets a folder of links to them: $(O)/modules/RELEASE.

# Default: the running kernel's headers, else the newest that are installed.
KDIR	?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
	     $(shell ls -d /usr/src/linux-headers-*-amd64 2>/dev/null | sort -rV))
KRELEASE = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)
MODDIR	 = $(abspath $(O))/modules/$(KRELEASE)
VM	?= 6.12

.PHONY: modules modules_install module-path modules-lint bench-driver vm-shell
modules: $(O)/layout-checked
	$(if $(wildcard $(KDIR)/Makefile),,$(error no kernel headers: make deps, or KDIR=DIR))
	$(Q)mkdir -p $(MODDIR)
	$(Q)cp -rsf $(CURDIR)/Kbuild $(CURDIR)/driver $(CURDIR)/uapi $(MODDIR)/
	$(Q)+unset MAKEFLAGS; $(MAKE) -j2 -C $(KDIR) M=$(MODDIR) W=1 $(if $(Q),-s) \
		CONFIG_DEBUG_INFO_BTF_MODULES= $(KFLAGS) modules

# To INSTALL_MOD_PATH/lib/modules/RELEASE/updates, as the kernel's own target does it.
modules_install: modules
	$(Q)unset MAKEFLAGS; $(MAKE) -C $(KDIR) M=$(MODDIR) $(if $(Q),-s) modules_install

module-path:
	@echo $(MODDIR)/pto.ko

# The boundaries' structures are the same for C and C++, 64 and 32 bits, without holes.
layout-includes := -Iuapi -I/usr/include/$(shell $(CC) -print-multiarch)
$(O)/layout-checked: selftests/uapi/layout.c $(wildcard uapi/linux/*.h)
	@mkdir -p $(@D)
	$(Q)for language in c c++; do for bits in 32 64; do \
		$(CC) -x $$language -m$$bits -Wall -Wextra -Wpadded -Werror -fsyntax-only \
			$(layout-includes) $< || exit 1; \
	done; done
	$(Q)touch $@

# sparse and checkpatch, but for how tracepoints look. BIT() is not for uapi; a table's macro uses
# its arguments twice.
CHECKPATCH = $(O)/checkpatch/checkpatch.pl
$(CHECKPATCH):
	@mkdir -p $(@D)
	$(Q)tar -C $(@D) --strip-components=2 -xf /usr/src/linux-source-6.1.tar.xz --wildcards \
		'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch'

modules-lint: $(CHECKPATCH)
	$(Q)$(MAKE) --no-print-directory modules KFLAGS=C=2
	$(Q)cd $(dir $(CHECKPATCH)) && ./checkpatch.pl --no-tree --strict --quiet \
		--ignore BIT_MACRO,MACRO_ARG_REUSE \
		-f $(addprefix $(CURDIR)/,$(filter-out driver/trace.h,$(wildcard uapi/linux/*.h driver/*.[ch] \
			driver/mock/*.[ch])))

# The driver by hand, without libpto.
$(O)/examples/fill: tools/examples/ioctl/fill.c
$(O)/bench/driver: tools/bench/driver/driver.c
$(O)/examples/fill $(O)/bench/driver: uapi/linux/pto.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 -O2 -Wall -o $@ $(filter %.c,$^) -luring

bench-driver: $(O)/bench/driver
	$(Q)tools/vm/run $(VM) -- $<

vm-shell:
	$(Q)tools/vm/run -t 86400 $(VM)
