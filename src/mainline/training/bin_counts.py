"""Counts in DuckDB: the values of each feature by bin and day. No table is loaded into memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mainline.data.sources.duckdb_scan import text
from mainline.data.split import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

MISSING = ""


@dataclass(frozen=True)
class Counted:
    """Rows of one column by day and bin: `table` (days, bins); the first bin counts missing values."""

    days: list[dt.date]
    table: NDArray[Any]


def numeric(
    connection: DuckDBPyConnection, source: str, day: str, ends: Mapping[str, Sequence[float]]
) -> dict[str, Counted]:
    """Count the rows of each column by its `ends`, in one pass: a bin excludes its lower and includes its upper end.

    Values are compared as 32-bit floats, the type of the values in the frame that the ends come from. A value that is
    not a number counts as missing.
    """
    import numpy as np

    if not ends:
        return {}
    names = list(ends)
    inner = ", ".join(f"{known(name)} AS {quoted(name)}" for name in names)
    counted = ", ".join(f"count({quoted(n)}), histogram({quoted(n)}, {list(ends[n])!r}::FLOAT[])" for n in names)
    rows = connection.execute(
        f"SELECT d, count(*), {counted} FROM (SELECT {day} AS d, {inner} FROM {source}) GROUP BY d ORDER BY d"
    ).fetchall()
    days = [row[0] for row in rows]
    counts = {}
    for place, name in enumerate(names):
        table = np.zeros((len(rows), len(ends[name]) + 2), dtype=np.int64)
        for number, row in enumerate(rows):
            there, bins = row[2 + 2 * place], row[3 + 2 * place] or {}
            by_end = [bins.get(np.float32(end).item(), 0) for end in ends[name]]
            table[number] = [row[1] - there, *by_end, there - sum(by_end)]
        counts[name] = Counted(days, table)
    return counts


def categorical(connection: DuckDBPyConnection, source: str, day: str, name: str, values: Sequence[str]) -> Counted:
    """Count rows by `values`; all other values share the last bin. Empty text counts as missing."""
    import numpy as np

    bins = len(values) + 2
    listed = ", ".join(text(value) for value in values)
    shown = f"coalesce({quoted(name)}::VARCHAR, '')"
    place = f"list_position([{listed}]::VARCHAR[], t)" if values else "NULL"
    rows = connection.execute(
        f"SELECT d, CASE WHEN t = '' THEN 0 ELSE coalesce({place}, {bins - 1}) END, sum(n)::BIGINT FROM "
        f"(SELECT {day} AS d, {shown} AS t, count(*) AS n FROM {source} GROUP BY 1, 2) GROUP BY 1, 2"
    ).fetchall()
    days = sorted({row[0] for row in rows})
    at = {date: index for index, date in enumerate(days)}
    table = np.zeros((len(days), bins), dtype=np.int64)
    for date, bin_, count in rows:
        table[at[date], bin_] += count
    return Counted(days, table)


def known(name: str) -> str:
    """SQL for a column's numbers; NULL for NaN and for text that is not a number."""
    number = f"TRY_CAST({quoted(name)} AS FLOAT)"
    return f"CASE WHEN isnan({number}) THEN NULL ELSE {number} END"
