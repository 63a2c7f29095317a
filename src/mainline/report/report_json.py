"""`report.json`: all values of a report's Markdown, so that a job that does not trust them can write it.

The job that ran a contributor's code leaves these values. The job that posts them checks each against its type and
writes the Markdown itself: on the standard library alone, with the code of the default branch.
"""

from __future__ import annotations

import json

from mainline.evaluation.results import Review
from mainline.report import markdown, without_training
from mainline.report.without_training import Stopped, Unchanged
from mainline.runtime import typed_json
from mainline.runtime.typed_json import InvalidJson

FILE = "report.json"
FORMAT = 1  # increased when a key is removed or changes its meaning; a new key has a default
LARGEST = 8 << 20  # bytes that are read

Report = Review | Unchanged | Stopped
KINDS: dict[str, type[Report]] = {"review": Review, "unchanged": Unchanged, "stopped": Stopped}


def to_json(report: Report) -> str:
    (kind,) = [name for name, one in KINDS.items() if isinstance(report, one)]
    content = {"format": FORMAT, "kind": kind, "report": typed_json.encode(KINDS[kind], report)}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def from_json(content: bytes) -> Report:
    """The report in a file's bytes.

    Raises
    ------
    InvalidJson
        Where it is too large, another format, or holds a value that is not of its type.
    """
    if len(content) > LARGEST:
        raise InvalidJson("", f"more than {LARGEST >> 20} MB")
    found = typed_json.parse(content)
    if not isinstance(found, dict) or set(found) != {"format", "kind", "report"}:
        raise InvalidJson("", "the keys must be format, kind and report")
    if found["format"] != FORMAT or isinstance(found["format"], bool):
        raise InvalidJson("format", f"{str(found['format'])[:20]!r}, this code reads {FORMAT}")
    if not isinstance(found["kind"], str) or found["kind"] not in KINDS:
        raise InvalidJson("kind", f"{str(found['kind'])[:40]!r} is not one of {', '.join(KINDS)}")
    return typed_json.decode(KINDS[found["kind"]], found["report"], "report")


def to_markdown(report: Report, limit: int = markdown.LIMIT) -> str:
    """The report as GitHub shows it. Every value in it is text: nothing in it links, calls or runs."""
    if isinstance(report, Unchanged):
        return without_training.unchanged(report)
    if isinstance(report, Stopped):
        return without_training.stopped(report)
    return markdown.render(report, limit)
