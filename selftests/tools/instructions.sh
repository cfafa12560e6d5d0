#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# Instructions per task: none is more than 10 % above tools/bench/instructions.txt. When a change
# is worth more, or makes it less, that file changes with it: make bench-instructions tells.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
table=$root/tools/bench/instructions.txt

# compare NOW: say where the table of this name is above $table, or lacks a line of it, and
# show it then. What costs less than an instruction is not compared.
compare()
{
	awk '
		FNR == 1 { next }
		NR == FNR { for (i = 2; i <= NF; i++) was[$1, i] = $i; rows[$1]; next }
		{
			seen[$1]
			for (i = 2; i <= NF; i++)
				if ($i > 1 && $i > 1.1 * was[$1, i]) {
					print $1 ": " $i " instead of " was[$1, i]
					bad = 1
				}
		}
		END {
			for (row in rows)
				if (!(row in seen)) {
					print row ": was not counted"
					bad = 1
				}
			exit bad
		}' "$table" "$1" && return
	cat "$1"
	return 1
}

count()
{
	"$root/tools/bench/instructions" "$BIN/pto-bench" >"$work/now" && compare "$work/now"
}

# Once more, as a thread of the library's that wakes up may have its part in a count.
count_twice()
{
	count && return
	echo 'The second time:'
	count
}

# A table that no build could keep to, and one that lacks a graph.
compare_less()
{
	awk 'FNR > 1 { $3 = $3 * 0.9 - 1 } { print }' "$root/tools/bench/instructions.txt" >"$work/less"
	table=$work/less
	compare "$work/now"
}

compare_missing()
{
	grep -v tree "$work/now" >"$work/missing"
	compare "$work/missing"
}

how="$(sed -n '1s/.*; //p' "$table")"
if [ "${SAN:-}" ]; then
	skip 'instructions per task' 'the build is for a sanitizer'
elif ! command -v callgrind_annotate >/dev/null; then
	skip 'instructions per task' 'no valgrind'
elif [ "$(gcc -dumpversion) $(uname -m)" != "$how" ]; then
	skip 'instructions per task' "the table is of $how"
else
	check 'instructions per task: at most 10 % more' 0 '' count_twice
	[ $failures != 0 ] || sed 's/^/# /' "$work/log"
	check 'more instructions than a table says are told' 1 'indep: .* instead of' compare_less
	check 'a graph that was not counted is told' 1 'tree: was not counted' compare_missing
	check 'a benchmark that fails is told' 1 'indep: valgrind .*exit status' \
		"$root/tools/bench/instructions" "$BIN/pto-bench" nobody
fi
done_testing
