#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# pto run: what is wrong is found, and said.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
pto=$BIN/pto
cd "$work" || exit 1

# copy SED FILE - vector with one file edited, in ./ex
copy()
{
	rm -rf ex
	cp -r "$root/tools/examples/vector" ex
	sed -i "$1" "ex/$2"
}

# conf NAME SED TEXT - an edited example.conf is refused with TEXT
conf()
{
	copy "$2" example.conf
	check "$1" 2 "$3" "$pto" run ex
}

copy 's/a\[i\] + scalar/a[i] + scalar + 1/' add_scalar.c
check 'a wrong constant in a kernel is found' 1 'FAIL vector 0/16384' "$pto" run ex
copy 's/out\[i\] = a\[i\] \* b\[i\]/out[i] = i == 77 ? 0 : a[i] * b[i]/' mul.c
check 'a single wrong element is found' 1 'FAIL vector 16383/16384' "$pto" run ex
check 'and named' 1 'wrong at \[0, 77\]: got 0, want' "$pto" run ex
copy 's/out\[i\] = a\[i\] \* b\[i\]/out[i] = i == 77 ? 0.0f \/ 0.0f : a[i] * b[i]/' mul.c
check 'NaN is wrong' 1 'FAIL vector 16383/16384' "$pto" run ex
copy '/pto_orch_record/d' orch.c
check 'an output that nobody writes is wrong' 1 'FAIL vector 0/16384' "$pto" run ex

copy 's/(float \*)args\[2\]/(float *)8/' mul.c
check 'a crashing kernel fails' 3 'launch_runtime: .*task 3' "$pto" run ex
copy 's/return 0;/return -EDOM;/' orch.c
check 'an orchestration that fails' 3 'init_runtime: .*' "$pto" run ex
copy 's/build_vector/nix/' orch.c
check 'an orchestration without that function' 3 'build_vector' "$pto" run ex
copy '$aint x(' add.c
check 'a kernel that does not compile' 3 'add.c did not compile' "$pto" run ex
copy '$araise Exception("sour")' golden.py
check 'a golden file that raises' 3 'sour' "$pto" run ex
copy '$aimport sys; sys.exit(0)' golden.py
check 'a golden file that ends the interpreter' 2 'ex/golden.py: it calls sys.exit\(0\)' \
	"$pto" run ex
copy 's/tensors\["f"\] = /tensors["f"] = 1 or /' golden.py
what="ex/golden.py: compute_golden\\(\\): the output 'f'"
check 'a golden output that is a number' 2 "^pto: .*$what is a int, not an array$" "$pto" run ex
copy 's/tensors\["f"\] = .*/tensors["f"] = s[:3]/' golden.py
check 'one of another shape' 2 "^pto: .*$what has shape \\(3, 128\\), not" "$pto" run ex
copy 's/tensors\["f"\] = .*/del tensors["f"]/' golden.py
check 'one that is removed' 2 "^pto: .*compute_golden\\(\\) has removed the output 'f'$" \
	"$pto" run ex
copy 's/def compute_golden/def compute/' golden.py
check 'no compute_golden' 2 '^pto: .*golden.py: no function compute_golden\(\)$' "$pto" run ex
copy '1iprint("said by golden.py", flush=True)' golden.py
check 'what a golden file prints is no result' 0 '^\{' sh -c "'$pto' run --json ex 2>said"
check 'but is seen' 0 '^said by golden.py' cat said
check 'no such interpreter' 3 '/nix/python' \
	"$pto" run --python /nix/python "$root/tools/examples/vector"

check 'a device by its name' 0 'vector on device 3:' \
	"$pto" run --device embedded3 "$root/tools/examples/vector"
check 'a device that is not there' 3 'there is no /dev/pto/pto15|/dev/pto/pto15 can not' \
	"$pto" run --device pto15 "$root/tools/examples/vector"
check 'a device that can not be' 2 'from 0 to 15 wanted' \
	"$pto" run --device embedded16 "$root/tools/examples/vector"

