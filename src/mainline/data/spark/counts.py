"""The data gate's counts on Spark: each query of DuckDB's in Spark's words, its result in DuckDB's types.

A query that Spark has no words for, or that depends on the order of the rows, is left to DuckDB. So are the examples of
rows that break an expectation: a few rows of a file, which lies here.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.collect import Collected
from mainline.data.sources.duckdb_scan import connect, parquet_file
from mainline.data.spark import session, tables
from mainline.data.split import quoted
from mainline.data.validation.table import IN_UTC, NAME, RELATION, with_times
from mainline.errors import ConfigurationError, DataError, ExternalError
from mainline.runtime.atomic_files import scratch

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection
    from ibis.expr.types import Table as Relation
    from pyspark.sql import DataFrame, SparkSession

INSTANT = "TIMESTAMP WITH TIME ZONE"
ROUNDING = 1e-9  # of sums of floating-point numbers, whose last bits depend on the order of the rows
# The order of the rows in the file, or any one of them: a cluster has none. And what only chooses a way to the result.
LEFT_TO_DUCKDB = ("row_number() over ()", " limit 1)", "approx_count_distinct")
VIEWS = itertools.count()


@contextlib.contextmanager
def opened(settings: Settings, connection: DuckDBPyConnection, table: Collected, place: Path) -> Iterator[SparkCounts]:
    """Counts of the rows that DuckDB's `connection` shows as `NAME`; `table` says which files they come from.

    What Spark would read otherwise is written by DuckDB, below `data.spark.shared` or `place`, until the block ends.

    Raises
    ------
    ConfigurationError
        Where Spark is not installed.
    ExternalError
        Where it is not reached.
    """
    shared, most = settings.data.spark.shared, settings.data.spark.checked_rows
    with session.running(settings) as spark, scratch((shared or place).resolve()) as folder, connect() as sample:
        folder.mkdir()
        folder.chmod(0o777)  # the cluster may run as another user
        if tables.is_same(table):
            rows = tables.as_they_are(spark, table, shared.resolve() if shared else None, folder)
        else:
            rows = spark.read.parquet(tables.address(readable(connection, folder)))
        whole = Side(connection, shown(rows))
        refuse_other_files(connection, rows, table)
        checked = whole if most else None
        if most and table.rows > most:
            path = readable(connection, folder, f" LIMIT {most}")
            sample.execute(f"CREATE VIEW {NAME} AS SELECT * FROM {parquet_file(path)}")
            instants = [name for name, kind in types_of(sample, f"FROM {NAME}").items() if kind == INSTANT]
            sample.execute(f"CREATE VIEW {RELATION} AS {with_times(instants)}")
            checked = Side(sample, shown(spark.read.parquet(tables.address(path))), f" of its first {most:,} rows")
        yield SparkCounts(settings, spark, table.name, whole, checked)


def refuse_other_files(connection: DuckDBPyConnection, rows: DataFrame, table: Collected) -> None:
    """Raise ExternalError where the cluster does not see the rows that this machine sees."""
    (here,) = connection.execute(f"SELECT count(*) FROM {NAME}").fetchone() or (0,)
    there = rows.count()
    if there != here:
        raise ExternalError(
            f"{session.CLUSTER} sees {there:,} rows of {table.name}, and this machine {here:,}: its machines must see "
            "the sources and data.spark.shared under the same paths, on a file system that all of them mount"
        )


@dataclass(frozen=True)
class Side:
    """The same rows for both engines: in `connection`, and as Spark's `view`."""

    connection: DuckDBPyConnection
    view: str
    named: str = ""


