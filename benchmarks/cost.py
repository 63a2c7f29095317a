"""What a command costs: seconds, and the memory of it and all that it starts, at their peak."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import memory

EVERY = 0.2  # seconds between two looks
SHARE = 20  # a look at many gigabytes takes long: the next one waits this many times as long


@dataclass(frozen=True)
class Cost:
    seconds: float
    processor: float  # seconds of all cores
    megabytes: float
    output: str


def of(command: Sequence[str], folder: Path, environment: Mapping[str, str], passes: Sequence[int] = (0,)) -> Cost:
    """Run a command and measure it; any exit status but those of `passes` ends the benchmark."""
    started, before = time.perf_counter(), spent()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        process = subprocess.Popen(command, cwd=folder, env=dict(environment), stdout=output, stderr=output)
        peak, over = [0.0], threading.Event()

        def watch() -> None:
            wait = EVERY
            while not over.wait(wait):
                looked = time.perf_counter()
                peak[0] = max(peak[0], memory(process.pid))
                wait = max(EVERY, SHARE * (time.perf_counter() - looked))

        watching = threading.Thread(target=watch)
        watching.start()
        status = process.wait()
        seconds = time.perf_counter() - started
        over.set()
        watching.join()
        output.seek(0)
        said = output.read()
    if status not in passes:
        raise SystemExit(f"benchmarks: {' '.join(command)} failed ({status}):\n{said[-4000:]}")
    return Cost(seconds, spent() - before, peak[0], said)


def spent() -> float:
    """Seconds of the processor that all children of this process have used and that have ended."""
    import resource

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
