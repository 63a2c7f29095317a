"""A key for a table that has none, from the content of its rows: an inserted row changes no other row's key.

It is made of what is known of a row before its outcome: all columns of the table but those of the label. A value
counts as a reader sees it, whatever type it is read with: 7, 7.0 and the text 7 are one.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from mainline.config.schema import CONTENT_KEY, Prepare
from mainline.data import lineage
from mainline.data.collect import Collected
from mainline.data.sources.duckdb_scan import plain
from mainline.data.split import SEPARATOR, quoted
from mainline.errors import ConfigurationError

if TYPE_CHECKING:
    from ibis.expr.types import Table

DIGITS = 16  # hexadecimal, of an MD5: two of a million rows agree by chance once in 37 million tables
TEXT = ("VARCHAR", "JSON")
NOTHING = "''"
PLACE = f"NULL::VARCHAR AS {CONTENT_KEY}"


def keyed(sql: str, columns: Iterable[str], table: Collected) -> str:
    """The rows of `sql` with the key that is made of `columns`; equal rows are numbered among themselves."""
    made = f"left(md5({joined(as_seen(column, table) for column in sorted(columns))}), {DIGITS})"
    # Rows that differ in their outcome or spelling keep their numbers, whatever the order of the file.
    written = [column for column in sorted(table.columns) if column not in columns or table.columns[column] in TEXT]
    order = f"ORDER BY md5({joined(f'{quoted(column)}::VARCHAR' for column in written)})" if written else ""
    number = f"row_number() OVER (PARTITION BY {made} {order})"
    return f"SELECT *, {made} || coalesce('-' || nullif({number}, 1), '') AS {CONTENT_KEY} FROM ({sql})"


def joined(values: Iterable[str]) -> str:
    return f"concat_ws('{SEPARATOR}', {', '.join(f'coalesce({value}, {NOTHING})' for value in values)})"


def as_seen(column: str, table: Collected) -> str:
    """A value as text that is the same for each type that it may be read with, such as in another format."""
    name, kind = quoted(column), plain(table.columns[column])
    if kind == "DOUBLE":
        return f"{name}::VARCHAR"
    if kind == "FLOAT":  # 0.1 as it is written, not the nearest 32-bit number
        return f"{name}::VARCHAR::DOUBLE::VARCHAR"
    if kind.endswith(("INT", "INTEGER")) or kind.startswith("DECIMAL"):
        return f"{name}::DOUBLE::VARCHAR"
    if kind in ("DATE", "TIMESTAMP"):
        return f"{name}::TIMESTAMP::VARCHAR"
    number = f"replace({name}::VARCHAR, ',', '.')" if table.reading.decimal == "," else f"{name}::VARCHAR"
    moment = f"TRY_CAST({name}::VARCHAR AS TIMESTAMP)"
    return f"coalesce(TRY_CAST({number} AS DOUBLE)::VARCHAR, {moment}::VARCHAR, {name}::VARCHAR)"


def table_of_rows(
    prepare: Prepare, tables: Mapping[str, Collected], frame_with: Callable[[str], Table]
) -> tuple[str, Table]:
    """The table whose rows become those of the frame, and the frame; `frame_with` adds the key to the table it names.

    Raises
    ------
    ConfigurationError
        Where the preparation function hands on the key of no table.
    """
    failed: ConfigurationError | None = None
    for name, table in tables.items():
        if CONTENT_KEY in table.columns:
            raise ConfigurationError(f"data.sources.{name}: the column name {CONTENT_KEY} is taken: rename the column")
        try:
            frame = frame_with(name)
        except ConfigurationError as error:  # the function asks for the key of another table
            failed = failed or error
            continue
        if CONTENT_KEY in frame.columns and (len(tables) == 1 or lineage.first_table(frame.op()) == name):
            return name, frame
    if failed:
        raise failed
    raise ConfigurationError(
        f"params.yaml: prepare.key: content: {prepare.function} must hand on the column {CONTENT_KEY}, which is added "
        f"to the table of the rows, as in select({CONTENT_KEY!r}, …); or name the columns of a key in prepare.key"
    )


def columns_of_key(prepare: Prepare, name: str, table: Collected, frame: Table) -> list[str]:
    """The columns that the key is made of: those that `prepare.key_columns` names, or all but the label's."""
    import ibis.expr.operations as ops

    for column in prepare.key_columns:
        if column not in table.columns:
            near = difflib.get_close_matches(column, list(table.columns), n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(table.columns)}"
            raise ConfigurationError(f"params.yaml: prepare.key_columns: {name} has no column {column}: {hint}")
    outcome: set[str] = set()
    for column in filter(None, (prepare.label, prepare.status)):
        if column in frame.columns:
            outcome |= {own for of, own in lineage.columns_of(ops.Field(frame.op(), column)) if of == name}
    found = prepare.key_columns or [column for column in table.columns if column not in outcome]
    if not found:
        raise ConfigurationError(
            f"params.yaml: prepare.key: content: every column of {name} is part of the label {prepare.label}: "
            "name the columns that tell rows apart in prepare.key_columns"
        )
    return found
