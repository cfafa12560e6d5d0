# SPDX-License-Identifier: MIT OR LGPL-2.1
# The tools, as scripts; only examples.sh depends on how the emulator runs.
tests += selftests/tools/examples.sh \
	 $(patsubst %,once:selftests/tools/%.sh,bench instructions deps pto_cc pto_run pto_trace guide install)
check-build: bench-build

# What the scripts compile is instrumented as the library is.
check-run: export PTO_CC := $(CC)
check-run: export PTO_CFLAGS := $(sanflags-$(SAN))
