"""How far the sources reach: the newest period of new data that is complete."""

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
MOST = 10_000  # periods; a clock that is so far behind is a mistake


@dataclass(frozen=True)
class Reach:
    """Until when a table's rows are known, UTC, on the day that was looked."""

    table: str
    moment: dt.datetime


@dataclass(frozen=True)
class Found:
    """`until` is the end of the newest complete period, None where there is none; `why` says what it hangs on."""

    until: dt.date | None
    why: str


def newest(settings: Settings, root: Path, cache: Path, today: dt.date) -> Found:
    """The end of the newest period that has passed and that every table reaches.

    Periods are `retrain.every` long and begin at `data.until`. A table reaches a period's end where its last known
    row lies no more than `retrain.lag` before it; what comes after midnight of `today` is not looked at.

    Raises
    ------
    DataError, ExternalError
        As `collect` does.
    ConfigurationError
        Where no source has a time that could tell.
    """
    data = settings.data.model_copy(update={"until": today})
    names = telling(settings)
    if today <= settings.data.until:
        return Found(None, f"data.until is {settings.data.until}, which has not passed yet")
    tables = collect(data, root, cache)
    return complete(settings, reached(tables, names), today)


def telling(settings: Settings) -> list[str]:
    """The tables that tell whether a period is complete."""
    timed = [name for name, source in settings.data.sources.items() if source.time]
    for name in settings.retrain.tables:
        if name not in timed:
            said = "has no time" if name in settings.data.sources else "is no source"
            raise ConfigurationError(f"retrain.tables: {name} {said}; there are {', '.join(timed) or 'none with one'}")
    if not timed:
        raise ConfigurationError("no source has a time: data.until cuts nothing, and no period can be called complete")
    return settings.retrain.tables or timed


def reached(tables: Mapping[str, Collected], names: list[str]) -> list[Reach]:
    found = []
    for name in names:
        table = tables[name]
        end = dt.datetime.fromisoformat(table.end) if table.end else dt.datetime.min.replace(tzinfo=dt.UTC)
        found.append(Reach(name, end + dt.timedelta(microseconds=table.known_after or 0)))
    return found


def complete(settings: Settings, reaches: list[Reach], today: dt.date) -> Found:
    """The newest end of a period, from how far each table reaches."""
    zone, rules, start = ZoneInfo(settings.data.timezone), settings.retrain, settings.data.until
    every = rules.every or (settings.split.holdout if isinstance(settings.split.holdout, Span) else FALLBACK)
    found, why = None, ""
    for number in range(1, min(rules.at_once or MOST, MOST) + 1):
        end = dt.datetime.combine(every.after(start, number), dt.time(), zone)
        if end.date() == start:
            raise ConfigurationError(f"retrain.every: {every} is shorter than a day, and data.until is a date")
        if end.date() > today:
            why = f"the period until {end.date()} has not passed yet"
            break
        last = min(reaches, key=lambda reach: reach.moment)
        if last.moment < rules.lag.before(end):
            why = f"the period until {end.date()} is not complete: {last.table} ends {last.moment:%Y-%m-%d %H:%M} UTC"
            break
        found = end.date()
    return Found(found, why if found is None else f"every table reaches {found}")
