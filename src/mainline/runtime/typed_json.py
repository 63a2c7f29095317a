"""Dataclasses as JSON and back: the output of another job is checked against its types; an error names the path.

On the standard library alone, because it also runs where nothing is installed. Types may be dataclasses, enums, str,
int, float, bool, Any (one plain value), lists, dictionaries with text keys, and any of these or None.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types
import typing
from enum import Enum
from typing import Any, TypeVar, Union

T = TypeVar("T")
C = TypeVar("C", list[Any], dict[str, Any])

LONGEST = 4_000  # characters of one text: the reports show at most a tenth of that
MOST = 10_000  # items of one list or dictionary
LARGEST = 2**53  # magnitude of an integer: the range of every JSON reader
NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}  # JSON has no number for them


class InvalidJson(ValueError):
    """The value at `place` in the JSON is invalid, and why."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}" if place else why)


def encode(kind: Any, value: Any) -> Any:
    """A value of the type `kind` as JSON holds it. Texts are cut at `LONGEST` characters."""
    if value is None:
        return None
    kind, _, origin, item, is_dataclass = _form(kind)
    if is_dataclass:
        return {name: encode(hint, getattr(value, name)) for name, hint in _hints(kind).items()}
    if origin is list:
        return [encode(item[0], one) for one in value]
    if origin is dict:
        return {cut(str(key)): encode(item[1], one) for key, one in value.items()}
    if isinstance(value, Enum):
        return value.value
    if kind is Any and not isinstance(value, bool | int | float):
        kind = str
    number = value if kind is Any else kind(value)  # NumPy's numbers become Python's
    if isinstance(number, float) and not math.isfinite(number):
        return str(number)
    return cut(number) if isinstance(number, str) else number


def parse(content: bytes) -> Any:
    """Any JSON, without NaN and without a key that occurs twice in one object; raises InvalidJson for anything else."""
    try:
        return json.loads(content, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except InvalidJson:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidJson("", f"not JSON: {str(error)[:80]}") from None


def decode(kind: type[T], value: Any, place: str = "") -> T:
    """Parsed JSON as a value of the type `kind`; `place` is its path in the JSON.

    Raises
    ------
    InvalidJson
        For a key or a type that `kind` does not have, a missing key without a default, and values beyond the limits.
    """
    return typing.cast(T, _decode(kind, value, place))


def _decode(kind: Any, value: Any, place: str) -> Any:
    kind, optional, origin, item, is_dataclass = _form(kind)
    if value is None and optional:
        return None
    if is_dataclass:
        return _object(kind, value, place)
    if origin is list:
        items = _limited(value, list, "a list", place)
        return [_decode(item[0], one, f"{place}[{number}]") for number, one in enumerate(items)]
    if origin is dict:
        found = _limited(value, dict, "an object", place)
        return {_plain(str, key, place): _decode(item[1], one, _below(place, key)) for key, one in found.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            known = ", ".join(str(one.value) for one in kind)
            raise InvalidJson(place, f"{_shown(value)} is not one of {known}") from None
    return _plain(kind, value, place)


def _object(kind: Any, value: Any, place: str) -> Any:
    found = _limited(value, dict, "an object", place)
    hints = _hints(kind)
    for name in found:
        if name not in hints:
            raise InvalidJson(_below(place, name), "unknown key")
    for name in _required(kind):
        if name not in found:
            raise InvalidJson(_below(place, name), "missing")
    return kind(**{name: _decode(hints[name], one, _below(place, name)) for name, one in found.items()})


def _plain(kind: Any, value: Any, place: str) -> Any:
    """A text, a number or a truth value. A number that is null or "nan" could not be measured."""
    if kind is float:
        if value is None or (isinstance(value, str) and value in NOT_FINITE):
            return NOT_FINITE[value or "nan"]
        wanted: tuple[type, ...] = (int, float)
    else:
        wanted = (str, int, float, bool, type(None)) if kind is Any else (kind,)
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        name = "a plain value" if kind is Any else {str: "text", bool: "true or false"}.get(kind, "a number")
        raise InvalidJson(place, f"{_shown(value)} is not {name}")
    if isinstance(value, str) and len(value) > LONGEST:
        raise InvalidJson(place, f"a text of {len(value):,} characters, at most {LONGEST:,}")
    if isinstance(value, int) and abs(value) > LARGEST:
        raise InvalidJson(place, "a number beyond 2^53")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidJson(place, "a number that is too large")
    return float(typing.cast(float, value)) if kind is float else value


def _limited(value: Any, kind: type[C], name: str, place: str) -> C:
    if not isinstance(value, kind):
        raise InvalidJson(place, f"{_shown(value)} is not {name}")
    if len(value) > MOST:
        raise InvalidJson(place, f"{len(value):,} items, at most {MOST:,}")
    return value


@functools.cache
def _form(kind: Any) -> tuple[Any, bool, Any, tuple[Any, ...], bool]:
    """`X` of `X | None`, whether it is such a one, the origin and the arguments of `X`, and whether it is a dataclass.

    Asked once a type: a report has thousands of values of few types.
    """
    optional = typing.get_origin(kind) in (Union, types.UnionType)
    if optional:
        (kind,) = [one for one in typing.get_args(kind) if one is not type(None)]
    return kind, optional, typing.get_origin(kind), typing.get_args(kind), dataclasses.is_dataclass(kind)


@functools.cache
def _required(kind: Any) -> list[str]:
    missing = dataclasses.MISSING
    fields = dataclasses.fields(kind)
    return [one.name for one in fields if one.default is missing and one.default_factory is missing]


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {one.name: hints[one.name] for one in dataclasses.fields(kind)}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InvalidJson("", "a key occurs twice in one object")
    return found


def _refuse_constant(name: str) -> Any:
    raise InvalidJson("", f"{name} is not JSON")


def _below(place: str, key: str) -> str:
    return f"{place}.{key[:60]}" if place else key[:60]


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return "null" if value is None else repr(value)[:60]


def cut(text: str) -> str:
    """A text that a reader accepts."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
