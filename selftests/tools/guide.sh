#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# The example that the user guide walks through does run, as it is printed there.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1

# block N - the Nth block of code of the guide
block()
{
	awk -v want="$1" '/^```/ { inside = !inside; n += inside; next } inside && n == want' \
		"$root/Documentation/guide.md"
}

mkdir saxpy
block 1 >saxpy/saxpy.c
block 2 >saxpy/orch.c
block 3 >saxpy/example.conf
block 4 >saxpy/golden.py
check 'the example of the guide' 0 'PASS saxpy 4096/4096' \
	"$BIN/pto" run saxpy -p n=4096 --block-dim 3
check 'with an odd number of elements' 0 'PASS saxpy 77/77' "$BIN/pto" run saxpy -p n=77
done_testing
