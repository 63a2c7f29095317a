"""Reports in which every text is a hostile one."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")


def everywhere(value: T, *texts: str) -> T:
    """The same value with one of `texts` for every text in it, keys of dictionaries included; enums stay."""
    found: T = _replaced(value, itertools.cycle(texts))
    return found


def _replaced(value: Any, texts: Iterator[str]) -> Any:
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, list):
        return [_replaced(one, texts) for one in value]
    if isinstance(value, dict):
        return {f"{next(texts)}{number or ''}": _replaced(one, texts) for number, one in enumerate(value.values())}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: _replaced(getattr(value, one.name), texts) for one in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value
