"""The columns of a table's files, and whether all files agree on them."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.data.sources.duckdb_scan import Layout, name, path_list, run, scan_sql, sniff_sql
from mainline.data.sources.formats import Files
from mainline.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DELIMITERS = ",;\t|"

# Types of values in text files, from narrow to wide: whole numbers in one file and decimals in another are one column.
WIDENING = (("BIGINT", "HUGEINT", "DOUBLE"), ("DATE", "TIMESTAMP"))


def read_layout(con: DuckDBPyConnection, files: Files) -> Layout:
    """The columns of a table's files.

    Raises
    ------
    DataError
        Where a file is broken, or is not like the first: the file and the column are named.
    """
    if files.format == "parquet":
        found = _parquet_columns(con, files)
        first = found[files.paths[0]]
        for path in files.paths[1:]:
            _same_names(files, path, list(first), list(found[path]))
            for column, kind in first.items():
                if found[path][column] != kind:
                    raise _changed_type(files, path, column, kind, found[path][column])
        return Layout("parquet", first)
    return _text_layout(con, files)


def _parquet_columns(con: DuckDBPyConnection, files: Files) -> dict[Path, dict[str, str]]:
    sql = f"""
    SELECT file_name, name, num_children, duckdb_type FROM parquet_schema({path_list(files.paths)})
    ORDER BY file_name, column_id
    """
    found: dict[Path, dict[str, str]] = {path: {} for path in files.paths}
    below: dict[str, int] = {}  # how many entries of the current top-level column remain
    for file, column, children, kind in run(con, files, sql):
        if file not in below:  # the root of the file's schema
            below[file] = 0
        elif below[file]:
            below[file] += (children or 0) - 1
        else:
            found[Path(file)][column] = kind
            below[file] = children or 0
    return found


def _text_layout(con: DuckDBPyConnection, files: Files) -> Layout:
    delimiter = _delimiter(files.paths[0]) if files.format == "csv" else None
    found = {path: _sniffed(con, files, path, delimiter) for path in files.paths}
    empty = frozenset(path for path, columns in found.items() if _is_empty(con, files, path, columns, delimiter))
    full = [path for path in files.paths if path not in empty] or files.paths[:1]
    merged = dict(found[full[0]])
    for path in files.paths:
        if path in empty and files.format == "jsonl":
            continue  # no row, no names
        _same_names(files, path, list(merged), list(found[path]), ordered=files.format == "csv")
        for column, kind in found[path].items() if path not in empty else ():
            merged[column] = _wider(con, files, path, column, merged[column], kind, delimiter)
    return Layout(files.format, merged, delimiter, empty)


def _wider(
    con: DuckDBPyConnection, files: Files, path: Path, column: str, before: str, kind: str, delimiter: str | None
) -> str:
    """The type that holds both; a file in which the column has no value agrees with every type."""
    for ladder in WIDENING:
        if before in ladder and kind in ladder:
            return max(before, kind, key=ladder.index)
    if before == kind or not _has_values(con, files, [path], column, delimiter):
        return before
    if not _has_values(con, files, files.paths[: files.paths.index(path)], column, delimiter):
        return kind
    raise _changed_type(files, path, column, before, kind)


def _has_values(con: DuckDBPyConnection, files: Files, paths: list[Path], column: str, delimiter: str | None) -> bool:
    return any(
        run(con, files, f"SELECT count({name(column)}) > 0 FROM {sniff_sql([path], files.format, delimiter)}")[0][0]
        for path in paths
    )


def _sniffed(con: DuckDBPyConnection, files: Files, path: Path, delimiter: str | None) -> dict[str, str]:
    if path.stat().st_size == 0:
        raise DataError(f"{files.origin(path)} is empty" + (": it has not even a header" if delimiter else ""))
    try:
        rows = run(con, files, f"DESCRIBE SELECT * FROM {sniff_sql([path], files.format, delimiter)}")
    except DataError:
        if delimiter is None:
            raise
        # The types are unknown because a line is broken: reading it as text names the line.
        columns = dict.fromkeys(_header(path).split(delimiter), "VARCHAR")
        every = ", ".join(f"max({name(column)})" for column in columns)
        run(con, files, f"SELECT {every} FROM {scan_sql([path], Layout('csv', columns, delimiter))}")
        raise
    return {row[0]: row[1] for row in rows}


def _is_empty(
    con: DuckDBPyConnection, files: Files, path: Path, columns: Mapping[str, str], delimiter: str | None
) -> bool:
    if set(columns.values()) - {"VARCHAR", "JSON"}:
        return False  # a type other than text was read from a value
    return not run(con, files, f"SELECT 1 FROM {sniff_sql([path], files.format, delimiter)} LIMIT 1")


def _delimiter(path: Path) -> str:
    header = re.sub(r'"[^"]*"', "", _header(path))
    return max(DELIMITERS, key=header.count)


def _header(path: Path) -> str:
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            return file.readline(1_000_000).decode("utf-8-sig", errors="replace").rstrip("\r\n")
    except (OSError, EOFError):
        return ""  # DuckDB says what is wrong with it


def _same_names(files: Files, path: Path, first: list[str], here: list[str], ordered: bool = False) -> None:
    start = files.origins[files.paths[0]]
    missing = [column for column in first if column not in here]
    extra = [column for column in here if column not in first]
    if missing or extra:
        said = [f"has no column {c}" for c in missing[:1]] + [f"has a column {c} more" for c in extra[:1]]
        hint = f" (renamed from {missing[0]}?)" if len(missing) == len(extra) == 1 else ""
        raise DataError(f"{files.origin(path)} {' and '.join(said)} than {start}{hint}")
    if ordered and first != here:
        column = next(c for c, other in zip(first, here, strict=True) if c != other)
        raise DataError(f"{files.origin(path)} has its columns in another order than {start}, from {column} on")


def _changed_type(files: Files, path: Path, column: str, before: str, now: str) -> DataError:
    first = files.origins[files.paths[0]]
    return DataError(f"{files.origin(path)}: column {column} is {now}, in {first} it is {before}")
