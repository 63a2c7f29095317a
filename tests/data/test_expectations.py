"""The suites pass on the data as it is, and each way of breaking the data is caught."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from example import KEYS, SUITES, clock, tables

from mainline.data.validation.results import Expectation
from mainline.data.validation.run import validate
from mainline.data.validation.suites import Suite, load_suite
from mainline.monitoring import log_expectations

# Great Expectations over every table, month after month.
pytestmark = pytest.mark.slow

SPRING = "2013-05-01"
# Each in which a defect appears, and the example's own.
MONTHS = ["2013-03-01", "2013-06-01", "2013-08-01", "2013-10-01", "2013-11-01", "2014-01-01"]
JOINED = ["schedule", "outcomes", "weather", "frame"]

# The defects that the data has, and from which month on they are reported.
DEFECTS = {
    ("schedule", "distance", "expect_column_values_to_be_between"): "2013-08-01",
    ("outcomes", "tailnum", "expect_column_values_to_match_regex"): "2013-03-01",
    ("weather", "wind_speed", "expect_column_values_to_be_between"): "2013-03-01",
    ("weather", "temp", "expect_column_statistic_in_every_period_to_be_between"): "2013-06-01",
    ("weather", "visib", "expect_column_statistic_in_every_period_to_be_between"): "2013-11-01",
    ("weather", "time_hour", "expect_column_values_to_leave_no_gap"): "2014-01-01",
    ("frame", "temp", "expect_column_statistic_in_every_period_to_be_between"): "2014-01-01",
}


@functools.cache
def suite(table: str) -> Suite:
    return load_suite(SUITES / f"{table}.yaml")


@functools.cache
def spring() -> dict[str, pd.DataFrame]:
    return tables(SPRING)


def few(table: str) -> pd.DataFrame:
    """As many rows as show what a single column or row must be refused for."""
    return spring()[table].head(2_000)


def failures(table: str, frame: pd.DataFrame, until: str = SPRING, only: str = "") -> list[Expectation]:
    """Of the suite's rules those whose column or type is as the pattern `only` says: the others take their time."""
    rules = [rule for rule in suite(table).rules if re.search(only, f"{rule.column} {rule.type}")]
    found = validate(table, frame, replace(suite(table), rules=rules), KEYS[table], {"until": clock(until)})
    return [expectation for expectation in found if not expectation.success]


def refused_by(table: str, frame: pd.DataFrame, until: str = SPRING, only: str = "") -> set[tuple[str | None, str]]:
    """Column and type (without `expect_`) of every critical expectation that failed."""
    critical = [found for found in failures(table, frame, until, only) if found.severity == "critical"]
    return {(found.column, found.type.removeprefix("expect_")) for found in critical}


def month_of(frame: pd.DataFrame, table: str) -> pd.Series:
    return frame["time_hour"].dt.month if table == "weather" else pd.to_datetime(frame["date"]).dt.month


@pytest.mark.parametrize("until", MONTHS)
def test_the_real_data_passes_with_a_warning_for_each_known_defect(until: str) -> None:
    found = {
        (table, failed.column, failed.type): failed
        for table, frame in tables(until).items()
        for failed in failures(table, frame, until)
    }
    assert {failed.severity for failed in found.values()} <= {"warning"}, found
    assert set(found) == {defect for defect, since in DEFECTS.items() if since <= until}


@pytest.mark.parametrize("table", KEYS)
def test_every_expectation_has_its_reason(table: str) -> None:
    assert [rule.line for rule in suite(table).rules if not rule.note] == []


@pytest.mark.parametrize("table", KEYS)
def test_an_empty_table_is_refused(table: str) -> None:
    (only,) = failures(table, few(table).head(0))
    assert (only.severity, only.observed) == ("critical", "no row")


@pytest.mark.parametrize("table", KEYS)
def test_a_renamed_column_is_refused(table: str) -> None:
    frame = few(table)
    last = frame.columns[-1]
    assert (None, "table_columns_to_match_set") in refused_by(table, frame.rename(columns={last: f"{last}_2"}))


