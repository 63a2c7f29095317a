from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from mainline.evaluation import bootstrap, metrics
from mainline.evaluation.metrics import calibration

WEIGHTED = {
    "roc_auc": reference.roc_auc_score,
    "average_precision": reference.average_precision_score,
    "log_loss": lambda y, s, sample_weight: reference.log_loss(y, s, labels=[0, 1], sample_weight=sample_weight),
    "brier": lambda y, s, sample_weight: reference.brier_score_loss(y, s, labels=[0, 1], sample_weight=sample_weight),
}
DECISIONS = {
    "precision": reference.precision_score,
    "recall": reference.recall_score,
    "f1": reference.f1_score,
}


@st.composite
def holdouts(draw: st.DrawFn, blocks: int = 5):
    """Rows with many ties, in a few blocks, and how often each block is drawn (all of them, then at will)."""
    n = draw(st.integers(2, 40))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from([1, 2, 4, 100]))
    y = generator.integers(0, 2, n)
    score = generator.integers(0, levels + 1, n) / levels
    counts = np.vstack([np.ones((1, blocks)), generator.integers(0, 4, (4, blocks))]).astype(np.uint8)
    return y, score, generator.integers(0, blocks, n), counts


def expected(y, score, weight, threshold):
    """What scikit-learn says, NaN where it warns or refuses because there is nothing to measure."""
    found = {}
    y, score, weight = y[weight > 0], score[weight > 0], weight[weight > 0]
    both = len(np.unique(y)) == 2
    for name, function in WEIGHTED.items():
        measurable = both if name in ("roc_auc", "average_precision") else y.size > 0
        found[name] = function(y, score, sample_weight=weight) if measurable else np.nan
    for name, function in DECISIONS.items():
        found[name] = function(y, score >= threshold, sample_weight=weight, zero_division=np.nan) if y.size else np.nan
    found["accuracy"] = reference.accuracy_score(y, score >= threshold, sample_weight=weight) if y.size else np.nan
    found["calibration_error"] = binned_error(y, score, weight) if y.size else np.nan
    return found


def binned_error(y, score, weight):
    which = np.minimum((score * calibration.BINS).astype(int), calibration.BINS - 1)
    error = 0.0
    for b in np.unique(which):
        rows = which == b
        gap = np.average(y[rows], weights=weight[rows]) - np.average(score[rows], weights=weight[rows])
        error += weight[rows].sum() / weight.sum() * abs(gap)
    return error


@pytest.mark.slow
@settings(max_examples=60)
@given(holdouts(), st.sampled_from([0.25, 0.5, 1.0]))
def test_every_resample_has_the_metrics_of_scikit_learn_on_its_weighted_rows(holdout, threshold):
    y, score, blocks, counts = holdout
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = metrics.measure("binary", y, score, blocks, counts, threshold=threshold)
    assert list(values) == metrics.names("binary")
    resamples = range(len(counts)) if len(np.unique(blocks)) > 1 else [0]
    for resample in resamples:
        for name, value in expected(y, score, counts[resample][blocks].astype(float), threshold).items():
            assert values[name][resample] == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True), name


@pytest.mark.slow
@settings(max_examples=50)
@given(holdouts())
def test_a_resample_is_its_rows_physically_replicated(holdout):
    y, score, blocks, counts = holdout
    values = metrics.measure("binary", y, score, blocks, counts)
    if len(np.unique(blocks)) < 2:
        return
    for resample, row in enumerate(counts):
        times = row[blocks]
        if not times.any():
            assert all(np.isnan(column[resample]) for column in values.values())
            continue
        copies = np.repeat(y, times), np.repeat(score, times)
        rows = int(times.sum())
        alone = metrics.measure("binary", *copies, np.arange(rows), bootstrap.draw(rows, 0, 0))
        for name, column in values.items():
            assert column[resample] == pytest.approx(alone[name][0], rel=1e-9, abs=1e-12, nan_ok=True), name


def test_certain_and_wrong_probabilities_are_clipped_as_in_scikit_learn_in_both_precisions():
    y = np.array([0, 1, 1, 0])
    for precision in (np.float32, np.float64):
        score = np.array([1, 0, 1, 0.5], dtype=precision)
        values = metrics.measure("binary", y, score, np.arange(4), bootstrap.draw(4, 10, 0))
        assert values["log_loss"][0] == pytest.approx(reference.log_loss(y, score), rel=1e-6)


def test_a_single_class_leaves_the_ranking_unmeasured_and_the_probabilities_measured():
    y, score = np.zeros(50, dtype=int), np.linspace(0.1, 0.4, 50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = metrics.measure("binary", y, score, np.arange(50) // 10, bootstrap.draw(5, 100, 0))
    for name in ("roc_auc", "average_precision", "precision", "recall", "f1"):
        assert np.isnan(values[name]).all(), name
    for name in ("log_loss", "brier", "calibration_error", "accuracy"):
        assert np.isfinite(values[name]).all(), name


def test_equal_scores_rank_no_better_than_chance_in_every_resample():
    y = np.tile([0, 1], 50)
    values = metrics.measure("binary", y, np.full(100, 0.3), np.arange(100) // 20, bootstrap.draw(5, 100, 0))
    assert values["roc_auc"] == pytest.approx(0.5)
    assert values["average_precision"] == pytest.approx(0.5)
