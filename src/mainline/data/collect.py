"""Collect: every table of `data.sources` as local files, with the facts about what the model can see of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.data.messages import Messages
from mainline.data.sources import SOURCES, Request, snapshot
from mainline.data.sources.check import kind_of
from mainline.data.sources.columns import read_layout
from mainline.data.sources.computed_time import of_source
from mainline.data.sources.cutoff import Cut, Known, check_time, known
from mainline.data.sources.duckdb_scan import Layout, damaged, plain, reading, scan_sql
from mainline.data.sources.encoding import in_utf8
from mainline.data.sources.files import files_of
from mainline.data.sources.formats import Files, Format, Reading
from mainline.data.sources.partitions import values_of
from mainline.errors import ConfigurationError, DataError, ExternalError, MissingVariable
from mainline.runtime.file_digests import Watch, digests, seen

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mainline.config.schema import Data, Source, Span

VERSION = 1
INDEX = "filestamps.json"
READING = (
    "types",
    "date_format",
    "decimal",
    "thousands",
    "null_values",
)  # settings of a source that change what its files say
MICROSECONDS = {"minute": 60_000_000, "hour": 3_600_000_000, "day": 86_400_000_000, "week": 604_800_000_000}


@dataclass(frozen=True)
class Collected:
    """One table: its files, the data cutoff that applies to it, and what lies before the cutoff."""

    name: str
    paths: list[Path]  # absolute, in the order of their names; only files with rows before the cutoff
    format: Format
    columns: dict[str, str]  # name: DuckDB's type
    delimiter: str | None  # of CSV
    reading: Reading = field(default_factory=Reading, kw_only=True)  # how text files write their values
    odd: dict[str, list[str]] = field(default_factory=dict, kw_only=True)  # Parquet: see `Layout.odd`
    snapshot: str | None = field(default=None, kw_only=True)  # what a reader must know: these are main's rows
    messages: Messages | None = field(default=None, kw_only=True)  # of a stream: what was read of it
    time: str | None  # the column that the cutoff applies to
    timezone: str  # whose midnight a DATE in `time` means; a timestamp without a zone is UTC
    known_after: int | None  # microseconds from a row's time to when it is known
    known_ahead: bool  # known before their time: cut at the cutoff, but not at an earlier moment
    before: dt.datetime | None  # UTC; rows whose time (+ known_after) is this or later are excluded
    digest: str  # SHA-256, hex, of what the model can see, without file names and without files after the cutoff
    rows: int  # before the cutoff, like `start` and `end`: the first and the last time, ISO 8601, UTC
    start: str | None
    end: str | None


def collect(data: Data, root: Path, cache: Path, watch: Watch | None = None) -> dict[str, Collected]:
    """Bring every table of `data.sources` to this machine and report what lies before the data cutoff.

    Parameters
    ----------
    data
        The section `data` of params.yaml; `data.until` at midnight in `data.timezone` is the data cutoff.
    root
        What relative paths are below.
    cache
        A folder for what is fetched from elsewhere, and for the digests of files that were read before.
    watch
        Is given the files of the tables, as they were before they were read.

    Raises
    ------
    DataError
        Where a file is missing, empty, broken or unlike the others, or a time is null.
    ConfigurationError
        Where a source's settings are wrong.
    ExternalError
        Where a server or database cannot be reached, or the disk is full.
    """
    root, cache = root.absolute(), cache.absolute()
    watch = watch or Watch()
    with reading() as con:
        return {name: _collect(con, data, name, source, root, cache, watch) for name, source in data.sources.items()}


def relation_sql(table: Collected) -> str:
    """A SELECT for DuckDB over the rows of a table before its cutoff, with all columns."""
    scan = scan_sql(table.paths, layout_of(table))
    cut = cut_of(table)
    return f"SELECT * FROM {scan}" + (f" WHERE {cut.sql}" if cut else "")


def layout_of(table: Collected) -> Layout:
    return Layout(table.format, table.columns, table.delimiter, reading=table.reading, odd=table.odd)


def as_of(table: Collected, moment: dt.datetime) -> Collected:
    """The table as it stood at an earlier moment; `rows`, `start`, `end` and `digest` stay those of the cutoff."""
    if table.before is None or table.known_ahead:
        return table
    return dataclasses.replace(table, before=min(table.before, moment.astimezone(dt.UTC)))


@contextmanager
def naming_damage(tables: Iterable[Collected]) -> Iterator[None]:
    """Name the file that a query cannot read: some damage is seen by who asks for all values only.

    Raises
    ------
    DataError
        With the table, the file and, where it is known, the line.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        for table in tables:
            origins = {path: _shown(path) for path in table.paths}
            found = damaged(Files(table.name, table.paths, table.format, origins), str(error))
            if found:
                raise found from error
        raise


