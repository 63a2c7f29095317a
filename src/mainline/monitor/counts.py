"""Counting in DuckDB: every feature's values in bins, day by day. Nothing is loaded whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mainline.rows import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

MISSING = ""
DECILES = [n / 10 for n in range(1, 10)]


@dataclass(frozen=True)
class Counted:
    """Rows of one column by day and bin: `table` (days, bins); the first bin holds what is missing."""

    days: list[dt.date]
    bins: list[str]
    table: NDArray[Any]


def edges(connection: DuckDBPyConnection, source: str, names: Sequence[str]) -> dict[str, list[float]]:
    """The distinct deciles of each column; each is a value of the data, and the upper end of its bin."""
    if not names:
        return {}
    wanted = ", ".join(f"quantile_disc({known(name)}, {DECILES})" for name in names)
    found = connection.execute(f"SELECT {wanted} FROM {source}").fetchone() or ()
    return {name: sorted(set(values or [])) for name, values in zip(names, found, strict=True)}


def numeric(connection: DuckDBPyConnection, source: str, day: str, name: str, ends: Sequence[float]) -> Counted:
    """A bin reaches from above one edge up to and including the next: ties stay together."""
    above = " + ".join(f"({known(name)} > {end!r}::DOUBLE)::INT" for end in ends) or "0"
    place = f"CASE WHEN {known(name)} IS NULL THEN 0 ELSE 1 + {above} END"
    bins = [MISSING, *(f"≤ {end:g}" for end in ends), f"> {ends[-1]:g}" if ends else "known"]
    return _counted(connection, f"SELECT {day}, {place}, count(*) FROM {source} GROUP BY 1, 2", bins)


def categorical(
    connection: DuckDBPyConnection, source: str, day: str, name: str, values: Sequence[str] | None = None
) -> Counted:
    """Without `values`, the bins are the values found; with them, all others share the last bin."""
    text = f"coalesce({quoted(name)}::VARCHAR, '')"
    if values is None:
        found = connection.execute(f"SELECT DISTINCT {text} AS v FROM {source} ORDER BY v").fetchall()
        values = [value for (value,) in found if value != MISSING]
    bins = [MISSING, *values, "other"]
    connection.execute("CREATE OR REPLACE TEMP TABLE known_values (v VARCHAR PRIMARY KEY, place INTEGER)")
    if values:
        connection.execute(
            "INSERT INTO known_values SELECT unnest(?), unnest(?)", [list(values), list(range(1, 1 + len(values)))]
        )
    return _counted(
        connection,
        f"SELECT d, CASE WHEN t = '' THEN 0 ELSE coalesce(place, {len(bins) - 1}) END, sum(n)::BIGINT FROM "
        f"(SELECT {day} AS d, {text} AS t, count(*) AS n FROM {source} GROUP BY 1, 2) "
        "LEFT JOIN known_values ON v = t GROUP BY 1, 2",
        bins,
    )


def known(name: str) -> str:
    """A column's numbers; NULL for NaN, and for text that is no number."""
    number = f"TRY_CAST({quoted(name)} AS DOUBLE)"
    return f"CASE WHEN isnan({number}) THEN NULL ELSE {number} END"


def by_category(found: Mapping[str, int], values: Sequence[str]) -> list[int]:
    """Counts in the order of the bins that `categorical` makes of `values`."""
    other = sum(count for value, count in found.items() if value not in {MISSING, *values})
    return [found.get(MISSING, 0), *(found.get(value, 0) for value in values), other]


def _counted(connection: DuckDBPyConnection, sql: str, bins: list[str]) -> Counted:
    import numpy as np

    rows = connection.execute(sql).fetchall()
    days = sorted({row[0] for row in rows})
    place = {day: index for index, day in enumerate(days)}
    table = np.zeros((len(days), len(bins)), dtype=np.int64)
    for day, bin_, count in rows:
        table[place[day], bin_] += count
    return Counted(days, bins, table)
