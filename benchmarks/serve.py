"""The server against its own limit and against three others with the same model: `make bench-serve`.

Each with one worker and one thread of OpenMP (which favours the peers). All of them run, and are asked in
turn, a few seconds each: a neighbour on the machine then slows all of them, and the ratios of a round hold.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from benchmarks import load, log, peers
from benchmarks.load import Load
from benchmarks.peers import Server
from benchmarks.processes import memory, running
from benchmarks.table import Row, show

SECONDS = 2
ROUNDS = 5
STARTS = 3
CASES = {
    "1 row, 1 connection": (1, 1),
    "1 row, 16 connections": (1, 16),
    "100 rows, 16": (100, 16),
    "1,000 rows, 16": (1000, 16),
}
ONE, HUNDRED, THOUSAND = "1 row, 16 connections", "100 rows, 16", "1,000 rows, 16"


@dataclass
class Measured:
    """`loads` by case, one a round; `cold` is seconds from a start to the first answer, the median of a few."""

    cold: float
    loads: dict[str, list[Load]] = field(default_factory=lambda: {case: [] for case in CASES})
    megabytes: float = 0.0  # of memory after the load, shared pages by their share

    def per_second(self, case: str) -> float:
        return statistics.median(load.per_second for load in self.loads[case])

    def p99(self, case: str) -> float:
        return statistics.median(load.p99 for load in self.loads[case])


def main(wanted: list[str]) -> int:
    model = peers.TOP / ".mainline" / "model"
    signature = json.loads((model / "serving.json").read_text(encoding="utf-8"))
    there = peers.servers(model)
    unknown = set(wanted) - set(there) - {"log"}
    if unknown:
        known = ", ".join([*there, "log"])
        print(f"benchmarks: no server is called {', '.join(sorted(unknown))}: {known}", file=sys.stderr)
        return 2
    pipeline = peers.TOP / ".mainline" / "records" / signature["fingerprint"] / "model.pkl"
    types = {c["name"]: "str" if c["kind"] == "categorical" else "float32" for c in signature["columns"]}
    names = [column["name"] for column in signature["columns"]]
    rows = [dict(zip(names, row, strict=True)) for row in signature["example"]]
    table: list[Row] = []
    if not wanted or "log" in wanted:
        print("measuring the prediction log …", file=sys.stderr, flush=True)
        table += log.measure(rows)
    chosen = [there[name] for name in wanted or there if name != "log"]
    if chosen:
        peers.prepare(pipeline, types, signature["task"])
        found = measure(chosen, rows)
        print(details(found))
        if set(there) <= set(found):
            table = [*compare(found), *table]
    print(f"\nload of the machine at the end: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    if table:
        print(show(table))
    return 1 if any(row.reached is False for row in table) else 0


def measure(servers: list[Server], rows: list[dict[str, Any]], rounds: int = ROUNDS) -> dict[str, Measured]:
    found = {server.name: Measured(cold_start(server, rows)) for server in servers}
    with ExitStack() as stack:
        there = [(server, stack.enter_context(running(server, peers.environment(server), rows))) for server in servers]
        for case, (count, connections) in CASES.items():
            asked = [rows[i % len(rows)] for i in range(count)]
            for number in range(rounds + 1):
                for server, (url, _, _) in there:
                    body = json.dumps(server.body(asked)).encode()
                    if not number:
                        load.warm(url, body, connections)
                        continue
                    found[server.name].loads[case].append(load.apply(url, body, connections, SECONDS))
            said = ", ".join(f"{name} {each.per_second(case):,.0f}/s" for name, each in found.items())
            print(f"{case}: {said}", file=sys.stderr, flush=True)
        for server, (_, pid, _) in there:
            found[server.name].megabytes = memory(pid)
    return found


def cold_start(server: Server, rows: list[dict[str, Any]]) -> float:
    print(f"starting {server.name} {STARTS} times …", file=sys.stderr, flush=True)
    seconds = []
    for _ in range(STARTS):
        with running(server, peers.environment(server), rows) as (_, _, took):
            seconds.append(took)
    return statistics.median(seconds)


def details(found: dict[str, Measured]) -> str:
    lines = ["| server | " + " | ".join([*CASES, "p99 at 16", "cold start", "memory"]) + " |"]
    lines.append("|---" * (len(CASES) + 4) + "|")
    for name, measured in found.items():
        rates = []
        for case, (count, _) in CASES.items():
            per_second = measured.per_second(case)
            rates.append(f"{per_second:,.0f}/s" if count == 1 else f"{per_second * count:,.0f} rows/s")
        cells = [f"{measured.p99(ONE):.2f} ms", f"{measured.cold:.2f} s", f"{measured.megabytes:.0f} MB"]
        lines.append(f"| {name} | " + " | ".join([*rates, *cells]) + " |")
    return "\n".join(lines)


def compare(found: dict[str, Measured]) -> list[Row]:
    ours, limit = found["mainline"], found["limit"]
    others = {name: m for name, m in found.items() if name not in ("mainline", "limit")}
    alone = {name: m for name, m in others.items() if name != peers.BATCHED}

    def against(what: str, case: str, goal: float, others: dict[str, Measured] = others) -> Row:
        best = max(others, key=lambda name: others[name].per_second(case))
        times = in_rounds(ours, others[best], case, lambda load: load.per_second)
        return Row(what, f"≥ {goal:g} × the best", f"{times:.1f} × {best}", times >= goal)

    def together() -> Row:
        """Where requests wait for company there are fewer calls than requests: the limit itself is no 80 times it."""
        times, most = (in_rounds(m, others[peers.BATCHED], ONE, lambda load: load.per_second) for m in (ours, limit))
        return Row(f"the same against {peers.BATCHED}", "none: see limit", f"{times:.1f} ×, the limit {most:.1f} ×")

    fastest = min(others, key=lambda name: others[name].p99(ONE))
    share = in_rounds(ours, others[fastest], ONE, lambda load: load.p99)
    reached = in_rounds(ours, limit, ONE, lambda load: load.per_second)
    return [
        against("single rows, 16 connections", ONE, 80, alone),
        together(),
        Row("p99 of these", "≤ 1/40 of the best", f"1/{1 / share:.0f} of {fastest}", share <= 1 / 40),
        Row("against the limit", "≥ 60 %", f"{reached:.0%}", reached >= 0.6),
        against("batches of 100 rows", HUNDRED, 7),
        against("batches of 1,000 rows", THOUSAND, 2.5),
        Row("cold start to the first answer", "≤ 0.5 s", f"{ours.cold:.2f} s", ours.cold <= 0.5),
        Row("memory after the load", "≤ 150 MB", f"{ours.megabytes:.0f} MB", ours.megabytes <= 150),
    ]


def in_rounds(ours: Measured, theirs: Measured, case: str, value: Callable[[Load], float]) -> float:
    """Ours by theirs, the median of the rounds: what was measured within the same seconds."""
    pairs = zip(ours.loads[case], theirs.loads[case], strict=True)
    return statistics.median(value(one) / value(other) for one, other in pairs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
