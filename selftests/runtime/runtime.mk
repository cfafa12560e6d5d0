# SPDX-License-Identifier: MIT OR LGPL-2.1
# Tests of libpto_runtime.so, and the images that they load.

runtime-dir	:= $(O)/selftests/runtime
runtime-common	:= $(runtime-dir)/runtime_test.o
# Linked with its objects rather than the library, to look behind the functions.
runtime-inside	:= $(runtime-common) $(call objs,$(runtime-src)) $(O)/libpto.a

$(eval $(call ctest,runtime/seed_test,selftests/runtime/seed_test.c,$(runtime-common)))
$(eval $(call ctest,runtime/orch_test,selftests/runtime/orch_test.c,$(runtime-inside)))
$(eval $(call ctest,runtime/badinput_test,selftests/runtime/badinput_test.c,$(runtime-inside)))

$(eval $(call ctest,runtime/device_test,selftests/runtime/device_test.c,$(runtime-inside)))

$(runtime-dir)/seed_test.o: override CPPFLAGS += -DRUNTIME_LIB='"../../libpto_runtime.so"'

runtime-images := $(patsubst selftests/%.c,$(O)/selftests/%.so,$(wildcard selftests/runtime/images/*.c)) \
	$(runtime-dir)/images/kernel_leaf_crash.so $(runtime-dir)/images/orch_cxx.so \
	$(patsubst %,$(runtime-dir)/images/%.so,flow_tensors flow_unordered flow_edges host_graph kernel_tcopy) \
	$(foreach i,host_build_graph aicpu_build_graph tensormap_and_ringbuffer,$(runtime-dir)/images/program_$(i).so) \
	$(foreach i,axpby combine lane0 lane1 lane2,$(runtime-dir)/images/kernel_$(i).so)
test-images += $(runtime-images)

CXX := $(if $(filter default,$(origin CXX)),g++,$(CXX))
image-flags := -O2 -g -fPIC -shared -Wl,-z,now -Wall -Ilib/include
# Not those that crash on purpose, which a sanitizer would report in its own way.
$(runtime-dir)/images/kernel_axpy.so $(runtime-dir)/images/kernel_sum.so \
$(runtime-dir)/images/kernel_tadd.so $(runtime-dir)/images/kernel_tdouble.so: image-san := $(sanflags-$(SAN))

$(runtime-images): selftests/runtime/images/images.h

$(runtime-dir)/images/%.so: selftests/runtime/images/%.c
	$(call say,IMAGE,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(image-flags) $(image-san) -o $@ $<

# Sources on the headers for existing ones: as these are compiled, but with all warnings.
compat := lib/include/compat
$(patsubst %,$(runtime-dir)/images/%.so,flow_tensors flow_unordered kernel_tcopy): \
	image-cxx := -I$(compat)/tensormap_and_ringbuffer
$(runtime-dir)/images/flow_edges.so: image-cxx := -I$(compat)/aicpu_build_graph
$(runtime-dir)/images/host_graph.so: image-cxx := -I$(compat)/host_build_graph
$(runtime-images): $(wildcard $(compat)/*/*.h $(compat)/*/common/*.h lib/include/pto/*.h)

# The programs that use all names of these headers.
programs := selftests/compat/programs
$(runtime-dir)/images/program_%.so: $(programs)/%/kernels/orch.cc $(programs)/device.h
	$(call say,IMAGE,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=gnu++17 $(image-flags) -I$(compat)/$* -Werror -o $@ $<
$(runtime-dir)/images/kernel_%.so: $(programs)/%.cc $(programs)/lane.h
	$(call say,IMAGE,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=gnu++17 $(image-flags) -I$(compat)/tensormap_and_ringbuffer -Werror -o $@ $<

$(runtime-dir)/images/kernel_leaf_crash.so: selftests/runtime/images/kernel_crash.c
	$(call say,IMAGE,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(image-flags) -DLEAF -o $@ $<

$(runtime-dir)/images/%.so: selftests/runtime/images/%.cc
	$(call say,IMAGE,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=gnu++17 $(image-flags) $(image-cxx) -Werror -o $@ $<
