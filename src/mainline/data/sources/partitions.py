"""Columns that stand in the names of folders: `rides/year=2026/month=01/part.parquet`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from pathlib import Path

VALUE = re.compile(r"([A-Za-z_][^=/\\]*)=(.*)")
MISSING = "__HIVE_DEFAULT_PARTITION__"  # what Spark and Hive call the folder of rows without a value
WHOLE = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)


def values_of(path: Path) -> dict[str, str]:
    """The columns of one file and their values, from its folders."""
    found = (VALUE.fullmatch(part) for part in path.parent.parts)
    return {match[1]: match[2] for match in found if match}


def types_of(paths: Iterable[Path]) -> dict[str, str]:
    """The columns that all files have, with DuckDB's types: text, unless every value is a whole number or a date."""
    listed = [values_of(path) for path in paths]
    names = [name for name in (listed[0] if listed else ()) if all(name in values for values in listed)]
    return {name: _type([values[name] for values in listed]) for name in names}


def _type(values: list[str]) -> str:
    values = [value for value in values if value != MISSING]
    if all(WHOLE.fullmatch(value) for value in values):
        return "BIGINT"
    return "DATE" if all(map(_is_date, values)) else "VARCHAR"


def _is_date(value: str) -> bool:
    try:
        return len(value) == 10 and bool(dt.date.fromisoformat(value))
    except ValueError:
        return False
