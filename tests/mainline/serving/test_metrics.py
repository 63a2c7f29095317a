from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from mainline.serving.metrics import Histogram, Metrics
from tests.exports import Export

EDGES = (0.1, 0.5, 1.0)


@given(st.lists(st.floats(-1, 2), max_size=50))
def test_values_are_counted_one_by_one_as_all_at_once(values: list[float]) -> None:
    one, all_ = Histogram(EDGES), Histogram(EDGES)
    for value in values:
        one.observe(value)
    if values:
        all_.observe_all(np.array(values))
    assert one.counts == all_.counts
    assert one.sum == pytest.approx(all_.sum)


@given(st.lists(st.floats(-1, 2), max_size=50))
def test_buckets_are_cumulative_and_hold_their_edge(values: list[float]) -> None:
    histogram = Histogram(EDGES)
    for value in values:
        histogram.observe(value)
    expected = [(str(edge), float(sum(value <= edge for value in values))) for edge in EDGES]
    assert histogram.buckets() == [*expected, ("+Inf", float(len(values)))]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "labels"), [("binary", {"true"}), ("multiclass", {"large", "middle", "small"}), ("regression", {""})]
)
def test_predictions_are_counted_by_class(task: str, labels: set[str], request: pytest.FixtureRequest) -> None:
    made: Export = request.getfixturevalue(task)
    metrics = Metrics(made.signature, "1")
    answers = made.scores if task != "binary" else np.column_stack([1 - made.scores, made.scores])
    metrics.scored(answers.tolist())
    metrics.scored(answers[:1].tolist())
    families = {family.name: family for family in text_string_to_metric_families(metrics.page().decode())}
    # Of values that may be negative Prometheus has no sum, and the last bucket for the count.
    samples = families["mainline_prediction"].samples
    counts = {s.labels["class"]: s.value for s in samples if s.labels.get("le") == "+Inf"}
    assert counts == dict.fromkeys(labels, len(answers) + 1)
    assert max(s.value for s in families["mainline_batch_rows"].samples if s.name.endswith("_sum")) == len(answers) + 1


def test_a_regressions_bins_cover_what_it_said_of_the_holdout(regression: Export) -> None:
    (histogram,) = Metrics(regression.signature, "1").predictions.values()
    histogram.observe_all(regression.scores)
    assert sum(count > 0 for count in histogram.counts) > 10
