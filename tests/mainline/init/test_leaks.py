"""Leaks are said before anything is trained; what is nearly certain is no feature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.mainline.init.proposals import features, left_out, of_frame, said
from tests.mainline.init.test_guesses import rows

pytestmark = pytest.mark.slow

N = 1000


def test_a_column_that_alone_predicts_the_label_is_left_out(tmp_path: Path) -> None:
    table = rows(N)
    table["refund"] = np.where(table["y"], 10.0, 0.0) + np.random.default_rng(1).uniform(0, 1, N)
    table["case_id"] = [f"c{i}" for i in range(N)]
    found = of_frame(tmp_path, table, "y")
    assert "it alone predicts y (ROC AUC 1.000)" in left_out(found)["refund"]
    assert "name it in prepare.features" in said(found, "leak", "refund")
    assert features(found) == {"numeric": ["a", "b"]}
    assert said(found, "leak", "case_id") == "", "an identifier predicts nothing"


def test_a_suspicious_column_stays_and_is_warned_of(tmp_path: Path) -> None:
    table = rows(N)
    table["score"] = table["y"] + np.random.default_rng(2).normal(0, 0.35, N)
    found = of_frame(tmp_path, table, "y")
    assert "score" in features(found)["numeric"]
    assert "score alone reaches ROC AUC 0.9" in said(found, "leak", "score")


def test_a_column_whose_absence_tells_the_label_is_left_out(tmp_path: Path) -> None:
    table = rows(N)
    table["boat"] = pd.Series(np.random.default_rng(3).normal(size=N)).where(table["y"])
    found = of_frame(tmp_path, table, "y")
    assert (
        "whether it has a value predicts y" in left_out(found)["boat"]
        or "it alone predicts y" in left_out(found)["boat"]
    )
    halved = table.assign(boat=table["boat"].where(np.random.default_rng(4).random(N) < 0.6))
    assert "Whether boat has a value says much about y" in said(of_frame(tmp_path, halved, "y"), "leak", "boat")


def test_copies_and_parts_of_a_regressions_label_are_left_out(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    table = pd.DataFrame(
        {"hot": random.normal(size=N), "casual": random.poisson(50, N), "registered": random.poisson(80, N)}
    )
    table["count"] = table["casual"] + table["registered"] + (10 * table["hot"].clip(0, 3)).round().astype(int) * 0
    table["dollars"] = table["count"] * 1.1 + 5
    found = of_frame(tmp_path, table, "count")
    out = left_out(found)
    assert "it alone predicts count" in out["dollars"]
    assert out["casual"] == out["registered"] == "a leak: casual + registered is count"
    assert features(found) == {"numeric": ["hot"]}


def test_a_target_encoded_copy_is_left_out(tmp_path: Path) -> None:
    table = rows(N, town=[f"T{i % 60}" for i in range(N)])
    table["town_rate"] = table.groupby("town")["y"].transform("mean")
    found = of_frame(tmp_path, table, "y")
    assert left_out(found)["town_rate"] == "a leak: the mean of y by town"
    honest = table.assign(
        town_rate=table["town"].map({f"T{i}": value for i, value in enumerate(np.linspace(0.2, 0.8, 60))})
    )
    assert "town_rate" in features(of_frame(tmp_path, honest, "y"))["numeric"]
