# SPDX-License-Identifier: MIT OR LGPL-2.1
# libpto's own interface.

$(foreach i,noop count order spin busy mix,$(eval $(call test-image,images/$(i).so,selftests/lib/images/$(i).c)))

# Kernels that crash on purpose are not for a sanitizer to report.
$(O)/selftests/images/crash.so: selftests/lib/images/crash.c
	$(call say,IMAGE,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -O0 -fPIC -shared -w -fstack-clash-protection -o $@ $<
test-images += $(O)/selftests/images/crash.so

$(eval $(call ctest,graph_test,selftests/lib/graph_test.c,$(O)/libpto.a))
$(eval $(call ctest,launch_test,selftests/lib/launch_test.c,$(O)/libpto.a))
$(eval $(call ctest,regress_test,selftests/lib/regress_test.c,$(O)/libpto.a))
$(eval $(call ctest,infer_test,selftests/lib/infer_test.c,$(O)/libpto.a))
$(eval $(call ctest,flow_test,selftests/lib/flow_test.c,$(O)/libpto.a))
$(eval $(call ctest,stream_test,selftests/lib/stream_test.c,$(O)/libpto.a))
$(eval $(call ctest,profile_test,selftests/lib/profile_test.c,$(O)/libpto.a))
$(eval $(call ctest,memory_test,selftests/lib/memory_test.c,$(O)/libpto.a,once:))
$(eval $(call ctest,tensor_test,selftests/lib/tensor_test.c,$(O)/libpto.a,once:))
$(eval $(call ctest,image_test,selftests/lib/image_test.c,$(O)/libpto.a,once:))
$(eval $(call ctest,error_test,selftests/lib/error_test.c,$(O)/libpto.a,once:))

# It says itself which threads can be started.
$(O)/selftests/regress_test: private LDFLAGS += -Wl,--wrap=pthread_create
