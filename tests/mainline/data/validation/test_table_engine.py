"""What DuckDB counts is what pandas finds: expectation by expectation, with counts, examples, messages and order."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mainline.data.sources.duckdb_scan import connect
from mainline.data.validation.expectations import ExpectColumnValuesToLeaveNoGap, FrameExpectation
from mainline.data.validation.run import check
from mainline.data.validation.suites import load_suite
from mainline.data.validation.table import NAME, Table, examined, opened
from mainline.errors import ConfigurationError, ExternalError
from tests.mainline.data.validation.test_run import rule, written

pytestmark = pytest.mark.slow

WHERE = {"condition_parser": "pandas"}
NUMBERS = ["whole", "gappy", "share", "single", "money", "huge", "odd_float", "constant"]
TIMES = ["day", "at", "moment"]
TEXTS = ["name", "blank"]
COLUMNS_IN_ORDER = (
    "whole", "gappy", "share", "single", "money", "huge", "odd_float", "day", "at", "moment", "name", "yes", "listed",
    "blank", "nothing", "no_text", "constant",
)  # fmt: skip
COLUMNS = [*NUMBERS, *TIMES, *TEXTS, "yes", "listed", "nothing", "no_text"]
SOME = 16  # rules of a suite: where many raise an error, Great Expectations asks for all others again and again
PERIODS: dict[str, Any] = {"time": "day", "period": "month", "min_rows": 20}


def rows_of(seed: int, count: int) -> str:
    """SQL of rows with nulls, NaN, infinite and negative zeros, blanks, duplicates, and columns of many types."""
    draw = random.Random(seed)
    lines = []
    for place in range(count):
        day = f"{2013 + place % 2}-{1 + place % 12:02}-{1 + draw.randrange(28):02}"
        moment = f"'{day} {draw.randrange(24):02}:30:00'"
        values = [
            str(place % (count - 2) if count > 3 else place),
            draw.choice(["NULL", "1", "2", "300", "-5"]),
            draw.choice(["NULL", "'nan'::DOUBLE", "'-0.0'::DOUBLE", "0.0", "0.1", "0.25", "0.7", "3.5"]),
            draw.choice(["0.1", "0.5", "7.25", "NULL"]),
            draw.choice(["1.10", "2.05", "NULL"]),
            draw.choice(["1", "99999999999999999999"]),
            draw.choice([f"{draw.gauss(0, 1)!r}::DOUBLE", "999.9", "'inf'::DOUBLE" if seed == 1 else "1.5"]),
            moment,
            draw.choice(["NULL", moment]),
            moment,
            draw.choice(["NULL", "'a'", "'b'", "'ä '"]),
            draw.choice(["NULL", "true", "false"]),
            draw.choice(["NULL", "[1, 2]", "[]"]),
        ]
        lines.append(f"({', '.join(values)})")
    types = (
        "v0::INTEGER AS whole, v1::SMALLINT AS gappy, v2::DOUBLE AS share, v3::FLOAT AS single, "
        "v4::DECIMAL(9, 2) AS money, v5::HUGEINT AS huge, v6::DOUBLE AS odd_float, v7::DATE AS day, "
        "v8::TIMESTAMP AS at, v9::TIMESTAMPTZ AS moment, v10::VARCHAR AS name, v11::BOOLEAN AS yes, "
        "v12::INTEGER[] AS listed"
    )
    names = ", ".join(f"v{place}" for place in range(13))
    blank = "CASE WHEN name IS NULL THEN ' ' ELSE name || ' ' END AS blank"
    more = f"{blank}, NULL::INTEGER AS nothing, NULL::VARCHAR AS no_text, 4 AS constant"
    return f"SELECT *, {more} FROM (SELECT {types} FROM (VALUES {', '.join(lines)}) AS given({names}))"


def of_great_expectations() -> Iterator[str]:
    for name in COLUMNS:
        yield rule("expect_column_values_to_not_be_null", column=name)
        yield rule("expect_column_values_to_be_null", column=name, mostly=0.4)
        yield rule("expect_column_values_to_be_unique", column=name, mostly=0.1)
        yield rule("expect_column_values_to_be_in_set", column=name, value_set=[1, 2, "a", 0.1, True])
        yield rule("expect_column_values_to_match_regex", column=name, regex=r"^\w$")
        yield rule("expect_column_distinct_values_to_equal_set", column=name, value_set=["a", "b"])
        yield rule("expect_column_value_lengths_to_be_between", column=name, min_value=1, max_value=1)
    for name in NUMBERS:
        yield rule("expect_column_mean_to_be_between", column=name, min_value=0, max_value=1)
        yield rule("expect_column_values_to_be_between", column=name, min_value=0, max_value=0.7, strict_min=True)
    yield rule("expect_column_values_to_be_between", column="whole", max_value=3, mostly=0.9, strict_max=True)
    yield rule("expect_column_values_to_be_between", column="whole", min_value=3, max_value=1)
    yield rule("expect_column_values_to_be_between", column="name", min_value=1)
    yield rule("expect_column_values_to_be_between", column="moment", min_value="2013-06-01T00:00Z")
    yield rule("expect_column_values_to_be_between", column="nowhere", min_value=1)
    dropped = {"ignore_row_if": "any_value_is_missing"}
    yield rule("expect_compound_columns_to_be_unique", column_list=["whole", "name"])
    yield rule("expect_compound_columns_to_be_unique", column_list=["share", "name", "yes", "day"])
    yield rule("expect_compound_columns_to_be_unique", column_list=["gappy", "at"], **dropped)
    yield rule("expect_compound_columns_to_be_unique", column_list=["gappy", "money"], ignore_row_if="never")
    for ignored in ("both_values_are_missing", "either_value_is_missing", "neither"):
        pair = {"ignore_row_if": ignored}
        greater = "expect_column_pair_values_a_to_be_greater_than_b"
        yield rule(greater, column_A="share", column_B="odd_float", **pair)
        yield rule(greater, column_A="gappy", column_B="whole", or_equal=True, **pair)
        yield rule(greater, column_A="moment", column_B="at", **pair)
        yield rule(greater, column_A="day", column_B="name", **pair)
    for condition in (
        "name == 'a'", "name != 'a'", "share > 0.2", "single > 0.1", "gappy == 1", "gappy.isnull() and name == 'b'",
        "share.notnull() or yes.isnull()", "share - odd_float < -1", "whole > 3 and not (name == 'a')", "name > 'a'",
        "nowhere > 1", "`name` == 'a'", "index > 5", "whole ==", "day > '2013-05-01'", "yes == True", "money > 1.1",
    ):  # fmt: skip
        yield rule("expect_column_values_to_not_be_null", column="at", row_condition=condition, **WHERE)
        yield rule(
            "expect_column_values_to_be_in_set", column="name", value_set=["a"], row_condition=condition, **WHERE
        )
        yield rule("expect_column_values_to_be_between", column="share", max_value=1, row_condition=condition, **WHERE)
    yield rule("expect_table_row_count_to_be_between", min_value=10_000)
    yield rule("expect_table_columns_to_match_set", column_set=["whole", "Name"], exact_match=False)
    yield rule("expect_table_column_count_to_equal", value=3)
    yield rule("expect_column_to_exist", column="Name")


def of_this_package() -> Iterator[str]:
    each = "expect_column_statistic_in_every_period_to_be_between"
    for name in [*COLUMNS, "nowhere"]:
        yield rule("expect_column_kind_to_be", column=name, kind="text")
        yield rule("expect_column_shares_to_stay_in_every_period", column=name, at_least=0.9, **PERIODS)
        yield rule("expect_column_values_to_be_known_from_earlier_periods", column=name, **PERIODS)
        yield rule("expect_column_variety_to_stay_in_every_period", column=name, at_least=0.99, **PERIODS)
        yield rule("expect_missing_share_to_stay_in_every_period", column=name, max_rise=0.05, **PERIODS)
        yield rule(each, column=name, statistic="missing", time="moment", period="week", by="name", max_value=0.2)
        yield rule("expect_no_distant_value_to_repeat", column=name, **PERIODS)
        yield rule("expect_columns_to_determine_column", column=name, by=["name", "yes"], **PERIODS)
        yield rule("expect_daily_cycle_to_stay", column=name, time="moment", period="month", min_rows=5)
    for name in ["whole", "share", "gappy", "single", "yes", "name", "huge"]:
        for statistic in ("mean", "median", "min", "max", "rows"):
            yield rule(each, column=name, statistic=statistic, time="at", period="week", min_value=0.1, max_value=0.3)
            bounds = {"max_change": 0.4, "inner": True, "min_rows": 2}
            yield rule(each, column=name, statistic=statistic, time="moment", period="month", by="gappy", **bounds)
    for time in [*TIMES, "name"]:
        for period in ("hour", "day", "week"):
            yield rule(each, column="share", statistic="mean", time=time, period=period, min_value=0)
            shares = "expect_column_shares_to_stay_in_every_period"
            yield rule(shares, column="name", time=time, period=period, min_rows=2)
            yield rule(
                "expect_column_variety_to_stay_in_every_period", column="name", time=time, period=period, min_rows=2
            )
        gap = "expect_column_values_to_leave_no_gap"
        yield rule(gap, column=time, longest="2 days")
        yield rule(gap, column=time, longest="1 day", by="name", since="2012-12-01", until="2013-02-03T04:00Z")
        yield rule(gap, column=time, longest="30 days", by="yes", until="2015-06-01")
        yield rule("expect_every_part_of_the_day_to_have_rows", column=time, min_rows=1, timezone="America/New_York")
        clock = {"date": "day", "clock": "gappy", "timezone": "Europe/Paris"}
        yield rule("expect_local_time_to_match_time_zone", column=time, **clock, **PERIODS)


def findings(
    folder: Path, sql: str, rules: list[str], monkeypatch: pytest.MonkeyPatch, *, keep: bool = True
) -> tuple[list[Any], list[Any], int]:
    """What pandas finds, what DuckDB finds, and how many columns it loads for that."""
    loaded: list[tuple[str, ...]] = []
    frame = Table.frame

    def counting(table: Table, names: Any = None) -> pd.DataFrame:
        loaded.append(tuple(table.facts if names is None else names))
        return frame(table, names)

    monkeypatch.setattr(Table, "frame", counting)
    said: tuple[list[Any], list[Any]] = ([], [])
    with opened(sql, keep=keep) as connection:
        table = examined(connection)
        whole = connection.execute(f"SELECT * FROM {NAME}").df()
        for part in range(0, len(rules), SOME):
            suite = load_suite(written(folder, *rules[part : part + SOME]))
            for rows, found in zip((whole, table), said, strict=True):
                checked = check("table", rows, suite, ["whole", "day"], {})
                assert checked.record
                results = [result.to_json_dict()["result"] for result in checked.record.results]
                plain = [json.loads(json.dumps(dataclasses.asdict(each), default=str)) for each in checked.expectations]
                found += [{**each, "result": result} for each, result in zip(plain, results, strict=True)]
    return *said, len(loaded)


@pytest.mark.parametrize(("seed", "count"), [(1, 600), (2, 3), (3, 1)])
def test_duckdb_finds_what_pandas_finds_in_broken_data(
    seed: int, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [*of_great_expectations(), *of_this_package()]
    by_pandas, by_table, _ = findings(tmp_path, rows_of(seed, count), rules, monkeypatch)
    different = [(a, b) for a, b in zip(by_pandas, by_table, strict=True) if a != b]
    assert not different, json.dumps(different[:3], indent=1)
    assert len(by_pandas) == len(rules)
    if count > 100:
        assert 100 < sum(found["success"] for found in by_pandas) < len(rules) - 200


def test_nan_in_a_parquet_file_of_another_writer_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [float("nan") if place % 3 == 0 else place / 1000 for place in range(600)]
    days = [dt.date(2013 + place // 300, 1 + place // 10 % 12, 1) for place in range(600)]
    given = pa.table({"share": pa.array(values), "whole": list(range(600)), "day": pa.array(days)})
    pq.write_table(given, tmp_path / "rows.parquet")  # least and largest value leave NaN out
    rules = [
        rule("expect_column_values_to_not_be_null", column="share"),
        rule("expect_column_values_to_be_between", column="share", min_value=0, max_value=1),
        rule("expect_column_mean_to_be_between", column="share", min_value=0, max_value=1),
        rule("expect_column_values_to_be_unique", column="share"),
        rule("expect_missing_share_to_stay_in_every_period", column="share", max_rise=0.05, **PERIODS),
        rule(
            "expect_column_statistic_in_every_period_to_be_between", column="share", statistic="mean", time="day",
            period="month", min_value=0, max_value=1,
        ),
    ]  # fmt: skip
    sql = f"SELECT * FROM '{tmp_path / 'rows.parquet'}'"
    by_pandas, by_table, _ = findings(tmp_path, sql, rules, monkeypatch, keep=False)
    assert by_table == by_pandas
    assert not by_table[0]["success"]


def test_a_suite_is_counted_without_loading_a_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = {"row_condition": "share.notnull() and name != 'a'", **WHERE}
    rules = [
        rule("expect_column_values_to_be_between", column="share", min_value=0, max_value=1),
        rule("expect_column_values_to_not_be_null", column="name", mostly=0.5),
        rule("expect_column_values_to_match_regex", column="name", regex="^a$", **where),
        rule("expect_column_values_to_be_unique", column="whole"),
        rule("expect_compound_columns_to_be_unique", column_list=["whole", "name"]),
        rule("expect_column_kind_to_be", column="day", kind="date"),
        rule("expect_columns_to_determine_column", column="share", by=["name"], **PERIODS),
        rule("expect_column_values_to_leave_no_gap", column="moment", longest="1 day", by="name"),
    ]
    by_pandas, by_table, loaded = findings(tmp_path, rows_of(1, 400), rules, monkeypatch)
    assert by_table == by_pandas
    assert loaded == 0
    assert {found["success"] for found in by_table} == {True, False}


def test_a_project_s_own_expectation_sees_the_whole_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class ExpectNamesToBeFew(FrameExpectation):
        most: int

        def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
            return frame["name"].nunique() <= self.most, f"{list(frame.columns)}"

        def words(self) -> str:
            return "few"

    class ExpectNoGapAtAll(ExpectColumnValuesToLeaveNoGap):
        def examine(self, frame: pd.DataFrame) -> tuple[bool, str]:
            return False, "never"

    rules = [
        rule("expect_names_to_be_few", most=2),
        rule("expect_no_gap_at_all", column="day", longest="900 days"),
        rule("expect_column_mean_to_be_between", column="odd_float", min_value=0, max_value=1),
    ]
    by_pandas, by_table, loaded = findings(tmp_path, rows_of(2, 30), rules, monkeypatch)
    assert by_table == by_pandas
    assert (by_table[0]["observed"], by_table[1]["observed"]) == (str([*COLUMNS_IN_ORDER]), "never")
    assert loaded


def test_a_mean_that_rounding_could_carry_over_a_bound_is_left_to_pandas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = "expect_column_statistic_in_every_period_to_be_between"
    mean = {"column": "v", "statistic": "mean", "time": "day", "period": "month"}
    sql = "SELECT DATE '2013-01-01' AS day, 0.1::DOUBLE AS v, 1 AS whole FROM range(10)"
    for bound, columns in ((0.1, 1), (0.2, 0)):
        rules = [rule(each, **mean, max_value=bound)]
        by_pandas, by_table, loaded = findings(tmp_path, sql, rules, monkeypatch)
        assert (by_table, loaded) == (by_pandas, columns)


def test_a_full_disk_and_a_limit_that_is_too_small_are_not_called_invalid_data(
    tmp_path: Path, small_disk: Path
) -> None:
    rules = [rule("expect_compound_columns_to_be_unique", column_list=["a", "b"])]
    suite = load_suite(written(tmp_path, *rules))
    sql = "SELECT i AS a, md5(i::VARCHAR) AS b FROM range(6_000_000) AS numbers(i)"
    with opened(sql, memory_megabytes=64) as connection:
        connection.execute("SET temp_directory = ''; SET threads = 2")
        with pytest.raises(ConfigurationError, match=r"data\.memory_megabytes: the validation of table needs"):
            check("table", examined(connection, limited=True), suite, ["a"], {})
    with opened(sql, memory_megabytes=64) as connection:
        connection.execute(f"SET temp_directory = '{small_disk}/spill'; SET threads = 2")
        with pytest.raises(ExternalError, match=r"the validation of table stopped: no room for temporary files below"):
            check("table", examined(connection, limited=True), suite, ["a"], {})


def test_files_that_vanish_are_not_called_invalid_data(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    rules = [rule("expect_column_values_to_be_unique", column="a")]
    suite = load_suite(written(tmp_path, *rules))
    with connect() as writer:
        writer.execute(f"COPY (SELECT 1 AS a) TO '{path}'")
    with opened(f"SELECT * FROM '{path}'") as connection:
        table = examined(connection)
        path.unlink()
        with pytest.raises(ExternalError, match="the validation of table could not read its data"):
            check("table", table, suite, ["a"], {})
