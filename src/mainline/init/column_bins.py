"""The bins in which a column's distribution is counted, and the names that the page calls them by."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from mainline.data.sources.duckdb_scan import is_nan, text
from mainline.data.sources.duckdb_scan import name as quoted
from mainline.evaluation.formatting import NOTHING, plain
from mainline.init.proposal import Column, Use

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["numbers", "times", "values", "hidden"]

MISSING = 0  # the code of a missing value; the first bin is 1
WANTED = 20  # bins of a column of numbers
POINTS = 15  # so many different numbers are a bin each
VALUES = 50  # the most frequent values of a column of text, a bin each; the others are one bin together
TAIL = 0.005  # of the rows on each side lies in the first and last bin, however far it reaches
SKEWED = 0.06  # where half of the rows lie in less than this part of the range, a logarithm shows more
NAME = 60  # characters of a value
NUMERIC = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL|FLOAT|REAL|DOUBLE)\b")
TEMPORAL = re.compile(r"(DATE|TIMESTAMP)")


@dataclass(frozen=True)
class Bins:
    """How one column is read and which code each of its values has."""

    kind: Kind
    names: tuple[str, ...] = ()  # of the codes 1, 2, …
    low: float = 0.0  # of numbers: where the second bin would begin one step earlier
    step: float = 1.0
    logarithm: bool = False
    points: tuple[float, ...] = ()  # of few different numbers, in their place
    values: tuple[str, ...] = ()  # of text; what is none of them has the last code
    ends: tuple[str, str] = ("", "")  # what stands below a plot's ends
    common: str = ""  # the value whose share is shown over time

    @property
    def listed(self) -> bool:
        """Whether the bins are shown as a list with their names, not as a histogram."""
        return self.kind == "values"

    def sql(self, read: str) -> str:
        """SQL for the code of each value, from what `read_sql` selects."""
        if self.kind == "hidden":
            return f"CASE WHEN {read} THEN {MISSING} ELSE 1 END"
        if self.kind == "values":
            place = place_among(read, self.values)
            return f"CASE WHEN {read} IS NULL THEN {MISSING} ELSE coalesce({place}, {len(self.values)}) + 1 END"
        if self.points:
            middles = [(one + next_) / 2 for one, next_ in pairwise(self.points)]
            place = " + ".join([f"({read} > {middle!r}::DOUBLE)::TINYINT" for middle in middles] or ["0"])
        else:
            last = len(self.names) - 1
            scaled = f"log10(greatest({read}, 1e-300))" if self.logarithm else read
            # The little that is added keeps a number on the edge where its decimals say it belongs.
            steps = f"floor(({scaled} - {self.low!r}::DOUBLE) / {self.step!r}::DOUBLE + 1e-9)"
            place = f"greatest(0, least({last}, {steps}))::INTEGER"
        return f"CASE WHEN {read} IS NULL OR {is_nan(read)} THEN {MISSING} ELSE 1 + {place} END"


def place_among(read: str, values: Sequence[str]) -> str:
    """SQL for a text's place among values, from 0; null where it is none of them."""
    return f"(list_position([{', '.join(map(text, values))}]::VARCHAR[], {read}) - 1)"


def kind_of(column: Column, use: Use) -> Kind:
    """How the column is shown; the values of a column that names persons or things, or is free text, are not."""
    kind = column.type.upper()
    present = column.rows - column.missing
    if use.role == "key" and column.distinct > max(VALUES, present / 2):
        return "hidden"
    if use.role != "categorical":
        if NUMERIC.match(kind) and not kind.endswith("]"):
            return "numbers"
        if TEMPORAL.match(kind) and not kind.endswith("]"):
            return "times"
    most = VALUES if use.role in ("key", "left out") else max(VALUES, present / 2)
    return "hidden" if column.distinct > most else "values"


def read_sql(column: Column, kind: Kind) -> str:
    """What is selected of the column, so that `Bins.sql` understands it."""
    name = quoted(column.name)
    return {
        "numbers": f"CAST({name} AS DOUBLE)",
        "times": f"epoch(CAST({name} AS TIMESTAMP))",
        "values": f"CAST({name} AS VARCHAR)",
        "hidden": f"{name} IS NULL",
    }[kind]


