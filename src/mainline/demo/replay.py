"""Historical rows as requests: one request per hour, with keys; the labels of a day follow at the end of the next day.

The features are those of the prepared frame: they contain only what was known at the time of the row.
"""

from __future__ import annotations

import datetime as dt
import http.client
import itertools
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.sources.duckdb_scan import parquet_file
from mainline.data.split import quoted
from mainline.errors import ConfigurationError, ExternalError
from mainline.serving.json_input import Assembler, JsonReader
from mainline.serving.replay_time import HEADER
from mainline.serving.signature import Signature

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_ROWS = 5_000  # in one request

Row = dict[str, Any]
Label = tuple[Row, Any]  # the key of a row and its label
Scorer = Callable[[Any, Any], "NDArray[Any]"]


@dataclass(frozen=True)
class Batch:
    """The rows of one hour, or the labels of one day; `time` is when they are sent."""

    time: dt.datetime
    path: str
    content: Any
    days: list[str]  # of each row
    labels: list[Any]


@dataclass
class Answered:
    """The predictions for rows with a known label: parallel lists; a score is a list per row, or a value."""

    days: list[str]
    labels: list[Any]
    served: list[Any]
    frozen: list[Any]
    rows: int = 0
    labels_sent: int = 0

    @classmethod
    def none(cls) -> Answered:
        return cls([], [], [], [])


def batches(
    frame: Path, settings: Settings, signature: Signature, start: dt.datetime, end: dt.datetime
) -> Iterator[Batch]:
    """Requests and labels in the order in which they are sent, for the rows from `start` until before `end`."""
    import duckdb

    time, label = settings.prepare.time, settings.prepare.label
    if time is None:
        raise ConfigurationError("the demo needs prepare.time: without it, the time of a request is unknown")
    names = [*signature.names, *(key.name for key in signature.extra_keys)]
    keys = [key.name for key in signature.key]
    listed = list(dict.fromkeys([*names, *keys]))
    day = f"strftime(timezone('{settings.data.timezone}', {quoted(time)}::TIMESTAMPTZ), '%Y-%m-%d')"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(
            f"SELECT date_trunc('hour', {quoted(time)}::TIMESTAMPTZ), {day}, {quoted(label)}, "
            f"{', '.join(map(quoted, listed))} FROM {parquet_file(frame)} "
            f"WHERE {quoted(time)}::TIMESTAMPTZ >= ? AND {quoted(time)}::TIMESTAMPTZ < ? ORDER BY ALL",
            [start, end],
        ).fetchall()
    known: list[Label] = []
    moment = start
    for _, day_rows in itertools.groupby(found, key=lambda row: row[1]):
        before, known = known, []
        for moment, hour in itertools.groupby(day_rows, key=lambda row: row[0]):
            rows = list(hour)
            for part in range(0, len(rows), MOST_ROWS):
                yield request(moment, rows[part : part + MOST_ROWS], listed, names)
            known += [(picked(row, listed, keys), row[2]) for row in rows if row[2] is not None]
        yield from labels(moment, before)
    yield from labels(moment + dt.timedelta(days=1), known)


def request(moment: dt.datetime, rows: Sequence[tuple[Any, ...]], listed: list[str], names: list[str]) -> Batch:
    content = {"dataframe_records": [picked(row, listed, names) for row in rows]}
    return Batch(moment, "/invocations", content, [row[1] for row in rows], [row[2] for row in rows])


def labels(moment: dt.datetime, known: Sequence[Label]) -> Iterator[Batch]:
    for part in range(0, len(known), MOST_ROWS):
        content = [{"key": key, "label": plain(label)} for key, label in known[part : part + MOST_ROWS]]
        yield Batch(moment, "/feedback", content, [], [])


def picked(row: tuple[Any, ...], listed: list[str], names: list[str]) -> Row:
    values = dict(zip(listed, row[3:], strict=True))
    return {name: plain(values[name]) for name in names}


def plain(value: Any) -> Any:
    """The value as JSON can hold it."""
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if value is None or isinstance(value, str | int):
        return value
    return value.isoformat() if isinstance(value, dt.date) else str(value)  # a decimal, a UUID, a time of day


def play(port: int, sent: Iterator[Batch], signature: Signature, frozen: Scorer) -> Answered:
    """Send everything, and let `frozen` predict the same requests.

    Raises
    ------
    ExternalError
        If the server refuses one.
    """
    found = Answered.none()
    read, assemble = JsonReader(signature, MOST_ROWS), Assembler(signature)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        for batch in sent:
            body = json.dumps(batch.content).encode()
            answer = post(connection, batch, body)
            if batch.path == "/feedback":
                found.labels_sent += int(answer["received"])
                continue
            frozen_answers = frozen(*assemble(read(body))).tolist()
            found.rows += len(batch.labels)
            for day, label, one, other in zip(
                batch.days, batch.labels, answer["predictions"], frozen_answers, strict=True
            ):
                if label is not None:
                    found.days.append(day)
                    found.labels.append(label)
                    found.served.append(one)
                    found.frozen.append(other)
    finally:
        connection.close()
    return found


def post(connection: http.client.HTTPConnection, batch: Batch, body: bytes) -> Any:
    headers = {"content-type": "application/json", HEADER: batch.time.isoformat()}
    connection.request("POST", batch.path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise ExternalError(f"{batch.path} returned status {answer.status}: {content[:300].decode(errors='replace')}")
    return json.loads(content)
