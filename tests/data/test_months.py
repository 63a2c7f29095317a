"""Drift of the example's real months: a season is no alarm, a feed that ends is one."""

from __future__ import annotations

import pytest
from months import Flights, flights

from mainline.monitoring import checks
from mainline.training import bin_counts, distances

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Flights:
    return flights(tmp_path_factory.mktemp("flights"))


@pytest.mark.parametrize("month", [10, 11])
def test_a_season_like_any_other_is_no_alarm(months: Flights, month: int) -> None:
    found = months.drift(f"month(date) = {month}")
    assert len(found) == 19
    assert [check.name for check in checks.drift_checks(found, None, months.settings.monitor)] == ["drift"]
    # The season is why: temperature lies further off than the usual line, as it did between months of training.
    temp = next(d for d in found if d.feature == "temp")
    assert temp.psi > 0.25
    assert temp.why == "season"


def test_the_weather_feed_that_ends_on_30_december_is_found(months: Flights) -> None:
    found = {d.feature: d for d in months.drift("month(date) = 12")}
    for name in ("temp", "dewp", "humid", "wind_speed", "precip", "visib"):
        assert found[name].missing_days == ["2013-12-31"], name
    assert not found["distance"].missing
    before = {d.feature: d for d in months.drift("month(date) = 12 AND day(date) < 31")}
    assert not any(d.missing for d in before.values())


def test_a_columns_threshold_is_what_the_months_of_training_differed_by(months: Flights) -> None:
    temp = months.kept["monitor"]["numeric"]["temp"]
    with months.rows("departs < TIMESTAMPTZ '2013-09-01 00:00:00-04' AND late IS NOT NULL") as connection:
        day = "month(date) * 100"
        by_month = bin_counts.numeric(connection, "log", day, {"temp": temp["edges"]})["temp"].table
    apart = [distances.psi(by_month.sum(axis=0) - rows, rows) for rows in by_month]
    assert len(apart) == 8
    assert temp["psi"]["month"] == pytest.approx(max(apart))
    october = next(d for d in months.drift("month(date) = 10") if d.feature == "temp")
    assert october.threshold == pytest.approx(months.settings.monitor.slack * max(apart))
