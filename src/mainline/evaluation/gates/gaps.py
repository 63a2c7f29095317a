"""The gate `gaps`: the slice disparity, the largest difference between two slices, may widen only so far."""

from __future__ import annotations

from mainline.config.loader import Params
from mainline.config.schema import GapGate
from mainline.evaluation import formatting
from mainline.evaluation.gates.declaration import Measured, gate, show, unmeasured
from mainline.evaluation.results import Gate, Interval


@gate("gaps", relative=True)
def gaps(setting: GapGate, params: Params, measured: Measured) -> list[Gate]:
    metric = formatting.metric_name(setting.metric)
    rule = f"slice disparity in {metric} at most {formatting.score(setting.at_most)} wider than main's"
    reason = params.reason("gates", "gaps", "at_most")
    if measured.no_metrics or measured.no_comparison:
        return [Gate("gaps", rule, unmeasured(measured), False, reason)]
    changes = [
        (gap.candidate - gap.baseline, gap)
        for gap in measured.gaps
        if gap.metric == setting.metric and gap.baseline is not None
    ]
    if not changes:
        why = f"not measurable: {metric} is not measured in two large slices"
        return [Gate("gaps", rule, why, False, reason)]
    widest, gap = max(changes, key=lambda change: change[0])
    shown = f"widest change {gap.column}: {show(Interval(widest, None, None), widest, setting.at_most)}"
    return [Gate("gaps", rule, shown, widest <= setting.at_most, reason)]
