from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import brier_score_loss, r2_score
from threadpoolctl import threadpool_limits

from mainline.data import blocks as blocks_
from mainline.evaluation import bootstrap, metrics

CONFIDENCE = 0.95


@settings(max_examples=50)
@given(st.integers(1, 60), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_a_resample_draws_as_many_blocks_as_there_are(n_blocks, resamples, seed):
    counts = bootstrap.draw(n_blocks, resamples, seed)
    assert counts.shape == (1 + resamples, n_blocks)
    assert (counts[0] == 1).all()
    assert (counts.sum(axis=1) == n_blocks).all()
    np.testing.assert_array_equal(counts, bootstrap.draw(n_blocks, resamples, seed))


def test_the_counts_are_multinomial_in_every_piece_of_the_work(monkeypatch):
    monkeypatch.setattr(bootstrap, "_CELLS", 400)  # 40 resamples at a time
    counts = bootstrap.draw(10, 20_000, seed=1)[1:].astype(float)
    covariance = np.cov(counts, rowvar=False)
    assert counts.mean(axis=0) == pytest.approx(np.ones(10), abs=0.03)
    assert np.diag(covariance) == pytest.approx(np.full(10, 0.9), abs=0.05)
    assert covariance[~np.eye(10, dtype=bool)] == pytest.approx(np.full(90, -0.1), abs=0.05)
    assert len(np.unique(counts, axis=0)) > 10_000


def test_another_seed_draws_other_blocks():
    assert (bootstrap.draw(30, 100, 0) != bootstrap.draw(30, 100, 1)).any()


def test_nothing_to_draw_from_is_refused():
    with pytest.raises(ValueError, match="the holdout is empty"):
        bootstrap.draw(0, 100, 0)


@pytest.mark.parametrize(
    "values",
    [
        ["b", "a", "c", "a"],
        [20, 10, 30, 10],
        [dt.date(2013, 2, 1), dt.date(2013, 1, 1), dt.date(2013, 3, 1), dt.date(2013, 1, 1)],
        np.array(["2013-02", "2013-01", "2013-03", "2013-01"], dtype="datetime64[D]"),
        np.array(["b", "a", "c", "a"], dtype=object),
    ],
)
def test_a_block_keeps_its_code_whatever_the_order_of_the_rows(values):
    np.testing.assert_array_equal(blocks_.codes(values), [1, 0, 2, 0])
    np.testing.assert_array_equal(blocks_.codes(values[::-1]), [0, 2, 0, 1])


@pytest.mark.parametrize(
    "values",
    [
        np.array([1.0, np.nan, np.nan]),
        np.array(["2013-01-01", "NaT", "NaT"], dtype="datetime64[D]"),
        np.array(["a", None, float("nan")], dtype=object),
    ],
)
def test_rows_without_a_block_are_refused_with_their_number(values):
    with pytest.raises(ValueError, match="2 of 3 rows have no block"):
        blocks_.codes(values)


def test_pandas_columns_of_text_and_days_are_blocks():
    import pandas as pd

    assert blocks_.codes(pd.Series(["b", "a"])).tolist() == [1, 0]
    assert blocks_.codes(pd.Series(["b", "a"], dtype="category")).tolist() == [1, 0]
    assert blocks_.codes(pd.Series(pd.to_datetime(["2013-02-01", "2013-01-01"]))).tolist() == [1, 0]
    with pytest.raises(ValueError, match="1 of 2 rows have no block"):
        blocks_.codes(pd.Series(["b", pd.NA], dtype="object"))


def test_the_interval_leaves_out_a_few_resamples_without_a_value():
    values = np.concatenate([[5.0], np.arange(96.0), np.full(4, np.nan)])
    found = bootstrap.interval(values, 0.90)
    expected = np.quantile(np.arange(96.0), [0.05, 0.95])
    assert [found.value, found.low, found.high] == pytest.approx([5.0, *expected])


@pytest.mark.parametrize(
    "values",
    [
        np.concatenate([[5.0], np.arange(94.0), np.full(6, np.nan)]),
        np.concatenate([[np.nan], np.arange(100.0)]),
        np.array([5.0]),
    ],
)
def test_there_is_no_interval_where_too_much_cannot_be_measured(values):
    found = bootstrap.interval(values, 0.95)
    assert (found.low, found.high) == (None, None)
    np.testing.assert_equal(found.value, values[0])


def _holdout(seed, n):
    generator = np.random.default_rng(seed)
    signal = generator.normal(size=n)
    y = (signal + generator.normal(size=n) > 0.3).astype(int)
    models = (stats.norm.cdf(signal + generator.normal(scale=scale, size=n)).round(2) for scale in (0.4, 0.9))
    return y, *models


def _mann_whitney(y, score):
    positives, negatives = y.sum(), len(y) - y.sum()
    return (stats.rankdata(score)[y == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives)


def _brier(y, score):
    return np.mean((score - y) ** 2)


def _r2(y, score):
    return 1 - np.sum((y - score) ** 2) / np.sum((y - y.mean()) ** 2)


def test_the_plain_functions_are_scikit_learns():
    """They are asked for thousands of resamples, in which scikit-learn's would look at their arguments each time."""
    y, score, _ = _holdout(seed=1, n=60)
    assert _brier(y, score) == pytest.approx(brier_score_loss(y, score), abs=1e-12)
    assert _r2(y, score) == pytest.approx(r2_score(y, score), abs=1e-12)


def _difference(function):
    return lambda y, one, other: function(y, one) - function(y, other)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "name", "function"),
    [
        ("binary", "roc_auc", _mann_whitney),
        ("binary", "brier", _brier),
        ("regression", "r2", _r2),
    ],
)
@pytest.mark.parametrize("n", [25, 60])
def test_the_paired_interval_is_scipys_within_the_error_of_resampling(task, name, function, n):
    y, one, other = _holdout(seed=n, n=n)
    resamples = 2000
    counts = bootstrap.draw(n, resamples, seed=0)
    values = [metrics.measure(task, y, score, np.arange(n), counts)[name] for score in (one, other)]
    ours = bootstrap.interval(values[0] - values[1], CONFIDENCE)
    theirs = stats.bootstrap(
        (y, one, other),
        _difference(function),
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=resamples,
        confidence_level=CONFIDENCE,
        rng=np.random.default_rng(1),
    )
    # A quantile's standard error, for a roughly normal statistic; two of them are compared, four errors allowed.
    tail = (1 - CONFIDENCE) / 2
    density = stats.norm.pdf(stats.norm.ppf(tail)) / theirs.standard_error
    error = 4 * np.sqrt(2 * tail * (1 - tail) / resamples) / density
    assert ours.value == pytest.approx(function(y, one) - function(y, other), abs=1e-12)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=error)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=error)


