"""A time that is written as numbers: seconds since 1970, or a year and a month, where the evidence is good."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mainline.data.collect import Collected, relation_sql
from mainline.data.sources.duckdb_scan import connect
from mainline.data.split import quoted
from mainline.init.guesses import names
from mainline.init.guesses.times import EPOCHS, FEWEST_DAYS, FEWEST_HOURS, NONE
from mainline.init.kinds import kind_of, words
from mainline.init.proposal import Decision, Wishes

UNITS = {"s": "seconds", "ms": "milliseconds"}
YEAR, MONTH, DAY = frozenset({"year", "yr"}), frozenset({"month", "mnth", "mon", "mo"}), frozenset({"day", "dom"})
TIMED = frozenset({"epoch", "unix", "unixtime", "posix", "utc"}) | names.BEFORE
YEARS = (1900, 2100)


@dataclass(frozen=True)
class HiddenTime:
    """The settings of the source that compute a time, and why."""

    name: str
    parts: Mapping[str, str]
    decision: Decision

    @property
    def settings(self) -> dict[str, Any]:
        return {"time": self.name, "time_from": dict(self.parts)}


def find(table: Collected, wishes: Wishes) -> HiddenTime | None:
    """The time of a table that has no column of times; None where nothing is certain enough."""
    asked = wishes.time if wishes.time in table.columns else None
    if wishes.time and not asked:
        return None
    times = [name for name, kind in table.columns.items() if kind_of(kind) == "time"]
    if asked in times or (not asked and any(not names.says(name, names.BORN) for name in times)):
        return None
    numbers = [n for n, kind in table.columns.items() if kind_of(kind) == "number" and n != wishes.label]
    for parts in [*calendars(numbers), *({"epoch": name} for name in in_order(numbers, asked))]:
        if asked and asked not in parts.values():
            continue
        found = checked(table, parts)
        if found:
            return found
    return None


def in_order(numbers: list[str], asked: str | None) -> list[str]:
    """The columns that could count seconds, by their names: not those that are written after the outcome."""
    return [n for n in numbers if n == asked or (names.says(n, TIMED) and not names.says(n, names.AFTER))]


def calendars(numbers: list[str]) -> Iterator[dict[str, str]]:
    """Columns of the year, the month and the day whose names agree in all other words."""
    for year in numbers:
        rest = [word for word in words(year) if word not in YEAR]
        if len(rest) == len(words(year)):
            continue
        of = {part: alike(numbers, known, rest) for part, known in (("month", MONTH), ("day", DAY))}
        if of["month"]:
            yield {"year": year, **{part: name for part, name in of.items() if name}}


def alike(numbers: list[str], known: frozenset[str], rest: list[str]) -> str | None:
    return next(
        (
            name
            for name in numbers
            if not known.isdisjoint(words(name)) and [word for word in words(name) if word not in known] == rest
        ),
        None,
    )


def checked(table: Collected, parts: Mapping[str, str]) -> HiddenTime | None:
    """The time where every row has one that is plausible; they must be enough to split by."""
    if "epoch" in parts:
        return of_epoch(table, parts["epoch"]) or of_days(table, parts["epoch"])
    return of_calendar(table, parts)


def of_epoch(table: Collected, column: str) -> HiddenTime | None:
    name = quoted(column)
    rows, known, whole, low, high, hours = measured(
        table,
        f"count(*), count({name}), bool_and({name} = floor({name})), min({name}), max({name}), "
        f"count(DISTINCT {name} // 3600)",
    )
    if not rows or known < rows or not whole:
        return None
    for unit, (least, most) in EPOCHS.items():
        if not (least <= low and high <= most):
            continue
        per_second = 1 if unit == "s" else 1000
        start, end = (dt.datetime.fromtimestamp(float(each) / per_second, dt.UTC) for each in (low, high))
        days = measured(table, f"count(DISTINCT {name} // {86_400 * per_second})")[0]
        if days < FEWEST_DAYS and hours < FEWEST_HOURS * per_second:
            return None
        why = (
            f"{column} is a whole number in every row, and as {UNITS[unit]} since 1970 it runs from {start:%Y-%m-%d} "
            f"to {end:%Y-%m-%d}"
        )
        return told(table, f"{column}_time", {UNITS[unit]: column}, why)
    return None


def of_days(table: Collected, column: str) -> HiddenTime | None:
    """Days as 20260131."""
    name = quoted(column)
    date = f"try_strptime({name}::BIGINT::VARCHAR, '%Y%m%d')"
    rows, known, low, high, days = measured(
        table,
        f"count(*), count({date}) FILTER ({name} = floor({name})), min({name}), max({name}), count(DISTINCT {name})",
    )
    if not rows or known < rows or low < YEARS[0] * 10_000 or high > YEARS[1] * 10_000 or days < FEWEST_DAYS:
        return None
    why = f"{column} is a day such as {int(high)} in every row: {days:,} different ones"
    return told(table, f"{column}_day", {"yyyymmdd": column}, why)


def of_calendar(table: Collected, parts: Mapping[str, str]) -> HiddenTime | None:
    year, month, day = (quoted(parts[part]) if part in parts else "1" for part in ("year", "month", "day"))
    date = f"TRY_CAST({year}::INTEGER || '-' || {month}::INTEGER || '-' || {day}::INTEGER AS DATE)"
    whole = " AND ".join(f"{quoted(name)} = floor({quoted(name)})" for name in parts.values())
    rows, known, low, high, days = measured(
        table,
        f"count(*), count({date}) FILTER ({whole}), min({year}), max({year}), count(DISTINCT {date})",
    )
    if not rows or known < rows or low < YEARS[0] or high > YEARS[1] or days < FEWEST_DAYS:
        if "day" in parts and rows and days:  # perhaps it is the day of the week
            return of_calendar(table, {part: name for part, name in parts.items() if part != "day"})
        return None
    listed = ", ".join(parts.values())
    rest = "_".join(word for word in words(parts["year"]) if word not in YEAR)
    why = f"{listed} have a value in every row and make {days:,} different {'days' if 'day' in parts else 'months'}"
    return told(table, f"{rest}_date" if rest else "date", parts, why)


def measured(table: Collected, select: str) -> tuple[Any, ...]:
    found = connect().execute(f"SELECT {select} FROM ({relation_sql(table)})").fetchone()
    return found or ()


def told(table: Collected, name: str, parts: Mapping[str, str], why: str) -> HiddenTime:
    while name in table.columns:
        name += "_of_row"
    shown = ", ".join(f"{part}: {column}" for part, column in parts.items())
    decision = Decision(
        f"data.sources.{table.name}.time_from", f"{{{shown}}}", why, f"TIME={NONE}, TIME=another column"
    )
    return HiddenTime(name, parts, decision)
