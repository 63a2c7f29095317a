"""The times of a table's rows and their periods, computed once though many expectations look at them."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd

Period = Literal["hour", "day", "week", "month"]
Made = TypeVar("Made")

FREQUENCIES = {"hour": "h", "day": "D", "week": "W", "month": "M"}
UNITS = {"hour": "datetime64[h]", "day": "datetime64[D]", "week": "datetime64[W]", "month": "datetime64[M]"}
ABSENT = np.iinfo(np.int64).min  # the period of a row that has none, or that lies in one of too few rows


@dataclass
class Kept:
    """What was computed about one frame: the one that is being validated."""

    frame: Callable[[], pd.DataFrame | None]
    made: dict[tuple[Any, ...], Any]


KEPT = Kept(lambda: None, {})


def kept(frame: pd.DataFrame, key: tuple[Any, ...], make: Callable[[], Made]) -> Made:
    """What `make` returns, computed once for this frame and `key`."""
    if KEPT.frame() is not frame:
        KEPT.frame, KEPT.made = weakref.ref(frame), {}
    if key not in KEPT.made:
        KEPT.made[key] = make()
    found: Made = KEPT.made[key]
    return found


def forget() -> None:
    """Free the memory; and a frame that is changed after its validation is another one."""
    KEPT.made.clear()


def column_of(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame.columns:
        raise KeyError(f"The column {name!r} does not exist; there are {', '.join(map(str, frame.columns))}")
    return frame[name]


def moments(values: pd.Series) -> pd.Series:
    """The values as UTC timestamps; dates are at midnight UTC."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        raise TypeError(f"The column {values.name!r} holds numbers ({values.dtype}), not times")
    return pd.to_datetime(values, utc=True)


def times_of(frame: pd.DataFrame, name: str) -> pd.Series:
    """A column's values as UTC timestamps."""
    return kept(frame, ("times", name), lambda: moments(column_of(frame, name)))


def calendar(frame: pd.DataFrame, name: str, period: Period) -> pd.Series:
    """The period of each row, as pandas names it."""
    times = times_of(frame, name)
    make = lambda: times.dt.tz_localize(None).dt.to_period(FREQUENCIES[period])  # noqa: E731
    return kept(frame, ("calendar", name, period), make)


def numbers(frame: pd.DataFrame, name: str, period: Period, min_rows: int) -> np.ndarray:
    """The period of each row as a number; `ABSENT` where it has none, or too few rows."""

    def make() -> np.ndarray:
        times = times_of(frame, name)
        found = times.dt.tz_localize(None).to_numpy().astype(UNITS[period]).astype("int64")
        place, known = pd.factorize(found)
        place = np.where(times.isna(), -1, place)
        enough = np.bincount(place[place >= 0], minlength=len(known)) >= min_rows
        return np.where((place >= 0) & enough[place], found, ABSENT)

    return kept(frame, ("numbers", name, period, min_rows), make)
