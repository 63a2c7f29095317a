"""On the example's suites DuckDB finds what pandas finds: on the data as it is, and on data that is broken."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import ibis
import pytest
from example import KEYS, ROOT, SUITES, clock

from flights.features import prepare
from mainline.data.validation.run import check
from mainline.data.validation.suites import load_suite
from mainline.data.validation.table import NAME, examined, opened

pytestmark = pytest.mark.slow

SCHEDULE, OUTCOMES = (f"SELECT * FROM '{ROOT}/data/raw/{name}/*.parquet'" for name in ("schedule", "outcomes"))
EARLY = "date < '2013-06-01'"  # months enough for what is broken in one of them
SOME, SOME_OUTCOMES = (f"SELECT * FROM ({sql}) WHERE {EARLY}" for sql in (SCHEDULE, OUTCOMES))
NAMES = ("weather", "planes", "airlines")
WEATHER, PLANES, AIRLINES = (f"SELECT * FROM '{ROOT}/data/raw/{name}.parquet'" for name in NAMES)
MARCH = "CASE WHEN month(date) = 3 THEN"
CASES = {
    "schedule": [
        SCHEDULE,
        f"SELECT * REPLACE ({MARCH} lower(carrier) ELSE carrier END AS carrier) FROM ({SOME})",
        f"SELECT * REPLACE ({MARCH} (distance * 1.6)::SMALLINT ELSE distance END AS distance) FROM ({SOME})",
        f"SELECT * FROM ({SOME}) WHERE NOT date BETWEEN '2013-02-03' AND '2013-02-05' AND dest <> 'ATL'",
        f"SELECT * REPLACE (time_hour + INTERVAL 5 HOUR AS time_hour, dest || ' ' AS dest) FROM ({SCHEDULE})",
        f"{SOME} UNION ALL (SELECT * FROM ({SOME}) WHERE month(date) = 3)",
    ],
    "outcomes": [
        OUTCOMES,
        f"SELECT * REPLACE ({MARCH} NULL ELSE arr_delay END AS arr_delay, "
        f"dep_delay::INTEGER * 60 AS dep_delay) "
        f"FROM ({SOME_OUTCOMES})",
        f"SELECT * REPLACE (arr_time::VARCHAR AS arr_time, known_at::DATE AS known_at) FROM ({SOME_OUTCOMES})",
    ],
    "weather": [
        WEATHER,
        f"SELECT * REPLACE (CASE WHEN month(time_hour) = 7 THEN (temp - 32) / 1.8 ELSE temp END AS temp, "
        f"coalesce(pressure, 999.9) AS pressure, CASE WHEN month(time_hour) = 5 THEN 50 ELSE humid END AS humid) "
        f"FROM ({WEATHER})",
        f"SELECT * EXCLUDE dewp REPLACE (time_hour + INTERVAL 7 HOUR AS time_hour) FROM ({WEATHER})",
    ],
    "planes": [PLANES],
    "airlines": [AIRLINES, f"SELECT * FROM ({AIRLINES}) LIMIT 0"],
}  # fmt: skip


def both(table: str, sql: str) -> list[list[Any]]:
    suite, said = load_suite(SUITES / f"{table}.yaml"), []
    until = {"until": clock("2013-06-01" if EARLY in sql else "2014-01-01")}
    with opened(sql, keep=True) as connection:
        for rows in (connection.execute(f"SELECT * FROM {NAME}").df(), examined(connection)):
            checked = check(table, rows, suite, KEYS[table], until)
            found = [json.dumps(dataclasses.asdict(each), default=str) for each in checked.expectations]
            results = checked.record.results if checked.record else []
            said.append([*found, *(json.dumps(each.to_json_dict()["result"], default=str) for each in results)])
    return said


@pytest.mark.parametrize(("table", "place"), [(table, place) for table in CASES for place in range(len(CASES[table]))])
def test_duckdb_finds_what_pandas_finds(table: str, place: int) -> None:
    by_pandas, by_table = both(table, CASES[table][place])
    assert by_table == by_pandas
    if place:
        assert any('"success": false' in found for found in by_table)


def test_duckdb_finds_what_pandas_finds_in_the_frame(tmp_path: Path) -> None:
    raw = {"schedule": SCHEDULE, "outcomes": OUTCOMES, "weather": WEATHER, "planes": PLANES, "airlines": AIRLINES}
    backend = ibis.duckdb.connect()
    for name, sql in raw.items():
        backend.raw_sql(f"CREATE VIEW {name} AS {sql}")
    prepared = ibis.to_sql(prepare({name: backend.table(name) for name in raw}), dialect="duckdb")
    backend.raw_sql(f"COPY ({prepared}) TO '{tmp_path}/frame.parquet'")
    halved = f"{MARCH} temp / 2 ELSE temp END AS temp, 1 AS hour"
    frame = f"FROM '{tmp_path}/frame.parquet'"
    for sql in (f"SELECT * {frame}", f"SELECT * REPLACE ({halved}) {frame} WHERE {EARLY}"):
        by_pandas, by_table = both("frame", sql)
        assert by_table == by_pandas
