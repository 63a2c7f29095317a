"""The text of `params.yaml`: every setting of a proposal, in the order of the schema, with its reason behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mainline.config.loader import valid_names
from mainline.init.proposal import Proposal, Use
from mainline.init.writing.yaml_text import WIDTH, comment, commented, flow, listed, scalar
from mainline.runtime import models

HEAD = """\
# yaml-language-server: $schema={up}docs/params.schema.json
# Every choice of the model and every threshold, each with its reason. Proposed by `make init`: change what you like.
"""
FEATURES = ("prepare", "features")
OWN_LINES = (("gates", "margins"),)  # a measured margin is written behind each with its reason
COLUMN = 34  # of the comments

Path = tuple[str, ...]
Reasons = Mapping[Path, str]


@dataclass(frozen=True)
class Line:
    text: str
    reason: str | None = None


def render(proposal: Proposal) -> str:
    """The file's text; loading it gives exactly `proposal.settings`."""
    parts = [HEAD.format(up="../" * len(models.selected().folder.parts))]
    for name in ordered((), proposal.settings):
        lines = entry((name,), proposal.settings[name], proposal.reasons, left_out(proposal))
        parts.append("\n".join(row for line in lines for row in written(line)) + "\n")
    return "\n".join(parts)


def ordered(path: Path, settings: Mapping[str, Any]) -> list[str]:
    """The names of the settings in the schema's order; what it does not name follows as it is."""
    known = [name for name in valid_names(path) if name in settings] if path != ("train", "params") else []
    return [*known, *(name for name in settings if name not in known)]


def entry(path: Path, value: Any, reasons: Reasons, below: list[str]) -> Iterator[Line]:
    """The lines of one setting; `below` are the comments that end the features."""
    indent, name = "  " * (len(path) - 1), scalar(path[-1])
    reason = reasons.get(path)
    flat = f"{indent}{name}: {flow(value)}"
    if isinstance(value, Mapping) and value and not is_short(path, value, flat, reasons):
        yield Line(f"{indent}{name}:", reason)
        for inner in ordered(path, value):
            yield from entry((*path, inner), value[inner], reasons, below)
        if path == FEATURES:
            yield from map(Line, below)
    elif isinstance(value, list) and value and len(flat) > WIDTH:
        yield Line(f"{indent}{name}:", reason)
        yield from map(Line, listed(value, len(indent) + 2))
    else:
        yield Line(flat, reason)


def is_short(path: Path, value: Mapping[str, Any], flat: str, reasons: Reasons) -> bool:
    """Whether a mapping stands in one line: where none of its settings has a reason, and it is no section."""
    has_reasons = any(len(each) > len(path) and each[: len(path)] == path for each in reasons)
    deep = any(isinstance(inner, Mapping) and inner for inner in value.values())
    return not (len(path) == 1 or has_reasons or deep or path == FEATURES or path in OWN_LINES or len(flat) > WIDTH)


def written(line: Line) -> Iterator[str]:
    """A line with its reason: behind it where both fit, else above it."""
    if not line.reason or not comment(line.reason):
        yield line.text
        return
    whole = f"{line.text.ljust(COLUMN - 1)} # {comment(line.reason)}"
    if len(whole) > WIDTH:
        yield from commented(line.reason, len(line.text) - len(line.text.lstrip()))
        yield line.text
    else:
        yield whole


def left_out(proposal: Proposal) -> list[str]:
    """A comment for every column that is no feature, those with the same reason together."""
    by_reason: dict[str, list[str]] = {}
    for column, use in proposal.uses.items():
        if is_left_out(use):
            by_reason.setdefault(use.reason, []).append(comment(column))
    if not by_reason:
        return []
    lines = ["    # Left out:"]
    for reason, columns in by_reason.items():
        lines += commented(f"{', '.join(columns)}: {reason}", 4, hanging=2)
    return lines


def is_left_out(use: Use) -> bool:
    return use.role == "left out"
