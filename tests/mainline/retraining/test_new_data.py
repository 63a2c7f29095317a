"""How far the sources reach."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from mainline.config.loader import parse
from mainline.config.schema import Settings
from mainline.errors import ConfigurationError
from mainline.retraining.new_data import Found, Reach, complete, telling
from tests.projects import PARAMS

LONG_AFTER = dt.date(2026, 11, 21)


def settings(**retrain: Any) -> Settings:
    rules = "".join(f"  {name}: {value}\n" for name, value in retrain.items())
    return parse(PARAMS + ("retrain:\n" + rules if rules else "")).settings


def until(found: Settings, *reaches: str, today: str = "2026-12-31") -> Found:
    moments = [dt.datetime.fromisoformat(one).replace(tzinfo=dt.UTC) for one in reaches]
    return complete(found, [Reach(f"table {n}", one) for n, one in enumerate(moments)], dt.date.fromisoformat(today))


def test_a_period_is_as_long_as_the_holdout_and_the_newest_complete_one_counts() -> None:
    assert until(settings(), "2026-04-13 08:00").until == dt.date(2026, 4, 13)
    assert until(settings(), "2026-04-11 23:59").until == dt.date(2026, 3, 30)


def test_the_table_that_lags_decides_and_is_named() -> None:
    found = until(settings(), "2026-06-01", "2026-03-10")
    assert found.until is None
    assert "table 1 ends 2026-03-10 00:00 UTC" in found.why


def test_a_table_may_end_a_little_early_by_the_lag() -> None:
    assert until(settings(lag="3 days"), "2026-03-13 01:00").until == dt.date(2026, 3, 16)
    assert until(settings(lag="2 days"), "2026-03-13 01:00").until is None


def test_what_has_not_passed_is_no_new_data_however_far_a_timetable_reaches() -> None:
    found = until(settings(), "2026-12-31", today="2026-03-15")
    assert found.until is None
    assert "2026-03-16 has not passed yet" in found.why
    assert until(settings(), "2026-12-31", today="2026-03-16").until == dt.date(2026, 3, 16)


def test_months_keep_their_day_at_once_or_one_by_one() -> None:
    assert until(settings(every="1 month"), "2026-07-02").until == dt.date(2026, 7, 2)
    assert until(settings(every="1 month", at_once=1), "2026-07-02").until == dt.date(2026, 4, 2)


def test_a_period_shorter_than_a_day_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="shorter than a day"):
        until(settings(every="2 hours"), "2026-07-02")


def test_tables_that_tell_can_be_named_and_must_have_a_time() -> None:
    assert telling(settings(tables="[visits]")) == ["visits"]
    assert telling(settings()) == ["visits", "purchases"]
    with pytest.raises(
        ConfigurationError, match=r"retrain\.tables: visit is not a source; sources with a time: visits, purchases"
    ):
        telling(settings(tables="[visit]"))
