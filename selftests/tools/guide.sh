#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# What the user guide and the README show does run, as it is printed there.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1

# block N PAGE - the Nth block of code of a page
block()
{
	awk -v want="$1" '/^```/ { inside = !inside; n += inside; next } inside && n == want' \
		"$root/$2"
}

mkdir saxpy
block 1 Documentation/guide.md >saxpy/saxpy.c
block 2 Documentation/guide.md >saxpy/orch.c
block 3 Documentation/guide.md >saxpy/example.conf
block 4 Documentation/guide.md >saxpy/golden.py
check 'the example of the guide' 0 'PASS saxpy 4096/4096' \
	"$BIN/pto" run saxpy -p n=4096 --block-dim 3
check 'with an odd number of elements' 0 'PASS saxpy 77/77' "$BIN/pto" run saxpy -p n=77

block 1 README.md >double.c
block 2 README.md >build.c
block 3 README.md >double.py
if [ "${SAN:-}" ]; then
	skip 'the example of the README' "the interpreter is not built with SAN=$SAN"
else
	mkdir -p lib build
	ln -s "$root/lib/python" lib/python
	ln -s "$BIN" build/bin
	check 'the example of the README' 0 '^True$' \
		env PTO_RUNTIME_LIB="${BIN%/bin}/libpto_runtime.so" PYTHONDONTWRITEBYTECODE=1 \
		sh -ec "$(block 4 README.md)"
fi

# variables - those that the sources read
variables()
{
	grep -rhoE '(getenv|env_ms|environ\.get)\("PTO_[A-Z_]+"' "$root/lib" "$root/tools/pto" |
		grep -oE 'PTO_[A-Z_]+'
	grep -oE '\{PTO_[A-Z_]+' "$root/tools/cc/pto-cc" | tr -d '{'
}
undocumented()
{
	variables | sort -u | while read -r name; do
		grep -qE "^\|.*\`$name\`.*\|" "$root/README.md" || echo "$name"
	done
}
check 'every environment variable is in the README' 0 '' \
	sh -c 'echo "$1"; test -z "$1"' sh "$(undocumented)"
check 'these are more than ten' 0 '^1[0-9]$' sh -c 'echo "$1" | sort -u | wc -l' sh "$(variables)"
done_testing
