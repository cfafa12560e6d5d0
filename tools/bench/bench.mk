# SPDX-License-Identifier: MIT OR LGPL-2.1
# pto-bench. What it measures is an object each, loaded by a process of its own;
# a peer whose library is not installed is left out, as it is where a sanitizer
# does not know its threads.

BENCH	:= $(O)/bin/pto-bench
bench-dir := $(O)/tools/bench
bench-obj := $(call objs,$(wildcard tools/bench/*.c))
bench-peers := pto sketch
bench-images := $(patsubst tools/bench/kernels/%.c,$(bench-dir)/%.so,$(wildcard tools/bench/kernels/*.c))

ifeq ($(SAN),)
has-header = $(shell $(1) -include $(2) -E /dev/null >/dev/null 2>&1 && echo y)
ifeq ($(call has-header,$(CC) -fopenmp -xc,omp.h),y)
bench-peers += openmp
endif
ifeq ($(call has-header,$(CXX) -xc++,tbb/flow_graph.h),y)
bench-peers += tbb
endif
endif
bench-peer-so := $(bench-peers:%=$(bench-dir)/%.so)

$(bench-obj) $(call objs,$(wildcard tools/bench/peers/*.c)): CPPFLAGS += -Itools/bench
$(O)/tools/bench/json.o: CPPFLAGS += $(shell pkg-config --cflags jansson 2>/dev/null)
$(O)/tools/bench/peers/openmp.o: CFLAGS += -fopenmp
$(bench-dir)/openmp.so: LDFLAGS += -fopenmp

$(BENCH): $(bench-obj) $(O)/libpto.so
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/..' -o $@ $(bench-obj) \
		-L$(O) -lpto $(shell pkg-config --libs jansson 2>/dev/null) -lm -ldl

$(bench-dir)/%.so: $(O)/tools/bench/peers/%.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -o $@ $< $(bench-libs)

$(bench-dir)/pto.so: bench-libs := -L$(O) -lpto -Wl,-rpath,'$$ORIGIN/../..'
$(bench-dir)/pto.so: $(O)/libpto.so

$(bench-dir)/tbb.so: tools/bench/peers/tbb.cc tools/bench/peer.h tools/bench/shapes.h
	$(call say,CXX,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 -O2 -g -Wall -Wextra -fPIC -fvisibility=hidden $(sanflags-$(SAN)) \
		-Itools/bench -shared -o $@ $< -ltbb

$(bench-images): $(bench-dir)/%.so: tools/bench/kernels/%.c tools/bench/kernels/body.h
	$(call say,IMAGE,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -O2 -fPIC -shared $(sanflags-$(SAN)) -Wl,-z,now -o $@ $<

# As for the demo: what has just been installed is seen by a make that starts anew.
.PHONY: bench bench-build bench-run
bench-build: $(BENCH) $(bench-peer-so) $(bench-images)
bench:
	$(Q)tools/deps build bench
	$(Q)$(MAKE) --no-print-directory bench-run

bench-run: bench-build
	$(Q)$(BENCH) $(BENCHFLAGS)

# By callgrind; without noise, and not a matter of the machine.
.PHONY: bench-instructions
bench-instructions: bench-build
	$(Q)tools/bench/instructions $(BENCH)
