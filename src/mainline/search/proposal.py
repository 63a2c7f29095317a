"""The result of a search, passed from the job that ran the model's code to the job with write permission.

The second job trusts only text to show, and a `params.yaml` that it compares with main's: see `changed_lines`. Uses
only the standard library.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from mainline.errors import DataError
from mainline.retraining.proposal import matching
from mainline.runtime import models

FILE, PARAMS, PAGE = "search.json", "params.yaml", "search.html"
REPORTS = ("report.json", "report.md", "report.html", "verdict.json")  # from the review, in the same folder
LARGEST = 1 << 20  # bytes that are read of each file
PREFIX = "search/"
NAME = "Mainline search"


class Outcome(StrEnum):
    ready = "ready"  # a winner with its review
    nothing = "nothing"  # no trial is better than today's settings
    known = "known"  # the holdout was asked about this winner before
    unchanged = "unchanged"  # there is a winner, and no git checkout to make a branch in


@dataclass(frozen=True)
class Proposal:
    """`message` is for people. What follows is set where there is a winner."""

    outcome: Outcome
    message: str
    study: str = ""
    base: str | None = None  # the commit that was searched
    branch: str | None = None
    changes: list[str] = field(default_factory=list)  # "train.params.max_iter: 200 → 150"
    inner: str = ""  # what the inner folds say of it
    trials: int = 0
    questions: int = 0  # that searches have asked this holdout, with this one
    holdout: str = ""  # what the review measured on the holdout, in the metric of the verdict
    verdict: str | None = None
    passed: bool | None = None

    def text(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


def branch_of(study: str) -> str:
    """The branch of a study's winner."""
    name = models.selected().name
    return f"{PREFIX}{name}/{study[:8]}" if name else f"{PREFIX}{study[:8]}"


def read(file: Path) -> Proposal:
    """Read the proposal in a file; raises DataError if it is not one."""
    try:
        content = json.loads(file.read_bytes()[:LARGEST])
        return Proposal(
            outcome=Outcome(content["outcome"]),
            message=str(content["message"]),
            study=matching(content["study"], r"[0-9a-f]{16}") or "",
            base=matching(content.get("base"), r"[0-9a-f]{40,64}"),
            branch=matching(content.get("branch"), rf"{re.escape(branch_of(content['study']))}"),
            changes=[str(one) for one in content["changes"]][:100],
            inner=str(content["inner"]),
            trials=int(content["trials"]),
            questions=int(content["questions"]),
            holdout=str(content["holdout"]),
            verdict=matching(content.get("verdict"), r"[a-z_]{1,40}"),
            passed=content.get("passed") is True,
        )
    except FileNotFoundError:
        raise DataError(f"{file} does not exist: the search left no result, see its log") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{file} is not a result of a search: {error!r}") from None
