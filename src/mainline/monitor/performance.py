"""Performance from counts by day and score: memory does not grow with the rows, and days are resampled whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mainline import resampling
from mainline.results import Interval
from mainline.settings import Settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BINS = 1000  # of the score: AUC from them differs by less than .0001 from the rows'
CALIBRATION = 10


@dataclass(frozen=True)
class Scores:
    """Positives and negatives by day and bin of the score, (days, BINS); their sums of the score's powers."""

    days: list[str]
    positive: NDArray[np.float64]
    negative: NDArray[np.float64]
    score: NDArray[np.float64]  # (days, BINS): sum of the scores

    @property
    def rows(self) -> int:
        return round(float(self.positive.sum() + self.negative.sum()))


@dataclass(frozen=True)
class Measured:
    """Metrics with intervals over days."""

    rows: int
    days: int
    metrics: dict[str, Interval]


def of_rows(y: NDArray[Any], score: NDArray[Any], block: NDArray[Any] | None = None) -> Scores:
    """From rows in memory, such as the holdout of a record; those without a label are left out."""
    known = ~np.isnan(y)
    y, score = y[known], score[known]
    days = np.zeros(len(y), dtype=np.intp) if block is None else resampling.codes(block[known])
    n = int(days.max()) + 1 if len(days) else 0
    bins = np.minimum((score * BINS).astype(np.intp), BINS - 1)

    def add(weight: NDArray[Any]) -> NDArray[np.float64]:
        counted: NDArray[np.float64] = np.bincount(days * BINS + bins, weight, n * BINS).astype(np.float64)
        return counted.reshape(n, BINS)

    return Scores([str(d) for d in range(n)], add(y), add(1 - y), add(score))


def of_view(connection: DuckDBPyConnection, view: str, y: str, where: str = "true") -> Scores:
    """From a view with `time` and `prediction`; `y` is SQL for the label as 0 to 1."""
    score = "least(greatest(TRY_CAST(prediction AS DOUBLE), 0), 1)"
    found = connection.execute(
        f"SELECT d, least((s * {BINS})::DOUBLE // 1, {BINS - 1})::INT, sum(y), sum(1 - y), sum(s) FROM "
        f"(SELECT time::DATE::VARCHAR AS d, {score} AS s, ({y})::DOUBLE AS y FROM {view} WHERE {where}) "
        "WHERE s IS NOT NULL AND y IS NOT NULL GROUP BY 1, 2"
    ).fetchall()
    days = sorted({row[0] for row in found})
    place = {day: index for index, day in enumerate(days)}
    tables = np.zeros((3, len(days), BINS))
    for day, bin_, *sums in found:
        tables[:, place[day], bin_] = sums
    return Scores(days, *tables)


def expected(connection: DuckDBPyConnection, view: str = "log") -> Scores:
    """What the probabilities themselves promise: confidence-based estimation (Kuzmanovic et al., NannyML's CBPE).

    It holds where the model is calibrated and only the mix of rows has changed.
    """
    return of_view(connection, view, "least(greatest(TRY_CAST(prediction AS DOUBLE), 0), 1)")


def measure(scores: Scores, settings: Settings) -> Measured:
    """ROC AUC, Brier score, calibration error and the positives' rate (with what was predicted), binary tasks."""
    n = len(scores.days)
    if not n:
        return Measured(0, 0, {})
    compare = settings.compare
    weights = resampling.draw(n, compare.resamples, compare.seed).astype(np.float64)
    values = metrics(weights @ scores.positive, weights @ scores.negative, weights @ scores.score)
    found = {name: resampling.interval(value, compare.confidence, n) for name, value in values.items()}
    return Measured(scores.rows, n, found)


def difference(label: Scores, promise: Scores, settings: Settings) -> Interval:
    """AUC that was reached minus AUC that was expected of the same rows, paired by day."""
    weights = resampling.draw(len(label.days), settings.compare.resamples, settings.compare.seed).astype(np.float64)
    reached, wanted = (
        metrics(weights @ side.positive, weights @ side.negative, weights @ side.score)["roc_auc"]
        for side in (label, promise)
    )
    return resampling.interval(reached - wanted, settings.compare.confidence, len(label.days))


def metrics(
    positive: NDArray[np.float64], negative: NDArray[np.float64], score: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Each (resamples,) from three tables (resamples, BINS)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p, n = positive.sum(axis=1), negative.sum(axis=1)
        below = np.cumsum(negative, axis=1) - negative / 2  # ties count half
        rows = positive + negative
        mean = np.where(rows > 0, score / rows, 0)
        brier = (positive * (1 - mean) ** 2 + negative * mean**2).sum(axis=1) / (p + n)
        gap = (positive - score).reshape(len(p), CALIBRATION, -1).sum(axis=2)
        return {
            "roc_auc": (positive * below).sum(axis=1) / (p * n),
            "brier": brier,
            "calibration_error": np.abs(gap).sum(axis=1) / (p + n),
            "positive_rate": p / (p + n),
            "predicted_rate": score.sum(axis=1) / (p + n),
        }
