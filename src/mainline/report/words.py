"""Numbers and names as every report writes them, and the one line that says it all."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mainline.results import Gate, Interval, Metric, Outcome, Review

METRICS = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier",
    "calibration_error": "calibration error",
    "f1": "F1",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
    "mape": "MAPE",
    "selection_rate": "share predicted positive",
}
NOT_DIRECTED = {"bias"}  # zero is best: neither a higher nor a lower value is better as such
NOTHING = "–"

OUTCOMES = {
    Outcome.better: "better than {base}",
    Outcome.no_worse: "no worse than {base}",
    Outcome.worse: "worse than {base}",
    Outcome.not_measurable: "not measurable against {base}",
    Outcome.identical: "identical to {base}",
    Outcome.no_baseline: "{base} has no model to compare with",
}


@dataclass(frozen=True)
class Headline:
    """The verdict and what it rests on; both one line of plain text."""

    passed: bool
    verdict: str
    evidence: str

    def __str__(self) -> str:
        return f"{self.verdict} — {self.evidence}"


def headline(review: Review) -> str:
    """One line for a terminal: pass or not, and by how much with its interval."""
    found = headline_of(review)
    return f"{'✓' if found.passed else '✗'} {found}"


def headline_of(review: Review) -> Headline:
    """The headline in its parts. A refusal is named for the first gate that failed."""
    failed = [gate for gate in review.gates if not gate.passed]
    outcome = OUTCOMES[review.outcome].format(base=base_name(review))
    metric = find(review.metrics, review.metric)
    if review.passed:
        doubt = review.outcome in (Outcome.worse, Outcome.not_measurable)
        return Headline(
            True, f"Passed, although {outcome}" if doubt else f"Passed: {outcome}", evidence(review, metric)
        )
    if review.validation.critical:
        broken = plural(len(review.validation.critical), "critical expectation")
        return Headline(False, f"Refused: invalid data, {broken} failed", evidence(review, metric))
    if review.outcome == Outcome.worse:
        margin = next((found for gate in failed if (found := find(review.metrics, margin_of(gate)))), metric)
        delta = margin.delta if margin else None
        if delta and delta.low is not None and delta.high is not None and delta.low <= 0 <= delta.high:
            outcome = f"not shown to be no worse than {base_name(review)}"
        return Headline(False, f"Refused: {outcome}", evidence(review, margin))
    if review.outcome == Outcome.not_measurable:
        why = plain(failed[0].measured, 100).removeprefix("not measurable: ") if failed else ""
        return Headline(False, f"Refused: {outcome}" + (f", {why}" if why else ""), evidence(review, metric))
    if not failed:
        return Headline(False, f"Refused: {outcome}", evidence(review, metric))
    first = failed[0]
    more = f" (and {plural(len(failed) - 1, 'more gate')})" if failed[1:] else ""
    compared = review.outcome in (Outcome.better, Outcome.no_worse)
    return Headline(
        False,
        f"Refused by the gate “{gate_name(first)}”{more}: {plain(first.measured, 80)}",
        (f"{outcome} otherwise, " if compared else "") + evidence(review, metric),
    )


def evidence(review: Review, metric: Metric | None) -> str:
    """The metric with its difference on the same rows, or with its own interval where there is none."""
    rows = count(same_rows(review))
    if metric is None:
        return f"{metric_name(review.metric)} was not measured on {rows} rows"
    name = metric_name(metric.name)
    if review.outcome == Outcome.identical:
        return f"{name} {interval(metric.candidate)} on {rows} rows, nothing that can change the model differs"
    if metric.delta is not None:
        return f"{name} {score(metric.candidate.value)}, {difference(metric.delta)} on the same {rows} rows"
    only = ", only absolute gates" if review.outcome == Outcome.no_baseline else ""
    return f"{name} {interval(metric.candidate)} on {rows} rows{only}"


def same_rows(review: Review) -> int:
    """The labelled holdout rows that the metrics are measured on."""
    rows = review.rows
    return rows.get("compared", rows.get("holdout", 0) - rows.get("unlabelled", 0))


def base_name(review: Review) -> str:
    name = plain(review.base_ref, 40).removeprefix("origin/").removeprefix("base/") or "the baseline"
    return short(name) if len(name) == 40 and set(name) <= set("0123456789abcdef") else name


def margin_of(gate: Gate) -> str:
    return gate.name.removeprefix("margin: ")


def gate_name(gate: Gate) -> str:
    """`margin: roc_auc` as `margin: ROC AUC`; metrics' names in other places are left as they are."""
    kind, colon, metric = plain(gate.name, 60).partition(": ")
    return f"{kind}{colon}{metric_name(metric)}" if metric in METRICS else f"{kind}{colon}{metric}"


