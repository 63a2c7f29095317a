"""A table that a database computes: an Ibis expression of the project's over tables that stay there.

The machine cuts each of these tables at the data cutoff before the project's function sees it. What comes back is the
answer of one query, and is kept as that of any other.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from mainline.config import user_code
from mainline.data.sources.cutoff import Cut
from mainline.data.sources.database import Query, asked, queried_file, url_of
from mainline.data.sources.declaration import Request, source
from mainline.data.sources.duckdb_scan import connect, name, parquet_file
from mainline.data.sources.formats import Files
from mainline.errors import ConfigurationError

if TYPE_CHECKING:
    from ibis.expr.types import Table
    from pyarrow import Field

    from mainline.config.schema import Source

# Ibis' and SQLGlot's name of a database, by the URL.
DIALECTS = {
    "postgresql": "postgres", "postgres": "postgres", "mysql": "mysql", "mariadb": "mysql", "clickhouse": "clickhouse",
}  # fmt: skip


@source("expression")
def collect(settings: Source, request: Request) -> Files:
    """Compute the expression in the database, and keep the rows before the cutoff as a file.

    Raises
    ------
    ConfigurationError
        Where the function fails, uses what depends on the order of the rows, or its rows are not DuckDB's.
    """
    assert settings.expression is not None
    assert settings.database is not None
    query = Query(
        request.table, "", settings.database, request.until, request.time, request.before, request.timezone
    )  # fmt: skip
    dialect = dialect_of(query)
    tables = {each: table_of(query, each, dialect, request.cache) for each in settings.tables}
    known = {each: cut(query, tables[each], settings.tables[each]) for each in tables}
    expression = user_code.table("data.sources", settings.expression, known)
    refuse_order(query, settings.expression, expression)
    files = queried_file(dataclasses.replace(query, sql=sql_of(expression, dialect)), request.cache)
    compare(settings, query, known, expression, dialect, files.paths[0], request.cache)
    return files


def dialect_of(query: Query) -> str:
    url = url_of(query)
    kind = url.partition(":")[0].lower()
    if kind not in DIALECTS:
        raise ConfigurationError(
            f"{query.where}.database: {query.variable}: an expression is computed by PostgreSQL, MySQL, MariaDB or "
            f"ClickHouse, whose URLs begin with {', '.join(f'{each}://' for each in DIALECTS)}"
        )
    return DIALECTS[kind]


def table_of(query: Query, table: str, dialect: str, cache: Path) -> Table:
    """A table of the database, with the types that its rows arrive with."""
    import ibis
    import sqlglot

    schema, _, short = table.rpartition(".")
    place = sqlglot.expressions.table_(short, db=schema or None, quoted=True)
    empty = sqlglot.select("*").from_(place).where("1 = 0").sql(dialect)
    with asked(dataclasses.replace(query, sql=empty), cache) as reader:
        types = {field.name: dtype for field in reader.schema if (dtype := dtype_of(field)) is not None}
    return ibis.table(ibis.schema(types), name=short, database=schema or None)


def dtype_of(field: Field) -> Any:
    """Ibis' type of a column; None of one that Ibis has none for, which no expression can use."""
    import ibis.expr.datatypes as types
    import pyarrow as pa
    from ibis.common.exceptions import IbisError
    from ibis.formats.pyarrow import PyArrowType

    if (field.metadata or {}).get(b"POSTGRESQL:type") == b"numeric":
        return types.Decimal()
    try:
        return PyArrowType.to_ibis(field.type)
    except (IbisError, KeyError, NotImplementedError, pa.ArrowException):
        return None


def cut(query: Query, table: Table, time: str | None) -> Table:
    """The rows that are known at the data cutoff."""
    import ibis

    if time is None:
        return table
    if time not in table.columns:
        raise ConfigurationError(
            f"{query.where}.tables.{table.get_name()}: there is no column {time}: it has {', '.join(table.columns)}"
        )
    column: Any = table[time]
    until: Any
    if column.type().is_date():
        until = ibis.literal(query.until.astimezone(ZoneInfo(query.zone)).date())
    elif column.type().is_timestamp():
        zone = column.type().timezone
        moment = query.until.astimezone(dt.UTC)
        until = ibis.literal(moment if zone else moment.replace(tzinfo=None), type=column.type().copy(nullable=True))
    else:
        raise ConfigurationError(
            f"{query.where}.tables.{table.get_name()}: {time} is {column.type()}, and the cutoff needs a time or a date"
        )
    found: Table = table.filter(column < until)
    return found


