"""What is measured of each column, over all rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import duckdb
import pytest

from mainline.init import profile as profiles
from mainline.init.proposal import Column

SQL = """
SELECT i AS n, i / 4 AS half, CASE WHEN i = 3 THEN 'nan'::DOUBLE WHEN i < 2 THEN NULL ELSE i + 0.0 END AS gaps,
       i % 2 = 0 AS even, 'two  words' || (i % 3) AS said, DATE '2026-01-01' + i::INT AS day,
       TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_hours(i::INT) AS at, [i] AS many, NULL::VARCHAR AS nothing
FROM range(10) AS numbers(i)
"""


def measured(rows: str = SQL) -> Mapping[str, Column]:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        types = {name: kind for name, kind, *_ in con.execute(f"DESCRIBE {rows}").fetchall()}
        return {column.name: column for column in profiles.profile(con, rows, types)}


def test_each_kind_of_column_is_measured() -> None:
    found = measured()
    n, half, gaps = found["n"], found["half"], found["gaps"]
    assert (n.rows, n.missing, n.distinct, n.minimum, n.maximum, n.mean, n.whole) == (10, 0, 10, 0, 9, 4.5, True)
    assert (half.whole, half.maximum) == (False, 2.25)
    assert (gaps.missing, gaps.distinct, gaps.whole, gaps.minimum) == (3, 7, True, 2.0), "not a number is missing"
    assert found["even"].top == (("false", 5), ("true", 5))
    said = found["said"]
    assert (said.top[0], said.longest, said.words) == (("two  words0", 4), 11, 2.0)
    assert (found["day"].maximum, found["at"].maximum) == (dt.date(2026, 1, 10), dt.datetime(2026, 1, 1, 9))
    assert (found["many"].distinct, found["many"].missing) == (0, 0)
    assert (found["nothing"].distinct, found["nothing"].missing) == (0, 10)


def test_the_columns_are_measured_in_slices_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measured()
    monkeypatch.setattr(profiles, "CELLS", 20)
    assert measured() == whole


def test_equally_frequent_values_have_one_order_whatever_that_of_the_rows() -> None:
    rows = "SELECT 'v' || i % 70 AS v FROM range(7000) AS numbers(i)"
    assert measured(rows)["v"].top == measured(f"{rows} ORDER BY hash(i)")["v"].top
    assert len(measured(rows)["v"].top) == 50
