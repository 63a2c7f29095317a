"""How many models can be afforded, and what a table that is too small is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mainline.config.schema import Settings
from mainline.init import margins

pytestmark = pytest.mark.slow


def settings(**compare: Any) -> Settings:
    return Settings.model_validate(
        {
            "task": "regression",
            "data": {"until": "2000-01-01", "sources": {"t": {"path": "t.csv"}}},
            "prepare": {"function": "t.frame:prepare", "key": ["row"], "label": "y", "features": {"numeric": ["x"]}},
            "split": {"by": "hash", "holdout": 0.3},
            "train": {"estimator": "sklearn.linear_model.Ridge", "params": {"alpha": 1.0}, "numeric": "standardize"},
            "compare": {"metric": "rmse", "blocks": "row", "min_rows": 20, **compare},
            "gates": {"margins": {"rmse": 1.0}},
        }
    )


def frame(path: Path, rows: int, noise: float) -> Path:
    random = np.random.default_rng(0)
    x = random.normal(size=rows)
    table = pd.DataFrame({"row": np.arange(rows), "x": x.astype("float32")})
    table["y"] = 10 * x + noise * random.normal(size=rows)
    table["row_id"] = random.integers(0, 2**64, rows, dtype=np.uint64)  # the hash of the key, which splits the rows
    table.to_parquet(path)
    return path


def test_equal_models_give_a_margin_and_a_floor_below_what_they_reach(tmp_path: Path) -> None:
    found = margins.measure(settings(), frame(tmp_path / "f.parquet", 1000, 5.0))
    (margin,) = found.margins
    assert 0 < margin.margin < 0.5
    assert margin.pairs == 30
    ((name, floor, reason),) = found.floors
    assert name == "r2"
    assert 0.6 < floor < 0.8
    assert "equal models reach 0.7" in reason
    assert found.findings == ()


def test_a_model_that_explains_nothing_gets_no_floor(tmp_path: Path) -> None:
    assert margins.measure(settings(), frame(tmp_path / "f.parquet", 300, 500.0)).floors == ()


def test_a_table_that_is_too_small_is_told_how_many_rows_it_takes(tmp_path: Path) -> None:
    found = margins.measure(settings(min_rows=100), frame(tmp_path / "f.parquet", 200, 5.0))
    assert found.margins == ()
    (finding,) = found.findings
    assert "too small" in finding.text
    assert "about 334 rows" in finding.text


def test_a_margin_that_lets_large_losses_pass_is_a_risk_with_the_rows_that_would_help(tmp_path: Path) -> None:
    wide = settings().model_copy(update={"train": settings().train.model_copy(update={
        "estimator": "sklearn.tree.DecisionTreeRegressor", "params": {"random_state": 0}})})  # fmt: skip
    found = margins.measure(wide, frame(tmp_path / "f.parquet", 120, 8.0))
    assert any("cannot be told from chance" in one.text for one in found.findings), found


def test_few_models_are_trained_where_a_fit_is_slow(tmp_path: Path) -> None:
    path = frame(tmp_path / "f.parquet", 20_000, 5.0)
    assert margins.affordable(settings(), path, budget=1e-6) == (3, None)
    assert margins.affordable(settings(), path, budget=600.0) == (6, None)


def test_equal_models_of_a_large_table_are_fitted_on_a_sample_and_say_so(tmp_path: Path) -> None:
    path = frame(tmp_path / "f.parquet", 120_000, 5.0)
    found = margins.measure(settings(), path, budget=1e-3)
    assert found.fitted_on == 50_000
    (margin,) = found.margins
    assert margin.pairs == 30
    assert 0 < margin.margin < 0.05
