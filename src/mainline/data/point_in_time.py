"""The time-travel check: a frame prepared from the past must be the past of the frame.

Prepared again from the raw tables as they stood at an earlier moment, the rows before that moment
must come out identical. Where they do not, a feature has seen what was not yet known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.schema import Settings
from mainline.data.collect import Collected
from mainline.data.prepare import prepared, show
from mainline.data.split import ROW_ID, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Leak:
    """A feature whose past values change once the future is known."""

    column: str
    moment: str
    rows: int
    of: int  # rows before the moment
    example: str

    def __str__(self) -> str:
        return (
            f"{self.column} saw the future: prepared as of {self.moment}, "
            f"{self.rows:,} earlier rows have another value, such as {self.example}"
        )


def check(settings: Settings, tables: Mapping[str, Collected], frame: Path) -> list[Leak]:
    """Prepare as of `prepare.time_travel_checks` moments and compare every feature with `frame`.

    The moments are times of rows, at evenly spaced quantiles: in the middle of whatever hour or
    day is busy, where a feature that looks ahead to the end of its period shows itself.
    """
    if not settings.prepare.time:
        return []
    found: dict[str, Leak] = {}
    made = None
    for moment in moments(settings, frame):
        if made is None:
            made = prepared(settings, tables, moment)
        else:
            # The same query over other views: had the function looked at values, the first moment would show it.
            show(made.connection, made.tables, moment)
        for leak in leaks_at(settings, made.connection, made.sql, frame, moment):
            found.setdefault(leak.column, leak)
    return list(found.values())


def moments(settings: Settings, frame: Path) -> list[dt.datetime]:
    import duckdb

    checks = settings.prepare.time_travel_checks
    shares = [(n + 1) / (checks + 1) for n in range(checks)]
    time = quoted(settings.prepare.time or "")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(
            f"SELECT quantile_disc({time}, {shares}) FROM read_parquet('{frame}')" if shares else "SELECT []"
        ).fetchone()
    return sorted(set(found[0])) if found else []


def leaks_at(
    settings: Settings, connection: DuckDBPyConnection, sql: str, frame: Path, moment: dt.datetime
) -> list[Leak]:
    features = settings.prepare.features.names
    time = quoted(settings.prepare.time or "")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE _then AS SELECT * FROM ({sql}) WHERE {time} < $1", [moment])
    differs = [f"t.{quoted(name)} IS DISTINCT FROM n.{quoted(name)}" for name in features]
    joined = f"_then t JOIN read_parquet('{frame}') n USING ({ROW_ID})"
    counts = connection.execute(
        f"SELECT {', '.join(f'count(*) FILTER ({condition})' for condition in differs)} FROM {joined}"
    ).fetchone()
    assert counts
    earlier = connection.execute(f"SELECT count(*) FROM read_parquet('{frame}') n WHERE n.{time} < $1", [moment])
    (before,) = earlier.fetchone() or (0,)
    leaks = rows_only_now(connection, settings, frame, moment, before)
    for name, condition, count in zip(features, differs, counts, strict=True):
        if count:
            key = ", ".join(f"n.{quoted(column)}" for column in settings.prepare.key)
            row = connection.execute(
                f"SELECT t.{quoted(name)}, n.{quoted(name)}, {key} FROM {joined} "
                f"WHERE {condition} ORDER BY n.{time} DESC, {ROW_ID} LIMIT 1"
            ).fetchone()
            assert row
            then, now, *values = row
            where = ", ".join(f"{n}={v}" for n, v in zip(settings.prepare.key, values, strict=True))
            example = f"{then} then, {now} now at {where}"
            leaks.append(Leak(name, f"{moment:%Y-%m-%d %H:%M %Z}".strip(), count, before, example))
    return leaks


def rows_only_now(
    connection: DuckDBPyConnection, settings: Settings, frame: Path, moment: dt.datetime, before: int
) -> list[Leak]:
    """Rows that did not exist then: which rows are in the frame must not depend on their outcomes."""
    time = quoted(settings.prepare.time or "")
    key = ", ".join(map(quoted, settings.prepare.key))
    missing = f"read_parquet('{frame}') n ANTI JOIN _then USING ({ROW_ID}) WHERE n.{time} < $1"
    count = connection.execute(f"SELECT count(*) FROM {missing}", [moment]).fetchone()
    if not count or not count[0]:
        return []
    row = connection.execute(f"SELECT {key} FROM {missing} ORDER BY {ROW_ID} LIMIT 1", [moment]).fetchone()
    where = ", ".join(f"{n}={v}" for n, v in zip(settings.prepare.key, row or (), strict=True))
    return [
        Leak(
            "the presence of rows",
            f"{moment:%Y-%m-%d %H:%M %Z}".strip(),
            count[0],
            before,
            f"absent then, present now at {where}",
        )
    ]