conf 'a golden file that is not there' 's/golden.py/silver.py/' 'silver.py: No such file'
conf 'bounds the wrong way round' 's/uniform = \[-1.0, 1.0\]/uniform = [1.0, 0.0]/' 'lower bound first'
conf 'a typo in a key' 's/rtol/rtoll/' 'example.conf:[0-9]+: unknown key: rtoll'
conf 'a missing section' '/^orchestration/d' 'no orchestration'
conf 'bad syntax' 's/^);/)]/' 'example.conf:[0-9]+: syntax error'
conf 'an unknown dtype' 's/float32/float33/' 'unknown dtype: float33'
conf 'an unknown param' 's/("rows", "cols")/("row", "cols")/' 'no such param: row'
conf 'a bad role' 's/"out"/"outt"/' 'not "outt"'
conf 'a bad core' 's/"aiv"/"aix"/' 'not "aix"'
conf 'no outputs' '/"out"/d' 'no argument is an out'
conf 'too many bytes' 's/rows = 128/rows = 0x7fffffffffffffffL/' 'too many bytes'
conf 'no dimensions' 's/("rows", "cols")/()/' '1 to 32 sizes'
for id in 99999999999 99999999999L 65536 -1 1.0 '"1"'; do
	conf "func_id $id" "s/func_id = 1/func_id = $id/" 'func_id wants a whole number from 0 to'
done
conf 'no func_id' 's/func_id = 1;//' 'no func_id = '
for n in 1e300 1.5 0 -1 4294967297L '"rows"'; do
	conf "block_dim $n" "\$ablock_dim = $n;" 'block_dim wants a whole number from 1'
done
for name in ../x . .. ''; do
	conf "a tensor with the name '$name'" "s|name = \"a\"|name = \"$name\"|" \
		'example.conf:[0-9]+: ".*" can not be the name of a file'
done
conf 'a tensor that is not UTF-8' "s|name = \"a\"|name = \"$(printf '\377')\"|" 'the name of a file'
conf 'two tensors of a name' 's/name = "b"/name = "a"/' 'two tensors are "a"'
# Names of files are any bytes.
bytes=$(printf 'v\377')
cp -r "$root/tools/examples/vector" "$bytes"
sed -i "s/\"vector\"/\"$bytes\"/" "$bytes/example.conf"
check 'a folder and a name that are not UTF-8' 0 '"example": "v\?"' "$pto" run --json "$bytes"
copy 's/func_id = 1/func_id = 0/' example.conf
check 'a func_id given twice' 3 'init_runtime: ' "$pto" run ex

vector=$root/tools/examples/vector
check 'no example' 2 'Usage' "$pto" run
check 'no such folder' 2 '/nix: No such file' "$pto" run /nix
check 'no such param' 2 'vector has no param nix' "$pto" run -p nix=1 "$vector"
check 'a param without value' 2 'NAME=VALUE' "$pto" run -p rows "$vector"
check 'a param that is no number' 2 'rows=x: not a whole' "$pto" run -p rows=x "$vector"
check 'block_dim 25' 2 'from 1 to 24' "$pto" run -b 25 "$vector"
check 'no such option' 2 'unrecognized' "$pto" run --nix "$vector"
check 'no such command' 2 'no such command: nix' "$pto" nix
check 'help' 0 'Usage: pto run' "$pto" run --help
check 'version' 0 '^pto [0-9]+\.[0-9]+\.[0-9]+$' "$pto" --version

check 'params change sizes' 0 'PASS vector 35/35' "$pto" run -p rows=5 -p cols=7 "$vector"
# The first of two launches waits half a second: with the mean, the median is half of that.
copy '1i#include <unistd.h>' mul.c
sed -i 's/^{/{\n\tstatic int again;\n\n\tif (!__atomic_exchange_n(\&again, 1, 0))\n\t\tusleep(500000);\n/' \
	ex/mul.c
check 'the median of two is their mean' 0 'the least of 2; median (2[5-9]|[34].)[0-9]\.' \
	"$pto" run --repeat 2 ex
copy 's/"mul.c"/"kernels\/mul.c"/' example.conf
mkdir ex/kernels && mv ex/mul.c ex/kernels
check 'sources may lie in folders' 0 'PASS vector' "$pto" run ex --profile --out folders
check 'kernels have their names in the picture' 0 '>mul, task 3' cat folders/swim_time.svg
check 'a run can be kept' 0 'PASS' "$pto" run --seed 1 --out one "$vector"
check 'the same seed' 0 'PASS' "$pto" run --seed 1 --out again "$vector"
check 'gives the same inputs' 0 '' cmp one/a.in.npy again/a.in.npy
check 'which differ from each other' 1 'differ' cmp one/a.in.npy one/b.in.npy
: >file
check '--out is no folder' 2 'file: not a folder' "$pto" run --out file "$vector"
check '--out is a device' 2 '/dev/full: not a folder' "$pto" run --out=/dev/full "$vector"
check '--out can not be made' 2 'nix/nix: No such file' "$pto" run --out nix/nix "$vector"
rm again/orch.so && mkdir again/orch.so
check 'what can not be written compiled all the same' 3 '^0$' sh -c '
	"$0" run --out again "$1" 2>said; ret=$?
	grep -q "can not write to again/orch.so" said && grep -c "did not compile" said
	exit $ret' "$pto" "$vector"
