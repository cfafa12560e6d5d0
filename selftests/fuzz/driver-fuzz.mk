# SPDX-License-Identifier: MIT OR LGPL-2.1
# The fuzzer of the driver, in a virtual machine with the debug kernel, guided by KCOV:
# make fuzz FUZZ_TIME=SECONDS FUZZ_SEED=N

FUZZ_SEED	?=
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
		-t $$(($(or $(FUZZ_TIME),60) * 2 + 120)) \
		-a 'mock=16 mock_mem_mb=64 mock_blocks=2' debug -- \
		$(fuzz-driver) --seconds=$(or $(FUZZ_TIME),60) $(if $(FUZZ_SEED),--seed=$(FUZZ_SEED))
