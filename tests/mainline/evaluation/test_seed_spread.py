"""How much of a difference is the luck of the seed: measured once, and part of the interval."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from mainline.errors import ConfigurationError
from mainline.evaluation import evaluate, seed_spread
from mainline.evaluation.evaluate import Labelled
from mainline.evaluation.results import Interval, Metric
from mainline.evaluation.seed_spread import Spread
from mainline.training import pipeline
from tests.exports import make
from tests.mainline.settings import params

DELTA = Interval(0.010, 0.004, 0.018)


def test_luck_widens_an_interval_as_the_legs_of_a_triangle() -> None:
    found = seed_spread.wider(DELTA, 0.008)
    assert found.value == 0.010
    assert found.low == pytest.approx(0.010 - 0.010)  # 6 and 8 make 10
    assert found.high == pytest.approx(0.010 + math.hypot(0.008, 0.008))
    assert seed_spread.wider(DELTA, 0.0).low == pytest.approx(0.004)
    assert seed_spread.wider(Interval(0.1, None, None), 0.1).low is None


def test_the_reach_of_luck_covers_the_difference_of_two_equal_models() -> None:
    """Of pairs of equal models, 95 % differ by no more, although the deviation comes from five seeds only."""
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(2000):
        five = random.normal(0.7, 0.01, 5)
        one, other = random.normal(0.7, 0.01, 2)
        inside += abs(one - other) <= Spread(5, {"auc": float(np.std(five, ddof=1))}).reach("auc", 0.95)
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)
    assert Spread(5, {"auc": 0.01}).reach("auc", 0.95) == pytest.approx(stats.t.ppf(0.975, 4) * math.sqrt(2) * 0.01)


def test_the_report_says_how_much_is_luck() -> None:
    settings = params().settings
    metric = Metric("roc_auc", True, Interval(0.7, 0.6, 0.8), Interval(0.69, 0.6, 0.8), DELTA)
    (large,) = seed_spread.note(settings, Spread(5, {"roc_auc": 0.004}), [metric])
    assert "over 5 other seeds roc_auc has a standard deviation of 0.004" in large
    assert "luck alone explains it" in large
    (small,) = seed_spread.note(settings, Spread(5, {"roc_auc": 0.001}), [metric])
    assert "it is more than luck" in small
    assert seed_spread.note(settings, Spread(5, {"roc_auc": 0.0}), [metric]) == [
        "seeds: 5 other seeds give the same roc_auc: none of the difference is luck"
    ]
    assert seed_spread.note(settings, None, [metric]) == []


def test_two_seeds_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="2 seeds say nothing of how much they differ"):
        params(("  resamples: 500", "  resamples: 500\n  seeds: 2"))


@pytest.mark.slow
def test_seeds_are_trained_once_for_a_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(tmp_path, estimator="sklearn.ensemble.ExtraTreesClassifier", estimator_params="{n_estimators: 5}")
    compare = made.settings.compare.model_copy(update={"seeds": 3})
    settings = made.settings.model_copy(update={"compare": compare})
    holdout, record = made.holdout, made.record
    rows = Labelled(
        record.holdout.y.astype(int), made.scores, made.scores, np.arange(len(holdout)), holdout, record.facts.classes
    )
    weights = evaluate.draw(settings, rows.blocks)
    spread = seed_spread.measure(settings, tmp_path, made.frame, record, rows, weights)
    assert spread is not None
    assert spread.seeds == 3
    assert 0 < spread.deviation["roc_auc"] < 0.1
    monkeypatch.setattr(pipeline, "fit_rows", lambda *more: pytest.fail("trained again"))
    assert seed_spread.measure(settings, tmp_path, made.frame, record, rows, weights) == spread
