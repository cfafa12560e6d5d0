# SPDX-License-Identifier: MIT OR LGPL-2.1
"""What pto trace says, computed a second time; its page, as a browser shows it."""
import json
import os
import random
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from browser import Browser
from tap import main

ROOT = Path(__file__).resolve().parents[2]
PTO = Path(os.environ["O"], "bin", "pto")
EVIL = '</script><img src=x onerror="owned=1"><script>owned=1</script>'


def record(task_id, func_id, core_id, dispatch, start, end, finish, fanout=()):
    return {"task_id": task_id, "func_id": func_id, "core_id": core_id,
            "core_type": "aic" if core_id < 24 else "aiv", "dispatch_time_us": dispatch,
            "start_time_us": start, "end_time_us": end, "duration_us": end - start,
            "finish_time_us": finish, "fanout": list(fanout), "fanout_count": len(fanout)}


def phase(name, start, end, **more):
    return {"phase": name, "start_time_us": start, "end_time_us": end, **more}


def driven(profile):
    """The same, through the driver: it took each task later, and saw its end sooner."""
    tasks = [{**t, "driver_accept_time_us": t["dispatch_time_us"] + 0.25,
              "driver_done_time_us": t["end_time_us"] + 0.25} for t in profile["tasks"]]
    return {**profile, "tasks": tasks}


# Two chains that meet in task 3, and a task of two lanes; 1 and 3 are the critical path.
SMALL = {
    "version": 2,
    "tasks": [
        record(3, 7, 30, 1005, 1006.5, 1009.5, 1010),
        record(0, 3, 5, 1000, 1001, 1003, 1003.5, [2, 3]),
        record(1, 3, 6, 1000, 1001, 1005, 1005.5, [3]),
        record(2, 7, 30, 1004, 1004.5, 1005.5, 1006, [3, 99]),
        record(4, 9, 5, 1005, 1006, 1007, 1008),
        record(4, 9, 6, 1005, 1006, 1007.5, 1008),
    ],
    "aicpu_scheduler_phases": [[phase("wait", 1001, 1003, tasks_processed=0),
                                phase("schedule", 999, 1010, tasks_processed=5)]],
    "aicpu_orchestrator_phases": [[phase(EVIL, 999, 1000)]],
}


def random_profile(tasks, edges, seed):
    """Tasks one after the other on each of 72 cores, edges from what has ended before."""
    pick = random.Random(seed)
    free = [pick.randrange(1000) / 8 for _ in range(72)]
    records = []
    for i in range(tasks):
        core = pick.randrange(72)
        dispatch = free[core] + pick.randrange(16) / 8
        start = dispatch + pick.randrange(16) / 8
        end = start + pick.randrange(400) / 8
        free[core] = end
        records.append(record(i, pick.randrange(5), core, dispatch, start, end, end + 0.25))
    for _ in range(edges):
        a, b = pick.sample(records, 2)
        if b["end_time_us"] <= a["start_time_us"]:
            a, b = b, a
        if a["end_time_us"] <= b["start_time_us"] and a["duration_us"] and b["duration_us"]:
            a["fanout"].append(b["task_id"])
            a["fanout_count"] += 1
    pick.shuffle(records)
    return {"version": 2, "tasks": records}


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)

    @classmethod
    def trace(cls, profile, *options):
        (cls.folder / "profile.json").write_text(json.dumps(profile))
        return subprocess.run([PTO, "trace", cls.folder / "profile.json", *options], check=True,
                              timeout=120, capture_output=True, text=True).stdout

    @classmethod
    def page(cls, profile, name, *options):
        path = cls.folder / name
        cls.trace(profile, "--html", path, *options)
        return path