check 'another seed' 0 'PASS' "$pto" run --seed 2 --out two "$vector"
check 'gives others' 1 'differ' cmp one/a.in.npy two/a.in.npy
check 'JSON' 0 '^True 3 16384$' sh -c "'$pto' run --json --repeat 3 '$vector' | '$PYTHON' -c '
import json, sys
r = json.load(sys.stdin)
assert r[\"launch_us\"] == sorted(r[\"launch_us\"])
print(r[\"pass\"], len(r[\"launch_us\"]), r[\"outputs\"][0][\"right\"])'"
check 'a pipe gets no colours' 0 '^0$' sh -c "'$pto' run '$vector' | grep -cP '\x1b'; :"
check 'a terminal does' 0 '^[1-9]' \
	sh -c "script -qec '$pto run $vector' /dev/null | grep -cP '\x1b'"
if [ "${SAN:-}" ]; then
	skip 'the same from Python' 'the interpreter has no sanitizer'
else
	check 'the same from Python' 0 '^PASS vector 16384/16384$' \
		env PYTHONPATH="$root/lib/python" PYTHONDONTWRITEBYTECODE=1 \
		"$PYTHON" "$vector/run.py" "$BIN/../libpto_runtime.so"
fi
# Beside a copy of pto is a pto-cc that tells what it is asked for.
mkdir -p copy/bin && cp "$pto" copy/bin && printf '#!/bin/sh\necho "$@"; exit 1\n' >copy/bin/pto-cc
chmod +x copy/bin/pto-cc
check 'without HOME, images are kept in the home of the password file' 3 \
	"-o [^ ]* [^ ]*orch.c --cache $(getent passwd "$(id -u)" | cut -d : -f 6)/.cache/pto$" \
	env -u PTO_CACHE -u XDG_CACHE_HOME -u HOME LD_LIBRARY_PATH="$BIN/.." \
	copy/bin/pto run "$vector"
check 'nothing is left in the temporary folder' 0 '^0$' sh -c \
	"mkdir t && TMPDIR=\$PWD/t '$pto' run '$vector' >&2 && ls t | wc -l"
# It spins until it is ended, in the folder that it works in.
copy 's/out\[i\] = a\[i\] \* b\[i\]/for (volatile int on = 1; on; ) ;/' mul.c
check 'nor by one that is ended' 0 '^143 0$' sh -c '
	TMPDIR=$PWD/t "$1" run ex --json & pid=$!
	for _ in $(seq 600); do
		ls t/*/b.in.npy >/dev/null 2>&1 && break
		sleep 0.1
	done
	ls t/*/b.in.npy >&2
	kill -TERM $pid
	wait $pid
	echo $? $(ls t | wc -l)' sh "$pto"

# ended NAME SIGNAL STATUS OPTION... - what is at work, here the program ./slow as well, which has
# told its pid, ends with pto, and nothing of it is left in ./t
ended()
{
	name=$1 sig=$2 status=$3
	shift 3
	rm -f pid
	TMPDIR=$PWD/t PTO_CACHE=$PWD/none "$pto" run ex "$@" >out 2>&1 &
	run=$!
	for _ in $(seq 300); do
		[ -s pid ] && break
		kill -0 $run 2>/dev/null || break
		sleep 0.1
	done
	kill "-$sig" $run
	wait $run
	check "$name" 0 "^$status 0 gone\$" sh -c 'cat out; echo "$1 $(ls t | wc -l) $(
		kill -0 $(cat pid) 2>/dev/null && ps -o stat= -p $(cat pid) | grep -v Z || echo gone)"' \
		sh $?
}
cat >slow <<'END'
#!/bin/sh
case "$*" in
*--version*|*" -E "*)	exec gcc "$@" ;;
esac
echo $$ >pid.new && mv pid.new pid
sleep 60
END
chmod +x slow
copy '' orch.c
PTO_CC=$PWD/slow
export PTO_CC
ended 'a compiler ends with pto' TERM 143
ended 'also if the folder is kept' TERM 143 --out kept
ended 'also by SIGHUP' HUP 129
unset PTO_CC
copy '1iimport os, time; open("pid", "w").write(str(os.getpid())); time.sleep(60)' golden.py
ended 'so does a golden file' TERM 143
check 'nothing is left when nobody reads the result' 0 '^3 0$' sh -c '
	(TMPDIR=$PWD/t "$1" run --json "$2" 2>said; echo $? >status) | :
	echo $(cat status) $(ls t | wc -l)' sh "$pto" "$vector"
done_testing
