# SPDX-License-Identifier: MIT OR LGPL-2.1
# pto-bench. What it measures is an object each, loaded by a process of its own;
# a peer whose library is not installed is left out, as it is where a sanitizer
# does not know its threads.

BENCH	:= $(O)/bin/pto-bench
bench-dir := $(O)/tools/bench
bench-obj := $(call objs,$(wildcard tools/bench/*.c))
bench-peers := pto flow submit sketch
bench-images := $(patsubst tools/bench/kernels/%.c,$(bench-dir)/%.so,$(wildcard tools/bench/kernels/*.c))

ifeq ($(SAN),)
# $(call peer-if,names,compiler,header)
peer-if = $(shell $(2) -include $(3) -E /dev/null >/dev/null 2>&1 && echo $(1))
bench-libomp := clang -fopenmp -fopenmp-version=50
bench-starpu := $(patsubst -I%,-isystem%,$(shell pkg-config --cflags starpu-1.3 2>/dev/null))
bench-peers += $(call peer-if,openmp,$(CC) -fopenmp -xc,omp.h)
bench-peers += $(call peer-if,libomp,$(bench-libomp) -xc,omp.h)
bench-peers += $(call peer-if,starpu handles,$(CC) $(bench-starpu) -xc,starpu.h)
bench-peers += $(call peer-if,tbb counters,$(CXX) -xc++,tbb/flow_graph.h)
bench-peers += $(call peer-if,taskflow async,$(CXX) -std=c++20 -xc++,taskflow/taskflow.hpp)
endif
bench-peer-so := $(bench-peers:%=$(bench-dir)/%.so)

$(bench-obj) $(call objs,$(wildcard tools/bench/peers/*.c)): override CPPFLAGS += -Itools/bench
$(O)/tools/bench/json.o: override CPPFLAGS += $(shell pkg-config --cflags jansson 2>/dev/null)
$(O)/tools/bench/peers/openmp.o: override CFLAGS += -fopenmp
$(bench-dir)/openmp.so: override LDFLAGS += -fopenmp
$(patsubst %,$(O)/tools/bench/peers/%.o,starpu handles): override CPPFLAGS += $(bench-starpu)
$(patsubst %,$(bench-dir)/%.so,starpu handles): bench-libs := $(shell pkg-config --libs starpu-1.3 2>/dev/null)

$(BENCH): $(bench-obj) $(O)/libpto.so
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/..:$$ORIGIN/../lib' -o $@ $(bench-obj) \
		-L$(O) -lpto $(shell pkg-config --libs jansson 2>/dev/null) -lm -ldl

$(bench-dir)/%.so: $(O)/tools/bench/peers/%.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -o $@ $< $(bench-libs)

$(patsubst %,$(bench-dir)/%.so,pto flow submit): bench-libs := -L$(O) -lpto -Wl,-rpath,'$$ORIGIN/../..'
$(patsubst %,$(bench-dir)/%.so,pto flow submit): $(O)/libpto.so

$(bench-dir)/libomp.so: tools/bench/peers/openmp.c tools/bench/peer.h tools/bench/shapes.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(bench-libomp) -std=gnu11 -O2 -g -fPIC -fvisibility=hidden -Itools/bench -shared -o $@ $<

$(bench-dir)/tbb.so $(bench-dir)/counters.so: bench-libs := -ltbb
$(patsubst %,$(bench-dir)/%.so,taskflow async): bench-libs := -pthread
$(patsubst %,$(bench-dir)/%.so,tbb counters taskflow async): $(bench-dir)/%.so: tools/bench/peers/%.cc \
		tools/bench/peer.h tools/bench/shapes.h
	$(call say,CXX,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=c++20 -O2 -g -Wall -Wextra -fPIC -fvisibility=hidden -Itools/bench -shared \
		-o $@ $< $(bench-libs)

$(bench-images): $(bench-dir)/%.so: tools/bench/kernels/%.c tools/bench/kernels/body.h
	$(call say,IMAGE,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -O2 -fPIC -shared -Ilib/include $(sanflags-$(SAN)) -Wl,-z,now -o $@ $<

# What needs no other library is always there, and installed: pto bench.
bench-own := $(patsubst %,$(bench-dir)/%.so,pto flow submit sketch) $(bench-images)
bench-dest := $(DESTDIR)$(prefix)

all: $(BENCH) $(bench-own)

.PHONY: install-bench
install: install-bench
install-bench: all
	$(call say,INSTALL,bench)
	$(Q)install -d $(bench-dest)/bin $(bench-dest)/lib/pto/bench
	$(Q)install $(BENCH) $(bench-dest)/bin
	$(Q)install -m 644 $(bench-own) $(bench-dest)/lib/pto/bench

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
