"""How DuckDB reads a table's files: the SQL of the scan, and the message about a file that cannot be read."""

from __future__ import annotations

import dataclasses
import glob
import os
import re
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.data.sources.formats import Files, Format, Reading
from mainline.errors import DataError, ExternalError, MainlineError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CSV_ERROR = (
    r"CSV Error on Line: (\d+)\n(?:Original Line: ?(?P<line>.*?)\n)?"
    r"(?P<why>(?:Expected|Error|Value|Invalid|Maximum)[^\n]*)"
)
# Types that Ibis does not know, or that differ from another only in what DuckDB computes with.
PLAIN = {
    "TIMESTAMP_S": "TIMESTAMP", "TIMESTAMP_MS": "TIMESTAMP", "TIMESTAMP_NS": "TIMESTAMP",
    "TIMESTAMPTZ_NS": "TIMESTAMP WITH TIME ZONE", "TIME_NS": "TIME", '"NULL"': "VARCHAR",
}  # fmt: skip
LFS = b"version https://git-lfs.github.com/spec/"
SPILLS, SPILLED = 2000, "mainline-spill"  # megabytes, and how folders for what is spilled are called
NO_ROOM = ("no space left", "disk quota", "file too large")


@dataclass(frozen=True)
class Layout:
    """What all files of a table have in common."""

    format: Format
    columns: dict[str, str]  # name: DuckDB's type
    delimiter: str | None = None
    empty: frozenset[Path] = field(default=frozenset())  # text files without rows, whose types are unknown
    reading: Reading = field(default_factory=Reading)
    odd: Mapping[str, list[str]] = field(
        default_factory=dict
    )  # Parquet files: columns without a value, of another type


def connect() -> DuckDBPyConnection:
    """DuckDB in memory, which reads and writes times without a zone as UTC and draws no progress bar."""
    import duckdb

    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return con


SHARED: dict[int, DuckDBPyConnection] = {}  # by process: a fork has none of its parent's threads
SHARING = threading.Lock()


@contextmanager
def reading() -> Iterator[DuckDBPyConnection]:
    """As `connect`, for queries of files: nothing but temporary views is made, and no limit is set.

    An instance of DuckDB takes more time to make than a small frame to read, so that all of a process share one. It
    caches nothing of a file, which may be another by the next query.
    """
    import duckdb

    with SHARING:
        shared = SHARED.get(os.getpid())
        if shared is None:
            shared = SHARED[os.getpid()] = duckdb.connect(config={"enable_external_file_cache": False})
    with shared.cursor() as con:
        con.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        try:
            yield con
        except Exception:
            SHARED.pop(os.getpid(), None)  # a damaged file may have made it unusable, whatever error was made of that
            raise


def is_nan(column: str) -> str:
    """SQL of whether a number is NaN, in a list of one: DuckDB 2.0 takes `isnan(x)` for false by a Parquet file's least
    and largest value, in which other writers leave NaN out."""
    return f"isnan([{column}][1])"


@contextmanager
def spilling(megabytes: int = SPILLS) -> Iterator[DuckDBPyConnection]:
    """As `connect`, for tables as large as the frame: beyond so many megabytes they are in temporary files."""
    with tempfile.TemporaryDirectory(prefix=f"{SPILLED}-") as folder, connect() as con:
        con.execute(f"SET temp_directory = {text(folder)}; SET memory_limit = '{megabytes}MB'")
        yield con


def no_room_to_spill(error: Exception) -> str | None:
    """That a query found no room for its temporary files, and where; None where it failed of anything else.

    DuckDB calls it too little memory: it may use 90 % of what is free on the disk.
    """
    said = str(error)
    if "max_temp_directory_size" not in said and not (SPILLED in said and any(w in said.lower() for w in NO_ROOM)):
        return None
    used = re.search(r"\(([\d.]+ \w+)/([\d.]+ \w+) used\)", said)
    amount = f": {used[1]} of the {used[2]} that it may use there are written" if used else ""
    return (
        f"no room for temporary files below {tempfile.gettempdir()}{amount}. Set TMPDIR to a folder with more room: "
        "sorting and grouping take about as much as the rows take uncompressed; or raise data.memory_megabytes"
    )


