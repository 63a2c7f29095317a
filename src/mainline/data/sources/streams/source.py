"""The kind `topic`: what the broker has is consumed once; the rows before the cutoff are one sorted Parquet file."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.data.messages import Messages, forgotten, put_aside
from mainline.data.sources.declaration import Request, source
from mainline.data.sources.duckdb_scan import connect, name, path_list
from mainline.data.sources.formats import Files
from mainline.data.sources.streams.decode import decoder
from mainline.data.sources.streams.message import Address, Read
from mainline.data.sources.streams.segments import NULL, State, Writer
from mainline.data.sources.versions import Version, write_sorted
from mainline.errors import DataError, MissingVariable
from mainline.runtime.atomic_files import UNFINISHED

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyarrow import RecordBatchReader

    from mainline.config.schema import Source

# The offset of the first message of a new stream. Redis' are times, which do not count.
FIRST = {"kafka": 0, "nats": 1}


@source("topic")
def collect(settings: Source, request: Request) -> Files:
    """Consume what is new, and keep the rows before the cutoff.

    Raises
    ------
    ConfigurationError
        Where the variable is not set, or the schema cannot be read.
    DataError
        Where a column's type changed, too many messages are malformed, or the broker no longer has an offset.
    ExternalError
        Where the broker cannot be reached or goes away; what was consumed before stays.
    """
    where, variable = f"data.sources.{request.table}", str(settings.brokers).removeprefix("$")
    url = os.environ.get(variable, "").strip()
    if not url:
        raise MissingVariable(f"{where}.brokers: the environment variable {variable} is not set")
    address = Address(where, url, variable, str(settings.topic))
    folder = folder_of(settings, request)
    state = consume(settings, request, address, folder)
    found = messages_of(state, address, folder, request.root)
    if found.broken > settings.aside_at_most:
        raise DataError(
            f"{address}: {found.counts()} of {found.read:,} messages were put aside in {found.where}, aside_at_most is "
            f"{settings.aside_at_most:g}"
        )
    for line in (*put_aside(str(address), found), *forgotten(str(address), found)):
        print(line, file=sys.stderr)
    if not state.segments:
        raise DataError(f"{address}: there is no message")
    with closing(connect()) as con:
        version = Version(str(address), "", "", lambda: rows(con, folder, state, request.time))
        kept = request.keep(lambda part: write_sorted(version, request, part))
    return Files(request.table, [kept], "parquet", {kept: f"topic {address.topic} at {variable}"}, messages=found)


def messages_of(state: State, address: Address, folder: Path, root: Path) -> Messages:
    where = str(folder.relative_to(root)) if folder.is_relative_to(root) else str(folder)
    begins = FIRST.get(kind_of(address.url))
    gone = 0 if begins is None else sum(int(offset) - begins for offset in state.first.values())
    return Messages(state.messages, state.malformed, state.odd, state.late, where, gone)


def consume(settings: Source, request: Request, address: Address, folder: Path) -> State:
    state = State.read(folder)
    forget_unnamed(folder, state)
    writer = Writer(
        folder,
        address,
        decoder(address.where, settings.format or "json", settings.message_schema, settings.message, request.root),
        state,
        request.time,
        dt.timedelta(days=settings.late.days) if settings.late else None,
        settings.odd == "refuse",
    )
    try:
        for message in reader_of(address.url)(address, state.positions):
            writer.take(message)
    finally:
        writer.commit()  # whole messages, with the position behind them: also where the broker has gone
    return writer.state


def reader_of(url: str) -> Read:
    from mainline.data.sources.streams import kafka, nats, redis

    return {"kafka": kafka.read, "nats": nats.read, "redis": redis.read}[kind_of(url)]


def kind_of(url: str) -> str:
    """By the scheme of the address; one without is Kafka's."""
    if url.startswith(("nats://", "tls://", "ws://", "wss://")):
        return "nats"
    return "redis" if url.startswith(("redis://", "rediss://", "unix://")) else "kafka"


def folder_of(settings: Source, request: Request) -> Path:
    """Of one topic and one way to read it. The broker's address is left out: it may move."""
    said = json.dumps(
        [settings.topic, settings.format, settings.message_schema, settings.message, str(settings.late), settings.odd]
    )
    return request.cache / "streams" / request.table / hashlib.sha256(said.encode()).hexdigest()[:16]


def forget_unnamed(folder: Path, state: State) -> None:
    """Remove what a killed run left: files that `offsets.json` does not name."""
    named = {"offsets.json", *state.segments, *state.aside}
    for path in folder.glob("*") if folder.is_dir() else ():
        if path.is_file() and path.name not in named and not path.name.startswith(UNFINISHED):
            path.unlink()


def rows(con: DuckDBPyConnection, folder: Path, state: State, time: str | None) -> RecordBatchReader:
    """The rows of all segments; a time that JSON holds as text becomes one."""
    paths = path_list(folder / segment for segment in state.segments)
    cast = ""
    if time in state.columns and state.columns[time] == "string":
        cast = f" REPLACE (CAST({name(time)} AS TIMESTAMPTZ) AS {name(time)})"
    columns = ", ".join(name(column) for column, kind in sorted(state.columns.items()) if kind != NULL)
    made = con.sql(f"SELECT {columns} FROM (SELECT *{cast} FROM read_parquet({paths}, union_by_name = true))")
    return made.to_arrow_reader()
