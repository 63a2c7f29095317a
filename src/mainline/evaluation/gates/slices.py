"""The gate `slices`: no slice is significantly lower than main's model by more than the margin."""

from __future__ import annotations

from mainline.config.loader import Params
from mainline.config.schema import SliceGate
from mainline.evaluation import formatting
from mainline.evaluation.gates.declaration import Measured, find, gate, unmeasured
from mainline.evaluation.results import Gate, better


@gate("slices", relative=True)
def slices(setting: SliceGate, params: Params, measured: Measured) -> list[Gate]:
    """Refuses a slice whose interval excludes zero, and whose difference is beyond the margin.

    The bound alone would refuse every small slice of two equal models.
    """
    name, margin = formatting.metric_name(setting.metric), formatting.score(setting.margin)
    rule = f"no slice's {name} significantly worse by more than {margin}"
    reason = params.reason("gates", "slices", "margin")
    if measured.no_metrics or measured.no_comparison:
        return [Gate("slices", rule, unmeasured(measured), False, reason)]
    changes = []
    for part in measured.slices:
        metric = find(part.metrics, setting.metric)
        if metric and metric.delta and metric.delta.high is not None:
            changes.append((better(metric, metric.delta), part))
    if not changes:
        why = unmeasured(measured) if measured.slices else "not measurable: no slice is large enough"
        return [Gate("slices", rule, why, False, reason)]
    left_out = len(measured.slices) - len(changes)
    without = f" ({left_out} more without an interval)" if left_out else ""
    worse = [(d, p) for d, p in changes if d.high is not None and d.high < 0 and d.value < -setting.margin]
    if worse:
        shown = "; ".join(
            f"{p.column} {p.value}: {formatting.difference(d)}" for d, p in sorted(worse, key=lambda c: c[0].value)
        )
        return [Gate("slices", rule, shown, False, reason)]
    lowest, part = min(changes, key=lambda change: change[0].value)
    shown = f"{len(changes)} slices{without}, lowest {part.column} {part.value}: {formatting.difference(lowest)}"
    return [Gate("slices", rule, shown, True, reason)]
