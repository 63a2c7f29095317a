"""The collected tables as Spark sees them: the same files, cut at the same moment, with the same types."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.schema import CONTENT_KEY
from mainline.data import content_key
from mainline.data.collect import Collected, cut_of, relation_sql
from mainline.data.sources.cutoff import Cut
from mainline.data.sources.duckdb_scan import plain, text
from mainline.data.split import quoted
from mainline.errors import ConfigurationError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from ibis.expr.types import Table
    from pyspark.sql import DataFrame, SparkSession

# Spark's type of a Parquet column by DuckDB's. A file with a column of another type is written again by DuckDB.
SAME = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}
# DuckDB's type: the one that it is written as, which holds every value of it and is one of the above.
WRITTEN = {
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20, 0)",
    "HUGEINT": "DECIMAL(38, 0)",
    "UUID": "VARCHAR",
    "JSON": "VARCHAR",
}
PATTERN = re.compile(r"[\[\]{}*?\\]")
DECIMAL = re.compile(r"DECIMAL\((\d+), ?(\d+)\)")


def show(
    spark: SparkSession,
    connection: DuckDBPyConnection,
    tables: Mapping[str, Collected],
    key: Mapping[str, list[str]],
    expression: Table,
    shared: Path | None,
    folder: Path,
) -> None:
    """Show the tables to Spark under their names; what it would read otherwise is written to `folder` by DuckDB.

    Raises
    ------
    ConfigurationError
        Where the expression uses a column of a type that Spark does not have.
    """
    used = columns_used(expression)
    for name, table in tables.items():
        if name not in used:
            continue
        if name not in key and is_same(table):
            rows = as_they_are(spark, table, shared, folder)
        else:
            rows = spark.read.parquet(address(written(connection, table, key.get(name), used[name], folder)))
        rows.createOrReplaceTempView(name)


def as_they_are(spark: SparkSession, table: Collected, shared: Path | None, folder: Path) -> DataFrame:
    """The rows of a table that `is_same`, from its own files, where the cluster sees them."""
    paths = [visible(path, shared, folder) for path in table.paths]
    schema = ", ".join(f"{backquoted(c)} {spark_type(kind)}" for c, kind in table.columns.items())
    rows = spark.read.schema(schema).parquet(*map(address, paths))
    cut = cut_of(table)
    return rows.where(condition(cut)) if cut else rows


def backquoted(name: str) -> str:
    """A column's name as Spark's SQL has it."""
    return "`" + name.replace("`", "``") + "`"


def address(path: Path) -> str:
    """A path as Spark takes it: of this file system, whatever the cluster's default is.

    Raises
    ------
    ConfigurationError
        Where Spark would read it as a pattern.
    """
    wrong = PATTERN.search(str(path))
    if wrong:
        raise ConfigurationError(
            f"{path.parent}: Spark reads {wrong[0]!r} in the name of a folder as a pattern: rename the folder, or set "
            "data.spark.shared to another"
        )
    return f"file://{path}"


def columns_used(expression: Table) -> dict[str, set[str]]:
    """The columns that the expression takes from each table."""
    import ibis.expr.operations as ops

    found: dict[str, set[str]] = {table.name: set() for table in expression.op().find(ops.PhysicalTable)}
    for field in expression.op().find(ops.Field):
        if isinstance(field.rel, ops.PhysicalTable):
            found[field.rel.name].add(field.name)
    return found


def is_same(table: Collected) -> bool:
    """Whether Spark reads the files as DuckDB does."""
    if table.format != "parquet" or table.odd or table.reading.partitions or table.reading.computed:
        return False
    return all(plain(kind) == kind and spark_type(kind) for kind in table.columns.values())


def spark_type(kind: str) -> str | None:
    decimal = DECIMAL.fullmatch(kind)
    return f"decimal({decimal[1]}, {decimal[2]})" if decimal else SAME.get(kind)


def condition(cut: Cut) -> str:
    """The data cutoff as `Cut.sql` has it, in Spark's words."""
    column, literal = backquoted(cut.column), cut.literal
    if literal.startswith("TIMESTAMPTZ"):
        return f"{column} < {literal.replace('TIMESTAMPTZ', 'TIMESTAMP_LTZ').replace('+00', '+00:00')}"
    return f"CAST({column} AS TIMESTAMP_NTZ) < {literal.replace('TIMESTAMP', 'TIMESTAMP_NTZ')}"


def written(
    connection: DuckDBPyConnection, table: Collected, key: list[str] | None, used: set[str], folder: Path
) -> Path:
    """The rows of a table as DuckDB reads them, in Parquet, with the key that is made from their content."""
    sql = relation_sql(table) if key is None else content_key.keyed(relation_sql(table), key, table)
    types = table.columns if key is None else {**table.columns, CONTENT_KEY: "VARCHAR"}
    columns = []
    for name, kind in types.items():
        sql_of_column = as_written(name, kind)
        if sql_of_column:
            columns.append(sql_of_column)
        elif name in used:
            raise ConfigurationError(
                f"data.sources.{table.name}: column {name} is {plain(kind)}, which Spark does not read as DuckDB does: "
                "write it to the files in another type, leave it out of the preparation, or use data.engine: duckdb"
            )
    return copied(connection, f"SELECT {', '.join(columns)} FROM ({sql})", folder)


def as_written(name: str, kind: str) -> str | None:
    """SQL of a column of DuckDB's with a type that Spark reads as it is; None where there is none."""
    kind = plain(kind)
    kind = "VARCHAR" if kind.startswith("ENUM") else WRITTEN.get(kind, kind)
    return f"{quoted(name)}::{kind} AS {quoted(name)}" if spark_type(kind) else None


def copied(connection: DuckDBPyConnection, sql: str, folder: Path) -> Path:
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    connection.execute(f"COPY ({sql}) TO {text(str(path))} (FORMAT parquet)")
    return path


def visible(path: Path, shared: Path | None, folder: Path) -> Path:
    """The file where the cluster sees it: with `data.spark.shared`, files elsewhere are copied there for this run.

    So are those whose names Spark would skip without a word, or read as a pattern.
    """
    seen = shared is None or path.resolve().is_relative_to(shared)
    if seen and not path.name.startswith(("_", ".")) and not PATTERN.search(str(path)):
        return path
    copy = folder / f"{len(list(folder.iterdir()))}.parquet"
    try:
        os.link(path.resolve(), copy)
    except OSError:  # another file system
        shutil.copyfile(path, copy)
    return copy
