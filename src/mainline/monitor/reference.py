"""What is kept with a model for watching it: its training rows in bins, and how much their periods differ."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mainline.monitor import counts
from mainline.profile import psi
from mainline.rows import quoted
from mainline.settings import Settings

SPANS = {"day": 1, "week": 7, "month": 28}  # the fewest days of a window that is held against such periods
FEWEST = 50  # rows of a period that says something about the others


def reference(settings: Settings, frame: Path, condition: str) -> dict[str, Any]:
    """Counts of the frame's rows that meet `condition`, and by feature and span of time the largest PSI and the
    largest share of missing values of a period against all others.

    Without `prepare.time` there are no periods: then only the noise of sampling sets the thresholds.
    """
    import duckdb

    features, time = settings.prepare.features, settings.prepare.time
    day = f"({quoted(time)})::DATE" if time else "DATE '1970-01-01'"
    found: dict[str, Any] = {"numeric": {}, "categorical": {}}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        source = f"(SELECT * FROM read_parquet('{frame}') WHERE {condition})"
        ends = counts.edges(connection, source, features.numeric)
        for name in features.numeric:
            counted = counts.numeric(connection, source, day, name, ends[name])
            found["numeric"][name] = {"edges": ends[name], **kept(counted)}
        for name in features.categorical:
            counted = counts.categorical(connection, source, day, name)
            found["categorical"][name] = {"values": counted.bins[1:-1], **kept(counted)}
    return found


def kept(counted: counts.Counted) -> dict[str, Any]:
    return {
        "counts": counted.table.sum(axis=0).tolist(),
        "psi": {span: variation(counted, span) for span in SPANS},
        "missing": {span: most_missing(counted, span) for span in SPANS},
    }


def variation(counted: counts.Counted, span: str) -> float | None:
    """The largest PSI of one period against all others; None with fewer than three periods."""
    periods = by_period(counted, span)
    if len(periods) < 3:
        return None
    total = counted.table.sum(axis=0)
    return max(psi(total - rows, rows) for rows in periods)


def most_missing(counted: counts.Counted, span: str) -> float | None:
    shares = [float(rows[0] / rows.sum()) for rows in by_period(counted, span)]
    return max(shares) if len(shares) >= 3 else None


def by_period(counted: counts.Counted, span: str) -> list[Any]:
    periods: dict[Any, Any] = {}
    for day, rows in zip(counted.days, counted.table, strict=True):
        at = period(day, span)
        periods[at] = periods[at] + rows if at in periods else rows
    return [rows for rows in periods.values() if rows.sum() >= FEWEST]


def period(day: dt.date, span: str) -> Any:
    if span == "month":
        return day.year, day.month
    return day.isocalendar()[:2] if span == "week" else day


def span_of(days: int) -> str:
    """The longest span that a window of so many days covers."""
    fitting: Sequence[str] = [span for span, least in SPANS.items() if days >= least]
    return fitting[-1] if fitting else "day"
