# SPDX-License-Identifier: MIT OR LGPL-2.1
# The fuzzer of the driver, in a virtual machine of its own, since it takes devices away:
# make fuzz FUZZ_TIME=SECONDS FUZZ_SEED=N FUZZ_VM=KERNEL
# The debug kernel guides it, by KCOV, and says what is wrong; the others are faster.

FUZZ_SEED	?=
FUZZ_VM		?= debug
fuzz-driver	:= $(O)/selftests/driver_fuzz
fuzz-driver-objs := $(addprefix $(O)/selftests/fuzz/,driver_fuzz.o fuzz_corpus.o fuzz_steps.o fuzz_host.o) \
		    $(addprefix $(O)/selftests/uapi/,uapi.o genl.o)

$(fuzz-driver-objs): override CFLAGS += -Wno-missing-field-initializers
$(fuzz-driver): $(fuzz-driver-objs)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -luring

# The module is built once more, with coverage: what it is to be compiled with, options of
# tools/vm/run, what comes before the fuzzer.
# It switches tracepoints all the time, and with them static branches, which the debug kernel has
# none of. QEMU before 8.1 may translate code while another of its threads has it rewritten.
fuzz-accel = $(if $(filter debug,$(FUZZ_VM)),,PTO_VM_ACCEL="$${PTO_VM_ACCEL:-tcg,thread=single}")
fuzz-in-vm = O=$(O)/fuzz$(if $(findstring GCOV,$(1)),-gcov) KFLAGS='$(1)' $(fuzz-accel) tools/vm/run -l -m 1024 \
	-t $$(($(FUZZ_TIME) * 4 + 120)) -a 'mock=16 mock_mem_mb=64 mock_blocks=2' $(2) \
	$(FUZZ_VM) -- $(3) $(fuzz-driver) --seconds=$(FUZZ_TIME) $(addprefix --seed=,$(FUZZ_SEED))

.PHONY: fuzz fuzz-coverage
fuzz: $(fuzz-driver)
	$(Q)$(call fuzz-in-vm,KCOV_INSTRUMENT=y)

# Besides, which of the driver's lines it has reached, and which it has not.
fuzz-coverage: $(fuzz-driver)
	$(Q)mkdir -p $(O)/fuzz-gcov
	$(Q)$(call fuzz-in-vm,KCOV_INSTRUMENT=y GCOV_PROFILE=y,-o $(O)/fuzz-gcov/counts,selftests/fuzz/gcov-guest)
	$(Q)selftests/fuzz/gcov-report $(O)/fuzz-gcov

# A short run among the tests, where it is guided; a longer one on each kernel in check-full.
vm-own-tests += long:$(O)/selftests/fuzz-driver-$(lastword $(VM_KERNELS))
vm-full-tests += $(filter-out $(vm-own-tests),$(addprefix long:$(O)/selftests/fuzz-driver-,$(VM_KERNELS)))
$(O)/selftests/fuzz-driver-%: $(fuzz-driver)
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec $(MAKE) -s --no-print-directory fuzz O=%s FUZZ_VM=%s FUZZ_TIME=%s\n' \
		'$(O)' '$*' '$${FUZZ_TIME:-15}' >$@
	$(Q)chmod +x $@
