"""`make bench`: what a run costs against one bare script, both measured in turn in one go.

Machines are noisy: every figure is a median of rounds in which the script and the job alternate,
and what is promised is a ratio. Arguments name the parts to measure; none means all.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import job, scale
from benchmarks.intervals import measure_intervals
from benchmarks.table import Row, show

PARTS = ("job", "intervals", "scale", "setup")


def main(wanted: list[str]) -> int:
    unknown = set(wanted) - set(PARTS)
    if unknown:
        print(f"benchmarks: no part is called {', '.join(sorted(unknown))}: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="mainline-bench-") as folder:
        for part in wanted or PARTS:
            print(f"measuring {part} …", file=sys.stderr, flush=True)
            if part == "job":
                rows += job.measure(Path(folder, "job"))
            elif part == "intervals":
                rows += intervals()
            elif part == "scale":
                rows += scale.measure(Path(folder, "scale"))
            else:
                rows += job.set_up(Path(folder, "setup"))
    print(show(rows))
    return 0 if all(row.reached for row in rows) else 1


def intervals() -> list[Row]:
    found = measure_intervals()
    said = f"{found['days_seconds']:.2f} s, plain bootstrap over rows {found['plain_seconds']:.2f} s"
    return [Row("paired intervals, 2 models, 28 k rows", "≤ 0.5 s", said, found["days_seconds"] <= 0.5)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
