"""What a step of a workflow leaves for the steps after it, and says on the run's page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mainline.ci.annotate import for_message, for_property
from mainline.errors import ConfigurationError


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
