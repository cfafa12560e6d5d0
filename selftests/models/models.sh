#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# The models of this folder hold, and each mutant of them is caught.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/../tools/tap.sh"

# What is searched for an error: the model holds, or one that is built into it is caught; the
# model; its defines.
searches="$(cat <<-END
	holds queue -DCORES=1 -DCOUNT=3
	holds queue -DCORES=2 -DCOUNT=1
	caught queue -DCORES=1 -DCOUNT=3 -DNO_RECHECK
	caught queue -DCORES=1 -DCOUNT=3 -DNO_REACHED
	caught queue -DCORES=1 -DCOUNT=3 -DTWO_BUSY
	caught queue -DCORES=1 -DCOUNT=3 -DOVERFULL
	caught queue -DCORES=2 -DCOUNT=1 -DNO_LOOK
	caught queue -DCORES=2 -DCOUNT=1 -DSTALE_EVENT
	holds ring
	caught ring -DNO_SWAP
	caught ring -DNO_FULL
	caught ring -DEARLY_TAIL
	caught ring -DSMALL_HEAD
	holds window
	holds window -DWINDOW=3
	holds window -DWINDOW=1 -DWORKERS=1
	caught window -DLATE_LOOK
	caught window -DEARLY_DONE
	caught window -DSTALE
	caught window -DWINDOW=3 -DMOVED
	caught window -DNO_BIAS
	caught window -DNO_ROOM
	caught window -DNO_AGAIN
	holds cores
	caught cores -DNO_LOOK
	caught cores -DLATE_EVENT
	caught cores -DNO_PARKED
	caught cores -DNO_ROUSE
	caught cores -DNO_REACHED
	holds gang
	holds gang -DCANCEL
	caught gang -DNO_SCAN
	caught gang -DNO_BROKEN
	caught gang -DCANCEL -DNO_STATE
	caught gang -DCANCEL -DTWO_BUSY
	holds seat -DTASKS=4
	caught seat -DNO_SWAP
	caught seat -DNO_LEFT
	caught seat -DNO_LOOK
	caught seat -DNO_WAKE
	caught seat -DDROP
	caught seat -DNO_CLOSE
	caught seat -DNO_GIVE
	caught seat -DTWO_LOOKS
	holds turn -DLAUNCHERS=2 -DROUNDS=4
	holds turn -DLEAVE
	caught turn -DTWO_STEPS
	caught turn -DNO_FLAG
	caught turn -DSTALE_EVENT
	caught turn -DNO_WAKE
	caught turn -DLEAVE -DNO_NEXT
	caught turn -DLEAVE -DKEPT
	holds sched -DWORKERS=3
	holds sched -DWORKERS=2 -DSTOP
	holds sched -DWORKERS=3 -DGROW
	holds sched -DWORKERS=2 -DGROW -DSTOP
	caught sched -DWORKERS=2 -DNO_LOOK
	caught sched -DWORKERS=2 -DNO_RETURN
	caught sched -DWORKERS=2 -DNO_TELL
	caught sched -DWORKERS=2 -DNO_OPEN
	caught sched -DWORKERS=2 -DNO_WAIT
	caught sched -DWORKERS=2 -DSTOP -DNO_ERROR
	caught sched -DWORKERS=2 -DGROW -DNO_COME
	caught sched -DWORKERS=2 -DGROW -DNO_RETURN
	caught sched -DWORKERS=2 -DGROW -DNO_TELL
END
)"

# Search each in a folder of its own, as many at a time as there are processors. What pan says
# goes to log there. To optimize it takes longer than it saves.
spin_search()
{
	export here
	# shellcheck disable=SC2016
	echo "$searches" | nl | xargs -L 1 -P "$(nproc)" sh -c '
		mkdir "$0/$1" && cd "$0/$1" && exec >log 2>&1
		model=$here/$3.pml
		shift 3
		spin "$@" -a "$model" && gcc -w -DSAFETY -DCOLLAPSE -DMEMLIM=2048 -o pan pan.c &&
			./pan -m20000
		echo "exit $?"' "$work"
}

spin_models()
{
	spin_search
	while read -r line kind model; do
		cp "$work/$line/log" "$work/log"
		if [ "$kind" = caught ]; then
			grep -qE 'errors: [1-9]' "$work/log"
		else
			grep -q 'errors: 0$' "$work/log" && grep -q '^exit 0$' "$work/log" &&
				! grep -qE 'Search not completed|max search depth too small' "$work/log"
		fi
		result $? "spin: $model: $kind"
	done <<-END
		$(echo "$searches" | nl)
	END
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
	skip 'spin: queue, ring, window, cores, gang, seat, turn, sched' 'no spin, or no gcc'
fi
if echo '#include <relacy/relacy.hpp>' | g++ -fsyntax-only -x c++ - 2>/dev/null; then
	order_cases
else
	skip 'order: relaxed memory' 'no relacy, or no g++'
fi
done_testing