class Figures(Folder):
    def nearest_rank(self, values, percent):
        return sorted(values)[max(-(-len(values) * percent // 100), 1) - 1]

    def longest(self, tasks):
        length = {}
        for t in sorted(tasks, key=lambda t: -t["start_time_us"]):
            length[t["task_id"]] = t["duration_us"] + max(
                (length[to] for to in t["fanout"]), default=0)
        return max(length.values())

    def test_random(self):
        for seed in range(4):
            profile = random_profile(600 * seed + 2, 3000, seed)
            tasks = profile["tasks"]
            got = json.loads(self.trace(profile, "--json"))
            first = min(t["dispatch_time_us"] for t in tasks)
            last = max(t["finish_time_us"] for t in tasks)
            self.assertEqual(got["tasks"], len(tasks))
            self.assertEqual(got["edges"], sum(t["fanout_count"] for t in tasks))
            self.assertAlmostEqual(got["span_us"], last - first, 6)
            self.assertAlmostEqual(got["critical_path"]["us"], self.longest(tasks), 6)
            by_id = {t["task_id"]: t for t in tasks}
            path = got["critical_path"]["task_ids"]
            self.assertAlmostEqual(sum(by_id[i]["duration_us"] for i in path),
                                   self.longest(tasks), 6)
            for a, b in zip(path, path[1:]):
                self.assertIn(b, by_id[a]["fanout"])
            for f in got["functions"]:
                times = [t["duration_us"] for t in tasks if t["func_id"] == f["func_id"]]
                self.assertEqual(f["tasks"], len(times))
                for key, value in [("mean_us", sum(times) / len(times)), ("min_us", min(times)),
                                   ("max_us", max(times)), ("total_us", sum(times)),
                                   ("p50_us", self.nearest_rank(times, 50)),
                                   ("p99_us", self.nearest_rank(times, 99))]:
                    self.assertAlmostEqual(f[key], value, 6, f)
            for c in got["cores"]:
                times = [t["duration_us"] for t in tasks if t["core_id"] == c["core_id"]]
                self.assertEqual(c["tasks"], len(times))
                self.assertAlmostEqual(c["busy_us"], sum(times), 6)

    def test_perfetto_flows(self):
        profile = random_profile(400, 1000, 9)
        self.trace(profile, "--perfetto", self.folder / "p.json")
        events = json.loads((self.folder / "p.json").read_text())["traceEvents"]
        slices = {e["args"]["task_id"]: e for e in events if "task_id" in e.get("args", {})}
        begins = {e["id"]: e for e in events if e["ph"] == "s"}
        ends = [e for e in events if e["ph"] == "f"]
        edges = {(t["task_id"], to) for t in profile["tasks"] for to in t["fanout"]}
        drawn = set()
        # An arrow belongs to the slices that are open at its ends.
        for end in ends:
            pair = []
            for e in (begins[end["id"]], end):
                pair += [i for i, s in slices.items() if s["tid"] == e["tid"] and
                         s["ts"] <= e["ts"] < s["ts"] + s["dur"]]
            drawn.add(tuple(pair))
        self.assertEqual(drawn, edges)

    def test_slices_of_a_core_nest(self):
        self.trace(SMALL, "--perfetto", self.folder / "p.json")
        events = json.loads((self.folder / "p.json").read_text())["traceEvents"]
        for core in 5, 6, 30:
            at = 0
            for e in sorted((e for e in events if e["ph"] == "X" and e["pid"] == 0 and
                             e["tid"] == core), key=lambda e: e["ts"]):
                self.assertGreaterEqual(e["ts"] + 1e-9, at, e)
                at = e["ts"] + e["dur"]
        phases = {(e["name"], e["ts"], e["dur"]) for e in events if e.get("cat") == "phase"}
        self.assertEqual({p[1:] for p in phases}, {(0, 11), (2, 2), (0, 1)})

    def test_ready(self):
        """Ready is what was submitted, and whose predecessors were seen to be done."""
        submitted = {0: 999.5, 1: 1000.5, 3: 1005.75, 2: 1003.25}
        tasks = [{**t, "submit_time_us": submitted[t["task_id"]]} for t in SMALL["tasks"][:4]]
        self.trace({**SMALL, "tasks": tasks}, "--perfetto", self.folder / "p.json")
        events = json.loads((self.folder / "p.json").read_text())["traceEvents"]
        ready = {e["args"]["task_id"]: e["args"]["ready_us"] for e in events
                 if "task_id" in e.get("args", {})}
        self.assertEqual(ready, {0: 0.5, 1: 1.5, 2: 4.5, 3: 7})

    def test_driver(self):
        """The driver's times are arguments, and divide what lies before and after a task."""
        self.trace(driven(SMALL), "--perfetto", self.folder / "p.json")
        events = json.loads((self.folder / "p.json").read_text())["traceEvents"]
        args = {e["args"]["task_id"]: e["args"] for e in events if "task_id" in e.get("args", {})}
        self.assertEqual((args[3]["driver_accept_us"], args[3]["driver_done_us"]), (6.25, 10.75))
        parts = [(e["name"], e["ts"], e["dur"]) for e in events
                 if e.get("cat") == "overhead" and e["tid"] == 5]
        self.assertEqual(parts, [("head", 1, 0.25), ("head, driver", 1.25, 0.75),
                                 ("tail, driver", 4, 0.25), ("tail", 4.25, 0.25),
                                 ("head", 6, 0.25), ("head, driver", 6.25, 0.75),
                                 ("tail, driver", 8, 0.25), ("tail", 8.25, 0.75)])


@unittest.skipUnless(shutil.which("chromium"), "no chromium; tools/deps browser installs it")
class Browsed(Folder):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = Browser(1280, 760)
        cls.addClassCleanup(cls.browser.close)

    def text(self, css):
        return self.browser.run(f"document.querySelector({css!r}).textContent")

    def found(self):
        return self.browser.run("document.getElementById('found').value")

    def at(self, task, lane):
        """Where the middle of a bar is in the window."""
        return self.browser.run(
            "(r => [r.x + (xOf(tasks.start[%d]) + xOf(tasks.end[%d])) / 2,"
            " r.y + yOf(%d) + laneHeight / 2])(document.getElementById('over')"
            ".getBoundingClientRect())" % (task, task, lane))

    def point(self, x, y):
        self.browser.mouse("mouseMoved", x, y)
        self.browser.settle()
        return self.browser.run("document.getElementById('tip').hidden ? '' : "
                                "document.getElementById('tip').textContent")

    def pixel(self, x, y):
        """Of the swimlane's canvas, at a place in the window."""
        return self.browser.run(
            "(r => Array.from(document.getElementById('lanes').getContext('2d')"
            f".getImageData({x} - r.x, {y} - r.y, 1, 1).data))"
            "(document.getElementById('lanes').getBoundingClientRect())")

    def search(self, text):
        self.browser.run("document.getElementById('search').select()")
        self.browser.call("Input.insertText", text=text)
        self.browser.settle()
        return self.found()


class Page(Browsed):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = cls.page(SMALL, "small.html", "--name", "3=load", "--name", f"7={EVIL}")

    def setUp(self):
        self.browser.scheme("light")
        self.browser.open(self.path.as_uri())

    def tearDown(self):
        # Whatever a test does: no error, nothing refused by the page's policy, no request.
        self.assertEqual(self.browser.happened("Runtime.exceptionThrown"), [])
        self.assertEqual([e for e in self.browser.happened("Log.entryAdded")
                          if e["entry"]["source"] != "rendering"], [])
        asked = [e["request"]["url"] for e in self.browser.happened("Network.requestWillBeSent")]
        self.assertEqual(asked, [self.path.as_uri()])

    def test_figures(self):
        figures = self.text("#figures")
        self.assertIn("tasks5", figures)
        self.assertIn("time11.00 µs", figures)
        self.assertIn("critical path2 tasks, 7.00 µs (63.6%)", figures)
        self.assertIn("overhead0.92 µs before, 0.58 µs after a task", figures)

    def test_lanes(self):
        label = self.browser.run("document.getElementById('lanes').ariaLabel")
        self.assertEqual(label, "Swimlane: 3 lanes of cores, 2 of AICPU threads, 6 bars")
        self.assertEqual(self.browser.run("lanes.map(l => l.name)"),
                         ["AIC 5", "AIC 6", "AIV 30", "scheduler 0", "orchestrator 0"])

    def test_function_table(self):
        rows = self.browser.run("Array.from(document.querySelectorAll('#functions tbody tr'), "
                                "tr => Array.from(tr.cells, td => td.textContent))")
        self.assertEqual(rows[0], ["load", "3", "2", "3.00 µs", "2.00 µs", "4.00 µs", "2.00 µs",
                                   "4.00 µs", "6.00 µs", "1"])
        self.assertEqual([row[1] for row in rows], ["3", "7", "9"])
        self.browser.run("document.querySelector('#functions th:nth-child(9) button').click()")
        self.assertEqual(self.text("#functions tbody tr"),
                         "func 9921.25 µs1.00 µs1.50 µs1.00 µs1.50 µs2.50 µs0")

    def test_other_tables(self):
        self.assertEqual(self.text("#cores tbody tr"), "5AIC23.00 µs27.3%")
        self.assertEqual(self.text("#threads thead"), f"threadtaskswaitschedule{EVIL[:31]}")
        self.assertEqual(self.text("#threads tbody tr"), "scheduler 052.00 µs11.00 µs0.00 µs")

    def test_names_are_text(self):
        self.assertEqual(self.text("#functions tbody tr:nth-child(2) td"), EVIL[:63])
        self.assertEqual(self.browser.run("typeof owned"), "undefined")
        self.assertEqual(self.browser.run("document.images.length + document.scripts.length"), 2)

    def test_pointing(self):
        seen = set()
        for i in range(6):
            lane = self.browser.run(f"laneOf.get(tasks.core[{i}])")
            tip = self.point(*self.at(i, lane))
            seen.add((tip.split(", task ")[1][0], tip.split(" on ")[1].split("\n")[0]))
        self.assertEqual(seen, {("0", "AIC 5"), ("1", "AIC 6"), ("2", "AIV 30"), ("3", "AIV 30"),
                                ("4", "AIC 5"), ("4", "AIC 6")})
        tip = self.point(*self.at(self.browser.run("nodes.first[3]"), 2))
        self.assertIn("starts at 7.50 µs, runs 3.00 µs", tip)
        self.assertIn("ready 0.50 µs before", tip)
        self.assertIn("handed over 1.50 µs before", tip)
        self.assertIn("waits for 3, 0 wait for it", tip)
        self.assertIn("on the critical path", tip)
        x, y = self.at(0, 3)
        self.assertIn("waitscheduler 0\n2.00 µs from 2.00 µs on", self.point(x, y))
        self.assertEqual(self.point(x, y - 2000), "")

    def test_colours(self):
        x, y = self.at(self.browser.run("nodes.first[0]"), 0)
        free = self.pixel(self.at(self.browser.run("nodes.first[3]"), 2)[0], y)
        bar, other = self.pixel(x, y), self.pixel(*self.at(self.browser.run("nodes.first[4]"), 0))
        self.assertEqual(len({tuple(p) for p in (bar, other, free)}), 3, (bar, other, free))
        # The critical path is outlined, and not, when it is not wanted.
        x, y = self.at(self.browser.run("nodes.first[1]"), 1)
        top = y - self.browser.run("laneHeight / 2 - 1")
        red = self.pixel(x, top)
        self.assertGreater(red[0], 2 * red[1], red)
        self.browser.run("document.getElementById('critical').click()")
        self.browser.settle()
        self.assertNotEqual(self.pixel(x, top), red)
        self.search("9")
        self.assertNotEqual(self.pixel(x, y), bar)

    def test_arrows(self):
        count = ("(c => c.reduce((n, v, i) => n + (i %% 4 === 3 && v > 0), 0))(document."
                 "getElementById('%s').getContext('2d').getImageData(0, 0, width, height).data)")
        self.browser.run("document.getElementById('arrows').value = 'none'")
        self.point(*self.at(self.browser.run("nodes.first[0]"), 0))
        alone = self.browser.run(count % "over")
        self.assertGreater(alone, 0)
        self.browser.run("document.getElementById('arrows').value = 'task'")
        self.point(*self.at(self.browser.run("nodes.first[0]"), 0))
        self.assertGreater(self.browser.run(count % "over"), alone + 300)

    def test_search(self):
        self.assertEqual(self.search("7"), "2 of 6, 4.00 µs")
        self.assertEqual(self.search("LOA"), "2 of 6, 6.00 µs")
        self.assertEqual(self.search("#4"), "2 of 6, 2.50 µs")
        self.assertEqual(self.search("<img"), "2 of 6, 4.00 µs")
        self.assertEqual(self.search("nix"), "0 of 6, 0.00 µs")
        self.search("#2")
        self.browser.key("Enter")
        self.browser.settle()
        self.assertEqual(self.browser.run("tasks.id[kept]"), 2)
        self.assertLess(self.browser.run("view.to - view.from"), 11)
        self.browser.run("document.querySelector('#functions tbody tr').click()")
        self.assertEqual(self.found(), "2 of 6, 6.00 µs")
        self.assertEqual(self.search(" "), "")

    def test_moving(self):
        first = self.browser.run("nodes.first[1]")
        x, y = self.at(first, 1)
        self.browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-400)
        self.browser.settle()
        length = self.browser.run("view.to - view.from")
        self.assertLess(length, 6)
        self.assertAlmostEqual(self.at(first, 1)[0], x, delta=2)
        self.browser.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
        self.browser.mouse("mouseMoved", x - 100, y, button="left", buttons=1)
        self.browser.mouse("mouseReleased", x - 100, y, button="left", clickCount=1)
        self.browser.settle()
        self.assertAlmostEqual(self.at(first, 1)[0], x - 100, delta=4)
        self.assertAlmostEqual(self.browser.run("view.to - view.from"), length, 6)
        self.browser.run("document.getElementById('over').focus()")
        before = self.browser.run("view.from")
        self.browser.key("ArrowRight")
        self.assertGreater(self.browser.run("view.from"), before)
        self.browser.key("0")
        self.assertAlmostEqual(self.browser.run("view.to - view.from"), 11, 6)

    def test_light_and_dark(self):
        shade = ("['backgroundColor', 'color'].map(p => getComputedStyle(document.body)[p]"
                 ".match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0) / 3)")
        page, text = self.browser.run(shade)
        self.assertGreater(page, text + 150)
        lane = self.pixel(*self.at(0, 4))
        self.browser.scheme("dark")
        page, text = self.browser.run(shade)
        self.assertGreater(text, page + 150)
        self.assertNotEqual(self.pixel(*self.at(0, 4)), lane)


class Driver(Browsed):
    def test_overhead(self):
        """What of the overhead was the driver's is told, and has a colour of its own."""
        self.browser.open(self.page(driven(SMALL), "driver.html").as_uri())
        self.assertIn("overhead0.92 µs before (0.71 µs of it in the driver), "
                      "0.58 µs after a task (0.25 µs of it in the driver)", self.text("#figures"))
        x, y = self.at(self.browser.run("nodes.first[0]"), 0)
        tip = self.point(x, y)
        self.assertIn("handed over 1.00 µs before (0.75 µs of it in the driver)", tip)
        self.assertIn("seen to be done 0.50 µs after (0.25 µs of it in the driver)", tip)
        us = self.browser.run("xOf(1) - xOf(0)")
        colours = [self.pixel(x + by * us, y) for by in (-1.9, -1.4, 1.1, 1.4)]
        self.assertEqual(colours[0], colours[3])
        self.assertEqual(colours[1], colours[2])
        self.assertNotEqual(colours[0], colours[1])


class Large(Browsed):
    def test_hundred_thousand_tasks(self):
        path = self.page(random_profile(100000, 200000, 1), "large.html")
        self.browser.open(path.as_uri())
        self.assertIn("tasks100000", self.text("#figures"))
        for zoomed in "setView(0, span)", "setView(0, span / 50)":
            took = self.browser.run(
                f"({zoomed}, new Promise(done => requestAnimationFrame(() => {{"
                " const begin = performance.now(); drawLanes(); drawOver(); drawStrip();"
                " done(performance.now() - begin) })))")
            print(f"# {zoomed}: drawn in {took:.0f} ms")
            self.assertLess(took, 1000)
        self.browser.run("document.getElementById('arrows').value = 'all'; setView(0, span)")
        self.browser.settle()
        self.assertIn("zoom in", self.browser.run("document.getElementById('range').value"))
        self.assertEqual(self.search("#77").split(",")[0], "1 of 100000")


class Attention(Browsed):
    def test_picture(self):
        """A page of a real run: what it shows is what the profile says. The guide has its picture."""
        env = {**os.environ, "PTO_EMULATOR": "threads", "PTO_CACHE": str(self.folder / "cache")}
        subprocess.run([PTO, "run", "--profile", "--out", self.folder / "out", "--block-dim", "2",
                        "--repeat", "10", "-p", "batch=3", "-p", "heads=32", "-p", "dim=128",
                        "-p", "page=64", "-p", "pages=16", "-p", "table=3", "-p", "context=192",
                        ROOT / "tools/examples/paged_attention"],
                       check=True, timeout=120, env=env, stdout=subprocess.DEVNULL)
        profile = json.loads((self.folder / "out/swim_time.json").read_text())
        self.browser.open((self.folder / "out/swim_time.html").as_uri())
        self.assertEqual(len(profile["tasks"]), 112)
        self.assertIn("tasks112", self.text("#figures"))
        used = len({t["core_id"] for t in profile["tasks"]})
        threads = len(profile["aicpu_scheduler_phases"] + profile["aicpu_orchestrator_phases"])
        self.assertEqual(self.browser.run("lanes.length"), used + threads)
        names = self.browser.run("stats.functions.map(f => f.name)")
        self.assertEqual(names, ["score", "soften", "weigh", "update"])
        longest = json.loads(self.trace(profile, "--json"))["critical_path"]
        self.assertIn(f'critical path{longest["tasks"]} tasks', self.text("#figures"))
        updates = [t for t in profile["tasks"] if t["func_id"] == 3]
        self.assertTrue(self.search("update").startswith(f"{len(updates)} of 112, "))
        self.browser.run("(e => { e.value = ''; e.blur(); search(); })"
                         "(document.getElementById('search'))")

        task = self.browser.run("nodes.first[profile.path[profile.path.length - 1]]")
        lane = self.browser.run(f"laneOf.get(tasks.core[{task}])")
        self.assertIn("update, task", self.point(*self.at(task, lane)))
        height = self.browser.run("Math.ceil(document.querySelector('.side').offsetTop)")
        picture = self.browser.picture(x=0, y=0, width=1280, height=height)
        self.assertEqual(struct.unpack(">4s2I", picture[12:24]), (b"IHDR", 1280, height))
        self.assertLess(len(picture), 200000)
        if os.environ.get("PICTURE"):
            Path(os.environ["PICTURE"]).write_bytes(picture)


del Folder, Browsed

if __name__ == "__main__":
    main()
