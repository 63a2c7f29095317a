"""The order of gates, slices, drift and changes in every report."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass

from mainline.data.validation.results import Expectation
from mainline.evaluation.formatting import plain
from mainline.evaluation.results import Change, Gap, Gate, Metric, Review, Slice
from mainline.report.headline import find
from mainline.training.feature_drift import Drift

KINDS = {
    "gate": "Gates and expectations",
    "parameter": "Parameters",
    "code": "Code",
    "package": "Packages",
}


def gates(review: Review) -> list[Gate]:
    """Failed ones first, else as in params.yaml."""
    return sorted(review.gates, key=lambda gate: gate.passed)


def metrics(review: Review) -> list[Metric]:
    """The headline's metric first."""
    return sorted(review.metrics, key=lambda metric: metric.name != review.metric)


def direction(metric: Metric) -> str:
    """`better` or `worse` if the difference is significant, else empty."""
    delta = metric.delta
    if delta is None or delta.low is None or delta.high is None or not metric.directed:
        return ""
    if delta.low <= 0 <= delta.high or not math.isfinite(delta.low + delta.high):
        return ""
    return "better" if (delta.low > 0) == metric.greater_is_better else "worse"


def moved(review: Review) -> list[tuple[Slice, Metric]]:
    """Slices with the headline's metric (or their first): significantly worse, significantly better, then by size."""
    rows = [(part, find(part.metrics, review.metric) or part.metrics[0]) for part in review.slices if part.metrics]
    rank = {"worse": 0, "better": 1, "": 2}
    return sorted(rows, key=lambda row: (rank[direction(row[1])], -_size(row[1].delta.value if row[1].delta else 0)))


def gaps(review: Review) -> list[Gap]:
    """The most widened first."""
    return sorted(
        review.gaps, key=lambda gap: -(gap.candidate - (gap.baseline or 0)) if gap.baseline is not None else 0
    )


def drift(review: Review) -> list[Drift]:
    return sorted(review.drift, key=lambda feature: -_size(feature.psi))


@dataclass(frozen=True)
class DataRow:
    """One line of what changed in the data: a table, or what is no table's own."""

    what: str
    counts: tuple[str, ...]
    share: float | None  # of the headline metric's change
    is_table: bool = True


def data_changes(review: Review) -> list[DataRow]:
    """The tables in the order of the settings with their parts, then the cutoff and the rest."""
    parts = {part.what: part.metrics.get(review.metric) for part in review.data_parts}
    rows = [
        DataRow(
            each.table,
            (*(f"{n:,}" if n else "–" for n in (each.added, each.removed, each.changed)), by_cutoff(each.later)),
            parts.pop(each.table, None),
        )
        for each in review.table_changes
    ]
    return [*rows, *(DataRow(what, ("–",) * 4, share, is_table=False) for what, share in parts.items())]


def by_cutoff(rows: int) -> str:
    """Rows that are there, or are no longer, because the data cutoff moved."""
    return f"{'+' if rows > 0 else '−'}{abs(rows):,}" if rows else "–"


def changes(review: Review) -> dict[str, list[Change]]:
    """By kind, gates first: there a pull request could make itself pass."""
    kinds = [*KINDS, *dict.fromkeys(change.kind for change in review.changes if change.kind not in KINDS)]
    found = {kind: [change for change in review.changes if change.kind == kind] for kind in kinds}
    return {KINDS.get(kind, plain(kind, 30)): rows for kind, rows in found.items() if rows}


def judges(review: Review) -> list[str]:
    """The gates, suites and workflows that differ from the base."""
    return [change.what for change in review.changes if change.kind == "gate"]


def unchecked(review: Review) -> list[str]:
    """What validation could not see: tables that are not rolled back, their features, and tables without a suite."""
    tables = review.validation.unchecked
    still = [
        f"{table.table} ({'known ahead' if table.ahead else 'no time'}; "
        f"{', '.join(table.features) if table.features else 'no feature comes from it'})"
        for table in tables
        if not table.rolled_back
    ]
    bare = [table.table for table in tables if not table.has_suite]
    found = []
    if still:
        found.append(f"The point-in-time check cannot roll back: {'; '.join(still)}")
    if bare:
        found.append(f"Without an expectation suite: {', '.join(bare)}")
    return found


def failures(review: Review) -> list[Expectation]:
    """Critical ones first."""
    return [*review.validation.critical, *review.validation.warnings]


def periods(review: Review) -> list[str]:
    """`trained on 2013-01-01 to 2013-08-31` and `measured on 2013-09-01 to 2013-09-30`, where known."""
    found = {name: plain(value, 40)[:10] for name, value in review.period.items()}
    sides = (("trained on", "train_start", "train_end"), ("measured on", "holdout_start", "holdout_end"))
    return [
        f"{verb} {' to '.join(dict.fromkeys(dates))}"
        for verb, *ends in sides
        if (dates := [found[end] for end in ends if found.get(end)])
    ]


def commands(review: Review) -> list[str]:
    """The commands that reproduce this run."""
    commit, baseline = review.candidate.commit, review.baseline
    base = (baseline.commit if baseline else None) or review.base_ref.removeprefix("base/")
    lines = [f"git checkout {shlex.quote(plain(commit, 80))}"] if commit else []
    return [*lines, f"make run BASE={shlex.quote(plain(base, 120))}"]


def _size(value: float) -> float:
    return abs(value) if math.isfinite(value) else math.inf
