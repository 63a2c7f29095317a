"""A log that is a Kafka topic: read once by our own offsets, and turned into the files that were shipped.

A file counts when every row of it is there; a row that was sent twice counts once.
"""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.data.sources.duckdb_scan import connect, path_list
from mainline.data.sources.streams import kafka
from mainline.data.sources.streams.decode import from_json
from mainline.data.sources.streams.log_address import address_of
from mainline.data.sources.streams.segments import State, Writer
from mainline.data.sources.streams.source import forget_unnamed
from mainline.evaluation.formatting import plural
from mainline.runtime.atomic_files import replacing

if TYPE_CHECKING:
    import pyarrow as pa


def files_of(log: str, part: str, cache: Path) -> list[Path]:
    """The complete files of one part of the log, `predictions` or `feedback`, in the cache.

    What is left out is said on standard error: files that lack a row, and messages that no shipper sent.

    Raises
    ------
    ExternalError
        Where the broker cannot be reached.
    DataError
        Where there is no such topic, or it no longer has the next message.
    """
    address = address_of(log)
    folder = cache / "log-topic" / hashlib.sha256(address.topic.encode()).hexdigest()[:16]
    forget_unnamed(folder, State.read(folder))
    writer = Writer(folder, address, decode, State.read(folder), None, None, refuse_odd=False)
    try:
        for message in kafka.read(address, writer.state.positions):
            writer.take(message)
    finally:
        writer.commit()
    if strange := writer.state.malformed + writer.state.odd:
        print(f"{address}: put aside in {folder}: {plural(strange, 'message')} that no shipper sent", file=sys.stderr)
    found = files_in(folder, writer.state, part)
    whole = [(name, rows) for name, rows in found if json.loads(rows[0]).get("_rows") == len(rows) - 1]
    if len(whole) < len(found):
        text = f"{len(found) - len(whole):,} of {len(found):,} files of {part} not read, because rows are missing"
        print(f"{address}: {text}; the next run looks again", file=sys.stderr)
    return [rebuilt(folder, name, rows) for name, rows in whole]


def decode(value: bytes) -> dict[str, Any]:
    """A message as the place of its file and its text; raises ValueError for what no shipper sent."""
    found = from_json(value)
    if not isinstance(found.get("_file"), str) or not isinstance(found.get("_place", -1), int):
        raise ValueError("no shipper of a log sent it")
    return {"file": found["_file"], "place": found.get("_place", -1), "body": value.decode()}


def files_in(folder: Path, state: State, part: str) -> list[tuple[str, list[str]]]:
    """Names of files with their messages in order, the description first."""
    if not state.segments:
        return []
    scan = f"read_parquet({path_list(folder / segment for segment in state.segments)})"
    with closing(connect()) as con:
        found: list[tuple[str, list[str]]] = con.execute(
            f"""
            SELECT file, list(body ORDER BY place) FROM (SELECT file, place, any_value(body) AS body FROM {scan}
            WHERE starts_with(file, ?) GROUP BY ALL) GROUP BY file ORDER BY file
            """,
            [f"{part}/"],
        ).fetchall()
    return found


def rebuilt(folder: Path, name: str, messages: list[str]) -> Path:
    target = folder / "files" / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}-{Path(name).name}"
    if not target.exists():
        import pyarrow.parquet as pq

        with replacing(target) as file:
            pq.write_table(table_of(messages), file, compression="zstd")
    return target


def table_of(messages: list[str]) -> pa.Table:
    import base64
    import datetime as dt

    import pyarrow as pa

    description, *rows = map(json.loads, messages)
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(description["_schema"])))

    def value(row: dict[str, Any], field: Any) -> Any:
        found = row.get(field.name)
        return dt.datetime.fromisoformat(found) if found is not None and pa.types.is_timestamp(field.type) else found

    return pa.table({field.name: pa.array([value(row, field) for row in rows], field.type) for field in schema})
