"""The engine that copies less finds what Great Expectations' own engine finds."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from great_expectations.datasource.fluent import PandasDatasource
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine

from mainline.data.validation.run import check
from mainline.data.validation.suites import load_suite
from tests.mainline.data.validation.test_run import rule, written

pytestmark = pytest.mark.slow

BETWEEN = "expect_column_values_to_be_between"
PAIR = "expect_column_pair_values_a_to_be_greater_than_b"
WHERE = {"condition_parser": "pandas"}
NAMED = {"type": "nullity", "column": {"name": "group"}, "is_null": False}
RULES = [
    rule(BETWEEN, column="value", min_value=0, max_value=3),
    rule(BETWEEN, column="share", min_value=0, max_value=2, row_condition="group == 'a' and value > 1", **WHERE),
    rule(BETWEEN, column="value", min_value=0, max_value=3, row_condition="`a share` > 0.5 and index > 40", **WHERE),
    rule(BETWEEN, column="value", min_value=0, max_value=3, row_condition="nowhere > 0.5", **WHERE),
    rule(BETWEEN, column="nowhere", min_value=0, max_value=3),
    rule("expect_column_values_to_be_null", column="share", row_condition="share != share", **WHERE),
    rule("expect_column_values_to_not_be_null", column="share", mostly=0.5),
    rule("expect_column_values_to_not_be_null", column="share", row_condition=NAMED),
    rule("expect_column_values_to_match_regex", column="group", regex="^a$"),
    rule("expect_column_distinct_values_to_equal_set", column="group", value_set=["a", "b"]),
    rule("expect_column_values_to_be_unique", column="id"),
    rule("expect_column_mean_to_be_between", column="share", min_value=0, max_value=0.1),
    rule(PAIR, column_A="id", column_B="value", row_condition="id > 3", **WHERE),
    rule("expect_compound_columns_to_be_unique", column_list=["group", "value"]),
    rule("expect_table_row_count_to_be_between", min_value=100),
]


@pytest.fixture
def frame() -> pd.DataFrame:
    count = np.arange(90)
    share = np.where(count % 5, count / 90, np.nan)
    group = pd.Series(["a", "b", None] * 30, dtype="str")
    return pd.DataFrame({"id": count, "value": count % 7, "group": group, "share": share, "a share": count / 90})


def results(folder: Path, frame: pd.DataFrame) -> tuple[list[Any], list[Any]]:
    checked = check("table", frame, load_suite(written(folder, *RULES)), ["id"])
    assert checked.record
    said = [result.to_json_dict()["result"] for result in checked.record.results]
    return [dataclasses.asdict(found) for found in checked.expectations], said


@pytest.mark.parametrize("step", [1, 3], ids=["rows in order", "rows with labels of their own"])
def test_every_kind_of_expectation_is_answered_as_by_the_engine_of_great_expectations(
    step: int, frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = frame.set_axis(range(0, step * len(frame), step))
    quick = results(tmp_path, rows)
    monkeypatch.setattr(PandasDatasource, "execution_engine_override", PandasExecutionEngine)
    assert quick == results(tmp_path, rows)
    assert 3 < sum(found["success"] for found in quick[0]) < len(RULES) - 6
