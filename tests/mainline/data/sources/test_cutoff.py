from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from mainline.config.sources import Source
from mainline.data.collect import from_json, to_json
from mainline.errors import ConfigurationError, DataError
from tests.tables import collected, hourly, parquet, rows

EVERY_HOUR = "SELECT {value} AS at, i AS n FROM range(96) r(i)"  # from 2013-01-30 on


@pytest.mark.parametrize(
    "value",
    [
        "TIMESTAMPTZ '2013-01-30 00:00:00+00' + to_hours(i::INT)",
        "TIMESTAMP '2013-01-30 00:00:00' + to_hours(i::INT)",
        "(TIMESTAMP '2013-01-30 00:00:00' + to_hours(i::INT))::TIMESTAMP_NS",
        "(TIMESTAMP '2013-01-30 00:00:00' + to_hours(i::INT))::TIMESTAMP_MS",
    ],
)
def test_the_clock_is_midnight_in_the_project_s_time_zone(tmp_path: Path, value: str) -> None:
    parquet(tmp_path / "a.parquet", EVERY_HOUR.format(value=value))
    table = collected(tmp_path, until="2013-02-01", timezone="America/New_York", path="a.parquet", time="at")
    # Midnight in New York is 05:00 UTC, and a time without a zone is UTC: 48 hours and 5.
    assert (table.rows, table.end) == (53, "2013-02-01T04:00:00+00:00")
    assert [n for (n,) in rows(table, "n")] == list(range(53))