@contextmanager
def naming_a_full_disk(what: str) -> Iterator[None]:
    """Raise ExternalError where a query in the block finds no room for its temporary files; `what` is not done then."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        full = no_room_to_spill(error)
        if full is None:
            raise
        raise ExternalError(f"{what}: {full}") from error


def scan_sql(paths: Iterable[Path], layout: Layout, **options: str) -> str:
    """What reads exactly these files, with these columns, whatever is in their names."""
    computed = layout.reading.computed
    if not computed:
        return files_sql(paths, layout, **options)
    own = {name: kind for name, kind in layout.columns.items() if name not in computed}
    scan = files_sql(paths, dataclasses.replace(layout, columns=own), **options)
    return f"(SELECT *, {', '.join(f'{sql} AS {name(column)}' for column, sql in computed.items())} FROM {scan})"


def files_sql(paths: Iterable[Path], layout: Layout, **options: str) -> str:
    """A table function that reads the columns that the files have."""
    given = {"filename": text(options["filename"])} if "filename" in options else {}
    parts = layout.reading.partitions
    given |= _partitioned(parts)
    own = {name: kind for name, kind in layout.columns.items() if name not in parts}
    columns = "{" + ", ".join(f"{text(name)}: {text(kind)}" for name, kind in own.items()) + "}"
    if layout.format == "parquet":
        return _parquet(paths, layout, given)
    if layout.format == "csv":
        known = {"auto_detect": "false", "columns": columns}
        return _call("read_csv", paths, {**_dialect(layout.delimiter or ",", layout.reading), **known, **given})
    known = {"format": "'newline_delimited'", "auto_detect": "false", "columns": columns, **_dates(layout.reading)}
    return _call("read_json", paths, {"hive_partitioning": "false", **known, **given})


def _partitioned(columns: Mapping[str, str]) -> dict[str, str]:
    types = ", ".join(f"{text(name)}: {text(kind)}" for name, kind in columns.items())
    return {"hive_partitioning": "true", "hive_types": f"{{{types}}}"} if columns else {}


def plain(kind: str) -> str:
    """The type that a column is read with: finer times than microseconds are not told apart, nulls have no type."""
    return PLAIN.get(kind, kind)


def _parquet(paths: Iterable[Path], layout: Layout, given: Mapping[str, str]) -> str:
    options = {"hive_partitioning": "false", **given}
    groups: dict[tuple[str, ...], list[Path]] = {}
    for path in paths:
        groups.setdefault(tuple(layout.odd.get(str(path), ())), []).append(path)
    parts = []
    for odd, group in groups.items():
        cast = [column for column, kind in layout.columns.items() if column in odd or plain(kind) != kind]
        casts = ", ".join(f"CAST({name(c)} AS {plain(layout.columns[c])}) AS {name(c)}" for c in cast)
        scan = _call("read_parquet", group, options)
        parts.append(f"(SELECT * REPLACE ({casts}) FROM {scan})" if cast else scan)
    if len(parts) == 1:
        return parts[0]
    return f"({' UNION ALL BY NAME '.join(f'SELECT * FROM {part}' for part in parts)})"


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def parquet_file(path: Path) -> str:
    """A table function that reads this one file, whatever is in its name or in those of its folders."""
    return f"read_parquet({text(glob.escape(str(path)))})"


def name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def sniff_sql(path: Path, format: Format, delimiter: str | None, reading: Reading) -> str:
    """A SELECT of a text file's columns as DuckDB infers them from all rows: name, type, formats of date and time."""
    if format == "csv":
        options = {**_dialect(delimiter or ",", reading), "sample_size": "-1"}
        del options["hive_partitioning"]
        given = ", ".join(f"{key} = {value}" for key, value in options.items())
        sniffed = f"sniff_csv({text(glob.escape(str(path)))}, {given})"
        return f"SELECT unnest(Columns, recursive := true), DateFormat, TimestampFormat FROM {sniffed}"
    known = {"format": "'newline_delimited'", "sample_size": "-1", "hive_partitioning": "false", **_dates(reading)}
    scan = _call("read_json", [path], known)
    return f"SELECT column_name, column_type, NULL, NULL FROM (DESCRIBE SELECT * FROM {scan})"


