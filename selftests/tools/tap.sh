# SPDX-License-Identifier: MIT OR LGPL-2.1
# shellcheck shell=sh
# Tests as scripts: TAP on standard output. To be sourced.
#
# From the environment: O, the build folder, and PYTHON. The script works in
# $work, which is removed when it ends; pto and pto-cc are in $BIN.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
BIN=$(cd "${O:-$root/build}" && pwd)/bin
export PYTHON="${PYTHON:-/usr/bin/python3}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
export PTO_CACHE="${PTO_CACHE:-$work/cache}"

tests=0 failures=0
echo 'TAP version 13'
[ -x "$BIN/pto" ] || { echo "Bail out! no $BIN/pto"; exit 1; }

# result STATUS NAME - report a test; what is in $work/log explains a failure
result()
{
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tests $2"
	else
		failures=$((failures + 1))
		sed 's/^/# /' "$work/log"
		echo "not ok $tests $2"
	fi
}

# check NAME STATUS TEXT COMMAND... - the command exits with STATUS, and TEXT, an
# extended regular expression, is in what it prints ('': whatever it prints)
check()
{
	name=$1 status=$2 text=$3
	shift 3
	"$@" >"$work/log" 2>&1
	got=$?
	if [ "$got" = "$status" ] && { [ -z "$text" ] || grep -qE -e "$text" "$work/log"; }; then
		result 0 "$name"
	else
		echo "exit $got; wanted: exit $status and /$text/" >>"$work/log"
		result 1 "$name"
	fi
}

# skip NAME WHY
skip()
{
	tests=$((tests + 1))
	echo "ok $tests $1 # SKIP $2"
}

# done_testing - the plan comes last, as a script does not know it before
done_testing()
{
	echo "1..$tests"
	[ $failures = 0 ] || exit 1
	exit 0
}
