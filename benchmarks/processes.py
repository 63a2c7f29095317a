"""A server as a process of its own: started, asked until it answers, measured, and ended with all its children."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.peers import Server


@contextmanager
def running(server: Server, programs: Path, rows: list[dict[str, Any]]) -> Iterator[tuple[str, int, float]]:
    """The server's address, its process, and the seconds until its first answer."""
    port = free_ports()
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MAINLINE_")},
        "OMP_NUM_THREADS": "1",
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(peers.TOP / "src"), str(peers.TOP)]),
        "BENTOML_DO_NOT_TRACK": "True",
        **server.variables(port),
    }
    url = f"http://127.0.0.1:{port}{server.path}"
    body = json.dumps(server.body(rows[:1])).encode()
    started = time.perf_counter()
    with open(peers.STATE / f"{server.name.replace(' ', '-')}.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            server.command(port, programs),
            env=variables,
            cwd=peers.STATE,
            stdout=log,
            stderr=log,
        )
        try:
            while not answers(url, body):
                if process.poll() is not None or time.perf_counter() - started > 90:
                    raise SystemExit(f"benchmarks: {server.name} does not answer: see {log.name}")
                time.sleep(0.005)
            yield url, process.pid, time.perf_counter() - started
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End what was started here, and nothing else: some servers leave their workers behind."""
    started = family(process.pid)
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in started - {process.pid}:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def answers(url: str, body: bytes) -> bool:
    request = urllib.request.Request(url, data=body, headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return bool(json.loads(response.read()))
    except urllib.error.HTTPError as error:
        if error.code in (400, 404, 422):
            raise SystemExit(f"benchmarks: {url} refuses the request: {error.read()[:500]!r}") from None
        return False
    except OSError:
        return False


def free_ports() -> int:
    """The first of three free ports in a row, as far as one can say."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 65000:
            return port


def family(pid: int) -> set[int]:
    """A process and all that it has started, in sessions of their own too."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def memory(pid: int) -> float:
    """Megabytes of a process and all that it has started: resident pages, those that are shared by their share."""
    total = 0
    for process in family(pid):
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue  # it has ended
    return total / 1024
