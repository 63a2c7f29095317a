"""Which rows break an expectation, as SQL: only where pandas would find the same rows."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mainline.data.sources.duckdb_scan import text
from mainline.data.split import quoted
from mainline.data.validation.table import NAME, NotCounted, Table

NUMBERS = ("integer", "float")
COMPARABLE = (*NUMBERS, "text", "date", "instant")
PLACE, HASH = "place in the file of Mainline", "hash of Mainline"
EXACT = 2**53  # whole numbers below it are the same in every type
RELATIONS = {ast.Eq: "=", ast.NotEq: "<>", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


@dataclass(frozen=True)
class Condition:
    """The rows that break an expectation, among those of its domain.

    Parameters
    ----------
    repeated
        SQL of the values of which none may be in two rows: the rows that break it share them with another row.
    count
        The number of rows, where it is known already.
    """

    domain: str
    where: str
    columns: tuple[str, ...]
    repeated: tuple[str, ...] = ()
    count: int | None = None


def translated(metric: str, domain: Mapping[str, Any], values: Mapping[str, Any], table: Table) -> Condition:
    """The rows that the condition `metric` of Great Expectations is not true for.

    Raises
    ------
    NotCounted
        Where this module has no SQL for it, or where pandas could find other rows.
    """
    rows = selected(table, domain)
    if metric in ("column_values.nonnull", "column_values.null"):
        column = single(table, domain)
        known = quoted(column) if table.kind(column) == "odd" else table.value(column)
        missing = table.facts[column].missing
        count = table.rows - missing if metric.endswith(".null") else missing  # as the first query has counted
        where = f"{known} IS {'NOT ' if metric.endswith('.null') else ''}NULL"
        return Condition(rows, where, (column,), count=None if rows else count)
    if metric == "column_values.between":
        return between(table, single(table, domain), values, rows)
    if metric == "column_values.unique":
        column = single(table, domain)
        table.need(COMPARABLE, column)
        value = table.value(column)
        return Condition(both(rows, f"{value} IS NOT NULL"), "", (column,), (value,))
    if metric == "compound_columns.unique":
        return compound(table, domain, rows)
    if metric == "column_pair_values.a_greater_than_b":
        return greater(table, domain, values, rows)
    raise NotCounted(metric)


def single(table: Table, domain: Mapping[str, Any]) -> str:
    column = domain.get("column")
    if not isinstance(column, str) or column not in table.facts:
        raise NotCounted(str(column))
    return column


def between(table: Table, column: str, values: Mapping[str, Any], rows: str) -> Condition:
    low, high = values.get("min_value"), values.get("max_value")
    if column not in table.compared or (low is None and high is None):
        raise NotCounted(column)
    table.need(NUMBERS, column)
    if low is not None and high is not None and not number(low) <= number(high):
        raise NotCounted("min_value cannot be greater than max_value")
    bounds = [number(bound) for bound in (low, high) if bound is not None]
    whole = table.kind(column) == "integer" and all(bound == int(bound) for bound in bounds if math.isfinite(bound))
    plain = whole and all(abs(bound) < EXACT for bound in bounds)  # as whole numbers: the same rows, in half the time
    value = quoted(column) if plain else table.value(column)
    written: Callable[[Any], str] = (lambda bound: str(int(bound))) if plain else literal
    parts = []
    if low is not None:
        parts.append(f"{value} {'>' if values.get('strict_min') else '>='} {written(low)}")
    if high is not None:
        parts.append(f"{value} {'<' if values.get('strict_max') else '<='} {written(high)}")
    return Condition(rows, both(f"{value} IS NOT NULL", f"NOT ({' AND '.join(parts)})"), (column,))


def compound(table: Table, domain: Mapping[str, Any], rows: str) -> Condition:
    columns = domain.get("column_list")
    if not isinstance(columns, list) or not columns or not all(isinstance(name, str) for name in columns):
        raise NotCounted(str(columns))
    table.need((*COMPARABLE, "boolean"), *columns)
    known = [f"{table.value(name)} IS NOT NULL" for name in columns]
    there = [not table.facts[name].missing for name in columns]
    kept = {
        "all_values_are_missing": f"({' OR '.join(known)})",
        "any_value_is_missing": f"({' AND '.join(known)})",
        "never": "",
    }
    ignored = domain.get("ignore_row_if")
    if ignored not in kept:
        raise NotCounted(str(ignored))
    values = tuple(table.value(name) for name in columns)
    always = any(there) if ignored == "all_values_are_missing" else all(there)
    return Condition(rows if always else both(rows, kept[ignored]), "", tuple(columns), values)


def greater(table: Table, domain: Mapping[str, Any], values: Mapping[str, Any], rows: str) -> Condition:
    pair = domain.get("column_A"), domain.get("column_B")
    first, second = (name if isinstance(name, str) else "" for name in pair)
    kinds = {table.kind(name) for name in (first, second)}
    types = {table.facts[name].type for name in (first, second) if name in table.facts}
    if not (kinds <= set(NUMBERS) or (kinds <= {"date", "instant"} and len(types) == 1)):
        raise NotCounted(f"{first}, {second}")
    a, b = (table.value(name) for name in (first, second))
    kept = {
        "both_values_are_missing": f"({a} IS NOT NULL OR {b} IS NOT NULL)",
        "either_value_is_missing": f"({a} IS NOT NULL AND {b} IS NOT NULL)",
        "neither": "",
    }
    ignored = domain.get("ignore_row_if")
    nullable = [name for name in (first, second) if masked(table, name)]
    if ignored not in kept or (nullable and ignored != "either_value_is_missing"):
        raise NotCounted(str(ignored))  # pandas raises an error for a missing whole number
    held = f"coalesce({a} {'>=' if values.get('or_equal') else '>'} {b}, false)"
    return Condition(both(rows, kept[ignored]), f"NOT {held}", (first, second))


def masked(table: Table, name: str) -> bool:
    """Whether pandas has it as a nullable type, whose comparisons are neither true nor false."""
    return table.kind(name) in ("integer", "boolean") and name not in table.compared and table.facts[name].nulls > 0


def condition_text(domain: Mapping[str, Any]) -> str | None:
    """A row condition as pandas reads it; None where it is written in another way. An empty text is none."""
    condition = domain.get("row_condition")
    if isinstance(condition, Mapping):
        condition = condition.get("pass_through_filter")
    condition = getattr(condition, "pass_through_filter", condition)
    if not condition and not domain.get("row_condition"):
        return ""
    return condition if isinstance(condition, str) and domain.get("condition_parser") == "pandas" else None


def selected(table: Table, domain: Mapping[str, Any]) -> str:
    """SQL of the rows that `row_condition` selects; an empty text for all."""
    condition = condition_text(domain)
    if condition == "":
        return ""
    if condition is None:
        raise NotCounted("row_condition")
    try:
        tree = ast.parse(condition.strip(), mode="eval")
    except (SyntaxError, ValueError):
        raise NotCounted(condition) from None
    return f"({sql_of(table, tree.body)})"


def sql_of(table: Table, node: ast.expr) -> str:
    """A part of a condition: comparisons and tests for missing values, joined by `and` and `or`."""
    if isinstance(node, ast.BoolOp):
        word = " AND " if isinstance(node.op, ast.And) else " OR "
        return f"({word.join(sql_of(table, each) for each in node.values)})"
    if isinstance(node, ast.Call):
        return missing(table, node)
    if not (isinstance(node, ast.Compare) and len(node.ops) == 1):
        raise NotCounted("row_condition")
    relation = RELATIONS.get(type(node.ops[0]))
    if relation is None:
        raise NotCounted("row_condition")
    known, constant = node.left, constant_of(node.comparators[0])
    if isinstance(constant, str):
        column = column_of(table, known)
        table.need(("text",), column)
        if relation not in ("=", "<>"):
            raise NotCounted(column)
        value, written = table.value(column), text(constant)
    else:
        value, written = arithmetic(table, known), literal(constant)
    otherwise = "true" if relation == "<>" else "false"  # nothing is equal to a missing value
    return f"coalesce({value} {relation} {written}, {otherwise})"


def missing(table: Table, node: ast.Call) -> str:
    test = node.func
    words = {"isnull": "IS NULL", "isna": "IS NULL", "notnull": "IS NOT NULL", "notna": "IS NOT NULL"}
    if node.args or node.keywords or not isinstance(test, ast.Attribute) or test.attr not in words:
        raise NotCounted("row_condition")
    column = column_of(table, test.value)
    return f"({quoted(column) if table.kind(column) == 'odd' else table.value(column)} {words[test.attr]})"


def arithmetic(table: Table, node: ast.expr) -> str:
    """A number: a column, or sums and differences of columns that pandas has in 64 bits."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        sides = [column_of(table, side) for side in (node.left, node.right)]
        if not all(table.dtypes[side] == "float64" for side in sides):
            raise NotCounted("row_condition")  # narrower numbers overflow, and others are rounded
        return f"({table.value(sides[0])} {'+' if isinstance(node.op, ast.Add) else '-'} {table.value(sides[1])})"
    column = column_of(table, node)
    table.need(NUMBERS, column)
    if masked(table, column) or table.dtypes[column] == "float32":
        raise NotCounted(column)  # pandas rounds the constant to 32 bits
    return table.value(column)


