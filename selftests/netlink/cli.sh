#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# cli.sh KERNEL: what pto shows of a host with sixteen devices, two users, a fault, a reset and
# an unplug. It runs in a virtual machine (cli_guest.sh); here it is looked at.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/../tools/tap.sh"
user=${BIN%/bin}/selftests/netlink_user
cd "$root" || exit 1

tools/vm/run -a 'mock=16 mock_mem_mb=64 mock_blocks=2' -o "$work/json" -m 768 -t 480 \
	-f /etc/passwd -f /etc/group -f /usr/bin/script -f /lib/terminfo/x/xterm \
	"${1:-6.12}" -- selftests/netlink/cli_guest.sh "$BIN/pto" "$user" >"$work/all" 2>&1
status=$?
tr -d '\r' <"$work/all" >"$work/out"

# part HEADING - what is under it
part()
{
	awk -v want="== $1" '/^== / { on = $0 == want; next } on' "$work/out"
}

# shows NAME HEADING TEXT - TEXT is there
shows()
{
	part "$2" >"$work/part"
	check "$1" 0 "$3" cat "$work/part"
}

# lacks NAME HEADING TEXT - it is not
lacks()
{
	part "$2" >"$work/part"
	check "$1" 1 '' grep -E "$3" "$work/part"
}

check 'the machine ran to its end' 0 '^== end$' sh -c 'cat "$1"; exit "$2"' sh "$work/out" $status
shows 'list has the mocks' list '^pto15 +mock +ready +2 +64\.0M +0 +0 +0$'
shows 'and the embedded device' list '^embedded0 +embedded'
shows 'doctor finds all' doctor '^ok +pto0 +/dev/pto/pto0 may be used$'
shows 'and nothing that fails' doctor '^exit 0$'

pids=$(part 'two users' | sed -n 's/^pids //p')
for n in 1 2; do
	pid=$(echo "$pids" | cut -d ' ' -f $n)
	label=$(echo first second | cut -d ' ' -f $n)
	shows "ps has the $label user" 'two users' \
		"^pto0 +[0-9]+ +$pid +root +live +12\.0K +2 .* $label +netlink_user\$"
done
shows 'ps has the streams' streams '^pto0 +[0-9]+ +[0-9]+ +aic +0 +4 +running '
shows 'top: a core of each is busy' top \
	'^pto0 +[0-9]+ +[0-9]+ +root +(0\.[5-9]|1\.).* first +netlink_user$'
shows 'top: both of them, on the device' top '^pto0 +ready +2 +(1\.|2\.0)'
shows 'top draws on a terminal' 'top on a terminal' 'second'

# Events, each once, and no other.
in_order()
{
	part 'what came' | sed 's/^[0-9.]* //; /^pto2 /d' >"$work/part"
	cat "$work/part"
	[ "$(sed 's/^\(pto[0-9]* [a-z-]*\).*/\1/' "$work/part" | tr '\n' ' ')" = \
	  'pto0 fault pto0 fault pto0 reset-begin pto0 reset-end pto3 removed exit 0 ' ]
}
check 'monitor: fault, reset, unplug, in order' 0 'injected, code 99' in_order
shows 'fault knows it when the process is gone' fault '^pto0 at .* injected, code 99$'
shows 'a hang is a fault, too' fault 'a command \(HANG\) hung'
shows 'its dump says which stream' dump '^pto0: stream [0-9]+ \(copy 0\) of context [12] hung for 200 ms$'
shows 'and which command' dump '^ *[0-9]+ +HANG +hung '
shows 'and what is behind it' dump '^ *[0-9]+ +NOP +queued '
lacks 'the users are gone' 'after the reset' 'netlink_user'
shows 'the generation is the next' 'after the reset' '^pto0 .* 0 +1$'
lacks 'the device is gone' 'after the reset' '^pto3 '
shows 'stat as CSV' stat '^time,dev,opened,submitted'

# How often, and what was exited with.
count_csv()
{
	part stat | grep -c '^[0-9.]*,0,2,'
}
exit_codes()
{
	part refused | sed -n 's/^exit //p' | tr '\n' ' '
}
check 'twice, a line each' 0 '^2$' count_csv
shows 'others can not reset' refused 'a reset takes CAP_NET_ADMIN'
shows 'nor see faults' refused 'faults are not shown'
shows 'what is gone is not reset' refused '^pto: pto3: there is no such device$'
shows 'nor told of' refused 'pto3: no such device'
check 'exit codes' 0 '^3 0 3 3 $' exit_codes

# The guide shows how this looks: but for numbers and their columns, lines that were printed now.
numberless()
{
	tr -d '\r' | sed -E 's/[0-9]+(\.[0-9]+)?/N/g; s/ +/ /g' | sort -u
}
guide_lines()
{
	awk '/^## / { on = /host/ } /^```/ { code = !code; next } on && code && !/^# /' \
		Documentation/guide.md
}
guide_is_right()
{
	numberless <"$work/out" >"$work/printed"
	guide_lines | numberless >"$work/told"
	[ -s "$work/told" ] && comm -13 "$work/printed" "$work/told" | tee "$work/wrong"
	[ ! -s "$work/wrong" ]
}
check 'what the guide shows is what they print' 0 '' guide_is_right

check 'JSON is as the schema says' 0 '^(1[5-9]|[2-9][0-9]) values$' "$PYTHON" selftests/netlink/validate.py \
	Documentation/pto.schema.json "$work/json"
done_testing
