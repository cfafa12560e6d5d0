# SPDX-License-Identifier: MIT OR LGPL-2.1
# What a device of the driver costs, in a virtual machine.

$(O)/tools/bench/vm/vm.o: override CPPFLAGS += -Itools/bench
$(O)/bench/vm: $(O)/tools/bench/vm/vm.o $(O)/tools/bench/shapes.o $(O)/libpto.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(lib-libs) -lm

.PHONY: bench-vm bench-vm-run
bench-vm:
	$(Q)tools/deps build driver vm
	$(Q)+$(MAKE) --no-print-directory bench-vm-run

bench-vm-run: $(O)/bench/vm $(O)/tools/bench/noop.so
	$(Q)tools/vm/run -a 'mock=1 mock_mem_mb=256' -m 1024 -t 300 $(VM) -- $(O)/bench/vm $(O)/tools/bench/noop.so
