"""The image of a project's model, built and tested as `make image` and `make stage` do, for `benchmarks.frameworks`."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from mainline.errors import MainlineError
from mainline.packaging import engine
from mainline.packaging.engine import Engine

# Limits that any machine keeps: they are there because what has no limit is not measured.
STAGE = """\
stage:
  cold_start_seconds: 60
  p99_milliseconds: 10000
  requests_per_second: 1
  memory_megabytes: 900
  memory_limit_megabytes: 1000
  image_megabytes: 3000
  load_seconds: 3
  contract_examples: 5
"""
COLUMNS = {
    "image size": "beyond the base image",
    "cold start": "cold start",
    "memory": "memory",
    "parity": "the holdout, asked over HTTP",
    "throughput": "1 row, 16 connections",
    "latency": "p99, median",
}


@dataclass(frozen=True)
class Imaged:
    """What `reports/stage.json` says of one image: by the name of the gate."""

    measured: dict[str, str]
    failed: list[str]


def found() -> Engine | None:
    """The container engine of this machine; None where there is none, which is said."""
    try:
        return engine.find()
    except MainlineError as error:
        print(f"benchmarks: no image is built: {error}", file=sys.stderr)
        return None


def read(reports: Path) -> Imaged:
    gates = json.loads((reports / "stage.json").read_text(encoding="utf-8"))["gates"]
    measured = {gate["name"]: gate["measured"] for gate in gates}
    return Imaged(measured, [f"{gate['name']}: {gate['measured']}" for gate in gates if not gate["passed"]])


def details(made: dict[str, Imaged]) -> str:
    lines = [f"| image | {' | '.join(COLUMNS.values())} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, each in made.items():
        lines.append(f"| {name} | {' | '.join(each.measured.get(gate, 'not measured') for gate in COLUMNS)} |")
    failed = [f"{name}: {said}" for name, each in made.items() for said in each.failed]
    return "\n".join([*lines, *(["", *failed] if failed else [])])
