"""Small tables for tests, as real files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from mainline.config.schema import Data
from mainline.data.collect import Collected, collect, relation_sql
from mainline.data.sources.duckdb_scan import reading

HOURS = """
SELECT TIMESTAMPTZ '{start}' + to_hours(i::INT) AS at, i AS n, 'x' || i AS s FROM range({rows}) r(i)
"""


def parquet(path: Path, sql: str) -> Path:
    """Write a query's rows to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with reading() as con:
        con.sql(sql).write_parquet(str(path))
    return path


def hourly(path: Path, start: str, rows: int = 24) -> Path:
    """Write a Parquet file with a row an hour from `start` on: `at`, `n` and `s`."""
    return parquet(path, HOURS.format(start=f"{start} 00:00:00+00" if len(start) == 10 else start, rows=rows))


def data(until: str = "2013-02-01", timezone: str = "UTC", **sources: dict[str, Any]) -> Data:
    return Data(until=dt.date.fromisoformat(until), timezone=timezone, sources=sources)


def collected(root: Path, until: str = "2013-02-01", timezone: str = "UTC", **source: Any) -> Collected:
    """The one table of a source, collected below `root` with the cache in `root/.cache`."""
    return collect(data(until, timezone, events=source), root, root / ".cache")["events"]


def rows(table: Collected, columns: str = "*") -> list[tuple[Any, ...]]:
    """What the model would read of the table."""
    with reading() as con:
        con.execute("SET TimeZone = 'Asia/Tokyo'")  # no session's zone may move the clock
        return con.execute(f"SELECT {columns} FROM ({relation_sql(table)}) ORDER BY ALL").fetchall()
