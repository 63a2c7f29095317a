"""The data cutoff: which rows of a table lie before it, and the times of the first and the last of them."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mainline.data.sources.duckdb_scan import Layout, name, path_list, run, scan_sql, text
from mainline.data.sources.formats import Files
from mainline.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class Known:
    """What one file contains before the cutoff."""

    rows: int  # before the cutoff
    cut: int  # not before it
    start: dt.datetime | None  # the time of the first and the last row before the cutoff, UTC
    end: dt.datetime | None


@dataclass(frozen=True)
class Cut:
    """The data cutoff as a condition on a column of times.

    A time with a zone is a moment; one without is read as UTC; a date is a day in `zone`, which
    begins at midnight there.
    """

    column: str
    type: str  # DuckDB's
    before: dt.datetime  # a row whose time is this or later is excluded
    zone: str

    @property
    def sql(self) -> str:
        """The condition of a row before the cutoff; it is the same under every session's time zone."""
        return f"{name(self.column)} < {self.literal}"

    @property
    def literal(self) -> str:
        if self.type.endswith("WITH TIME ZONE"):
            return f"TIMESTAMPTZ '{self.before.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S.%f}+00'"
        zone = ZoneInfo(self.zone) if self.type == "DATE" else dt.UTC
        return f"TIMESTAMP '{self.before.astimezone(zone):%Y-%m-%d %H:%M:%S.%f}'"

    def moment(self, micros: int | None) -> dt.datetime | None:
        """UTC, from the microseconds since 1970 by which DuckDB knows a value of the column."""
        if micros is None:
            return None
        found = EPOCH + micros * MICROSECOND
        return found.replace(tzinfo=ZoneInfo(self.zone)).astimezone(dt.UTC) if self.type == "DATE" else found


def check_time(table: str, columns: Mapping[str, str], column: str) -> None:
    """Refuse a time column that does not exist or is not a time; `columns` are names and DuckDB's types."""
    where = f"data.sources.{table}.time"
    if column not in columns:
        near = difflib.get_close_matches(column, columns, n=1)
        said = f"did you mean {near[0]}?" if near else f"there are {', '.join(columns)}"
        raise ConfigurationError(f"{where}: there is no column {column}: {said}")
    kind = columns[column]
    if not (kind == "DATE" or kind.startswith("TIMESTAMP")):
        hint = f"; for dates in text files set data.sources.{table}.date_format" if kind == "VARCHAR" else ""
        if kind.endswith(("INT", "INTEGER")):
            hint = f"; for days as 20260131 in text files set data.sources.{table}.date_format to %Y%m%d"
        raise DataError(f"{where}: column {column} is {kind}, not a time: a timestamp or a date is required{hint}")


def known(con: DuckDBPyConnection, files: Files, layout: Layout, cut: Cut | None) -> dict[Path, Known]:
    """What each file contains before the cutoff, from Parquet's statistics where they are enough.

    Raises
    ------
    DataError
        Where a time is null or infinite.
    """
    if cut is None:
        counts = _row_counts(con, files, layout)
        return {path: Known(counts[path], 0, None, None) for path in files.paths}
    found = _from_statistics(con, files, cut) if layout.format == "parquet" else {}
    rest = [path for path in files.paths if path not in found]
    return found | (_from_rows(con, files, layout, cut, rest) if rest else {})


def _row_counts(con: DuckDBPyConnection, files: Files, layout: Layout) -> dict[Path, int]:
    if layout.format == "parquet":
        scan, rows, file = f"parquet_file_metadata({path_list(files.paths)})", "sum(num_rows)", "file_name"
    else:
        scan, rows, file = scan_sql(files.paths, layout, filename="mainline_file"), "count(*)", "mainline_file"
    counts = {Path(path): int(n) for path, n in run(con, files, f"SELECT {file}, {rows} FROM {scan} GROUP BY ALL")}
    return {path: counts.get(path, 0) for path in files.paths}


def _from_statistics(con: DuckDBPyConnection, files: Files, cut: Cut) -> dict[Path, Known]:
    """The files of which the footer alone says that all rows are known, or that none is."""
    zoned = "TIMESTAMPTZ" if cut.type.endswith("WITH TIME ZONE") else "TIMESTAMP"
    low, high = (f"TRY_CAST(stats_{end}_value AS {zoned})" for end in ("min", "max"))
    sql = f"""
    WITH groups AS (
        SELECT file_name, num_values AS n, stats_null_count AS nulls, {low} AS low, {high} AS high
        FROM parquet_metadata({path_list(files.paths)}) WHERE path_in_schema = {text(cut.column)}
    )
    SELECT file_name, sum(n), bool_and(high < {cut.literal}), bool_and(low >= {cut.literal}),
           epoch_us(min(low)), epoch_us(max(high))
    FROM groups GROUP BY ALL
    HAVING bool_and(coalesce(nulls = 0 AND {_possible("low")} AND {_possible("high")}, false))
    """
    found = {}
    for file, rows, before, after, low, high in run(con, files, sql):
        if before:
            found[Path(file)] = Known(int(rows), 0, cut.moment(low), cut.moment(high))
        elif after:
            found[Path(file)] = Known(0, int(rows), None, None)
    return found


def _from_rows(con: DuckDBPyConnection, files: Files, layout: Layout, cut: Cut, paths: list[Path]) -> dict[Path, Known]:
    column = name(cut.column)
    sql = f"""
    SELECT mainline_file, count(*), count({column}), count(*) FILTER (NOT {_possible(column)}),
           count(*) FILTER ({cut.sql}),
           epoch_us(min({column}) FILTER ({cut.sql})), epoch_us(max({column}) FILTER ({cut.sql}))
    FROM {scan_sql(paths, layout, filename="mainline_file")} GROUP BY ALL
    """
    found = {path: Known(0, 0, None, None) for path in paths}
    for file, rows, timed, odd, before, low, high in run(con, files, sql):
        path = Path(file)
        for wrong, what in ((rows - timed, "null"), (odd, "infinite, or not of the years 2 to 9998,")):
            if wrong:
                said = f"column {cut.column} is {what} in {wrong} of {rows} rows"
                raise DataError(f"{files.origin(path)}: {said}, so the data cutoff cannot be applied")
        found[path] = Known(before, rows - before, cut.moment(low), cut.moment(high))
    return found


def _possible(moment: str) -> str:
    """Finite, and what Python can hold; some drivers hand on infinity as a year long before Christ."""
    return f"(isfinite({moment}) AND year({moment}) BETWEEN 2 AND 9998)"
