#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# pto trace: what it makes of a profile.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
pto=$BIN/pto
cd "$work" || exit 1

# Tasks 0 and 1 are waited for by 3, 0 also by 2, and 2 by 3, all on three of a device's cores.
# Task 4 runs on two of them. An edge leads to a task that did not run.
"$PYTHON" - <<'END'
import json

def task(task_id, func_id, core, dispatch, start, end, finish, *fanout):
    return dict(task_id=task_id, func_id=func_id, core_id=core,
                core_type="aic" if core < 24 else "aiv", dispatch_time_us=dispatch,
                start_time_us=start, end_time_us=end, duration_us=end - start,
                finish_time_us=finish, fanout=fanout, fanout_count=len(fanout))

def save(name, tasks, **more):
    json.dump({"version": 2, "tasks": tasks, **more}, open(name, "w"))

def phase(name, start, end):
    return {"phase": name, "start_time_us": start, "end_time_us": end, "tasks_processed": 2}

tasks = [task(3, 7, 30, 1005, 1006.5, 1009.5, 1010), task(0, 3, 5, 1000, 1001, 1003, 1003.5, 2, 3),
         task(1, 3, 6, 1000, 1001, 1005, 1005.5, 3), task(2, 7, 30, 1004, 1004.5, 1005.5, 1006, 3, 99),
         task(4, 9, 5, 1005, 1006, 1007, 1008), task(4, 9, 6, 1005, 1006, 1007.5, 1008)]
threads = [[phase("schedule", 999, 1010), phase("wait", 1001, 1003)], [phase("schedule", 1001, 1002)]]
save("bare.json", tasks)
save("swim_time.json", tasks, aicpu_scheduler_phases=threads,
     aicpu_orchestrator_phases=[phase("submit", 999, 1000)])
save("driver.json", [{**t, "driver_accept_time_us": t["dispatch_time_us"] + 0.25,
                      "driver_done_time_us": t["end_time_us"] + 0.25} for t in tasks])
save("empty.json", [])
save("lacking.json", [{k: v for k, v in tasks[0].items() if k != "func_id"}])
save("core.json", [{**tasks[0], "core_id": 72}])
save("func.json", [{**tasks[0], "func_id": 1 << 40}])
save("backwards.json", [{**tasks[0], "end_time_us": 1006}])
save("circle.json", [{**tasks[0], "fanout": [0]}, tasks[1], tasks[2]])
save("itself.json", [{**tasks[0], "fanout": [3]}])
save("odd.json", [{**tasks[0], "fanout": [None, "2", [3]]}, {**tasks[1], "fanout": 4}])
save("phase.json", tasks, aicpu_scheduler_phases=[["schedule"]])
save("early.json", tasks, aicpu_scheduler_phases=[[phase("schedule", 2, 1)]])
save("kinds.json", tasks, aicpu_scheduler_phases=[[phase(f"kind {i}", 1, 2) for i in range(33)]])
END
printf '{ "version": 1 }' >notasks.json
printf '{ "tasks": [' >broken.json

check 'the whole time' 0 '^5 tasks in 11.0 us' "$pto" trace
check 'without phases it is shorter' 0 '^5 tasks in 10.0 us' "$pto" trace bare.json
check 'the critical path' 0 '^critical path: 2 tasks, 7.0 us, 63.6% of the time$' "$pto" trace
check 'overhead, without what a task had to queue' 0 ': 0.92 us before it, 0.58 us after' \
	"$pto" trace
check 'what of it was the driver' 0 '^of that in the driver.*: 0.71 us before it, 0.25 us after it$' \
	"$pto" trace driver.json
check 'nothing, without one' 1 '' sh -c "'$pto' trace | grep driver"
check 'mean, percentiles and total of a function' 0 \
	'func 3 +3 +2 +3.00 +2.00 +4.00 +2.00 +4.00 +6.0$' "$pto" trace
check 'how busy a core was' 0 'AIV core 30 +2 +36.4%' "$pto" trace swim_time.json
check 'phases of a thread' 0 'scheduler 0 +4  schedule 11.0 wait 2.0$' "$pto" trace
check 'the orchestrator is a thread' 0 'orchestrator 0 +2  submit 1.0$' "$pto" trace
check 'functions can be named' 0 '^mul +7 +2 ' "$pto" trace -n 7=mul --name=8=nix

# json EXPRESSION - of what is printed as JSON
json()
{
	"$pto" trace --json | "$PYTHON" -c "import json, sys; r = json.load(sys.stdin); print($1)"
}
check 'the same as JSON' 0 "^1 5 4 11 \[1, 3\] 7 3 \{'schedule': 11.0, 'wait': 2.0\}\$" json \
	'r["version"], r["tasks"], r["edges"], round(r["span_us"]), r["critical_path"]["task_ids"],
	round(r["critical_path"]["us"]), len(r["cores"]), r["threads"][0]["phases_us"]'
check 'which has these keys' 0 "^\['cores', 'critical_path', 'edges', 'functions', 'overhead', \
'span_us', 'tasks', 'threads', 'version'\]\$" json 'sorted(r)'
check 'the driver, as JSON' 0 '"driver_head_mean_us": 0.7083' "$pto" trace --json driver.json

