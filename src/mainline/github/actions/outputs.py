"""What a step of a workflow leaves for the steps after it, and says on the run's page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mainline.errors import ConfigurationError
from mainline.github.actions.annotations import for_message, for_property
from mainline.report.escape import prose


def leave(environment: Mapping[str, str], **values: str) -> None:
    """Set a step's outputs; underscores become hyphens."""
    write(environment.get("GITHUB_OUTPUT"), {name.replace("_", "-"): value for name, value in values.items()})


def set_for_later(environment: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Set variables for the steps that follow."""
    write(environment.get("GITHUB_ENV"), values)


def write(file: str | None, values: Mapping[str, str]) -> None:
    """Outside a workflow it is only printed.

    Raises
    ------
    ConfigurationError
        For a value of more than one line: the lines behind the first would be values of their own.
    """
    for name, value in values.items():
        if "\n" in value or "\r" in value:
            raise ConfigurationError(f"{name} is more than one line: {value!r}")
    lines = [f"{name}={value}" for name, value in values.items()]
    if file:
        with Path(file).open("a", encoding="utf-8") as opened:
            opened.write("".join(f"{line}\n" for line in lines))
    print(*lines, sep="\n", flush=True)


def notice(title: str, text: str) -> None:
    """A line that GitHub shows on the run's page; it stops nothing."""
    print(f"::notice title={for_property(title)}::{for_message(text)}", flush=True)


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
