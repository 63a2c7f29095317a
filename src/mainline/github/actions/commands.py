"""What a step tells GitHub Actions: annotations, outputs, variables for later steps, and the run's summary.

On the standard library alone, because jobs that install nothing use it too.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from mainline.errors import ConfigurationError
from mainline.report.escape import prose

LONGEST = 2_000  # characters of a text in the summary


def annotation(level: str, title: str, message: str, file: str = "", line: int = 0) -> str:
    """The workflow command that shows a message on the run's page, and on a line of a file where one is named.

    `level` is notice, warning or error. Whatever the texts hold, it is one command on one line.
    """
    values = {"file": file, "line": str(line) if file else "", "title": title}
    properties = ",".join(f"{name}={_property(value)}" for name, value in values.items() if value)
    return f"::{level} {properties}::{_escaped(message)}"


def annotate(level: str, title: str, message: str) -> None:
    print(annotation(level, title, message), flush=True)


def annotate_and_summarise(environment: Mapping[str, str], level: str, title: str, message: str) -> None:
    """Show the message, which is plain text, as an annotation and in the run's summary."""
    annotate(level, title, message)
    summarise(environment, prose(message, LONGEST))


def summarise(environment: Mapping[str, str], markdown: str) -> None:
    """Add a paragraph to the run's summary."""
    _append(environment.get("GITHUB_STEP_SUMMARY"), f"{markdown}\n\n")


def set_outputs(environment: Mapping[str, str], **values: str) -> None:
    """Set the step's outputs; underscores become hyphens."""
    _set(environment.get("GITHUB_OUTPUT"), {name.replace("_", "-"): value for name, value in values.items()})


def set_variables(environment: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Set environment variables for the steps that follow."""
    _set(environment.get("GITHUB_ENV"), values)


@contextlib.contextmanager
def ignored() -> Iterator[None]:
    """Have the runner print, and not obey, what looks like a command meanwhile."""
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", flush=True)
    try:
        yield
    finally:
        print(f"::{token}::", flush=True)


def run_url(environment: Mapping[str, str]) -> str:
    """The address of this run; empty outside GitHub Actions."""
    parts = [environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    return "{}/{}/actions/runs/{}".format(*parts) if all(parts) else ""


def _set(file: str | None, values: Mapping[str, str]) -> None:
    """Outside a workflow the values are only printed."""
    for name, value in values.items():
        if "\n" in value or "\r" in value:  # its second line would set another value
            raise ConfigurationError(f"{name} is more than one line: {value!r}")
    lines = [f"{name}={value}" for name, value in values.items()]
    _append(file, "".join(f"{line}\n" for line in lines))
    print(*lines, sep="\n", flush=True)


def _append(file: str | None, text: str) -> None:
    if file:
        with Path(file).open("a", encoding="utf-8") as opened:
            opened.write(text)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
