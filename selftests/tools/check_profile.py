# SPDX-License-Identifier: MIT OR LGPL-2.1
"""Assert that a profile can be true.

check_profile.py SWIM_TIME.JSON BLOCKS EXAMPLE
"""
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

profile = json.loads(Path(sys.argv[1]).read_text())
blocks = int(sys.argv[2])
conf = (Path(sys.argv[3]) / "example.conf").read_text()
kinds = {int(func_id): core for func_id, core in
         re.findall(r'func_id = (\d+);.*core = "(\w+)"', conf)}

tasks = {task["task_id"]: task for task in profile["tasks"]}
assert tasks, "no tasks"
assert len(tasks) == len(profile["tasks"]), "a task twice"

cores = defaultdict(list)
for task in tasks.values():
    core = task["core_id"]
    kind = "aic" if core < blocks else "aiv"
    assert 0 <= core < 3 * blocks, f"{task}: no such core"
    assert task["core_type"] == kind == kinds[task["func_id"]], f"{task}: wrong kind of core"
    assert task["dispatch_time_us"] <= task["start_time_us"] <= task["end_time_us"] \
        <= task["finish_time_us"], f"{task}: times out of order"
    assert abs(task["end_time_us"] - task["start_time_us"] - task["duration_us"]) < 0.01, task
    assert len(task["fanout"]) == task["fanout_count"], task
    for successor in task["fanout"]:
        assert tasks[successor]["start_time_us"] >= task["end_time_us"], \
            f"{tasks[successor]} started before the end of {task}"
    cores[core].append(task)

for core, ran in cores.items():
    ran.sort(key=lambda task: task["start_time_us"])
    for before, after in zip(ran, ran[1:]):
        assert before["end_time_us"] <= after["start_time_us"], \
            f"core {core}: {before} and {after} overlap"

# A thread's waits lie within its stays, and all tasks were processed in one of these.
processed = 0
for thread in profile["aicpu_scheduler_phases"]:
    stays = [p for p in thread if p["phase"] == "schedule"]
    processed += sum(stay["tasks_processed"] for stay in stays)
    for wait in (p for p in thread if p["phase"] != "schedule"):
        assert wait["phase"] == "wait" and not wait["tasks_processed"], wait
        assert any(stay["start_time_us"] <= wait["start_time_us"] <= wait["end_time_us"]
                   <= stay["end_time_us"] for stay in stays), wait
assert processed == len(tasks), f"{processed} of {len(tasks)} tasks were processed"

kinds_used = {task["core_type"] for task in tasks.values()}
assert kinds_used == set(kinds.values()), kinds_used
