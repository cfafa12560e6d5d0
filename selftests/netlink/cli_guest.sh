#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# cli_guest.sh PTO USER: the tools on a host with sixteen devices, in a virtual machine. Prints
# what they show, under headings, for cli.sh, which knows what it should be.
pto=$1
user=$2
export TERM=xterm TERMINFO=/usr/lib/terminfo NO_COLOR=1

heading() { echo "== $1"; }

# until COMMAND... - it succeeds, in time
until_true()
{
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		"$@" && return
		sleep 0.2
	done
	echo "in vain: $*"
}

heading list
"$pto" list
heading doctor
"$pto" doctor
echo "exit $?"

mkfifo one two
"$user" 0 first <one >one.out & first=$!
"$user" 0 second <two >two.out & second=$!
exec 5>one 6>two
until_true grep -q ready one.out
until_true grep -q ready two.out
heading 'two users'
echo "pids $first $second"
"$pto" ps pto0
heading streams
"$pto" ps --streams 0
heading top
"$pto" top --batch --count 1 --delay 1 0
heading 'top on a terminal'
script -qc "'$pto' top --count 2 --delay 1 0" /dev/null | tr '\033' ' '
echo

"$pto" monitor >events 2>&1 & monitor=$!
"$pto" monitor --json >events.json 2>&1 & monitor_json=$!
# Both listen when they tell of the reset of a device that is not looked at.
listening()
{
	"$pto" reset pto2 >/dev/null
	grep -q pto2 events && grep -q '"dev":2' events.json
}
until_true listening
echo 'fault 99' >&5
until_true grep -q 'code 99' events
echo hang >&6
until_true grep -q hung events
"$pto" reset pto0
echo 3 >/sys/kernel/debug/pto/unplug
until_true grep -q removed events
until_true grep -q removed events.json
kill -INT $monitor
wait $monitor
status=$?
kill -TERM $monitor_json
wait $monitor_json
heading 'what came'
cat events
echo "exit $status"
heading fault
"$pto" fault 0
heading dump
# Where the kernel has no device core dumps, it is in debugfs.
dump=/sys/class/pto/pto0/devcoredump/data
[ -e $dump ] || dump=/sys/kernel/debug/pto/pto0/dump
"$pto" fault --dump $dump
heading 'after the reset'
"$pto" ps
"$pto" list
heading stat
"$pto" stat --csv --interval 1 --count 2 0

heading refused
su nobody -s /bin/sh -c "'$pto' reset 1; echo exit \$?; timeout 5 '$pto' monitor --timeout 0; echo exit \$?"
"$pto" reset 3
echo "exit $?"
"$pto" info pto3
echo "exit $?"

# What is to be valid JSON, a value a line, for the host.
for words in list info ps 'ps --streams' fault stat 'top --count 1 --delay 1' 'reset 1' doctor \
	"fault --dump $dump"; do
	"$pto" $words --json | tr '\n' ' '
	echo
done >/dev/ttyS3
cat events.json >/dev/ttyS3
heading end