# svg FILE EXPRESSION - of an SVG, whose elements of a class are all("class")
svg()
{
	"$PYTHON" -c '
import sys
import xml.etree.ElementTree as tree
elements = list(tree.parse(sys.argv[1]).iter())
all = lambda name: [e for e in elements if name in e.get("class", "").split()]
print(*eval(sys.argv[2]))' "$@"
}
check 'an SVG is written' 0 '' "$pto" trace --svg s.svg
check 'a bar a task, a lane a core or thread, overhead, phases, the critical path' 0 \
	'^6 6 6 4 4 3$' svg s.svg \
	'[len(all(c)) for c in ("bar", "lane", "head", "tail", "phase", "critical")]'
check 'bars say what they are' 0 'func 7, task 2' cat s.svg
check 'the task graph is drawn' 0 '' "$pto" trace --graph g.svg
check 'a box a task, an arrow an edge' 0 '^5 4 3$' \
	svg g.svg '[len(all(c)) for c in ("bar", "edge", "critical")]'
check 'what waits is drawn below' 0 '^True$' svg g.svg \
	'[(lambda y: y["0"] < y["2"] < y["3"] > y["1"])({e.text: float(e.get("y")) for e in all("label")})]'
check 'the task graph for graphviz' 0 '' "$pto" trace --dot g.dot
check 'has all edges' 0 '^4$' grep -c -e '->' g.dot
check 'and the critical path' 0 '"1" -> "3" \[color' cat g.dot

check 'a Perfetto trace is written' 0 '' "$pto" trace --perfetto p.json
check 'with the times of each task' 0 \
	'^\[\(2.0, 2.0\), \(2.0, 4.0\), \(5.5, 1.0\), \(7.0, 1.0\), \(7.0, 1.5\), \(7.5, 3.0\)\]$' \
	"$PYTHON" -c '
import json
events = json.load(open("p.json"))["traceEvents"]
print(sorted((e["ts"], e["dur"]) for e in events if "task_id" in e.get("args", {})))'
check 'and the names of the cores' 0 '"AIC core 5"' cat p.json

evil='</title><script>alert("&")</script>\'
tab=$(printf 'a\tb\377')
check 'names are escaped' 0 '' "$pto" trace --name "3=$evil" --name "7=$tab" --svg e.svg \
	--graph eg.svg --dot e.dot --html e.html --perfetto e.json
for file in e.svg eg.svg; do
	check "in $file" 0 '^True True$' svg $file \
		'[any(name in (e.text or "") for e in elements) for name in
		("</title><script>alert(\"&\")</script>\\", "a?b?")]'
done
check 'in DOT' 0 'label="</title><script>alert\(\\"&\\"\)</script>\\\\\\n#0' cat e.dot
check 'in the page' 1 '' grep -F '</title><script>alert' e.html
check 'in the trace' 0 '^True$' "$PYTHON" -c '
import json, sys
print(sys.argv[1] in {e["name"] for e in json.load(open("e.json"))["traceEvents"]})' "$evil"

check 'a profile without tasks' 0 '^0 tasks' "$pto" trace empty.json --svg e.svg --graph g.svg \
	--perfetto e.json --html e.html --dot e.dot
check 'edges that are none' 0 '^2 tasks' "$pto" trace odd.json
check 'no profile' 3 'nix.json' "$pto" trace nix.json
check 'broken JSON' 3 'broken.json' "$pto" trace broken.json
sed 's,"version": 2,"version": 3,' swim_time.json >newer.json
check 'of another version' 3 'another version than 2' "$pto" trace newer.json
check 'a folder' 3 'is a folder' "$pto" trace .
check 'JSON of another kind' 3 'no profile' "$pto" trace notasks.json
check 'a task that lacks a key' 3 'func_id' "$pto" trace lacking.json
check 'a core that no device has' 3 'core 72' "$pto" trace core.json
check 'a func_id that can not be' 3 'func_id 1099511627776' "$pto" trace func.json
check 'a task that ends before it starts' 3 'task 3 ends before' "$pto" trace backwards.json
check 'tasks that wait for each other' 3 'in a circle' "$pto" trace circle.json
check 'a task that waits for itself' 3 'in a circle' "$pto" trace itself.json
check 'a phase that is none' 3 'a phase of the profile' "$pto" trace phase.json
check 'a phase that ends before it starts' 3 'ends before it starts' "$pto" trace early.json
check 'too many kinds of phases' 3 'more than 32 kinds' "$pto" trace kinds.json
for output in svg html perfetto dot graph; do
	check "a file that can not be written: $output" 3 '/nix/f' "$pto" trace --$output /nix/f
	check "a full disk: $output" 3 'writing /dev/full' "$pto" trace --$output /dev/full
done
check 'a full disk for the text' 3 'writing' sh -c "'$pto' trace >/dev/full"
check 'two profiles' 2 'more than one' "$pto" trace empty.json empty.json
check 'a name for nothing' 2 'FUNC_ID=NAME wanted' "$pto" trace --name mul
done_testing