def numbers(column: Any) -> NDArray[np.float64]:
    """Numbers with NaN for what is missing."""
    import numpy as np

    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def bins_of(column: Column, kind: Kind, sample: Any) -> Bins:
    """The bins for a column, from a sample of its rows; the rows are counted later, over the whole table."""
    import numpy as np

    if kind == "hidden":
        return Bins(kind, ("a value",))
    if kind == "values":
        return of_values(sample)
    found = numbers(sample)
    found = found[np.isfinite(found)]
    if not len(found):
        return Bins(kind, ("a value",), points=(0.0,))
    write = day if kind == "times" else number
    if column.distinct <= POINTS:
        points = tuple(float(value) for value in np.unique(found))[: 2 * POINTS]
        names = tuple(map(write, points))
        return Bins(kind, names, points=points, ends=(names[0], names[-1]))
    low, middle, high = (float(value) for value in np.quantile(found, [TAIL, 0.5, 1 - TAIL]))
    if low == high:
        low, high = float(found.min()), float(found.max())
    logarithm = kind == "numbers" and low > 0 and (middle - low) < SKEWED * (high - low)
    return of_range(kind, low, high, whole=column.whole, logarithm=logarithm)


def of_range(kind: Kind, low: float, high: float, *, whole: bool, logarithm: bool) -> Bins:
    if logarithm:
        low, high = math.log10(low), math.log10(high)
        step, start, count = (high - low) / WANTED or 1.0, low, WANTED
    elif kind == "times":
        step, start, count = (high - low) / WANTED or 1.0, low, WANTED
    else:
        step = even_step((high - low) / WANTED)
        step = max(step, 1.0) if whole else step
        start = math.floor(low / step) * step
        count = max(1, math.floor((high - start) / step + 1e-9) + 1)
    edges = [start + step * place for place in range(count + 1)]
    edges = [10**edge for edge in edges] if logarithm else edges
    write = day if kind == "times" else number
    if whole and step == 1 and count > 1 and not logarithm:
        names = [write(edge) for edge in edges[:-1]]
        names[0], names[-1] = f"{names[0]} or less", f"{names[-1]} or more"
        ends = (write(edges[0]), write(edges[-2]))
    else:
        inner = [f"{write(one)} to {write(next_)}" for one, next_ in pairwise(edges[1:-1])]
        first, last = [f"below {write(edges[1])}"], [f"{write(edges[-2])} and above"]
        names = [*first, *inner, *last][:count] if count > 1 else ["all"]
        ends = (write(edges[0]), write(edges[-1]))
    return Bins(kind, tuple(names), start, step, logarithm, ends=ends)


def of_values(sample: Any) -> Bins:
    import pyarrow.compute as pc

    counted = pc.value_counts(sample.drop_null())
    rows = sorted(((each["counts"].as_py(), each["values"].as_py()) for each in counted), key=lambda x: (-x[0], x[1]))
    values = tuple(value for _, value in rows[:VALUES])
    names = (*(plain(value, NAME) or "(empty)" for value in values), "other values")
    return Bins("values", names, values=values, common=names[0])


def even_step(step: float) -> float:
    """The nearest of 1, 2, 2.5, 5 times a power of ten that is not smaller."""
    if not step > 0 or not math.isfinite(step):
        return 1.0
    power = 10 ** math.floor(math.log10(step))
    return float(next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= step * (1 - 1e-9)))


def number(value: float) -> str:
    """At most four digits that count, as the reports write numbers."""
    if not math.isfinite(value):
        return NOTHING
    size = abs(value)
    if size >= 1e15 or 0 < size < 1e-4:
        written = f"{value:.3g}"
    elif size >= 1000:
        written = f"{value:,.0f}"
    else:
        written = f"{value:.4g}"
    return written.replace("-", "−")


def day(seconds: float) -> str:
    """The day of a time in seconds since 1970."""
    import datetime as dt

    try:
        return str((dt.datetime(1970, 1, 1) + dt.timedelta(seconds=seconds)).date())  # noqa: DTZ001
    except (OverflowError, ValueError):
        return number(seconds)


def shown(names: Sequence[str], limit: int) -> str:
    """Names in a sentence, the first few of them."""
    listed = [plain(name, NAME) for name in names[:limit]]
    more = len(names) - len(listed)
    return ", ".join(listed) + (f" and {more:,} more" if more else "")
