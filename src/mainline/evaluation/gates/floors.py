"""The gates `floors` and `calibration_error`: the model's own value of a metric against a number."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mainline.config.loader import Params
from mainline.evaluation import formatting
from mainline.evaluation.gates.declaration import Measured, find, gate, show, unmeasured
from mainline.evaluation.metrics import greater_is_better
from mainline.evaluation.results import Gate


@gate("floors")
def floors(limits: Mapping[str, float], params: Params, measured: Measured) -> list[Gate]:
    return [
        level(measured, f"floor: {name}", name, limit, greater_is_better(name), params.reason("gates", "floors", name))
        for name, limit in limits.items()
    ]


@gate("calibration_error")
def calibration_error(limit: float, params: Params, measured: Measured) -> list[Gate]:
    reason = params.reason("gates", "calibration_error")
    return [level(measured, "calibration error", "calibration_error", limit, False, reason)]


def level(measured: Measured, title: str, name: str, limit: float, greater: bool, reason: str | None) -> Gate:
    """A value that is not a number cannot be measured."""
    rule = f"{'at least' if greater else 'at most'} {formatting.score(limit)}"
    metric = find(measured.metrics, name)
    if metric is None or not math.isfinite(metric.candidate.value):
        return Gate(title, rule, unmeasured(measured, metric), False, reason)
    value = metric.candidate.value
    shown = show(metric.candidate, value, limit, formatting.interval)
    return Gate(title, rule, shown, value >= limit if greater else value <= limit, reason)
