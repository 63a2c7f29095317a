"""What was consumed of a stream: segments of Parquet, and one file that says which count and where reading goes on.

A segment counts when `offsets.json` names it. That file is replaced in one step, after the segment is whole: a run that
was killed leaves at most a segment that nothing names, and the next one reads its messages again. So each message is
there exactly once.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.data.sources.streams.decode import Decode, Row
from mainline.data.sources.streams.message import Address, Message
from mainline.errors import DataError
from mainline.runtime.atomic_files import replacing, write_text

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 50_000  # of a segment
NULL, WHOLE, DECIMAL = "null", "int64", "double"


@dataclass(frozen=True)
class State:
    """The content of `offsets.json`."""

    positions: dict[str, str] = field(default_factory=dict)  # by partition, where reading goes on
    segments: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)  # files of messages that are no rows
    columns: dict[str, str] = field(default_factory=dict)  # Arrow's types
    messages: int = 0
    malformed: int = 0
    odd: int = 0
    late: int = 0
    first: dict[str, str] = field(default_factory=dict)  # by partition, the offset of the first message ever read

    @classmethod
    def read(cls, folder: Path) -> State:
        file = folder / "offsets.json"
        if not file.exists():
            return cls()
        known = {each.name for each in dataclasses.fields(cls)}
        found = json.loads(file.read_text(encoding="utf-8"))
        return cls(**{name: value for name, value in found.items() if name in known})  # a newer version adds to them

    def write(self, folder: Path) -> None:
        write_text(folder / "offsets.json", json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True))


@dataclass
class Writer:
    """Collects rows and puts aside what is none, until `commit` makes both count."""

    folder: Path
    address: Address
    decode: Decode
    state: State
    time: str | None
    late: dt.timedelta | None
    refuse_odd: bool
    rows: list[Row] = field(default_factory=list)
    aside: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draft = dataclasses.replace(
            self.state, positions=dict(self.state.positions), columns=dict(self.state.columns)
        )

    def take(self, message: Message) -> None:
        """Raises DataError for a message in which a column has another type than before, where that is refused."""
        malformed = odd = late = 0
        columns = self.draft.columns
        try:
            row = self.decode(message.value)
        except ValueError as error:
            malformed = 1
            self._put_aside(message, f"malformed: {error}")
        else:
            moved = changed(columns, row)
            if moved and self.refuse_odd:
                self.commit()  # what came before it counts: the next run begins with this message
                raise DataError(
                    f"{self.address}: message {message.offset} of partition {message.partition}: column {moved}; "
                    "correct the producer, or set `odd: aside`"
                )
            if moved:
                odd = 1
                self._put_aside(message, f"odd: column {moved}")
            elif self._is_late(message, row):
                late = 1
                self._put_aside(message, "late")
            else:
                columns |= types_of(columns, row)
                self.rows.append(row)
        positions = {**self.draft.positions, message.partition: message.following}
        if message.partition not in self.draft.positions:
            self.draft = dataclasses.replace(self.draft, first={**self.draft.first, message.partition: message.offset})
        self.draft = dataclasses.replace(
            self.draft,
            positions=positions,
            messages=self.draft.messages + 1,
            malformed=self.draft.malformed + malformed,
            odd=self.draft.odd + odd,
            late=self.draft.late + late,
        )
        if len(self.rows) + len(self.aside) >= ROWS:
            self.commit()

    def commit(self) -> None:
        if self.draft.messages == self.state.messages:
            return
        named, aside = [*self.state.segments], [*self.state.aside]
        number = f"{self.draft.messages:012d}"
        if self.rows:
            import pyarrow.parquet as pq

            with replacing(self.folder / f"{number}.parquet") as part:
                pq.write_table(as_table(self.rows, self.draft.columns), part, compression="zstd")
            named.append(f"{number}.parquet")
        if self.aside:
            write_text(self.folder / f"{number}-aside.jsonl", "".join(f"{json.dumps(line)}\n" for line in self.aside))
            aside.append(f"{number}-aside.jsonl")
        self.state = dataclasses.replace(self.draft, segments=named, aside=aside, columns=dict(self.draft.columns))
        self.state.write(self.folder)
        self.draft = dataclasses.replace(self.state, columns=dict(self.state.columns))
        self.rows, self.aside = [], []

    def _put_aside(self, message: Message, why: str) -> None:
        value = base64.b64encode(message.value).decode()
        said = {"partition": message.partition, "offset": message.offset, "why": why, "base64": value}
        self.aside.append(said)

    def _is_late(self, message: Message, row: Row) -> bool:
        if self.late is None or self.time is None or message.at is None:
            return False
        at = row.get(self.time)
        if isinstance(at, str):
            try:
                at = dt.datetime.fromisoformat(at)
            except ValueError:
                return False
        if not isinstance(at, dt.datetime):
            return False
        at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
        return message.at - at > self.late


def changed(columns: dict[str, str], row: Row) -> str | None:
    """The first column that does not fit the type of the rows before, in words; a missing one is null."""
    for name, value in row.items():
        kind, before = type_of(value), columns.get(name, NULL)
        if NULL in (kind, before) or kind == before or {kind, before} == {WHOLE, DECIMAL}:
            continue
        return f"{name} is {kind}, before it was {before}"
    return None


def types_of(columns: dict[str, str], row: Row) -> dict[str, str]:
    """The types with those of a row that fits; whole numbers and decimals together are decimals."""
    found = {}
    for name, value in row.items():
        kind, before = type_of(value), columns.get(name, NULL)
        found[name] = before if kind == NULL else DECIMAL if {kind, before} == {WHOLE, DECIMAL} else kind
    return found


def type_of(value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return WHOLE
    if isinstance(value, float):
        return DECIMAL
    if isinstance(value, dt.datetime):
        return "timestamp[us, tz=UTC]"
    if isinstance(value, dt.date):
        return "date32[day]"
    return "binary" if isinstance(value, bytes) else "string"  # objects and lists are kept as JSON


def as_table(rows: list[Row], columns: dict[str, str]) -> pa.Table:
    import pyarrow as pa

    kinds = {
        WHOLE: pa.int64(), DECIMAL: pa.float64(), "bool": pa.bool_(), "binary": pa.binary(), "string": pa.string(),
        "timestamp[us, tz=UTC]": pa.timestamp("us", "UTC"), "date32[day]": pa.date32(),
    }  # fmt: skip
    # A column that had no value yet is left out: the segments are read by name.
    known = {name: kind for name, kind in columns.items() if kind != NULL}
    return pa.table(
        {name: pa.array([plain(row.get(name), kind) for row in rows], kinds[kind]) for name, kind in known.items()}
    )


def plain(value: Any, kind: str) -> Any:
    if kind == "string" and value is not None and not isinstance(value, str):
        return json.dumps(value, sort_keys=True, default=str)
    return value
