#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# The tools that look at the host, where there is no driver; and what is said of all commands.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
pto=$BIN/pto
cd "$work" || exit 1

check 'list has the embedded device' 0 '^embedded0 +embedded +ready +24 ' "$pto" list
check 'info tells of it' 0 '^  mode +(inplace|threads)$' "$pto" info embedded
check 'doctor finds that it works' 0 '^ok +embedded ' "$pto" doctor
if [ "${SAN:-}" ]; then
	skip 'without room for the embedded device' 'a sanitizer needs more than that'
else
	for command in list info; do
		check "$command says that there is no room" 3 'embedded device can not be opened: .*doctor' \
			sh -c "ulimit -v 2000000; '$pto' $command"
	done
	check 'doctor says how to get some' 1 'to mend it: ulimit -v unlimited' \
		sh -c "ulimit -v 2000000; '$pto' doctor"
fi
check 'not of what there is not' 3 "pto9: no such device" "$pto" info pto9
if [ -e /sys/module/pto ]; then
	skip 'without a driver' 'there is one'
else
	check 'doctor says how to get the driver' 0 'to mend it: .*modprobe pto' "$pto" doctor
	for command in ps top stat monitor fault 'reset 0'; do
		# shellcheck disable=SC2086  # words
		check "$command says that it is not there" 3 'the driver is not loaded' "$pto" $command
	done
	if ${PTO_CC:-gcc} -w -I"$root/uapi" "$root/tools/examples/ioctl/fill.c" -luring -o fill \
	   2>/dev/null; then
		check 'and so does a program without the library' 1 \
			'^./fill: /dev/pto/pto0: No such file' ./fill
	else
		skip 'and so does a program without the library' 'no liburing'
	fi
fi

# Arguments.
check 'reset of nothing' 2 'Usage' "$pto" reset
check 'reset of what is no device' 2 'ptoN, or N from 0 to 15' "$pto" reset pto16
check 'two devices' 2 'more than one device' "$pto" ps 1 2
check 'a dump that is a folder' 3 'Is a directory' "$pto" fault --dump=.
check 'a count that is none' 2 'whole number from 1' "$pto" top --count 0
check 'an argument too many' 2 'Usage' "$pto" list 0
check 'a full disk' 3 'writing' sh -c "'$pto' list >/dev/full"
check 'a full disk for JSON' 3 'writing' sh -c "'$pto' list --json >/dev/full"

check 'a dump that is none' 3 'no dump of the pto driver' "$pto" fault --dump "$pto"
check 'an empty one' 3 'no stream has hung' "$pto" fault --dump /dev/null
check 'one that is not there' 3 'nix: No such file' "$pto" fault --dump nix
"$PYTHON" - <<'EOF'
import struct
head = struct.pack("<QIIQIIiI16s32sIIIIIIQQQII", 0x504d55446f7470, 1, 144 + 48, 5, 1, 2, 3, 4,
                   b"\xff" * 16, b"l" * 32, 5, 9, 7, 8, 0, 100, 2, 0, 1, 1, 0)
task = struct.pack("<QQHHiHHiIIQ", 2, 0, 999, 0, 0, 0, 0, 0, 0, 0, 0)
open("dump", "wb").write(head + task)
open("cut", "wb").write(head + task[:-1])
open("many", "wb").write(head[:-8] + struct.pack("<II", 0xffffffff, 3) + task)
EOF
check 'a dump of what a newer driver may know' 0 '^ +2 +unknown +hung ' "$pto" fault --dump dump
check 'from standard input' 0 'stream 5 \(unknown 7\)' sh -c "'$pto' fault --dump - <dump"
check 'one that is cut off' 3 'cut off' "$pto" fault --dump cut
check 'one with a wrong number of tasks' 3 'broken' "$pto" fault --dump many

# No colour but on a terminal, and none there for who does not want it.
on_terminal()
{
	script -qec "$*" /dev/null </dev/null | tr '\033' '^'
}
check 'no escapes in a pipe' 1 '' sh -c "'$pto' doctor | grep -q '\\[3'"
check 'colours on a terminal' 0 '\^\[32mok  ' on_terminal "env -u NO_COLOR '$pto' doctor"
check 'but not with NO_COLOR' 0 '^ok  ' on_terminal "NO_COLOR=1 '$pto' doctor"
check 'a reader that leaves early' 0 '^NAME|^DEVICE' sh -c "'$pto' list | head -n 1"

"$pto" run --profile "$root/tools/examples/vector" >log 2>&1
for words in list info doctor trace \
	'bench --graph indep --tasks 100 --sizes 100 --bodies 1000 --reps 1 --threads 1 --peers pto' \
	"run $root/tools/examples/vector"; do
	# shellcheck disable=SC2086  # words
	"$pto" $words --json | tr '\n' ' '
	echo
done >json
check 'JSON is as the schema says' 0 '^6 values$' "$PYTHON" "$root/selftests/netlink/validate.py" \
	"$root/Documentation/pto.schema.json" json

commands=$("$pto" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
check 'there are commands' 0 '^1[0-9]$' sh -c 'echo "$1" | wc -l' sh "$commands"

# without_page - commands that have no page, or options that are not on it
without_page()
{
	for command in $commands; do
		page=$root/Documentation/man/pto-$command.1
		[ -e "$page" ] || echo "$command"
		grep -q "pto-$command (1)" "$root/Documentation/man/pto.1" || echo "pto.1: $command"
		"$pto" "$command" --help | grep -oE -- ' --[a-z][a-z-]*' | tr -d ' ' |
			grep -vxE -- '--help|--usage|--version' | sort -u |
			while read -r option; do
				tr -d '\\' <"$page" | grep -qF -- "$option" ||
					echo "$command $option"
			done
	done
}
check 'each command and option is on a page' 0 '^$' sh -c 'echo "$1"; test -z "$1"' sh "$(without_page)"
# without_variable - what README.md has in its table, and no page
without_variable()
{
	sed -n 's/^| \(`[A-Z0-9_]*`[A-Z0-9_`, ]*\) |.*/\1/p' "$root/README.md" | tr -d '`,' |
		tr ' ' '\n' | while read -r variable; do
		cat "$root"/Documentation/man/*.1 | tr -d '",' | tr ' ' '\n' |
			grep -qx "$variable" || echo "$variable"
	done
}
check 'each variable is on a page' 0 '^$' sh -c 'echo "$1"; test -z "$1"' sh "$(without_variable)"
if command -v groff >/dev/null; then
	check 'the pages are well-formed' 0 '^$' sh -c '
		for page; do groff -man -Tutf8 -ww -z "$page" 2>&1; done | tee warnings
		echo; ! test -s warnings' sh "$root"/Documentation/man/*.[0-9]
else
	skip 'the pages are well-formed' 'no groff'
fi
done_testing