def _shown(path: Path) -> str:
    """A path below the folder that the command was called in, where it lies there."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def file_ends(table: Collected) -> list[dt.datetime]:
    """When the last row of each file is known, UTC; empty for a table that is one file or has no time."""
    cut = cut_of(table)
    if cut is None or len(table.paths) < 2 or table.known_ahead:
        return []
    after = dt.timedelta(microseconds=table.known_after or 0)
    files = Files(table.name, table.paths, table.format, {})
    with reading() as con:
        return [held.end + after for held in known(con, files, layout_of(table), cut).values() if held.end]


def to_json(tables: dict[str, Collected]) -> str:
    """Plain JSON for other processes and for other commits' code."""
    plain = {name: dataclasses.asdict(table) for name, table in tables.items()}
    for table in plain.values():
        table["paths"] = [str(path) for path in table["paths"]]
        table["before"] = table["before"].isoformat() if table["before"] else None
        # Left out where they say nothing: a record of an earlier version has neither.
        if table["reading"] == dataclasses.asdict(Reading()):
            del table["reading"]
        else:
            for name in ("thousands", "computed"):
                if not table["reading"][name]:
                    del table["reading"][name]
        if not table["odd"]:
            del table["odd"]
        for name in ("snapshot", "messages"):
            if table[name] is None:
                del table[name]
    return json.dumps({"version": VERSION, "tables": plain}, indent=1)


def from_json(text: str) -> dict[str, Collected]:
    """The tables that `to_json` wrote; what a later commit added to them is left out.

    Raises
    ------
    ConfigurationError
        Where the version is another: that commit's tables cannot be read by this one's code.
    """
    content = json.loads(text)
    if content.get("version") != VERSION:
        found = content.get("version")
        raise ConfigurationError(f"the collected tables have version {found}, this code reads version {VERSION}")
    return {name: _from_plain(table) for name, table in content["tables"].items()}


def _from_plain(plain: dict[str, Any]) -> Collected:
    known_fields = {field.name for field in dataclasses.fields(Collected)}
    values = {key: value for key, value in plain.items() if key in known_fields}
    values["reading"] = Reading(**values.get("reading", {}))
    values["messages"] = Messages(**values["messages"]) if values.get("messages") else None
    values["paths"] = [Path(path) for path in values["paths"]]
    values["before"] = dt.datetime.fromisoformat(values["before"]) if values["before"] else None
    return Collected(**values)


def _collect(
    con: DuckDBPyConnection, data: Data, name: str, source: Source, root: Path, cache: Path, watch: Watch
) -> Collected:
    after = _microseconds(name, source.known_after) if source.known_after else None
    before = data.cutoff.astimezone(dt.UTC) if source.time else None
    reached, borrowed = _reached(data, name, source, _moment(before, after), root, cache)
    files = _reading(name, source, reached, cache)
    stamps = seen(files.paths)
    with _standing(stamps, files):
        layout = read_layout(con, files)
    if source.time:
        check_time(name, layout.columns, source.time)
    draft = Collected(
        name=name, paths=files.paths, format=layout.format, columns=layout.columns, delimiter=layout.delimiter,
        time=source.time, timezone=data.timezone, known_after=after, known_ahead=source.known_ahead, before=before,
        digest="", rows=0, start=None, end=None, reading=layout.reading, odd=dict(layout.odd),
        snapshot=borrowed, messages=files.messages,
    )  # fmt: skip
    cut = cut_of(draft)
    with _standing(stamps, files):
        held = known(con, files, layout, cut)
    paths = [path for path in files.paths if held[path].rows]
    if not paths:
        raise _nothing(files, data, held)
    straddles = any(held[path].cut for path in paths)
    found = digests(paths, cache / INDEX)
    watch.add(stamps, found, files.origin, own=cache)
    parts = {path: {c: v for c, v in values_of(path).items() if c in layout.reading.partitions} for path in paths}
    content = sorted(found[path] + (json.dumps(parts[path], sort_keys=True) if parts[path] else "") for path in paths)
    model_sees = [*content, cut.sql] if cut and straddles else content
    # What is inferred depends on the content alone; what is set can change the table without it.
    given = {name: getattr(source, name) for name in READING if name in source.model_fields_set}
    model_sees = [*model_sees, json.dumps(given, sort_keys=True)] if given else model_sees
    model_sees = [*model_sees, *layout.reading.computed.values()]
    starts = [start for path in paths if (start := held[path].start)]
    ends = [end for path in paths if (end := held[path].end)]
    digest = hashlib.sha256("\n".join(model_sees).encode()).hexdigest()
    if snapshot.is_kept() and not source.is_local:
        snapshot.save(cache, source, reached, data.cutoff, digest)
    return dataclasses.replace(
        draft,
        paths=paths,
        digest=digest,
        rows=sum(held[path].rows for path in paths),
        start=min(starts).isoformat() if starts else None,
        end=max(ends).isoformat() if ends else None,
    )


