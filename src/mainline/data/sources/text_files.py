"""The columns of CSV and JSON Lines files: types that DuckDB infers, or that `params.yaml` sets.

What is inferred never changes what a value says: `yes` and `no` stay text, and a date whose order of day and month
is not certain is not read as a date.
"""

from __future__ import annotations

import csv
import dataclasses
import difflib
import gzip
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.data.sources.duckdb_scan import Layout, lfs_pointer, name, raw_sql, run, scan_sql, sniff_sql, text
from mainline.data.sources.formats import Files, Reading
from mainline.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DELIMITERS = ",;\t|"

# Types of values in text files, from narrow to wide: whole numbers in one file and decimals in another are one column.
WIDENING = (("BIGINT", "HUGEINT", "DOUBLE"), ("DATE", "TIMESTAMP"), ("BOOLEAN", "VARCHAR"))

FIRST = 1000  # rows: as the first are written, so are all
SHORT_YEAR = r"^\s*\d{1,3}[-/]\d{1,2}[-/]\d{1,2}\D"

TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


@dataclass(frozen=True)
class Sniffed:
    """One file's columns with their types, and how its dates and times are written where that is not ISO 8601."""

    columns: dict[str, str]
    date_format: str | None = None
    timestamp_format: str | None = None
    certain: bool = True  # whether day and month could not be the other way round


def text_layout(con: DuckDBPyConnection, files: Files) -> Layout:
    """The columns that all files have in common."""
    check_types(con, files)
    delimiter = delimiter_of(files.paths[0]) if files.format == "csv" else None
    for path in files.paths if delimiter else ():
        names_once(files, path, str(delimiter))
    found = {path: _sniffed(con, files, path, delimiter) for path in files.paths}
    found, reading = _one_date_format(files, found)
    empty = frozenset(path for path in files.paths if _is_empty(con, files, path, found[path].columns, delimiter))
    full = [path for path in files.paths if path not in empty] or files.paths[:1]
    merged = dict(found[full[0]].columns)
    draft = Layout(files.format, merged, delimiter, empty, dataclasses.replace(reading, partitions={}))
    for path in files.paths:
        if path in empty and files.format == "jsonl":
            continue  # no row, no names
        same_names(files, path, list(merged), list(found[path].columns), ordered=files.format == "csv")
        for column, kind in found[path].columns.items() if path not in empty else ():
            if column not in reading.types:
                merged[column] = _wider(con, files, path, column, merged[column], kind, draft)
    for column in reading.types:
        if column not in merged:
            near = difflib.get_close_matches(column, merged, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(merged)}"
            raise ConfigurationError(f"data.sources.{files.table}.types: there is no column {column}: {hint}")
        merged[column] = reading.types[column]
    return draft


def check_types(con: DuckDBPyConnection, files: Files) -> None:
    import duckdb

    for column, kind in files.reading.types.items():
        try:
            con.execute(f"SELECT CAST(NULL AS {kind})").fetchall()
        except duckdb.Error:
            raise ConfigurationError(
                f"data.sources.{files.table}.types.{column}: DuckDB has no type {kind}; "
                "use one such as VARCHAR, BIGINT, DOUBLE, BOOLEAN, DATE or TIMESTAMP"
            ) from None


def _wider(
    con: DuckDBPyConnection, files: Files, path: Path, column: str, before: str, kind: str, layout: Layout
) -> str:
    """The type that holds both; a file in which the column has no value agrees with every type."""
    for ladder in WIDENING:
        if before in ladder and kind in ladder:
            return max(before, kind, key=ladder.index)
    if before == kind or not _has_values(con, files, [path], column, layout):
        return before
    if not _has_values(con, files, files.paths[: files.paths.index(path)], column, layout):
        return kind
    first = files.origins[files.paths[0]]
    raise DataError(
        f"{files.origin(path)}: column {column} is {kind}, in {first} it is {before}; where all of it is text, "
        f"set data.sources.{files.table}.types: {{{column}: VARCHAR}}"
    )


