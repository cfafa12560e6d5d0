# SPDX-License-Identifier: MIT OR LGPL-2.1
# libpto's own interface.

$(foreach i,noop work count order append sum spin busy burn mix meet,$(eval $(call test-image,images/$(i).so,selftests/lib/images/$(i).c)))

# Kernels that crash on purpose are not for a sanitizer to report.
$(O)/selftests/images/crash.so $(O)/selftests/images/trap.so: $(O)/selftests/images/%.so: \
		selftests/lib/images/%.c
	$(call say,IMAGE,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -O0 -fPIC -shared -w -fstack-clash-protection -o $@ $<
test-images += $(O)/selftests/images/crash.so $(O)/selftests/images/trap.so

.PHONY: lib-images
lib-images: $(filter $(O)/selftests/images/%,$(test-images))

$(eval $(call ctest,graph_test,selftests/lib/graph_test.c,$(O)/libpto.a))
$(eval $(call ctest,launch_test,selftests/lib/launch_test.c,$(O)/libpto.a))
$(eval $(call ctest,machine_test,selftests/lib/machine_test.c,$(O)/libpto.a))
$(eval $(call ctest,regress_test,selftests/lib/regress_test.c,$(O)/libpto.a))
$(eval $(call ctest,infer_test,selftests/lib/infer_test.c,$(O)/libpto.a))
$(eval $(call ctest,check_test,selftests/lib/check_test.c,$(O)/libpto.a))
$(eval $(call ctest,shuffle_test,selftests/lib/shuffle_test.c,$(O)/libpto.a))
$(eval $(call ctest,param_test,selftests/lib/param_test.c,$(O)/libpto.a))
$(eval $(call ctest,flow_test,selftests/lib/flow_test.c,$(O)/libpto.a))
$(eval $(call ctest,held_test,selftests/lib/held_test.c,$(O)/libpto.a))
$(eval $(call ctest,mixed_test,selftests/lib/mixed_test.c,$(O)/libpto.a))
$(eval $(call ctest,stream_test,selftests/lib/stream_test.c,$(O)/libpto.a))
$(eval $(call ctest,profile_test,selftests/lib/profile_test.c,$(O)/libpto.a))
$(eval $(call ctest,memory_test,selftests/lib/memory_test.c,$(O)/libpto.a,once:))
$(eval $(call ctest,tensor_test,selftests/lib/tensor_test.c,$(O)/libpto.a,once:))
$(eval $(call ctest,image_test,selftests/lib/image_test.c,$(O)/libpto.a,once:))
$(eval $(call ctest,error_test,selftests/lib/error_test.c,$(O)/libpto.a,once:))
$(eval $(call ctest,turn_test,selftests/lib/turn_test.c,$(O)/libpto.a,once:))

# The same tests, where threads are held up at the points that base/stress.h tells of. Objects
# come before the library, so that they are in the place of its own.
stress-src := lib/sched/inplace.c lib/sched/rings.c lib/sched/launch.c lib/sched/threads.c lib/sched/seat.c \
	      lib/sched/turn.c lib/emulator/pool.c lib/stream/window.c
stress-obj := $(stress-src:%.c=$(O)/stress/%.o)
stress-tests := graph flow held
stress-test-obj := $(stress-tests:%=$(O)/stress/selftests/lib/%_test.o)
.SECONDARY: $(stress-obj) $(stress-test-obj)
$(O)/stress/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -DPTO_STRESS -MMD -MP -c -o $@ $<
$(O)/stress/selftests/lib/%.o: override CPPFLAGS += -isystem $(dir $(harness)) -Iselftests
$(O)/stress/selftests/lib/%.o: override CFLAGS += -Wno-missing-prototypes
$(stress-test-obj): | $(harness)

$(O)/selftests/stress_%_test: $(O)/stress/selftests/lib/%_test.o $(stress-obj) $(O)/libpto.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(lib-libs) -lm
tests += $(stress-tests:%=$(O)/selftests/stress_%_test)

# It says itself which threads can be started, and be watched.
$(O)/selftests/regress_test: private override LDFLAGS += -Wl,--wrap=pthread_create,--wrap=emu_watch_thread

# Tensors, flows and mixed tasks in builds of their own.
sanitized-tests := $(addprefix long:$(O)/selftests/sanitized-,address thread)
$(O)/selftests/sanitized-%: selftests/lib/sanitized
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec selftests/lib/sanitized %s\n' '$*' >$@
	$(Q)chmod +x $@
