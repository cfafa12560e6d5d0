# SPDX-License-Identifier: MIT OR LGPL-2.1
# The pto command, pto-cc, and the demo.
#
# $(O) has the folders of an installation: bin/pto finds bin/pto-cc and
# share/pto by way of its own path.

pto-src	:= $(wildcard tools/pto/*.c)
pto-obj	:= $(pto-src:%.c=$(O)/%.o)
PTO	:= $(O)/bin/pto

tools-pkgs := jansson libconfig libnl-genl-3.0 liburing ncursesw
tools-libs := $(shell pkg-config --libs $(tools-pkgs) 2>/dev/null)
# Tables leave out what a row does not need.
$(pto-obj): override CFLAGS += -Wno-missing-field-initializers
$(pto-obj): override CPPFLAGS += $(shell pkg-config --cflags $(tools-pkgs) 2>/dev/null)

pto-share := check.py page.html pyexample.py
all: $(PTO) $(O)/bin/pto-cc $(pto-share:%=$(O)/share/pto/%)

# Profiles and examples go through libpto_runtime; devices are libpto's.
$(PTO): $(pto-obj) $(O)/libpto_runtime.so $(O)/libpto.so
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/..:$$ORIGIN/../lib' -o $@ \
		$(pto-obj) -L$(O) -lpto_runtime -lpto $(tools-libs) -lm

$(O)/bin/pto-cc: tools/cc/pto-cc
$(O)/share/pto/%: tools/pto/%
	@mkdir -p $(@D)
	$(Q)ln -sf $(abspath $<) $@
$(O)/bin/pto-cc:
	@mkdir -p $(@D)
	$(Q)ln -sf $(abspath $<) $@

tools-dest := $(DESTDIR)$(prefix)

.PHONY: install install-tools
install: install-tools
install-tools: all
	$(call say,INSTALL,tools)
	$(Q)install -d $(addprefix $(tools-dest)/,bin lib/udev/rules.d lib/sysusers.d \
		$(addprefix share/,man/man1 man/man4 man/man5 pto bash-completion/completions))
	$(Q)install $(PTO) tools/cc/pto-cc $(tools-dest)/bin
	$(Q)install -m 644 $(pto-share:%=tools/pto/%) Documentation/pto.schema.json $(tools-dest)/share/pto
	$(Q)for section in 1 4 5; do \
		install -m 644 Documentation/man/*.$$section $(tools-dest)/share/man/man$$section || exit; \
	done
	$(Q)install -m 644 tools/host/60-pto.rules $(tools-dest)/lib/udev/rules.d
	$(Q)install -m 644 tools/host/sysusers.conf $(tools-dest)/lib/sysusers.d/pto.conf
	$(Q)install -m 644 tools/host/modules-load.conf tools/host/modprobe.conf $(tools-dest)/share/pto
	$(Q)install -m 644 tools/host/completion.bash $(tools-dest)/share/bash-completion/completions/pto
	$(Q)cp -R tools/examples $(tools-dest)/share/pto

# What it needs to build may only just have been installed, so make starts anew.
.PHONY: demo demo-run
demo:
	$(Q)tools/deps build
	$(Q)$(MAKE) --no-print-directory demo-run

demo-run: all
	$(call say,PYTHON,vector)
	$(Q)PYTHONPATH=lib/python PYTHONDONTWRITEBYTECODE=1 \
		$(PYTHON) tools/examples/vector/run.py $(O)/libpto_runtime.so
	$(call say,PTO,vector)
	$(Q)PYTHON=$(PYTHON) $(PTO) run tools/examples/vector --profile

include tools/bench/bench.mk
include tools/bench/vm/vm.mk