def column_of(table: Table, node: ast.expr) -> str:
    if not isinstance(node, ast.Name) or node.id not in table.facts or node.id == "index":
        raise NotCounted("row_condition")
    return node.id


def constant_of(node: ast.expr) -> Any:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
        raise NotCounted("row_condition")
    if isinstance(node.value, str) and sign == 1:
        return node.value
    return sign * number(node.value)


def number(value: Any) -> int | float:
    """A bound that means the same in Python, NumPy and DuckDB."""
    if type(value) not in (int, float) or (type(value) is int and abs(value) >= EXACT) or math.isnan(value):
        raise NotCounted(repr(value))
    found: int | float = value
    return found


def literal(value: Any) -> str:
    known = number(value)
    return str(known) if isinstance(known, int) else f"{text(repr(known))}::DOUBLE"


def both(*conditions: str) -> str:
    return " AND ".join(filter(None, conditions))


def counting(condition: Condition) -> str | None:
    """SQL of an aggregate over all rows that counts those that break it; None where it takes a grouping."""
    if condition.repeated:
        return None
    return f"count(*) FILTER ({both(condition.domain, condition.where)})"


def repeated_rows(table: Table, condition: Condition) -> int:
    """How many rows share their values with another one."""
    grouped = f"SELECT count(*) AS n FROM {alike(condition)} GROUP BY {', '.join(condition.repeated)}"
    return int(table.one(f"SELECT coalesce(sum(n) FILTER (n > 1), 0)::BIGINT FROM ({grouped})")[0])


