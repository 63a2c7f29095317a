"""Numbers and names as every report writes them, and the one line that says it all."""

from __future__ import annotations

from collections.abc import Iterable
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
    named = kind in ("margin", "floor")
    return f"{kind}{colon}{metric_name(metric)}" if named else f"{kind}{colon}{metric}"


def find(metrics: Iterable[Metric], name: str) -> Metric | None:
    return next((metric for metric in metrics if metric.name == name), None)
