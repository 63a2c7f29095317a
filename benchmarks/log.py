"""What the prediction log costs the server: the same server with and without it, asked in turn in one run.

A second figure has the log shipped meanwhile by `mainline ship` beside the server, which on a machine of two
cores takes from the load and the server alike.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import load, peers
from benchmarks.processes import memory, running
from benchmarks.table import Row

ROUNDS = 9
SECONDS = 2
CASES = {"1 row": 1, "100 rows": 100}
GOAL = 0.10


@dataclass(frozen=True)
class Asked:
    url: str
    pid: int


def measure(rows: list[dict[str, Any]]) -> list[Row]:
    folder = peers.STATE / "spool"
    shutil.rmtree(folder, ignore_errors=True)
    peers.STATE.mkdir(parents=True, exist_ok=True)
    ours = peers.servers(peers.TOP / ".mainline" / "model")["mainline"]
    on = replace(
        ours, name="mainline log", variables=lambda port: {**ours.variables(port), "MAINLINE_LOG": str(folder)}
    )
    off = replace(ours, name="mainline no log", variables=lambda port: {**ours.variables(port), "MAINLINE_LOG": ""})
    programs = Path(sys.executable).parent
    table = []
    with running(on, programs, rows) as (url, pid, _), running(off, programs, rows) as (other, other_pid, _):
        with_log, without = Asked(url, pid), Asked(other, other_pid)
        for case, count in CASES.items():
            body = json.dumps(ours.body([rows[i % len(rows)] for i in range(count)])).encode()
            said, lost = compared(with_log, without, body)
            table.append(Row(f"prediction log, {case}, 16 connections", f"≤ {GOAL:.0%} lost", said, lost <= GOAL))
        with shipping(folder, peers.STATE / "landed"):
            body = json.dumps(ours.body(rows[:1])).encode()
            print(f"with `mainline ship` beside it: {compared(with_log, without, body)[0]}", file=sys.stderr)
        settled, megabytes = account(url), memory(pid)
        size = sum(path.stat().st_size for path in folder.glob("*")) / 2**20
    said = (
        f"{settled['answered']:,} answered = {settled['logged']:,} logged + {settled['dropped']:,} counted as dropped"
    )
    told = settled["answered"] == settled["logged"] + settled["dropped"]
    table.append(Row("every answer is accounted for", "all", said, told))
    bounded = megabytes <= 150 and size <= 256
    table.append(Row("and its bounds", "≤ 150 MB, ≤ 256 MB", f"{megabytes:.0f} MB memory, {size:.0f} MB disk", bounded))
    return table


def compared(logging: Asked, plain: Asked, body: bytes) -> tuple[str, float]:
    """In words, and the share of the throughput that the log costs.

    Neighbours take from the one or the other as they come. What they cannot take is the processor time that
    a server of one process needs for an answer: its throughput at full load is the inverse of that.
    """
    for asked in (logging, plain):
        load.warm(asked.url, body, 16)
    lost, needed = [], []
    for number in range(ROUNDS):
        # Who comes first changes: the machine gets warmer, or busier.
        order = (logging, plain) if number % 2 else (plain, logging)
        found = {asked: apply(asked, body) for asked in order}
        lost.append(1 - found[logging][0] / found[plain][0])
        needed.append(1 - found[plain][1] / found[logging][1])
    said = f"{statistics.median(needed):.1%} by processor time, {statistics.median(lost):.1%} by the clock"
    return f"{said} (rounds {min(lost):.0%} to {max(lost):.0%})", statistics.median(needed)


def apply(asked: Asked, body: bytes) -> tuple[float, float]:
    """Requests a second, and seconds of the processor a request."""
    before = processor(asked.pid)
    found = load.run(asked.url, body, 16, SECONDS)
    if found["errors"] or not found["requests"]:
        raise SystemExit(f"benchmarks: {asked.url}: {found['errors']} of {found['requests']} requests failed")
    return found["requests"] / found["microseconds"] * 1e6, (processor(asked.pid) - before) / found["requests"]


def processor(pid: int) -> float:
    """Seconds that a process has had, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def shipping(spool: Path, to: Path) -> Iterator[None]:
    command = ["ship", "--spool", str(spool), "--to", str(to), "--every", "2"]
    program = "import sys; from mainline.cli.main import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen([sys.executable, "-c", program, *command])
    try:
        yield
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(to, ignore_errors=True)


def account(url: str) -> dict[str, int]:
    """What became of the answers, once the queue is empty."""
    metrics = url.replace("/invocations", "/metrics")
    until = time.monotonic() + 30
    while True:
        with urllib.request.urlopen(metrics, timeout=10) as response:
            text = response.read().decode()
        answered = total(text, r'mainline_requests_total\{path="/invocations",status="200"\}')
        dropped = (rf'mainline_log_dropped_total\{{reason="{reason}"\}}' for reason in ("queue", "disk"))
        logged = total(text, "mainline_log_written_total")
        found = {"answered": answered, "logged": logged, "dropped": sum(total(text, name) for name in dropped)}
        if answered == logged + found["dropped"] or time.monotonic() > until:
            return found
        time.sleep(0.2)


def total(text: str, name: str) -> int:
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    return int(float(found[1])) if found else 0
