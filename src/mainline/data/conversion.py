"""A value that cannot be converted: which one, in which row, and what would help."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mainline.config.schema import Prepare
from mainline.data.collect import Collected, relation_sql
from mainline.data.sources.duckdb_scan import text
from mainline.data.split import quoted
from mainline.errors import DataError

if TYPE_CHECKING:
    import duckdb

VALUE = re.compile(
    r"(?:Could not convert string|Could not parse string|invalid \w+ field format:?|string) ['\"](.*?)['\"]", re.S
)


def refusal(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Collected], prepare: Prepare, error: Exception
) -> DataError:
    """For an error of DuckDB about a value: the table, the column and the row where that can be told."""
    said = str(error).strip()
    first = said.splitlines()[0].removeprefix("Conversion Error: ").removeprefix("Invalid Input Error: ")
    found = VALUE.search(said)
    place = _place(connection, tables, prepare, found[1]) if found else None
    hint = ""
    if found and re.fullmatch(r"-?[\d.]+,\d+", found[1]):
        hint = '; if it is a decimal comma, set `decimal: ","` for its source'
    return DataError(f"{place or prepare.function}: {first}{hint}")


def _place(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Collected], prepare: Prepare, value: str
) -> str | None:
    """The first row of the tables that has the value as text."""
    import duckdb

    for name, table in tables.items():
        columns = [column for column, kind in table.columns.items() if kind == "VARCHAR"]
        key = [column for column in prepare.key if column in table.columns]
        for column in columns:
            sql = (
                f"SELECT row, {', '.join(map(quoted, key)) or 'NULL'} FROM "
                f"(SELECT *, row_number() OVER () AS row FROM ({relation_sql(table)})) "
                f"WHERE {quoted(column)} = {text(value)} ORDER BY row LIMIT 1"
            )
            try:
                found = connection.execute(sql).fetchone()
            except duckdb.Error:
                continue
            if found:
                number, *values = found
                where = ", ".join(f"{k}={v}" for k, v in zip(key, values, strict=False)) or f"row {number}"
                return f"data.sources.{name}: column {column}, {where}"
    return None
