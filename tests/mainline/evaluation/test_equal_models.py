"""Margins from equal models: on the shop's frame, with a model that is fitted in a moment."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from mainline.config import edit
from mainline.config.loader import parse
from mainline.errors import DataError
from mainline.evaluation import equal_models
from mainline.evaluation.equal_models import margin_of, rounded_up
from mainline.training import pipeline
from tests.mainline.settings import params
from tests.projects import PARAMS, visits

TREES = "{max_iter: 30, early_stopping: false}"
LINEAR = (
    ("sklearn.ensemble.HistGradientBoostingClassifier", "sklearn.linear_model.LogisticRegression"),
    (TREES, "{}\n  categorical: onehot\n  numeric: standardize"),
)
SHOP = params(*LINEAR).settings


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "frame.parquet"
    rows = visits()
    rows.assign(row_id=np.arange(len(rows), dtype=np.uint64), day=rows["at"].dt.date).to_parquet(
        path, index=False, coerce_timestamps="us"
    )
    return path


@pytest.mark.slow
def test_a_margin_passes_95_percent_of_the_pairs_of_equal_models_and_none_smaller_does(frame: Path) -> None:
    found = {one.metric: one for one in equal_models.measure(SHOP, frame, ["roc_auc", "brier"], models=4, windows=2)}
    assert set(found) == {"roc_auc", "brier"}
    for one in found.values():
        assert one.pairs == 2 * 4 * 3, "two holdouts, four models, both directions"
        assert one.passed >= 0.95 * one.pairs
        assert 0 < one.margin < 0.2
    again = equal_models.measure(SHOP, frame, ["roc_auc"], models=4, windows=2)
    assert again == [found["roc_auc"]], "the seeds are fixed"


def test_the_margin_is_the_bound_that_95_percent_of_the_pairs_keep() -> None:
    needed = [0.001 * n for n in range(1, 101)]
    assert margin_of("roc_auc", needed).margin == 0.096
    assert margin_of("roc_auc", needed).passed == 95
    assert str(margin_of("roc_auc", needed)) == "95 of 100 pairs of equal models pass"
    with pytest.raises(DataError, match="no margin can be measured for roc_auc"):
        margin_of("roc_auc", [0.1, float("inf")])


@pytest.mark.parametrize(("value", "up"), [(0.00941, 0.0095), (0.0095, 0.0096), (0.1, 0.11), (12.34, 13.0), (0, 1e-6)])
def test_a_margin_is_rounded_up_to_two_digits(value: float, up: float) -> None:
    assert rounded_up(value) == pytest.approx(up)


def test_equal_models_have_other_rows_and_another_seed(frame: Path) -> None:
    rows = pipeline.training_rows(SHOP, frame, "day")
    one, other = (equal_models.sampled(SHOP, rows, seed) for seed in (1, 2))
    days = rows["day"].nunique()
    assert one["day"].nunique() == other["day"].nunique() == math.ceil(0.9 * days)
    assert set(one["day"]) != set(other["day"])
    assert len(one) == rows["day"].isin(set(one["day"])).sum(), "a day is taken as a whole"
    assert equal_models.with_seed(SHOP, 5).train.params["random_state"] == 5


def test_earlier_holdouts_end_where_the_next_begins() -> None:
    assert [str(one.data.until) for one in equal_models.holdouts(SHOP, 3)] == ["2026-03-02", "2026-02-16", "2026-02-02"]
    shares = params(*LINEAR, ("by: time", "by: hash"), ("holdout: 2 weeks", "holdout: 0.2")).settings
    assert len(list(equal_models.holdouts(shares, 3))) == 1


def test_too_few_days_have_no_margin_and_the_reason_is_told(frame: Path) -> None:
    short = params(*LINEAR, ("holdout: 2 weeks", "holdout: 5 days")).settings
    with pytest.raises(DataError, match=r"5 blocks .values of day. are too few"):
        equal_models.measure(short, frame, ["roc_auc"], models=2, windows=1)


def test_a_value_is_replaced_with_its_comment_and_the_rest_of_the_file_stays() -> None:
    changed = edit.with_value(PARAMS, ("gates", "margins", "roc_auc"), "0.0095", "57 of 60 pairs of equal models pass")
    assert changed is not None
    before, after = PARAMS.splitlines(), changed.splitlines()
    (place,) = [n for n, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert after[place] == "    roc_auc: 0.0095 # 57 of 60 pairs of equal models pass"
    found = parse(changed)
    assert found.settings.gates.margins["roc_auc"] == 0.0095
    assert found.reason("gates", "margins", "roc_auc") == "57 of 60 pairs of equal models pass"
    assert edit.with_value(PARAMS, ("gates", "margins", "f1"), "0.1") is None
    flow = edit.with_value(PARAMS, ("gates", "slices", "margin"), "0.07", "not here")
    assert flow is not None
    assert "slices: {metric: roc_auc, margin: 0.07}" in flow
    bare = edit.with_value(PARAMS, ("gates", "margins", "brier"), "0.02", "measured")
    assert bare is not None
    assert "    brier: 0.02 # measured" in bare
