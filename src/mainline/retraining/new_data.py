"""The newest complete period of new data in the sources."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from mainline.config.schema import Settings, Span
from mainline.data.collect import Collected, collect
from mainline.errors import ConfigurationError

FALLBACK = Span(count=1, unit="month")
MOST = 10_000  # periods; a data cutoff that is further behind is a mistake


@dataclass(frozen=True)
class Reach:
    """The time (UTC) until which a table has rows."""

    table: str
    moment: dt.datetime


@dataclass(frozen=True)
class Found:
    """`until` is the end of the newest complete period, or None; `why` gives the reason."""

    until: dt.date | None
    why: str


def newest(settings: Settings, root: Path, cache: Path, today: dt.date) -> Found:
    """Find the end of the newest period that has passed and that every table reaches.

    Periods are `retrain.every` long and begin at `data.until`. A table reaches the end of a period if its last
    known row is at most `retrain.lag` before it; rows after midnight of `today` are ignored.

    Raises
    ------
    DataError, ExternalError
        Like `collect`.
    ConfigurationError
        If no source has a time.
    """
    data = settings.data.model_copy(update={"until": today})
    names = telling(settings)
    if today <= settings.data.until:
        return Found(None, f"data.until is {settings.data.until}, which has not passed yet")
    tables = collect(data, root, cache)
    return complete(settings, reached(tables, names), today)


def telling(settings: Settings) -> list[str]:
    """The tables that decide whether a period is complete."""
    timed = [name for name, source in settings.data.sources.items() if source.time]
    for name in settings.retrain.tables:
        if name not in timed:
            fault = "has no time" if name in settings.data.sources else "is not a source"
            raise ConfigurationError(
                f"retrain.tables: {name} {fault}; sources with a time: {', '.join(timed) or 'none'}"
            )
    if not timed:
        raise ConfigurationError("no source has a time: data.until has no effect, and no period can be complete")
    return settings.retrain.tables or timed


def reached(tables: Mapping[str, Collected], names: list[str]) -> list[Reach]:
    found = []
    for name in names:
        table = tables[name]
        end = dt.datetime.fromisoformat(table.end) if table.end else dt.datetime.min.replace(tzinfo=dt.UTC)
        found.append(Reach(name, end + dt.timedelta(microseconds=table.known_after or 0)))
    return found


def complete(settings: Settings, reaches: list[Reach], today: dt.date) -> Found:
    """The end of the newest complete period, from the reach of each table."""
    zone, rules, start = ZoneInfo(settings.data.timezone), settings.retrain, settings.data.until
    every = rules.every or (settings.split.holdout if isinstance(settings.split.holdout, Span) else FALLBACK)
    found, why = None, ""
    for number in range(1, min(rules.at_once or MOST, MOST) + 1):
        end = dt.datetime.combine(every.after(start, number), dt.time(), zone)
        if end.date() == start:
            raise ConfigurationError(f"retrain.every: {every} is shorter than a day, but data.until is a date")
        if end.date() > today:
            why = f"the period until {end.date()} has not passed yet"
            break
        last = min(reaches, key=lambda reach: reach.moment)
        if last.moment < rules.lag.before(end):
            why = f"the period until {end.date()} is not complete: {last.table} ends {last.moment:%Y-%m-%d %H:%M} UTC"
            break
        found = end.date()
    return Found(found, why if found is None else f"every table reaches {found}")
