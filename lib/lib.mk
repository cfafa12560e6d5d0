# SPDX-License-Identifier: MIT OR LGPL-2.1
# libpto, the seed ABI's libpto_runtime.so around it, and the two programs that
# a launch may bring along.

LIB_MAJOR := 0
LIB_VERSION := 0.1.0

aicpu-src := lib/sched/inplace.c lib/sched/rings.c lib/sched/shuffle.c
lib-src	:= $(wildcard lib/base/*.c lib/device/*.c lib/graph/*.c lib/profile/*.c lib/stream/*.c) \
	   $(filter-out lib/emulator/aicore.c,$(wildcard lib/emulator/*.c)) \
	   $(filter-out lib/sched/aicpu.c,$(wildcard lib/sched/*.c))
runtime-src := $(wildcard lib/runtime/*.c lib/orch/*.c)

lib-pkgs := libelf jansson liburing libxxhash hwloc
$(call objs,$(lib-src) $(runtime-src)): override CPPFLAGS += $(shell pkg-config --cflags $(lib-pkgs) 2>/dev/null)
$(call objs,$(wildcard lib/graph/*.c lib/stream/*.c)): override CFLAGS += $(hot-cflags)
lib-libs := $(shell pkg-config --libs libelf jansson liburing 2>/dev/null) -ldl

# Handlers and threads outlive a dlclose(), so the libraries are never unloaded.
lib-ldflags := -shared -Wl,-z,nodelete -Wl,-z,now -Wl,-z,relro -Wl,-Bsymbolic -Wl,--exclude-libs,ALL
# The sanitizers' runtimes define their symbols in the program, not in a library.
ifeq ($(SAN),)
lib-ldflags += -Wl,-z,defs
endif

LIBS := $(O)/libpto.a $(O)/libpto.so $(O)/libpto_runtime.so $(O)/aicpu.so $(O)/aicore.so
all: $(LIBS)

$(O)/libpto.a: $(call objs,$(lib-src))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(O)/libpto.so.$(LIB_VERSION): $(call objs,$(lib-src)) lib/libpto.map
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(lib-ldflags) -Wl,-soname,libpto.so.$(LIB_MAJOR) \
		-Wl,--version-script=lib/libpto.map -o $@ $(filter %.o,$^) $(lib-libs)

$(O)/libpto.so: $(O)/libpto.so.$(LIB_VERSION)
	$(Q)ln -sf $(notdir $<) $(O)/libpto.so.$(LIB_MAJOR) && ln -sf $(notdir $<) $@

$(O)/libpto_runtime.so: $(call objs,$(runtime-src) $(lib-src)) lib/runtime/libpto_runtime.map
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(lib-ldflags) -Wl,-soname,libpto_runtime.so \
		-Wl,--version-script=lib/runtime/libpto_runtime.map \
		-o $@ $(filter %.o,$^) $(lib-libs)

$(O)/aicpu.so: $(call objs,lib/sched/aicpu.c $(aicpu-src))
$(O)/aicore.so: $(call objs,lib/emulator/aicore.c)
$(O)/aicpu.so $(O)/aicore.so:
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-Bsymbolic -Wl,-z,now -o $@ $^

# ---- installation ----------------------------------------------------------

libdir	?= $(prefix)/lib
includedir ?= $(prefix)/include
# Where Debian's Python looks below /usr and /usr/local.
pythondir ?= $(libdir)/python$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')/dist-packages

define libpto.pc
prefix=$(prefix)
libdir=$(patsubst $(prefix)/%,$${prefix}/%,$(libdir))
includedir=$(patsubst $(prefix)/%,$${prefix}/%,$(includedir))

Name: libpto
Description: Task graphs on neural processing units
Version: $(LIB_VERSION)
Requires.private: libelf jansson liburing
Libs: -L$${libdir} -lpto
Libs.private: -ldl -pthread
Cflags: -I$${includedir}
endef

.PHONY: install install-lib
install: install-lib
install-lib: all
	$(call say,INSTALL,libraries)
	$(Q)install -d $(addprefix $(DESTDIR),$(libdir)/pkgconfig $(libdir)/pto \
		$(includedir)/pto $(includedir)/linux $(pythondir)/pto)
	$(Q)install -m 644 $(O)/libpto.a $(O)/libpto_runtime.so $(O)/libpto.so.$(LIB_VERSION) $(DESTDIR)$(libdir)
	$(Q)ln -sf libpto.so.$(LIB_VERSION) $(DESTDIR)$(libdir)/libpto.so.$(LIB_MAJOR)
	$(Q)ln -sf libpto.so.$(LIB_VERSION) $(DESTDIR)$(libdir)/libpto.so
	$(Q)install -m 644 $(O)/aicpu.so $(O)/aicore.so $(DESTDIR)$(libdir)/pto
	$(file >$(O)/libpto.pc,$(libpto.pc))
	$(Q)install -m 644 $(O)/libpto.pc $(DESTDIR)$(libdir)/pkgconfig
	$(Q)install -m 644 lib/include/pto/*.h $(DESTDIR)$(includedir)/pto
	$(Q)cd lib/include && find compat -name '*.h' -exec install -D -m 644 {} $(DESTDIR)$(includedir)/{} \;
	$(Q)install -m 644 uapi/linux/*.h $(DESTDIR)$(includedir)/linux
	$(Q)install -m 644 lib/python/*.py $(DESTDIR)$(pythondir)
	$(Q)install -m 644 lib/python/pto/*.py $(DESTDIR)$(pythondir)/pto
