#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# pto trace: what it makes of a profile.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
pto=$BIN/pto
cd "$work" || exit 1

# Two adds of 2 and 4 us, and a mul of 3 us, on three of the cores of a device.
cat >swim_time.json <<'END'
{ "version": 1, "tasks": [
  { "task_id": 2, "func_id": 7, "core_id": 30, "core_type": "aiv", "dispatch_time_us": 1004,
    "start_time_us": 1005, "end_time_us": 1008, "duration_us": 3, "finish_time_us": 1010,
    "fanout": [], "fanout_count": 0 },
  { "task_id": 0, "func_id": 3, "core_id": 5, "core_type": "aic", "dispatch_time_us": 1000,
    "start_time_us": 1001, "end_time_us": 1003, "duration_us": 2, "finish_time_us": 1003.5,
    "fanout": [ 2 ], "fanout_count": 1 },
  { "task_id": 1, "func_id": 3, "core_id": 6, "core_type": "aic", "dispatch_time_us": 1000,
    "start_time_us": 1001, "end_time_us": 1005, "duration_us": 4, "finish_time_us": 1005.5,
    "fanout": [], "fanout_count": 0 } ] }
END
sed 's/"func_id": 7, //' swim_time.json >lacking.json
sed 's/"core_id": 30/"core_id": 72/' swim_time.json >core.json
printf '{ "version": 1, "tasks": [] }' >empty.json
printf '{ "version": 1 }' >notasks.json
printf '{ "tasks": [' >broken.json

check 'the whole time' 0 '^3 tasks in 10.0 us' "$pto" trace
check 'mean and total of a function' 0 'func 3 +2 +3.00 +2.00 +4.00 +6.0$' "$pto" trace
check 'how busy a core was' 0 'AIV core 30 +1 +30.0%' "$pto" trace swim_time.json

check 'an SVG is written' 0 '' "$pto" trace --svg s.svg
check 'which is well-formed, with a bar a task and a lane a core used' 0 '^3 3$' "$PYTHON" -c '
import xml.etree.ElementTree as e
rects = [r.get("class") for r in e.parse("s.svg").iter("{http://www.w3.org/2000/svg}rect")]
print(sum("bar" in r for r in rects), rects.count("lane"))'
check 'bars say what they are' 0 'func 7, task 2' cat s.svg

check 'a Perfetto trace is written' 0 '' "$pto" trace --perfetto p.json
check 'with the times of each task' 0 '^\[\(1.0, 2.0\), \(1.0, 4.0\), \(5.0, 3.0\)\]$' \
	"$PYTHON" -c '
import json
events = json.load(open("p.json"))["traceEvents"]
print(sorted((e["ts"], e["dur"]) for e in events if e["ph"] == "X"))'
check 'and the names of the cores' 0 '"AIC core 5"' cat p.json

check 'a profile without tasks' 0 '^0 tasks' "$pto" trace empty.json --svg e.svg --perfetto e.json
check 'no profile' 3 'nix.json' "$pto" trace nix.json
check 'broken JSON' 3 'broken.json' "$pto" trace broken.json
check 'JSON of another kind' 3 'no profile' "$pto" trace notasks.json
check 'a task that lacks a key' 3 'func_id' "$pto" trace lacking.json
check 'a core that no device has' 3 'core 72' "$pto" trace core.json
check 'a file that can not be written' 3 '/nix/s.svg' "$pto" trace --svg /nix/s.svg
check 'a full disk' 3 'writing /dev/full' "$pto" trace --svg /dev/full
check 'a full disk for the text' 3 'writing' sh -c "'$pto' trace >/dev/full"
check 'two profiles' 2 'more than one' "$pto" trace empty.json empty.json
done_testing
