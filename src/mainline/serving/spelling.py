"""One spelling for each category: what a source or a client writes, in the words of the training data.

A category of a typed column (a truth value, a number, a date) has one text in the training data and several in files
and requests: `true`, `True` and `yes`; `7` and `7.0`; `2026-01-31T00:00` and `2026-01-31 00:00:00`. A category that is
text means what is written, and nothing else.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from mainline.serving.signature import Column, Signature

DATED = ("date", "timestamp", "timestamptz")
NUMERIC = ("integer", "double", "single", "decimal")
TRUE, FALSE = frozenset(["true", "yes", "t", "y"]), frozenset(["false", "no", "f", "n"])
WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
# A word for true or false, in upper or lower case, as JSON Schema has it.
WORD = "^(" + "|".join("".join(f"[{c}{c.upper()}]" for c in word) for word in sorted(TRUE | FALSE)) + ")$"
CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,6})0*)?)?", re.ASCII)

Value = str | float | int | bool | None


def truth(value: object) -> bool | None:
    """What a word says; None where it says neither true nor false."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    said = str(value).strip().lower()
    return True if said in TRUE or said == "1" else False if said in FALSE or said == "0" else None


def is_contrary(signature: Signature) -> bool:
    """Whether the label's table says true with 0 or no, and false with 1 or yes: what a sent true means is unknown."""
    meant = signature.label_values
    return bool(meant) and all(truth(word) is (not means) for word, means in meant.items())


def boolean(value: Value) -> str | None:
    found = truth(value)
    return None if found is None else "true" if found else "false"


def integer(value: Value) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int) or (isinstance(value, str) and WHOLE.fullmatch(value.strip())):
        return str(int(value))
    found = _float(value)
    return str(int(found)) if found is not None and found.is_integer() else None


def double(value: Value) -> str | None:
    found = _float(value)
    return None if found is None else repr(found)


def single(value: Value) -> str | None:
    import numpy as np

    given = _float(value)
    if given is None:
        return None
    found = np.float32(given)
    if found == 0 or 1e-4 <= abs(found) < 1e16:
        return np.format_float_positional(found, unique=True, trim="0")
    return np.format_float_scientific(found, unique=True, trim="-", exp_digits=2)


def decimal(scale: int) -> Callable[[Value], str | None]:
    def of(value: Value) -> str | None:
        if isinstance(value, bool):
            return None
        try:
            found = Decimal(str(value).strip())
            return format(found.quantize(Decimal(1).scaleb(-scale)), "f") if found.is_finite() else None
        except InvalidOperation:
            return None

    return of


def date(value: Value) -> str | None:
    found = _moment(value)
    return None if found is None or found.time() != dt.time() else found.date().isoformat()


def clock(value: Value) -> str | None:
    found = CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        return None
    hour, minute, second, part = found.groups()
    part = (part or "").rstrip("0")
    return f"{int(hour):02}:{minute}:{second or '00'}" + (f".{part}" if part else "")


