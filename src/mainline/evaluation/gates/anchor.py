"""The gate `anchor`: the margins hold against the best of the earlier releases too.

Each change may lose a little: what the margin allows. Without this gate, many such losses add up.
"""

from __future__ import annotations

from mainline.config.loader import Params
from mainline.config.schema import AnchorGate
from mainline.evaluation import formatting
from mainline.evaluation.gates.declaration import Measured, find, gate, show
from mainline.evaluation.results import Gate, better


@gate("anchor", relative=True)
def anchor(setting: AnchorGate, params: Params, measured: Measured) -> list[Gate]:
    """One result for each margin; none where no release is known."""
    if measured.anchor is None and measured.no_anchor is None:
        return []
    return [held(params, measured, setting, name, limit) for name, limit in params.settings.gates.margins.items()]


def held(params: Params, measured: Measured, setting: AnchorGate, name: str, limit: float) -> Gate:
    title, found = f"anchor: {name}", measured.anchor
    which = f"version {found.version}, the best release" if found else "the best release"
    rule = f"at most {formatting.score(limit)} worse than {which} of the last {setting.within}, on the same rows"
    reason = params.reason("gates", "anchor", "for")
    metric = find(found.metrics, name) if found else None
    if metric is None or metric.delta is None or metric.delta.low is None:
        why = measured.no_anchor or measured.no_interval or "no interval on the rows that both have scored"
        return Gate(title, rule, f"not measurable: {why}", False, reason, limit)
    low = better(metric, metric.delta).low
    assert low is not None
    bound, most = (low, -limit) if metric.greater_is_better else (-low, limit)
    return Gate(title, rule, show(metric.delta, bound, most), low > -limit, reason, limit)
