# SPDX-License-Identifier: MIT OR LGPL-2.1
# The tools, as scripts; only examples.sh depends on how the emulator runs.
tests += selftests/tools/examples.sh \
	 $(patsubst %,once:selftests/tools/%.sh,bench compat instructions deps host pto_cc pto_run pto_run_python pto_trace trace_page guide install)
check-build: bench-build

# The page of pto trace is looked at in a browser, if there is one to be had.
.PHONY: browser-deps
check check-host check-full: browser-deps
browser-deps:
	$(Q)tools/deps browser || echo 'no browser: its tests are skipped'

# The picture that the guide shows.
.PHONY: guide-picture
guide-picture: all
	$(Q)O=$(O) PICTURE=Documentation/swimlane.png selftests/tools/trace_page.sh Attention

# What the scripts compile is instrumented as the library is.
check check-host check-full: export PTO_CC := $(CC)
check check-host check-full: export PTO_CFLAGS := $(sanflags-$(SAN))
