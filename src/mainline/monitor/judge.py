"""From measurements to checks, and from checks to one verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mainline.monitor.drift import FeatureDrift
from mainline.monitor.findings import Cause, Check, State
from mainline.monitor.labels import Labels
from mainline.monitor.performance import Measured
from mainline.monitor.rules import Broken
from mainline.monitor.service import Service
from mainline.monitor.window import Problem
from mainline.results import Interval
from mainline.settings import Monitor


def log_checks(problems: Sequence[Problem], rows: int, settings: Monitor) -> list[Check]:
    found = [Check(p.name, State.alarm if p.fatal else State.look, p.found, "the log is whole") for p in problems]
    if rows < settings.min_rows:
        said = f"{rows:,} rows"
        found.append(Check("rows", State.unmeasured, said, f"at least {settings.min_rows:,} in the window"))
    return found


def drift_checks(drift: Sequence[FeatureDrift], prediction: FeatureDrift | None, settings: Monitor) -> list[Check]:
    found = []
    for d in drift:
        if d.drifted:
            rule = f"at most {d.threshold:.3f} ({d.why})"
            found.append(Check(f"drift of {d.feature}", State.look, f"PSI {d.psi:.3f}", rule))
        if d.missing:
            days = f", on {', '.join(d.missing_days[:3])} nearly all" if d.missing_days else ""
            measured = f"{d.missing_now:.1%} missing{days}"
            rule = f"at most {d.missing_threshold:.1%}, and no day unlike any of training"
            found.append(Check(f"missing {d.feature}", State.alarm, measured, rule))
        if d.new_share > settings.new_categories:
            measured = f"{d.new_share:.1%} of the rows"
            rule = f"at most {settings.new_categories:.1%} unknown to training"
            found.append(Check(f"new categories of {d.feature}", State.look, measured, rule))
    if prediction and prediction.psi > max(prediction.threshold, settings.prediction_psi):
        limit = max(prediction.threshold, settings.prediction_psi)
        found.append(Check("drift of the predictions", State.look, f"PSI {prediction.psi:.3f}", f"at most {limit:.3f}"))
    if not found and drift:
        said = f"{len(drift)} columns within what training's own periods differ by"
        found.append(Check("drift", State.ok, said, "each feature below its own threshold"))
    return found


def rule_checks(broken: Sequence[Broken]) -> list[Check]:
    return [Check(f"expectation of {b.column}", State.alarm, f"{b.rows:,} rows break it", b.rule) for b in broken]


def label_checks(labels: Labels) -> list[Check]:
    found = []
    if labels.contradicting:
        said = f"{labels.contradicting:,} rows have two labels of the same time; neither counts"
        found.append(Check("contradicting labels", State.alarm, said, "one label a row"))
    if labels.unknown:
        said = f"{labels.unknown:,} labels are of rows that the log does not hold"
        found.append(Check("unknown labels", State.look, said, "each label has its row"))
    return found


def performance_checks(
    reached: Measured, promised: Measured, against: Interval | None, settings: Monitor
) -> tuple[list[Check], Cause]:
    """Decay against the promise, and whether the rows were harder or the model older.

    `against` is the AUC reached minus what the probabilities expected of these very rows. A fall that they
    expected comes from harder rows, and a fresh model meets the same; one that they did not comes from labels
    that no longer follow the inputs as they did, which retraining can learn.
    """
    if reached.rows < settings.min_labelled:
        said = f"{reached.rows:,} labels"
        return [Check("decay", State.unmeasured, said, f"at least {settings.min_labelled:,}")], Cause.unknown
    auc, promise = reached.metrics["roc_auc"], promised.metrics.get("roc_auc")
    error = reached.metrics["calibration_error"]
    found = [
        Check(
            "calibration", State.alarm if error.value > settings.calibration_error else State.ok,
            f"{error.value:.3f}", f"at most {settings.calibration_error:.3f}",
        )
    ]  # fmt: skip
    if promise is None or auc.high is None or math.isnan(auc.value):
        found.append(Check("decay", State.unmeasured, "one day or one class only", "the promise of the record"))
        return found, Cause.unknown
    fell = auc.high < promise.value - settings.metric_margin
    aged = against is not None and against.high is not None and against.high < -settings.aged_margin
    rule = f"not certainly below {promise.value:.3f} - {settings.metric_margin:.3f}"
    measured = f"AUC {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}]"
    if not fell and not aged:
        return [*found, Check("decay", State.ok, measured, rule)], Cause.none
    cause = Cause.aged if aged else Cause.harder if against and against.high is not None else Cause.unknown
    # Harder rows are no fault that retraining repairs.
    state = State.look if cause == Cause.harder else State.alarm
    said = f"; {against.value:+.3f} against its own expectation of these rows" if against else ""
    return [*found, Check("decay", state, measured + said, rule)], cause


def service_checks(service: Service, settings: Monitor) -> list[Check]:
    p99 = service.p99_seconds
    slow = p99 is not None and p99 > settings.latency_p99_seconds
    return [
        Check(
            "errors", State.alarm if service.error_rate > settings.error_rate else State.ok,
            f"{service.error_rate:.2%} of {service.requests:,} requests", f"at most {settings.error_rate:.2%}",
        ),
        Check(
            "latency", State.unmeasured if p99 is None else State.alarm if slow else State.ok,
            "no request" if p99 is None else f"99 % within {p99:g} s", f"at most {settings.latency_p99_seconds:g} s",
        ),
        Check(
            "log", State.look if service.dropped else State.ok,
            f"{service.dropped:,} requests dropped", "none",
        ),
    ]  # fmt: skip


def verdict(checks: Sequence[Check], cause: Cause, labelled: bool) -> tuple[str, str]:
    """The verdict in a word, and in a sentence. Labels that are not there yet are no reason to worry."""
    named = {state: [c.name for c in checks if c.state == state] for state in State}
    why = f" {cause.value[0].upper()}{cause.value[1:]}." if cause in (Cause.aged, Cause.harder) else ""
    if named[State.alarm]:
        return "alarm", f"Act: {listed(named[State.alarm])}.{why}"
    unmeasured = [name for name in named[State.unmeasured] if labelled or name != "decay"]
    if unmeasured:
        return "not_measurable", f"Not measurable: {listed(unmeasured)}."
    if named[State.look]:
        return "look", f"Look: {listed(named[State.look])}.{why}"
    return "healthy", "Nothing to worry about."


def listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
