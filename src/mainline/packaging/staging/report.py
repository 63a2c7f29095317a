"""`reports/stage.md` and `stage.json`: the results of the staging tests, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mainline.evaluation.results import Gate
from mainline.report.escape import code, prose
from mainline.runtime.atomic_files import write_text


def markdown(image: str, gates: Sequence[Gate]) -> str:
    """A section that stands alone or in the review's report."""
    failed = [gate for gate in gates if not gate.passed]
    mark = "❌" if failed else "✅"
    headline = f"{len(failed)} of {len(gates)} gates failed" if failed else "the container passed"
    lines = [
        f"## {mark} Staging: {headline}",
        "",
        f"{code(image, 200)}",
        "",
        "| | gate | rule | measured |",
        "|---|---|---|---|",
    ]
    for gate in sorted(gates, key=lambda gate: gate.passed):
        rule = prose(gate.rule, 200) + (f" ({prose(gate.reason, 200)})" if gate.reason else "")
        sign = "✓" if gate.passed else "✗"
        lines.append(f"| {sign} | {prose(gate.name, 60)} | {rule} | {prose(gate.measured, 400)} |")
    return "\n".join(lines) + "\n"


def write(image: str, gates: Sequence[Gate], folder: Path) -> None:
    passed = bool(gates) and all(gate.passed for gate in gates)
    write_text(folder / "stage.md", markdown(image, gates))
    content = {"image": image, "passed": passed, "gates": [asdict(gate) for gate in gates]}
    write_text(folder / "stage.json", json.dumps(content, indent=2, allow_nan=False) + "\n")


def terminal(gates: Sequence[Gate]) -> str:
    width = max(len(gate.name) for gate in gates)
    return "\n".join(
        f"  {'✓ passed' if gate.passed else '✗ failed'}  {gate.name:<{width}}  {gate.measured}" for gate in gates
    )
