"""Performance decay against the evaluation, and its likely cause: covariate shift or concept drift."""

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

IN_UNITS = ("mae", "rmse", "median_absolute_error")  # of the label: their margin is a share of the evaluated value
LARGEST = 20  # slices of a column, the largest first
TELLS = {
    Cause.harder: "run a retraining: if the new model is as bad on these rows, it is covariate shift",
    Cause.aged: "run a retraining: if the new model is better on these rows, it is concept drift",
    Cause.unknown: "run a retraining, which compares this model with a new one on the same rows",
    Cause.none: "",
}


def worse_by(metric: str, promised: float, settings: Monitor) -> float:
    """The margin by which a metric may be worse than evaluated."""
    return settings.metric_margin * abs(promised) if metric in IN_UNITS else settings.metric_margin


def labelled(where: str = "true", block: str = "block") -> str:
    """SQL for the labelled rows, in the form that `performance` reads."""
    return f"(SELECT {block} AS block, _prediction AS p, y, 1.0 AS w FROM labelled WHERE {where})"


def logged(block: str) -> str:
    """SQL for all rows of the window, without labels."""
    return f"(SELECT {block} AS block, _prediction AS p, 0.0 AS y, 1.0 AS w FROM log)"


def judge(window: Window, record: Record, reached: Measured, promise: Measured, settings: Settings) -> Decay | None:
    """Compare the headline metric with its evaluation; None if daily sums cannot give that metric.

    A decline that the model's own probabilities predict for these rows is covariate shift: a new model declines as
    well. One that they do not predict is concept drift: the labels depend on the inputs in a new way, which
    retraining can learn. The error of the probabilities on the holdout is subtracted.
    """
    metric, task = settings.compare.metric, record.facts.task
    if metric not in reached.values or metric not in promise.values:
        return None
    sign = 1 if metrics.greater_is_better(metric) else -1
    blocks = min(reached.blocks, promise.blocks)
    confidence = settings.compare.confidence
    difference = bootstrap.interval(reached.values[metric] - promise.values[metric], confidence, blocks)
    expectation, against = None, None
    if task != "regression":
        classes = len(record.facts.classes)
        own = measure(window.connection, expected(labelled()), task, classes, settings, only=metric)
        usual = surprise(record, settings, window.connection).get(metric)
    if task != "regression" and usual is not None and metric in own.values:
        expectation = bootstrap.interval(own.values[metric], confidence, own.blocks, level=True)
        against = bootstrap.interval(reached.values[metric] - own.values[metric] - usual, confidence, reached.blocks)
    margin = worse_by(metric, float(promise.values[metric][0]), settings.monitor)
    fell = certainly_worse(difference, sign, margin)
    aged = against is not None and certainly_worse(against, sign, settings.monitor.aged_margin)
    cause = Cause.none
    if fell or aged:
        cause = Cause.aged if aged else Cause.harder if against and against.low is not None else Cause.unknown
    now, then = (
        bootstrap.interval(side.values[metric], confidence, side.blocks, level=True) for side in (reached, promise)
    )
    return Decay(metric, now, then, difference, expectation, against, cause, TELLS[cause])


def certainly_worse(difference: Interval, sign: int, margin: float) -> bool:
    best = difference.high if sign > 0 else difference.low
    return best is not None and sign * best < -margin


def daily(window: Window, record: Record, settings: Settings) -> dict[str, float]:
    """The headline metric of each day that has enough rows, for the plot."""
    metric, task = settings.compare.metric, record.facts.task
    values, counts = by_block(
        window.connection, labelled(block="day"), task, len(record.facts.classes), settings, metric
    )
    return {
        str(date): float(value)
        for (date, count), value in zip(counts.items(), values.values.get(metric, ()), strict=False)
        if count >= settings.monitor.min_day_rows and np.isfinite(value)
    }


def slices(window: Window, record: Record, settings: Settings) -> list[Slice]:
    """The headline metric of each slice whose column is logged; slices with too few rows are listed without it."""
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
