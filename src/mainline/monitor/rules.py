"""The frame's expectation suite, asked of a log of any size: the rules about single values, in DuckDB.

Rules about keys, labels, columns outside the log and whole periods are the training's alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mainline.monitor.window import Window
from mainline.rows import quoted


@dataclass(frozen=True)
class Broken:
    column: str
    rule: str
    rows: int


def broken(window: Window, suite: Path, numeric: list[str]) -> list[Broken]:
    """Rules that rows of the window break; the suite was checked when the model was trained."""
    if not window.rows or not suite.exists():
        return []
    listed = yaml.safe_load(suite.read_text(encoding="utf-8"))["expectations"]
    asked: list[tuple[str, str, str]] = []
    for rule in listed:
        kwargs = rule.get("kwargs", {})
        column = kwargs.get("column")
        if column in window.columns and "row_condition" not in kwargs and "mostly" not in kwargs:
            asked += [(column, *found) for found in as_sql(rule["type"], kwargs, column in numeric)]
    if not asked:
        return []
    counts = ", ".join(f"count(*) FILTER ({sql})" for _, _, sql in asked)
    found: tuple[Any, ...] = window.connection.execute(f"SELECT {counts} FROM log").fetchone() or ()
    return [Broken(column, words, rows) for (column, words, _), rows in zip(asked, found, strict=True) if rows]


def as_sql(type_: str, kwargs: dict[str, Any], numeric: bool) -> list[tuple[str, str]]:
    """The rule in words, and a condition that holds for a row that breaks it; none for a rule of another kind."""
    name = quoted(kwargs["column"])
    if type_ == "expect_column_values_to_not_be_null":
        return [("must not be missing", f"{name} IS NULL")]
    if type_ == "expect_column_values_to_be_in_set":
        values = ", ".join("'" + str(value).replace("'", "''") + "'" for value in kwargs["value_set"])
        return [(f"must be one of {values}", f"{name}::VARCHAR NOT IN ({values})")]
    if type_ != "expect_column_values_to_be_between" or not numeric:
        return []
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    ends = [
        f"TRY_CAST({name} AS DOUBLE) {sign} {end!r}"
        for sign, end in (("<", low), (">", high))
        if isinstance(end, int | float)
    ]
    words = f"must be between {low} and {high}"
    return [(words, " OR ".join(ends))] if ends else []
