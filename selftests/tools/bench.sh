#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# pto-bench: that it measures, not what.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
bench=$BIN/pto-bench
# Each measurement is a process, and ThreadSanitizer would have each wait a second as it ends.
export TSAN_OPTIONS="atexit_sleep_ms=0 ${TSAN_OPTIONS:-}"

# Numbers that are there, and make sense: all tasks ran, and the clock went on.
cat >"$work/plausible.py" <<'END'
import json, sys

r = json.load(sys.stdin)
assert r["version"] == 4 and r["unit"] == "ns" and r["block_dim"] == 24, r
cells = [c for c in r["graphs"] if c["peer"] == "pto"]
assert [c["threads"] for c in cells] == [1, 2], cells
for c in r["graphs"] + r["inferred"] + r["bodies"] + r["growth"]:
    assert c["graph"] == "chain" and c["repetitions"] == 1, c
    assert 0 < c["run"]["min"] <= c["run"]["median"] < 1e6, c
    assert c["total"]["min"] >= c["build"]["min"] + c["run"]["min"] > 0, c
for c in r["graphs"] + r["inferred"]:
    assert c["tasks"] == 1000 and c["checked"] is True, c
for c in r["inferred"]:
    # By one thread OpenMP of clang runs each task when it is made, and libpto none.
    assert 0 <= c["inlined"] <= 1, c
    if c["peer"] == "libomp" and c["threads"] == 1:
        assert c["inlined"] == 1 and not c["counts"], c
    assert not c["inlined"] or c["peer"] in ("libomp", "openmp"), c
s = r["streamed"]
assert s["tasks"] == 10000 and s["window"] == 1024 and len(s["bytes"]) == 10, s
assert 1 << 20 < s["bytes"][0] <= s["bytes"][9], s
assert {(c["peer"], c["threads"]) for c in r["inferred"]} >= {
    (peer, threads) for peer in ("flow", "submit") for threads in (1, 2)}, r["inferred"]
for c in r["bodies"]:
    # One after the other, whoever runs them.
    assert c["body"] == 3000 and c["again"]["min"] >= 2900, c
assert any(c["peer"] == "pto" for c in r["bodies"])
assert [(v["graph"], v["threads"]) for v in r["verdicts"]] == [("chain", 1), ("chain", 2)], r["verdicts"]
taskflow = any(c["peer"] == "taskflow" for c in r["graphs"])
for v in r["verdicts"]:
    own = next(c for c in cells if c["threads"] == v["threads"])
    peers = [c for c in r["graphs"] if c["counts"] and c["threads"] == v["threads"]]
    for what, without in ("total", 0.4), ("again", 0.5):
        ratio = own[what]["min"] / min(c[what]["min"] for c in peers) if peers else 0
        assert abs(v[what]["min_ratio"] - ratio) < 1e-3 + ratio / 1e3, (v, ratio)
        assert v[what]["min_ahead"] == (0 < ratio < (1 if taskflow else without)), (v, ratio)
assert not any(c["counts"] for c in r["graphs"] if c["peer"] in ("pto", "sketch", "counters"))
for c in cells:
    assert 64 <= c["bytes_per_task"] < 1000 or SANITIZED, c
assert [c["tasks"] for c in r["growth"] if c["peer"] == "pto"] == [100, 2000] * 2, r["growth"]
for l in r["latency"]:
    for state in "hot", "cold":
        assert 0 < l[state]["enter"]["min"] < l[state]["total"]["min"] < 1e9, l
assert {(l["peer"], l["threads"]) for l in r["latency"]} >= {("pto", 1), ("pto", 2)}, r["latency"]
END
sed -i "1i SANITIZED = '${SAN:-}' != ''" "$work/plausible.py"

plausible()
{
	"$bench" --graph chain --tasks 1000 --sizes 100,2000 --bodies 3000 --reps 1 --json >"$work/json" &&
		"$PYTHON" "$work/plausible.py" <"$work/json"
}

narrow()
{
	"$bench" --graph tree --tasks 500 --sizes 100,200,300,2000 --reps 1 "$@" >"$work/table" &&
		cat "$work/table" && ! grep -qE '.{101}' "$work/table"
}

# Each task ran once and in order, and a sanitizer has nothing to say.
all_graphs()
{
	"$bench" --parts graphs,inferred --peers pto,pto-threads,flow,submit --tasks 3000 --reps 1 \
			>"$work/table" 2>&1 &&
		[ "$(grep -cE '^[a-z]+ +[0-9]+ (pto|flow|submit)' "$work/table")" = 56 ] &&
		! grep -E 'WRONG|failed|Sanitizer' "$work/table"
}

check 'pto bench is the same' 0 '^Usage: pto bench ' "$BIN/pto" bench --help
check 'and has its exit codes' 2 'no such graph: nix' "$BIN/pto" bench --graph nix
check 'all graphs, by one and by two threads' 0 '' all_graphs
check 'JSON with plausible numbers' 0 '' plausible
check 'tables of at most 100 columns' 0 '^tree +511 pto ' narrow
check 'also of graphs whose edges are inferred' 0 '^tree +511 flow ' \
	narrow --parts inferred
check 'with the cores on threads of their own' 0 '^tree +511 pto-threads ' \
	narrow --parts graphs --peers pto-threads
check 'a peer that is to be named is left out, unless it is' 0 '^0$' \
	sh -c "'$bench' --reps 1 --parts latency --threads 1 | grep -c starpu; :"
check 'what is not asked for is not measured' 0 '^0$' \
	sh -c "'$bench' --reps 1 --parts latency --peers sketch --threads 1 | grep -c repetition; :"
if [ -e "$BIN/../tools/bench/handles.so" ]; then
	check 'a slow peer is repeated less often' 0 '"repetitions":2,' \
		sh -c "'$bench' --json --parts inferred --peers handles --graph chain --tasks 100 \
			--threads 1 | tr -d ' '"
fi
check 'a small graph is repeated more often' 0 '"repetitions":36' \
	sh -c "'$bench' --json --parts graphs --peers sketch --graph chain --tasks 25000 |
		tr -d ' '"
check 'no such graph' 2 'no such graph: nix' "$bench" --graph nix
check 'nobody to measure' 2 'no peer' "$bench" --peers ''
check 'nothing to measure' 2 'no part' "$bench" --parts ''
check 'no such peer' 2 'no such peer: nix' "$bench" --peers nix
check 'bodies: a row for each, and a column for each peer' 0 '^tree +2 +20000 +[0-9.]+ +[0-9.]+$' \
	narrow --parts bodies --bodies 1000,20000 --peers pto,sketch
check 'no repetitions' 2 '0 is not a number from 1' "$bench" --reps 0
check 'a list of too many' 2 'more than 4 numbers' "$bench" --threads 1,1,1,1,1
check 'nowhere to write to' 3 'writing the output' \
	sh -c "'$bench' --json --reps 1 --parts latency --peers sketch --threads 1 >/dev/full"
done_testing