def _has_values(con: DuckDBPyConnection, files: Files, paths: list[Path], column: str, layout: Layout) -> bool:
    return any(
        run(con, files, f"SELECT count({name(column)}) > 0 FROM {raw_sql([path], layout.columns, layout)}")[0][0]
        for path in paths
    )


def _sniffed(con: DuckDBPyConnection, files: Files, path: Path, delimiter: str | None) -> Sniffed:
    if path.stat().st_size == 0:
        raise DataError(f"{files.origin(path)} is empty" + (": it has not even a header" if delimiter else ""))
    if lfs_pointer(path):
        raise DataError(f"{files.origin(path)} is a Git LFS pointer, not the file itself: run `git lfs pull`")
    try:
        rows = run(con, files, sniff_sql(path, files.format, delimiter, files.reading))
    except DataError:
        if delimiter is None:
            raise
        # The types are unknown because a line is broken: reading it as text names the line.
        columns = dict.fromkeys(_header(path).split(delimiter), "VARCHAR")
        every = ", ".join(f"max({name(column)})" for column in columns)
        run(con, files, f"SELECT {every} FROM {scan_sql([path], Layout('csv', columns, delimiter))}")
        raise
    columns = {column: kind for column, kind, *_ in rows}
    if files.format != "csv":
        return Sniffed(columns)
    layout = Layout("csv", columns, delimiter, reading=files.reading)
    words = [column for column, kind in columns.items() if kind == "BOOLEAN" and column not in files.reading.types]
    if words:
        spelled = ", ".join(f"coalesce(bool_and(lower({name(column)}) IN ('true', 'false')), true)" for column in words)
        (said,) = run(con, files, f"SELECT {spelled} FROM {raw_sql([path], columns, layout)}")
        columns |= {column: "VARCHAR" for column, true_false in zip(words, said, strict=True) if not true_false}
    return _dated(con, files, path, Sniffed(columns, *rows[0][2:4]), layout)


def _dated(con: DuckDBPyConnection, files: Files, path: Path, sniffed: Sniffed, layout: Layout) -> Sniffed:
    """Dates that are not written as ISO 8601 are such only if no other reading of them is possible."""
    formats = {"DATE": sniffed.date_format, "TIMESTAMP": sniffed.timestamp_format}
    if not (files.reading.date_format or files.reading.timestamp_format):
        sniffed = dataclasses.replace(sniffed, columns=_without_short_years(con, files, path, sniffed.columns, layout))
    if files.reading.date_format or files.reading.timestamp_format or not any(formats.values()):
        return dataclasses.replace(sniffed, date_format=None, timestamp_format=None)
    columns, certain = dict(sniffed.columns), True
    for kind, format in formats.items():
        dated = [column for column, found in columns.items() if found == kind]
        if format is None or format.startswith("%Y") or not dated:
            formats[kind] = None  # year, month, day: the cast reads it, with any separator
            continue
        if "%y" in format:  # 31-12-26 has three readings
            columns |= dict.fromkeys(dated, "VARCHAR")
            formats[kind] = None
            continue
        other = text(swapped(format))
        parses = " AND ".join(f"count({name(c)}) FILTER (try_strptime({name(c)}, {other}) IS NULL) = 0" for c in dated)
        ((both,),) = run(con, files, f"SELECT {parses} FROM {raw_sql([path], sniffed.columns, layout)}")
        certain = certain and not both
    return Sniffed(columns, formats["DATE"], formats["TIMESTAMP"], certain)


def _without_short_years(
    con: DuckDBPyConnection, files: Files, path: Path, columns: dict[str, str], layout: Layout
) -> dict[str, str]:
    """`01/02/24 10:15` stays text: DuckDB's cast takes it for the year 1."""
    timed = [column for column, kind in columns.items() if kind.startswith("TIMESTAMP")]
    if not timed:
        return columns
    short = ", ".join(f"coalesce(bool_or(regexp_matches({name(c)}::VARCHAR, '{SHORT_YEAR}')), false)" for c in timed)
    rows = f"SELECT * FROM {raw_sql([path], columns, layout)} LIMIT {FIRST}"
    (found,) = run(con, files, f"SELECT {short} FROM ({rows})")
    return {**columns, **{column: "VARCHAR" for column, odd in zip(timed, found, strict=True) if odd}}


