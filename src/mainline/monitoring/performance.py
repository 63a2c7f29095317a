"""The performance of the model, from daily sums: memory does not grow with the rows, and whole days are resampled.

Every function reads a DuckDB relation with the columns `block`, `p` (the probabilities of all classes in
order, or one value), `y` (a class's code, or a value) and `w`, the row's weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mainline.config.schema import Settings
from mainline.data.blocks import codes
from mainline.evaluation import bootstrap, metrics
from mainline.evaluation.bootstrap import FloatArray
from mainline.evaluation.metrics.block_sums import product, ratio
from mainline.evaluation.results import Interval
from mainline.training.record import Record

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BINS = 1000  # of the score's logit: the AUC differs by less than 0.0005 from the exact one
CALIBRATION = 10
CLASSES = 20  # with more classes, ROC AUC is skipped
EPSILON = 2.3e-16
# What daily sums give; other metrics are measured on the rows.
SUMS = {
    "binary": {"roc_auc", "log_loss", "brier", "calibration_error", "precision", "recall", "f1", "accuracy"},
    "multiclass": {
        "accuracy", "balanced_accuracy", "macro_precision", "macro_recall", "macro_f1", "log_loss", "brier",
        "calibration_error", "roc_auc",
    },
    "regression": {"mae", "rmse", "r2", "bias"},
}  # fmt: skip
SHOWN = {
    "binary": ("roc_auc", "log_loss", "brier", "calibration_error", "precision", "recall"),
    "multiclass": ("accuracy", "log_loss", "brier", "roc_auc", "calibration_error"),
    "regression": ("mae", "rmse", "r2", "bias"),
}


@dataclass(frozen=True)
class Measured:
    """Metrics on the data (first) and on each resample of the blocks, (1 + resamples,)."""

    rows: int = 0
    blocks: int = 0
    values: dict[str, FloatArray] = field(default_factory=dict)

    def intervals(self, settings: Settings) -> dict[str, Interval]:
        confidence = settings.compare.confidence
        return {
            name: bootstrap.interval(found, confidence, self.blocks, level=True) for name, found in self.values.items()
        }


def promised(record: Record, settings: Settings) -> Measured:
    """The metrics and resamples of the evaluation: the same rows, blocks and draws.

    Without `compare.blocks` each row is a block, as in the evaluation. A record whose blocks are not known, although
    `compare.blocks` is set, has no intervals: it counts as a single block until the next run adds them.
    """
    task, holdout = record.facts.task, record.holdout
    known = ~np.isnan(holdout.y)
    y, score = holdout.y[known], holdout.score[known]
    if not len(y):
        return Measured()
    if settings.compare.blocks is None:
        block = np.arange(len(y))
    elif holdout.block is None or record.facts.blocks not in (None, settings.compare.blocks):
        block = np.zeros(len(y), dtype=np.intp)
    else:
        block = codes(holdout.block[known])
    n = int(block.max()) + 1
    weights = bootstrap.draw(n, settings.compare.resamples, settings.compare.seed)
    names = [*dict.fromkeys([settings.compare.metric, *SHOWN[task]])]
    only = [name for name in names if name in metrics.names(task)]
    target = y if task == "regression" else y.astype(np.int64)
    values = metrics.measure(task, target, score, block, weights, threshold=settings.evaluate.threshold, only=only)
    return Measured(len(y), n, values)


def surprise(record: Record, settings: Settings, connection: DuckDBPyConnection) -> dict[str, float]:
    """The metrics on the holdout minus what the model's own probabilities predict for its rows."""
    holdout = record.holdout
    known = ~np.isnan(holdout.y)
    score = holdout.score[known]
    # DuckDB needs a name for each array.
    columns = {f"s{n}": column for n, column in enumerate(np.atleast_2d(score.T))}
    connection.register("holdout_rows", {"y": holdout.y[known], **columns})
    p = [f"s{n}" for n in range(len(columns))]
    p = [f"1 - {p[0]}", *p] if record.facts.task == "binary" else p
    rows = f"(SELECT 0 AS block, [{', '.join(f'({c})::DOUBLE' for c in p)}] AS p, y, 1.0 AS w FROM holdout_rows)"
    task, classes = record.facts.task, len(record.facts.classes)
    reached = measure(connection, rows, task, classes, settings, resample=False).values
    predicted = measure(connection, expected(rows), task, classes, settings, resample=False).values
    connection.unregister("holdout_rows")
    return {name: float(reached[name][0] - predicted[name][0]) for name in reached if name in predicted}


