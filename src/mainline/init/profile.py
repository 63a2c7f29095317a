"""What each column of a table holds, measured over all of its rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mainline.data.split import quoted
from mainline.init.kinds import Kind, is_integer, kind_of
from mainline.init.proposal import Column

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

CELLS = 20_000_000  # held at a time
MOST_COLUMNS = 200  # at a time: a query of thousands takes DuckDB minutes to plan
TOP = 50


def profile(con: DuckDBPyConnection, relation_sql: str, columns: Mapping[str, str]) -> tuple[Column, ...]:
    """Measure every column; `columns` gives DuckDB's type by name. NaN counts as missing.

    Arrow's functions count a column in a tenth of the time of a query, and wide tables need thousands.
    """
    ((rows,),) = con.execute(f"SELECT count(*) FROM ({relation_sql})").fetchall()
    found = []
    for names in slices(list(columns), rows):
        shown = ", ".join(f"{as_plain(name, columns[name])} AS {quoted(f'c{i}')}" for i, name in enumerate(names))
        table = con.sql(f"SELECT {shown} FROM ({relation_sql})").to_arrow_table()
        found += [measured(name, columns[name], table.column(i)) for i, name in enumerate(names)]
    return tuple(found)


def slices(names: Sequence[str], rows: int) -> Iterator[Sequence[str]]:
    size = max(1, min(MOST_COLUMNS, CELLS // max(rows, 1)))
    for start in range(0, len(names), size):
        yield names[start : start + size]


def as_plain(name: str, type_: str) -> str:
    """SQL of a column in a type that Arrow computes with; of what is no value (lists, structs) only whether it is."""
    kind, column = kind_of(type_), quoted(name)
    if kind in ("text", "clock"):
        return f"{column}::VARCHAR"
    if kind == "other":
        return f"CASE WHEN {column} IS NULL THEN NULL ELSE '' END"
    if kind == "time":
        return column if type_ == "DATE" else f"{column}::TIMESTAMP"  # with a time zone: in the session's, UTC
    if type_.startswith(("DECIMAL", "HUGEINT", "UHUGEINT", "FLOAT")):
        return f"{column}::DOUBLE"
    return column


def measured(name: str, type_: str, values: pa.ChunkedArray) -> Column:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, rows = kind_of(type_), len(values)
    there = values.drop_null()
    if pa.types.is_floating(there.type):
        there = there.filter(pc.invert(pc.is_nan(there)))
    missing = rows - len(there)
    if kind == "other" or not len(there):
        return Column(name, type_, rows, missing, 0)
    counted = there.value_counts()
    numbers = counted.field("counts").to_numpy(zero_copy_only=False)
    facts: dict[str, Any] = {"distinct": len(counted), "top": top(kind, counted.field("values"), numbers)}
    if kind in ("number", "boolean"):
        as_float = np.asarray(there.cast(pa.float64() if kind == "number" else pa.int8()).to_numpy(), dtype=np.float64)
        facts["mean"] = float(as_float.mean())
        # pyarrow leaves infinity where it is: a whole number is finite.
        facts["whole"] = is_integer(type_) or bool(
            np.isfinite(as_float).all() and (as_float == np.rint(as_float)).all()
        )
    if kind in ("number", "time"):
        ends = pc.min_max(there).as_py()
        facts["minimum"], facts["maximum"] = ends["min"], ends["max"]
    if kind == "text":
        # Of each different text once: a million rows of ten words need ten.
        texts = counted.field("values")
        facts["longest"] = int(pc.max(pc.utf8_length(texts)).as_py())
        spaces = pc.count_substring_regex(pc.utf8_trim_whitespace(texts), r"\s+").to_numpy(zero_copy_only=False)
        facts["words"] = float(((spaces + 1) * numbers).sum() / numbers.sum())
    return Column(name, type_, rows, missing, **facts)


def top(kind: Kind, values: pa.Array, counts: Any) -> tuple[tuple[str, int], ...]:
    """The most frequent values as text, in an order that does not depend on that of the rows.

    Of many values that are equally frequent none is the most frequent one: they are left out.
    """
    import numpy as np

    least = int(np.partition(counts, -TOP)[-TOP]) if len(counts) > TOP else 0
    chosen = np.flatnonzero(counts >= least)
    if len(chosen) > 20 * TOP:
        chosen = np.flatnonzero(counts > least)
    listed = [(as_text(values[int(i)].as_py()), int(counts[i])) for i in chosen]
    return tuple(sorted(listed, key=lambda each: (-each[1], each[0]))[:TOP])


def as_text(value: Any) -> str:
    """A value as DuckDB writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat(" ") if isinstance(value, dt.datetime) else str(value)