@pytest.mark.parametrize("table", KEYS)
def test_a_missing_column_is_refused_wherever_it_stood(table: str) -> None:
    frame = few(table)
    for column in (frame.columns[0], frame.columns[-1]):
        assert (None, "table_columns_to_match_set") in refused_by(table, frame.drop(columns=column))


@pytest.mark.parametrize("table", [name for name in KEYS if name != "frame"])
def test_an_extra_column_of_a_raw_table_is_refused(table: str) -> None:
    assert (None, "table_columns_to_match_set") in refused_by(table, few(table).assign(extra=1))


def test_an_extra_column_of_the_frame_is_a_new_feature() -> None:
    assert refused_by("frame", spring()["frame"].assign(extra=1)) == set()


@pytest.mark.parametrize("table", KEYS)
def test_a_changed_type_of_any_column_is_refused(table: str) -> None:
    frame = few(table)
    typed = {rule.column for rule in suite(table).rules if rule.type == "expect_column_kind_to_be"}

    def change(values: pd.Series) -> pd.Series:
        return values.notna().astype("int64") if values.dtype == "str" else values.astype("str")

    refused = refused_by(table, frame.assign(**{column: change(frame[column]) for column in typed}))
    assert {column for column, type_ in refused if type_ == "column_kind_to_be"} == typed


def test_a_timestamp_without_a_time_zone_is_refused() -> None:
    for table in ("schedule", "weather", "frame"):
        naive = few(table)["time_hour"].dt.tz_localize(None)
        assert ("time_hour", "column_kind_to_be") in refused_by(table, few(table).assign(time_hour=naive))


@pytest.mark.parametrize("table", KEYS)
def test_a_column_without_any_value_is_refused_whichever_it_is(table: str) -> None:
    frame = few(table)
    nowhere = pd.Series(False, index=frame.index)
    others = [column for column in frame if column not in KEYS[table]]
    for columns in (KEYS[table], others):
        empty = frame.assign(**{column: frame[column].where(nowhere) for column in columns})
        refused = {part for column, _ in refused_by(table, empty) for part in (column or "").split(", ")}
        assert set(columns) <= refused


@pytest.mark.parametrize("table", KEYS)
def test_a_key_that_is_there_twice_is_refused(table: str) -> None:
    frame = few(table)
    doubled = pd.concat([frame, frame.tail(1)], ignore_index=True)
    assert any("unique" in type_ for _, type_ in refused_by(table, doubled))


@pytest.mark.parametrize("table", JOINED)
def test_a_month_that_is_there_twice_is_refused(table: str) -> None:
    frame = spring()[table]
    twice = pd.concat([frame, frame[month_of(frame, table) == 3]], ignore_index=True)
    assert {"compound_columns_to_be_unique", "column_statistic_in_every_period_to_be_between"} <= {
        type_ for _, type_ in refused_by(table, twice, only="unique|period")
    }


@pytest.mark.parametrize("table", JOINED)
@pytest.mark.parametrize("month", [1, 2, 4])
def test_a_month_that_was_dropped_is_refused_at_the_start_inside_and_at_the_end(table: str, month: int) -> None:
    frame = spring()[table]
    assert any("gap" in type_ for _, type_ in refused_by(table, frame[month_of(frame, table) != month], only="gap"))


@pytest.mark.parametrize("origin", ["EWR", "JFK", "LGA"])
def test_a_month_that_was_dropped_at_one_airport_is_refused(origin: str) -> None:
    for table in JOINED:
        frame = spring()[table]
        kept = (month_of(frame, table) != 2) | (frame["origin"] != origin)
        assert any("gap" in type_ for _, type_ in refused_by(table, frame[kept], only="gap")), table


def test_temperatures_in_celsius_are_refused() -> None:
    frame = spring()["weather"]
    refused = refused_by("weather", frame.assign(temp=(frame["temp"] - 32) / 1.8))
    assert ("temp", "column_statistic_in_every_period_to_be_between") in refused
    assert ("temp, dewp", "column_pair_values_a_to_be_greater_than_b") in refused


