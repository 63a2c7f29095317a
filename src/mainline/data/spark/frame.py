"""The prepared frame by Spark: it computes and sorts the rows; DuckDB gives them the frame's types and ids.

Whatever turns a value into text, a number into 32 bits or a key into a row's id is DuckDB's own code with either
engine, so that none of it can differ.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.collect import Collected, as_of
from mainline.data.sources.duckdb_scan import path_list
from mainline.data.spark import differences, session, tables
from mainline.data.split import quoted
from mainline.errors import ConfigurationError, ExternalError
from mainline.runtime.atomic_files import scratch

if TYPE_CHECKING:
    import datetime as dt

    from duckdb import DuckDBPyConnection
    from ibis.expr.types import Table
    from pyspark.sql import DataFrame

COUNTED = "rows"
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
ORDERED_ALIKE = (*INTEGERS, "VARCHAR", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "BOOLEAN")


@dataclass(frozen=True)
class Preparation:
    """What `prepare.Prepared` knows, and how DuckDB finishes its rows."""

    connection: DuckDBPyConnection
    tables: Mapping[str, Collected]
    key: Mapping[str, list[str]]
    expression: Table
    sql: str  # DuckDB's, of the expression
    finished: Callable[[str], str]  # SQL of the frame, from SQL of the expression's rows
    show: Callable[[Mapping[str, Collected]], None]  # the tables, to DuckDB


@contextlib.contextmanager
def computed(settings: Settings, made: Preparation, place: Path, moment: dt.datetime | None = None) -> Iterator[str]:
    """SQL for DuckDB over the rows that Spark has computed, in the order of their key.

    They lie in a folder below `data.spark.shared`, or below `place`, until the block ends.

    Raises
    ------
    ConfigurationError
        Where Spark cannot compute the expression, or not as DuckDB does.
    DataError
        For a value that cannot be computed with.
    ExternalError
        Where Spark is not reached, has failed, or has written somewhere else.
    """
    differences.refuse(settings, made.expression, all_compared=is_compared(settings, made.tables))
    types = {name: kind for name, kind, *_ in made.connection.execute(f"DESCRIBE {made.sql}").fetchall()}
    shared = settings.data.spark.shared
    sql = for_spark(settings, made)
    with session.running(settings) as spark, scratch((shared or place).resolve()) as folder:
        sources = folder / "tables"
        sources.mkdir(parents=True)
        folder.chmod(0o777)  # the cluster may run as another user
        shown = as_known(made.tables, moment)
        tables.show(
            spark, made.connection, shown, made.key, made.expression, shared.resolve() if shared else None, sources
        )
        rows = in_order(settings, spark.sql(sql), types)
        written = write(rows.select(*map(column, types)), folder / "frame")
        yield of_parts(settings, made, types, check(made, folder / "frame", written))


def is_compared(settings: Settings, collected: Mapping[str, Collected]) -> bool:
    """Whether DuckDB prepares every row as well: see `data.spark.checked_rows`."""
    return sum(table.rows for table in collected.values()) <= settings.data.spark.checked_rows


def as_known(collected: Mapping[str, Collected], moment: dt.datetime | None) -> dict[str, Collected]:
    return {name: table if moment is None else as_of(table, moment) for name, table in collected.items()}


def for_spark(settings: Settings, made: Preparation) -> str:
    """The preparation function's expression as Spark's SQL."""
    import ibis
    from ibis.common.exceptions import IbisError

    try:
        ibis.pyspark  # noqa: B018 - known to Ibis from here on
        return str(ibis.to_sql(made.expression, dialect="pyspark"))
    except (IbisError, NotImplementedError) as error:
        raise ConfigurationError(
            f"{settings.prepare.function} cannot be written for Spark: {str(error).strip() or type(error).__name__}: "
            "compute it in another way, or use data.engine: duckdb"
        ) from error


def in_order(settings: Settings, rows: DataFrame, types: Mapping[str, str]) -> DataFrame:
    """The rows sorted as DuckDB sorts those of the frame, where both have one order."""
    if not sorted_by_spark(settings, types):
        return rows
    named = settings.prepare.features.categorical
    keys: list[Any] = []
    for key in settings.prepare.key:
        value = column(key)
        keys.append((value.cast("string") if key in named else value).asc_nulls_last())
    return rows.orderBy(*keys)


def sorted_by_spark(settings: Settings, types: Mapping[str, str]) -> bool:
    features = settings.prepare.features
    for key in settings.prepare.key:
        text = key in features.categorical  # in the frame: of a time, the two engines write other texts
        if types[key] not in (("VARCHAR", *INTEGERS) if text else ORDERED_ALIKE) or key in features.numeric:
            return False
    return True


def column(name: str) -> Any:
    from pyspark.sql import functions

    return functions.col(tables.backquoted(name))


def write(rows: DataFrame, folder: Path) -> int:
    """The number of rows written to the folder, as the cluster has counted them."""
    from pyspark.sql import Observation, functions

    seen = Observation()
    rows.observe(seen, functions.count(functions.lit(1)).alias(COUNTED)).write.parquet(tables.address(folder))
    # A server that is busy answers without the count: it waits 0.1 s for it (SPARK-54279).
    counted = seen.get.get(COUNTED)
    return rows.count() if counted is None else int(counted)


def check(made: Preparation, folder: Path, written: int) -> list[Path]:
    """The parts in their order. Rows that the cluster wrote to disks of its own would be missing without a word."""
    parts = sorted(folder.glob("part-*.parquet")) if (folder / "_SUCCESS").exists() else []
    counted = f"SELECT count(*) FROM read_parquet({path_list(parts)})"
    (held,) = (made.connection.execute(counted).fetchone() if parts else None) or (0,)
    if held != written or not parts:
        raise ExternalError(
            f"{session.CLUSTER} has written {written:,} rows to {folder.parent.parent}, and {held:,} "
            "are there: set data.spark.shared to a folder that this machine and all of its machines mount"
        )
    return parts


def of_parts(settings: Settings, made: Preparation, types: Mapping[str, str], parts: list[Path]) -> str:
    cast = ", ".join(f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in types.items())
    sql = made.finished(f"SELECT {cast} FROM read_parquet({path_list(parts)})")
    if sorted_by_spark(settings, types):
        return sql
    return f"{sql} ORDER BY {', '.join(map(quoted, settings.prepare.key))}"
