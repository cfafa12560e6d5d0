#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# Instructions per task: none is more than 10 % above tools/bench/instructions.txt. When a change
# is worth more, or makes it less, that file changes with it: make bench-instructions tells.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
table=$root/tools/bench/instructions.txt

# What costs less than an instruction is not compared.
compare()
{
	awk '
		FNR == 1 { next }
		NR == FNR { for (i = 2; i <= NF; i++) was[$1, i] = $i; next }
		{
			seen[$1]
			for (i = 2; i <= NF; i++)
				if ($i > 1 && $i > 1.1 * was[$1, i]) {
					print $1 ": " $i " instead of " was[$1, i] > "/dev/stderr"
					bad = 1
				}
		}
		END { exit bad || length(seen) != 8 }' "$table" "$work/now"
}

# A table that no build could keep to.
compare_less()
{
	awk 'FNR > 1 { $3 = $3 * 0.9 - 1 } { print }' "$root/tools/bench/instructions.txt" >"$work/less"
	table=$work/less
	compare
}

how="$(sed -n '1s/.*; //p' "$table")"
if [ "${SAN:-}" ]; then
	skip 'instructions per task' 'the build is for a sanitizer'
elif ! command -v callgrind_annotate >/dev/null; then
	skip 'instructions per task' 'no valgrind'
elif [ "$(gcc -dumpversion) $(uname -m)" != "$how" ]; then
	skip 'instructions per task' "the table is of $how"
else
	"$root/tools/bench/instructions" "$BIN/pto-bench" >"$work/now"
	check 'instructions per task: at most 10 % more' 0 '' compare
	check 'more instructions than a table says are told' 1 'indep: .* instead of' compare_less
fi
done_testing