def raw_sql(paths: Iterable[Path], columns: Iterable[str], layout: Layout) -> str:
    """A table function that reads text files with every value as it is written."""
    return scan_sql(paths, dataclasses.replace(layout, columns=dict.fromkeys(columns, "VARCHAR")))


def _dialect(delimiter: str, reading: Reading) -> dict[str, str]:
    fixed = {"header": "true", "quote": "'\"'", "escape": "'\"'", "comment": "''", "skip": "0", "strict_mode": "true"}
    found = {"delim": text(delimiter), **fixed, "null_padding": "false", "hive_partitioning": "false"}
    if reading.decimal != ".":
        found["decimal_separator"] = text(reading.decimal)
    if reading.thousands:
        found["thousands"] = text(reading.thousands)
    if reading.null_values:
        found["nullstr"] = "[" + ", ".join(map(text, ["", *reading.null_values])) + "]"
    return found | _dates(reading)


def _dates(reading: Reading) -> dict[str, str]:
    given = {"dateformat": reading.date_format, "timestampformat": reading.timestamp_format}
    return {name: text(value) for name, value in given.items() if value}


def _call(function: str, paths: Iterable[Path], options: Mapping[str, str]) -> str:
    return f"{function}({path_list(paths)}, {', '.join(f'{key} = {value}' for key, value in options.items())})"


def path_list(paths: Iterable[Path]) -> str:
    return "[" + ", ".join(text(glob.escape(str(path))) for path in paths) + "]"


def run(con: DuckDBPyConnection, files: Files, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query over a table's files; a broken file is named."""
    with blaming(files):
        found: list[tuple[Any, ...]] = con.execute(sql).fetchall()
    return found


@contextmanager
def blaming(files: Files) -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise _blame(files, str(error)) from None


def damaged(files: Files, said: str) -> MainlineError | None:
    """For an error of DuckDB: what is wrong with the file that it names, or None where it names none of these."""
    return _blame(files, said) if any(str(path) in said for path in files.paths) else None


def _blame(files: Files, said: str) -> MainlineError:
    if any(words in said.lower() for words in NO_ROOM):
        return ExternalError(f"data.sources.{files.table}: no space left: {first_line(said)}")
    named = [path for path in files.paths if str(path) in said]
    path = max(named, key=lambda path: len(str(path)), default=files.paths[0] if len(files.paths) == 1 else None)
    where = files.origin(path) if path else f"data.sources.{files.table}"
    if path and lfs_pointer(path):
        return DataError(f"{where} is a Git LFS pointer, not the file itself: run `git lfs pull`")
    line = re.search(CSV_ERROR, said, re.DOTALL)
    if "not utf-8" in said.lower():
        at = f", line {line[1]}" if line else ""
        setting = f"data.sources.{files.table}.encoding"
        return DataError(f"{where}{at}: the text is not UTF-8: save it as UTF-8, or set {setting}, such as cp1252")
    if "automatically detect the CSV parsing dialect" in said or "parser state machine" in said.lower():
        return DataError(f"{where}: {_not_csv(path or files.paths[0])}")
    if line:
        shown = (line["line"] or "").splitlines()
        return DataError(f"{where}, line {line[1]}: {line['why']}" + (f" in: {shown[0][:200]}" if shown else ""))
    twice = re.search(r"in line (\d+): .*? has duplicate key (\".*\")", said, re.DOTALL)
    if twice:
        return DataError(f"{where}, line {twice[1]}: the key {twice[2]} stands twice in one object")
    json = re.search(r"at byte (\d+) in (?:line|record/value) (\d+): (.*)", said)
    if json:
        return DataError(f"{where}, line {json[2]}: not JSON at byte {json[1]}: {json[3].strip()}")
    return DataError(f"{where} cannot be read: {first_line(said)}")


def lfs_pointer(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(LFS)) == LFS
    except OSError:
        return False


def _not_csv(path: Path) -> str:
    """Why the file is not CSV with one header and rows as long as it."""
    start = path.read_bytes()[:1_000_000]
    if b"\r\n" in start and b"\n" in start.replace(b"\r\n", b""):
        return "it has mixed line ends (\\r\\n and \\n): write all lines with one"
    return "its rows do not have the columns of its header: look for a quote that is not closed"


def first_line(said: str) -> str:
    return said.splitlines()[0].removeprefix("Invalid Input Error: ").removeprefix("IO Error: ")