def test_a_date_is_a_day_in_the_project_s_time_zone(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", "SELECT DATE '2013-01-30' + i::INT AS at, i AS n FROM range(5) r(i)")
    table = collected(tmp_path, until="2013-02-01", timezone="America/New_York", path="a.parquet", time="at")
    # As midnight UTC, the 1st of February would begin five hours before the clock.
    assert [n for (n,) in rows(table, "n")] == [0, 1]
    assert (table.start, table.end) == ("2013-01-30T05:00:00+00:00", "2013-01-31T05:00:00+00:00")


def test_a_date_known_after_a_while_is_cut_by_its_midnight(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", "SELECT DATE '2013-01-30' + i::INT AS at, i AS n FROM range(5) r(i)")
    table = collected(
        tmp_path, until="2013-02-01", timezone="America/New_York", path="a.parquet", time="at", known_after="1 day"
    )
    assert [n for (n,) in rows(table, "n")] == [0]


def test_a_row_at_the_clock_is_not_known(tmp_path: Path) -> None:
    micro = "TIMESTAMPTZ '2013-01-31 23:59:59.999999+00'"
    parquet(tmp_path / "a.parquet", f"SELECT {micro} + to_microseconds(i) AS at, i AS n FROM range(2) r(i)")
    assert [n for (n,) in rows(collected(tmp_path, path="a.parquet", time="at"), "n")] == [0]


@pytest.mark.parametrize(("after", "last"), [("51 minutes", 47), ("1 hour", 46), ("61 minutes", 46), ("1 day", 23)])
def test_a_row_is_known_only_after_a_while(tmp_path: Path, after: str, last: int) -> None:
    hourly(tmp_path / "a.parquet", "2013-01-30", rows=96)
    # Row 47 is of 23:00, an hour before the clock: after an hour it is known at the clock, and so not before it.
    table = collected(tmp_path, path="a.parquet", time="at", known_after=after)
    assert max(n for (n,) in rows(table, "n")) == last
    assert table.rows == last + 1


@pytest.mark.parametrize("after", ["1 month", "2 years"])
def test_a_span_of_no_fixed_length_is_refused(tmp_path: Path, after: str) -> None:
    hourly(tmp_path / "a.parquet", "2013-01-30")
    with pytest.raises(ConfigurationError, match=r"events\.known_after: .* has no fixed length; write it in"):
        collected(tmp_path, path="a.parquet", time="at", known_after=after)


def test_statistics_and_rows_tell_the_same(tmp_path: Path) -> None:
    written = hourly(tmp_path / "a.parquet", "2013-01-30", rows=40)
    told = collected(tmp_path, path="a.parquet", time="at")
    pq.write_table(pq.read_table(written), tmp_path / "b.parquet", write_statistics=False)
    counted = collected(tmp_path, path="b.parquet", time="at")
    assert (counted.rows, counted.start, counted.end) == (told.rows, told.start, told.end)


def test_a_file_s_row_groups_before_and_after_the_clock_are_told_apart(tmp_path: Path) -> None:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    sql = "SELECT TIMESTAMPTZ '2013-01-01 00:00:00+00' + to_minutes(i::INT) AS at FROM range(100000) r(i)"
    con.execute(f"COPY ({sql}) TO '{tmp_path / 'a.parquet'}' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
    table = collected(tmp_path, path="a.parquet", time="at")
    assert (table.rows, table.end) == (31 * 24 * 60, "2013-01-31T23:59:00+00:00")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_null_times_are_counted_and_their_file_named(tmp_path: Path, ending: str) -> None:
    hourly(tmp_path / "1.parquet", "2013-01-01")
    at = "CASE WHEN i % 8 > 0 THEN TIMESTAMPTZ '2013-01-02 00:00:00+00' END"
    parquet(tmp_path / "2.parquet", f"SELECT {at} AS at, i AS n, 'x' AS s FROM range(24) r(i)")
    if ending == "csv":
        for number in (1, 2):
            file = tmp_path / f"{number}.parquet"
            duckdb.connect().execute(f"COPY (FROM '{file}') TO '{file.with_suffix('.csv')}' (HEADER)")
    with pytest.raises(DataError, match=rf"events: 2\.{ending}: column at is null in 3 of 24 rows"):
        collected(tmp_path, path=f"*.{ending}", time="at")


def test_a_column_of_nothing_but_null_times_is_refused(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", "SELECT NULL::TIMESTAMPTZ AS at, i AS n FROM range(24) r(i)")
    with pytest.raises(DataError, match="column at is null in 24 of 24 rows"):
        collected(tmp_path, path="a.parquet", time="at")


@pytest.mark.parametrize("value", ["'-infinity'", "'2013-05-01 (BC) 00:00:00'"])
def test_a_time_that_cannot_be_is_refused(tmp_path: Path, value: str) -> None:
    at = f"CASE WHEN i < 2 THEN {value} ELSE '2013-01-01' END::TIMESTAMP"
    parquet(tmp_path / "a.parquet", f"SELECT {at} AS at FROM range(9) r(i)")
    with pytest.raises(DataError, match="column at is infinite, or not of the years 2 to 9998, in 2 of 9 rows"):
        collected(tmp_path, path="a.parquet", time="at")


def test_a_time_column_that_does_not_exist_is_answered_with_the_nearest(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", "SELECT TIMESTAMPTZ '2013-01-01 00:00:00+00' AS time_hour, 1 AS n")
    with pytest.raises(ConfigurationError, match=r"events\.time: there is no column time_hours: did you mean time_h"):
        collected(tmp_path, path="a.parquet", time="time_hours")
    with pytest.raises(ConfigurationError, match=r"there is no column zzz: there are time_hour, n"):
        collected(tmp_path, path="a.parquet", time="zzz")


@pytest.mark.parametrize(("value", "kind"), [("'soon'", "VARCHAR"), ("20130101", "INTEGER"), ("TIME '10:00'", "TIME")])
def test_a_time_column_that_is_no_time_is_refused(tmp_path: Path, value: str, kind: str) -> None:
    parquet(tmp_path / "a.parquet", f"SELECT {value} AS at")
    with pytest.raises(DataError, match=f"column at is {kind}, not a time: a timestamp or a date is required"):
        collected(tmp_path, path="a.parquet", time="at")


def test_a_column_of_days_without_dashes_is_refused_with_the_setting_that_reads_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("at,n\n20130101,1\n20130102,2\n")
    with pytest.raises(
        DataError, match=r"column at is BIGINT, not a time: .* set data\.sources\.events\.date_format to %Y%m%d"
    ):
        collected(tmp_path, path="a.csv", time="at")
    assert collected(tmp_path, path="a.csv", time="at", date_format="%Y%m%d").rows == 2


def test_a_table_wholly_after_the_clock_is_refused(tmp_path: Path) -> None:
    hourly(tmp_path / "a.parquet", "2013-02-01")
    with pytest.raises(DataError, match=r"none of the 24 rows is before the data cutoff, data\.until \(2013-02-01"):
        collected(tmp_path, path="a.parquet", time="at")


@pytest.mark.parametrize("column", ['a "quoted" column', "a.b", "it's", "a, b"])
def test_a_time_column_s_name_is_only_a_name(tmp_path: Path, column: str) -> None:
    hourly(tmp_path / "plain.parquet", "2013-01-31", rows=48)
    quoted = '"' + column.replace('"', '""') + '"'
    parquet(tmp_path / "a.parquet", f"SELECT \"at\" AS {quoted}, n FROM '{tmp_path / 'plain.parquet'}'")
    table = collected(tmp_path, path="a.parquet", time=column)
    assert (table.rows, len(rows(table, "n"))) == (24, 24)


@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_a_time_that_is_computed_from_numbers_is_cut_as_any_other(tmp_path: Path, format: str) -> None:
    select = (
        "SELECT i AS n, 1359504000 + 3600 * i AS created, (1359504000 + 3600 * i) * 1000 AS ms, 2013 AS y, "
        "1 + i // 48 AS m FROM range(96) r(i)"
    )
    duckdb.sql(select).write_csv(str(tmp_path / "a.csv")) if format == "csv" else parquet(
        tmp_path / "a.parquet", select
    )
    given = {"until": "2013-02-01", "path": f"a.{format}", "time": "at"}
    for how in ({"seconds": "created"}, {"milliseconds": "ms"}):
        table = collected(tmp_path, **given, time_from=how)
        assert (table.rows, table.end) == (48, "2013-01-31T23:00:00+00:00")
        assert table.columns["at"] == "TIMESTAMP WITH TIME ZONE"
        assert from_json(to_json({"t": table})) == {"t": table}
    monthly = collected(tmp_path, **given, time_from={"year": "y", "month": "m"})
    assert (monthly.rows, monthly.columns["at"], monthly.digest != table.digest) == (48, "DATE", True)
    with pytest.raises(DataError, match=r"column at is null in 65 of 96 rows, so the data cutoff cannot be applied"):
        collected(tmp_path, **given, time_from={"year": "y", "month": "m", "day": "n"})
    with pytest.raises(ConfigurationError, match=r"time_from.seconds: there is no column creatd: did you mean created"):
        collected(tmp_path, **given, time_from={"seconds": "creatd"})
    with pytest.raises(ConfigurationError, match="the table has a column n: the time that time_from makes needs"):
        collected(tmp_path, **{**given, "time": "n"}, time_from={"seconds": "created"})


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"path": "a.csv", "time_from": {"seconds": "s"}}, "give that column a name"),
        ({"path": "a.csv", "time": "at", "time_from": {"month": "m"}}, "time_from has one of `seconds`"),
        ({"query": "SELECT 1", "database": "DB", "time": "at", "time_from": {"seconds": "s"}}, "in the query"),
    ],
)
def test_a_computed_time_that_is_not_clear_is_refused(source: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Source.model_validate(source)
