"""What `make init` proposes for a table: facts about each column, each decision with its reason, and what to warn of.

`profile` measures, the modules below `guesses` decide, `leaks` warns, `writing` turns the result into files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Role = Literal["label", "key", "time", "numeric", "categorical", "left out"]


@dataclass(frozen=True)
class Wishes:
    """What the person said: each overrules a guess."""

    file: str
    label: str
    time: str | None = None
    key: tuple[str, ...] = ()  # `content` alone: a key from the row's content
    name: str | None = None
    task: str | None = None
    positive: str | None = None  # the label's value that is predicted, as the table writes it
    labels: str | None = None  # a second file with the labels, joined by the key
    keep: bool = False  # leave the example where it is


@dataclass(frozen=True)
class Column:
    """What was measured of one column of the table, over all of its rows."""

    name: str
    type: str  # DuckDB's
    rows: int
    missing: int
    distinct: int  # values other than null
    minimum: Any = None  # of numbers, dates and times
    maximum: Any = None
    mean: float | None = None  # of numbers
    whole: bool = False  # numbers without a fraction
    top: tuple[tuple[str, int], ...] = ()  # the most frequent values as text, and their rows: at most 50
    longest: int = 0  # characters, of text
    words: float = 0.0  # on average, of text


@dataclass(frozen=True)
class Use:
    """What becomes of a column, and why."""

    role: Role
    reason: str


@dataclass(frozen=True)
class Derived:
    """A feature that the preparation computes from a column, such as the hour of a time."""

    name: str
    expression: str  # of Ibis, in terms of `_`, such as `_.at.hour()`
    role: Literal["numeric", "categorical", "block"]  # block: the column of `compare.blocks`, no feature
    reason: str


@dataclass(frozen=True)
class Decision:
    """One decision: what was chosen, why, and how to choose otherwise."""

    setting: str  # as in params.yaml, such as `prepare.key`; or `column amount`
    chosen: str
    reason: str
    otherwise: str  # such as `TASK=regression`, or `params.yaml: prepare.features`


@dataclass(frozen=True)
class Finding:
    """What a person must know or decide: a leak, a risk, a question."""

    kind: Literal["leak", "risk", "question"]
    column: str | None
    text: str


@dataclass(frozen=True)
class Proposal:
    """Everything that the files are written from."""

    name: str  # of the project: a Python package below `src/`
    table: str  # of `data.sources`: the table whose rows are predicted
    settings: Mapping[str, Any]  # the content of params.yaml, without measured margins
    reasons: Mapping[tuple[str, ...], str]  # setting -> the comment behind it
    label: str  # the column of the frame
    label_expression: str | None  # of Ibis, in terms of `_`; None where the column is taken as it is
    columns: tuple[Column, ...]
    uses: Mapping[str, Use]  # by column of the table
    derived: tuple[Derived, ...] = ()
    protected: tuple[str, ...] = ()  # columns that look protected: slices, no features
    slices: tuple[str, ...] = ()
    groups: str | None = None  # the column whose values must not be split across the holdout
    join: str | None = None  # the Ibis expression of the second table's join, where there is one
    decisions: tuple[Decision, ...] = ()
    findings: tuple[Finding, ...] = ()
    copied: tuple[Path, ...] = field(default=())  # files that were brought into the repository
