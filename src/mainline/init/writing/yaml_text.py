"""Pieces of YAML as a person would write them: scalars, lists and mappings in one line, wrapped lists, comments."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

WIDTH = 120
# Nothing that YAML 1.1 or 1.2 reads as a number, a date, true, false or null, and no mark of either.
PLAIN = re.compile(r"[^\W\d][\w./*+-]*(?:[ :][\w./*+%-]+)*|[1-9]\d* (?:minute|hour|day|week|month|year)s?")
WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf"}


def scalar(value: Any) -> str:
    """A value in one line; text is quoted where any reader of YAML could take it for something else."""
    if isinstance(value, str):
        return value if PLAIN.fullmatch(value) and value.lower() not in WORDS else quoted(value)
    return yaml.safe_dump(value, width=float("inf")).removesuffix("\n").removesuffix("\n...")


def quoted(text: str) -> str:
    """Text in double quotes. Its `#` is escaped behind a space, where a reader of comments would look for one."""
    shown = yaml.safe_dump(text, default_style='"', width=float("inf"), allow_unicode=True).rstrip("\n")
    return shown.replace(" #", " \\x23")


def flow(value: Any) -> str:
    """A value, a list or a mapping in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{inner(name)}: {inner(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inner, value)) + "]"
    return scalar(value)


def inner(value: Any) -> str:
    """As `flow`, inside a list or a mapping, where a colon without quotes may end a name."""
    return quoted(value) if isinstance(value, str) and ":" in value else flow(value)


def listed(values: Iterable[Any], indent: int, width: int = WIDTH) -> list[str]:
    """A list over several lines, as many items to a line as fit."""
    lines = [" " * indent + "["]
    items = list(values)
    for place, value in enumerate(items):
        text = inner(value) + ("]" if place == len(items) - 1 else ",")
        fresh = lines[-1].strip() in ("", "[")
        if not fresh and len(lines[-1]) + 1 + len(text) > width:
            lines.append(" " * (indent + 1) + text)
        else:
            lines[-1] += text if fresh else f" {text}"
    return lines


def comment(text: str) -> str:
    """Text as one line that a comment can hold: a character that is no text, such as a control code, is left out."""
    return " ".join("".join(each if each.isprintable() or each.isspace() else "" for each in text).split())


def commented(text: str, indent: int, hanging: int = 0, width: int = WIDTH) -> Iterator[str]:
    """A comment over as many lines as it needs; all but the first are indented by `hanging` more."""
    before = " " * indent + "# "
    yield from textwrap.wrap(
        comment(text), width, initial_indent=before, subsequent_indent=before + " " * hanging, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
