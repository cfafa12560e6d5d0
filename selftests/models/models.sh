#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# The models of this folder hold, and each mutant of them is caught.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/../tools/tap.sh"

# spin_run MODEL DEFINE... - what the search says goes to standard output
spin_run()
{
	model=$here/$1.pml
	shift
	rm -rf "$work/pan"
	mkdir "$work/pan"
	cd "$work/pan" || return
	# To optimize takes longer than it saves.
	spin "$@" -a "$model" && gcc -w -DSAFETY -DCOLLAPSE -DMEMLIM=2048 -o pan pan.c &&
		./pan -m20000
}

# spin_check MODEL DEFINES - the model holds
spin_check()
{
	# shellcheck disable=SC2086
	spin_run "$1" $2 >"$work/log" 2>&1 &&
		grep -q 'errors: 0$' "$work/log" &&
		! grep -qE 'Search not completed|max search depth too small' "$work/log"
	result $? "spin: $1${2:+ $2}"
}

# spin_mutants MODEL DEFINES MUTANT... - the model does not hold with any of them
spin_mutants()
{
	model_name=$1 defines=$2
	shift 2
	for mutant; do
		# shellcheck disable=SC2086
		spin_run "$model_name" $defines "-D$mutant" >"$work/log" 2>&1
		grep -qE 'errors: [1-9]' "$work/log"
		result $? "spin: $model_name $mutant is caught"
	done
}

spin_models()
{
	spin_check queue '-DCORES=1 -DCOUNT=3'
	spin_check queue '-DCORES=2 -DCOUNT=1'
	spin_mutants queue '-DCORES=1 -DCOUNT=3' NO_RECHECK NO_REACHED TWO_BUSY OVERFULL
	spin_mutants queue '-DCORES=2 -DCOUNT=1' NO_LOOK STALE_EVENT
	spin_check ring ''
	spin_mutants ring '' NO_SWAP NO_FULL EARLY_TAIL SMALL_HEAD
	spin_check window ''
	spin_check window '-DWINDOW=3'
	spin_check window '-DWINDOW=1 -DWORKERS=1'
	spin_mutants window '' LATE_LOOK EARLY_DONE STALE NO_BIAS NO_ROOM NO_AGAIN
	spin_check cores ''
	spin_mutants cores '' NO_LOOK LATE_EVENT NO_PARKED NO_ROUSE NO_REACHED
	spin_check gang ''
	spin_check gang '-DCANCEL'
	spin_mutants gang '' NO_SCAN NO_BROKEN
	spin_mutants gang '-DCANCEL' NO_STATE TWO_BUSY
	spin_check sched '-DWORKERS=3'
	spin_check sched '-DWORKERS=2 -DSTOP'
	spin_check sched '-DWORKERS=3 -DGROW'
	spin_check sched '-DWORKERS=2 -DGROW -DSTOP'
	spin_mutants sched '-DWORKERS=2' NO_LOOK NO_RETURN NO_TELL NO_OPEN NO_WAIT
	spin_mutants sched '-DWORKERS=2 -DSTOP' NO_ERROR
	spin_mutants sched '-DWORKERS=2 -DGROW' NO_COME NO_RETURN NO_TELL
}

order_cases()
{
	check 'order.cc compiles' 0 '' g++ -O1 -o "$work/order" "$here/order.cc"
	"$work/order" >"$work/cases"
	while read -r exchange accesses; do
		check "order: $exchange" 0 'iterations: ' "$work/order" "$exchange"
		for access in $(seq "$accesses"); do
			check "order: $exchange without order $access is caught" 1 \
				'ASSERT FAILED|DATA RACE' "$work/order" "$exchange" "$access"
		done
	done <"$work/cases"
}

if command -v spin >/dev/null && command -v gcc >/dev/null; then
	spin_models
else
	skip 'spin: queue, ring, window, cores, gang, sched' 'no spin, or no gcc'
fi
if echo '#include <relacy/relacy.hpp>' | g++ -fsyntax-only -x c++ - 2>/dev/null; then
	order_cases
else
	skip 'order: relaxed memory' 'no relacy, or no g++'
fi
done_testing
