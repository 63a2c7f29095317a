"""What a comparison is of: the candidate, the baseline, and the data that both are measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mainline.config.schema import Settings
from mainline.data.collect import Collected
from mainline.runtime.workspace import Workspace
from mainline.training.record import Record


@dataclass(frozen=True)
class Baseline:
    """`commit` is None where there is nothing to compare with; `note` tells the reader why."""

    commit: str | None = None
    record: Record | None = None
    note: str | None = None


@dataclass(frozen=True)
class Release:
    """A model that was in production; `record` is None where it cannot be read, and `problem` says why."""

    version: int
    commit: str | None
    released: str  # ISO 8601, UTC
    record: Record | None = None
    problem: str = ""


@dataclass(frozen=True)
class Comparison:
    """The settings, the tables and the prepared frame are the candidate's."""

    settings: Settings
    workspace: Workspace
    tables: Mapping[str, Collected]
    frame: Path
    candidate: Record
    baseline: Baseline = field(default_factory=Baseline)
    base_ref: str = ""  # what the reports call the baseline: a branch, a commit, production
    releases: Sequence[Release] = ()  # of the last `gates.anchor.for`

    @property
    def identical(self) -> bool:
        """Both are the same model: there is nothing to compare."""
        record = self.baseline.record
        return record is not None and record.fingerprint == self.candidate.fingerprint
