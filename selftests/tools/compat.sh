#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# The headers for existing C++ sources have all that these rely on, and stand alone.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1

# Nothing of ours is left undefined: all goes through the table.
no_symbols_of_ours()
{
	! nm -D --undefined-only "$1" | c++filt | grep -iE 'pto|tensor'
}

for flavour in host_build_graph aicpu_build_graph tensormap_and_ringbuffer; do
	for cxx in g++ clang++; do
		what="$flavour: conformance, $cxx"
		if ! command -v $cxx >/dev/null; then
			skip "$what" "no $cxx"
			continue
		fi
		# Nothing is found but these headers.
		check "$what" 0 '' $cxx -std=c++17 -O2 -fPIC -shared -Wall -Wextra -Werror \
			-Wno-unused-parameter -I"$root/lib/include/compat/$flavour" \
			-o "$flavour.so" "$root/selftests/compat/conformance_$flavour.cc"
		check "$flavour: no undefined symbol of ours, $cxx" 0 '' no_symbols_of_ours "$flavour.so"
	done
done

if [ "${SAN:-}" ]; then
	skip 'pto-cc --compat' 'the conformance sources are no orchestrations'
else
	check 'pto-cc --compat' 0 '' "$BIN/pto-cc" --orch --compat tensormap_and_ringbuffer \
		-o flow.so "$root/selftests/compat/conformance_tensormap_and_ringbuffer.cc"
fi
check 'pto-cc --compat: no such flavour' 2 'no flavour: nonsense; there are .*host_build_graph' \
	"$BIN/pto-cc" --compat nonsense "$root/selftests/compat/conformance_host_build_graph.cc"
check 'pto-cc --isa: no such folder' 2 'no folder: /nonexistent/include' "$BIN/pto-cc" \
	--isa /nonexistent "$root/selftests/compat/conformance_host_build_graph.cc"
mkdir -p isa/include/pto
echo '#define FROM_ISA __CPU_SIM' >isa/include/pto/pto-inst.hpp
cat >kernel.cpp <<'END'
#include <cstdint>
#include <pto/pto-inst.hpp>
#include "tensor.h"
#ifndef FROM_ISA
#error not found
#endif
extern "C" void kernel_entry(int64_t *args) { args[0] = ((Tensor *)args[1])->numel(); }
END
check 'pto-cc --isa --compat: a kernel' 0 '' "$BIN/pto-cc" --isa isa \
	--compat tensormap_and_ringbuffer kernel.cpp
done_testing
