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

# A record for each lane of a task.
tasks = defaultdict(list)
for record in profile["tasks"]:
    tasks[record["task_id"]].append(record)
assert tasks, "no tasks"

# In this order; the driver's are there for all records, or for none.
TIMES = ["dispatch_time_us", "driver_accept_time_us", "start_time_us", "end_time_us",
         "driver_done_time_us", "finish_time_us"]
if not any("driver_done_time_us" in record for record in profile["tasks"]):
    TIMES = [key for key in TIMES if not key.startswith("driver")]

cores = defaultdict(list)
for record in profile["tasks"]:
    core = record["core_id"]
    kind = "aic" if core < blocks else "aiv"
    assert 0 <= core < 3 * blocks, f"{record}: no such core"
    assert record["core_type"] == kind == kinds[record["func_id"]], f"{record}: wrong kind of core"
    times = [record[key] for key in TIMES]
    assert times == sorted(times), f"{record}: times out of order"
    assert abs(record["end_time_us"] - record["start_time_us"] - record["duration_us"]) < 0.01, record
    assert len(record["fanout"]) == record["fanout_count"], record
    for successor in record["fanout"]:
        for lane in tasks[successor]:
            assert lane["start_time_us"] >= record["end_time_us"], \
                f"{lane} started before the end of {record}"
    cores[core].append(record)

for lanes in tasks.values():
    used = [lane["core_id"] for lane in lanes]
    assert len(set(used)) == len(used), f"a core twice: {lanes}"
    assert len({c if c < blocks else (c - blocks) // 2 for c in used}) == 1, f"many blocks: {lanes}"

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

kinds_used = {record["core_type"] for record in profile["tasks"]}
assert kinds_used == set(kinds.values()), kinds_used
