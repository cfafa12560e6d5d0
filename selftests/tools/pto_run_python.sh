#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# pto run: examples in the form of kernel_config.py and golden.py.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
pto=$BIN/pto
programs=$root/selftests/compat/programs
cd "$work" || exit 1

# ---- the three kinds of graph, with all names that existing sources use --------

check 'host_build_graph, a dict of arrays, two rounds' 0 'PASS host_build_graph 3003/3003' \
	"$pto" run "$programs/host_build_graph"
check 'the same by its folder of kernels' 0 'the least of 2.*' \
	"$pto" run -k "$programs/host_build_graph/kernels"
for flavour in aicpu_build_graph tensormap_and_ringbuffer; do
	check "$flavour, the default case" 0 "PASS $flavour:large 18720/18720" \
		"$pto" run -k "$programs/$flavour/kernels" -g "$programs/device_golden.py"
	check "$flavour, all cases, one block" 0 "PASS $flavour:small 36/36" "$pto" run --all \
		--block-dim 1 -k "$programs/$flavour/kernels" -g "$programs/device_golden.py"
done
large="-k $programs/tensormap_and_ringbuffer/kernels -g $programs/device_golden.py"
# shellcheck disable=SC2086
{
check 'a case by its name, another param' 0 'ringbuffer:small 84/84' \
	"$pto" run $large --case small -p cols=7
check 'no such case' 2 "device_golden.py: no case 'medium'; there are: small, large" \
	"$pto" run $large --case medium
check 'no such param' 2 'small has no param nix' "$pto" run $large --case small -p nix=1
check 'all cases as JSON, a line each' 0 '^small True, large True 2$' sh -c \
	"'$pto' run $large --all --json --device 3 | '$PYTHON' -c '
import json, sys
runs = [json.loads(line) for line in sys.stdin]
assert all(run[\"device\"] == 3 for run in runs)
print(\", \".join(\"%s %s\" % (run[\"example\"].split(\":\")[1], run[\"pass\"]) for run in runs),
      len(runs[0][\"launch_us\"]))'"
check 'a folder for each case' 0 'PASS' "$pto" run $large --all --out kept --profile
}
check 'has its arrays and its profile' 0 '^8$' sh -c 'ls kept/small/y.in.npy kept/small/y.out.npy \
	kept/small/y.golden.npy kept/small/swim_time.html kept/large/[yz].out.npy \
	kept/large/swim_time.* | grep -vc svg'
check 'nothing is left in the temporary folder' 0 '^0$' sh -c \
	"mkdir t && TMPDIR=\$PWD/t '$pto' run $large --all >&2 && ls t | wc -l"

# ---- an example of our own, in many variants ------------------------------------

# example TYPE LINE - in ./ex: z = x / 3, y += x / 3, of that C type; golden.py has the line
example()
{
	rm -rf ex
	mkdir -p ex/kernels
	cat >ex/kernels/scale.c <<-END
	#include <stdint.h>
	void kernel_entry(int64_t *args)
	{
		const float *x = (const float *)args[0];
		float *y = (float *)args[1];
		float *z = (float *)args[2];

		for (int64_t i = 0; i < args[3]; i++) {
			y[i] += x[i] / 3;
			z[i] = x[i] / 3;
		}
	}
	END
	cat >ex/kernels/orch.cc <<-END
	#include "runtime.h"
	extern "C" __attribute__((visibility("default")))
	int build(Runtime *runtime, uint64_t *args, int nargs)
	{
		const uint64_t n = args[3], bytes = n * SIZE;
		uint64_t dev[4] = { 0, 0, 0, n };

		if (nargs != 4 || !getenv("EX_INIT") || strcmp(getenv("EX_INIT"), "here"))
			return -1;
		for (int i = 0; i < 3; i++) {
			void *host = reinterpret_cast<void *>(args[i]);
			void *p = runtime->host_api.device_malloc(bytes);

			dev[i] = reinterpret_cast<uint64_t>(p);
			runtime->host_api.copy_to_device(p, host, bytes);
			if (i)
				runtime->record_tensor_pair(host, p, bytes);
		}
		return runtime->add_task(dev, 4, 7, CoreType::AIV) < 0;
	}
	END
	cat >ex/kernels/kernel_config.py <<-END
	KERNELS = [{"func_id": 7, "source": "scale.c", "core_type": "aiv", "signature": "any"}]
	ORCHESTRATION = {"source": "orch.cc", "function_name": "build"}
	RUNTIME_CONFIG = {"runtime": "host_build_graph", "block_dim": 1, "rounds": 3}
	RUNTIME_ENV = {"EX_INIT": "here"}
	END
	cat >ex/golden.py <<-END
	import ctypes
	import numpy as np
	__outputs__ = ["y", "z"]
	$2
	def generate_inputs(params):
	    print("said by golden.py")
	    x = np.random.normal(size=1000).astype(np.float32)
	    return [("x", x), ("y", x * 2), ("z", x * 0), ("n", ctypes.c_int32(len(x)))]
	def compute_golden(tensors, params):
	    x = tensors["x"].astype("float64")
	    assert isinstance(tensors["n"], ctypes.c_int32)
	    tensors["y"][:] += x / 3
	    tensors["z"] = x / 3
	END
	sed -i "s/SIZE/sizeof($1)/" ex/kernels/orch.cc
	[ "$1" = float ] || sed -i "s/float \*/$1 */g" ex/kernels/scale.c
}

# wrong NAME FILE SED STATUS TEXT - an edited file gives that
wrong()
{
	example float ''
	sed -i "$3" "ex/$2"
	check "$1" "$4" "$5" "$pto" run ex
}

example float ''
check 'each round begins anew; the environment is that of init_runtime' 0 'PASS ex 2000/2000' \
	"$pto" run ex
check 'what golden.py prints is no result' 0 '^\{' sh -c "'$pto' run ex --json 2>/dev/null"
sed -i 's/x\[i\] \/ 3;$/i == 77 ? 0 : x[i] \/ 3;/' ex/kernels/scale.c
check 'a wrong element is found' 1 'wrong at \[77\]: got' "$pto" run ex
example float 'RTOL, ATOL = 1e-9, 1e-12'
check 'RTOL and ATOL count' 1 'FAIL ex' "$pto" run ex
wrong 'no KERNELS' kernels/kernel_config.py '/^KERNELS/d' 2 'kernel_config.py: KERNELS is missing'
wrong 'no func_id' kernels/kernel_config.py 's/"func_id": 7, //' 2 \
	"kernel_config.py: KERNELS\[0\] has no 'func_id'"
for id in '"7"' 7.0 None -1 65536; do
	wrong "func_id $id" kernels/kernel_config.py "s/\"func_id\": 7/\"func_id\": $id/" 2 \
		'KERNELS\[0\]: func_id is .*, not a whole number from 0 to 65535'
done
wrong 'func_id of numpy' kernels/kernel_config.py \
	's/"func_id": 7/"func_id": __import__("numpy").int64(7)/' 0 'PASS ex'
wrong 'no source' kernels/kernel_config.py 's/scale.c/nix.c/' 2 'kernels/nix.c: no such file'
wrong 'no function_name' kernels/kernel_config.py 's/, "function_name": "build"//' 2 \
	"ORCHESTRATION has no 'function_name'"
wrong 'a bad core_type' kernels/kernel_config.py 's/"aiv"/"aix"/' 2 "not 'aix'"
wrong 'no runtime' kernels/kernel_config.py 's/"runtime": "host_build_graph", //' 2 \
	"RUNTIME_CONFIG has no 'runtime'"
wrong 'no such runtime' kernels/kernel_config.py 's/host_build/post_build/' 2 \
	"runtime is one of host_build_graph, .*, not 'post_build_graph'"
wrong 'a bad block_dim' kernels/kernel_config.py 's/"block_dim": 1/"block_dim": 0/' 2 \
	'block_dim is 0'
wrong 'too many blocks' kernels/kernel_config.py 's/"block_dim": 1/"block_dim": 25/' 3 \
	'launch_runtime:'
wrong 'no variable for init_runtime' kernels/kernel_config.py '/EX_INIT/d' 3 'init_runtime: '
wrong 'no __outputs__' golden.py '/^__outputs__/d' 2 'golden.py: no __outputs__'
for outputs in '[]' '()' '{}' '"z"' 7; do
	wrong "__outputs__ = $outputs" golden.py "s/^__outputs__ = .*/__outputs__ = $outputs/" 2 \
		'golden.py: __outputs__ is a list of one name at least, not'
done
wrong 'an output that is no argument' golden.py 's/"z"\]/"zz"]/' 2 "__outputs__ has 'zz'"
wrong 'no compute_golden' golden.py 's/compute_golden/compute/' 2 'no function compute_golden\(\)'
wrong 'no default case' golden.py '$aALL_CASES = {"a": {}, "b": {}}' 2 'golden.py: no DEFAULT_CASE'
for case in '"a/b"' '"a/b": {}, "a_b"' '".."' '"."' '""' 1; do
	wrong "cases $case" golden.py "\$aALL_CASES = {$case: {}}" 2 \
		"golden.py: ALL_CASES: the case .* can not be the name of a file"
done
wrong 'an array with the name ../x' golden.py 's|"z"|"../z"|' 2 \
	"the array '../z' can not be the name of a file"
wrong 'two arrays of a name' golden.py 's/("z", x/("y", x/' 2 "two arrays are 'y'"
wrong 'an argument that is neither' golden.py 's/ctypes.c_int32(len(x))/len(x)/' 2 \
	"'n' is a int, neither an array nor a scalar of ctypes"
wrong 'a golden file that raises' golden.py 's/    print(.*/    raise Exception("sour")/' 3 'sour'
z="golden.py: compute_golden\\(\\): the output 'z'"
wrong 'a golden array of another shape' golden.py 's|tensors\["z"\] = .*|tensors["z"] = x[:3]|' 2 \
	"^pto: .*$z has shape \\(3,\\), not \\(1000,\\)$"
for value in 3.0 None '[1]' 'np.float32'; do
	wrong "a golden array that is $value" golden.py \
		"s|tensors\\[\"z\"\\] = .*|tensors[\"z\"] = $value|" 2 "^pto: .*$z is a .*, not an array$"
done
wrong 'a golden array of strings' golden.py \
	's|tensors\["z"\] = .*|tensors["z"] = x.astype(str)|' 2 "^pto: .*$z is of .*, not of numbers$"
wrong 'a golden array that is removed' golden.py 's|tensors\["z"\] = .*|del tensors["z"]|' 2 \
	"^pto: .*golden.py: compute_golden\\(\\) has removed the output 'z'$"
for env in None '["A"]'; do
	wrong "RUNTIME_ENV = $env" kernels/kernel_config.py "s/^RUNTIME_ENV = .*/RUNTIME_ENV = $env/" \
		2 '^pto: .*kernel_config.py: RUNTIME_ENV is a .*, not a dict$'
done
for name in '"A=B"' '""' 7; do
	wrong "a variable $name" kernels/kernel_config.py "s/\"EX_INIT\"/$name/" 2 \
		'^pto: .*kernel_config.py: RUNTIME_ENV: .* can not be the name of a variable$'
done
wrong 'a case that is no dict' golden.py '$aALL_CASES = {"a": [1]}' 2 \
	"^pto: .*golden.py: ALL_CASES: 'a' is a list, not a dict$"
wrong 'a DEFAULT_CASE that is no name' golden.py \
	'$aALL_CASES, DEFAULT_CASE = {"a": {}, "b": {}}, []' 2 'golden.py: DEFAULT_CASE is \[\], not'

# returns NAME WHAT TEXT - generate_inputs() returns that
returns()
{
	wrong "$1" golden.py "s|    return \[.*|    return $2|" 2 \
		"^pto: .*golden.py: generate_inputs\\(\\)$3"
}
returns 'arguments that are None' None ' returns a NoneType, neither a list of pairs nor a dict$'
returns 'triples' '[("x", x, 1)]' ': \[0\] is no pair of a name and a value$'
returns 'no arguments' '{}' ' returns no array$'
returns 'no array' '[("n", ctypes.c_int(1))]' ' returns no array$'
returns 'a name that is no string' '[("x", x), (1, ctypes.c_int(1))]' ': \[1\]: the name is 1,'
returns 'a scalar of numpy' '[("x", x), ("n", np.int64(64))]' \
	": 'n' is a numpy.int64, .*: use ctypes.c_int64\\(\\.\\.\\.\\)$"
returns 'a dict with a scalar of numpy' '{"x": x, "n": np.float32(64)}' \
	": 'n' is a numpy.float32, .*: use ctypes.c_float\\(\\.\\.\\.\\)$"
returns 'a pointer to a string' '[("x", x), ("n", ctypes.c_char_p(b"x"))]' \
	": 'n' is a c_char_p, a pointer that"
returns 'a dict of lists' '{"x": [1]}' ": 'x' is a list, neither an array nor"
if [ "$("$PYTHON" -c 'import ctypes; print(ctypes.sizeof(ctypes.c_longdouble))')" -gt 8 ]; then
	returns 'a long double' '[("x", x), ("n", ctypes.c_longdouble(2.0))]' \
		": 'n' is a c_longdouble of [0-9]* bytes, and a scalar has 8 at the most$"
fi
for order in '["x", "q"]' '["x", 7]'; do
	example float ''
	sed -i "s|    return \[.*|    return {\"x\": x}|; \$aTENSOR_ORDER = $order" ex/golden.py
	check "TENSOR_ORDER = $order" 2 \
		'^pto: .*golden.py: TENSOR_ORDER has .*, which is no array of generate_inputs\(\)$' \
		"$pto" run ex
done
example float ''
sed -i 's|    return \[.*|    return {"x": x}|; $aTENSOR_ORDER = []' ex/golden.py
check 'TENSOR_ORDER without a name' 2 'golden.py: TENSOR_ORDER is \[\], not a list of one name' \
	"$pto" run ex
example float ''
sed -i 's|x \* 0), ("n", ctypes.c_int32(len(x)))|x * 0), ("n", ctypes.c_char(b"\\x0a"))|
	/assert/d; s|size=1000|size=10|' ex/golden.py
check 'a char is its bits' 0 'PASS ex 20/20' "$pto" run ex

# A failed run leaves nothing of the one before it that could be taken for its own.
example float ''
check 'a run that is kept' 0 PASS "$pto" run ex --out again
check 'with what came out' 0 '^3$' sh -c 'ls again | grep -Ec "out.npy|run.json"'
sed -i '/EX_INIT/d' ex/kernels/kernel_config.py
check 'one after it that fails' 3 'init_runtime: ' "$pto" run ex --out again
check 'one of which there is nothing then' 1 '^0$' sh -c 'ls again | grep -Ec "out.npy|run.json"'
wrong 'a kernel_config.py that ends the interpreter' kernels/kernel_config.py \
	'$aimport sys; sys.exit(0)' 2 'kernel_config.py: it calls sys.exit\(0\)'
for line in '__outputs__' '    print' '    assert'; do
	wrong "a golden file that ends the interpreter: $line" golden.py \
		"s/^\( *\)${line##* }.*/\1import sys; sys.exit()/" 2 \
		'golden.py: it calls sys.exit\(None\)'
done
for line in 'ATOL = float("nan")' 'RTOL = float("inf")' 'ATOL = -1' 'RTOL = "x"'; do
	wrong "$line" golden.py "1i$line" 2 "golden.py: ${line%% *} is .*, not a number from 0"
done
wrong 'a tolerance of numpy' golden.py '$aATOL = np.float32(1e6)' 0 'PASS ex'
wrong 'a param that is not finite' golden.py '$aALL_CASES = {"a": {"x": float("nan")}}' 2 \
	'golden.py: a param is not finite'
wrong 'a module that is not there' golden.py '1iimport nix_torch' 3 \
	"golden.py: No module named 'nix_torch' \(run by .*: see --python\)"
rm ex/golden.py
check 'no golden file' 2 'golden.py: no such file' "$pto" run ex
check 'no kernel_config.py' 2 'kernel_config.py: no such file' "$pto" run -k ex
check 'both forms at once' 2 'Usage' "$pto" run -k ex ex
check 'cases are not of example.conf' 2 'only examples with a kernel_config.py have cases' \
	"$pto" run --all "$root/tools/examples/vector"

check 'nor is another golden file' 2 'only examples with a kernel_config.py have .* golden file' \
	"$pto" run "$root/tools/examples/vector" -g "$root/tools/examples/vector/golden.py"
check 'but of an example in the other form' 0 'PASS tensormap_and_ringbuffer:large' \
	"$pto" run "$programs/tensormap_and_ringbuffer" -g "$programs/device_golden.py"
bytes=$(printf 'v\377')
example float ''
mv ex "$bytes"
check 'a folder that is not UTF-8' 2 'kernels: the names of .* are not all UTF-8' \
	"$pto" run "$bytes"

mkdir -p isa/include/pto
echo '#define THIRD 3' >isa/include/pto/pto-inst.hpp
example float ''
{
	echo '#include <pto/pto-inst.hpp>'
	sed 's/^void/extern "C" void/; s/ 3;/ THIRD;/' ex/kernels/scale.c
} >ex/kernels/scale.cpp
sed -i 's/scale\.c/scale.cpp/' ex/kernels/kernel_config.py
check 'kernels on the headers of --isa' 0 'PASS ex 2000/2000' "$pto" run --isa isa ex
check 'which they need' 3 'scale.cpp did not compile' env -u PTO_ISA_ROOT "$pto" run ex

# ---- short floating point -------------------------------------------------------

half=true
echo '_Float16 x;' | ${PTO_CC:-gcc} -xc -fsyntax-only - 2>/dev/null || half=false

if $half; then
	example _Float16 ''
	sed -i 's/np.float32/np.float16/; s/x \* 2/x * 0/' ex/golden.py
	check 'float16' 0 'PASS ex 2000/2000' "$pto" run ex
	sed -i 's/__outputs__/RTOL = 1e-6\n__outputs__/' ex/golden.py
	check 'float16, a tolerance that it does not reach' 1 'FAIL ex' "$pto" run ex
else
	skip float16 'the compiler has no _Float16'
fi

# A module with what a golden file may use of torch, on arrays of numpy.
mkdir torch
cat >torch/__init__.py <<'END'
import numpy as np

class dtype:
    def __init__(self, name, storage):
        self.name, self.storage = name, np.dtype(storage)

    def __repr__(self):
        return f"torch.{self.name}"

float32, bfloat16 = dtype("float32", "f4"), dtype("bfloat16", "u2")
state = None

def manual_seed(seed):
    global state
    state = np.random.default_rng(seed)

class Tensor:
    def __init__(self, bits, dtype):
        self.bits, self.dtype, self.shape = bits, dtype, bits.shape

    def to(self, dtype):
        x = self.bits
        if self.dtype is bfloat16:
            x = (x.astype("u4") << 16).view("f4")
        if dtype is bfloat16:
            x = ((x.view("u4") + 0x8000) >> 16).astype("u2")
        return Tensor(x, dtype)

    def __truediv__(self, n):
        return Tensor(self.to(float32).bits / np.float32(n), float32).to(self.dtype)

    def detach(self):
        return self

    cpu = contiguous = detach

    def numel(self):
        return self.bits.size

    def element_size(self):
        return self.bits.itemsize

    def data_ptr(self):
        return self.bits.ctypes.data

    def numpy(self):
        if self.dtype is bfloat16:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.bits

def randn(*shape):
    return Tensor(state.normal(size=shape).astype("f4"), float32)

def zeros(*shape):
    return Tensor(np.zeros(shape, "f4"), float32)
END
# torch_example DTYPE TYPE
torch_example()
{
	example "$2" ''
	cat >ex/golden.py <<-END
	import ctypes
	import torch
	__outputs__ = ["y", "z"]
	def generate_inputs(params):
	    return [("x", torch.randn(100, 10).to(torch.$1)), ("y", torch.zeros(100, 10).to(torch.$1)),
	            ("z", torch.zeros(100, 10).to(torch.$1)), ("n", ctypes.c_int64(1000))]
	def compute_golden(tensors, params):
	    tensors["y"] = tensors["z"] = tensors["x"] / 3
	END
}

torch_example float32 float
check 'tensors of torch' 0 'PASS ex 2000/2000' env PYTHONPATH="$work" "$pto" run ex
torch_example bfloat16 uint16_t
cat >ex/kernels/scale.c <<'END'
#include <stdint.h>
#include <string.h>
void kernel_entry(int64_t *args)
{
	const uint16_t *x = (const uint16_t *)args[0];
	uint16_t *y = (uint16_t *)args[1], *z = (uint16_t *)args[2];

	for (int64_t i = 0; i < args[3]; i++) {
		uint32_t bits = (uint32_t)x[i] << 16;
		float f;

		memcpy(&f, &bits, 4);
		f /= 3;
		memcpy(&bits, &f, 4);
		y[i] = z[i] = bits >> 16;	/* cut off, where golden.py rounds */
	}
}
END
check 'bfloat16 of torch' 0 'PASS ex 2000/2000' env PYTHONPATH="$work" "$pto" run ex
sed -i '2iRTOL = 1e-5' ex/golden.py
check 'bfloat16, a tolerance that it does not reach' 1 'FAIL ex' \
	env PYTHONPATH="$work" "$pto" run ex
check 'without torch' 3 "No module named 'torch'" "$pto" run ex

# ---- and in example.conf --------------------------------------------------------

# conf DTYPE - in ./ex, the same kernel by an example.conf
conf()
{
	cat >ex/orch.c <<-END
	#include <pto/orch.h>
	int build(struct pto_orch *o, uint64_t *args, int nargs)
	{
		uint64_t dev[4] = { 0, 0, 0, args[3] };
		for (int i = 0; i < 3; i++) {
			dev[i] = (uint64_t)pto_orch_malloc(o, 2 * args[3]);
			pto_orch_copy_in(o, (void *)dev[i], (void *)args[i], 2 * args[3]);
			if (i)
				pto_orch_record(o, (void *)args[i], (void *)dev[i], 2 * args[3]);
		}
		return pto_orch_task(o, 0, PTO_ORCH_AIV, dev, 4) < 0;
	}
	END
	cat >ex/example.conf <<-END
	name = "short";
	params: { n = 1000; };
	orchestration: { source = "orch.c"; function = "build"; };
	kernels: ( { func_id = 0; source = "kernels/scale.c"; core = "aiv"; } );
	args: (
		{ name = "x"; role = "in"; dtype = "$1"; shape = ("n"); normal = [0.0, 1.0]; },
		{ name = "y"; role = "inout"; dtype = "$1"; shape = ("n"); uniform = [0.0, 0.0]; },
		{ name = "z"; role = "out"; dtype = "$1"; shape = ("n"); },
		{ name = "n"; value = "n"; }
	);
	golden = "golden.py";
	END
	cat >ex/golden.py <<-END
	def compute_golden(tensors, params):
	    assert tensors["x"].std() > 0.9
	    tensors["y"] = tensors["z"] = tensors["x"].astype("float64") / 3
	END
	rm ex/kernels/kernel_config.py
}

conf bfloat16
check 'example.conf: bfloat16' 0 'PASS short 2000/2000' "$pto" run ex
sed -i '$artol = 1e-5;' ex/example.conf
check 'example.conf: bfloat16, a tolerance that it does not reach' 1 'FAIL short' "$pto" run ex
if $half; then
	example _Float16 ''
	conf float16
	check 'example.conf: float16' 0 'PASS short 2000/2000' "$pto" run ex
	sed -i 's/x\[i\] \/ 3;$/x[i] \/ 3 * 1.01f;/' ex/kernels/scale.c
	check 'example.conf: float16, wrong by a hundredth' 1 'FAIL short' "$pto" run ex
	sed -i 's/normal = .*/uniform = [-70000.0, 70000.0]; },/' ex/example.conf
	cat >ex/golden.py <<-END
	import numpy as np

	def compute_golden(tensors, params):
	    x = tensors["x"]
	    assert x.dtype == np.float16 and np.isinf(x).any() and np.isfinite(x).sum() > 900
	    tensors["y"] = tensors["z"] = x.astype("float64") / 3 * 1.01
	END
	check 'example.conf: float16 of which some are infinite' 0 'PASS short 2000/2000' "$pto" run ex
else
	skip 'example.conf: float16' 'the compiler has no _Float16'
fi
done_testing
