"""The result of a retraining, passed from the job that ran the model's code to the job with write permission.

The second job trusts only a date, an outcome and text to show.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from mainline.errors import DataError
from mainline.retraining.rules import prefix

FILE = "retraining.json"
REPORTS = ("report.json", "report.md", "report.html", "verdict.json")  # from the run, in the same folder
LARGEST = 1 << 20  # bytes that are read of each file


class Outcome(StrEnum):
    ready = "ready"  # a report to review
    nothing = "nothing"  # no new data
    waiting = "waiting"  # a rule forbids it now
    invalid = "invalid"  # the new data are not valid
    failed = "failed"  # something else stopped it


@dataclass(frozen=True)
class Proposal:
    """`message` is for people. `until`, `before` and `base` (a commit) are set if there are new data."""

    outcome: Outcome
    message: str
    until: dt.date | None = None
    before: dt.date | None = None
    base: str | None = None
    branch: str | None = None
    verdict: str | None = None
    passed: bool | None = None

    def text(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2, default=str) + "\n"


def read(file: Path) -> Proposal:
    """Read the proposal in a file; raises DataError if it is not one."""
    try:
        content = json.loads(file.read_bytes()[:LARGEST])
        return Proposal(
            outcome=Outcome(content["outcome"]),
            message=str(content["message"]),
            until=_date(content.get("until")),
            before=_date(content.get("before")),
            base=matching(content.get("base"), r"[0-9a-f]{40,64}"),
            branch=matching(content.get("branch"), rf"{prefix()}\d{{4}}-\d\d-\d\d"),
            verdict=matching(content.get("verdict"), r"[a-z_]{1,40}"),
            passed=content.get("passed") is True,
        )
    except FileNotFoundError:
        raise DataError(f"{file} does not exist: the retraining left no result, see its log") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{file} is not a result of a retraining: {error!r}") from None


def _date(value: Any) -> dt.date | None:
    return None if value is None else dt.date.fromisoformat(value)


def matching(value: Any, pattern: str) -> str | None:
    """The text, or None where there is none; raises ValueError where it is something else than the pattern says."""
    if value is None:
        return None
    if not re.fullmatch(pattern, value):
        raise ValueError(f"{value!r} does not match {pattern}")
    return str(value)
