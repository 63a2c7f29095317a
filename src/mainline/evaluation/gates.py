"""The gates: each a rule, what was measured, and whether it passed. What cannot be measured fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mainline.config.loader import Params
from mainline.config.schema import Lead
from mainline.evaluation import formatting
from mainline.evaluation.evaluate import better
from mainline.evaluation.metrics import GREATER_IS_BETTER
from mainline.evaluation.results import Gap, Gate, Interval, Metric, Outcome, Slice

NO_INTERVAL = "no value on these rows, or on too many of their resamples (a single block, a class that is missing)"


@dataclass(frozen=True)
class Measured:
    """What the gates judge. `compared` is false where the absolute gates alone decide."""

    compared: bool
    metrics: Sequence[Metric]
    lead: Interval | None
    slices: Sequence[Slice]
    gaps: Sequence[Gap]
    label_coverage: float
    train_seconds: float
    model_bytes: int
    no_metrics: str | None = None  # why nothing can be said of the model, if so
    no_comparison: str | None = None  # why nothing can be said of the difference to main, if so


def judge(params: Params, measured: Measured) -> list[Gate]:
    gates = [*absolute(params, measured)]
    return [*relative(params, measured), *gates] if measured.compared else gates


def outcome(params: Params, measured: Measured, gates: Sequence[Gate], identical: bool) -> Outcome:
    """The verdict; whether it passes is for all the gates to say."""
    if measured.no_metrics or measured.no_comparison:
        return Outcome.not_measurable
    if not measured.compared:
        return Outcome.identical if identical else Outcome.no_baseline
    headline = find(measured.metrics, params.settings.compare.metric)
    if headline is None or headline.delta is None or headline.delta.low is None:
        return Outcome.not_measurable
    margins = [gate for gate in gates if gate.name.startswith("margin: ")]
    if any(gate.measured.startswith("not measurable") for gate in margins):
        return Outcome.not_measurable
    if not all(gate.passed for gate in margins):
        return Outcome.worse
    delta = better(headline, headline.delta)
    assert delta.low is not None
    assert delta.high is not None
    if delta.low > 0:
        return Outcome.better
    if headline.name not in params.settings.gates.margins and delta.high < 0:
        return Outcome.worse  # no margin says how much worse may still be called no worse
    return Outcome.no_worse


def relative(params: Params, measured: Measured) -> list[Gate]:
    """Gates against main's model on the same rows."""
    gates = params.settings.gates
    made = [margin(params, measured, name, limit) for name, limit in gates.margins.items()]
    if gates.slices:
        made.append(slice_gate(params, measured))
    if gates.gaps:
        made.append(gap_gate(params, measured))
    return made


def margin(params: Params, measured: Measured, name: str, limit: float) -> Gate:
    """Non-inferiority: the bound of the interval, not the point, must be within the margin."""
    title = f"margin: {name}"
    rule = f"at worst {formatting.score(limit)} worse than main's model on the same rows"
    reason = params.reason("gates", "margins", name)
    metric = find(measured.metrics, name)
    if measured.no_comparison or metric is None or metric.delta is None or metric.delta.low is None:
        return Gate(title, rule, unmeasured(measured), False, reason)
    low = better(metric, metric.delta).low
    assert low is not None
    said = show(metric.delta, metric.delta.low, -limit) if low == metric.delta.low else show(metric.delta, -low, limit)
    return Gate(title, rule, said, low > -limit, reason, limit)


def slice_gate(params: Params, measured: Measured) -> Gate:
    """Refuses a slice that has certainly fallen, and by more than the margin.

    The bound alone would refuse every small slice of two equal models.
    """
    gate = params.settings.gates.slices
    assert gate
    name, margin = formatting.metric_name(gate.metric), formatting.score(gate.margin)
    rule = f"no slice's {name} certainly fallen by more than {margin}"
    reason = params.reason("gates", "slices", "margin")
    if measured.no_metrics or measured.no_comparison:
        return Gate("slices", rule, unmeasured(measured), False, reason)
    changes = []
    for part in measured.slices:
        metric = find(part.metrics, gate.metric)
        if metric and metric.delta and metric.delta.high is not None:
            changes.append((better(metric, metric.delta), part))
    if not changes:
        return Gate("slices", rule, "not measurable: no slice is large enough", False, reason)
    fallen = [(d, p) for d, p in changes if d.high is not None and d.high < 0 and d.value < -gate.margin]
    if fallen:
        said = "; ".join(
            f"{p.column} {p.value}: {formatting.difference(d)}" for d, p in sorted(fallen, key=lambda c: c[0].value)
        )
        return Gate("slices", rule, said, False, reason)
    worst, part = min(changes, key=lambda change: change[0].value)
    return Gate(
        "slices",
        rule,
        f"{len(changes)} slices, lowest {part.column} {part.value}: {formatting.difference(worst)}",
        True,
        reason,
    )


