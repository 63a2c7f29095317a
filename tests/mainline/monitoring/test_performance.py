"""Performance from sums by day is that of the rows; the evaluated values are those of the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mainline.data import blocks
from mainline.data.split import sides
from mainline.evaluation import bootstrap, evaluate, metrics
from mainline.monitoring import performance
from mainline.training.pipeline import read_rows
from tests.mainline.monitoring.shops import shop
from tests.mainline.settings import params

SETTINGS = params().settings
N, DAYS = 4000, 12


def made(task: str) -> tuple[Any, Any, Any]:
    """Labels, scores and days, with scores that know something of the labels."""
    random = np.random.default_rng(3)
    day = random.integers(0, DAYS, N)
    if task == "regression":
        y = random.normal(50, 10, N)
        return y, y + random.normal(1, 5, N), day
    classes = 2 if task == "binary" else 3
    logits = random.normal(0, 1.5, (N, classes))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (p.cumsum(axis=1) < random.uniform(size=(N, 1))).sum(axis=1)
    return y, p[:, 1] if task == "binary" else p, day


def over_sums(task: str, y: Any, score: Any, day: Any) -> performance.Measured:
    p = np.column_stack([1 - score, score]) if task == "binary" else score.reshape(N, -1)
    frame = pd.DataFrame({"block": day, "p": list(p), "y": y.astype(float), "w": 1.0})
    with duckdb.connect() as connection:
        connection.register("rows", frame)
        classes = 0 if task == "regression" else p.shape[1]
        return performance.measure(connection, "rows", task, classes, SETTINGS)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_sums_by_day_give_the_metrics_and_the_intervals_of_the_rows(task: str) -> None:
    y, score, day = made(task)
    found = over_sums(task, y, score, day)
    assert (found.rows, found.blocks) == (N, DAYS)
    # The draws of the window are those of the next seed.
    weights = bootstrap.draw(DAYS, SETTINGS.compare.resamples, SETTINGS.compare.seed + 1)
    wanted = metrics.measure(task, y, score, day, weights, threshold=SETTINGS.evaluate.threshold)
    shared = set(found.values) & set(wanted)
    assert {"binary": 8, "multiclass": 9, "regression": 4}[task] == len(shared)
    for name in shared:
        # A thousand bins of the score: ties that are none.
        slack = 5e-4 if name == "roc_auc" else 1e-9
        np.testing.assert_allclose(found.values[name], wanted[name], atol=slack, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_what_calibrated_probabilities_expect_is_what_their_labels_show(task: str) -> None:
    y, score, day = made(task)
    p = np.column_stack([1 - score, score]) if task == "binary" else score
    frame = pd.DataFrame({"block": day, "p": list(p), "y": 0.0, "w": 1.0})
    with duckdb.connect() as connection:
        connection.register("rows", frame)
        found = performance.measure(connection, performance.expected("rows"), task, p.shape[1], SETTINGS)
    reached = over_sums(task, y, score, day)
    assert found.rows == N
    for name in ("roc_auc", "log_loss", "brier", "accuracy"):
        interval = bootstrap.interval(reached.values[name], 0.99, DAYS)
        assert interval.low is not None
        assert interval.high is not None
        assert interval.low < found.values[name][0] < interval.high, name


@pytest.mark.slow
def test_the_evaluated_interval_is_the_one_that_the_report_shows(tmp_path: Path) -> None:
    made = shop(tmp_path)
    settings, record = made.settings, made.record
    rows = read_rows(settings, tmp_path / "frame.parquet", sides(settings).holdout, "day")
    holdout = record.holdout
    labelled = evaluate.Labelled(
        holdout.y.astype(np.int64), holdout.score, None, blocks.codes(rows["day"].astype(str).to_numpy()), rows, []
    )
    reported = evaluate.paired(settings, labelled, evaluate.draw(settings, labelled.blocks))
    promised = performance.promised(record, settings).intervals(settings)
    assert promised["roc_auc"].low is not None
    assert {metric.name: metric.candidate for metric in reported if metric.name in promised} == promised


def test_the_auc_of_a_rare_class_is_that_of_the_rows() -> None:
    """All scores lie below 0.02: on the scale of the probability they would share twenty bins."""
    random = np.random.default_rng(0)
    signal = random.normal(size=N)
    score = 1 / (1 + np.exp(7 - signal))
    y = (random.random(N) < 30 * score).astype(int)
    found = over_sums("binary", y, score, np.arange(N) % DAYS).values["roc_auc"][0]
    assert found == pytest.approx(roc_auc_score(y, score), abs=5e-4)


@pytest.mark.slow
def test_one_day_has_no_interval() -> None:
    y, score, day = made("binary")
    found = over_sums("binary", y, score, day * 0).intervals(SETTINGS)
    assert found["roc_auc"].low is None
    assert found["roc_auc"].value > 0.5


def test_nothing_labelled_is_nothing_measured() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE rows (block INT, p DOUBLE[], y DOUBLE, w DOUBLE)")
        assert performance.measure(connection, "rows", "binary", 2, SETTINGS).values == {}
