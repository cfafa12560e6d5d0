# SPDX-License-Identifier: MIT OR LGPL-2.1
# pto: the runtime for NPU hosts. `make help` lists what can be made.

# Settings, each from the command line or the environment.
SAN	?=
O	?= build$(if $(SAN),-$(SAN))
PYTHON	?= /usr/bin/python3
prefix	?= /usr/local
V	?= 0

ifeq ($(origin CC),default)
CC	:= gcc
endif
AR	?= ar

MAKEFLAGS += --no-builtin-rules
Q	:= $(if $(filter 1,$(V)),,@)
say	 = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(patsubst $(O)/%,%,$(2))')

# Unless somebody wants others; hot-cflags for what is done with each task.
ifeq ($(origin CFLAGS),undefined)
CFLAGS	:= -O2 -g
hot-cflags := -O3
endif
override CPPFLAGS += -D_GNU_SOURCE -Iuapi -Ilib/include -Ilib
override CFLAGS	+= -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	   -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wvla \
	   -fPIC -fvisibility=hidden -fno-plt -fstack-clash-protection -pthread

sanflags-address := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
sanflags-thread  := -fsanitize=thread -fno-omit-frame-pointer -Wno-tsan
ifneq ($(SAN),)
ifeq ($(sanflags-$(SAN)),)
$(error SAN=$(SAN): want address or thread)
endif
override CFLAGS	+= $(sanflags-$(SAN))
override LDFLAGS	+= $(sanflags-$(SAN))
endif

objs = $(patsubst %.c,$(O)/%.o,$(1))

# The first target; each fragment adds to it.
.PHONY: all
all:

include lib/lib.mk
include tools/tools.mk
include selftests/selftests.mk
-include driver/driver.mk

$(O)/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell [ -d $(O) ] && find $(O) -name '*.d')

.PHONY: deps demo check clean help
deps:
	$(Q)tools/deps

clean:
	$(Q)rm -rf $(O)

help:
	@printf '%s\n' \
	'Make what' \
	'  all (default)     the libraries and the tools' \
	'  deps              install the Debian packages that are missing' \
	'  demo              install, build, and run the vector example from Python and from C' \
	'  check             all tests; ends with "N passed, N failed, N skipped"' \
	'  check-host        those that need no virtual machine; of them all is SAN=... check' \
	"  check-vm          the others, the driver's; VM_KERNELS='6.12 6.1 debug'" \
	'  check-full        check, longer runs of what is random, and more builds and kernels' \
	'  fuzz              the driver, in a virtual machine with a debug kernel, for FUZZ_TIME seconds' \
	'  fuzz-coverage     the same, and which of its lines that has reached' \
	'  fuzz-images       mutated images against the loader, for FUZZ_TIME seconds (default 60)' \
	'  guide-picture     the picture of a profile that the guide shows' \
	'  bench             ns per task on seven task graphs, and launch latency' \
	'  modules           the driver, pto.ko, for the headers in KDIR' \
	'  modules_install   the same, and put it below $$(INSTALL_MOD_PATH)/lib/modules for modprobe' \
	'  modules-lint      the same with sparse, and checkpatch --strict' \
	'  bench-instructions  instructions per task on these graphs, as in tools/bench/instructions.txt' \
	'  bench-driver      what its calls cost, in a virtual machine' \
	'  bench-vm          what a device of the driver costs against the embedded one, there' \
	'  vm-shell          a shell in a virtual machine with the driver; VM=6.1, 6.12 or debug' \
	'  install           to $$(DESTDIR)$$(prefix), default /usr/local' \
	'  clean             remove $$(O)' \
	'' \
	'With' \
	'  O=DIR             build there (default build)' \
	'  SAN=address       AddressSanitizer and UBSan; SAN=thread: ThreadSanitizer' \
	'  CC=clang          another compiler; CFLAGS=-O3 other flags (default -O2 -g)' \
	'  PYTHON=PATH       the interpreter with numpy (default /usr/bin/python3)' \
	'  V=1               show the commands'
