"""The rules of the frame's suite that single values can break, asked of a log."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from mainline.monitoring import log_expectations
from mainline.monitoring.window import Window

SUITE = """\
expectations:
  - type: expect_column_values_to_be_between
    kwargs: {column: minutes, min_value: 0, max_value: 240}
  - type: expect_column_values_to_be_in_set
    kwargs: {column: shop, value_set: [north, south]}
    severity: warning
  - type: expect_column_values_to_not_be_null
    kwargs: {column: minutes, mostly: 0.5}
  - type: expect_column_values_to_match_regex
    kwargs: {column: shop, regex: "^[a-z]+$"}
  - type: expect_column_values_to_not_be_null
    kwargs: {column: gone}
  - type: expect_table_row_count_to_be_between
    kwargs: {min_value: 1000}
"""
ROWS = [(10.0, "north"), (241.0, "south"), (-1.0, "SOUTH"), (None, None)]


def window(connection: duckdb.DuckDBPyConnection, rows: list[tuple[float | None, str | None]]) -> Window:
    connection.execute("CREATE OR REPLACE TABLE log (minutes DOUBLE, shop VARCHAR)")
    connection.executemany("INSERT INTO log VALUES (?, ?)", rows)
    return Window(connection, rows=len(rows), columns={"minutes": "DOUBLE", "shop": "VARCHAR"})


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "frame.yaml"
    path.write_text(SUITE)
    return path


def test_rows_that_break_a_rule_are_counted_by_it(suite: Path) -> None:
    with duckdb.connect() as connection:
        found = log_expectations.broken(window(connection, ROWS), suite, ["minutes"])
    assert [(b.column, b.rows, b.critical) for b in found] == [
        ("minutes", 2, True),  # beyond both ends
        ("shop", 1, False),  # a warning in training is no more here
        ("shop", 1, True),
    ]


def test_rows_like_those_of_training_break_none(suite: Path) -> None:
    with duckdb.connect() as connection:
        assert log_expectations.broken(window(connection, [(0.0, "north"), (240.0, "south")]), suite, ["minutes"]) == []
        assert log_expectations.broken(window(connection, ROWS), suite.with_name("none.yaml"), ["minutes"]) == []


def test_more_missing_values_than_the_rule_allows_are_reported(suite: Path) -> None:
    with duckdb.connect() as connection:
        rows: list[tuple[float | None, str | None]] = [(None, "north"), (None, "north"), (1.0, "north")]
        (found,) = log_expectations.broken(window(connection, rows), suite, ["minutes"])
    assert (found.rows, found.rule) == (2, "must not be missing")
