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
    n, far = draw(st.integers(2, 40)), draw(st.sampled_from([1.0, 1e6]))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = far + generator.integers(0, 6, n)
    prediction = y + generator.integers(-3, 4, n) / 2
    counts = np.vstack([np.ones((1, blocks)), generator.integers(0, 3, (5, blocks))]).astype(np.uint8)
    return y, prediction, generator.integers(0, blocks, n), counts


@pytest.mark.slow
@settings(max_examples=150)
@given(holdouts())
def test_every_resample_has_the_metrics_of_scikit_learn_on_its_replicated_rows(holdout):
    y, prediction, blocks, counts = holdout
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = metrics.measure("regression", y, prediction, blocks, counts)
    assert list(values) == metrics.names("regression")
    for resample in range(len(counts)) if len(np.unique(blocks)) > 1 else [0]:
        times = counts[resample][blocks]
        if not times.any():
            assert all(np.isnan(column[resample]) for column in values.values())
            continue
        rows = np.repeat(y, times), np.repeat(prediction, times)
        expected = {
            "mae": reference.mean_absolute_error(*rows),
            "rmse": reference.root_mean_squared_error(*rows),
            "r2": reference.r2_score(*rows) if len(np.unique(rows[0])) > 1 else np.nan,
            "bias": np.mean(rows[1] - rows[0]),
            "median_absolute_error": reference.median_absolute_error(*rows),
            "mape": reference.mean_absolute_percentage_error(*rows),
        }
        for name, value in expected.items():
            assert values[name][resample] == pytest.approx(value, rel=1e-8, abs=1e-10, nan_ok=True), name


def test_a_label_of_zero_leaves_the_percentage_error_unmeasured_where_it_was_drawn():
    y, prediction = np.array([0.0, 1.0, 2.0]), np.array([0.5, 1.5, 2.0])
    counts = np.array([[1, 1, 1], [0, 1, 2]], dtype=np.uint8)
    values = metrics.measure("regression", y, prediction, np.arange(3), counts)
    assert np.isnan(values["mape"][0])
    assert values["mape"][1] == pytest.approx(0.5 / 3)
    assert np.isfinite(values["mae"]).all()


def test_equal_labels_leave_r2_unmeasured_even_where_their_mean_is_rounded():
    values = metrics.measure("regression", np.full(7, 0.1), np.linspace(0, 1, 7), np.arange(7), bootstrap.draw(7, 9, 0))
    assert np.isnan(values["r2"]).all()
