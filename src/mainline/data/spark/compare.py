"""Whether Spark's rows are DuckDB's: all of them, or those of an early part of the tables, bit by bit."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.schema import Settings
from mainline.data.collect import Collected
from mainline.data.sources.duckdb_scan import parquet_file
from mainline.data.spark import frame as by_spark
from mainline.data.split import ROW_ID, quoted
from mainline.errors import ConfigurationError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def refuse_other_rows(settings: Settings, made: by_spark.Preparation, frame: Path) -> None:
    """Prepare on DuckDB as well, and compare with Spark's `frame` row by row.

    With more than `data.spark.checked_rows` rows in the tables, both engines prepare a part of them.

    Raises
    ------
    ConfigurationError
        With the first row that differs.
    """
    most = settings.data.spark.checked_rows
    if not most:
        return
    ours = made.finished(made.sql)
    if by_spark.is_compared(settings, made.tables):
        compare(settings, made.connection, ours, f"SELECT * FROM {parquet_file(frame)}")
        return
    reached = False
    while not reached:  # a part without a row of the frame shows nothing
        part = early(made.tables, most)
        smaller = dataclasses.replace(made, tables=part)
        made.show(part)
        with by_spark.computed(settings, smaller, frame.parent) as sql:
            reached = compare(settings, made.connection, ours, sql) > 0 or part == made.tables
        most *= 4
    made.show(made.tables)


def early(tables: Mapping[str, Collected], most: int) -> dict[str, Collected]:
    """The tables as far as they reach until an early moment.

    Tables without a time stay whole: what is joined to the others is in them.
    """
    timed = [table for table in tables.values() if table.start and table.end and table.before]
    rows = sum(table.rows for table in timed)
    if most >= rows:
        return dict(tables)
    start = min(dt.datetime.fromisoformat(str(table.start)) for table in timed)
    end = max(dt.datetime.fromisoformat(str(table.end)) for table in timed)
    until = start + (end - start) * (most / rows)
    found = dict(tables)
    for table in timed:
        after = dt.timedelta(microseconds=table.known_after or 0)
        assert table.before
        found[table.name] = dataclasses.replace(table, before=min(table.before, until + after))
    return found


def compare(settings: Settings, connection: DuckDBPyConnection, ours: str, theirs: str) -> int:
    """The number of rows, which are all the same."""
    names = [name for name, *_ in connection.execute(f"DESCRIBE {ours}").fetchall() if name != ROW_ID]
    connection.execute(f"CREATE OR REPLACE TEMP TABLE _duckdb AS {ours}")
    connection.execute(f"CREATE OR REPLACE TEMP VIEW _spark AS {theirs}")
    differs = [f"d.{quoted(name)} IS DISTINCT FROM s.{quoted(name)}" for name in names]
    missing = f"d.{ROW_ID} IS NULL OR s.{ROW_ID} IS NULL"
    joined = f"FROM _duckdb d FULL JOIN _spark s USING ({ROW_ID}) WHERE {' OR '.join([missing, *differs])}"
    try:
        (count,) = connection.execute(f"SELECT count(*) {joined}").fetchone() or (0,)
        (rows,) = connection.execute("SELECT count(*) FROM _duckdb").fetchone() or (0,)
        if not count:
            return int(rows)
        both = [f"{side}.{quoted(name)}" for name in names for side in "ds"]
        first = connection.execute(
            f"SELECT d.{ROW_ID} IS NULL, s.{ROW_ID} IS NULL, {', '.join(both)} {joined} ORDER BY ALL LIMIT 1"
        ).fetchone()
    finally:
        connection.execute("DROP VIEW _spark")
        connection.execute("DROP TABLE _duckdb")
    assert first
    raise ConfigurationError(
        f"params.yaml: data.engine: spark: Spark's result differs from DuckDB's in {count:,} of {rows:,} rows, so it "
        f"was not kept: {example(settings, names, first)}. Compute it in a way that is the same on both, or use "
        "data.engine: duckdb"
    )


def example(settings: Settings, names: list[str], row: tuple[object, ...]) -> str:
    only_spark, only_duckdb, *values = row
    pairs = dict(zip(names, zip(values[::2], values[1::2], strict=True), strict=True))
    side = 1 if only_spark else 0
    where = ", ".join(f"{name}={pairs[name][side]}" for name in settings.prepare.key)
    if only_spark or only_duckdb:
        return f"the row {where} is in the result of {'Spark' if only_spark else 'DuckDB'} alone"
    name, (duckdb, spark) = next(each for each in pairs.items() if each[1][0] != each[1][1])
    return f"{name} is {spark!r} on Spark and {duckdb!r} on DuckDB in the row {where}"
