"""What init decides about made tables: each test is one idea."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mainline.errors import ConfigurationError, DataError, MainlineError
from tests.mainline.init.proposals import features, frame_of, left_out, of_frame, said

pytestmark = pytest.mark.slow

N = 400


def rows(count: int = N, seed: int = 0, **columns: Any) -> pd.DataFrame:
    """Two numbers and a binary label that follows them, and further columns."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=count), random.normal(size=count)
    label = a + b + random.normal(size=count) > 0.3
    return pd.DataFrame({"a": a, "b": b, "y": label, **columns})


@pytest.mark.parametrize(
    ("values", "task", "meant"),
    [
        ([False, True], "binary", None),
        ([0, 1], "binary", None),
        ([0.0, 1.0], "binary", {"0": False, "1": True}),
        ([1, 2], "binary", {"1": True, "2": False}),
        (["no", "Yes"], "binary", None),
        (["good", "bad"], "binary", {"good": False, "bad": True}),
        (["B", "M"], "binary", {"B": False, "M": True}),
        ([" <=50K", " >50K"], "binary", {" <=50K": False, " >50K": True}),
        (["low", "middle", "high"], "multiclass", None),
        ([1, 2, 3, 4, 5], "multiclass", None),
    ],
)
def test_a_label_becomes_classes_and_two_of_them_true_and_false(
    tmp_path: Path, values: list[Any], task: str, meant: dict[str, bool] | None
) -> None:
    table = rows()
    ranks = table["a"].rank(pct=True) * 0.999
    table["y"] = [values[int(rank * len(values) if len(values) > 2 else rank > 0.4)] for rank in ranks]
    found = of_frame(tmp_path, table.assign(a=rows(seed=1)["a"]), "y")
    assert found.settings["task"] == task
    assert found.settings["prepare"].get("label_values") == meant


