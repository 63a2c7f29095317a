"""The gate `margins`: non-inferiority to main's model, for each metric that has a margin."""

from __future__ import annotations

from collections.abc import Mapping

from mainline.config.loader import Params
from mainline.evaluation import formatting
from mainline.evaluation.gates.declaration import Measured, find, gate, show, unmeasured
from mainline.evaluation.results import Gate, better


@gate("margins", relative=True)
def margins(limits: Mapping[str, float], params: Params, measured: Measured) -> list[Gate]:
    return [margin(params, measured, name, limit) for name, limit in limits.items()]


def margin(params: Params, measured: Measured, name: str, limit: float) -> Gate:
    """Non-inferiority: the bound of the interval, not the point estimate, must be within the margin."""
    title = f"margin: {name}"
    rule = f"at most {formatting.score(limit)} worse than main's model on the same rows"
    reason = params.reason("gates", "margins", name)
    metric = find(measured.metrics, name)
    if measured.no_comparison or metric is None or metric.delta is None or metric.delta.low is None:
        return Gate(title, rule, unmeasured(measured, metric), False, reason, limit)
    low = better(metric, metric.delta).low
    assert low is not None
    bound, most = (low, -limit) if metric.greater_is_better else (-low, limit)
    shown = show(metric.delta, bound, most)
    return Gate(title, rule, shown, low > -limit, reason, limit)
