"""The row's key and slices in a request: columns that are logged but are not inputs; all are sent, or none."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from struct import pack, unpack
from typing import Annotated, Any

from msgspec import UNSET, Meta

from mainline.serving import spelling
from mainline.serving.errors import invalid
from mainline.serving.signature import Key

DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
WHOLE = re.compile(r"[+-]?\d{1,19}", re.ASCII)
# As JSON has them, and with a plus sign or without a leading zero; float() would also take nan, inf and 1_000.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# What a 64-bit integer holds.
LEAST, MOST = -(2**63), 2**63 - 1

KeyCell = str | int | float
TYPES: dict[str, Any] = {
    "text": str,
    "date": Annotated[str, Meta(pattern=DATE, max_length=10)],
    # JSON knows no whole numbers: 7.0 is one.
    "integer": Annotated[int, Meta(ge=LEAST, le=MOST)] | float | Annotated[str, Meta(pattern=f"^{WHOLE.pattern}$")],
    "number": float | Annotated[str, Meta(pattern=f"^{NUMBER.pattern}$", max_length=40)],
}
WORDS = {"text": "text", "date": "a date such as 2026-01-31", "integer": "a whole number", "number": "a number"}


def cell_type(key: Key) -> Any:
    """The type of the key in JSON."""
    if key.kind == "text" and key.written == "boolean":
        return str | bool
    if key.kind == "date" and key.written:
        return str
    return str | int | float if key.kind == "text" and key.written.startswith(spelling.NUMERIC) else TYPES[key.kind]


def needed(key: Key) -> str:
    if key.kind == "text" and key.written == "boolean":
        return "text or a truth value"
    numeric = key.kind == "text" and key.written.startswith(spelling.NUMERIC)
    return "text or a number" if numeric else WORDS[key.kind]


def of_row(values: Sequence[Any], keys: Sequence[Key], row: int) -> tuple[KeyCell, ...] | None:
    """The key of one row as it was sent, None where none was; raises Rejection where a part is missing."""
    missing = [key for key, value in zip(keys, values, strict=True) if value is UNSET]
    if len(missing) == len(keys):
        return None
    if missing:
        raise partial(missing[0], keys, row)
    return settled(values, keys, row)


def partial(missing: Key, keys: Sequence[Key], row: int | None = None) -> Exception:
    at_row = f", row {row}" if row is not None else ""
    names = ", ".join(key.name for key in keys)
    message = f"{missing.name}{at_row}: the column is missing: send all the logged columns ({names}) or none"
    return invalid(message, column=missing.name, row=row, reason="missing_column")


def settled(values: Sequence[Any], keys: Sequence[Key], row: int | None, what: str = "row") -> tuple[KeyCell, ...]:
    """Values of the right types as they are logged, each in one spelling: a label may come in another.

    Raises Rejection for values that a table cannot hold.
    """
    found = []
    for key, value in zip(keys, values, strict=True):
        at = f", {what} {row}" if row is not None else ""
        if isinstance(value, str) and "\0" in value:
            raise invalid(f"{key.name}{at}: the text contains a NUL character", column=key.name, row=row)
        kept = canonical(value, key)
        if kept is None:
            raise invalid(f"{key.name}{at}: {needed(key)} is needed", column=key.name, row=row)
        found.append(kept)
    return tuple(found)


def canonical(value: KeyCell | bool, key: Key) -> KeyCell | None:
    """None for a number that the log cannot hold, and for what is no date."""
    if key.kind == "date":
        return date(str(value), key.written)
    if key.kind == "integer":
        if isinstance(value, float) and not value.is_integer():
            return None
        whole = int(value)  # in quotes, with leading zeros, or 7.0
        return whole if LEAST <= whole <= MOST else None
    if key.kind == "number":
        number = float(value)
        if key.written == "single":  # of 32 bits: 0.1 is the number nearest to it
            try:
                number = unpack("<f", pack("<f", number))[0]
            except OverflowError:
                return None
        return number if math.isfinite(number) else None
    spell = spelling.spelling(key.written) if key.kind == "text" else None
    return (spell(value) if spell else None) or (value if isinstance(value, str) else str(value))


def date(text: str, written: str) -> str | None:
    """As 2026-01-31; the text may be written as the source writes it."""
    if re.fullmatch(DATE, text) or not written:
        return text
    try:
        return dt.datetime.strptime(text, written).replace(tzinfo=dt.UTC).date().isoformat()
    except ValueError:
        return None


def of_cell(text: str, key: Key, row: int) -> KeyCell:
    """A cell of CSV; raises Rejection where it is not of the key's kind."""

    if key.kind == "text" and text:
        return text
    if key.kind == "date" and (found := date(text, key.written)) and re.fullmatch(DATE, found):
        return found
    if key.kind == "integer" and WHOLE.fullmatch(text):
        return int(text)
    if key.kind == "number" and NUMBER.fullmatch(text):
        return float(text)
    short = text if len(text) <= 40 else f"{text[:40]}…"
    message = f"{key.name}, row {row}: {short!r} was sent, {needed(key)} is needed"
    raise invalid(message, column=key.name, row=row, reason="type" if text else "null")
