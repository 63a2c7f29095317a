"""The types that the columns of a table have in a DataFrame, as the expectations see it."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import pandas as pd

from mainline.data.sources.duckdb_scan import reading

SAMPLES = {"boolean": "true", "text": "'a'", "float": "1", "integer": "1", "date": "'2000-01-01'"}


@functools.cache
def dtype_of(type_: str, kind: str, nulls: bool, values: bool) -> Any:
    """The type of a column of DuckDB's in a DataFrame: it depends on whether something is missing."""
    if kind == "odd":
        return None
    sample = f"({SAMPLES.get(kind, SAMPLES['date'])}::{type_})"
    rows = ([sample] if values else []) + ([f"(NULL::{type_})"] if nulls or not values else [])
    with reading() as connection:
        return connection.execute(f"SELECT v FROM (VALUES {', '.join(rows)}) AS rows(v)").df()["v"].dtype


def examinable(frame: pd.DataFrame, compared: Iterable[str]) -> pd.DataFrame:
    """`frame` with columns as Great Expectations handles them well.

    `datetime.date` objects, as pyarrow gives them, become datetime64. Columns that are compared
    with bounds become int64 or float64: any narrower type is compared value by value in Python,
    which took 3.2 of 6.5 s on the example's frame.
    """
    columns = {name: frame[name] for name in map(str, frame.columns)}
    changed: dict[str, Any] = {
        name: pd.to_datetime(values)
        for name, values in columns.items()
        if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) == "date"
    }
    for name in compared:
        values = columns.get(name)
        if values is None:
            continue
        if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
            whole = pd.api.types.is_integer_dtype(values.dtype) and not values.hasnans
            changed[name] = values.astype("int64" if whole else "float64")
    if not changed:
        return frame
    found = frame.copy(deep=False)
    for name, values in changed.items():  # a column may be called `self`, which `assign` cannot take
        found[name] = values
    return found
