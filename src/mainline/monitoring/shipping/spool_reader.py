"""Read a file of the server's spool, a few megabytes at a time; broken lines are reported by number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from mainline.serving.spool import FORMAT
from mainline.serving.spool_files import CORRUPT, SUFFIX

BATCH_BYTES = 4 * 2**20  # of lines in memory at once
Time = Annotated[float, Meta(ge=0, lt=253402300800)]  # seconds since 1970, until the year 9999
Row = Annotated[int, Meta(ge=0, lt=2**31)]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
SHOWN = 5  # broken lines that are listed


class Header(msgspec.Struct):
    """The first line of a file, of predictions or of labels."""

    format: Literal[2]
    keys: list[tuple[str, Literal["text", "date", "integer", "number"]]]
    version: str
    model_digest: str
    columns: list[str] = []
    kinds: list[Literal["categorical", "numeric"]] = []
    task: str = ""
    classes: list[Any] = []


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
    """Lines of one file that could not be read: they are reported, and kept in a file next to it."""

    path: Path
    lines: list[int] = field(default_factory=list)  # counted from 1; only the first are listed
    count: int = 0

    @property
    def kept(self) -> Path:
        return self.path.with_name(self.path.name.removesuffix(SUFFIX) + CORRUPT)

    def add(self, number: int, line: bytes) -> None:
        # The first line replaces what an earlier attempt has kept.
        with open(self.kept, "ab" if self.count else "wb") as file:
            file.write(line.removesuffix(b"\n") + b"\n")
        self.count += 1
        if self.count <= SHOWN:
            self.lines.append(number)

    def __str__(self) -> str:
        named = ", ".join(map(str, self.lines)) + (" and others" if self.count > SHOWN else "")
        return f"{self.path.name}: {self.count:,} lines cannot be read (line {named}); kept as {self.kept.name}"


class Unreadable(Exception):
    """A file whose first line cannot be read."""


def kind_of(path: Path) -> str:
    return path.name.partition("-")[0]


def stem_of(path: Path) -> str:
    """The name of the file at its destination."""
    return path.name.partition("-")[2].removesuffix(SUFFIX)


def header_of(path: Path) -> Header:
    """Raises Unreadable."""
    with open(path, "rb") as file:
        first = file.readline(2**20)
    try:
        header = msgspec.json.decode(first, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"{path.name}: the first line is not a header of format {FORMAT}: {error}") from None
    if len(header.columns) != len(header.kinds):
        raise Unreadable(f"{path.name}: the first line has {len(header.columns)} columns and {len(header.kinds)} kinds")
    return header


def batches(path: Path, header: Header, broken: Broken) -> Iterator[list[Any]]:
    """The lines after the first, decoded and checked, some megabytes at a time."""
    decode = decoder(header) if kind_of(path) == "predictions" else label_decoder(header)
    found: list[Any] = []
    size = 0
    with open(path, "rb") as file:
        file.readline()
        for number, line in enumerate(file, 2):
            try:
                # A line that a killed writer left incomplete has no end.
                if not line.endswith(b"\n"):
                    raise ValueError
                found.append(decode(line))
            except (ValueError, msgspec.DecodeError, RecursionError):
                broken.add(number, line)
            size += len(line)
            if size >= BATCH_BYTES:
                yield found
                found, size = [], 0
    if found:
        yield found


def decoder(header: Header) -> Callable[[bytes], Any]:
    """A decoder for lines of predictions; it raises ValueError for an incomplete line."""
    text: Any = tuple.__class_getitem__(tuple([str | None] * header.kinds.count("categorical")))
    key: Any = key_type(header) | None
    line = msgspec.defstruct(
        "Line",
        [
            ("id", str),
            ("time", Time),
            ("rows", Annotated[int, Meta(ge=1, lt=2**31)]),
            ("numeric", bytes),
            ("predictions", bytes),
            ("categorical", list[text] | None, None),
            ("keys", list[key] | None, None),
        ],
        gc=False,
    )
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(line).decode
    numbers, texts = header.kinds.count("numeric"), header.kinds.count("categorical")
    values = 1 if header.task == "regression" else len(header.classes)

    def whole(text: bytes) -> Any:
        found = decode(text)
        count = found.rows
        if len(found.numeric) != 4 * numbers * count or (texts and len(found.categorical or ()) != count):
            raise ValueError
        if len(found.predictions) not in (4 * values * count, 8 * values * count):
            raise ValueError
        if found.keys is not None and len(found.keys) != count:
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
