"""The results of data validation, as typed values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    critical = "critical"
    warning = "warning"


@dataclass(frozen=True)
class Expectation:
    """One expectation of a suite and what became of it."""

    table: str
    type: str  # Great Expectations' name, such as expect_column_values_to_be_between
    column: str | None
    rule: str  # the expectation in words, with its bounds
    severity: Severity
    success: bool
    rows: int
    unexpected: int  # rows that broke it; 0 where the expectation is not about rows
    examples: list[dict[str, Any]]  # up to five rows: key columns and the value
    observed: str | None  # for expectations about the whole table or column
    note: str | None  # the suite's own reason for the expectation
    file: str  # data/expectations/schedule.yaml
    line: int


@dataclass(frozen=True)
class Unchecked:
    """A table that the point-in-time check cannot roll back, or that has no suite."""

    table: str
    rolled_back: bool
    ahead: bool  # declared to be known before its time
    has_suite: bool
    features: list[str]  # that come from it
    shares: list[str]  # columns that it has in common with a table that the label comes from

    @property
    def risky(self) -> bool:
        """A feature comes from it that may hold what only the outcome told."""
        return not (self.rolled_back or self.ahead) and bool(self.features) and bool(self.shares)


@dataclass(frozen=True)
class Validation:
    expectations: list[Expectation]
    seconds: float = 0.0
    unchecked: list[Unchecked] = field(default_factory=list)

    @property
    def critical(self) -> list[Expectation]:
        return [e for e in self.expectations if not e.success and e.severity == Severity.critical]

    @property
    def warnings(self) -> list[Expectation]:
        return [e for e in self.expectations if not e.success and e.severity == Severity.warning]