@pytest.mark.parametrize("n_blocks", [10, 30, 31, 300])
def test_few_blocks_widen_the_interval_by_students_quantile(n_blocks):
    expected = stats.norm.cdf(np.sqrt(n_blocks / (n_blocks - 1)) * stats.t.ppf(0.025, n_blocks - 1))
    assert bootstrap.widened(0.025, n_blocks) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    values = np.append(0.0, np.linspace(-1, 1, 2001))
    narrow, wide = bootstrap.interval(values, CONFIDENCE), bootstrap.interval(values, CONFIDENCE, n_blocks)
    assert wide.low < narrow.low < narrow.high < wide.high


def _equal_models(generator, days, rows):
    """Labels, and two models that are as good as each other in the long run, but each has its better and worse days."""
    day = np.repeat(np.arange(days), rows)
    signal = generator.normal(scale=0.5, size=days)[day] + generator.normal(size=day.size)
    y = (generator.random(day.size) < stats.logistic.cdf(signal - 1)).astype(int)
    errors = [generator.normal(size=days)[day] + generator.normal(scale=0.3, size=day.size) for _ in range(2)]
    return y, [stats.logistic.cdf(signal - 1 + error) for error in errors], day


def _separated(y, scores, blocks, counts):
    """For each metric: whether the interval of the two models' difference leaves out zero."""
    one, other = (metrics.measure("binary", y, score, blocks, counts) for score in scores)
    found = [bootstrap.interval(one[name] - other[name], CONFIDENCE, counts.shape[1]) for name in ("roc_auc", "brier")]
    return [not interval.low <= 0 <= interval.high for interval in found]


@pytest.mark.slow
@threadpool_limits.wrap(limits=1)  # small products: a second thread only waits, long where the machine is busy
def test_equal_models_are_separated_by_days_no_more_often_than_stated_and_by_rows_far_more_often():
    days, rows, trials, trials_by_row = 30, 80, 200, 30
    generator = np.random.default_rng(0)
    by_day, by_row = bootstrap.draw(days, 2000, 0), bootstrap.draw(days * rows, 400, 0)
    separated_by_day, separated_by_row = np.zeros(2, dtype=int), np.zeros(2, dtype=int)
    for trial in range(trials):
        y, scores, day = _equal_models(generator, days, rows)
        separated_by_day += _separated(y, scores, day, by_day)
        if trial < trials_by_row:
            separated_by_row += _separated(y, scores, np.arange(day.size), by_row)
    stated = 1 - CONFIDENCE
    assert (separated_by_day <= stats.binom.ppf(0.95, trials, stated)).all()
    # Not even one set of trials in a thousand would look like this if rows kept what they state.
    assert (separated_by_row > stats.binom.ppf(0.999, trials_by_row, stated)).all()
    assert (separated_by_row / trials_by_row > 2 * separated_by_day / trials).all()
