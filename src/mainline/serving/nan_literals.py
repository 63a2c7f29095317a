"""NaN and Infinity: they are not valid JSON, but the encoders of Python and other languages write them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from mainline.serving.error_messages import needed, shown
from mainline.serving.errors import Rejection, invalid
from mainline.serving.signature import Column, Key


class Constant(str):
    """NaN, Infinity or -Infinity, as it was sent."""


def refusal(body: bytes, columns: Sequence[Column | Key]) -> Rejection | None:
    """The rejection of a body that contains one of them; None where the error is another one."""
    if b"NaN" not in body and b"Infinity" not in body:
        return None
    try:
        request = json.loads(body, parse_constant=Constant, parse_int=float)
        path, constant = next(constants(request))
        name, row = place_of(path, request)
    except (ValueError, RecursionError, StopIteration, LookupError, TypeError):
        return None
    column = next((column for column in columns if column.name == name), None)
    at = f"{shown(name)}, row {row}: " if name is not None else ""
    wanted = needed(column) if column else "a number"
    message = f"{at}{constant} was sent, which is not valid JSON: {wanted} is needed"
    return invalid(message, column=name and shown(name), row=row, reason="type")


def constants(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(value, Constant):
        yield path, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from constants(item, (*path, key))


def place_of(path: tuple[Any, ...], request: Any) -> tuple[str | None, int | None]:
    """The column and the row of a value, if it is in one."""
    match path:
        case ("dataframe_records" | "instances", int(row), str(name), *_):
            return name, row
        case ("inputs", str(name), int(row), *_):
            return name, row
        case ("dataframe_split", "data", int(row), int(i), *_):
            return str(request["dataframe_split"]["columns"][i]), row
    return None, None
