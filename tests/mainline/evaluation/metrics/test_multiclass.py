from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from mainline.evaluation import bootstrap, metrics


@st.composite
def holdouts(draw: st.DrawFn, blocks: int = 4):
    """Probabilities in eighths, so that rows tie and still add up to exactly one."""
    n, k = draw(st.integers(2, 40)), draw(st.integers(3, 4))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    score = generator.multinomial(8, np.full(k, 1 / k), size=n) / 8
    counts = np.vstack([np.ones((1, blocks)), generator.integers(0, 3, (3, blocks))]).astype(np.uint8)
    return generator.integers(0, k, n), score, generator.integers(0, blocks, n), counts


def expected(y, score):
    labels, predicted = np.arange(score.shape[1]), score.argmax(axis=1)
    macro = {"average": "macro", "zero_division": 0}
    every_class = len(np.unique(y)) == score.shape[1]
    return {
        "accuracy": reference.accuracy_score(y, predicted),
        "balanced_accuracy": np.mean([np.mean(predicted[y == c] == c) for c in np.unique(y)]),
        "macro_precision": reference.precision_score(y, predicted, **macro),
        "macro_recall": reference.recall_score(y, predicted, **macro),
        "macro_f1": reference.f1_score(y, predicted, **macro),
        "roc_auc": reference.roc_auc_score(y, score, multi_class="ovr", average="macro") if every_class else np.nan,
        "log_loss": reference.log_loss(y, score, labels=labels),
        "brier": reference.brier_score_loss(y, score, labels=labels),
    }


@pytest.mark.slow
@settings(max_examples=60)
@given(holdouts())
def test_every_resample_has_the_metrics_of_scikit_learn_on_its_replicated_rows(holdout):
    y, score, blocks, counts = holdout
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = metrics.measure("multiclass", y, score, blocks, counts)
    assert list(values) == metrics.names("multiclass")
    for resample in range(len(counts)) if len(np.unique(blocks)) > 1 else [0]:
        times = counts[resample][blocks]
        if not times.any():
            assert all(np.isnan(column[resample]) for column in values.values())
            continue
        for name, value in expected(np.repeat(y, times), np.repeat(score, times, axis=0)).items():
            assert values[name][resample] == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True), name


def test_balanced_accuracy_is_scikit_learns_where_every_class_occurs():
    generator = np.random.default_rng(0)
    y, score = generator.integers(0, 3, 300), generator.dirichlet(np.ones(3), 300)
    values = metrics.measure("multiclass", y, score, np.arange(300) % 7, bootstrap.draw(7, 10, 0))
    assert values["balanced_accuracy"][0] == pytest.approx(reference.balanced_accuracy_score(y, score.argmax(axis=1)))


def test_the_calibration_error_is_that_of_the_predicted_class():
    score = np.tile([0.75, 0.15, 0.10], (8, 1))
    y = np.array([0, 0, 0, 0, 1, 1, 2, 2])  # half of the rows are right, at a confidence of .75
    values = metrics.measure("multiclass", y, score, np.arange(8), bootstrap.draw(8, 10, 0))
    assert values["calibration_error"][0] == pytest.approx(0.25)


def test_probabilities_that_do_not_match_the_classes_are_refused():
    counts = bootstrap.draw(2, 10, 0)
    with pytest.raises(ValueError, match=r"\(2, 3\) is needed"):
        metrics.measure("multiclass", [0, 1], [[0.5, 0.5], [0.5, 0.5]], [0, 1], counts, classes=["a", "b", "c"])
    with pytest.raises(ValueError, match="1 of 2 rows of probabilities do not add up to 1"):
        metrics.measure("multiclass", [0, 1], [[0.5, 0.5, 0.0], [0.9, 0.9, 0.9]], [0, 1], counts)
