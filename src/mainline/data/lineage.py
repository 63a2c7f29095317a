"""The tables that each column of the prepared frame takes its values from.

Read from the preparation's expression: what a value is computed of, not how its rows were chosen or joined.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.data.sources.duckdb_scan import reading

if TYPE_CHECKING:
    from ibis.expr.operations import Node
    from ibis.expr.types import Table

KEY = "mainline_lineage"  # of the frame's Parquet metadata

Lineage = dict[str, list[str]]  # the tables by column, in the order of their names


def of_expression(expression: Table, tables: Iterable[str]) -> Lineage:
    """For SQL text in the preparation, which cannot be followed, every table counts."""
    import ibis.expr.operations as ops

    known = frozenset(tables)
    found: dict[Any, frozenset[str]] = {}
    return {name: sorted(sources(ops.Field(expression, name), known, found)) for name in expression.columns}


def sources(node: Any, known: frozenset[str], found: dict[Any, frozenset[str]]) -> frozenset[str]:
    if node not in found:
        found[node] = followed(node, known, found)
    return found[node]


def followed(node: Any, known: frozenset[str], found: dict[Any, frozenset[str]]) -> frozenset[str]:
    import ibis.expr.operations as ops

    if isinstance(node, ops.Field):
        parent: Any = node.rel
        values = getattr(parent, "values", {})
        if isinstance(parent, ops.JoinReference):
            return sources(ops.Field(parent.parent, node.name), known, found)
        if not isinstance(parent, ops.PhysicalTable) and node.name in values and values[node.name] != node:
            return sources(values[node.name], known, found)
        return of_relation(parent, known)
    if isinstance(node, ops.Relation):
        return of_relation(node, known)
    return frozenset().union(*(sources(child, known, found) for child in node.__children__))


def of_relation(relation: Node, known: frozenset[str]) -> frozenset[str]:
    import ibis.expr.operations as ops

    if relation.find(ops.SQLQueryResult) or isinstance(relation, ops.SQLQueryResult):
        return known
    return frozenset(table.name for table in relation.find(ops.PhysicalTable)) & known


def columns_of(node: Any, found: dict[Any, frozenset[tuple[str, str]]] | None = None) -> frozenset[tuple[str, str]]:
    """Table and column of everything that a value is computed of; of SQL text, which cannot be followed, nothing."""
    import ibis.expr.operations as ops

    found = {} if found is None else found
    if node in found:
        return found[node]
    below: Iterable[Any] = getattr(node, "__children__", ())
    if isinstance(node, ops.Field):
        relation: Any = node.rel
        values = getattr(relation, "values", {})
        if isinstance(relation, ops.PhysicalTable):
            return frozenset({(relation.name, node.name)})
        if isinstance(relation, (ops.JoinReference, ops.SelfReference)):
            below = [ops.Field(relation.parent, node.name)]
        elif isinstance(relation, ops.Set):
            below = [ops.Field(side, node.name) for side in (relation.left, relation.right)]
        else:
            below = [values[node.name]] if node.name in values and values[node.name] != node else []
    elif isinstance(node, ops.Relation):  # of a subquery
        below = () if isinstance(node, ops.PhysicalTable) else tuple(getattr(node, "values", {}).values())
    found[node] = frozenset().union(*(columns_of(child, found) for child in below))
    return found[node]


def first_table(relation: Any) -> str | None:
    """The table that a relation takes its rows from: the left one of joins; None where that cannot be told."""
    import ibis.expr.operations as ops

    while relation is not None and not isinstance(relation, ops.PhysicalTable):
        following = next((name for name in ("first", "left", "parent") if hasattr(relation, name)), None)
        relation = getattr(relation, following) if following else None
    return None if relation is None else str(relation.name)


def metadata(lineage: Lineage) -> str:
    """The entry of `KV_METADATA` by which DuckDB's COPY writes it into a Parquet file."""
    text = json.dumps(lineage).replace("'", "''")
    return f"{KEY}: '{text}'"


def of_frame(frame: Path) -> Lineage:
    """What `metadata` wrote; empty for a frame of an earlier version."""
    with reading() as connection:
        row = connection.execute(
            "SELECT decode(value) FROM parquet_kv_metadata(?) WHERE decode(key) = ?", [str(frame), KEY]
        ).fetchone()
    found: Lineage = json.loads(row[0]) if row else {}
    return found