def swapped(format: str) -> str:
    """The format with day and month the other way round."""
    return format.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")


def _one_date_format(files: Files, found: dict[Path, Sniffed]) -> tuple[dict[Path, Sniffed], Reading]:
    """What the files that leave no doubt say of those that do; where none is certain, the dates stay text."""
    reading = files.reading
    if (
        reading.date_format
        or reading.timestamp_format
        or not any(s.date_format or s.timestamp_format for s in found.values())
    ):
        return found, reading
    chosen: dict[str, str | None] = {}
    for kind in ("date_format", "timestamp_format"):
        certain = {getattr(s, kind): path for path, s in found.items() if s.certain and getattr(s, kind)}
        if len(certain) > 1:
            (one, here), (two, there) = list(certain.items())[:2]
            raise DataError(
                f"{files.origin(there)} writes dates as {two}, {files.origins[here]} as {one}: write them in one way"
            )
        chosen[kind] = next(iter(certain), None)
    read = {}
    for path, sniffed in found.items():
        undecided = {
            type_
            for type_, kind in (("DATE", "date_format"), ("TIMESTAMP", "timestamp_format"))
            if (format := getattr(sniffed, kind)) and chosen[kind] not in (format, swapped(format))
        }
        columns = {c: "VARCHAR" if k in undecided else k for c, k in sniffed.columns.items()}
        read[path] = dataclasses.replace(sniffed, columns=columns)
    formats = (chosen["date_format"], chosen["timestamp_format"])
    return read, dataclasses.replace(reading, date_format=formats[0], timestamp_format=formats[1])


def _is_empty(
    con: DuckDBPyConnection, files: Files, path: Path, columns: dict[str, str], delimiter: str | None
) -> bool:
    if set(columns.values()) - {"VARCHAR", "JSON"}:
        return False  # a type other than text was read from a value
    layout = Layout(files.format, columns, delimiter, reading=files.reading)
    return not run(con, files, f"SELECT 1 FROM {raw_sql([path], columns, layout)} LIMIT 1")


def names_once(files: Files, path: Path, delimiter: str) -> None:
    """Refuse two columns of one name: DuckDB would rename the second, in silence; it tells no case from another."""
    names = header_names(_header(path), delimiter, files.origin(path))
    seen: dict[str, str] = {}
    for place, column in enumerate(names):
        if column and column.lower() in seen:
            one = seen[column.lower()]
            raise DataError(
                f"{files.origin(path)}: two columns are named {one}"
                + (f" and {column}" if one != column else "")
                + f" (the second is column {place + 1}): rename one of them"
            )
        seen[column.lower()] = column


def header_names(line: str, delimiter: str, where: str) -> list[str]:
    """The names in a file's first line.

    Raises
    ------
    DataError
        Where the line goes on with a return alone, as old Macs ended it.
    """
    if "\r" in re.sub(r'"[^"]*"', "", line):
        raise DataError(
            f"{where}: its lines end with a return (\\r) alone: write it with a line feed (\\n) at each end"
        )
    return next(csv.reader([line], delimiter=delimiter), [])


def delimiter_of(path: Path) -> str:
    header = re.sub(r'"[^"]*"', "", _header(path))
    return max(DELIMITERS, key=header.count)


def _header(path: Path) -> str:
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            return file.readline(1_000_000).decode("utf-8-sig", errors="replace").rstrip("\r\n")
    except (OSError, EOFError):
        return ""  # DuckDB says what is wrong with it


def same_names(files: Files, path: Path, first: list[str], here: list[str], ordered: bool = False) -> None:
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
