"""The results of a run as types: `verdict.json` and the reports are written from these alone."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mainline.data.messages import Messages
from mainline.data.validation.results import Expectation, Validation
from mainline.training.feature_drift import Drift


@dataclass(frozen=True)
class Interval:
    value: float
    low: float | None  # None where resampling could not measure it
    high: float | None


@dataclass(frozen=True)
class Metric:
    """One metric of both models on the same rows; `delta` is candidate minus baseline."""

    name: str
    greater_is_better: bool
    candidate: Interval
    baseline: Interval | None = None
    delta: Interval | None = None
    directed: bool = True  # false where zero is best, and so neither direction is better


def better(metric: Metric, interval: Interval) -> Interval:
    """A difference with its sign turned so that positive is better."""
    if metric.greater_is_better:
        return interval
    return Interval(
        -interval.value,
        None if interval.high is None else -interval.high,
        None if interval.low is None else -interval.low,
    )


@dataclass(frozen=True)
class Gate:
    name: str
    rule: str  # "at most 0.010 worse than main on the same rows"
    measured: str  # "−0.002 [−0.006, +0.003]", or why it could not be measured
    passed: bool
    reason: str | None = None  # the comment beside the threshold in params.yaml
    limit: float | None = None  # the threshold itself, where the rule has one number


@dataclass(frozen=True)
class Slice:
    column: str
    value: str
    rows: int
    metrics: list[Metric]


@dataclass(frozen=True)
class Gap:
    """The largest difference of a metric between the slices of a column."""

    column: str
    metric: str
    candidate: float
    baseline: float | None
    worst: str  # the slice with the lowest value, of the candidate
    best: str


@dataclass(frozen=True)
class Attribution:
    """How the change of a metric from main's run to this one splits; they add up to `total`."""

    metric: str
    total: float
    due_to_data: float
    due_to_model: float
    method: str  # in words: which model was scored on which rows


@dataclass(frozen=True)
class DayChange:
    """Rows of one day or month that differ from the baseline's version of a table."""

    day: str
    added: int
    removed: int
    changed: int


@dataclass(frozen=True)
class TableChange:
    """How a table's rows differ from those of the baseline's run, up to the earlier of both data cutoffs."""

    table: str
    key: list[str]  # the columns by which a changed row was recognized
    added: int = 0
    removed: int = 0
    changed: int = 0
    later: int = 0  # rows between both data cutoffs; below zero where this one is the earlier
    days: list[DayChange] = field(default_factory=list)
    period: str = "day"  # or "month"
    note: str | None = None

    @property
    def rows(self) -> int:
        return self.added + self.removed + self.changed


@dataclass(frozen=True)
class DataPart:
    """What one table's change, or the moved data cutoff, adds to the part of each metric that is due to the data."""

    what: str
    metrics: dict[str, float]


@dataclass(frozen=True)
class Section:
    """A part of the report as plain values; with `columns`, a table whose first column is text, the others numbers."""

    title: str
    paragraphs: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True)
class TableVersion:
    name: str
    digest: str
    rows: int
    start: str | None
    end: str | None
    changed: bool | None = None  # against the baseline; None where there is none
    messages: Messages | None = None  # of a stream: what was read of it, and what of that is no row


@dataclass(frozen=True)
class Change:
    """One line of why it changed: a parameter, a file of code, a locked package."""

    kind: str  # "parameter", "code", "package", "gate"
    what: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Importance:
    feature: str
    value: float  # fall of the headline metric when the column is shuffled
    low: float
    high: float
    alone: float | None = None  # the headline metric of this column alone, by the label's mean in its bins
    suffices: bool = False  # alone it nearly reaches the model: a column that knows the outcome does


@dataclass(frozen=True)
class Coverage:
    """The share of labelled rows of a part, such as `training 2013-02`; `baseline` is that of main's own run."""

    part: str
    rows: int
    share: float
    baseline: float | None = None


@dataclass(frozen=True)
class Side:
    """One model of the comparison."""

    commit: str | None
    clean: bool
    fingerprint: str
    model_digest: str
    model_bytes: int
    train_seconds: float


@dataclass(frozen=True)
class Anchor:
    """The best of the earlier releases, and this model's difference to it on the same rows."""

    version: int
    commit: str | None
    released: str  # ISO 8601, UTC
    model_digest: str
    releases: int  # how many it is the best of
    within: str  # "3 months"
    rows: int
    metrics: list[Metric]  # as in the comparison with the baseline, with the anchor in its place


class Outcome(StrEnum):
    better = "better"
    no_worse = "no_worse"
    worse = "worse"
    not_measurable = "not_measurable"
    identical = "identical"
    no_baseline = "no_baseline"


