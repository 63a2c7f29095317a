"""The candidate's verdict on the run's page, where the reviewers of the environment `production` decide."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mainline.evaluation.results import Outcome
from mainline.github.actions import commands
from mainline.report.escape import code
from mainline.runtime.workspace import Workspace

LONGEST = 300_000  # characters: GitHub takes 1 MiB, and a character has up to four bytes in UTF-8
HTML = "report.html"
OTHER_KIND = (
    "If the model is meant to be of another kind than the one in production, run this workflow by hand with “Start "
    "over”: the state of the earlier releases is kept."
)
REPORTS = ("report.md", "stage.md")  # the comparison with production; the tests of the container


def add(workspace: Workspace, environment: Mapping[str, str]) -> None:
    """Add what the candidate has left in the reports: also where it was refused, or failed on its way."""
    parts = list(found(workspace))
    if parts:
        text = "\n\n".join([opening(workspace, environment), *parts])
        commands.summarise(environment, text if len(text) <= LONGEST else cut(text))


def cut(text: str) -> str:
    return f"{text[:LONGEST]}\n\n… the rest is in the artifact {HTML}."


def found(workspace: Workspace) -> Iterator[str]:
    for name in REPORTS:
        path = workspace.reports / name
        if path.exists():
            yield path.read_text(encoding="utf-8").strip()


def opening(workspace: Workspace, environment: Mapping[str, str]) -> str:
    """What an approval deploys, and who brought it."""
    path = workspace.reports / "candidate.json"
    left: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if not left.get("version"):
        refused = "Nothing is deployed: this model was refused. Production is unchanged."
        return f"{refused} {OTHER_KIND}" if left.get("verdict") == Outcome.not_measurable else refused
    lines = [f"**Version {left['version']}** is ready to be deployed, as the image {code(left['image_digest'], 200)}."]
    number, approver = environment.get("MAINLINE_PULL_REQUEST", ""), environment.get("MAINLINE_APPROVER", "")
    if number.isdigit():
        lines.append(f"Pull request #{number}, approved by {code(approver or 'nobody', 200)}.")
    lines.append(f"The whole report: the artifact {HTML} of this run, a page that the browser opens.")
    return " ".join(lines)
