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


def below(names: Iterable[str], pattern: str) -> list[Path]:
    """The paths of files elsewhere, below the folder that the pattern names: what that fixes is no column."""
    fixed = re.split(r"[*?\[]", pattern)[0].rpartition("/")[0]
    return [Path(name.removeprefix(fixed).lstrip("/")) for name in names]


def folders(path: Path, columns: Iterable[str] | None = None) -> Path:
    """The folders of a path that are columns, or only those of some `columns`: a copy below them keeps them."""
    wanted = None if columns is None else set(columns)
    found = [(match[1], part) for part in path.parent.parts if (match := VALUE.fullmatch(part))]
    return Path(*(part for column, part in found if wanted is None or column in wanted))


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