def refuse_order(query: Query, path: str, expression: Table) -> None:
    """Refuse what is another value in another order of the rows: a database has none."""
    from mainline.data.spark.differences import in_any_order, problems

    found = list(dict.fromkeys(problem for rule in in_any_order() for problem in problems(rule, expression)))
    if found:
        listed = "\n".join(f"  {problem}" for problem in found)
        raise ConfigurationError(f"{query.where}.expression: {path} can be another table in every run:\n{listed}")


def sql_of(expression: Table, dialect: str) -> str:
    """The expression in a database's SQL. Ibis' own function would want the database's driver."""
    import importlib

    from ibis.common.exceptions import IbisError

    compiler = importlib.import_module(f"ibis.backends.sql.compilers.{dialect}").compiler
    try:
        return str(compiler.to_sqlglot(expression).sql(dialect))
    except (IbisError, NotImplementedError) as error:
        said = str(error).strip() or type(error).__name__
        raise ConfigurationError(f"the expression cannot be written for {dialect}: {said}") from error


def compare(
    settings: Source, query: Query, known: dict[str, Table], expression: Table, dialect: str, answer: Path, cache: Path
) -> None:
    """Compute the expression by DuckDB too, over the same rows, where they are few enough; refuse another row."""
    import ibis

    if not settings.compared_rows:
        return
    backend = ibis.duckdb.connect()
    connection = backend.con
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    left = settings.compared_rows
    for each, table in known.items():
        limited = table.limit(left + 1)
        with asked(dataclasses.replace(query, sql=sql_of(limited, dialect)), cache) as reader:
            rows = reader.read_all()
        left -= len(rows)
        if left < 0:
            return
        connection.register("arrived", rows)
        columns = ", ".join(typed(table, column) for column in table.columns)
        schema, _, short = each.rpartition(".")
        place = f"{name(schema)}.{name(short)}" if schema else name(short)
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name(schema)}" if schema else "SELECT 1")
        connection.execute(f"CREATE TABLE {place} AS SELECT {columns} FROM arrived")
    own = str(ibis.to_sql(expression, dialect="duckdb"))
    refuse_other_rows(query, connection, own, answer)


def typed(table: Table, column: str) -> str:
    """SQL of a column that has arrived: an exact number comes as text."""
    return f"{name(column)}::DECIMAL(38, 9) AS {name(column)}" if table[column].type().is_decimal() else name(column)


def refuse_other_rows(query: Query, connection: Any, own: str, answer: Path) -> None:
    with connect() as reading:
        types = {
            column: kind for column, kind, *_ in reading.execute(f"DESCRIBE FROM {parquet_file(answer)}").fetchall()
        }
    cast = ", ".join(f"{name(column)}::{kind} AS {name(column)}" for column, kind in types.items())
    where = ""
    if query.time and query.before:
        cut = Cut(query.time, types[query.time], query.before, query.zone).sql
        where = f" WHERE {cut} OR {name(query.time)} IS NULL"
    connection.execute(f"CREATE TEMP TABLE theirs AS FROM {parquet_file(answer)}")
    connection.execute(f"CREATE TEMP TABLE ours AS SELECT {cast} FROM ({own})")
    for engine, here, other in (("DuckDB", f"(FROM ours{where})", "theirs"), (query.variable, "theirs", "ours")):
        row = connection.execute(f"FROM {here} EXCEPT ALL FROM {other} ORDER BY ALL LIMIT 1").fetchone()
        if row is not None:
            shown = ", ".join(f"{column}={value}" for column, value in zip(types, row, strict=True))
            raise ConfigurationError(
                f"{query.where}.expression: the database of {query.variable} computes other rows than DuckDB, so they "
                f"were not kept: the row {shown} is in the result of {engine} alone. Compute it in a way that is the "
                "same on both, such as whole numbers instead of floating-point ones"
            )