def expected(rows: str) -> str:
    """The rows with each class as label, weighted by its probability: the performance that the probabilities predict.

    Confidence-based performance estimation (as in NannyML's CBPE). It is correct as far as the probabilities are
    calibrated and only the distribution of the rows has changed; it cannot detect concept drift.
    """
    return (
        f"(SELECT * REPLACE (c::DOUBLE AS y, w * p[c + 1] AS w) FROM "
        f"(SELECT *, unnest(range(len(p))) AS c FROM {rows}))"
    )


def measure(
    connection: DuckDBPyConnection,
    rows: str,
    task: str,
    classes: int,
    settings: Settings,
    *,
    resample: bool = True,
    only: str | None = None,
) -> Measured:
    """The metrics of a relation, with as many resamples as the evaluation draws, or with none.

    `only` names the one metric that is needed: sums that it does not use are skipped.
    """
    return measured(connection, rows, task, classes, settings, by_block=False, resample=resample, only=only)[0]


def by_block(
    connection: DuckDBPyConnection, rows: str, task: str, classes: int, settings: Settings, only: str
) -> tuple[Measured, dict[Any, float]]:
    """A metric of each block, (blocks,), and the rows of each."""
    return measured(connection, rows, task, classes, settings, by_block=True, resample=False, only=only)


def measured(
    connection: DuckDBPyConnection,
    rows: str,
    task: str,
    classes: int,
    settings: Settings,
    *,
    by_block: bool,
    resample: bool,
    only: str | None,
) -> tuple[Measured, dict[Any, float]]:
    usable = f"(SELECT * FROM {rows} WHERE y IS NOT NULL AND p IS NOT NULL AND len(p) = {classes or 1})"
    sizes = connection.execute(f"SELECT block, sum(w), bool_and(w = 1) FROM {usable} GROUP BY 1 ORDER BY 1").fetchall()
    blocks = {block: place for place, (block, *_) in enumerate(sizes)}
    counted = [(block, count) for block, count, _ in sizes]
    if not blocks:
        return Measured(), {}
    n = len(blocks)
    # Not the seed of the evaluation: its days are not paired with these.
    resamples = settings.compare.resamples if resample else 0
    weights: Any = np.eye(n, dtype=np.uint8) if by_block else bootstrap.draw(n, resamples, settings.compare.seed + 1)
    total = product(weights, np.array([[count] for _, count in counted], dtype=np.float64))[:, 0]
    table = Table(connection, usable, blocks, weights)
    plain = task == "regression"
    every = regression(table, total) if plain else classification(table, total, classes, settings, only)
    asked = only or settings.compare.metric
    if asked not in SUMS[task] and asked in metrics.names(task) and all(plainly for *_, plainly in sizes):
        every[asked] = of_rows(connection, usable, blocks, weights, task, classes, settings, asked)
    values = {name: found for name, found in every.items() if only in (None, name)}
    if n == 1 and not by_block:
        for column in values.values():
            column[1:] = np.nan
    return Measured(round(float(total.sum() if by_block else total[0])), n, values), dict(counted)