def alike(condition: Condition) -> str:
    """SQL of the rows whose values have a hash that another row's have: in a key few; only theirs are compared.

    Equal values have equal hashes, and DuckDB groups 8 bytes a row in half the time and memory of the values.
    """
    rows, hashed = f"{NAME}{where(condition.domain)}", f"hash({', '.join(condition.repeated)})"
    twice = f"SELECT {hashed} AS {quoted(HASH)} FROM {rows} GROUP BY ALL HAVING count(*) > 1"
    return f"(SELECT * FROM {rows}) SEMI JOIN ({twice}) AS hashes ON {hashed} = hashes.{quoted(HASH)}"


def first_rows(table: Table, condition: Condition, columns: Sequence[str], limit: int) -> Any:
    """The first rows that break it, as a DataFrame with the types of all rows."""
    if not condition.repeated:
        return table.fetch(columns, both(condition.domain, condition.where), limit)
    wanted = [name for name in table.facts if name in set(columns)]
    values = [f"{value} AS value_{place}" for place, value in enumerate(condition.repeated)]
    names = [f"value_{place}" for place in range(len(values))]
    domain = where(condition.domain)
    twice = f"SELECT {', '.join(values)} FROM {alike(condition)} GROUP BY ALL HAVING count(*) > 1"
    # A row's number in the order of the file: a join does not keep that order.
    numbered = f"SELECT *, row_number() OVER () AS {quoted(PLACE)} FROM {NAME}"
    matched = " AND ".join(
        f"{value} IS NOT DISTINCT FROM twice.{name}" for value, name in zip(condition.repeated, names, strict=True)
    )
    sql = (
        f"SELECT {', '.join(map(quoted, wanted))} FROM (SELECT * FROM ({numbered}){domain}) AS numbered "
        f"SEMI JOIN ({twice}) AS twice ON {matched} ORDER BY {quoted(PLACE)} LIMIT {limit}"
    )
    return table.typed(table.query(sql))


def where(condition: str) -> str:
    return f" WHERE {condition}" if condition else ""
