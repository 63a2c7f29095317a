"""One direction of a plot: its limits, and the round numbers that are written at it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
NARROW = 1e-9  # of the values: numbers that differ by less are one number on an axis
TINY = 1e-200
LONGEST = 6  # digits before or after the point; beyond, a power of ten is written

Tick = tuple[float, str]


@dataclass
class Scale:
    """From values to points; where no limits are given, those of the data with some room.

    Attributes
    ----------
    margin
        The room beside the data, as a share of their span.
    limits
        Lower and upper limit where they are fixed, the first being that of the left or the lower end.
    ticks
        Value and text, where they are not round numbers.
    most
        The largest number of round numbers, where there is room for more.
    """

    margin: float = 0.05
    limits: tuple[float | None, float | None] = (None, None)
    ticks: Sequence[Tick] | None = None
    most: int = 9
    whole: bool = False
    grid: bool = True
    low: float = math.inf
    high: float = -math.inf
    given: list[float] = field(default_factory=list)

    def cover(self, values: Iterable[float], *, flush: bool = False) -> None:
        """Have these values within the limits; `flush`: the margin ends at them, as below bars."""
        found = np.asarray([*values], dtype=np.float64)
        found = found[np.isfinite(found)]
        if len(found):
            self.low, self.high = min(self.low, float(found.min())), max(self.high, float(found.max()))
        if flush:
            self.given += [float(value) for value in found]

    @property
    def ends(self) -> tuple[float, float]:
        """The limits; of one value or none, with some room around it."""
        low, high = (self.low, self.high) if self.low <= self.high else (0.0, 1.0)
        low, high = widened(low, high)
        room = self.margin * (high - low)
        ends = (low if low in self.given else low - room, high if high in self.given else high + room)
        first, last = (end if limit is None else limit for limit, end in zip(self.limits, ends, strict=True))
        return widened(first, last) if first <= last else (first, last)

    def written(self, room: float) -> Sequence[Tick]:
        """The ticks that lie within the limits; there is `room` for so many round numbers."""
        low, high = sorted(self.ends)
        ticks = (
            even(low, high, max(1, min(self.most, int(room))), whole=self.whole) if self.ticks is None else self.ticks
        )
        near = NARROW * (high - low)
        return [(value, said) for value, said in ticks if low - near <= value <= high + near]


def widened(low: float, high: float) -> tuple[float, float]:
    """Limits that differ: those of a single value have some room around it."""
    size = max(abs(low), abs(high))
    if high - low > NARROW * max(size, TINY):
        return low, high
    room = 0.05 * size if size > TINY else 0.05
    return low - room, high + room


def even(low: float, high: float, most: int, *, whole: bool = False) -> list[Tick]:
    """At most about `most` round numbers from `low` to `high`, as they are written."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((factor for factor in STEPS if factor * power >= raw * (1 - NARROW)), 10.0) * power
    if whole:
        step = max(1.0, math.ceil(step))
    first, last = math.ceil(low / step - NARROW), math.floor(high / step + NARROW)
    values = [number * step for number in range(first, last + 1)]
    return [(value, written(value, step, max(abs(low), abs(high)))) for value in values]


def written(value: float, step: float, largest: float) -> str:
    """With as many digits as tell it from its neighbours."""
    digits = -math.floor(math.log10(step) + NARROW)
    if not math.isclose(step * 10.0**digits, round(step * 10.0**digits)):
        digits += 1  # 2.5
    if digits <= LONGEST and largest < 10**LONGEST:
        said = f"{value:.{max(digits, 0)}f}"
    else:
        exponent = math.floor(math.log10(abs(value))) if value else 0
        said = f"{value:.{max(digits + exponent, 0)}e}" if value else "0"
    return said.replace("-", "−")