def of_rows(
    connection: DuckDBPyConnection,
    usable: str,
    blocks: dict[Any, int],
    weights: Any,
    task: str,
    classes: int,
    settings: Settings,
    name: str,
) -> FloatArray:
    """A metric that sums cannot give, such as a median or one of the project's own: from the rows themselves.

    They are read into memory, at 8 bytes for each probability of a row.
    """
    scores = [2] if task == "binary" else range(1, (classes or 1) + 1)
    columns = connection.execute(f"SELECT block, y, {', '.join(f'p[{n}]' for n in scores)} FROM {usable}").fetchnumpy()
    block, y, *score = (np.asarray(column) for column in columns.values())
    place = codes(block)  # in the order of the values, as `blocks` are
    values = metrics.measure(
        task,
        y if task == "regression" else y.astype(np.int64),
        np.column_stack(score) if task == "multiclass" else score[0],
        place,
        weights,
        threshold=settings.evaluate.threshold,
        only=[name],
    )
    return values[name]


@dataclass(frozen=True)
class Table:
    connection: DuckDBPyConnection
    rows: str
    blocks: dict[Any, int]
    weights: Any

    def sums(self, group: str, groups: int, *sums: str) -> list[FloatArray]:
        """Each of `sums` over every resample by `group`, SQL for 0 to groups - 1: (1 + resamples, groups)."""
        found = self.connection.execute(
            f"SELECT block, ({group})::BIGINT, {', '.join(sums)} FROM {self.rows} GROUP BY 1, 2"
        ).fetchall()
        tables = np.zeros((len(sums), len(self.blocks), groups))
        for block, place, *values in found:
            tables[:, self.blocks[block], place] = values
        return [product(self.weights, table) for table in tables]


def classification(
    table: Table, total: FloatArray, classes: int, settings: Settings, only: str | None
) -> dict[str, FloatArray]:
    k = classes
    if k == 2:
        claimed, sure, right = f"(p[2] >= {settings.evaluate.threshold})::INT", "p[2]", "y"
        square = "(1 - p[y::INT + 1]) ** 2"
    else:
        claimed = "list_position(p, list_max(p)) - 1"
        sure, right = "list_max(p)", f"(y = {claimed})::INT"
        square = "list_inner_product(p, p) - 2 * p[y::INT + 1] + 1"
    found: dict[str, FloatArray] = {}
    if only != "roc_auc" and only != "calibration_error":
        loss = f"-ln(least(greatest(p[y::INT + 1], {EPSILON}), 1 - {EPSILON}))"
        matrix, losses, squares = table.sums(
            f"y::INT * {k} + {claimed}", k * k, "sum(w)", f"sum(w * {loss})", f"sum(w * ({square}))"
        )
        found |= decided(matrix, total, k)
        found |= {"log_loss": ratio(losses.sum(axis=1), total), "brier": ratio(squares.sum(axis=1), total)}
    if only in (None, "calibration_error"):
        bins = f"least(floor({sure} * {CALIBRATION}), {CALIBRATION - 1})"
        (gap,) = table.sums(bins, CALIBRATION, f"sum(w * ({right} - {sure}))")
        found["calibration_error"] = ratio(np.abs(gap).sum(axis=1), total)
    if k == 2 and "average_precision" in (only, settings.compare.metric):
        found["average_precision"] = precision_of_bins(table)
    if only in (None, "roc_auc") and k <= CLASSES:
        found["roc_auc"] = np.mean([auc(table, code) for code in ([1] if k == 2 else range(k))], axis=0)
    return found


def decided(matrix: FloatArray, total: FloatArray, k: int) -> dict[str, FloatArray]:
    """Metrics of the decisions: `matrix` (n, label * k + claimed)."""
    accuracy = ratio(matrix[:, :: k + 1].sum(axis=1), total)
    if k != 2:
        return {"accuracy": accuracy, **macro(matrix.reshape(-1, k, k))}
    hit, claimed, actual = matrix[:, 3], matrix[:, 1] + matrix[:, 3], matrix[:, 2] + matrix[:, 3]
    return {
        "accuracy": accuracy,
        "precision": ratio(hit, claimed),
        "recall": ratio(hit, actual),
        "f1": ratio(2 * hit, claimed + actual),
        "positive_rate": ratio(actual, total),
    }