def gap_gate(params: Params, measured: Measured) -> Gate:
    gate = params.settings.gates.gaps
    assert gate
    metric = formatting.metric_name(gate.metric)
    rule = f"the gap in {metric} between slices at most {formatting.score(gate.at_most)} wider than main's"
    reason = params.reason("gates", "gaps", "at_most")
    if measured.no_metrics or measured.no_comparison:
        return Gate("gaps", rule, unmeasured(measured), False, reason)
    changes = [
        (gap.candidate - gap.baseline, gap)
        for gap in measured.gaps
        if gap.metric == gate.metric and gap.baseline is not None
    ]
    if not changes:
        return Gate(
            "gaps",
            rule,
            f"not measurable: no two large slices with {formatting.metric_name(gate.metric)}",
            False,
            reason,
        )
    widest, gap = max(changes, key=lambda change: change[0])
    return Gate(
        "gaps",
        rule,
        f"widest change {gap.column}: {show(Interval(widest, None, None), widest, gate.at_most)}",
        widest <= gate.at_most,
        reason,
    )


def absolute(params: Params, measured: Measured) -> list[Gate]:
    """Gates that need no baseline."""
    gates = params.settings.gates
    made = []
    if gates.lead:
        made.append(ahead(gates.lead, measured, params.reason("gates", "lead", "at_least")))
    for name, limit in gates.floors.items():
        made.append(
            level(
                measured, f"floor: {name}", name, limit, GREATER_IS_BETTER[name], params.reason("gates", "floors", name)
            )
        )
    if gates.calibration_error is not None:
        name, limit = "calibration_error", gates.calibration_error
        made.append(level(measured, "calibration error", name, limit, False, params.reason("gates", name)))
    if gates.label_coverage is not None:
        made.append(
            Gate(
                "label coverage",
                f"at least {gates.label_coverage:.0%} of the holdout rows",
                f"{measured.label_coverage:.1%}",
                measured.label_coverage >= gates.label_coverage,
                params.reason("gates", "label_coverage"),
            )
        )
    if gates.train_seconds is not None:
        made.append(
            Gate(
                "training time",
                f"at most {gates.train_seconds:g} s",
                f"{measured.train_seconds:.1f} s",
                measured.train_seconds <= gates.train_seconds,
                params.reason("gates", "train_seconds"),
            )
        )
    if gates.model_megabytes is not None:
        size = measured.model_bytes / 1e6
        made.append(
            Gate(
                "model size",
                f"at most {gates.model_megabytes:g} MB",
                f"{size:.2f} MB",
                size <= gates.model_megabytes,
                params.reason("gates", "model_megabytes"),
            )
        )
    return made


def ahead(gate: Lead, measured: Measured, reason: str | None) -> Gate:
    """The model's lead over the label's mean, and its interval, against the least that it must be."""
    rule = (
        f"{formatting.metric_name(gate.metric)} certainly ahead of the mean by {', '.join(gate.by)}, "
        f"and by at least {formatting.score(gate.at_least)}"
    )
    lead = measured.lead
    if lead is None or lead.low is None:
        return Gate("lead", rule, unmeasured(measured), False, reason)
    passed = lead.low > 0 and lead.value >= gate.at_least
    return Gate("lead", rule, show(lead, lead.value, gate.at_least), passed, reason)


def level(measured: Measured, title: str, name: str, limit: float, greater: bool, reason: str | None) -> Gate:
    """The model's own value against a number; what is not a number cannot be measured."""
    rule = f"{'at least' if greater else 'at most'} {formatting.score(limit)}"
    metric = find(measured.metrics, name)
    if metric is None or not math.isfinite(metric.candidate.value):
        return Gate(title, rule, unmeasured(measured), False, reason)
    value = metric.candidate.value
    said = show(metric.candidate, value, limit, formatting.interval)
    return Gate(title, rule, said, value >= limit if greater else value <= limit, reason)


def find(metrics: Sequence[Metric], name: str) -> Metric | None:
    return next((metric for metric in metrics if metric.name == name), None)


def unmeasured(measured: Measured) -> str:
    return f"not measurable: {measured.no_metrics or measured.no_comparison or NO_INTERVAL}"


def show(
    found: Interval, judged: float | None, limit: float, write: Callable[[Interval], str] = formatting.difference
) -> str:
    """`found` as the report writes it; with more decimals where rounding hides on which side of its limit it lies."""
    text = write(found)
    if judged is None or formatting.score(judged) != formatting.score(limit) or judged == limit:
        return text
    decimals = 4 if f"{judged:.4f}" != f"{limit:.4f}" else 8
    return f"{text}, unrounded {judged:.{decimals}f}".replace("-", "−")
