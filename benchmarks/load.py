"""Load on a server by wrk, which needs less of the machine than any client in Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{"requests": %d, "microseconds": %d, "p50": %f, "p99": %f, "errors": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """What a server did: latencies in milliseconds."""

    per_second: float
    p50: float
    p99: float


def warm(url: str, body: bytes, connections: int) -> None:
    """A first load that nobody measures; a slow server may not answer a single one in time."""
    run(url, body, connections, 2)


def apply(url: str, body: bytes, connections: int, seconds: int) -> Load:
    """POST `body` as JSON over so many connections; an answer that is not 200 ends the bench."""
    found = run(url, body, connections, seconds)
    if found["errors"] or not found["requests"]:
        raise SystemExit(f"benchmarks: {url}: {found['errors']} of {found['requests']} requests failed")
    return Load(found["requests"] / found["microseconds"] * 1e6, found["p50"] / 1000, found["p99"] / 1000)


def run(url: str, body: bytes, connections: int, seconds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="mainline-bench-") as folder:
        path = Path(folder, "body.json")
        path.write_bytes(body)
        script = Path(folder, "post.lua")
        script.write_text(
            f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
            f'wrk.body = io.open("{path}", "rb"):read("*a")\n{REPORT}'
        )
        done = subprocess.run(
            [wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", script, url],
            capture_output=True,
            text=True,
            check=True,
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def wrk() -> str:
    """The program, from Debian's packages where it is not there."""
    if not shutil.which("wrk") and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=environment)
        subprocess.run(["apt-get", "install", "-y", "-qq", "wrk"], check=False, env=environment, stdout=2)
    found = shutil.which("wrk")
    if not found:
        raise SystemExit("benchmarks: wrk is not here: apt-get install wrk")
    return found