def macro(confusion: FloatArray) -> dict[str, FloatArray]:
    """Averages over the classes that occur, from matrices (n, label, claimed), as in `metrics.multiclass`."""
    hit = np.diagonal(confusion, axis1=1, axis2=2)
    actual, claimed = confusion.sum(axis=2), confusion.sum(axis=1)

    def mean(numerator: FloatArray, denominator: FloatArray, occurs: Any) -> FloatArray:
        return ratio((np.nan_to_num(ratio(numerator, denominator)) * occurs).sum(axis=1), occurs.sum(axis=1) * 1.0)

    either = actual + claimed > 0
    return {
        "balanced_accuracy": mean(hit, actual, actual > 0),
        "macro_precision": mean(hit, claimed, either),
        "macro_recall": mean(hit, actual, either),
        "macro_f1": mean(2 * hit, actual + claimed, either),
    }


def auc(table: Table, code: int) -> FloatArray:
    """One class against the rest; ties and scores in the same bin count half."""
    positive, negative = classes_by_bin(table, code)
    below = np.cumsum(negative, axis=1) - negative / 2
    return ratio((positive * below).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1))


def classes_by_bin(table: Table, code: int) -> list[FloatArray]:
    """Rows of the class and all others by bin of its score, in each resample.

    The bins are even on the scale of the logit, between the lowest and the highest score: on the scale of the
    probability, the scores of a rare class would share a few bins.
    """
    p = f"p[{code + 1}]"
    low, high = table.connection.execute(f"SELECT min({p}), max({p}) FROM {table.rows}").fetchone() or (0.0, 1.0)
    first, last = logit(low), logit(high)
    width = (last - first) / BINS or 1.0
    score = f"ln(greatest({p}, {EPSILON}) / greatest(1 - {p}, {EPSILON}))"
    bins = f"greatest(least(floor(({score} - {first!r}) / {width!r}), {BINS - 1}), 0)"
    return table.sums(
        bins, BINS, f"coalesce(sum(w) FILTER (y = {code}), 0)", f"coalesce(sum(w) FILTER (y <> {code}), 0)"
    )


def logit(p: float) -> float:
    return math.log(max(p, EPSILON) / max(1 - p, EPSILON))


def precision_of_bins(table: Table) -> FloatArray:
    """The average precision with the scores of a bin as ties: what the probabilities of weighted rows predict."""
    positive, negative = (counts[:, ::-1] for counts in classes_by_bin(table, 1))
    hits, taken = np.cumsum(positive, axis=1), np.cumsum(positive + negative, axis=1)
    return ratio((np.nan_to_num(ratio(hits, taken)) * positive).sum(axis=1), positive.sum(axis=1))


def regression(table: Table, total: FloatArray) -> dict[str, FloatArray]:
    """As in `metrics.regression`, without the median, which sums cannot give."""
    (middle,) = table.connection.execute(f"SELECT coalesce(avg(y), 0) FROM {table.rows}").fetchone() or (0.0,)
    error, label = "(p[1] - y)", f"(y - {middle!r})"
    found = table.sums(
        "0", 1, f"sum(w * {error})", f"sum(w * abs({error}))", f"sum(w * {error} * {error})",
        f"sum(w * {label})", f"sum(w * {label} * {label})",
    )  # fmt: skip
    bias, absolute, square, labels, squares = (column[:, 0] for column in found)
    variation = squares - labels * ratio(labels, total)
    return {
        "mae": ratio(absolute, total),
        "rmse": np.sqrt(ratio(square, total)),
        "r2": 1 - ratio(square, np.where(variation > 1e-12 * squares, variation, 0)),
        "bias": ratio(bias, total),
    }
