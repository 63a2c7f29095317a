"""From measurements to checks, and from checks to one verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mainline.config.schema import Monitor
from mainline.evaluation.bootstrap import LEAST_BLOCKS
from mainline.evaluation.formatting import metric_name, share
from mainline.evaluation.results import Interval
from mainline.monitoring.performance_decay import worse_by
from mainline.monitoring.prediction_log import Problem
from mainline.monitoring.results import Broken, Cause, Check, Decay, Labels, Verdict
from mainline.monitoring.service_metrics import Service
from mainline.training.feature_drift import FeatureDrift

RULES = {
    "corrupt file": "every file is readable",
    "schema": "the columns and types of the training data",
    "clock skew": "every row has a time that is not in the future",
    "duplicates": "each row is logged once",
    "model version": "every model is known here or in the registry",
    "contradicting labels": "at most one label per row and time",
    "invalid labels": "every label is one of the model's classes",
    "unknown labels": "every label belongs to a logged row",
    "empty window": "the window contains predictions",
}


def log_checks(problems: Sequence[Problem]) -> list[Check]:
    return [Check(p.name, Verdict.invalid, p.found, RULES[p.name]) for p in problems if p.fatal]


def size_check(rows: int, settings: Monitor) -> list[Check]:
    if rows >= settings.min_rows:
        return []
    measured = f"{rows:,} rows" if rows else "no rows"
    return [Check("rows", Verdict.not_measurable, measured, f"at least {settings.min_rows:,} in the window")]


def unknown_model(digest: str, version: str) -> Check:
    measured = f"version {version}, model {digest[:12]}: no record in this checkout or in the registry"
    return Check("model version", Verdict.not_measurable, measured, "a record of the model that made the predictions")


def no_sums(metric: str, names: Sequence[str]) -> Check:
    rule = f"compare.metric is one of {', '.join(names)} that can be computed from daily sums"
    return Check("decay", Verdict.not_measurable, f"{metric} cannot be measured over a log", rule)


def drift_checks(drift: Sequence[FeatureDrift], prediction: FeatureDrift | None, settings: Monitor) -> list[Check]:
    checks = []
    stopped: dict[
        tuple[str, ...], list[str]
    ] = {}  # a feed has many columns: one check for all that stop on the same days
    for d in drift:
        if d.missing_days:
            stopped.setdefault(tuple(d.missing_days), []).append(d.feature)
    for days, names in stopped.items():
        measured = f"nearly all of {listed(names)} on {listed(list(days))}"
        checks.append(Check("missing values", Verdict.drift, measured, "no day with far more than any day of training"))
    for d in drift:
        if d.missing_now > d.missing_threshold:
            rule = f"at most {share(d.missing_threshold)}"
            checks.append(Check(f"missing {d.feature}", Verdict.drift, f"{share(d.missing_now)} of the window", rule))
        if d.drifted:
            rule = f"at most {d.threshold:.3f}, set by the {d.why}"
            checks.append(Check(f"drift of {d.feature}", Verdict.drift, f"PSI {d.psi:.3f}", rule))
        if d.new_share > settings.new_categories:
            rule = f"at most {share(settings.new_categories)} with values that training did not have"
            checks.append(Check(f"new values in {d.feature}", Verdict.drift, f"{share(d.new_share)} of the rows", rule))
    if prediction and prediction.drifted:
        rule = f"at most {prediction.threshold:.3f}, set by the {prediction.why}"
        checks.append(Check("drift of the predictions", Verdict.drift, f"PSI {prediction.psi:.3f}", rule))
    if not checks and drift:
        measured = f"{len(drift)} columns and the predictions"
        checks.append(Check("drift", Verdict.ok, measured, "no more than periods of the training data differ"))
    return checks


def rule_checks(broken: Sequence[Broken]) -> list[Check]:
    return [
        Check(
            f"expectation of {b.column}", Verdict.invalid if b.critical else Verdict.drift,
            f"{b.rows:,} rows violate it", b.rule,
        )
        for b in broken
    ]  # fmt: skip


def label_checks(labels: Labels, asked: bool, settings: Monitor) -> list[Check]:
    """Too few labels fail the check if `monitor.labels` is set; feedback alone may arrive late."""
    if labels.joined >= settings.min_labelled or not asked:
        return []
    rule = f"at least {settings.min_labelled:,} labelled rows"
    return [Check("decay", Verdict.not_measurable, f"{labels.joined:,} rows with a label", rule)]


def decay_checks(decay: Decay, calibration: Interval | None, settings: Monitor) -> list[Check]:
    checks = []
    if calibration is not None:
        state = Verdict.decay if calibration.value > settings.calibration_error else Verdict.ok
        rule = f"at most {settings.calibration_error:.3f}"
        checks.append(Check("calibration error", state, f"{calibration.value:.3f}", rule))
    if math.isnan(decay.difference.value) or decay.difference.low is None:
        why = (
            f"no interval: fewer than {LEAST_BLOCKS} days in the window or blocks in the evaluation, a single class, "
            "or an old record without the blocks of compare.blocks (make run adds them)"
        )
        return [*checks, Check("decay", Verdict.not_measurable, why, "a confidence interval of the difference")]
    margin = worse_by(decay.metric, decay.promised.value, settings)
    r, p, d = decay.reached, decay.promised, decay.difference
    difference = f"{d.value:+.3f} [{d.low:+.3f}, {d.high:+.3f}]"
    measured = f"{metric_name(decay.metric)} {shown(r)}, evaluated {shown(p)}: difference {difference}"
    rule = f"not significantly worse by more than {margin:.3g}"
    verdict = Verdict.ok if decay.cause == Cause.none else Verdict.decay
    return [*checks, Check("decay", verdict, measured, rule)]


def shown(value: Interval) -> str:
    return f"{value.value:.3f}" + (f" [{value.low:.3f}, {value.high:.3f}]" if value.low is not None else "")


def service_checks(service: Service, settings: Monitor) -> list[Check]:
    p99, most = service.p99_seconds, settings.latency_p99_seconds

    def check(name: str, bad: bool, measured: str, rule: str) -> Check:
        return Check(name, Verdict.invalid if bad else Verdict.ok, measured, rule)

    failed, most_failed = (f"{rate * 100:.2f} %" for rate in (service.error_rate, settings.error_rate))
    return [
        check(
            "errors", service.error_rate > settings.error_rate,
            f"{failed} of {service.requests:,} requests", f"at most {most_failed}",
        ),
        check(
            "latency", p99 is not None and p99 > most,
            "no requests" if p99 is None else f"99 % within {p99:g} s", f"at most {most:g} s",
        ),
        check("lost from the log", service.dropped > 0, f"{service.dropped:,} requests", "none"),
    ]  # fmt: skip


def verdict(checks: Sequence[Check], cause: Cause) -> tuple[Verdict, str]:
    """The verdict as a word and as a sentence."""
    for worst in Verdict:
        names = [check.name for check in checks if check.verdict == worst]
        if not names:
            continue
        if worst == Verdict.invalid:
            return worst, f"Fix first: {listed(names)}."
        if worst == Verdict.decay:
            why = f" {cause.value.capitalize()}." if cause in (Cause.aged, Cause.harder) else ""
            return worst, f"The model performs worse than evaluated: {listed(names)}.{why}"
        if worst == Verdict.drift:
            return worst, f"Drift detected: {listed(names)}."
        if worst == Verdict.not_measurable:
            return worst, f"Not measurable: {listed(names)}."
    return Verdict.ok, "No problem detected."


def listed(names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
