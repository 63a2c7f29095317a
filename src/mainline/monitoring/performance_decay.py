"""Decay against the promise, and whether the rows were harder or the model older."""

from __future__ import annotations

import numpy as np

from mainline.config.schema import Monitor, Settings
from mainline.data.sources.duckdb_scan import text
from mainline.data.split import quoted
from mainline.evaluation import bootstrap, metrics
from mainline.evaluation.results import Interval
from mainline.monitoring.performance import Measured, by_block, expected, measure, surprise
from mainline.monitoring.results import Cause, Decay, Slice
from mainline.monitoring.window import Window
from mainline.training.record import Record

IN_UNITS = ("mae", "rmse")  # of the label: only a share of them means the same everywhere
LARGEST = 20  # slices of a column, the largest first
TELLS = {
    Cause.harder: "a retraining run: if the fresh model does as badly on these rows, the world is harder",
    Cause.aged: "a retraining run: if the fresh model does better on these rows, the model had aged",
    Cause.unknown: "a retraining run, which shows this model beside a fresh one on the same rows",
    Cause.none: "",
}


def worse_by(metric: str, promised: float, settings: Monitor) -> float:
    """How far a metric may certainly lie from its promise."""
    return settings.metric_margin * abs(promised) if metric in IN_UNITS else settings.metric_margin


def labelled(where: str = "true") -> str:
    """The labelled rows as `performance` takes them."""
    return f"(SELECT block, _prediction AS p, y, 1.0 AS w FROM labelled WHERE {where})"


def logged(day: str) -> str:
    """All rows of the window, whose labels are not known."""
    return f"(SELECT {day} AS block, _prediction AS p, 0.0 AS y, 1.0 AS w FROM log)"


def judge(window: Window, record: Record, reached: Measured, promise: Measured, settings: Settings) -> Decay | None:
    """Hold the headline metric against its promise; None where sums by day do not give that metric.

    A fall that the model's own probabilities expected of these rows comes from harder rows, and a fresh model meets
    the same. One that they did not expect comes from labels that follow the inputs in a new way, which retraining
    can learn. What the probabilities were already wrong by on the holdout is taken off.
    """
    metric, task = settings.compare.metric, record.facts.task
    if metric not in reached.values or metric not in promise.values:
        return None
    sign = 1 if metrics.greater_is_better(metric) else -1
    blocks = min(reached.blocks, promise.blocks)
    confidence = settings.compare.confidence
    difference = bootstrap.interval(reached.values[metric] - promise.values[metric], confidence, blocks)
    wanted, against = None, None
    if task != "regression":
        classes = len(record.facts.classes)
        own = measure(window.connection, expected(labelled()), task, classes, settings, only=metric)
        usual = surprise(record, settings, window.connection)[metric]
        wanted = bootstrap.interval(own.values[metric], confidence, own.blocks)
        against = bootstrap.interval(reached.values[metric] - own.values[metric] - usual, confidence, reached.blocks)
    margin = worse_by(metric, float(promise.values[metric][0]), settings.monitor)
    fell = certainly_worse(difference, sign, margin)
    aged = against is not None and certainly_worse(against, sign, settings.monitor.aged_margin)
    cause = Cause.none
    if fell or aged:
        cause = Cause.aged if aged else Cause.harder if against and against.low is not None else Cause.unknown
    now, then = (bootstrap.interval(side.values[metric], confidence, side.blocks) for side in (reached, promise))
    return Decay(metric, now, then, difference, wanted, against, cause, TELLS[cause])


def certainly_worse(difference: Interval, sign: int, margin: float) -> bool:
    best = difference.high if sign > 0 else difference.low
    return best is not None and sign * best < -margin


def daily(window: Window, record: Record, settings: Settings) -> dict[str, float]:
    """The headline metric of each day with rows enough, for the plot."""
    metric, task = settings.compare.metric, record.facts.task
    values, counts = by_block(window.connection, labelled(), task, len(record.facts.classes), settings, metric)
    return {
        str(date): float(value)
        for (date, count), value in zip(counts.items(), values.values.get(metric, ()), strict=False)
        if count >= settings.monitor.min_day_rows and np.isfinite(value)
    }


def slices(window: Window, record: Record, settings: Settings) -> list[Slice]:
    """The headline metric of each slice that the log can name; those with too few rows are listed without."""
    metric, task, classes = settings.compare.metric, record.facts.task, len(record.facts.classes)
    found = []
    for column in settings.evaluate.slices:
        if column not in window.columns:
            continue
        name = f"coalesce({quoted(column)}::VARCHAR, '(missing)')"
        least = "least(count(*) FILTER (y = 1), count(*) FILTER (y = 0))" if task == "binary" else "NULL"
        counted = window.connection.execute(
            f"SELECT {name}, count(*), {least} FROM labelled GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {LARGEST}"
        ).fetchall()
        for value, count, rarer in counted:
            enough = count >= settings.evaluate.min_rows
            if rarer is not None and rarer < settings.evaluate.min_positives:
                enough = False
            intervals = {}
            if enough:
                that = labelled(f"{name} = {text(value)}")
                measured = measure(window.connection, that, task, classes, settings, only=metric)
                intervals = measured.intervals(settings)
            found.append(Slice(column, value, count, intervals))
    return found