@dataclass
class SparkCounts:
    """What `validation.table.Counts` is. The results of the rows `checked` are compared with DuckDB's (None: of none).

    The queries that Spark has answered are kept in `answered`.
    """

    settings: Settings
    spark: SparkSession
    table: str
    whole: Side
    checked: Side | None
    answered: list[str] = field(default_factory=list)

    def counted(self, sql: str, expression: Relation | None) -> DuckDBPyConnection | None:
        """The result of a query by Spark, in DuckDB's types; None where DuckDB is to compute it.

        Raises
        ------
        ConfigurationError
            Where the result is not DuckDB's, with the first row that differs.
        ExternalError
            Where the cluster is lost.
        """
        found = self.computed(sql, expression, self.whole)
        if found is None:
            return None
        if self.checked is self.whole:
            self.compare(sql, self.whole, found)
        elif self.checked:
            few = self.computed(sql, expression, self.checked)
            if few is None:
                return None
            self.compare(sql, self.checked, few)
        self.answered.append(sql)
        self.whole.connection.register("_by_spark", found)
        return self.whole.connection.execute("FROM _by_spark")

    def computed(self, sql: str, expression: Relation | None, side: Side) -> pa.Table | None:
        """The result by Spark, with DuckDB's names and types."""
        import duckdb

        words = in_spark(sql, expression, side.view)
        if words is None:
            return None
        try:
            with session.explained(self.settings):
                result = self.spark.sql(words)
                found = result.toDF(*(f"c{place}" for place in range(len(result.columns)))).toArrow()
        except (ConfigurationError, DataError):  # it has no such function, or no such type; DuckDB says what is wrong
            return None
        try:
            described = side.connection.execute(f"DESCRIBE {sql}").fetchall()
            columns = [f"c{at}::{kind} AS {quoted(name)}" for at, (name, kind, *_) in enumerate(described)]
            side.connection.register("_from_spark", found)
            return side.connection.sql(f"SELECT {', '.join(columns)} FROM _from_spark").to_arrow_table()
        except duckdb.Error:
            return None

    def compare(self, sql: str, side: Side, found: pa.Table) -> None:
        """Raise ConfigurationError where DuckDB's result has another row."""
        connection = side.connection
        described = connection.execute(f"DESCRIBE {sql}").fetchall()
        names = [str(name) for name, *_ in described]
        columns = [f"c{place}" for place in range(len(names))]
        aliases = ", ".join(columns)
        connection.register("_by_spark", found.rename_columns(columns))
        connection.execute(f"CREATE OR REPLACE TEMP TABLE _duckdb({aliases}) AS {sql}")
        sums = [
            each
            for each, (name, kind, *_) in zip(columns, described, strict=True)
            if kind == "DOUBLE" and name.startswith("sum")
        ]
        same = ["true"] + [f"d.{each} IS NOT DISTINCT FROM s.{each}" for each in columns if each not in sums]
        near = ["true"] + [
            f"(d.{each} IS NOT DISTINCT FROM s.{each} OR coalesce(abs(d.{each} - s.{each}) <= {ROUNDING} * greatest(1, "
            f"(SELECT max(abs({each})) FROM _duckdb WHERE isfinite({each}))), false))"
            for each in sums
        ]
        matched = " AND ".join([*same, *near])
        try:
            both = {"DuckDB": "_duckdb d ANTI JOIN _by_spark s", "Spark": "_by_spark s ANTI JOIN _duckdb d"}
            for engine, only in both.items():
                row = connection.execute(f"FROM {only} ON {matched} ORDER BY ALL LIMIT 1").fetchone()
                if row is not None:
                    raise ConfigurationError(self.refusal(sql, names, row, engine, side))
        finally:
            connection.execute("DROP TABLE _duckdb")
            connection.unregister("_by_spark")

    def refusal(self, sql: str, names: list[str], row: tuple[Any, ...], engine: str, side: Side) -> str:
        values = ", ".join(f"{name}={value}" for name, value in zip(names, row, strict=True))
        return (
            f"params.yaml: data.engine: spark: Spark counts{side.named or ' the rows'} of {self.table} otherwise than "
            f"DuckDB, so nothing was kept: the row {values[:500]} is in the result of {engine} alone ({sql[:300]}). "
            "Use data.engine: duckdb"
        )


def in_spark(sql: str, expression: Relation | None, view: str) -> str | None:
    """DuckDB's query over `NAME` in Spark's words over `view`; None where there are none."""
    import ibis
    import sqlglot
    from ibis.common.exceptions import IbisError
    from sqlglot import expressions as parts

    if any(words in sql.lower() for words in LEFT_TO_DUCKDB):
        return None
    try:
        if expression is not None:
            ibis.pyspark  # noqa: B018 - known to Ibis from here on
            tree = sqlglot.parse_one(str(ibis.to_sql(expression, dialect="pyspark")), read="spark")
        else:
            tree = sqlglot.parse_one(sql, read="duckdb")
        for each in tree.find_all(parts.Table):
            if each.name in (NAME, RELATION):
                each.replace(parts.table_(view, alias=each.alias or each.name))
        return tree.sql(dialect="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
    except (IbisError, NotImplementedError, sqlglot.errors.SqlglotError):
        return None


def shown(rows: DataFrame) -> str:
    """The name of a view of the rows, with each instant also as a time in UTC without a zone."""
    from pyspark.sql import functions, types

    instants = [each.name for each in rows.schema.fields if isinstance(each.dataType, types.TimestampType)]
    columns = [functions.col(tables.backquoted(name)).cast("timestamp_ntz").alias(name + IN_UTC) for name in instants]
    view = f"mainline_examined_{next(VIEWS)}"
    rows.select("*", *columns).createOrReplaceTempView(view)
    return view


def readable(connection: DuckDBPyConnection, folder: Path, limit: str = "") -> Path:
    """The rows in a file that Spark reads as DuckDB does, without the columns of types that it does not have."""
    kept = [tables.as_written(name, kind) for name, kind in types_of(connection, f"FROM {NAME}").items()]
    return tables.copied(connection, f"SELECT {', '.join(filter(None, kept))} FROM {NAME}{limit}", folder)


def types_of(connection: DuckDBPyConnection, sql: str) -> dict[str, str]:
    return {str(name): str(kind) for name, kind, *_ in connection.execute(f"DESCRIBE {sql}").fetchall()}
