"""What a job says of itself on GitHub: annotations, its summary, its outputs, and where it can be seen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mainline.report.escape import prose


def annotate(kind: str, title: str, text: str) -> None:
    """`kind` is notice, warning or error. What strangers wrote stays on the line of the command."""
    line = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    print(f"::{kind} title={title}::{line}", flush=True)


def summary(environment: Mapping[str, str], text: str) -> None:
    _append(environment.get("GITHUB_STEP_SUMMARY"), f"{text}\n\n")


def both(environment: Mapping[str, str], kind: str, title: str, text: str) -> None:
    annotate(kind, title, text)
    summary(environment, prose(text, 2_000))


def output(environment: Mapping[str, str], name: str, value: str) -> None:
    """For the workflow's other jobs; `value` is a word of ours."""
    assert value.isalnum()
    _append(environment.get("GITHUB_OUTPUT"), f"{name}={value}\n")


def run_page(environment: Mapping[str, str]) -> str:
    """The address of this run, empty where none is known."""
    parts = [environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    return "{}/{}/actions/runs/{}".format(*parts) if all(parts) else ""


def _append(file: str | None, text: str) -> None:
    if file:
        with Path(file).open("a", encoding="utf-8") as page:
            page.write(text)
