"""A time that is written as numbers: computed where the evidence is good, and a question or nothing elsewhere."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mainline.init.proposal import Wishes
from mainline.runtime.progress import Progress
from mainline.runtime.workspace import Workspace
from pipelines import init

ROWS = 2_000


def given(folder: Path, **columns: Any) -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=ROWS)
    table = {"x": x, "w": random.normal(size=ROWS), "y": np.where(x + random.normal(size=ROWS) > 0, "yes", "no")}
    pd.DataFrame({**columns, **table}).to_csv(folder / "events.csv", index=False)


def proposed(folder: Path, **wishes: Any) -> Any:
    return init.proposed(Wishes("events.csv", "y", **wishes), Workspace.at(folder), Progress(), "DATABASE_URL")


def moments(per_second: int) -> np.ndarray:
    """Twenty months from March 2024 on."""
    return (1_709_251_200 + np.arange(ROWS) * 26_000) * per_second


@pytest.mark.slow
@pytest.mark.parametrize(("unit", "per_second"), [("seconds", 1), ("milliseconds", 1_000)])
def test_seconds_since_1970_are_the_time(tmp_path: Path, unit: str, per_second: int) -> None:
    given(tmp_path, created_ts=moments(per_second), closed_at=moments(per_second) + 60 * per_second)
    found, proposal = proposed(tmp_path)
    source = {"path": "events.csv", "time": "created_ts_time", "time_from": {unit: "created_ts"}}
    assert proposal.settings["data"]["sources"] == {"events": source}
    assert (proposal.settings["split"]["by"], proposal.settings["prepare"]["time"]) == ("time", "created_ts_time")
    assert {"created_ts", "closed_at"} <= {name for name, use in proposal.uses.items() if use.role == "left out"}
    (decision,) = [each for each in found.decisions if "time_from" in each.setting]
    assert f"as {unit} since 1970 it runs from 2024-03-01 to" in decision.reason
    assert decision.otherwise == "TIME=none, TIME=another column"
    assert proposal.settings["data"]["until"] == dt.date(2025, 10, 24)


@pytest.mark.slow
def test_a_year_and_a_month_are_the_time_and_a_day_where_there_is_one(tmp_path: Path) -> None:
    at = pd.to_datetime(moments(1), unit="s")
    given(tmp_path, year_built=1990 + at.month, sale_year=at.year, sale_month=at.month, sale_day=at.day_of_week)
    found, proposal = proposed(tmp_path)
    assert found.hidden is not None
    assert dict(found.hidden.parts) == {"year": "sale_year", "month": "sale_month"}, "the day is one of the week"
    assert proposal.settings["prepare"]["time"] == "sale_date"
    given(tmp_path, year=at.year, month=at.month, day=at.day)
    found, proposal = proposed(tmp_path)
    assert found.sources["events"]["time_from"] == {"year": "year", "month": "month", "day": "day"}
    assert (proposal.settings["prepare"]["time"], proposal.settings["compare"]["blocks"]) == ("date", "date")


@pytest.mark.slow
def test_days_as_whole_numbers_are_the_time(tmp_path: Path) -> None:
    at = pd.to_datetime(moments(1), unit="s")
    given(tmp_path, order_date=at.strftime("%Y%m%d").astype(int))
    found, proposal = proposed(tmp_path)
    assert found.sources["events"]["time_from"] == {"yyyymmdd": "order_date"}
    assert proposal.settings["prepare"]["time"] == "order_date_day"
    assert proposal.uses["order_date"].reason.startswith("a day as a number")


@pytest.mark.slow
def test_where_the_evidence_is_thin_nothing_is_computed(tmp_path: Path) -> None:
    incomplete = pd.Series(moments(1)).astype("Int64").where(np.arange(ROWS) % 10 > 0)
    given(tmp_path, total=moments(1), created=incomplete)
    found, proposal = proposed(tmp_path)
    assert (found.hidden, proposal.settings["split"]["by"]) == (None, "hash"), "no name, and missing values"
    assert any("created looks like seconds" in each.text for each in proposal.findings if each.kind == "question")
    given(tmp_path, created=moments(1))
    assert proposed(tmp_path, time="none")[0].hidden is None
    assert proposed(tmp_path, time="created")[1].settings["prepare"]["time"] == "created_time"
    given(tmp_path, total=moments(1))
    assert proposed(tmp_path, time="total")[1].settings["split"]["by"] == "time", "a person has said it"
    given(tmp_path, created=1_709_251_200 + np.arange(ROWS) * 5)
    assert proposed(tmp_path)[0].hidden is None, "three hours are too few to split by"
