"""The files of the prediction log as DuckDB tables: intact files are read, damaged ones are reported.

`monitor.log` contains `predictions/*.parquet`, with a row per predicted row, and `feedback/*.parquet`, with a row per
label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.data.sources import remote
from mainline.data.sources.duckdb_scan import first_line, path_list
from mainline.data.sources.streams.log_address import is_topic
from mainline.data.split import quoted
from mainline.monitoring import log_topic

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Connect = Callable[[], "DuckDBPyConnection"]

PREDICTIONS = ("_request", "_row", "_time", "_version", "_model_digest", "_prediction")
FEEDBACK = ("_time", "_request", "_row", "_label")


@dataclass(frozen=True)
class Problem:
    """A problem in the log; a fatal one makes the window invalid."""

    name: str  # corrupt file, clock skew, duplicates, schema, model version, labels
    found: str
    fatal: bool = True


@dataclass(frozen=True)
class Files:
    """Readable files with the same columns."""

    paths: list[Path]
    columns: dict[str, str]  # name: DuckDB's type


def located(place: str, part: str, root: Path, cache: Path) -> list[Path]:
    """The files of one part of the log, downloaded from a bucket to `cache`; no files is not an error here.

    Raises
    ------
    ExternalError
        If the bucket cannot be reached.
    ConfigurationError
        If its scheme is unknown or its library not installed.
    """
    if is_topic(place):
        return log_topic.files_of(place, part, cache)
    if remote.is_remote(place):
        return remote.fetched("monitor.log", f"{place.rstrip('/')}/{part}/*.parquet", cache)
    return sorted((root / place / part).rglob("*.parquet"))


def readable(connect: Connect, paths: Sequence[Path], wanted: Sequence[str], problems: list[Problem]) -> list[Files]:
    """Group the files by their columns; files that are corrupt or lack a `wanted` column are reported and skipped."""
    import duckdb

    groups: dict[tuple[tuple[str, str], ...], list[Path]] = {}
    scratch = connect()
    for path in paths:
        try:
            found = tuple(scratch.execute(f"SELECT column_name, column_type FROM (DESCRIBE {scan([path])})").fetchall())
        except (duckdb.Error, OSError) as error:
            problems.append(corrupt(path, error))
            scratch = connect()  # damage can make a connection unusable
            continue
        lacking = [column for column in wanted if column not in dict(found)]
        if lacking:
            problems.append(Problem("schema", f"{path.name} lacks the column {', '.join(lacking)} and was skipped"))
        else:
            groups.setdefault(found, []).append(path)
    scratch.close()
    whole = [Files(intact(connect, found, problems), dict(columns)) for columns, found in groups.items()]
    return [files for files in whole if files.paths]


def intact(connect: Connect, paths: list[Path], problems: list[Problem]) -> list[Path]:
    """Read every page once: damage in the middle of a file is only found by reading it."""
    import duckdb

    # A new connection each time: corrupt pages can make a DuckDB connection unusable.
    try:
        with connect() as scratch:
            scratch.execute(f"SELECT bit_xor(hash(COLUMNS(*))) FROM ({scan(paths)})").fetchall()
    except (duckdb.Error, OSError) as error:
        if len(paths) == 1:
            problems.append(corrupt(paths[0], error))
            return []
        half = len(paths) // 2
        return [*intact(connect, paths[:half], problems), *intact(connect, paths[half:], problems)]
    return paths


def corrupt(path: Path, error: Exception) -> Problem:
    reason = first_line(str(error).strip() or type(error).__name__).replace(str(path), path.name)
    return Problem("corrupt file", f"{path.name} cannot be read and was skipped: {reason}")


def scan(paths: Sequence[Path]) -> str:
    return f"SELECT * FROM read_parquet({path_list(paths)}, hive_partitioning = false)"


def union(groups: Sequence[Files]) -> str:
    """All rows, matched by column name; a column that a file lacks is null in its rows."""
    return " UNION ALL BY NAME ".join(scan(files.paths) for files in groups)


def schemas(connection: DuckDBPyConnection, groups: Sequence[Files]) -> list[Problem]:
    """The changes of columns within the log, with the versions that wrote them."""
    if len(groups) < 2:
        return []
    found = []
    first = groups[0]
    for other in groups[1:]:
        gone = sorted(set(first.columns) - set(other.columns))
        new = sorted(set(other.columns) - set(first.columns))
        both = sorted(set(first.columns) & set(other.columns))
        typed = [
            f"{n} is {other.columns[n]}, was {first.columns[n]}" for n in both if first.columns[n] != other.columns[n]
        ]
        changes = [*(f"{name} is missing" for name in gone), *(f"{name} is new" for name in new), *typed]
        if not changes:
            continue
        versions = [written_by(connection, files) for files in (first, other)]
        between = f"between versions {versions[0]} and {versions[1]}"
        # Another version may have other columns; within one version they must not change.
        same = versions[0] == versions[1]
        where = f"within version {versions[0]}" if same else between
        found.append(Problem("schema", f"the columns changed {where}: {', '.join(changes)}", fatal=same))
    return found


def written_by(connection: DuckDBPyConnection, files: Files) -> str:
    rows = connection.execute(f"SELECT DISTINCT {quoted('_version')}::VARCHAR FROM ({scan(files.paths)}) ORDER BY 1")
    return ", ".join(str(version) for (version,) in rows.fetchall())
