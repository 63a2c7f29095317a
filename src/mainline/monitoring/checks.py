"""From measurements to checks, and from checks to one verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mainline.config.schema import Monitor
from mainline.evaluation.formatting import metric_name
from mainline.evaluation.results import Interval
from mainline.monitoring.performance_decay import worse_by
from mainline.monitoring.prediction_log import Problem
from mainline.monitoring.results import Broken, Cause, Check, Decay, FeatureDrift, Labels, Verdict
from mainline.monitoring.service_metrics import Service

RULES = {
    "corrupt file": "every file can be read",
    "schema": "the columns and types that the model was trained on",
    "clock skew": "times up to now",
    "duplicates": "each row once",
    "model version": "models that the registry knows",
    "contradicting labels": "one label a row and moment",
    "strange labels": "labels of the model's classes",
    "unknown labels": "each label has its row",
    "empty window": "predictions in the window",
}


def log_checks(problems: Sequence[Problem]) -> list[Check]:
    return [Check(p.name, Verdict.invalid, p.found, RULES[p.name]) for p in problems if p.fatal]


def size_check(rows: int, settings: Monitor) -> list[Check]:
    if rows >= settings.min_rows:
        return []
    said = f"{rows:,} rows" if rows else "no row"
    return [Check("rows", Verdict.not_measurable, said, f"at least {settings.min_rows:,} in the window")]


def unknown_model(digest: str, version: str) -> Check:
    said = f"version {version}, model {digest[:12]}: neither this checkout nor the registry knows it"
    return Check("model version", Verdict.not_measurable, said, "the record of the model that answered")


def no_sums(metric: str, names: Sequence[str]) -> Check:
    rule = f"compare.metric is one that sums by day give, of {', '.join(names)}"
    return Check("decay", Verdict.not_measurable, f"{metric} is not measured over a log", rule)


def drift_checks(drift: Sequence[FeatureDrift], prediction: FeatureDrift | None, settings: Monitor) -> list[Check]:
    found = []
    stopped: dict[tuple[str, ...], list[str]] = {}  # one feed has many columns: a day's end is one finding
    for d in drift:
        if d.missing_days:
            stopped.setdefault(tuple(d.missing_days), []).append(d.feature)
    for days, names in stopped.items():
        said = f"nearly all of {listed(names)} on {listed(list(days))}"
        found.append(Check("missing values", Verdict.drift, said, "no day unlike any of training"))
    for d in drift:
        if d.missing_now > d.missing_threshold:
            rule = f"at most {d.missing_threshold:.1%}"
            found.append(Check(f"missing {d.feature}", Verdict.drift, f"{d.missing_now:.1%} of the window", rule))
        if d.drifted:
            rule = f"at most {d.threshold:.3f}, the {d.why}"
            found.append(Check(f"drift of {d.feature}", Verdict.drift, f"PSI {d.psi:.3f}", rule))
        if d.new_share > settings.new_categories:
            rule = f"at most {settings.new_categories:.1%} unknown to training"
            found.append(Check(f"new in {d.feature}", Verdict.drift, f"{d.new_share:.1%} of the rows", rule))
    if prediction and prediction.drifted:
        rule = f"at most {prediction.threshold:.3f}, the {prediction.why}"
        found.append(Check("drift of the predictions", Verdict.drift, f"PSI {prediction.psi:.3f}", rule))
    if not found and drift:
        said = f"{len(drift)} columns and the predictions"
        found.append(Check("drift", Verdict.ok, said, "within what training's own periods differ by"))
    return found


def rule_checks(broken: Sequence[Broken]) -> list[Check]:
    return [
        Check(
            f"expectation of {b.column}", Verdict.invalid if b.critical else Verdict.drift,
            f"{b.rows:,} rows break it", b.rule,
        )
        for b in broken
    ]  # fmt: skip


def label_checks(labels: Labels, asked: bool, settings: Monitor) -> list[Check]:
    """Too few labels are no pass where labels are asked for; feedback that only begins is no fault."""
    if labels.joined >= settings.min_labelled or not asked:
        return []
    rule = f"at least {settings.min_labelled:,} labelled rows"
    return [Check("decay", Verdict.not_measurable, f"{labels.joined:,} rows with a label", rule)]


def decay_checks(decay: Decay, calibration: Interval | None, settings: Monitor) -> list[Check]:
    found = []
    if calibration is not None:
        bad = calibration.value > settings.calibration_error
        rule = f"at most {settings.calibration_error:.3f}"
        found.append(Check("calibration error", Verdict.decay if bad else Verdict.ok, f"{calibration.value:.3f}", rule))
    if math.isnan(decay.difference.value) or decay.difference.low is None:
        why = "a single day or class, or a record of old without blocks: no interval"
        return [*found, Check("decay", Verdict.not_measurable, why, "an interval of the difference")]
    margin = worse_by(decay.metric, decay.promised.value, settings)
    r, p, d = decay.reached, decay.promised, decay.difference
    measured = (
        f"{metric_name(decay.metric)} {shown(r)}, promised {shown(p)}: {d.value:+.3f} [{d.low:+.3f}, {d.high:+.3f}]"
    )
    rule = f"not certainly worse by more than {margin:.3g}"
    verdict = Verdict.ok if decay.cause == Cause.none else Verdict.decay
    return [*found, Check("decay", verdict, measured, rule)]


def shown(value: Interval) -> str:
    return f"{value.value:.3f}" + (f" [{value.low:.3f}, {value.high:.3f}]" if value.low is not None else "")


def service_checks(service: Service, settings: Monitor) -> list[Check]:
    p99, most = service.p99_seconds, settings.latency_p99_seconds

    def check(name: str, bad: bool, measured: str, rule: str) -> Check:
        return Check(name, Verdict.invalid if bad else Verdict.ok, measured, rule)

    return [
        check(
            "errors", service.error_rate > settings.error_rate,
            f"{service.error_rate:.2%} of {service.requests:,} requests", f"at most {settings.error_rate:.2%}",
        ),
        check(
            "latency", p99 is not None and p99 > most,
            "no request" if p99 is None else f"99 % within {p99:g} s", f"at most {most:g} s",
        ),
        check("lost from the log", service.dropped > 0, f"{service.dropped:,} requests", "none"),
    ]  # fmt: skip


def verdict(checks: Sequence[Check], cause: Cause) -> tuple[Verdict, str]:
    """The verdict in a word, and in a sentence."""
    for found in Verdict:
        names = [check.name for check in checks if check.verdict == found]
        if not names:
            continue
        if found == Verdict.invalid:
            return found, f"Mend first: {listed(names)}."
        if found == Verdict.decay:
            why = f" It may be that {cause.value}." if cause in (Cause.aged, Cause.harder) else ""
            return found, f"The model no longer keeps its promise: {listed(names)}.{why}"
        if found == Verdict.drift:
            return found, f"Look: {listed(names)}."
        if found == Verdict.not_measurable:
            return found, f"Not measurable: {listed(names)}."
    return Verdict.ok, "Nothing to worry about."


def listed(names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
