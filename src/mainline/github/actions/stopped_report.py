"""The reports of a run without a review, and its `verdict.json`: nothing was trained, or the run stopped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mainline.evaluation.results import Change, Outcome
from mainline.report import report_json
from mainline.report.without_training import LONGEST, Stopped, Unchanged
from mainline.runtime.atomic_files import write_text
from mainline.runtime.workspace import Workspace


def write_unchanged(
    workspace: Workspace, base: str, commit: str, files: Sequence[str], gates: Sequence[Change]
) -> None:
    """Leave a report that says that nothing was trained, and why it was not necessary."""
    outcome = {"verdict": Outcome.identical.value, "passed": True, "baseline": {"commit": commit, "fingerprint": None}}
    _write(workspace, Unchanged(branch_of(base), commit, list(files), list(gates)), outcome)


def write_stopped(
    workspace: Workspace, base: str, commit: str | None, status: int, message: str, gates: Sequence[Change]
) -> None:
    """Leave a report of a run that ended without one."""
    lines = message.strip("\n").splitlines()
    outcome = {
        "verdict": Outcome.not_measurable.value,
        "passed": False,
        "baseline": {"commit": commit, "fingerprint": None} if commit else None,
        "stopped": {"status": status, "message": "\n".join(lines[:LONGEST])},
    }
    _write(workspace, Stopped(branch_of(base), commit, status, lines[:LONGEST], len(lines), list(gates)), outcome)


def _write(workspace: Workspace, report: Unchanged | Stopped, outcome: dict[str, Any]) -> None:
    write_text(workspace.reports / "report.md", report_json.to_markdown(report))
    write_text(workspace.reports / report_json.FILE, report_json.to_json(report))
    empty: dict[str, Any] = {
        "fingerprint": None,
        "model_digest": None,
        "data": None,
        "metrics": {},
        "attribution": {},
        "tables": {},
        "due_to": {},
        "gates": [],
    }
    verdict = {**empty, "seconds": {}, **outcome}
    write_text(workspace.reports / "verdict.json", json.dumps(verdict, indent=2) + "\n")


def branch_of(base: str) -> str:
    """The base by the name that its branch has on GitHub."""
    return base.removeprefix("base/")
