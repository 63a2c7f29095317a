"""The time-travel check: a frame prepared from the past must be the past of the frame.

Prepared again from the raw tables as they stood at an earlier moment, the rows before that moment
must come out identical. Where they do not, a feature has seen what was not yet known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.schema import Settings, Span
from mainline.data.collect import Collected, file_ends
from mainline.data.prepare import computed, out_of_memory, prepared, show
from mainline.data.sources.duckdb_scan import SPILLS, naming_a_full_disk, parquet_file
from mainline.data.split import ROW_ID, moment_sql, quoted, sides

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


STRETCHES = 24  # of the frame's time, in which the share of values is looked at: half months of a year
NOTHING, SOMETHING = 0.02, 0.3  # of the largest share in any stretch: between them a column begins or ends
MOST_ENDS = 3  # moments of this kind; each prepares the frame once more


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
    """Prepare as of several moments and compare every feature with `frame`; see `moments`."""
    if not settings.prepare.time:
        return []
    found: dict[str, Leak] = {}
    made = None
    for moment in moments(settings, tables, frame):
        if made is None:
            made = prepared(settings, tables, moment)
            if not settings.data.memory_megabytes:
                made.connection.execute(f"SET memory_limit = '{SPILLS}MB'")
        else:
            # The same query over other views: had the function looked at values, the first moment would show it.
            show(made.connection, made.tables, moment, made.key)
        with computed(settings, made, frame.parent, moment) as rows:
            for leak in within_memory(settings, made.connection, rows, frame, moment):
                found.setdefault(leak.column, leak)
    return list(found.values())


def within_memory(
    settings: Settings, connection: DuckDBPyConnection, sql: str, frame: Path, moment: dt.datetime
) -> list[Leak]:
    """As `leaks_at`; what cannot spill may have what the machine has, unless a limit is set."""
    import duckdb

    try:
        with naming_a_full_disk("the features could not be prepared as of an earlier moment"):
            return leaks_at(settings, connection, sql, frame, moment)
    except duckdb.OutOfMemoryException as error:
        if settings.data.memory_megabytes:
            raise out_of_memory(settings, frame, error) from error
        connection.execute("RESET memory_limit")
        return leaks_at(settings, connection, sql, frame, moment)


def moments(settings: Settings, tables: Mapping[str, Collected], frame: Path) -> list[dt.datetime]:
    """Times of rows, in the middle of whatever hour or day is busy: there a feature that looks ahead shows itself.

    `prepare.time_travel_checks` of them lie at evenly spaced quantiles, the last one in the last training period
    instead; one lies in the holdout, and one where a column begins or ends, since a column that exists only since
    August has no value to roll back in June. Where tables consist of files, such as one a month, the first
    moment is the nearest end of one: what is known only from the next file shows itself there and nowhere else.
    """
    import duckdb

    checks = settings.prepare.time_travel_checks
    if not checks:
        return []
    side, time = sides(settings), moment_sql(settings)
    shares = [(n + 1) / (checks + 1) for n in range(checks)]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        source = parquet_file(frame)
        (spread,) = connection.execute(f"SELECT quantile_disc({time}, {shares}) FROM {source}").fetchone() or ([],)
        found = [after_file(tables, connection, source, time, spread[0]), *spread[1:]]
        if side.start is not None and isinstance(settings.split.holdout, Span):
            earlier = settings.split.holdout.before(side.start).isoformat()
            last = middle_of(connection, source, time, f"({side.train}) AND {time} >= TIMESTAMPTZ '{earlier}'")
            found = [*found[:-1], *last, *middle_of(connection, source, time, side.holdout)]
        else:  # by hash, both sides reach to the end
            found += connection.execute(f"SELECT quantile_disc({time}, 0.95) FROM {source}").fetchone() or ()
        found += column_ends(settings, connection, source)
    return sorted(set(found))


def middle_of(connection: DuckDBPyConnection, source: str, time: str, part: str) -> list[dt.datetime]:
    found = connection.execute(f"SELECT quantile_disc({time}, 0.5) FROM {source} WHERE {part}").fetchone()
    return [found[0]] if found and found[0] is not None else []


def column_ends(settings: Settings, connection: DuckDBPyConnection, source: str) -> list[dt.datetime]:
    """Moments in the middle of a feature's values in the stretches of time where it begins or ends.

    Zero and empty text count as no value: a join that finds nothing is often filled in.
    """
    time, names = moment_sql(settings), settings.prepare.features.names
    numeric = set(settings.prepare.features.numeric)
    nothing = {name: "0" if name in numeric else "''" for name in names}
    there = {name: f"coalesce({quoted(name)}, {empty}) <> {empty}" for name, empty in nothing.items()}
    held = ", ".join(f"avg(({condition})::INT)" for condition in there.values())
    stretch = f"floor((epoch({time}) - low) / greatest(high - low, 1) * {STRETCHES})"
    rows = connection.execute(
        f"WITH ends AS (SELECT epoch(min({time})) AS low, epoch(max({time})) AS high FROM {source}) "
        f"SELECT min({time}), max({time}), {held} FROM {source}, ends "
        f"GROUP BY least({stretch}, {STRETCHES - 1}) ORDER BY 1"
    ).fetchall()
    largest = [max(shares) or 1.0 for shares in zip(*(row[2:] for row in rows), strict=True)]
    found: dict[tuple[str, dt.datetime, dt.datetime], float] = {}
    for before, after in pairwise(rows):
        for name, earlier, later, most in zip(names, before[2:], after[2:], largest, strict=True):
            low, high = sorted((earlier / most, later / most))
            if low < NOTHING and high >= SOMETHING:
                first, last, *_ = after if later > earlier else before
                found[name, first, last] = max(found.get((name, first, last), 0.0), high)
    inside: list[dt.datetime] = []
    for name, first, last in sorted(found, key=lambda place: -found[place]):
        if len(inside) < MOST_ENDS:
            # Of the rows with a value: those of a single day have long been known in the middle of their fortnight.
            part = f"{there[name]} AND {time} BETWEEN TIMESTAMPTZ '{first}' AND TIMESTAMPTZ '{last}'"
            inside += [moment for moment in middle_of(connection, source, time, part) if moment not in inside]
    return inside


def after_file(
    tables: Mapping[str, Collected], connection: DuckDBPyConnection, source: str, time: str, near: dt.datetime
) -> dt.datetime:
    """The time of the first row after the nearest end of a file: it is known then, and the next one is not."""
    ends = [end for table in tables.values() for end in file_ends(table)]
    if not ends:
        return near
    end = min(ends, key=lambda end: (abs(end - near), end))
    (found,) = connection.execute(f"SELECT min({time}) FROM {source} WHERE {time} > $1", [end]).fetchone() or (None,)
    return found or near


def leaks_at(
    settings: Settings, connection: DuckDBPyConnection, sql: str, frame: Path, moment: dt.datetime
) -> list[Leak]:
    if is_unchanged(settings, connection, sql, frame, moment):
        return []
    features = settings.prepare.features.names
    time, time_now = moment_sql(settings), moment_sql(settings, "n.")
    kept = ", ".join(map(quoted, [ROW_ID, *features]))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE _then AS SELECT {kept} FROM ({sql}) WHERE {time} < $1", [moment])
    differs = [f"t.{quoted(name)} IS DISTINCT FROM n.{quoted(name)}" for name in features]
    joined = f"_then t JOIN {parquet_file(frame)} n USING ({ROW_ID})"
    counts = connection.execute(
        f"SELECT {', '.join(f'count(*) FILTER ({condition})' for condition in differs)} FROM {joined}"
    ).fetchone()
    assert counts
    earlier = connection.execute(f"SELECT count(*) FROM {parquet_file(frame)} n WHERE {time_now} < $1", [moment])
    (before,) = earlier.fetchone() or (0,)
    leaks = rows_only_now(connection, settings, frame, moment, before)
    for name, condition, count in zip(features, differs, counts, strict=True):
        if count:
            key = ", ".join(f"n.{quoted(column)}" for column in settings.prepare.key)
            row = connection.execute(
                f"SELECT t.{quoted(name)}, n.{quoted(name)}, {key} FROM {joined} "
                f"WHERE {condition} ORDER BY {time_now} DESC, {ROW_ID} LIMIT 1"
            ).fetchone()
            assert row
            then, now, *values = row
            where = ", ".join(f"{n}={v}" for n, v in zip(settings.prepare.key, values, strict=True))
            example = f"{then} then, {now} now at {where}"
            leaks.append(Leak(name, f"{moment:%Y-%m-%d %H:%M %Z}".strip(), count, before, example))
    return leaks


def is_unchanged(
    settings: Settings, connection: DuckDBPyConnection, sql: str, frame: Path, moment: dt.datetime
) -> bool:
    """Whether the same rows have the same features, told by sums of hashes: the usual case, in which no row is kept.

    Only equal values have equal hashes, but for one case in 2⁶⁴; values that compare as equal may have others, and are
    then compared row by row.
    """
    columns = ", ".join(map(quoted, [ROW_ID, *settings.prepare.features.names]))
    then, now = (
        connection.execute(
            f"SELECT count(*), sum(hash({columns})) FROM {source} AS rows WHERE {moment_sql(settings)} < $1", [moment]
        ).fetchone()
        for source in (f"({sql})", parquet_file(frame))
    )
    return bool(then == now)


def rows_only_now(
    connection: DuckDBPyConnection, settings: Settings, frame: Path, moment: dt.datetime, before: int
) -> list[Leak]:
    """Rows that did not exist then: which rows are in the frame must not depend on their outcomes."""
    time_now = moment_sql(settings, "n.")
    key = ", ".join(map(quoted, settings.prepare.key))
    missing = f"{parquet_file(frame)} n ANTI JOIN _then USING ({ROW_ID}) WHERE {time_now} < $1"
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
