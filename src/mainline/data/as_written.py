"""Categories as the source writes them: `1.10` and `09:00` stay what a person reads in the file and sends.

DuckDB infers types for text files, and turns their values into its own spelling. A column that the preparation
function hands on unchanged as a category is therefore read as text, wherever that spelling differs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.collect import Collected, relation_sql
from mainline.data.split import quoted
from mainline.errors import ConfigurationError

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from duckdb import DuckDBPyConnection

# In JSON, numbers and true or false are no text; what looks like a time or a UUID is, and mixed values are as well.
TEXT_IN_JSON = ("DATE", "TIME", "TIMESTAMP", "UUID", "JSON")


def categories(settings: Settings) -> list[str]:
    """The columns of the frame whose values are names rather than quantities."""
    prepare = settings.prepare
    named = [*prepare.features.categorical, *settings.evaluate.slices, *([prepare.status] if prepare.status else [])]
    if settings.task == "multiclass":
        named.append(prepare.label)
    return [name for name in dict.fromkeys(named) if name not in prepare.features.numeric]


def as_written(
    settings: Settings,
    tables: Mapping[str, Collected],
    frame: ir.Table,
    connection: DuckDBPyConnection,
    added: Mapping[str, Collected] = MappingProxyType({}),
) -> dict[str, Collected]:
    """The tables of text files that must be read otherwise, with the types of their columns.

    `added` are files with further rows of some of the tables.
    """
    wanted: dict[str, set[str]] = {}
    for category in categories(settings):
        if category in frame.columns:
            for origin, column in origins(frame[category].op()):
                if origin in tables and is_typed(tables[origin], column):
                    wanted.setdefault(origin, set()).add(column)
    spelled = {
        (column, tables[origin].columns[column])
        for origin, columns in wanted.items()
        for table in (tables[origin], added.get(origin))
        if table is not None and table.format != "parquet"
        for column in _otherwise(connection, table, sorted(columns & table.columns.keys()))
    }
    _refuse_computed(frame, spelled)
    changed = {}
    for name, table in tables.items():
        # Columns of the same name and type are what tables are joined by: they stay of one type.
        text = [c for c, kind in table.columns.items() if (c, kind) in spelled and is_typed(table, c)]
        if text:
            changed[name] = dataclasses.replace(table, columns={**table.columns, **dict.fromkeys(text, "VARCHAR")})
    return changed


def _refuse_computed(frame: ir.Table, spelled: Collection[tuple[str, str]]) -> None:
    """As text, a column would be computed with otherwise than as a number or a time: `1.10 + 1` is `1.101`."""
    import ibis.expr.operations as ops

    if not spelled:
        return
    harmless = (ops.Field, ops.Coalesce, ops.Cast, ops.IsNull, ops.NotNull, ops.Count, ops.CountDistinct)
    for node in frame.op().find(ops.Value):
        if isinstance(node, harmless) or (isinstance(node, ops.Equals) and isinstance(node.left, type(node.right))):
            continue  # of two columns: that is what tables are joined by
        for used in node.args:
            for table, column in origins(used) if isinstance(used, ops.Field) else ():
                kind = next((kind for name, kind in spelled if name == column), None)
                if kind:
                    raise ConfigurationError(
                        f"data.sources.{table}: column {column} is a category as it is written, and the preparation "
                        f"function computes with it ({type(node).__name__}): set its type, as in "
                        f"data.sources.{table}.types: {{{column}: {kind}}}, or VARCHAR, and cast it where it computes"
                    )


def is_typed(table: Collected, column: str) -> bool:
    """Whether DuckDB has inferred a type for text that params.yaml leaves open."""
    kind = table.columns.get(column, "VARCHAR")
    if table.format == "parquet" or kind == "VARCHAR" or column == table.time or column in table.reading.types:
        return False
    return table.format == "csv" or kind.startswith(TEXT_IN_JSON)


def _otherwise(connection: DuckDBPyConnection, table: Collected, columns: list[str]) -> Iterator[str]:
    """The columns of which a value is spelled otherwise than its type is as text."""
    if not columns:
        return iter(())
    raw = dataclasses.replace(table, columns={**table.columns, **dict.fromkeys(columns, "VARCHAR")})
    typed = [f"TRY_CAST({quoted(c)} AS {table.columns[c]})" for c in columns]
    differs = ", ".join(
        f"count(*) FILTER (CAST({value} AS VARCHAR) IS DISTINCT FROM {quoted(c)})"
        for c, value in zip(columns, typed, strict=True)
    )
    found = connection.execute(f"SELECT {differs} FROM ({relation_sql(raw)})").fetchone() or ()
    return (column for column, count in zip(columns, found, strict=True) if count)


def origins(node: Any) -> Iterable[tuple[str, str]]:
    """The columns of the tables that a column of the frame hands on: renamed, cast to text, joined, not computed."""
    import ibis.expr.operations as ops

    todo = [node]
    while todo:
        node = todo.pop()
        if not isinstance(node, ops.Field):
            if isinstance(node, ops.Coalesce):  # a gap that is filled leaves the other values as they are
                todo.extend(node.arg)
            elif isinstance(node, ops.Cast) and node.to.is_string():  # what is meant is the text of the source
                todo.append(node.arg)
            continue
        relation = node.rel
        if isinstance(relation, ops.PhysicalTable):
            yield relation.name, node.name
        elif isinstance(relation, ops.Set):
            todo.extend(ops.Field(part, node.name) for part in (relation.left, relation.right))
        elif node.name in relation.values:
            todo.append(relation.values[node.name])
        elif isinstance(relation, ops.Simple) and node.name in relation.parent.schema:
            todo.append(ops.Field(relation.parent, node.name))