def test_a_wish_overrules_the_guess(tmp_path: Path) -> None:
    table = rows(grade=np.tile([1, 2, 3, 4], N // 4), name=[f"n{i}" for i in range(N)], code=range(N))
    assert of_frame(tmp_path, table, "grade").settings["task"] == "multiclass"
    assert of_frame(tmp_path, table, "grade", task="regression").settings["task"] == "regression"
    assert of_frame(tmp_path, table, "y", key=("content",)).settings["prepare"]["key"] == "content"
    assert of_frame(tmp_path, table, "y", key=("code",)).settings["prepare"]["key"] == ["code"]
    refused = of_frame(tmp_path, table, "y", positive="false")
    assert (refused.label, refused.label_expression) == ("not_y", "~_.y"), "feedback's true must not mean y's true"
    assert frame_of(refused, tmp_path)["not_y"].sum() == (~table["y"]).sum()
    assert refused.uses["y"].role == "label"


@pytest.mark.parametrize(
    ("label", "wishes", "kind", "message"),
    [
        ("chrun", {}, ConfigurationError, "did you mean LABEL=churn?"),
        ("same", {}, DataError, "it is 7 in every row"),
        ("empty", {}, DataError, "no row has a value"),
        ("name", {}, ConfigurationError, "400 different texts in 400 rows: that is a name"),
        ("churn", {"task": "multclass"}, ConfigurationError, "did you mean multiclass?"),
        ("churn", {"positive": "maybe"}, ConfigurationError, "POSITIVE=maybe: churn has the values no and yes"),
        ("churn", {"key": ("same",)}, DataError, "399 rows share it with another"),
        ("churn", {"key": ("churn",)}, ConfigurationError, "churn is the label"),
        ("churn", {"time": "a"}, ConfigurationError, "TIME=a: it is DOUBLE, not a date or a time"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would(
    tmp_path: Path, label: str, wishes: dict[str, Any], kind: type[MainlineError], message: str
) -> None:
    table = rows(same=7, empty=pd.Series([None] * N, dtype="Float64"), name=[f"n{i}" for i in range(N)])
    table["churn"] = np.where(table["y"], "yes", "no")
    with pytest.raises(kind) as error:
        of_frame(tmp_path, table, label, **wishes)
    assert message in str(error.value)


def test_a_table_that_is_too_small_is_told_how_many_rows_it_takes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="10 rows with a y: at least 40 are needed"):
        of_frame(tmp_path, rows(10), "y")
    rare = rows(1000)
    rare["y"] = np.arange(1000) < 4
    with pytest.raises(DataError, match=r"4 of 1,000 rows are of the rarer class: .* about 2,500 rows"):
        of_frame(tmp_path, rare, "y")
    grades = rows(grade=np.where(np.arange(N) < 3, "first", np.where(np.arange(N) % 2, "second", "third")))
    found = of_frame(tmp_path, grades, "grade")
    assert "first (3)" in said(found, "risk", "grade")
    assert frame_of(found, tmp_path)["grade"].isna().sum() == 3, "they have no label"


def test_a_table_without_a_usable_feature_is_refused_with_the_reasons(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": range(N), "note": [f"a long note about row {i}" for i in range(N)], "y": rows()["y"]})
    with pytest.raises(DataError, match=r"no column can be a feature\. note: an identifier or free text"):
        of_frame(tmp_path, table, "y")


def test_columns_that_say_nothing_are_left_out_with_the_reason(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    table = rows(
        constant="x", nothing=pd.Series([None] * N, dtype="Float64"), twin=lambda: None,
        remark=[f"please call the customer {i} again on Monday" for i in random.integers(0, 300, N)],
        serial_no=random.integers(0, 300, N), shop=random.choice(["n", "s"], N), zip=random.choice([8001, 8002], N),
    )  # fmt: skip
    table["twin"], table["Shop Name"] = table["a"], table["shop"].map({"n": "North", "s": "South"})
    table["class"] = random.choice(["first", "second", "third"], N)
    table['odd "na\'me" 1.5'] = random.normal(size=N)
    found = of_frame(tmp_path, table, "y")
    out = left_out(found)
    assert out["constant"] == "constant: x in every row"
    assert out["nothing"] == "no row has a value"
    assert out["twin"] == "the same values as a"
    assert out["Shop Name"] == "the same as shop"
    assert "free text" in out["remark"]
    assert "an identifier by its name" in out["serial_no"]
    assert features(found)["categorical"] == ["shop", "class"]
    assert 'odd "na\'me" 1.5' in features(found)["numeric"]


def test_a_key_is_a_name_or_a_counter_or_some_of_them_together_and_no_number(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    income = random.permutation(10**6)[:N]
    assert of_frame(tmp_path, rows(income=income), "y").settings["prepare"]["key"] == "content"
    assert of_frame(tmp_path, rows(**{"Unnamed: 0": range(N)}), "y").settings["prepare"]["key"] == ["Unnamed: 0"]
    assert of_frame(tmp_path, rows(customer_id=income), "y").settings["prepare"]["key"] == ["customer_id"]
    panel = rows(country=np.repeat([f"C{i}" for i in range(20)], 20), year=np.tile(np.arange(2000, 2020), 20))
    assert of_frame(tmp_path, panel, "y").settings["prepare"]["key"] == ["country", "year"]


def test_rows_that_are_equal_but_for_their_number_get_a_key_from_their_content(tmp_path: Path) -> None:
    twice = pd.concat([rows(), rows().head(40)], ignore_index=True)
    twice.insert(0, "index", range(len(twice)))
    found = of_frame(tmp_path, twice, "y")
    assert (found.settings["prepare"]["key"], found.settings["prepare"]["key_columns"]) == ("content", ["a", "b"])
    assert "40 of 440 rows are equal to another" in said(found, "risk")
    twice.insert(0, "order_id", [f"O{i}" for i in twice.index])
    assert "gates.overlap refuses" in said(of_frame(tmp_path, twice.drop(columns="index"), "y"), "leak")


def test_rows_of_one_customer_stay_on_one_side(tmp_path: Path) -> None:
    table = rows(customer=[f"C{i // 4}" for i in range(N)], visit_id=[f"V{i}" for i in range(N)])
    found = of_frame(tmp_path, table, "y")
    assert found.settings["split"] == {"by": "hash", "holdout": 0.3, "group": "customer"}
    assert (found.groups, found.settings["compare"]["blocks"]) == ("customer", "customer")
    few = of_frame(tmp_path, table.assign(customer=[f"C{i % 20}" for i in range(N)]), "y")
    assert "group" not in few.settings["split"]
    assert "20 values are too few to keep each on one side" in said(few, "risk", "customer")


def test_of_several_times_the_one_when_a_row_is_predicted_is_taken(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    opened = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(random.uniform(0, 800, 4000)), unit="D").floor("s")
    table = rows(
        4000,
        born=pd.Timestamp("1970-01-01") + pd.to_timedelta(random.uniform(0, 9000, 4000), unit="D").floor("D"),
        closed_at=opened + pd.Timedelta(days=9), opened_at=opened, since=opened - pd.Timedelta(days=30),
    )  # fmt: skip
    found = of_frame(tmp_path, table, "y")
    assert found.settings["prepare"]["time"] == "opened_at"
    assert (found.settings["split"]["by"], found.settings["compare"]["blocks"]) == ("time", "day")
    assert "it lies after opened_at in 100% of the rows, 9 days at the median" in left_out(found)["closed_at"]
    assert {"days_since_born", "days_since_since", "hour", "weekday", "month"} <= set(features(found)["numeric"])
    frame = frame_of(found, tmp_path)
    assert set(frame["days_since_since"].abs()) == {30}
    wished = of_frame(tmp_path, table, "y", time="closed_at")
    assert wished.settings["prepare"]["time"] == "closed_at"


def test_a_few_days_or_a_time_with_gaps_do_not_split_by_time(tmp_path: Path) -> None:
    day = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(N) % 4, unit="D")
    assert of_frame(tmp_path, rows(at=day), "y").settings["split"]["by"] == "hash"
    spread = pd.Series(pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(N), unit="D"))
    spread[3] = pd.NaT
    found = of_frame(tmp_path, rows(at=spread), "y")
    assert found.settings["split"]["by"] == "hash"
    assert "1 rows have none" in said(found, "question", "at")


def test_sensors_of_a_few_days_are_split_by_hours(tmp_path: Path) -> None:
    at = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(6000), unit="min")
    table = rows(6000, at=at, temperature=np.random.default_rng(5).normal(size=6000))
    found = of_frame(tmp_path, table, "temperature")
    assert found.settings["split"]["by"] == "time"
    assert found.settings["compare"]["blocks"] == "hour_block"
    assert frame_of(found, tmp_path)["hour_block"].nunique() == 100


def test_protected_groups_are_slices_and_a_teams_colour_is_none(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    table = rows(race=random.choice(["a", "b"], N), SEX=random.choice([1, 2], N), white_label=random.choice([0, 1], N))
    found = of_frame(tmp_path, table.assign(age=random.integers(18, 80, N)), "y")
    assert found.protected == ("race", "SEX")
    assert found.settings["evaluate"]["slices"] == ["race", "SEX"]
    assert features(found)["numeric"] == ["a", "b", "white_label", "age"]
    assert "May it be one?" in said(found, "question", "age")


def test_labels_that_are_missing_are_said_and_held_to_their_share(tmp_path: Path) -> None:
    table = rows(1000)
    table["y"] = table["y"].astype("boolean").mask(np.arange(1000) % 10 == 0)
    found = of_frame(tmp_path, table, "y")
    assert found.settings["gates"]["label_coverage"] == 0.85
    assert "100 of 1,000 rows have no y" in said(found, "risk", "y")


def test_many_columns_of_one_kind_are_one_pattern(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    wide = pd.DataFrame(random.normal(size=(200, 1200)).astype("float32"), columns=[f"gene_{i}" for i in range(1200)])
    table = wide.assign(y=wide["gene_7"] + random.normal(size=200) > 0.5, sick="no")
    found = of_frame(tmp_path, table, "y")
    assert features(found) == {"numeric": ["gene_*"]}
    assert found.settings["train"]["estimator"] == "sklearn.linear_model.LogisticRegression"


def test_a_word_that_is_no_outcome_is_no_class(tmp_path: Path) -> None:
    table = rows()
    place = np.arange(N)
    table["sold"] = np.select([place % 10 == 0, place % 10 == 1, table["y"]], ["N/A", "pending", "Yes"], "no")
    found = of_frame(tmp_path, table.drop(columns="y"), "sold")
    assert (found.settings["task"], found.label_expression) == ("multiclass", '_.sold.nullif("N/A")')
    assert "pending is one of the classes of sold, in 40 rows" in said(found, "question", "sold")
    two = table.assign(sold=table["sold"].replace("pending", "no")).drop(columns="y")
    found = of_frame(tmp_path, two, "sold")
    assert (found.settings["task"], found.settings["gates"]["label_coverage"]) == ("binary", 0.85)
    assert "40 of 400 rows have no sold" in said(found, "risk", "sold")
    (column,) = (each for each in found.columns if each.name == "sold")
    assert ("N/A", 40) in column.top, "a suite lets the source say it"
    assert frame_of(found, tmp_path)["sold"].value_counts().to_dict() == {
        "no": (two["sold"] == "no").sum(), "Yes": (two["sold"] == "Yes").sum()
    }  # fmt: skip
    kinds = table.assign(kind=np.select([place % 10 == 0, place % 3 == 0, table["y"]], ["Bolt", "nut", "bolt"], "pin"))
    assert "'Bolt' (40 rows) and 'bolt' (" in said(of_frame(tmp_path, kinds.drop(columns="y"), "kind"), "risk", "kind")
