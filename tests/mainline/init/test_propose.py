"""The tables that were brought in by hand: init reaches the same decisions, or better ones with a reason."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_digits

from mainline.errors import ConfigurationError, DataError
from tests.mainline.init import made
from tests.mainline.init.proposals import TABLES, features, frame_of, left_out, of_frame, of_sources, said

pytestmark = pytest.mark.slow

CSV = {"decimal": ",", "date_format": "%d/%m/%Y %H:%M:%S"}
TRANSACTIONS: dict[str, dict[str, Any]] = {
    "transactions": {"path": "transactions.csv", **CSV},
    "fraud": {"path": "fraud.csv", "date_format": "%d/%m/%Y"},
}


def test_diabetes_is_a_regression_split_by_its_content(tmp_path: Path) -> None:
    found = of_frame(tmp_path, load_diabetes(as_frame=True).frame, "target")
    settings = found.settings
    assert settings["task"] == "regression", "214 values in 442 rows"
    assert settings["prepare"]["key"] == "content"
    assert features(found) == {"numeric": ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]}
    assert settings["split"] == {"by": "hash", "holdout": 0.3}
    assert (settings["compare"]["metric"], settings["compare"]["blocks"]) == ("rmse", "content_key")
    assert settings["compare"]["min_rows"] <= 0.3 * 442
    assert settings["train"]["estimator"] == "sklearn.linear_model.Ridge"
    assert "age may be protected" in said(found, "question", "age")


def test_digits_are_ten_classes_and_64_columns_by_a_pattern(tmp_path: Path) -> None:
    found = of_frame(tmp_path, load_digits(as_frame=True).frame, "target")
    assert found.settings["task"] == "multiclass"
    assert features(found) == {"numeric": ["pixel_*"]}, "pixels that are black so far belong to them"
    assert found.settings["compare"]["metric"] == "accuracy"


def test_churn_keeps_yes_and_no_as_the_table_has_them(tmp_path: Path) -> None:
    found = of_frame(tmp_path, pd.read_parquet(TABLES / "churn.parquet"), "churn")
    assert found.settings["task"] == "binary"
    assert (found.label_expression, "label_values" in found.settings["prepare"]) == (None, False)
    assert features(found)["categorical"] == ["state", "area_code", "international_plan", "voice_mail_plan"]
    assert len(features(found)["numeric"]) == 15
    assert found.settings["prepare"]["key"] == ["rownames"]
    gates = found.settings["gates"]
    assert set(gates["margins"]) == {"roc_auc", "brier"}
    assert (gates["lead"]["metric"], gates["calibration_error"]) == ("roc_auc", 0.1)
    assert found.settings["evaluate"]["threshold"] == 0.14, "the base rate"


def test_hmda_asks_about_the_protected_column_and_warns_of_a_leak(tmp_path: Path) -> None:
    found = of_frame(tmp_path, pd.read_parquet(TABLES / "hmda.parquet"), "deny")
    assert features(found) == {
        "numeric": ["dir", "hir", "lvr", "ccs", "mcs", "uria", "comdominiom"],
        "categorical": ["pbcr", "dmi", "self", "single"],
    }
    assert found.settings["prepare"]["key"] == ["rownames"]
    assert found.settings["evaluate"]["slices"] == ["black"]
    assert found.settings["gates"]["gaps"]["metric"] == "false_positive_rate"
    assert found.protected == ("black",)
    assert "May it be a feature?" in said(found, "question", "black")
    assert "dmi = yes: 92% of 48 rows are positive, 10% of the others" in said(found, "leak", "dmi")
    assert found.settings["compare"]["blocks"] == "rownames"


def test_transactions_are_joined_with_labels_that_come_30_days_later(tmp_path: Path) -> None:
    made.transactions(tmp_path)
    found = of_sources(tmp_path, TRANSACTIONS, "fraud", labels="fraud.csv")
    settings = found.settings
    assert settings["data"]["until"] == dt.date(2026, 1, 1), "the day after the last label is known"
    assert {name: source["time"] for name, source in settings["data"]["sources"].items()} == {
        "transactions": "at",
        "fraud": "reported",
    }
    assert (settings["prepare"]["key"], settings["prepare"]["time"]) == (["id"], "at")
    assert settings["split"] == {"by": "time", "holdout": "2 months"}, "one month holds no complete label"
    assert set(features(found)["categorical"]) == {"currency", "category", "country", "device"}
    assert {"amount", "amount_account", "balance", "hour"} <= set(features(found)["numeric"])
    out = left_out(found)
    assert set(out) == {"account", "merchant", "purpose", "reported"}
    assert "after the outcome" in out["reported"]
    assert settings["compare"]["blocks"] == "day"
    assert settings["gates"]["label_coverage"] == pytest.approx(0.45, abs=0.06)
    assert settings["monitor"]["labels"] == {"source": "fraud", "value": '"fraud"'}
    assert "Which zone is it in?" in said(found, "question", "at")
    assert "joined to transactions by id" in said(found, "question")
    frame = frame_of(found, tmp_path)
    assert len(frame) == 20_000
    assert {"fraud", "hour", "weekday", "day"} <= set(frame.columns)


def test_a_join_that_multiplies_rows_is_refused_with_an_example(tmp_path: Path) -> None:
    _, labels = made.transactions(tmp_path, rows=2000)
    lines = labels.read_text(encoding="utf-8-sig").splitlines()
    labels.write_text("\n".join([*lines, lines[1]]), encoding="utf-8-sig")
    with pytest.raises(DataError, match=r"fraud: 1 rows share their id with another, first id=T\d+ \(2 times\)"):
        of_sources(tmp_path, TRANSACTIONS, "fraud", labels="fraud.csv")
    with pytest.raises(ConfigurationError, match="KEY=order: transactions has no column order"):
        of_sources(tmp_path, TRANSACTIONS, "fraud", labels="fraud.csv", key=("order",))


def test_rides_in_folders_are_split_by_their_time(tmp_path: Path) -> None:
    (tmp_path / "rides").mkdir()
    made.rides(tmp_path / "rides")
    found = of_sources(tmp_path, {"rides": {"path": "rides/**/*.parquet"}}, "fare")
    settings = found.settings
    assert settings["task"] == "regression"
    assert settings["data"]["until"] == dt.date(2026, 1, 1), "the day after the last row"
    assert settings["prepare"]["key"] == ["ride_id"]
    assert settings["split"] == {"by": "time", "holdout": "1 month"}
    assert features(found)["categorical"] == ["zone", "vendor", "payment"]
    assert set(features(found)["numeric"]) == {
        *(f"f{number:02d}" for number in range(18)), "hour", "weekday", "passengers", "distance", "rain",
    }  # fmt: skip
    assert {"driver", "year", "month"} <= set(left_out(found))
    assert settings["compare"]["blocks"] == "day"
    assert settings["gates"]["lead"]["by"] == ["hour"]