def test_temperatures_in_celsius_have_values_that_are_possible_in_fahrenheit() -> None:
    frame = spring()["weather"]
    refused = refused_by("weather", frame.assign(temp=(frame["temp"] - 32) / 1.8))
    assert ("temp", "column_values_to_be_between") not in refused


@pytest.mark.parametrize("day", ["2013-01-20", "2013-04-05", "2013-06-12", "2013-09-30", "2013-12-19"])
def test_a_feed_that_switches_to_celsius_on_some_day_of_any_season_is_refused(day: str) -> None:
    since = pd.Timestamp(day, tz="UTC")
    until = str((since + pd.Timedelta(days=10)).date())
    frame = tables(until, "weather")["weather"]
    switched = frame["time_hour"] >= since
    celsius = {name: frame[name].mask(switched, (frame[name] - 32) / 1.8) for name in ("temp", "dewp")}
    refused = refused_by("weather", frame.assign(**celsius), until, "temp .*period")
    assert ("temp", "column_statistic_in_every_period_to_be_between") in refused


UNITS: dict[str, tuple[str, str, Callable[[pd.Series], pd.Series]]] = {
    "kilometres": ("schedule", "distance", lambda values: (values * 1.609).round().astype("int32")),
    "seconds": ("outcomes", "arr_delay", lambda values: values * 60),
    "hours": ("outcomes", "air_time", lambda values: values / 60),
    "shares": ("weather", "humid", lambda values: values / 100),
    "metres a second": ("weather", "wind_speed", lambda values: values * 0.447),
    "inches of mercury": ("weather", "pressure", lambda values: values * 0.02953),
    "kilometres of sight": ("weather", "visib", lambda values: values * 1.609),
    "millimetres": ("weather", "precip", lambda values: values * 25.4),
}


@pytest.mark.parametrize("unit", UNITS)
def test_another_unit_is_refused(unit: str) -> None:
    table, column, convert = UNITS[unit]
    frame = spring()[table]
    converted = frame.assign(**{column: convert(frame[column])})
    assert any(found == column for found, _ in refused_by(table, converted, only=column))


def test_a_new_carrier_is_a_warning_and_a_new_origin_is_refused() -> None:
    for table in ("schedule", "outcomes"):
        frame = spring()[table]
        carrier = frame["carrier"].mask(frame.index == 7, "ZZ")
        found = failures(table, frame.assign(carrier=carrier))
        new = next(failed for failed in found if failed.column == "carrier")
        assert (new.severity, new.unexpected, new.examples[0]["carrier"]) == ("warning", 1, "ZZ")
        assert {failed.severity for failed in found} == {"warning"}
    for table in ("schedule", "outcomes", "weather"):
        frame = few(table)
        origin = frame["origin"].mask(frame.index == 7, "HPN")
        assert ("origin", "column_distinct_values_to_equal_set") in refused_by(table, frame.assign(origin=origin))


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_value_is_refused_in_every_column_of_numbers(value: float) -> None:
    for table in ("weather", "frame"):
        frame = few(table)
        columns = set(frame.select_dtypes("floating").columns)
        broken = frame.assign(**{column: frame[column].mask(frame.index == 7, value) for column in columns})
        refused = refused_by(table, broken)
        assert {column for column, type_ in refused if type_ == "column_values_to_be_between"} == columns


def test_a_missing_value_is_refused_where_there_must_be_one() -> None:
    for column in ("carrier", "origin", "dest", "distance", "time_hour"):
        frame = few("schedule")
        broken = frame.assign(**{column: frame[column].mask(frame.index == 7)})
        assert (column, "column_values_to_not_be_null") in refused_by("schedule", broken)


def test_an_arrival_that_does_not_go_with_its_departure_is_refused() -> None:
    frame = few("outcomes")
    cancelled = frame["dep_time"].isna() & (frame.index == frame.index[frame["dep_time"].isna()][0])
    arrived = frame.assign(arr_delay=frame["arr_delay"].mask(cancelled, 5))
    assert ("arr_delay", "column_values_to_be_null") in refused_by("outcomes", arrived)
    apart = frame.assign(arr_delay=frame["arr_delay"].mask(frame.index == 0, 700))
    assert ("arr_delay", "column_values_to_be_null") in refused_by("outcomes", apart)


