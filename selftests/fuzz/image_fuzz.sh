#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# The image fuzzer for FUZZ_TIME seconds, half of it with loading. What it finds
# stays in $O/selftests/fuzz/found, and what it has learnt in corpus.
set -u

dir=${O:-build}/selftests/fuzz
time=${FUZZ_TIME:-20}
mkdir -p "$dir/corpus" "$dir/found"

# fuzz NUMBER NAME - one run; its end explains a failure
fuzz()
{
	if "$dir/image_fuzz" -max_total_time=$((time / 2)) -max_len=20000 -timeout=20 \
		-rss_limit_mb=2048 -artifact_prefix="$dir/found/" -print_final_stats=1 \
		"$dir/corpus" "$dir/seeds" >"$dir/$1.log" 2>&1; then
		grep -E 'number_of_executed|new_units' "$dir/$1.log" | sed 's/^/# /'
		echo "ok $1 $2"
	else
		tail -n 40 "$dir/$1.log" | sed 's/^/# /'
		echo "not ok $1 $2"
	fi
}

echo 'TAP version 13'
echo '1..2'
fuzz 1 'no input harms the image check'
export PTO_FUZZ_LOAD=1
fuzz 2 'what the image check lets through can be loaded'