@contextmanager
def _standing(stamps: Mapping[Path, dict[str, Any]], files: Files) -> Iterator[None]:
    """What is wrong with a file that moves while it is read is no fault of the data."""
    try:
        yield
    except DataError:
        watch = Watch()
        watch.add(stamps, dict.fromkeys(stamps, ""), files.origin)
        watch.check(content=False)
        raise


def _reached(
    data: Data, name: str, source: Source, before: dt.datetime | None, root: Path, cache: Path
) -> tuple[Files, str | None]:
    """The files of a source; in a fork's pull request, those of main's run where it cannot be reached."""
    try:
        files = _files(data, name, source, before, root, cache)
    except (ExternalError, MissingVariable) as error:
        if source.is_local or not snapshot.is_fork():
            raise
        return snapshot.instead(cache, name, source, data.cutoff, error)
    return files, None


def _files(data: Data, name: str, source: Source, before: dt.datetime | None, root: Path, cache: Path) -> Files:
    kind = kind_of(source)
    request = Request(name, root, cache, data.cutoff, data.timezone, source.time, before)
    if kind.settings is None:
        return kind.collect(source, request)  # type: ignore[return-value]
    with SOURCES.calling(kind.name):
        found = kind.collect(kind.settings.model_validate(source.model_extra), request)
    return found if isinstance(found, Files) else files_of(name, found)


def _reading(name: str, source: Source, files: Files, cache: Path) -> Files:
    """The files with the settings of how their values are written."""
    given = [setting for setting in (*READING, "encoding") if setting in source.model_fields_set]
    given = [setting for setting in given if not (setting == "types" and files.typed)]
    only_csv = [setting for setting in given if setting in ("decimal", "thousands", "null_values")]
    wrong = given if files.format == "parquet" else only_csv if files.format != "csv" else []
    if wrong:
        kind = {"parquet": "Parquet", "jsonl": "JSON Lines"}[files.format]
        raise ConfigurationError(f"data.sources.{name}.{wrong[0]}: the files are {kind}, which needs no such setting")
    written = source.date_format
    timed = written if written and ("%H" in written or "%I" in written) else None
    reading = dataclasses.replace(
        files.reading, types=source.types, date_format=None if timed else written, timestamp_format=timed,
        decimal=source.decimal, thousands=source.thousands, null_values=source.null_values,
    )  # fmt: skip
    found = dataclasses.replace(files, reading=reading, time_from=of_source(source))
    return in_utf8(found, source.encoding, cache) if source.encoding else found


def cut_of(table: Collected) -> Cut | None:
    """The data cutoff as a condition on the table, where it has a time."""
    moment = _moment(table.before, table.known_after)
    if table.time is None or moment is None:
        return None
    return Cut(table.time, plain(table.columns[table.time]), moment, table.timezone)


def _moment(before: dt.datetime | None, after: int | None) -> dt.datetime | None:
    return before - dt.timedelta(microseconds=after or 0) if before else None


def _microseconds(name: str, span: Span) -> int:
    if span.unit not in MICROSECONDS:
        raise ConfigurationError(
            f"data.sources.{name}.known_after: {span} has no fixed length; "
            f"write it in {'s, '.join(MICROSECONDS)}s, such as 31 days"
        )
    return span.count * MICROSECONDS[span.unit]


def _nothing(files: Files, data: Data, held: dict[Path, Known]) -> DataError:
    later = sum(entry.cut for entry in held.values())
    cutoff = f"data.until ({data.until}, {data.timezone})"
    several = f"data.sources.{files.table}: {len(files.paths)} files"
    where = files.origin(files.paths[0]) if len(files.paths) == 1 else several
    if later:
        return DataError(f"{where}: none of the {later} rows is before the data cutoff, {cutoff}")
    if data.sources[files.table].database and data.sources[files.table].time:
        return DataError(f"{where}: the answer has no row before the data cutoff, {cutoff}")
    return DataError(f"{where}: the table is empty")
