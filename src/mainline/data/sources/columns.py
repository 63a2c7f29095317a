"""The columns of a table's files, and whether all files agree on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mainline.data.sources.duckdb_scan import Layout, path_list, run
from mainline.data.sources.formats import Files
from mainline.data.sources.text_files import same_names, text_layout
from mainline.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


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
            same_names(files, path, list(first), list(found[path]))
            for column, kind in first.items():
                if found[path][column] != kind:
                    raise _changed_type(files, path, column, kind, found[path][column])
        return Layout("parquet", first)
    return text_layout(con, files)


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
    return DataError(f"{files.origin(path)}: column {column} is {now}, in {first} it is {before}")
