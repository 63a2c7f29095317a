"""The headline: passed or failed, by which gate, and on what evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mainline.evaluation.formatting import (
    count,
    difference,
    interval,
    metric_name,
    plain,
    plural,
    score,
    short,
)
from mainline.evaluation.results import Gate, Metric, Outcome, Review

OUTCOMES = {
    Outcome.better: "better than {base}",
    Outcome.no_worse: "no worse than {base}",
    Outcome.worse: "worse than {base}",
    Outcome.not_measurable: "not measurable against {base}",
    Outcome.identical: "identical to {base}",
    Outcome.no_baseline: "no model on {base} to compare with",
}


@dataclass(frozen=True)
class Headline:
    """The verdict and its evidence; each one line of plain text."""

    passed: bool
    verdict: str
    evidence: str

    def __str__(self) -> str:
        return f"{self.verdict} — {self.evidence}"


def headline(review: Review) -> str:
    """One line for a terminal: passed or failed, and by how much with its interval."""
    found = headline_of(review)
    return f"{'✓' if found.passed else '✗'} {found}"


def headline_of(review: Review) -> Headline:
    """The headline in its parts. A failure is named by the first gate that failed."""
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
        return Headline(False, f"Failed: invalid data, {broken} not met", evidence(review, metric))
    if review.outcome == Outcome.worse:
        return inferior(review, failed)
    if review.outcome == Outcome.not_measurable:
        why = plain(failed[0].measured.removeprefix("not measurable: "), 100) if failed else ""
        return Headline(False, f"Failed: {outcome}" + (f", {why}" if why else ""), evidence(review, metric))
    if not failed:
        return Headline(False, f"Failed: {outcome}", evidence(review, metric))
    first = failed[0]
    more = f" (and {plural(len(failed) - 1, 'more gate')})" if failed[1:] else ""
    compared = review.outcome in (Outcome.better, Outcome.no_worse)
    return Headline(
        False,
        f"Failed: gate “{gate_name(first)}”{more}: {plain(first.measured, 80)}",
        (f"{outcome} otherwise, " if compared else "") + evidence(review, metric),
    )


def inferior(review: Review, failed: Sequence[Gate]) -> Headline:
    """The headline of a model whose non-inferiority to the baseline is not established, or that is worse."""
    base = base_name(review)
    gate, metric = next(
        ((gate, found) for gate in failed if (found := find(review.metrics, margin_of(gate)))),
        (None, find(review.metrics, review.metric)),
    )
    delta = metric.delta if metric else None
    if delta is None or delta.low is None or delta.high is None or not delta.low <= 0 <= delta.high:
        verdict = f"Failed: significantly worse than {base}"
    else:
        verdict = f"Failed: non-inferiority to {base} not established"
    if metric is None or delta is None or gate is None or gate.limit is None:
        return Headline(False, verdict, evidence(review, metric))
    rows = count(same_rows(review))
    return Headline(
        False,
        verdict,
        f"{metric_name(metric.name)} {difference(delta)}, margin {score(gate.limit)}, on the same {rows} rows",
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
        said = f"{name} {score(metric.candidate.value)}, {difference(metric.delta)} on the same {rows} rows"
        return said + against_anchor(review)
    only = ", absolute gates only" if review.outcome == Outcome.no_baseline else ""
    return f"{name} {interval(metric.candidate)} on {rows} rows{only}"


def against_anchor(review: Review) -> str:
    """The difference to the best earlier release; empty where there is none."""
    metric = find(review.anchor.metrics, review.metric) if review.anchor else None
    if review.anchor is None or metric is None or metric.delta is None:
        return ""
    return f", {difference(metric.delta)} against the best release (version {review.anchor.version})"


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
    """`margin: roc_auc` as `margin: ROC AUC`; metrics' names in other gates are unchanged."""
    kind, colon, metric = plain(gate.name, 60).partition(": ")
    named = kind in ("margin", "floor", "anchor")
    return f"{kind}{colon}{metric_name(metric)}" if named else f"{kind}{colon}{metric}"


def find(metrics: Iterable[Metric], name: str) -> Metric | None:
    return next((metric for metric in metrics if metric.name == name), None)
