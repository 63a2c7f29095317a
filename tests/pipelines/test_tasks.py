"""Other tasks, estimators and encodings, from raw data to verdict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.training.record import Record
from tests.pipelines.shops import lean, notes_of
from tests.projects import Project

pytestmark = pytest.mark.slow

PURCHASES = 'bought = tables["purchases"].select("visit", bought=_.bought.cast("boolean"))'
LABEL = ("label: bought", "label: basket")
MULTICLASS = (
    ("task: binary", "task: multiclass"),
    LABEL,
    ("  slices: {metric: roc_auc, margin: 0.05}", "  slices: {metric: accuracy, margin: 0.1}"),
    ("gaps: {metric: recall, at_most: 0.2}", "gaps: {metric: accuracy, at_most: 0.2}"),
    ("    brier: 0.01", "    brier: 0.02"),
)
BASKET = (
    '.drop("visit_right")',
    '.drop("visit_right").mutate(basket=ibis.cases((_.bought.isnull(), None), (~_.bought, "none"),'
    ' (_.pages < 6, "small"), else_="large"))',
)
IMPORT = ("from ibis import _", "import ibis\nfrom ibis import _")
HUGE = ('"large"', 'ibis.ifelse(_.pages > 9, "huge", "large")')
REGRESSION = (
    ("task: binary", "task: regression"),
    ("label: bought", "label: spent"),
    ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
    ("metric: roc_auc\n  blocks", "metric: mae\n  blocks"),
    ("    roc_auc: 0.02   # equal models differ by less\n    brier: 0.01", "    mae: 0.5\n    r2: 0.05"),
    ("lead: {by: [shop], metric: roc_auc, at_least: 0.02}", "lead: {by: [shop], metric: rmse, at_least: 0.5}"),
    ("  slices: {metric: roc_auc, margin: 0.05}", "  slices: {metric: mae, margin: 1.0}"),
    ("gaps: {metric: recall, at_most: 0.2}", "gaps: {metric: mae, at_most: 2.0}"),
    ("  calibration_error: 0.15\n", ""),
)
SPENT = (
    '.drop("visit_right")',
    '.drop("visit_right").mutate(spent=ibis.ifelse(_.bought.isnull(), None, _.minutes * 2'
    ' + _.pages + _.bought.cast("int")))',
)


def test_three_classes_go_all_the_way_and_a_fourth_is_compared_with_main(tmp_path: Path) -> None:
    # In a folder whose name is hard on SQL, on globs, on URLs and on encodings.
    shop = lean(tmp_path / "o'neill [1] 100% ü", *MULTICLASS, frame=(IMPORT, BASKET))
    found = shop.run()
    assert found.status == 0, found.err
    metrics = shop.verdict["metrics"]
    assert metrics["accuracy"]["candidate"] > 0.5
    assert set(metrics) >= {"macro_f1", "balanced_accuracy", "log_loss", "brier", "roc_auc"}
    model = record_of(shop)
    assert model.facts.classes == ["large", "none", "small"]
    assert model.holdout.score.sum(axis=1) == pytest.approx(1)

    shop.edit("src/shop/frame.py", HUGE)
    found = shop.run()
    assert found.status in (0, 1), found.err
    assert record_of(shop).facts.classes == ["huge", "large", "none", "small"]
    assert "the baseline's classes are large, none, small, the candidate's huge, large, none, small" in notes_of(shop)
    assert "the label differs from the baseline's in" in notes_of(shop)
    # Main gives the new class no probability: it pays for it in log loss.
    assert shop.verdict["metrics"]["log_loss"]["delta"] < 0


def test_a_number_goes_all_the_way_and_a_worse_one_is_refused(tmp_path: Path) -> None:
    shop = lean(tmp_path, *REGRESSION, frame=(IMPORT, SPENT))
    found = shop.run()
    assert found.status == 0, found.err
    assert shop.verdict["metrics"]["r2"]["candidate"] > 0.8
    shop.edit("params.yaml", ("numeric: [minutes, pages]", "numeric: [pages]"))
    found = shop.run()
    assert found.status == 1, found.err
    assert shop.verdict["verdict"] == "worse"
    assert shop.verdict["metrics"]["mae"]["delta"] > 0.5
    assert not shop.gate("margin: mae")["passed"]
    assert not shop.gate("lead")["passed"]


def test_a_linear_model_takes_missing_values_and_unknown_categories(tmp_path: Path) -> None:
    linear = (
        ("sklearn.ensemble.HistGradientBoostingClassifier", "sklearn.linear_model.LogisticRegression"),
        (
            "params: {max_iter: 30, early_stopping: false}\n",
            "params: {C: 1.0}\n  categorical: onehot\n  numeric: standardize\n",
        ),
    )
    shop = lean(tmp_path, *linear)
    from tests.projects import visits

    rows = visits()
    rows.loc[::7, "minutes"] = np.nan
    rows.loc[::11, "shop"] = None
    late = rows["at"] >= pd.Timestamp("2026-02-16", tz="UTC")
    rows.loc[late & (rows.index % 5 == 0), "shop"] = "west"  # no training row is from there
    shop.data(rows)
    shop.commit("Gaps in the data")
    found = shop.run()
    assert found.status == 0, found.err
    assert shop.verdict["metrics"]["roc_auc"]["candidate"] > 0.65

    model = record_of(shop).model()
    asked = pd.DataFrame(
        {"shop": ["north", "nowhere", None], "minutes": [np.nan, 10.0, np.nan], "pages": [5.0, np.nan, np.nan]}
    ).astype({"shop": "str", "minutes": "float32", "pages": "float32"})
    answers = model.predict_proba(asked)
    assert np.isfinite(answers).all()
    again = model.predict_proba(asked.assign(shop=["north", "elsewhere", None]))
    assert answers.tolist() == again.tolist(), "every unknown category is the same to it"


def record_of(shop: Project) -> Record:
    return Record.read(shop.root / ".mainline" / "records" / shop.verdict["fingerprint"])
