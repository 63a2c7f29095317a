"""The columns of a table's files, and whether all files agree on them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.data.sources.duckdb_scan import Layout, path_list, plain, run, text
from mainline.data.sources.formats import Files
from mainline.data.sources.text_files import same_names, text_layout
from mainline.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


WIDER = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DOUBLE")
NO_TYPE = '"NULL"'  # DuckDB's name for a Parquet column that was written without one


def read_layout(con: DuckDBPyConnection, files: Files) -> Layout:
    """The columns of a table's files.

    Raises
    ------
    DataError
        Where a file is broken, or is not like the first: the file and the column are named.
    """
    layout = _parquet_layout(con, files) if files.format == "parquet" else text_layout(con, files)
    # Some writers keep the column in the file as well: there it has its own type.
    parts = {column: kind for column, kind in files.reading.partitions.items() if column not in layout.columns}
    columns, time = {**layout.columns, **parts}, files.time_from
    reading = dataclasses.replace(layout.reading, partitions=parts)
    if time:
        time.check(files.table, columns)
        columns, reading = (
            {**columns, time.name: time.type},
            dataclasses.replace(reading, computed={time.name: time.sql}),
        )
    return dataclasses.replace(layout, columns=columns, reading=reading)


def _parquet_layout(con: DuckDBPyConnection, files: Files) -> Layout:
    found = _parquet_columns(con, files)
    merged = dict(found[files.paths[0]])
    without: set[str] = {column for column, kind in merged.items() if kind == NO_TYPE}
    odd: dict[str, list[str]] = {}
    for i, path in enumerate(files.paths):
        same_names(files, path, list(merged), list(found[path]))
        for column, kind in found[path].items():
            if kind == merged[column]:
                continue
            if kind == NO_TYPE or _is_null(con, files, [path], column):
                odd.setdefault(str(path), []).append(column)
            elif column in without or _is_null(con, files, files.paths[:i], column):
                for earlier in files.paths[:i]:
                    odd.setdefault(str(earlier), []).append(column)
                merged[column] = kind
                without.discard(column)
            elif plain(kind) == plain(merged[column]):
                odd.setdefault(str(path), []).append(column)
            else:
                raise _changed_type(files, path, column, merged[column], kind)
    return Layout("parquet", merged, odd=odd)


def _is_null(con: DuckDBPyConnection, files: Files, paths: list[Path], column: str) -> bool:
    """Whether the files' footers say that the column has no value."""
    sql = f"""
    SELECT coalesce(bool_and(stats_null_count = num_values), false)
    FROM parquet_metadata({path_list(paths)}) WHERE path_in_schema = {text(column)}
    """
    return bool(run(con, files, sql)[0][0])


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


def _changed_type(files: Files, path: Path, column: str, before: str, now: str) -> DataError:
    first = files.origins[files.paths[0]]
    kinds = {before, now}
    wider = next((kind for kind in WIDER if kinds <= {*WIDER[: WIDER.index(kind) + 1]}), None)
    hint = f": write it as {wider} in both (pandas makes whole numbers floats where one is missing)" if wider else ""
    return DataError(f"{files.origin(path)}: column {column} is {now}, in {first} it is {before}{hint}")
