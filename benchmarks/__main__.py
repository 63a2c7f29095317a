"""`make bench`: what a run costs against one bare script, both measured in turn in one go.

Machines are noisy: every figure is a median of rounds in which the script and the job alternate,
and what is promised is a ratio. Arguments name the parts to measure; none means all but those in `BY_NAME`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from benchmarks import ci, drift, job, large, monitor, scale
from benchmarks.intervals import measure_intervals
from benchmarks.table import Row, show

PARTS = ("job", "intervals", "setup", "ci", "drift", "monitor", "frameworks")
BY_NAME = ("scale", "large")  # they take many minutes and gigabytes
OF_THE_EXAMPLE = (
    "scale",
    "large",
    "ci",
    "drift",
    "monitor",
    "frameworks",
)  # they measure its rows, and mean nothing without them


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--only", nargs="+", default=[], help="of frameworks: tables and frameworks")
    parser.add_argument("--images", action="store_true", help="of frameworks: build and test the image of each")
    call = parser.parse_args(arguments)
    wanted: list[str] = call.parts
    unknown = set(wanted) - {*PARTS, *BY_NAME}
    if unknown:
        print(
            f"benchmarks: no part is called {', '.join(sorted(unknown))}: {', '.join([*PARTS, *BY_NAME])}",
            file=sys.stderr,
        )
        return 2
    there = [part for part in wanted or PARTS if job.EXAMPLE or part not in OF_THE_EXAMPLE]
    for part in sorted(set(wanted or PARTS) - set(there)):
        print(f"benchmarks: {part} measures the example, which is not in this repository: left out", file=sys.stderr)
    if not there:
        return 2
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="mainline-bench-") as folder:
        for part in there:
            print(f"measuring {part} …", file=sys.stderr, flush=True)
            measured = measure(part, Path(folder, part), call)
            print(show(measured), file=sys.stderr, flush=True)
            rows += measured
    print(show(rows))
    return 1 if any(row.reached is False for row in rows) else 0


def measure(part: str, folder: Path, call: argparse.Namespace) -> list[Row]:
    if part == "job":
        return job.measure(folder)
    if part == "intervals":
        return intervals()
    if part == "ci":
        return ci.measure(folder)
    if part == "drift":
        return drift.measure(folder)
    if part == "frameworks":
        if not any(find_spec(module) for module in ("lightgbm", "skorch", "tensorflow")):
            print("benchmarks: no other framework is installed: make tools WITH=boosting", file=sys.stderr)
            return []
        from benchmarks import frameworks  # its servers are nothing that the other parts have

        if strange := set(call.only) - {*frameworks.NAMES}:
            known = ", ".join(frameworks.NAMES)
            print(f"benchmarks: ONLY={' '.join(sorted(strange))}: there are {known}", file=sys.stderr)
            raise SystemExit(2)
        return frameworks.measure(folder, call.only, call.images)
    if part == "monitor":
        return monitor.measure(folder)
    if part == "large":
        return large.measure(folder)
    return scale.measure(folder) if part == "scale" else job.set_up(folder)


def intervals() -> list[Row]:
    found = measure_intervals()
    said = f"{found['days_seconds']:.2f} s, plain bootstrap over rows {found['plain_seconds']:.2f} s"
    return [Row("paired intervals, 2 models, 28 k rows", "≤ 0.5 s", said, found["days_seconds"] <= 0.5)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
