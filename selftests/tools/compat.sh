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

# logs VARIABLE=VALUE... - what the log has then, and in front of it how many lines that are
logs()
{
	rm -f lines
	env -u PTO_LOG_LEVEL "$@" ./defaults 2>lines2 || return 1
	[ -f lines ] || mv lines2 lines
	echo "$(grep -c . lines) $(cat lines)"
}

programs=$root/selftests/compat/programs
words='AIC AIV CoreType core_type_to_string get_element_size DataType FLOAT32 LOG_ERROR LOG_WARN LOG_INFO
	LOG_DEBUG LOG_ALWAYS always_assert PLATFORM_MAX_BLOCKDIM
	common.h core_type.h unified_log.h platform_config.h data_type.h tensor.h'
host_words="$words runtime.h Runtime add_task add_successor get_task_count print_runtime get_task
	record_tensor_pair get_initial_ready_tasks host_api HostApi device_malloc device_free
	copy_to_device copy_from_device TensorPair"
device_words="$words pto_orchestration_api.h pto_types.h pto_submit_types.h PTO2Runtime
	FLOAT16 INT32 INT16 INT8 UINT8 BFLOAT16 INT64 UINT64 DATA_TYPE_NUM get_dtype_name
	RUNTIME_MAX_TENSOR_DIMS Tensor TensorData PTOBufferHandle addr size buffer start_offset version
	dtype ndims is_all_offset_zero is_raw_eq_shapes manual_dep shapes raw_shapes offsets view
	reshape transpose numel is_contiguous valid_reshape valid_transpose is_same_memref dump
	make_tensor_external make_tensor PTOParam add_input add_output add_inout add_scalar
	add_scalars add_scalars_i32 copy_scalars_from reset PTOParamType INPUT OUTPUT INOUT
	MixedKernels aic_kernel_id aiv0_kernel_id aiv1_kernel_id INVALID_KERNEL_ID
	pto2_rt_submit_task pto2_rt_submit_aic_task pto2_rt_submit_aiv_task pto2_rt_scope_begin
	pto2_rt_scope_end PTO2ScopeGuard PTO2_SCOPE_GUARD PTO2_SCOPE pto2_rt_orchestration_done
	pto2_rt_is_fatal PTO2OrchestrationConfig expected_arg_count aicpu_orchestration_config
	aicpu_orchestration_entry debug_assert PTO2SubtaskSlot PTO2ResourceShape"
edge_words="$device_words PTO2TaskId raw ring local pto2_make_task_id pto2_task_id_ring
	pto2_task_id_local pto2_task_id_raw pto2_rt_add_dependency"

# uses FLAVOUR - its program uses all names that sources of its dialect rely on
uses()
{
	case $1 in
	host*)	list=$host_words own= ;;
	aicpu*)	list=$edge_words own=$programs/device.h ;;
	*)	list=$device_words own=$programs/device.h ;;
	esac
	for word in $list; do
		grep -qwF -- "$word" "$programs/$1/kernels/orch.cc" $own || echo "$word"
	done | tee unused
	[ ! -s unused ]
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
		check "$flavour: defaults compile, $cxx" 0 '' $cxx -std=c++17 -O2 -Wall -Wextra -Werror \
			-I"$root/lib/include/compat/$flavour" -o defaults \
			"$root/selftests/compat/defaults.cc"
		check "$flavour: default arguments, $cxx" 0 '' ./defaults
		check "$flavour: a line in PTO_LOG_FILE, $cxx" 0 '^1 pto\[[0-9]+\] info: orchestration: all right$' \
			logs PTO_LOG_FILE=lines
		check "$flavour: PTO_LOG_LEVEL counts, too, $cxx" 0 'debug: orchestration: a detail$' \
			logs PTO_LOG_LEVEL=debug PTO_LOG_FILE=lines
		check "$flavour: and wrong ones do not, $cxx" 0 'all right$' \
			logs PTO_LOG_LEVEL=loud PTO_LOG_FILE=/nonexistent/lines
		check "$flavour: program, $cxx" 0 '' $cxx -std=c++17 -O2 -fPIC -shared -Wall -Wextra \
			-Werror -I"$root/lib/include/compat/$flavour" -o program.so \
			"$programs/$flavour/kernels/orch.cc"
		check "$flavour: no undefined symbol of ours in it, $cxx" 0 '' no_symbols_of_ours program.so
		for kernel in "$programs"/*.cc; do
			check "$flavour: ${kernel##*/}, $cxx" 0 '' $cxx -std=c++17 -O2 -fPIC -shared \
				-Wall -Wextra -Werror -I"$root/lib/include/compat/$flavour" \
				-o kernel.so "$kernel"
		done
	done
	check "$flavour: its program uses all names" 0 '' uses $flavour
done

check 'pto-cc --compat' 0 '' "$BIN/pto-cc" --orch --compat tensormap_and_ringbuffer -o flow.so \
	"$programs/tensormap_and_ringbuffer/kernels/orch.cc"
check 'pto-cc --compat: no entry' 1 'exports no aicpu_orchestration_entry' "$BIN/pto-cc" --orch \
	--compat aicpu_build_graph -o none.so "$root/selftests/compat/conformance_aicpu_build_graph.cc"
check 'pto-cc --compat: no flavour given' 2 '--compat wants a flavour' "$BIN/pto-cc" --orch \
	--compat '' "$programs/tensormap_and_ringbuffer/kernels/orch.cc"
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
