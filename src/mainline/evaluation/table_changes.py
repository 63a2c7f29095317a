"""Which rows of each table were added, removed and changed since the baseline's run, and how many by day.

Rows are compared by all their columns. A row that was removed and a row that was added under the same key are one row
that changed. The key of a table is not declared: it is the frame's key with the table's time where those columns
identify every row, else the first columns that do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from mainline.data.collect import Collected, relation_sql
from mainline.data.sources.duckdb_scan import connect, name, text
from mainline.evaluation.results import DayChange, TableChange

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LONGEST_KEY = 4  # of the first columns that are tried
MOST_DAYS = 120  # in the report: longer spans are counted by month
APPROXIMATE = ("FLOAT", "DOUBLE", "DECIMAL")  # no keys


def changed_tables(ours: Mapping[str, Collected], theirs: Mapping[str, Collected], key: list[str]) -> list[TableChange]:
    """The tables whose rows before their cutoffs differ, in the order of the settings; then those that are gone."""
    found = []
    for table in ours:
        if table not in theirs:
            found.append(TableChange(table, [], added=ours[table].rows, note="the table is new"))
        elif ours[table].digest != theirs[table].digest:
            found.append(change_of(ours[table], theirs[table], key))
    gone = [table for table in theirs if table not in ours]
    return [
        *(each for each in found if each.rows or each.later or each.note),
        *(TableChange(table, [], removed=theirs[table].rows, note="the table is gone") for table in gone),
    ]


def change_of(ours: Collected, theirs: Collected, key: list[str]) -> TableChange:
    """The difference of one table up to the earlier data cutoff; `later` counts the rows between both cutoffs."""
    shared = [column for column in ours.columns if column in theirs.columns]
    other = [f"column {column} is new" for column in ours.columns if column not in shared]
    other += [f"column {column} is gone" for column in theirs.columns if column not in shared]
    known, known_then = up_to(theirs, ours), up_to(ours, theirs)
    with closing(connect()) as con:
        chosen = ", ".join(map(name, shared))
        con.execute(f"CREATE TEMP VIEW ours AS SELECT {chosen} FROM ({relation_sql(known)})")
        con.execute(f"CREATE TEMP VIEW theirs AS SELECT {chosen} FROM ({relation_sql(known_then)})")
        con.execute("CREATE TEMP TABLE added AS (FROM ours EXCEPT ALL FROM theirs)")
        con.execute("CREATE TEMP TABLE removed AS (FROM theirs EXCEPT ALL FROM ours)")
        same = identifying(con, ours, shared, key)
        if same:
            by = f"SELECT {', '.join(map(name, same))}"
            con.execute(f"CREATE TEMP TABLE changed AS ({by} FROM added INTERSECT {by} FROM removed)")
            using = f"USING ({', '.join(map(name, same))})"
            con.execute(f"CREATE TEMP TABLE now AS (SELECT added.* FROM added SEMI JOIN changed {using})")
            for table in ("added", "removed"):
                con.execute(
                    f"CREATE OR REPLACE TEMP TABLE {table} AS (SELECT * FROM {table} ANTI JOIN changed {using})"
                )
        else:
            con.execute("CREATE TEMP TABLE now AS (FROM added LIMIT 0)")
        counts = {table: _count(con, table) for table in ("added", "removed", "now")}
        days, period = by_day(con, ours) if ours.time in shared and any(counts.values()) else ([], "day")
        now, then = (_count(con, f"({relation_sql(table)})") for table in (ours, theirs))
        later = (now - _count(con, "ours")) - (then - _count(con, "theirs"))
    if not same and counts["added"] and counts["removed"]:
        other.append("no columns identify a row, so a changed row counts as removed and added")
    return TableChange(
        ours.name,
        same,
        counts["added"],
        counts["removed"],
        counts["now"],
        later,
        days,
        period,
        "; ".join(other) or None,
    )


def up_to(other: Collected, table: Collected) -> Collected:
    """The table as the other version's data cutoff would cut it, where that is the earlier one."""
    if table.before is None or other.before is None:
        return table
    return dataclasses.replace(table, before=min(table.before, other.before))


def identifying(con: DuckDBPyConnection, table: Collected, shared: list[str], key: list[str]) -> list[str]:
    """The first of the candidate keys that no two rows of a version have in common; none where there is none."""
    for candidate in candidates(table, shared, key):
        columns = ", ".join(map(name, candidate))
        twice = [
            con.execute(f"SELECT 1 FROM {version} GROUP BY {columns} HAVING count(*) > 1 LIMIT 1").fetchone()
            for version in ("ours", "theirs")
        ]
        if not any(twice):
            return candidate
    return []


def candidates(table: Collected, shared: list[str], key: list[str]) -> Iterator[list[str]]:
    own = [column for column in key if column in shared]
    if own:
        yield own
        if table.time in shared and table.time not in own:
            yield [*own, str(table.time)]
    exact = [column for column in shared if not table.columns[column].startswith(APPROXIMATE)]
    for length in range(1, min(LONGEST_KEY, len(exact)) + 1):
        yield exact[:length]


def by_day(con: DuckDBPyConnection, table: Collected) -> tuple[list[DayChange], str]:
    """How many rows of each day differ: by the table's time, in its time zone; by month where that is a long span."""
    time = name(str(table.time))
    local = f"timezone({text(table.timezone)}, {time})" if "ZONE" in table.columns[str(table.time)] else time
    parts = " UNION ALL ".join(
        f"SELECT {local} AS moment, '{kind}' AS kind FROM {kind}" for kind in ("added", "removed", "now")
    )
    for period in ("day", "month"):
        shape = "%Y-%m-%d" if period == "day" else "%Y-%m"
        counted = ", ".join(f"count(*) FILTER (kind = '{kind}')" for kind in ("added", "removed", "now"))
        sql = f"SELECT strftime(moment, '{shape}') AS day, {counted} FROM ({parts}) GROUP BY 1 ORDER BY 1"
        found = con.execute(sql).fetchall()
        if len(found) <= MOST_DAYS:
            break
    return [DayChange(str(day), *counts) for day, *counts in found], period


def _count(con: DuckDBPyConnection, relation: str) -> int:
    ((count,),) = con.execute(f"SELECT count(*) FROM {relation}").fetchall()
    return int(count)
