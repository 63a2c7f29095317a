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


def test_what_only_two_columns_tell_together_is_left_out(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    planned = random.integers(300, 1400, N)
    real = planned + random.exponential(12, N).round().astype(int)
    table = pd.DataFrame({"planned": planned, "stops": random.integers(1, 20, N), "real": real})
    table["call_duration"] = random.exponential(60, N)
    found = of_frame(tmp_path, table.assign(late=real - planned > 8), "late")
    assert "planned − real alone predicts late (ROC AUC 1.000)" in left_out(found)["real"]
    assert features(found) == {"numeric": ["stops", "call_duration"]}
    assert "until the outcome" in said(found, "leak", "call_duration")
    price = pd.DataFrame({"pieces": random.integers(1, 20, N), "price": random.gamma(5, 4, N), "x": random.random(N)})
    found = of_frame(tmp_path, price.assign(paid=price["pieces"] * price["price"]), "price")
    assert left_out(found)["paid"] == left_out(found)["pieces"] == "a leak: paid / pieces is price"


def test_the_other_indicators_of_a_category_are_left_out(tmp_path: Path) -> None:
    table = rows(N)
    kind = np.select([table["y"], np.arange(N) % 3 == 0], ["bolt", "nut"], "pin")
    flags = pd.get_dummies(pd.Series(kind, name="kind"), prefix="kind", dtype=int)
    found = of_frame(tmp_path, pd.concat([table[["a", "b"]], flags], axis=1), "kind_bolt")
    assert features(found) == {"numeric": ["a", "b"]}
    assert "exactly one of kind_bolt, kind_nut, kind_pin is 1" in said(found, "leak")
    one = table[["a", "b"]].assign(is_nut=flags["kind_nut"], hot=np.arange(N) % 2, kind=kind)
    found = of_frame(tmp_path, one, "kind")
    assert left_out(found)["is_nut"] == "a leak: it is one of the classes of kind"
    assert "hot" in features(found)["numeric"]


def test_a_date_that_is_there_for_one_outcome_makes_no_feature(tmp_path: Path) -> None:
    table = rows(N)
    days = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(N), unit="D"))
    found = of_frame(tmp_path, table.assign(vertrag_bis=days.where(table["y"])), "y")
    assert "says much about y" in left_out(found)["vertrag_bis"]
    assert not [each.name for each in found.derived if "vertrag_bis" in each.name]