def test_a_label_that_means_something_else_is_refused() -> None:
    frame = spring()["frame"]
    turned = frame["late"].map(lambda value: None if value is None else not value)
    assert ("late", "column_statistic_in_every_period_to_be_between") in refused_by(
        "frame", frame.assign(late=turned), only="late"
    )


def test_weather_that_found_no_partner_in_the_join_is_refused() -> None:
    frame = spring()["frame"]
    lost = frame.assign(temp=frame["temp"].mask(month_of(frame, "frame") == 4))
    assert ("temp", "column_statistic_in_every_period_to_be_between") in refused_by("frame", lost, only="temp")


def test_a_private_persons_name_among_the_makers_is_refused() -> None:
    frame = spring()["planes"]
    named = frame.assign(manufacturer=frame["manufacturer"].mask(frame.index == 7, "SOMEBODY JANE"))
    assert ("manufacturer", "column_values_to_be_in_set") in refused_by("planes", named)


def test_the_examples_own_suite_has_rules_that_a_log_can_be_asked() -> None:
    suite = SUITES / "frame.yaml"
    columns = ["minute_of_day", "weekday", "carrier", "origin", "temp", "humid", "wind_dir"]
    asked = {rule.column for rule in log_expectations.rules(suite, columns, columns)}
    assert {"minute_of_day", "weekday", "humid", "wind_dir"} <= asked


def april(table: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """The table with its last month changed."""
    frame = spring()[table]
    month = month_of(frame, table) == 4
    return pd.concat([frame[~month], change(frame[month].copy())], ignore_index=True)


SILENT: dict[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "a carrier is gone": ("schedule", lambda rows: rows[rows["carrier"] != "UA"]),
    "a small carrier is gone": ("schedule", lambda rows: rows[rows["carrier"] != "FL"]),
    "the outcomes of a carrier are gone": ("outcomes", lambda rows: rows[rows["carrier"] != "FL"]),
    "carriers in lower case": ("schedule", lambda rows: rows.assign(carrier=rows["carrier"].str.lower())),
    "outcomes in lower case": ("outcomes", lambda rows: rows.assign(carrier=rows["carrier"].str.lower())),
    "carriers with a blank": ("schedule", lambda rows: rows.assign(carrier=rows["carrier"] + " ")),
    "nautical miles": ("schedule", lambda rows: rows.assign(distance=rows["distance"] * 20 // 23)),
    "kilometres of one carrier": (
        "schedule",
        lambda rows: rows.assign(distance=rows["distance"].mask(rows["carrier"] == "VX", rows["distance"] * 8 // 5)),
    ),
    "an hour too late": ("schedule", lambda rows: rows.assign(time_hour=rows["time_hour"] + pd.Timedelta(hours=1))),
    "the last evening": ("schedule", lambda rows: rows[rows["time_hour"] < "2013-04-30 22:00+00:00"]),
    "precipitation in centimetres": ("weather", lambda rows: rows.assign(precip=rows["precip"] * 2.54)),
    "a pressure that is stuck": ("weather", lambda rows: rows.assign(pressure=1016.0)),
    "a sight that is stuck": ("weather", lambda rows: rows.assign(visib=10.0)),
    "no precipitation at all": ("weather", lambda rows: rows.assign(precip=0.0)),
    "weather six hours early": ("weather", lambda rows: rows.assign(temp=rows.groupby("origin")["temp"].shift(-6))),
    "weather of other hours": ("frame", lambda rows: rows.assign(temp=rows["temp"].iloc[::-1].to_numpy())),
}  # fmt: skip


@pytest.mark.parametrize("name", SILENT)
def test_what_vanishes_changes_its_spelling_or_its_unit_in_one_month_is_refused(name: str) -> None:
    table, change = SILENT[name]
    assert refused_by(table, april(table, change), only=BETWEEN_PERIODS) != set()


BETWEEN_PERIODS = "every_|period|columns_to_determine_column|local_time_to_match_time_zone|daily_cycle_to_stay"
