# SPDX-License-Identifier: MIT OR LGPL-2.1
# The image fuzzer; it is bounded in make check, and runs as long as you like:
# make fuzz-images FUZZ_TIME=SECONDS

FUZZ_TIME	?= 60
fuzz-dir	:= $(O)/selftests/fuzz
fuzz-src	:= selftests/fuzz/image_fuzz.c lib/base/error.c \
		   lib/device/image_check.c lib/device/image_tables.c
fuzz-seeds	:= $(patsubst %,$(fuzz-dir)/seeds/%.so,bare start sysv both relr tls ifunc lazy)

# A sanitizer build has nothing to add: the fuzzer always has its own.
ifeq ($(SAN),)
ifneq ($(shell command -v clang),)
tests += once:selftests/fuzz/image_fuzz.sh
check-build: $(fuzz-dir)/image_fuzz $(fuzz-seeds)
endif
endif

$(fuzz-dir)/image_fuzz: $(fuzz-src) $(wildcard lib/base/*.h lib/device/image*.h)
	$(call say,CLANG,$@)
	@mkdir -p $(@D)
	$(Q)clang $(CPPFLAGS) -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined -pthread -o $@ $(fuzz-src) -lelf -ldl

# Small, as most mutations should hit something.
seed-bare	:= -nostartfiles
seed-sysv	:= -nostartfiles -Wl,--hash-style=sysv
seed-both	:= -nostartfiles -Wl,--hash-style=both
seed-relr	:= -nostartfiles -Wl,-z,pack-relative-relocs
seed-tls	:= -nostartfiles -DTHREAD_LOCAL
seed-ifunc	:= -nostartfiles -DIFUNC
seed-lazy	:= -nostartfiles -Wl,-z,lazy

$(fuzz-dir)/seeds/%.so: selftests/fuzz/seed.c
	$(call say,IMAGE,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -O1 -fPIC -shared -s -Wl,-z,now -Wl,-z,noseparate-code $(seed-$*) -o $@ $< -lm

.PHONY: fuzz-images
fuzz-images: $(fuzz-dir)/image_fuzz $(fuzz-seeds)
	$(Q)O=$(O) FUZZ_TIME=$(FUZZ_TIME) selftests/fuzz/image_fuzz.sh
