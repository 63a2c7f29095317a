"""How often searches have asked the holdout: the more questions, the less its next answer says."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from mainline.errors import ExternalError
from mainline.runtime.atomic_files import write_text
from mainline.training.fingerprint import Fingerprint, digest

FILE = "holdout.json"


@dataclass(frozen=True)
class Question:
    """One winner that was reviewed on a holdout; `verdict` is empty where the review did not end."""

    asked: str  # ISO 8601, UTC
    holdout: str  # a digest of what decides which rows it has
    study: str
    values: str  # a digest of what the winner changes
    branch: str
    verdict: str = ""
    passed: bool = False

    @property
    def subject(self) -> tuple[str, str, str]:
        """What it asks, and of which rows: asked again, the answer says nothing new."""
        return self.holdout, self.study, self.values


def holdout_of(prints: Fingerprint) -> str:
    """Which holdout it is: the tables, the data cutoff and the split decide that."""
    return digest([prints.parts.tables, prints.parts.clock, prints.parts.split])


def questions(folder: Path) -> list[Question]:
    """All that searches of this checkout have asked.

    Raises
    ------
    ExternalError
        Where the file is damaged: a count that starts again would be wrong in silence.
    """
    file = folder / FILE
    try:
        return [Question(**one) for one in json.loads(file.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise ExternalError(f"{file} cannot be read ({error}): restore it, or delete it and count from none") from None


def remember(folder: Path, question: Question) -> None:
    """Add a question, or replace the same one: by its answer, or where a search was stopped before the answer."""
    before = [one for one in questions(folder) if one.subject != question.subject]
    write_text(folder / FILE, json.dumps([dataclasses.asdict(one) for one in (*before, question)], indent=1) + "\n")


def same(folder: Path, study: str, values: str) -> Question | None:
    """The question that was asked about this winner, if it was answered."""
    return next((one for one in questions(folder) if (one.study, one.values) == (study, values) and one.verdict), None)


def count(folder: Path, holdout: str) -> int:
    return sum(one.holdout == holdout for one in questions(folder))
