"""Numbers and names, written as every report writes them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mainline.evaluation.metrics import title_of
from mainline.evaluation.results import Interval

_titles: dict[str, str] = {}  # of metrics that are declared elsewhere: see `remember`


NOTHING = "–"


def metric_name(name: str) -> str:
    """The display name of a metric."""
    return title_of(name) or _titles.get(name) or plain(name, 60).replace("_", " ")


def remember(titles: Mapping[str, str]) -> None:
    """Know display names that a review brings with it, where the project that declared them is not imported."""
    _titles.update({name: plain(title, 60) for name, title in titles.items()})


def plain(value: object, limit: int = 200) -> str:
    """Text of one line: no control, direction or surrogate characters, at most `limit` long."""
    text = str(value)[: 8 * limit]  # what is cut anyway need not be cleaned
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text)
    clean = " ".join(text.split())
    return clean if len(clean) <= limit and len(str(value)) <= 8 * limit else clean[: limit - 1] + "…"


def plural(number: int, noun: str) -> str:
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def score(value: float | None) -> str:
    """`0.716`, `12.35`, `1,235`: three decimals below ten, fewer above."""
    return _number(value, _decimals(value), "")


def difference(delta: Interval) -> str:
    """`−0.002 [−0.006, +0.003]`, all three to the same decimals."""
    return _with_bounds(delta, "+")


def interval(value: Interval) -> str:
    """`0.716 [0.690, 0.741]`."""
    return _with_bounds(value, "")


def bounds(low: float, high: float) -> str:
    """`[0.690, 0.741]`."""
    decimals = _decimals(low, high)
    return f"[{_number(low, decimals, '')}, {_number(high, decimals, '')}]"


def signed(*values: float) -> list[str]:
    """`+0.021` each, all to the same decimals."""
    decimals = _decimals(*values)
    return [_number(value, decimals, "+") for value in values]


def count(number: int) -> str:
    return f"{number:,}"


def share(part: float) -> str:
    return f"{part * 100:.1f} %" if math.isfinite(part) else NOTHING


def duration(seconds: float) -> str:
    if not math.isfinite(seconds):
        return NOTHING
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"


def size(number: int) -> str:
    """Bytes in decimal units."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= factor:
            found = number / factor
            return f"{found:.{2 if found < 10 else 1 if found < 100 else 0}f} {unit}"
    return f"{number} bytes"


def short(digest: str | None) -> str:
    """A commit, fingerprint or digest as people compare it: its kind, if named, and twelve characters."""
    if not digest:
        return NOTHING
    kind, colon, rest = plain(digest, 120).rpartition(":")
    return f"{kind}{colon}{rest[:12]}"


def _with_bounds(found: Interval, sign: str) -> str:
    decimals = _decimals(found.value, found.low, found.high)
    if found.low is not None and found.high is not None and found.low * found.high > 0:
        # A bound beside zero must not be rounded onto it: whether zero is inside is the message.
        nearest = min(abs(found.low), abs(found.high))
        decimals = 4 if decimals == 3 and nearest < 0.0005 else decimals
    value = _number(found.value, decimals, sign)
    if found.low is None or found.high is None:
        return value
    return f"{value} [{_number(found.low, decimals, sign)}, {_number(found.high, decimals, sign)}]"


def _decimals(*values: float | None) -> int:
    largest = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
    for bound, decimals in ((1000, 0), (100, 1), (10, 2)):
        if largest >= bound:
            return decimals
    # Three decimals of a difference below 0.0015 would hide nearly all of it.
    return 3 if largest == 0 or largest >= 0.0015 else 4


def _number(value: float | None, decimals: int, sign: str) -> str:
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{value:{sign},.{decimals}f}"
    if not text.strip("+-0.,"):
        text = text.lstrip("+-")  # zero has no sign
    return text.replace("-", "−")
