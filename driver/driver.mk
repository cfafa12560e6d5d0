# SPDX-License-Identifier: GPL-2.0
# The kernel module. Kernel builds put objects beside the sources, so each kernel
# gets a folder of links to them: $(O)/modules/RELEASE.

# Default: the running kernel's headers, else the newest that are installed.
KDIR	?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
	     $(shell ls -d /usr/src/linux-headers-*-amd64 2>/dev/null | sort -rV))
KRELEASE = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)
MODDIR	 = $(abspath $(O))/modules/$(KRELEASE)
VM	?= 6.12

.PHONY: modules module-path modules-clean vm-shell
modules:
	$(if $(wildcard $(KDIR)/Makefile),,$(error no kernel headers: make deps, or KDIR=DIR))
	$(Q)mkdir -p $(MODDIR)
	$(Q)cp -rsf $(CURDIR)/Kbuild $(CURDIR)/driver $(CURDIR)/uapi $(MODDIR)/
	$(Q)+unset MAKEFLAGS; $(MAKE) -j2 -C $(KDIR) M=$(MODDIR) W=1 $(if $(Q),-s) \
		CONFIG_DEBUG_INFO_BTF_MODULES= $(KFLAGS) modules

module-path:
	@echo $(MODDIR)/pto.ko

vm-shell:
	$(Q)tools/vm/run -t 86400 $(VM)
