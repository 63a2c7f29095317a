"""Any review at all, with the texts, lengths and numbers that a report has to survive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from mainline.data.messages import Messages
from mainline.data.validation import results
from mainline.evaluation import results as r
from mainline.training import feature_drift
from tests.mainline.report import samples

TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["@octocat", "</details>", "<details>", "a|b", "```", "#1", "\ud800", "![x](y)", "x\n\n# y"]),
    st.builds(
        lambda unit, n: unit * n,
        st.sampled_from(["x", "@", "<", "|", "`", "é ", "🙂"]),
        st.sampled_from([1, 300, 9000]),
    ),
)
NUMBERS = st.one_of(st.floats(-2, 2), st.floats(), st.sampled_from([0.0, 1e300, -1e-300, float("nan")]))
COUNTS = st.integers(0, 10**12)
OPTIONAL = st.none() | TEXTS


def many(one: st.SearchStrategy[Any], most: int = 3000) -> st.SearchStrategy[list[Any]]:
    """A few drawn values, repeated beyond what any section shows; thousands of rows have tests of their own."""
    few = st.lists(one, max_size=4)
    return st.builds(lambda found, times: (found * times)[:most], few, st.sampled_from([1, 1, 3, 120]))


def made(kind: Callable[..., Any], /, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, **parts)


intervals = made(r.Interval, value=NUMBERS, low=st.none() | NUMBERS, high=st.none() | NUMBERS)
metrics = made(
    r.Metric, name=st.sampled_from(["roc_auc", "brier"]) | TEXTS, greater_is_better=st.booleans(), candidate=intervals,
    baseline=st.none() | intervals, delta=st.none() | intervals,
)  # fmt: skip
gates = made(r.Gate, name=TEXTS, rule=TEXTS, measured=TEXTS, passed=st.booleans(), reason=OPTIONAL)
expectations = made(
    results.Expectation, table=TEXTS, type=TEXTS, column=OPTIONAL, rule=TEXTS,
    severity=st.sampled_from(results.Severity), success=st.booleans(), rows=COUNTS, unexpected=COUNTS,
    observed=OPTIONAL, note=OPTIONAL, file=TEXTS, line=COUNTS,
    examples=st.lists(st.dictionaries(TEXTS, TEXTS | NUMBERS, max_size=3), max_size=5),
)  # fmt: skip
slices = made(r.Slice, column=TEXTS, value=TEXTS, rows=COUNTS, metrics=st.lists(metrics, max_size=2))
gaps = made(r.Gap, column=TEXTS, metric=TEXTS, candidate=NUMBERS, baseline=st.none() | NUMBERS, worst=TEXTS, best=TEXTS)
drifts = made(feature_drift.Drift, feature=TEXTS, psi=NUMBERS, missing_before=NUMBERS, missing_now=NUMBERS, note=TEXTS)
messages = made(Messages, read=COUNTS, malformed=COUNTS, odd=COUNTS, late=COUNTS, where=TEXTS, gone=COUNTS)
tables = made(
    r.TableVersion,
    messages=st.none() | messages,
    name=TEXTS,
    digest=TEXTS,
    rows=COUNTS,
    start=OPTIONAL,
    end=OPTIONAL,
    changed=st.none() | st.booleans(),
)
changes = made(
    r.Change,
    kind=st.sampled_from(["parameter", "code", "package", "gate"]) | TEXTS,
    what=TEXTS,
    before=OPTIONAL,
    after=OPTIONAL,
)
importances = made(r.Importance, feature=TEXTS, value=NUMBERS, low=NUMBERS, high=NUMBERS)
attributions = made(r.Attribution, metric=TEXTS, total=NUMBERS, due_to_data=NUMBERS, due_to_model=NUMBERS, method=TEXTS)
sides = made(
    r.Side, commit=OPTIONAL, clean=st.booleans(), fingerprint=TEXTS, model_digest=TEXTS, model_bytes=COUNTS,
    train_seconds=NUMBERS,
)  # fmt: skip

reviews = made(
    samples.flights,
    outcome=st.sampled_from(r.Outcome), passed=st.booleans(), metric=st.just("roc_auc") | TEXTS, base_ref=TEXTS,
    candidate=sides, baseline=st.none() | sides, tables=many(tables), data_digest=TEXTS, metrics=many(metrics),
    gates=st.lists(gates, max_size=12), validation=st.builds(results.Validation, many(expectations), NUMBERS),
    attribution=many(attributions), slices=many(slices), gaps=many(gaps), drift=many(drifts), changes=many(changes),
    importance=many(importances), notes=many(TEXTS), seconds=st.dictionaries(TEXTS, NUMBERS, max_size=20),
    computed=TEXTS, run_id=OPTIONAL, estimator=TEXTS, blocks=OPTIONAL, label_coverage=NUMBERS,
    period=st.dictionaries(st.sampled_from(["train_start", "holdout_start", "holdout_end"]), TEXTS),
)  # fmt: skip
