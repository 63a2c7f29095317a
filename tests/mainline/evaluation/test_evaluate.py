"""Slices, gaps and the naive reference against plain computations."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.metrics import roc_auc_score

from mainline.evaluation import bootstrap, evaluate, metrics, results
from mainline.evaluation.evaluate import Labelled
from mainline.evaluation.results import Interval, Metric
from tests.mainline.settings import params

SETTINGS = params().settings
MULTICLASS = params(
    ("task: binary", "task: multiclass"),
    ("gaps: {metric: recall, at_most: 0.2}", "gaps: {metric: accuracy, at_most: 0.2}"),
).settings
REGRESSION = params(
    ("task: binary", "task: regression"), ("metric: roc_auc", "metric: mae"), ("    roc_auc: 0.02 ", "    mae: 0.02 "),
    ("    brier: 0.01\n", ""), ("slices: {metric: mae", "slices: {metric: mae"),
    ("gaps: {metric: recall, at_most: 0.2}", "gaps: {metric: mae, at_most: 0.2}"),
    ("  calibration_error: 0.15\n", ""),
).settings  # fmt: skip


def labelled(y: Any, now: Any, was: Any, shop: list[str | None], classes: list[Any] | None = None) -> Labelled:
    y = np.asarray(y)
    rows = pd.DataFrame({"shop": pd.array(shop, dtype="string")})
    return Labelled(y, np.asarray(now), was, np.arange(len(y)) % 10, rows, classes or [False, True])


@pytest.fixture
def binary() -> Labelled:
    random = np.random.default_rng(0)
    n = 900
    shop = random.choice(["north", "south", "east"], n).tolist()
    y = random.integers(0, 2, n)
    return labelled(y, np.clip(y * 0.3 + random.uniform(0, 0.7, n), 0, 1), random.uniform(0, 1, n), shop)


def test_the_gaps_are_those_of_a_plain_computation(binary: Labelled) -> None:
    found = {gap.metric: gap for gap in evaluate.gaps(SETTINGS, binary)}
    for side, score in (("candidate", binary.candidate), ("baseline", binary.baseline)):
        assert score is not None
        said = score >= SETTINGS.evaluate.threshold
        table = pd.DataFrame({"shop": binary.rows["shop"], "y": binary.y, "said": said})
        recall = table[table.y == 1].groupby("shop").said.mean()
        false = table[table.y == 0].groupby("shop").said.mean()
        selected = table.groupby("shop").said.mean()
        for name, rates in (("recall", recall), ("false_positive_rate", false), ("selection_rate", selected)):
            assert getattr(found[name], side) == pytest.approx(rates.max() - rates.min())
            if side == "candidate":
                assert (found[name].worst, found[name].best) == (rates.idxmin(), rates.idxmax())


def test_a_metric_of_the_projects_own_is_asked_of_one_model_after_the_other(
    binary: Labelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared, threads = metrics.METRICS["binary"], []
    monkeypatch.setattr(declared, "_declared", dict(declared))
    monkeypatch.setattr(declared, "_modules", dict(declared._modules))

    @metrics.metric("own", task="binary", greater_is_better=True)
    def own(rows: Any) -> Any:
        threads.append(threading.get_ident())
        np.sort(np.random.default_rng(0).uniform(size=500_000))  # long enough for another thread to begin
        return np.full(len(rows.counts), 0.5)

    weights = evaluate.draw(SETTINGS, binary.blocks)
    (found,) = evaluate.paired(SETTINGS, binary, weights, only=["own"])
    assert found.name == "own"
    assert threads == [threads[0]] * 2


def test_small_slices_take_no_part_in_a_gap(binary: Labelled) -> None:
    # A tenth shop of five rows, all of them missed.
    few = labelled([*binary.y, *[1] * 5], [*binary.candidate, *[0.0] * 5], None, [*binary.rows["shop"], *["tiny"] * 5])
    assert evaluate.gaps(SETTINGS, few)[0].candidate == pytest.approx(evaluate.gaps(SETTINGS, binary)[0].candidate)
    assert "tiny" not in {part.value for part in evaluate.slices(SETTINGS, few, evaluate.draw(SETTINGS, few.blocks))}


def test_the_rates_of_a_slice_are_fairlearns(binary: Labelled) -> None:
    said = (binary.candidate >= SETTINGS.evaluate.threshold).astype(int)
    functions = {
        "selection_rate": selection_rate, "recall": true_positive_rate, "false_positive_rate": false_positive_rate,
    }  # fmt: skip
    frame = MetricFrame(metrics=functions, y_true=binary.y, y_pred=said, sensitive_features=binary.rows["shop"])
    found, other = evaluate.by_group(SETTINGS, binary, "shop", [binary.candidate, 1 - binary.candidate])
    for name in functions:
        assert found[name].to_dict() == pytest.approx(frame.by_group[name].to_dict()), name
    assert other["recall"].to_dict() != pytest.approx(found["recall"].to_dict()), "each model's own"


def test_multiclass_and_regression_gaps_are_those_of_a_plain_computation() -> None:
    random = np.random.default_rng(1)
    shop = random.choice(["north", "south"], 600).tolist()
    y = random.integers(0, 3, 600)
    scores = random.dirichlet(np.ones(3), 600)
    gap = evaluate.gaps(MULTICLASS, labelled(y, scores, None, shop, ["a", "b", "c"]))[0]
    right = pd.Series(scores.argmax(axis=1) == y).groupby(pd.Series(shop)).mean()
    assert gap.metric == "accuracy"
    assert gap.candidate == pytest.approx(right.max() - right.min())

    true = random.normal(size=600)
    said = true + random.normal(0.2, 1, 600)
    found = {gap.metric: gap for gap in evaluate.gaps(REGRESSION, labelled(true, said, None, shop, []))}
    error = pd.Series(said - true).groupby(pd.Series(shop))
    assert found["bias"].candidate == pytest.approx(error.mean().max() - error.mean().min())
    mae = pd.Series(abs(said - true)).groupby(pd.Series(shop)).mean()
    assert found["mae"].candidate == pytest.approx(mae.max() - mae.min())


def test_a_slice_is_measured_on_its_own_rows_and_a_missing_value_is_one() -> None:
    random = np.random.default_rng(2)
    shop: list[str | None] = ["north"] * 300 + [None] * 300
    y = random.integers(0, 2, 600)
    score = np.clip(y * 0.2 + random.uniform(0, 0.8, 600), 0, 1)
    rows = labelled(y, score, random.uniform(0, 1, 600), shop)
    found = {part.value: part for part in evaluate.slices(SETTINGS, rows, evaluate.draw(SETTINGS, rows.blocks))}
    assert set(found) == {"north", "(missing)"}
    assert found["north"].rows == 300
    auc = next(metric for metric in found["north"].metrics if metric.name == "roc_auc")
    assert auc.candidate.value == pytest.approx(roc_auc_score(y[:300], score[:300]))
    assert auc.delta is not None


def test_the_intervals_of_several_slices_hold_together(binary: Labelled) -> None:
    weights = evaluate.draw(SETTINGS, binary.blocks)
    three = evaluate.slices(SETTINGS, binary, weights)
    mask = (binary.rows["shop"] == "north").to_numpy()
    alone = evaluate.slices(SETTINGS, binary.subset(mask), weights)
    wide, narrow = (next(p for p in found if p.value == "north").metrics[0].candidate for found in (three, alone))
    assert wide.value == narrow.value
    assert wide.low is not None
    assert narrow.low is not None
    assert wide.low < narrow.low


@pytest.mark.parametrize(
    ("rows", "positives", "large"), [(100, 20, True), (99, 20, False), (100, 19, False), (100, 81, False)]
)
def test_a_slice_needs_rows_and_both_outcomes(rows: int, positives: int, large: bool) -> None:
    assert evaluate.is_large(SETTINGS, np.array([1] * positives + [0] * (rows - positives))) == large


def test_both_models_are_measured_on_the_same_resamples(binary: Labelled) -> None:
    same = Labelled(binary.y, binary.candidate, binary.candidate, binary.blocks, binary.rows, binary.classes)
    for metric in evaluate.paired(SETTINGS, same, evaluate.draw(SETTINGS, same.blocks)):
        assert metric.delta == Interval(0.0, 0.0, 0.0), metric.name
        assert metric.candidate.low != metric.candidate.high


def frame_of(path: Path, rows: pd.DataFrame) -> Path:
    rows.assign(row_id=np.arange(len(rows), dtype=np.uint64)).to_parquet(path, index=False, coerce_timestamps="us")
    return path


def test_the_reference_is_the_labels_mean_by_group_learnt_before_the_holdout(tmp_path: Path) -> None:
    early, late = pd.Timestamp("2026-01-10", tz="UTC"), pd.Timestamp("2026-02-20", tz="UTC")
    rows = pd.DataFrame(
        {
            "at": [early] * 5 + [late] * 4,
            "shop": ["north", "north", "south", "south", None, "north", "south", "new", None],
            "bought": pd.array([True, False, False, False, True, True, None, True, False], dtype="boolean"),
        }
    )
    path = frame_of(tmp_path / "frame.parquet", rows)
    holdout = rows[5:].reset_index(drop=True)
    found = evaluate.reference(SETTINGS, path, holdout, [False, True])
    assert found.tolist() == pytest.approx([0.5, 0.0, 0.4, 1.0])


def test_the_reference_of_classes_is_their_shares_by_group(tmp_path: Path) -> None:
    early, late = pd.Timestamp("2026-01-10", tz="UTC"), pd.Timestamp("2026-02-20", tz="UTC")
    rows = pd.DataFrame(
        {
            "at": [early] * 4 + [late] * 2,
            "shop": ["north", "north", "north", "south", "north", "new"],
            "bought": ["it's", "b", "b", "b", "b", "b"],
        }
    )
    path = frame_of(tmp_path / "frame.parquet", rows)
    found = evaluate.reference(MULTICLASS, path, rows[4:].reset_index(drop=True), ["b", "it's"])
    assert found.tolist() == [pytest.approx([2 / 3, 1 / 3]), pytest.approx([3 / 4, 1 / 4])]


def test_better_turns_the_sign_of_a_loss_with_its_bounds() -> None:
    delta = Interval(-0.1, -0.3, 0.2)
    assert results.better(Metric("roc_auc", True, delta), delta) == delta
    assert results.better(Metric("brier", False, delta), delta) == Interval(0.1, -0.2, 0.3)


def test_no_block_is_no_resample() -> None:
    with pytest.raises(ValueError, match="no block"):
        evaluate.draw(SETTINGS, np.array([], dtype=np.int64))
    assert bootstrap.draw(1, 100, 0).shape == (101, 1)
