"""Reports of runs that measured nothing: one that could not change the model, one that stopped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mainline.evaluation.formatting import plural, short
from mainline.evaluation.results import Change, Outcome
from mainline.report.escape import code, fenced
from mainline.report.gate_warning import judges
from mainline.runtime.atomic_files import write_text
from mainline.runtime.workspace import Workspace

STOPPED = {
    2: "the configuration or the call is wrong",
    3: "the data are invalid",
    4: "something outside the model failed",
}
MOST = 30  # files and lines beyond that are in the job's log
LONGEST = 400  # lines of a message


def unchanged(workspace: Workspace, base: str, commit: str, files: Sequence[str], gates: Sequence[Change]) -> None:
    """Leave a report that says that nothing was trained, and why nothing had to be."""
    said = f"{plural(len(files), 'file')} differ" + ("s" if len(files) == 1 else "")
    lines = [
        "## ✅ Passed: this cannot change the model — nothing was trained",
        f"{said} from {code(bare(base), 40)} at {code(short(commit))}, none of which makes or judges it.",
        "\n".join(f"- {code(file, 120)}" for file in files[:MOST]) + more(len(files) - MOST),
        "<i>To have it trained and measured all the same, run the workflow by hand on this branch, or make run.</i>",
    ]
    outcome = {"verdict": Outcome.identical.value, "passed": True, "baseline": {"commit": commit, "fingerprint": None}}
    leave(workspace, base, gates, lines, outcome)


def stopped(
    workspace: Workspace, base: str, commit: str | None, status: int, message: str, gates: Sequence[Change]
) -> None:
    """Leave a report of a run that ended without one."""
    ended = f"by signal {-status}" if status < 0 else f"with status {status}"
    why = STOPPED.get(status, f"the run was ended {ended}")
    said = message.strip("\n").splitlines()
    cut = len(said) - LONGEST
    lines = [
        f"## ❌ Stopped: {why}",
        fenced(said[:LONGEST]) + more(cut),
        "Nothing was compared, and nothing that this run made is kept."
        + (f" Base: {code(bare(base), 40)} at {code(short(commit))}." if commit else ""),
    ]
    outcome = {
        "verdict": Outcome.not_measurable.value,
        "passed": False,
        "baseline": {"commit": commit, "fingerprint": None} if commit else None,
        "stopped": {"status": status, "message": "\n".join(said[:LONGEST])},
    }
    leave(workspace, base, gates, lines, outcome)


def leave(
    workspace: Workspace, base: str, gates: Sequence[Change], lines: Sequence[str], outcome: dict[str, Any]
) -> None:
    head = judges(gates, bare(base))
    text = "\n\n".join(line for line in [head, *lines] if line) + "\n"
    write_text(workspace.reports / "report.md", text)
    empty: dict[str, Any] = {
        "fingerprint": None,
        "model_digest": None,
        "data": None,
        "metrics": {},
        "attribution": {},
        "gates": [],
    }
    verdict = {**empty, "seconds": {}, **outcome}
    write_text(workspace.reports / "verdict.json", json.dumps(verdict, indent=2) + "\n")


def bare(base: str) -> str:
    return base.removeprefix("base/")


def more(left_out: int) -> str:
    return f"\n\n_… {left_out:,} more: the job's log has them all._" if left_out > 0 else ""
