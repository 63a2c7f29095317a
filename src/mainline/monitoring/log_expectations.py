"""The rules about single values of the frame's expectation suite, checked in DuckDB on a log of any size.

Rules about keys, labels, columns outside the log and whole periods are checked only in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mainline.data.sources.duckdb_scan import text
from mainline.data.split import quoted
from mainline.monitoring.results import Broken
from mainline.monitoring.window import Window


@dataclass(frozen=True)
class Rule:
    column: str
    words: str
    broken: str  # SQL condition, true for a row that violates the rule
    most: float  # the share of the rows that may violate it
    critical: bool


def broken(window: Window, suite: Path, numeric: list[str]) -> list[Broken]:
    """The rules that rows of the window violate; the suite itself was checked in training."""
    checked = rules(suite, list(window.columns), numeric)
    if not checked:
        return []
    counts = ", ".join(f"count(*) FILTER ({rule.broken})" for rule in checked)
    violations = window.one(f"SELECT {counts} FROM log")
    return [
        Broken(rule.column, rule.words, rows, rule.critical)
        for rule, rows in zip(checked, violations, strict=True)
        if rows > rule.most * window.rows
    ]


def rules(suite: Path, columns: list[str], numeric: list[str]) -> list[Rule]:
    if not suite.exists():
        return []
    selected = []
    for listed in yaml.safe_load(suite.read_text(encoding="utf-8"))["expectations"]:
        kwargs = listed.get("kwargs", {})
        column = kwargs.get("column")
        if column not in columns or "row_condition" in kwargs:
            continue
        sql = as_sql(listed["type"], kwargs, column in numeric)
        if sql:
            critical = listed.get("severity", "critical") == "critical"
            selected.append(Rule(column, *sql, 1 - float(kwargs.get("mostly", 1)), critical))
    return selected


def as_sql(type_: str, kwargs: dict[str, Any], numeric: bool) -> tuple[str, str] | None:
    """The rule as text, and an SQL condition for rows that violate it; None for rules of other types."""
    name = quoted(kwargs["column"])
    if type_ == "expect_column_values_to_not_be_null":
        return "must not be missing", f"{name} IS NULL"
    if type_ == "expect_column_values_to_be_in_set":
        if numeric:
            values = ", ".join(f"{value!r}" for value in kwargs["value_set"])
            return f"must be one of {values}", f"TRY_CAST({name} AS DOUBLE) NOT IN ({values})"
        values = ", ".join(text(str(value)) for value in kwargs["value_set"])
        return f"must be one of {values}", f"{name}::VARCHAR NOT IN ({values})"
    if type_ == "expect_column_values_to_match_regex":
        pattern = text(str(kwargs["regex"]))
        return f"must match {kwargs['regex']}", f"NOT regexp_matches({name}::VARCHAR, {pattern})"
    if type_ != "expect_column_values_to_be_between" or not numeric:
        return None
    number = f"TRY_CAST({name} AS FLOAT)"  # the type in the frame
    strict = {end: "=" if kwargs.get(f"strict_{end}") else "" for end in ("min", "max")}
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    ends = [
        f"{number} {sign} {end!r}::FLOAT"
        for sign, end in ((f"<{strict['min']}", low), (f">{strict['max']}", high))
        if isinstance(end, int | float)
    ]
    return (f"must be between {low} and {high}", " OR ".join(ends)) if ends else None
