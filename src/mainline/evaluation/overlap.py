"""Copies: holdout rows that are training rows under another key, which any model can learn by heart.

Rows are copies that agree in every column of the frame but the key. Where rows are split by a hash, rows that agree
in every feature and the label count as well, unless such a coincidence is likely in a table of this size. By time
they do not: the same customer next month is what the holdout is for.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.schema import Settings
from mainline.data.sources.duckdb_scan import connect, naming_a_full_disk, parquet_file, spilling
from mainline.data.split import ROW_ID, quoted, sides
from mainline.evaluation.formatting import plural, share
from mainline.training.frame_cache import FrameCache

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COINCIDENCE = 0.01  # other training rows that agree with a row, were its columns independent: above it, no copy


@dataclass(frozen=True)
class Copies:
    """`rows` of the `holdout` rows are copies; the example names one by both keys."""

    rows: int
    holdout: int
    example: str = ""

    @property
    def share(self) -> float:
        return self.rows / self.holdout if self.holdout else 0.0

    def __str__(self) -> str:
        named = f", such as {self.example}" if self.example else ""
        return f"{self.rows:,} of {plural(self.holdout, 'holdout row')} ({share(self.share)}){named}"


def cached(cache: FrameCache, frame: Path) -> Copies:
    """As `copies`, once for all models of the frame."""
    return Copies(**cache.get("copies", lambda: asdict(copies(cache.settings, frame))))


def copies(settings: Settings, frame: Path) -> Copies:
    import duckdb

    try:
        with naming_a_full_disk("holdout rows could not be compared with training rows"), spilling() as connection:
            return copies_in(connection, settings, frame)
    except duckdb.OutOfMemoryException:  # what cannot spill may have what the machine has
        with connect() as connection:
            return copies_in(connection, settings, frame)


def copies_in(connection: DuckDBPyConnection, settings: Settings, frame: Path) -> Copies:
    prepare = settings.prepare
    described = connection.execute(f"DESCRIBE SELECT * FROM {parquet_file(frame)}").fetchall()
    all_but_key = [name for name, *_ in described if name not in (ROW_ID, *prepare.key)]
    connection.execute(
        f"CREATE TEMP TABLE content AS SELECT {ROW_ID}, {sides(settings).holdout} AS held, "
        f"{digest(all_but_key)} AS whole, {digest([*prepare.features.names, prepare.label])} AS seen "
        f"FROM {parquet_file(frame)}"
    )
    holdout = connection.execute("SELECT count(*) FILTER (held) FROM content").fetchone() or (0,)
    found = {row for (row,) in copied(connection, "whole")}
    column = "whole"
    if settings.split.by == "hash":
        more = {row for (row,) in copied(connection, "seen")} - found
        by_chance = coincidences(connection, settings, frame) if more else set()
        column = "whole" if found else "seen"
        found |= more - by_chance
    return Copies(len(found), holdout[0], example(connection, settings, frame, min(found), column) if found else "")


def digest(columns: list[str]) -> str:
    return f"hash({', '.join(map(quoted, columns))})"


def copied(connection: DuckDBPyConnection, column: str) -> list[tuple[int]]:
    """The row ids of holdout rows whose content a training row has."""
    rows: list[tuple[int]] = connection.execute(
        f"SELECT {ROW_ID} FROM content WHERE held AND {column} IN (SELECT {column} FROM content WHERE NOT held)"
    ).fetchall()
    return rows


def coincidences(connection: DuckDBPyConnection, settings: Settings, frame: Path) -> set[int]:
    """Holdout rows of such common values that a training row agrees with them by chance."""
    columns = [*settings.prepare.features.names, settings.prepare.label]
    side = sides(settings)
    joins, product = [], ["trained.n"]
    for number, name in enumerate(columns):
        joins.append(
            f"JOIN (SELECT {quoted(name)} AS v, count(*) AS n FROM trained_rows GROUP BY 1) c{number} "
            f"ON h.{quoted(name)} IS NOT DISTINCT FROM c{number}.v"
        )
        product.append(f"((c{number}.n - 1) / trained.n)")  # without the row that it agrees with
    rows = connection.execute(
        f"WITH trained_rows AS (SELECT * FROM {parquet_file(frame)} WHERE {side.train}), "
        "trained AS (SELECT count(*)::DOUBLE AS n FROM trained_rows) "
        f"SELECT h.{ROW_ID} FROM {parquet_file(frame)} h CROSS JOIN trained {' '.join(joins)} "
        f"WHERE {ROW_ID} IN (SELECT {ROW_ID} FROM content WHERE held) AND {' * '.join(product)} >= {COINCIDENCE}"
    ).fetchall()
    return {row for (row,) in rows}


def example(connection: DuckDBPyConnection, settings: Settings, frame: Path, row: int, column: str) -> str:
    """A copy and the training row that it repeats, by their keys."""
    other = connection.execute(
        f"SELECT min(t.{ROW_ID}) FROM content t JOIN content h ON t.{column} = h.{column} "
        f"WHERE NOT t.held AND h.{ROW_ID} = {row}::UBIGINT"
    ).fetchone()
    key = settings.prepare.key
    named = {
        found[0]: ", ".join(f"{name}={value}" for name, value in zip(key, found[1:], strict=True))
        for found in connection.execute(
            f"SELECT {ROW_ID}, {', '.join(map(quoted, key))} FROM {parquet_file(frame)} "
            f"WHERE {ROW_ID} IN ({row}::UBIGINT, {(other or (0,))[0] or 0}::UBIGINT)"
        ).fetchall()
    }
    return " and ".join(named[each] for each in (row, (other or (0,))[0]) if each in named)