@dataclass(frozen=True)
class Review:
    """Everything that a run found."""

    outcome: Outcome
    passed: bool
    task: str
    metric: str  # the headline metric
    base_ref: str
    candidate: Side
    baseline: Side | None
    tables: list[TableVersion]
    data_digest: str
    rows: dict[str, int]  # train, holdout, unlabelled, and status counts such as cancelled
    label_coverage: float
    period: dict[str, str]  # train_start, holdout_start, holdout_end
    metrics: list[Metric]
    gates: list[Gate]
    validation: Validation
    attribution: list[Attribution] = field(default_factory=list)
    table_changes: list[TableChange] = field(default_factory=list)
    data_parts: list[DataPart] = field(default_factory=list)  # they add up to `due_to_data` of `attribution`
    slices: list[Slice] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    drift: list[Drift] = field(default_factory=list)
    coverage: list[Coverage] = field(default_factory=list)  # of labels; the lowest first
    changes: list[Change] = field(default_factory=list)
    importance: list[Importance] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)  # why the verdict may mislead: read before it
    notes: list[str] = field(default_factory=list)  # things a reader must know, most important first
    seconds: dict[str, float] = field(default_factory=dict)
    computed: str = ""  # "trained", "from the record"
    run_id: str | None = None
    estimator: str = ""
    threshold: float | None = None
    blocks: str | None = None
    resamples: int = 0
    confidence: float = 0.95
    titles: dict[str, str] = field(default_factory=dict)  # display names of metrics that a project added
    sections: list[Section] = field(
        default_factory=list
    )  # of the report: sizes that were tried, and what a project added
    anchor: Anchor | None = None


def to_json(value: Any) -> str:
    """Dataclasses as JSON with sorted keys; NaN is refused, not written."""
    return json.dumps(dataclasses.asdict(value), indent=2, sort_keys=True, allow_nan=False, default=str)


def verdict(review: Review) -> dict[str, Any]:
    """The content of `verdict.json`, as the design's contract has it."""
    baseline = review.baseline
    return {
        "verdict": review.outcome.value,
        "passed": review.passed,
        "fingerprint": review.candidate.fingerprint,
        "baseline": {"commit": baseline.commit, "fingerprint": baseline.fingerprint} if baseline else None,
        "model_digest": review.candidate.model_digest,
        "data": {"digest": review.data_digest, "rows": dict(review.rows)},
        "metrics": {metric.name: _metric(metric) for metric in review.metrics},
        "anchor": _anchor(review.anchor),
        "attribution": {
            a.metric: {"due_to_data": _finite(a.due_to_data), "due_to_model": _finite(a.due_to_model)}
            for a in review.attribution
        },
        "tables": {
            t.table: {"added": t.added, "removed": t.removed, "changed": t.changed, "later": t.later}
            for t in review.table_changes
        },
        "messages": {
            table.name: {**dataclasses.asdict(table.messages), "aside": table.messages.aside}
            for table in review.tables
            if table.messages
        },
        "due_to": {part.what: {m: _finite(v) for m, v in part.metrics.items()} for part in review.data_parts},
        "warnings": list(review.warnings),
        "gates": [{"name": g.name, "rule": g.rule, "measured": g.measured, "passed": g.passed} for g in review.gates],
        "expectations": [_failed(e) for e in (*review.validation.critical, *review.validation.warnings)],
        "seconds": dict(review.seconds),
    }


def _anchor(anchor: Anchor | None) -> dict[str, Any] | None:
    if anchor is None:
        return None
    metrics = {metric.name: _metric(metric) for metric in anchor.metrics}
    return {"version": anchor.version, "commit": anchor.commit, "released": anchor.released, "metrics": metrics}


def _failed(expectation: Expectation) -> dict[str, Any]:
    """One expectation that was not met, and where it is written."""
    said = expectation.observed or f"{expectation.unexpected:,} of {expectation.rows:,} rows"
    where = {"file": expectation.file, "line": expectation.line}
    return {
        "table": expectation.table,
        "rule": expectation.rule,
        "said": said,
        "severity": str(expectation.severity),
        **where,
    }


def _metric(metric: Metric) -> Mapping[str, float | None]:
    delta = metric.delta
    return {
        "candidate": _number(metric.candidate),
        "baseline": _number(metric.baseline),
        "delta": _number(delta),
        "low": _finite(delta.low) if delta else None,
        "high": _finite(delta.high) if delta else None,
    }


def _number(interval: Interval | None) -> float | None:
    """JSON has no NaN: precision where nothing was predicted positive is null."""
    return _finite(interval.value) if interval else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
