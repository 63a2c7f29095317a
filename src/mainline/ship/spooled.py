"""Reading a file of the server's spool, a few megabytes at a time; what is not whole is told by its line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from mainline.serving.inputs import RowReader
from mainline.serving.rejection import Rejection
from mainline.serving.signature import Column, Key
from mainline.serving.spool import FORMAT
from mainline.serving.spoolfiles import SUFFIX

BATCH_BYTES = 4 * 2**20  # of lines that are held at once
Time = Annotated[float, Meta(ge=0, lt=253402300800)]  # seconds since 1970, until the year 9999
Row = Annotated[int, Meta(ge=0, lt=2**31)]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
SHOWN = 5  # lines that are named where more are broken


class Header(msgspec.Struct):
    """The first line of a file, of predictions or of labels."""

    format: Literal[2]
    keys: list[tuple[str, Literal["text", "date", "integer", "number"]]]
    version: str
    model_digest: str
    columns: list[str] = []
    kinds: list[Literal["categorical", "numeric"]] = []
    task: str = ""


class Label(msgspec.Struct):
    """A line of labels."""

    _id: str
    time: Time
    label: str
    id: str | None = None
    row: Row = 0
    key: tuple[str | int | float, ...] | None = None


@dataclass
class Broken:
    """Lines of one file that could not be read."""

    path: Path
    lines: list[int] = field(default_factory=list)  # counted from 1; those that are named
    count: int = 0

    def add(self, number: int) -> None:
        self.count += 1
        if self.count <= SHOWN:
            self.lines.append(number)

    def __str__(self) -> str:
        named = ", ".join(map(str, self.lines)) + (" and others" if self.count > SHOWN else "")
        return f"{self.path.name}: {self.count:,} of its lines cannot be read (line {named})"


class Unreadable(Exception):
    """A file of which not even the first line can be read."""


def kind_of(path: Path) -> str:
    return path.name.partition("-")[0]


def stem_of(path: Path) -> str:
    """What the file is called wherever it lands."""
    return path.name.partition("-")[2].removesuffix(SUFFIX)


def header_of(path: Path) -> Header:
    """Raises Unreadable."""
    with open(path, "rb") as file:
        first = file.readline(2**20)
    try:
        header = msgspec.json.decode(first, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"{path.name}: its first line does not describe it (format {FORMAT}): {error}") from None
    if len(header.columns) != len(header.kinds):
        raise Unreadable(
            f"{path.name}: its first line names {len(header.columns)} columns of {len(header.kinds)} kinds"
        )
    return header


def batches(path: Path, header: Header, broken: Broken) -> Iterator[list[Any]]:
    """The lines below the first, decoded and checked, some megabytes at a time."""
    decode = decoder(header) if kind_of(path) == "predictions" else label_decoder(header)
    found: list[Any] = []
    size = 0
    with open(path, "rb") as file:
        file.readline()
        for number, line in enumerate(file, 2):
            try:
                # What a killed writer left by half has no end.
                if not line.endswith(b"\n"):
                    raise ValueError
                found.append(decode(line))
            except (ValueError, msgspec.DecodeError, RecursionError, Rejection):
                broken.add(number)
            size += len(line)
            if size >= BATCH_BYTES:
                yield found
                found, size = [], 0
    if found:
        yield found


@dataclass
class Line:
    """A request, as the table takes it."""

    id: str
    time: float
    rows: Sequence[tuple[Any, ...]]
    predictions: Sequence[Any]
    keys: Sequence[tuple[Any, ...] | None] | None


def decoder(header: Header) -> Callable[[bytes], Line]:
    """Of the lines of predictions; it raises ValueError or Rejection where one is not whole."""
    cells = {"categorical": str | None, "numeric": float | None}
    row: Any = tuple.__class_getitem__(tuple([cells[kind] for kind in header.kinds]))
    said: Any = float if header.task == "regression" else list[float]
    key: Any = key_type(header) | None
    answer: Any = msgspec.defstruct("Answer", [("predictions", list[said])])
    by_values = ("rows", list[row] | None, None), ("predictions", list[said] | None, None)
    keys = ("keys", list[key] | None, None)
    copied = ("answer", answer | None, None), ("body", msgspec.Raw | None, None)
    line = msgspec.defstruct("Raw", [("id", str), ("time", Time), *by_values, keys, *copied], gc=False)
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(line).decode
    columns = [Column(name, kind, True) for name, kind in zip(header.columns, header.kinds, strict=True)]
    extra = [Key(name, kind) for name, kind in header.keys]
    read = RowReader(columns, extra)

    def whole(text: bytes) -> Line:
        found = decode(text)
        if found.body is not None and found.answer is not None:
            rows, named = read(bytes(found.body))
            found = Line(found.id, found.time, rows, found.answer.predictions, named)
        else:
            found = Line(found.id, found.time, found.rows or [], found.predictions or [], found.keys)
        count = len(found.rows)
        if not count or len(found.predictions) != count or (found.keys is not None and len(found.keys) != count):
            raise ValueError
        return found

    return whole


def label_decoder(header: Header) -> Callable[[bytes], Any]:
    decode = msgspec.json.Decoder(Label).decode
    key = key_type(header)

    def whole(text: bytes) -> Label:
        found = decode(text)
        if (found.id is None) == (found.key is None):
            raise ValueError
        if found.key is not None:
            found.key = msgspec.convert(found.key, key)
        return found

    return whole


def key_type(header: Header) -> Any:
    kinds: dict[str, Any] = {"text": str, "date": str, "integer": Whole, "number": float}
    return tuple.__class_getitem__(tuple([kinds[kind] for _, kind in header.keys]))
