"""What vanishes, changes its spelling or its unit, or stops to vary, in one period of a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mainline.data.validation.suites import expectation_types

# Great Expectations takes seconds to import.
pytestmark = pytest.mark.slow

N = 12_000
SHARES = "expect_column_shares_to_stay_in_every_period"
KNOWN = "expect_column_values_to_be_known_from_earlier_periods"
VARIETY = "expect_column_variety_to_stay_in_every_period"
DISTANT = "expect_no_distant_value_to_repeat"
MISSING = "expect_missing_share_to_stay_in_every_period"
DETERMINE = "expect_columns_to_determine_column"
LOCAL = "expect_local_time_to_match_time_zone"
CYCLE = "expect_daily_cycle_to_stay"
PARTS = "expect_every_part_of_the_day_to_have_rows"
ZONE = "America/New_York"


def table() -> pd.DataFrame:
    """Six months of readings of three stations on four routes, all day long."""
    random = np.random.default_rng(0)
    at = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(N) * 181 * 86_400 // N, unit="s")
    local = at.tz_convert(ZONE)
    route = random.integers(0, 4, N)
    warm = 10 * np.sin((local.hour - 9) / 24 * 2 * np.pi)
    return pd.DataFrame(
        {
            "at": at, "station": random.choice(["A", "B", "rare"], N, p=[0.6, 0.37, 0.03]), "route": route,
            "miles": np.array([100, 250, 900, 2500])[route], "hour": at.floor("h"),
            "date": local.tz_localize(None).normalize(), "clock": local.hour * 100 + local.minute,
            "temp": (warm + random.normal(15, 4, N)).round(1),
            "rain": np.where(random.random(N) < 0.2, random.integers(1, 60, N) / 100, 0),
        }
    )  # fmt: skip


RULES: list[tuple[str, dict[str, Any]]] = [
    (SHARES, {"column": "station", "time": "at"}),
    (KNOWN, {"column": "station", "time": "at"}),
    (KNOWN, {"column": "rain", "time": "at"}),
    (VARIETY, {"column": "temp", "time": "at"}),
    (DISTANT, {"column": "temp", "time": "at"}),
    (MISSING, {"column": "temp", "time": "at"}),
    (DETERMINE, {"column": "miles", "by": ["route"], "time": "at"}),
    (DETERMINE, {"column": "miles", "by": ["route", "station"], "time": "at"}),
    (LOCAL, {"column": "hour", "date": "date", "clock": "clock", "timezone": ZONE, "time": "at"}),
    (CYCLE, {"column": "temp", "time": "at", "timezone": ZONE}),
    (PARTS, {"column": "at", "timezone": ZONE, "min_rows": 10, "until": "2026-07-01T00:00Z"}),
]


def examined(type_: str, kwargs: dict[str, Any], frame: pd.DataFrame) -> tuple[bool, str]:
    found: tuple[bool, str] = expectation_types()[type_](**kwargs).examine(frame)
    return found


@pytest.mark.parametrize(("type_", "kwargs"), RULES, ids=lambda value: value if isinstance(value, str) else "")
def test_periods_that_are_alike_meet_it_and_so_does_a_single_one_and_an_incomplete_last_one(
    type_: str, kwargs: dict[str, Any]
) -> None:
    whole = table()
    assert examined(type_, kwargs, whole)[0], examined(type_, kwargs, whole)
    january = whole[whole["at"] < "2026-02-01"]
    assert examined(type_, kwargs | ({"until": "2026-02-01T00:00Z"} if "until" in kwargs else {}), january)[0]
    if "until" not in kwargs:
        assert examined(type_, kwargs, whole[whole["at"] < "2026-05-03 10:00"])[0]


def in_may(change: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    whole = table()
    may = (whole["at"] >= "2026-05-01") & (whole["at"] < "2026-06-01")
    return pd.concat([whole[~may], change(whole[may].copy())]).sort_values("at")


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        (0, lambda may: may[may["station"] != "rare"]),
        (0, lambda may: may[may["station"] != "A"]),
        (1, lambda may: may.assign(station=may["station"].str.lower())),
        (1, lambda may: may.assign(station=may["station"] + " ")),
        (2, lambda may: may.assign(rain=(may["rain"] * 2.54).round(4))),
        (3, lambda may: may.assign(temp=15.0)),
        (4, lambda may: may.assign(temp=may["temp"].where(np.arange(len(may)) % 50 > 0, 999.9))),
        (4, lambda may: may.assign(temp=may["temp"].where(np.arange(len(may)) % 50 > 0, -9999))),
        (5, lambda may: may.assign(temp=may["temp"].where(np.arange(len(may)) % 10 > 0))),
        (6, lambda may: may.assign(miles=may["miles"].where(may["station"] != "rare", may["miles"] * 1.609))),
        (7, lambda may: may.assign(miles=may["miles"] / 1.15)),
        (8, lambda may: may.assign(hour=may["hour"] + pd.Timedelta(hours=1))),
        (9, lambda may: may.assign(temp=np.roll(may["temp"], len(may) // 31 // 4))),
        (10, lambda may: may[may["at"].dt.tz_convert(ZONE).dt.strftime("%d %H") < "31 12"]),
    ],
)
def test_one_month_that_is_unlike_the_others_is_named(
    rule: int, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    held, said = examined(*RULES[rule], in_may(change))
    assert not held
    assert "2026-05" in said


def test_the_last_evening_of_a_file_that_was_cut_off_is_missed() -> None:
    whole = table()
    local = whole["at"].dt.tz_convert(ZONE)
    cut = whole[local < "2026-06-29 18:00"]
    held, said = examined(*RULES[10], cut)
    assert not held
    assert said.startswith("4 parts of days: 2026-06-29 from 18:00: 0 rows; 2026-06-30 from 00:00")
    without_end = {"column": "at", "timezone": ZONE, "min_rows": 10}
    assert examined(PARTS, without_end, cut)[0], "an end that nobody tells cannot be missed"


@pytest.mark.parametrize(("type_", "kwargs"), RULES, ids=lambda value: value if isinstance(value, str) else "")
def test_it_says_its_rule_in_words(type_: str, kwargs: dict[str, Any]) -> None:
    words = expectation_types()[type_](**kwargs).words()
    assert kwargs["column"] in words
    assert "{" not in words
