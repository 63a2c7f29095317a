"""Intervals on few blocks: simulated pairs of equal models, whose difference is zero in the long run.

In each trial both models predict the same rows. Each has errors of its own, by day and by row, drawn alike: neither is
better. Days are the blocks, and have a level of their own as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit
from threadpoolctl import threadpool_limits

from mainline.evaluation import bootstrap, metrics
from mainline.evaluation.gates.declaration import Measured, unmeasured

CONFIDENCE, RESAMPLES, ROWS = 0.95, 500, 60
STATED = (0.93, 0.97)
Pair = tuple[NDArray[Any], NDArray[Any], list[NDArray[Any]]]

# Standard deviations of the day's level, of a model's error by day and by row, the intercept, and decimals of a score.
CALM = {"level": 0.2, "by_day": 0.05, "by_row": 0.5, "intercept": -1.2, "decimals": 9}
HEAVY = {"level": 1.0, "by_day": 0.6, "by_row": 0.8, "intercept": -1.7, "decimals": 9}
TIES = {**HEAVY, "decimals": 1}
FEW_POSITIVES = {"level": 0.5, "by_day": 0.3, "by_row": 0.5, "intercept": -3.7, "decimals": 9}


def equal_models(random: np.random.Generator, days: int, shape: dict[str, float], task: str) -> Pair:
    """The days of the rows, their labels, and the scores of two models."""
    day = np.repeat(np.arange(days), ROWS)
    signal = random.normal(size=day.size)
    level = random.normal(0, shape["level"], days)[day]
    latent = [
        signal + level / 2 + random.normal(0, shape["by_day"], days)[day] + random.normal(0, shape["by_row"], day.size)
        for _ in range(2)
    ]
    if task == "regression":
        y = signal + level + random.normal(size=day.size)
        return day, y, [score.round(int(shape["decimals"])) for score in latent]
    y = (random.random(day.size) < expit(shape["intercept"] + signal + level)).astype(int)
    scores = [expit(shape["intercept"] + score).round(int(shape["decimals"])) for score in latent]
    return day, y, [score.clip(0.01, 0.99) for score in scores]


def covered(days: int, trials: int, shape: dict[str, float], confidence: float = CONFIDENCE) -> dict[str, float]:
    """The share of trials whose interval of the difference contains zero, by metric."""
    counts = bootstrap.draw(days, RESAMPLES, seed=0)
    found: dict[str, list[bool]] = {name: [] for name in ("roc_auc", "brier", "log_loss", "rmse")}
    for trial in range(trials):
        random = np.random.default_rng([days, trial])
        for task, names in (("binary", ["roc_auc", "brier", "log_loss"]), ("regression", ["rmse"])):
            day, y, scores = equal_models(random, days, shape, task)
            one, other = (metrics.measure(task, y, score, day, counts, only=names) for score in scores)
            for name in names:
                interval = bootstrap.interval(one[name] - other[name], confidence, days)
                assert interval.low is not None
                assert interval.high is not None
                found[name].append(interval.low <= 0 <= interval.high)
    return {name: float(np.mean(held)) for name, held in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("days", "shape"),
    [
        pytest.param(days, shape, id=f"{days} days, {name}")
        for name, shape, every in (
            ("calm", CALM, (8, 30)),
            ("heavy", HEAVY, (8, 15, 30)),
            ("ties", TIES, (8,)),
            ("few positives", FEW_POSITIVES, (8, 15, 30)),
        )
        for days in every
    ],
)
@threadpool_limits.wrap(limits=1)  # small products: a second thread only waits
def test_93_to_97_percent_of_the_intervals_of_equal_models_contain_zero(days: int, shape: dict[str, float]) -> None:
    trials = 300
    # Of so few trials the share is not that of all: 93 to 97 % is where 1,000 a case lie.
    error = stats.norm.ppf(0.95) * np.sqrt(0.05 * 0.95 / trials)
    low, high = STATED[0] - error, STATED[1] + error
    found = covered(days, trials, shape)
    assert {name: share for name, share in found.items() if not low <= share <= high} == {}


@pytest.mark.parametrize("days", [1, 2, 3, 5, 7])
def test_fewer_than_8_blocks_have_no_interval(days: int) -> None:
    values = np.linspace(-1, 1, 1001)
    assert bootstrap.interval(values, CONFIDENCE, days).low is None
    assert bootstrap.too_few(days, "day") == f"{days} blocks (values of day) are too few for an interval, 8 are needed"


@pytest.mark.parametrize("days", [8, 29, 30, 1000])
def test_from_8_blocks_on_there_is_an_interval(days: int) -> None:
    random = np.random.default_rng(0)
    found = bootstrap.interval(np.append(0.0, random.normal(size=1000)), CONFIDENCE, days)
    assert found.low is not None
    assert found.low < -1.8
    assert bootstrap.too_few(days, "day") is None


def test_the_interval_of_a_share_stays_between_0_and_1() -> None:
    values = np.append(0.99, np.random.default_rng(0).beta(99, 1, 2000))
    alone, difference = (bootstrap.interval(values, CONFIDENCE, 8, level=level) for level in (True, False))
    assert alone.high is not None
    assert difference.high is not None
    assert 0.99 < alone.high <= 1 < difference.high


def test_a_wider_confidence_reaches_beyond_the_most_extreme_resample() -> None:
    values = np.append(0.0, np.random.default_rng(0).normal(size=500))
    found = bootstrap.interval(values, 1 - 0.05 / 16, 8)
    assert found.low is not None
    assert found.low < values.min()


def test_a_gate_without_an_interval_says_how_many_blocks_there_are() -> None:
    measured = Measured(True, [], None, [], [], 1.0, 1.0, 1, no_interval=bootstrap.too_few(5, "day"))
    assert unmeasured(measured) == (
        "not measurable: 5 blocks (values of day) are too few for an interval, 8 are needed"
    )
