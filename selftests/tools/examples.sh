#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# The examples, on 1, 3 and 24 blocks: all elements right, and a profile that
# makes sense.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"

# example NAME OPTION...
example()
{
	example=$1
	shift
	for blocks in 1 3 24; do
		title="$example, block_dim $blocks"
		out=$work/$example-$blocks
		check "$title" 0 "PASS $example ([0-9]+)/\\1\$" \
			"$BIN/pto" run --profile --out "$out" --block-dim $blocks "$@" \
			"$root/tools/examples/$example"
		check "$title: profile" 0 '' "$PYTHON" "$here/check_profile.py" \
			"$out/swim_time.json" $blocks "$root/tools/examples/$example"
	done
}

example vector
example matmul -p m=100 -p n=60 -p k=44 --threads 2
example bgemm -p batch=2 -p m=130 -p n=100 -p k=70 -p tile=32 --threads 2
example softmax -p rows=100 -p cols=37

# least BLOCKS - us that the shortest of 20 launches takes
least()
{
	"$BIN/pto" run --json --repeat 20 --block-dim "$1" "$root/tools/examples/bgemm" |
		"$PYTHON" -c 'import json, sys; print(min(json.load(sys.stdin)["launch_us"]))'
}

title='bgemm, block_dim 24 takes no longer than half as much again as block_dim 1'
if [ "${SAN:-}" ]; then
	skip "$title" 'a sanitizer changes times'
else
	one=$(least 1) many=$(least 24)
	check "$title" 0 '' "$PYTHON" -c "assert $many <= 1.5 * $one, '$one us and $many us'"
fi
done_testing
