from __future__ import annotations

import numpy as np
import pytest

from mainline.errors import ConfigurationError
from mainline.evaluation import bootstrap, metrics
from mainline.evaluation.metrics.resampled import Resampled

COUNTS = bootstrap.draw(4, 50, 0)
Y = np.array([0, 1, 1, 0, 1, 0])
SCORE = np.array([0.2, 0.7, 0.6, 0.4, 0.9, 0.1])
BLOCKS = np.array([0, 0, 1, 2, 3, 3])


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_metric_says_which_direction_is_better(task):
    assert [name for name in metrics.names(task) if not metrics.is_directed(name)] == (
        ["bias"] if task == "regression" else []
    )
    assert {"roc_auc": True, "r2": True}.items() >= {
        name: metrics.greater_is_better(name) for name in metrics.names(task) if name in ("roc_auc", "r2")
    }.items()


def test_an_unknown_task_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="'ranking'; there are binary, multiclass, regression"):
        metrics.names("ranking")


def test_a_metric_of_two_tasks_keeps_its_direction_and_its_title(monkeypatch):
    monkeypatch.setattr(metrics.METRICS["regression"], "_declared", {})
    with pytest.raises(ConfigurationError, match="roc_auc has another direction or title in a binary task"):
        metrics.metric("roc_auc", task="regression", greater_is_better=False)(lambda rows: rows.y)


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_and_infinite_scores_are_refused_with_their_number(task, bad):
    score = SCORE.copy()
    score[[2, 4]] = bad
    with pytest.raises(ValueError, match=r"2 of 6 scores are missing or infinite \(the first in row 2\)"):
        metrics.measure(task, Y, score, BLOCKS, COUNTS)


def test_a_missing_probability_of_one_class_is_refused():
    score = np.column_stack([SCORE, 1 - SCORE, np.zeros(6)])
    score[3, 1] = np.nan
    with pytest.raises(ValueError, match="1 of 6 scores are missing"):
        metrics.measure("multiclass", Y, score, BLOCKS, COUNTS)


@pytest.mark.parametrize(
    ("y", "score", "blocks", "message"),
    [
        ([0, 1, np.nan], [0.1, 0.2, 0.3], [0, 1, 2], "1 of 3 labels are missing"),
        ([0, 1, 2], [0.1, 0.2, 0.3], [0, 1, 2], "1 of 3 labels are not a class code from 0 to 1"),
        ([0, 1, 0.5], [0.1, 0.2, 0.3], [0, 1, 2], "1 of 3 labels are not a class code"),
        ([0, 1, 1], [0.1, 1.2, -0.3], [0, 1, 2], "2 of 3 scores are not probabilities"),
        ([0, 1, 1], [0.1, 0.2], [0, 1, 2], r"scores of shape \(2,\) for 3 labels"),
        ([0, 1, 1], [0.1, 0.2, 0.3], [0, 1], r"blocks of shape \(2,\)"),
        ([0, 1, 1], [0.1, 0.2, 0.3], [0, 1, 4], "1 of 3 block codes are not a column"),
        ([], [], [], "at least one row"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_words(y, score, blocks, message):
    with pytest.raises(ValueError, match=message):
        metrics.measure("binary", y, score, blocks, COUNTS)


def test_fractional_weights_are_refused_because_a_resample_counts_blocks():
    with pytest.raises(ValueError, match="whole counts"):
        metrics.measure("binary", Y, SCORE, BLOCKS, COUNTS.astype(float))


def test_a_single_block_is_measured_but_has_no_interval():
    values = metrics.measure("binary", Y, SCORE, np.zeros(6, dtype=int), bootstrap.draw(1, 200, 0))
    found = bootstrap.interval(values["roc_auc"], 0.95)
    assert found.value == 1.0
    assert (found.low, found.high) == (None, None)


def test_a_slice_is_measured_by_the_resamples_of_the_whole_holdout():
    generator = np.random.default_rng(0)
    y, score, blocks = generator.integers(0, 2, 400), generator.random(400), np.arange(400) % 10
    counts = bootstrap.draw(10, 100, 0)
    part = blocks < 4
    values = metrics.measure("binary", y[part], score[part], blocks[part], counts)
    alone = metrics.measure("binary", y[part], score[part], blocks[part], counts[:, :4])
    for name, column in values.items():
        np.testing.assert_array_equal(column, alone[name])


def test_two_rows_are_measured_without_a_warning():
    values = metrics.measure("binary", [0, 1], [0.4, 0.6], [0, 1], bootstrap.draw(2, 500, 0))
    assert values["roc_auc"][0] == 1.0
    assert bootstrap.interval(values["roc_auc"], 0.95).low is None  # half of the resamples hold one class only
    assert bootstrap.interval(values["brier"], 0.95).low == pytest.approx(0.16)


def test_the_difference_of_a_model_from_itself_is_exactly_zero():
    generator = np.random.default_rng(0)
    y, score, blocks = generator.integers(0, 2, 300), generator.random(300), np.arange(300) % 12
    counts = bootstrap.draw(12, 200, 0)
    one, other = (metrics.measure("binary", y, score, blocks, counts) for _ in range(2))
    for name in one:
        found = bootstrap.interval(one[name] - other[name], 0.95)
        assert (found.value, found.low, found.high) == (0, 0, 0)


def test_a_mean_of_sums_and_a_function_of_weighted_rows_are_the_same_in_every_resample():
    rows = Resampled(Y, SCORE, BLOCKS, COUNTS)
    slow = rows.each(lambda y, score, weights: np.average((y - score) ** 2, weights=weights))
    assert rows.mean((Y - SCORE) ** 2) == pytest.approx(slow)
    assert np.isnan(rows.each(lambda y, score, weights: float("x"))).all()


def test_a_metric_that_answers_with_another_shape_is_refused(monkeypatch):
    declared = metrics.METRICS["binary"]
    monkeypatch.setattr(declared, "_declared", dict(declared))
    monkeypatch.setattr(declared, "_modules", dict(declared._modules))
    metrics.metric("odd", task="binary", greater_is_better=True)(lambda rows: rows.y)
    with pytest.raises(ConfigurationError, match=r"the metric of a binary task odd of .* answered with shape"):
        metrics.measure("binary", Y, SCORE, BLOCKS, COUNTS, only=["odd"])
