"""Tables that keep their own versions: one version is read through Arrow, and kept as a sorted Parquet file.

A version is immutable. Its identity (the table's own id, and what its log says of the version) is kept with the file:
as long as it is the same the file is used again, and another identity under the same version is an error.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.data.sources.cutoff import Cut, check_time
from mainline.data.sources.declaration import Request
from mainline.data.sources.duckdb_scan import NO_ROOM, connect, first_line, name, text
from mainline.data.sources.formats import Files
from mainline.errors import ConfigurationError, DataError, ExternalError
from mainline.runtime.atomic_files import write_text

if TYPE_CHECKING:
    from pyarrow import RecordBatchReader

MEMORY = "512MB"  # in which DuckDB sorts; the rest spills to the cache's disk
SHOWN = 8  # versions that a message lists


@dataclass(frozen=True)
class Version:
    """One version of a table: `name` is what messages call it."""

    name: str  # such as `version 3 of s3://lake/orders`
    key: str  # what identifies table and version
    identity: str  # of their content
    read: Callable[[], RecordBatchReader]


@dataclass(frozen=True)
class Moment:
    """A version and when it was made."""

    version: int
    at: dt.datetime


def as_of(where: str, what: str, found: list[Moment], until: dt.datetime) -> int:
    """The last version that was made before the data cutoff.

    Raises
    ------
    DataError
        Where there is none: the table is younger than the cutoff, or its older versions are gone.
    """
    before = [each for each in found if each.at < until]
    if before:
        return max(before, key=lambda each: each.at).version
    first = min(found, key=lambda each: each.at, default=None)
    there = f"its first, {first.version}, is of {first.at:%Y-%m-%d %H:%M} UTC" if first else "it has none"
    raise DataError(
        f"{where}: {what} has no version of before the data cutoff ({until:%Y-%m-%d %H:%M %Z}): {there}; "
        "name a version, or `latest`"
    )


def kept(version: Version, request: Request) -> Files:
    """The rows of the version that lie before the cutoff.

    Raises
    ------
    DataError
        Where the table was rewritten under the same version.
    """
    said = json.dumps([version.key, request.time, request.before.isoformat() if request.before else None])
    folder = request.cache / "versions" / request.table
    note = folder / f"{hashlib.sha256(said.encode()).hexdigest()[:16]}.json"
    known = _note(note)
    if known and known["identity"] != version.identity:
        raise DataError(
            f"data.sources.{request.table}: {version.name} is not what it was on {known['on']}: the table was "
            f"rewritten under the same version; restore it, or accept the new rows by deleting {note}"
        )
    file = Path(known["file"]) if known else None
    if file is None or not file.exists():
        file = request.keep(lambda part: write_sorted(version, request, part))
        on = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
        write_text(note, json.dumps({"identity": version.identity, "file": str(file), "on": on}))
    return Files(request.table, [file], "parquet", {file: version.name})


def write_sorted(version: Version, request: Request, part: Path) -> None:
    """Rows in the order of all their columns: the same rows are the same file, however the table stores them."""
    import duckdb

    where = f"data.sources.{request.table}"
    with closing(connect()) as con:
        con.execute(f"SET memory_limit = '{MEMORY}'; SET temp_directory = {text(str(request.cache / 'spill'))}")
        try:
            reader = version.read()
            con.register("answer", reader.schema.empty_table())
            types = {row[0]: row[1] for row in con.execute("DESCRIBE FROM answer").fetchall()}
            known = "true"
            if request.time is not None and request.before is not None:
                check_time(request.table, types, request.time)
                cut = Cut(request.time, types[request.time], request.before, request.timezone)
                known = f"{cut.sql} OR {name(request.time)} IS NULL"  # refused later, with the others of its kind
            con.unregister("answer")
            con.register("answer", reader)
            options = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880"
            con.execute(f"COPY (FROM answer WHERE {known} ORDER BY ALL) TO {text(str(part))} ({options})")
        except (duckdb.Error, OSError, ValueError) as error:
            raise broken(where, version, str(error)) from None


def broken(where: str, version: Version, said: str) -> DataError | ExternalError:
    if any(words in said.lower() for words in NO_ROOM):
        return ExternalError(f"{where}: no space left for {version.name}: {first_line(said)}")
    if any(words in said.lower() for words in ("not found", "no such file", "does not exist", "404")):
        return DataError(f"{where}: files of {version.name} are gone: it was expired or vacuumed; name a later one")
    return ExternalError(f"{where}: {version.name} cannot be read: {first_line(said)}")


def missing_group(where: str, what: str, group: str) -> ConfigurationError:
    return ConfigurationError(
        f"{where}: {what} needs a library that is not installed; run `make install GROUPS={group}`"
    )


def listed(values: list[Any]) -> str:
    shown = ", ".join(str(value) for value in values[-SHOWN:])
    return f"… {shown}" if len(values) > SHOWN else shown


def _note(path: Path) -> dict[str, str] | None:
    try:
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found