def timestamp(value: Value) -> str | None:
    found = _moment(value)
    if found is None:
        return None
    text = found.strftime("%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{found.date().isoformat()} {text}"


def zoned(value: Value) -> str | None:
    found = timestamp(value)
    return None if found is None else f"{found}+00"


def uuid(value: Value) -> str | None:
    return value.strip().lower() if isinstance(value, str) else None


SPELLINGS: dict[str, Callable[[Value], str | None]] = {
    "boolean": boolean, "integer": integer, "double": double, "single": single, "date": date, "time": clock,
    "timestamp": timestamp, "timestamptz": zoned, "uuid": uuid,
}  # fmt: skip


def spelling(written: str, date_formats: Sequence[str] = ()) -> Callable[[Value], str | None] | None:
    """From a value to the text that it has in the training data; None for text, which is not changed.

    `date_formats` are those in which the sources write dates, besides ISO 8601.
    """
    if written.startswith("decimal"):
        return decimal(int(written.removeprefix("decimal")))
    spell = SPELLINGS.get(written)
    if spell is None or written not in DATED or not date_formats:
        return spell
    return lambda value: spell(in_iso(value, date_formats))


def in_iso(value: Value, date_formats: Sequence[str]) -> Value:
    """A date that is written in one of the formats as ISO 8601 has it; every other value as it is."""
    if not isinstance(value, str) or _moment(value) is not None:
        return value
    for format in date_formats:
        with contextlib.suppress(ValueError):
            moment = dt.datetime.strptime(value.strip(), format).replace(tzinfo=dt.UTC)
            return moment.replace(tzinfo=None).isoformat()
    return value


def kind_of(type_: str) -> str:
    """`Column.written` of a column of this type in DuckDB."""
    if type_.startswith("DECIMAL"):
        return "decimal" + type_.removesuffix(")").rpartition(",")[2]
    if type_.removeprefix("U") in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"):
        return "integer"
    return {
        "BOOLEAN": "boolean", "DOUBLE": "double", "FLOAT": "single", "DATE": "date", "TIME": "time", "UUID": "uuid",
        "TIMESTAMP": "timestamp", "TIMESTAMP_S": "timestamp", "TIMESTAMP_MS": "timestamp", "TIMESTAMP_NS": "timestamp",
        "TIMESTAMP WITH TIME ZONE": "timestamptz",
    }.get(type_, "text")  # fmt: skip


class Speller:
    """Brings rows that a reader has accepted to the spelling of the training data."""

    def __init__(self, signature: Signature) -> None:
        self.categories = [
            (i, by_spelling(column.categories, spell), spell)
            for i, column in enumerate(signature.columns)
            if column.kind == "categorical" and (spell := spelling(column.written, signature.date_formats))
        ]
        self.numbers = [
            i for i, column in enumerate(signature.columns)
            if column.kind == "numeric" and column.written in ("boolean", "text")
        ]  # fmt: skip
        self.needed = bool(self.categories or self.numbers)

    def __call__(self, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return [self._row(row) for row in rows]

    def _row(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        changed = list(row)
        for i, known, spell in self.categories:
            changed[i] = spelled(row[i], known, spell)
        for i in self.numbers:
            if row[i] is not None:
                changed[i] = number(row[i])
        return tuple(changed)


def by_spelling(categories: Iterable[str], spell: Callable[[Value], str | None]) -> dict[str, str]:
    """The categories by their own text and by how they are spelled here.

    Both are needed: DuckDB, which wrote the text, rounds 2 % of the 32-bit numbers to other digits.
    """
    return {found: text for text in categories if (found := spell(text))} | {text: text for text in categories}


def spelled(value: Value, known: Mapping[str, str], spell: Callable[[Value], str | None]) -> str | None:
    """A category in the spelling of the training data, `by_spelling`; what it does not know keeps its own."""
    if value is None or (isinstance(value, str) and value in known):
        return value
    found = spell(value)
    if found is not None and (found in known or not isinstance(value, str)):
        return known.get(found, found)
    return value if isinstance(value, str) else str(value)


def number(value: str | float) -> float:
    """A number that was written as text, or as a word for true or false: the pattern of its column has let it pass."""
    if not isinstance(value, str):
        return float(value)
    said = value.lower()
    return 1.0 if said in TRUE else 0.0 if said in FALSE else float(value)


def unknown_columns(columns: Sequence[Column]) -> Callable[[Sequence[tuple[Any, ...]]], list[str]]:
    """A function from rows to the categorical columns of which no value is one of the training data."""
    watched = [
        (i, column.name, frozenset(column.categories))
        for i, column in enumerate(columns)
        if column.kind == "categorical" and column.categories
    ]

    def of(rows: Sequence[tuple[Any, ...]]) -> list[str]:
        found = []
        for i, name, known in watched:
            given = False
            for row in rows:
                value = row[i]
                if value in known:
                    break
                given = given or value is not None
            else:
                if given:
                    found.append(name)
        return found

    return of


def warning(name: str, rows: int) -> str:
    every = "the row's value is" if rows == 1 else f"all {rows:,} values are"
    return f"{name}: {every} unknown: the training data has no such category"


def _float(value: Value) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value) if not (isinstance(value, str) and "_" in value) else None
    except ValueError:
        return None


def _moment(value: Value) -> dt.datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = dt.datetime.fromisoformat(value.strip().replace("/", "-"))
    except ValueError:
        return None
    return found if found.tzinfo is None else found.astimezone(dt.UTC).replace(tzinfo=None)
