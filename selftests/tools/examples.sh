#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# The examples, on 1, 3 and 24 blocks: all elements right, and a profile that
# makes sense.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"

counts='1 3 24'
# example NAME OPTION...
example()
{
	example=$1
	shift
	for blocks in $counts; do
		title="$example, block_dim $blocks"
		out=$work/$example-$blocks
		check "$title" 0 "PASS $example ([0-9]+)/\\1\$" \
			"$BIN/pto" run --profile --out "$out" --block-dim "$blocks" "$@" \
			"$root/tools/examples/$example"
		check "$title: profile" 0 '' "$PYTHON" "$here/check_profile.py" \
			"$out/swim_time.json" "$blocks" "$root/tools/examples/$example"
	done
}

example vector
example matmul -p m=100 -p n=60 -p k=44 --threads 2
example bgemm -p batch=2 -p m=130 -p n=100 -p k=70 -p tile=32 --threads 2
example softmax -p rows=100 -p cols=37
example cholesky -p n=100 -p tile=17 --threads 3
example paged_attention
example stream -p tasks=20000 -p cells=300 --threads 2
example mixed
# In a window that is always full; an emulated machine has less time for it.
[ -z "${PTO_TEST_SLOW:-}" ] || counts=3
export PTO2_RING_TASK_WINDOW=16
example paged_attention -p batch=3 -p heads=6 -p kv_heads=2 -p dim=24 -p page=7 -p table=46
example stream -p tasks=20000 -p cells=100
example mixed -p rows=101 -p cols=37 -p tile=8 --threads 3
export PTO2_RING_TASK_WINDOW=4
example cholesky -p n=130 -p tile=13
unset PTO2_RING_TASK_WINDOW

check 'the log says what an orchestration needed' 0 \
	'orchestration: 1000 tasks; at most [1-9][0-9]* at once, with [0-9]+ blocks of edges; scopes held 0, 0,' \
	env PTO_LOG_LEVEL=info "$BIN/pto" run -p tasks=1000 -p cells=10 "$root/tools/examples/stream"

# Tasks of all five shapes.
shapes()
{
	"$PYTHON" - "$work/mixed-3/swim_time.json" <<-END
	import json, sys
	from collections import defaultdict
	lanes = defaultdict(list)
	for record in json.load(open(sys.argv[1]))["tasks"]:
	    lanes[record["task_id"]].append(record["core_type"])
	shapes = {"+".join(sorted(kinds)) for kinds in lanes.values()}
	assert shapes == {"aic", "aiv", "aiv+aiv", "aic+aiv", "aic+aiv+aiv"}, shapes
	END
}
check 'mixed has tasks of all five shapes' 0 '' shapes

# Launches with one block and with 24, in turn; the shortest of each count.
compare_blocks()
{
	for blocks in 1 24 1 24 1 24 1 24; do
		"$BIN/pto" run --json --repeat 10 --block-dim $blocks \
			"$root/tools/examples/bgemm" >>"$work/runs-$blocks.json"
	done
	"$PYTHON" - "$work/runs-1.json" "$work/runs-24.json" <<-END
	import re, sys
	def least(name):
	    runs = re.findall(r'"launch_us":\s*\[([^]]*)', open(name).read())
	    return min(float(us) for run in runs for us in run.split(","))
	one, many = map(least, sys.argv[1:])
	assert many <= 1.5 * one, f"{one} us and {many} us"
	END
}

title='bgemm, block_dim 24 takes no longer than half as much again as block_dim 1'
if [ "${SAN:-}" ]; then
	skip "$title" 'a sanitizer changes times'
elif [ "${PTO_TEST_SLOW:-}" ]; then
	skip "$title" 'times mean nothing in an emulated machine'
else
	check "$title" 0 '' compare_blocks
fi
done_testing