def metric_name(name: str) -> str:
    return METRICS.get(name) or plain(name, 60).replace("_", " ")


def find(metrics: Iterable[Metric], name: str) -> Metric | None:
    return next((metric for metric in metrics if metric.name == name), None)


def plain(value: object, limit: int = 200) -> str:
    """Text of one line: no control, direction or surrogate characters, at most `limit` long."""
    text = str(value)[: 8 * limit]  # what is cut anyway need not be cleaned
    words = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text).split()
    clean = " ".join(words)
    return clean if len(clean) <= limit and len(str(value)) <= 8 * limit else clean[: limit - 1] + "…"


def plural(number: int, noun: str) -> str:
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def score(value: float | None) -> str:
    """`.716`, `12.35`, `1,235`: three decimals below ten, fewer above."""
    return _number(value, _decimals(value), "")


def difference(delta: Interval) -> str:
    """`−.002 [−.006, +.003]`, all three to the same decimals."""
    return _with_bounds(delta, "+")


def interval(value: Interval) -> str:
    """`.716 [.690, .741]`."""
    return _with_bounds(value, "")


def bounds(low: float, high: float) -> str:
    """`[.690, .741]`."""
    decimals = _decimals(low, high)
    return f"[{_number(low, decimals, '')}, {_number(high, decimals, '')}]"


def signed(*values: float) -> list[str]:
    """`+.021` each, all to the same decimals."""
    decimals = _decimals(*values)
    return [_number(value, decimals, "+") for value in values]


def count(number: int) -> str:
    return f"{number:,}"


def share(part: float) -> str:
    return f"{part * 100:.1f} %" if math.isfinite(part) else NOTHING


def duration(seconds: float) -> str:
    if not math.isfinite(seconds):
        return NOTHING
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"


def size(number: int) -> str:
    """Bytes in decimal units."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= factor:
            found = number / factor
            return f"{found:.{2 if found < 10 else 1 if found < 100 else 0}f} {unit}"
    return f"{number} bytes"


def short(digest: str | None) -> str:
    """A commit, fingerprint or digest as people compare it: its kind, if named, and twelve characters."""
    if not digest:
        return NOTHING
    kind, colon, rest = plain(digest, 120).rpartition(":")
    return f"{kind}{colon}{rest[:12]}"


def _with_bounds(found: Interval, sign: str) -> str:
    decimals = _decimals(found.value, found.low, found.high)
    if found.low is not None and found.high is not None and found.low * found.high > 0:
        # A bound beside zero must not be rounded onto it: whether zero is inside is the message.
        nearest = min(abs(found.low), abs(found.high))
        decimals = 4 if decimals == 3 and nearest < 0.0005 else decimals
    value = _number(found.value, decimals, sign)
    if found.low is None or found.high is None:
        return value
    return f"{value} [{_number(found.low, decimals, sign)}, {_number(found.high, decimals, sign)}]"


def _decimals(*values: float | None) -> int:
    largest = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
    for bound, decimals in ((1000, 0), (100, 1), (10, 2)):
        if largest >= bound:
            return decimals
    # Three decimals of a difference below .0015 would hide nearly all of it.
    return 3 if largest == 0 or largest >= 0.0015 else 4


def _number(value: float | None, decimals: int, sign: str) -> str:
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{value:{sign},.{decimals}f}"
    if not text.strip("+-0.,"):
        text = text.lstrip("+-")  # zero has no sign
    return (
        text.replace("-", "−").replace("0.", ".", 1)
        if abs(float(f"{value:.{decimals}f}")) < 1
        else text.replace("-", "−")
    )
