"""The row's key in a request: columns that are logged but are not inputs; all of them are sent, or none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import UNSET, Meta

from mainline.serving.errors import invalid
from mainline.serving.signature import LARGEST, Key

DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)
# What a 64-bit integer holds.
LEAST, MOST = -(2**63), 2**63 - 1

KeyCell = str | int | float
TYPES: dict[str, Any] = {
    "text": str,
    "date": Annotated[str, Meta(pattern=DATE, max_length=10)],
    # JSON knows no whole numbers: 7.0 is one.
    "integer": Annotated[int, Meta(ge=LEAST, le=MOST)] | float | Annotated[str, Meta(pattern=f"^{WHOLE.pattern}$")],
    "number": Annotated[float, Meta(ge=-LARGEST, le=LARGEST)],
}
WORDS = {"text": "text", "date": "a date such as 2026-01-31", "integer": "a whole number", "number": "a number"}


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
    message = f"{missing.name}{at_row}: the column is missing: send all columns of the row's key ({names}) or none"
    return invalid(message, column=missing.name, row=row, reason="missing_column")


def settled(values: Sequence[Any], keys: Sequence[Key], row: int | None, what: str = "row") -> tuple[KeyCell, ...]:
    """Values of the right types as they are logged; raises Rejection for values that a table cannot hold."""
    found = []
    for key, value in zip(keys, values, strict=True):
        at = f", {what} {row}" if row is not None else ""
        if isinstance(value, str) and "\0" in value:
            raise invalid(f"{key.name}{at}: the text contains a NUL character", column=key.name, row=row)
        if key.kind == "integer" and isinstance(value, str):
            value = int(value)  # in quotes, or with leading zeros
        if key.kind == "integer" and isinstance(value, float):
            if not value.is_integer() or not LEAST <= value < MOST:
                raise invalid(f"{key.name}{at}: {WORDS[key.kind]} is needed", column=key.name, row=row)
            value = int(value)
        found.append(value)
    return tuple(found)


def of_cell(text: str, key: Key, row: int) -> KeyCell:
    """A cell of CSV; raises Rejection where it is not of the key's kind."""

    if key.kind == "text" and text:
        return text
    if key.kind == "date" and re.fullmatch(DATE, text):
        return text
    if key.kind == "integer" and WHOLE.fullmatch(text):
        return int(text)
    if key.kind == "number" and NUMBER.fullmatch(text) and abs(float(text)) <= LARGEST:
        return float(text)
    short = text if len(text) <= 40 else f"{text[:40]}…"
    message = f"{key.name}, row {row}: {short!r} was sent, {WORDS[key.kind]} is needed"
    raise invalid(message, column=key.name, row=row, reason="type" if text else "null")


# As JSON has them, and with a plus sign or without a leading zero; float() would also take nan, inf and 1_000.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
