# SPDX-License-Identifier: MIT OR LGPL-2.1
# The fuzzer of the driver, in a virtual machine of its own, since it takes devices away:
# make fuzz FUZZ_TIME=SECONDS FUZZ_SEED=N FUZZ_VM=KERNEL
# The debug kernel guides it, by KCOV, and says what is wrong; the others are faster.

FUZZ_SEED	?=
FUZZ_VM		?= debug
fuzz-driver	:= $(O)/selftests/driver_fuzz
fuzz-driver-objs := $(addprefix $(O)/selftests/fuzz/,driver_fuzz.o fuzz_corpus.o fuzz_steps.o) \
		    $(O)/selftests/uapi/uapi.o

$(fuzz-driver-objs): CFLAGS += -Wno-missing-field-initializers
$(fuzz-driver): $(fuzz-driver-objs)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -luring

# The module is built once more, with coverage.
.PHONY: fuzz
fuzz: $(fuzz-driver)
	$(Q)O=$(O)/fuzz KFLAGS=KCOV_INSTRUMENT=y tools/vm/run -l -m 1024 \
		-t $$(($(FUZZ_TIME) * 2 + 120)) -a 'mock=16 mock_mem_mb=64 mock_blocks=2' \
		$(FUZZ_VM) -- $(fuzz-driver) --seconds=$(FUZZ_TIME) $(addprefix --seed=,$(FUZZ_SEED))

# A short run among the tests, on the last of their kernels.
vm-own-tests = once:$(O)/selftests/fuzz-driver-$(lastword $(VM_KERNELS))
$(O)/selftests/fuzz-driver-%: $(fuzz-driver)
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec $(MAKE) -s --no-print-directory fuzz O=%s FUZZ_VM=%s FUZZ_TIME=15\n' \
		'$(O)' '$*' >$@
	$(Q)chmod +x $@
