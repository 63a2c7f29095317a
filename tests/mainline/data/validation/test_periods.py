"""What is computed once for a table holds for that table as it is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mainline.data.validation.run import validate
from mainline.data.validation.suites import load_suite
from tests.mainline.data.validation.test_run import rule, written

pytestmark = pytest.mark.slow  # Great Expectations takes seconds to import


def test_a_table_that_was_changed_since_its_validation_is_looked_at_again(tmp_path: Path) -> None:
    rows = {"column": "id", "statistic": "rows", "time": "at", "period": "month", "min_value": 1}
    suite = load_suite(written(tmp_path, rule("expect_column_statistic_in_every_period_to_be_between", **rows)))
    frame = pd.DataFrame({"id": range(90), "at": pd.date_range("2013-01-01", periods=90, tz="UTC")})
    assert validate("table", frame, suite, ["id"])[0].observed == "28 to 31"
    frame["at"] = frame["at"].iloc[0]
    assert validate("table", frame, suite, ["id"])[0].observed == "90 to 90"
