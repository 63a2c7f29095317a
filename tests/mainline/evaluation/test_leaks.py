"""What looks like a leak is said before the verdict; what does not is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mainline.data.validation.results import Unchecked, Validation
from mainline.evaluation import leaks, single_features
from mainline.evaluation.results import Importance, Interval, Metric
from mainline.training import record, reference_profile, sample
from tests.mainline.facts import facts
from tests.mainline.report import samples
from tests.mainline.settings import params

N = 4000
RANDOM = np.random.default_rng(0)
BOUGHT = RANDOM.random(N) < 0.3
BINARY = params().settings
REGRESSION = params(
    ("task: binary", "task: regression"),
    ("metric: roc_auc\n  blocks", "metric: rmse\n  blocks"),
    ("  gaps: {metric: recall, at_most: 0.2}\n", ""),
    ("roc_auc: 0.02   # equal models differ by less\n    brier: 0.01", "rmse: 0.02"),
    ("  slices: {metric: roc_auc, margin: 0.05}\n", ""),
    ("  lead: {by: [shop], metric: roc_auc, at_least: 0.02}\n  calibration_error: 0.15", "  label_coverage: 0.5"),
    ("  label_coverage: 0.85\n", ""),
).settings


def alone(folder: Path, settings: Any = BINARY, **columns: Any) -> dict[str, float]:
    rows = pd.DataFrame(
        {
            "row_id": np.arange(N, dtype=np.uint64),
            "at": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(N) * 1290, unit="s"),
            "shop": RANDOM.choice(["north", "south"], N), "minutes": RANDOM.gamma(2, 6, N).astype("float32"),
            "pages": RANDOM.poisson(5, N).astype("float32"), "bought": BOUGHT, **columns,
        }
    )  # fmt: skip
    frame = folder / "frame.parquet"
    rows.to_parquet(frame, index=False, coerce_timestamps="us")
    profile = reference_profile.described(settings, frame, sample.labelled(settings))
    one = np.zeros(1)
    arrays = {"row_id": one.astype(np.uint64), "y": one, "score": one, "train": one.astype(np.uint64)}
    kept = record.keep(folder, facts(), b"", arrays, profile)
    held = rows[rows["at"] >= pd.Timestamp("2026-02-16", tz="UTC")]
    return single_features.scores(settings, kept, frame, held, held["bought"].astype(float).to_numpy())


def test_a_column_that_knows_the_outcome_alone_reaches_the_model_whatever_its_shape(tmp_path: Path) -> None:
    hump = np.where(BOUGHT, RANDOM.normal(10, 1, N), RANDOM.choice([0, 20], N)).astype("float32")
    found = alone(tmp_path, minutes=hump, shop=np.where(BOUGHT, "north", "south"))
    assert found["shop"] == 1.0
    assert found["minutes"] > 0.95
    assert found["pages"] == pytest.approx(0.5, abs=0.05)
    assert single_features.suffices(BINARY, found, "minutes", 0.97)
    assert not single_features.suffices(BINARY, found, "pages", 0.97)


def test_a_missing_value_that_tells_the_outcome_is_found(tmp_path: Path) -> None:
    minutes = np.where(BOUGHT, np.nan, RANDOM.gamma(2, 6, N)).astype("float32")
    assert alone(tmp_path, minutes=minutes)["minutes"] == 1.0


def test_a_number_to_predict_is_found_in_a_column_that_holds_it(tmp_path: Path) -> None:
    value = RANDOM.normal(0, 1, N)
    found = alone(tmp_path, REGRESSION, bought=value, minutes=value.astype("float32"))
    assert single_features.suffices(REGRESSION, found, "minutes", -0.3)
    assert not single_features.suffices(REGRESSION, found, "pages", -0.3)


def test_a_model_that_knows_little_has_no_column_that_knows_as_much() -> None:
    assert not single_features.suffices(BINARY, {"": 0.5, "a": 0.52, "b": 0.5}, "a", 0.52)
    assert not single_features.suffices(BINARY, {"": 0.5, "a": 0.9}, "a", 0.9), "its only feature"


def improved(by: float) -> Any:
    delta = Interval(by, by - 0.01, by + 0.01)
    return samples.flights(metrics=[Metric("roc_auc", True, Interval(0.78, 0.7, 0.8), Interval(0.71, 0.7, 0.8), delta)])


def test_an_importance_that_rose_with_the_metric_is_named() -> None:
    importance = [Importance("day_score", 0.08, 0.07, 0.09), Importance("temp", 0.02, 0.01, 0.03)]
    (said,) = leaks.warnings(improved(0.065), importance, {"temp": 0.02})
    assert "ROC AUC improved by +0.065, and the importance of day_score rose with it as a new feature to 0.080" in said
    assert leaks.warnings(improved(0.065), importance, {"temp": 0.02, "day_score": 0.07}) == []
    assert leaks.warnings(improved(0.005), importance, {"temp": 0.02}) == [], "no significant improvement"
    assert leaks.warnings(improved(0.065), importance, None) == [], "nothing is known of the baseline"


def test_a_column_that_suffices_alone_is_named() -> None:
    (said,) = leaks.warnings(improved(0.0), [Importance("paid", 0.4, 0.4, 0.4, 0.93, True)], None)
    assert said.startswith("paid alone reaches ROC AUC 0.930, as much as the whole model")


def test_a_new_feature_of_a_table_that_cannot_be_rolled_back_is_a_warning_and_a_known_one_is_not() -> None:
    table = Unchecked("calendar", False, False, True, ["day_score"], ["date", "origin"])
    (said,) = leaks.not_rolled_back(Validation([], 0.0, [table]), ["temp"])
    assert said.startswith("day_score comes from calendar, which has no time and cannot be rolled back, and it shares")
    assert leaks.not_rolled_back(Validation([], 0.0, [table]), ["temp", "day_score"]) == []
