"""The time: which column says when a row is predicted, and which dates lie after that."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from mainline.data.split import quoted
from mainline.errors import ConfigurationError, DataError
from mainline.init.guesses import names
from mainline.init.guesses.table import Context, Table
from mainline.init.kinds import kind_of
from mainline.init.proposal import Column

FEWEST_DAYS = 10
FEWEST_HOURS = 48
LATER = 0.5  # of the rows with both
YEARS_APART = 10  # a date so far before the others is a birth, not an event
EPOCHS = {"s": (600_000_000, 4_000_000_000), "ms": (600_000_000_000, 4_000_000_000_000)}


@dataclass(frozen=True)
class Time:
    column: Column
    days: int  # different ones
    hours: int
    why: str = ""

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def is_date(self) -> bool:
        return self.column.type == "DATE"


NEW_IN_HOLDOUT = "the holdout has values of it that training has not"
NONE = "none"  # what a person says who wants no time


def guess(context: Context) -> Time | None:
    """The time column, or None where rows have none that they could be split by.

    Raises
    ------
    ConfigurationError, DataError
        Where TIME names a column that does not exist, is no time, or is missing in some rows.
    """
    table, told, wishes = context.table, context.told, context.wishes
    if wishes.time == NONE and NONE not in table.columns:
        return None
    times = [
        column for column in table.columns.values() if kind_of(column.type) == "time" and column.name != wishes.label
    ]
    if wishes.time:
        chosen: Column | None = wished(table, wishes.time)
    else:
        usable = [column for column in times if not column.missing and column.distinct > 1]
        chosen = best(table, [column for column in usable if not is_birth(table, column, times)])
        for column in times if chosen is None else []:
            if column.missing and column.distinct > 1:
                told.ask(
                    column.name,
                    f"{column.name} could be the rows' time, but {column.missing:,} rows have none: fill or drop them, "
                    f"then TIME={column.name} splits by it",
                )
    if chosen is None:
        hint_at_hidden(context)
        return None
    time = spread(table, chosen)
    if time.days < FEWEST_DAYS and time.hours < FEWEST_HOURS:
        told.risk(
            chosen.name,
            f"{chosen.name} has {time.days} different days: too few to split by time, rows are split by hash",
        )
        return None
    why = "as TIME says" if wishes.time else f"it has a value in every row and spreads over {time.days:,} days"
    return dataclasses.replace(time, why=why)


def wished(table: Table, name: str) -> Column:
    import difflib

    if name not in table.columns:
        near = difflib.get_close_matches(name, list(table.columns), n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(list(table.columns)[:20])}"
        raise ConfigurationError(f"TIME={name}: the table has no such column: {hint}")
    column = table.columns[name]
    if kind_of(column.type) != "time":
        raise ConfigurationError(
            f"TIME={name}: it is {column.type}, not a date or a time. For dates in text files set "
            f"data.sources.{table.name}.date_format"
        )
    if column.missing:
        raise DataError(f"TIME={name}: {column.missing:,} rows have none: when they are predicted is unknown")
    return column


def spread(table: Table, column: Column) -> Time:
    name = quoted(column.name)
    days, hours = table.one(f"count(DISTINCT {name}::DATE), count(DISTINCT date_trunc('hour', {name}::TIMESTAMP))")
    return Time(column, days, hours)


def is_birth(table: Table, column: Column, times: list[Column]) -> bool:
    """A date of birth, by its name or since it lies many years before the other dates."""
    if names.says(column.name, names.BORN):
        return True
    for other in times:
        if other.name == column.name or other.missing == other.rows:
            continue
        a, b = quoted(column.name), quoted(other.name)
        (apart,) = table.one(f"median(epoch({b}::TIMESTAMP) - epoch({a}::TIMESTAMP))")
        if apart is not None and apart > YEARS_APART * 365 * 86400:
            return True
    return False


def best(table: Table, columns: list[Column]) -> Column | None:
    """Of several times the one that is named like a beginning, else the earliest in most rows."""
    if not columns:
        return None
    earlier = {column.name: 0 for column in columns}
    for column in columns:
        for other in columns:
            if column is not other:
                (share,) = table.one(f"avg(({quoted(column.name)}::TIMESTAMP <= {quoted(other.name)}::TIMESTAMP)::INT)")
                earlier[column.name] += (share or 0) > LATER

    def order(column: Column) -> tuple[bool, bool, int, int]:
        after, before = names.says(column.name, names.AFTER), names.says(column.name, names.BEFORE)
        return (after, not before, -earlier[column.name], list(table.columns).index(column.name))

    return min(columns, key=order)


def after(context: Context, time: Time | None, known: Collection[str]) -> dict[str, str]:
    """Dates that lie after the rows' time, with the reason why no feature is made of them; `known` are no features."""
    found: dict[str, str] = {}
    for name, column in context.table.columns.items():
        if kind_of(column.type) != "time" or (time and name == time.name) or name in known or not column.distinct:
            continue
        if time:
            share, longest = context.table.one(
                f"avg(({quoted(name)}::TIMESTAMP > {quoted(time.name)}::TIMESTAMP)::INT), "
                f"median({quoted(name)}::TIMESTAMP - {quoted(time.name)}::TIMESTAMP)"
            )
            if (
                share
                and share > 0.02
                and not (share < LATER and names.says(name, names.BEFORE - {"at", "date", "time"}))
            ):
                typical = longest if isinstance(longest, dt.timedelta) else None
                behind = f", {typical.days} days at the median" if typical and typical.days > 0 else ""
                found[name] = (
                    f"it lies after {time.name} in {share:.0%} of the rows{behind}: not known at the prediction"
                )
                context.told.leak(name, f"{name} is left out: {found[name]}")
                continue
        if names.says(name, names.AFTER):
            found[name] = "by its name it is written after the outcome"
            context.told.leak(
                name, f"{name} is left out: {found[name]}. Name it in prepare.features if it is known before"
            )
    return found


def as_numbers(context: Context, time: Time | None) -> dict[str, str]:
    """Moments that are written as seconds: the holdout has values of them that training has not."""
    if time is None:
        return {}
    found = {name: epoch_unit(column) for name, column in context.table.columns.items()}
    days = [name for name, column in context.table.columns.items() if is_day_number(column)]
    return {
        **{name: f"a moment in {unit} since 1970: {NEW_IN_HOLDOUT}" for name, unit in found.items() if unit},
        **dict.fromkeys(days, f"a day as a number: {NEW_IN_HOLDOUT}"),
    }


def is_day_number(column: Column) -> bool:
    """Days as 20260131, by the name and the values."""
    named = names.is_calendar(column.name) or names.says(column.name, names.BEFORE | names.AFTER)
    if not named or not column.whole or kind_of(column.type) != "number" or column.distinct < FEWEST_DAYS:
        return False
    low, high = column.minimum, column.maximum
    return bool(low >= 19000101 and high <= 21001231 and high - low < 1_500_000 and low % 100 <= 31)


def epoch_unit(column: Column) -> str | None:
    """Whether a column counts the seconds or the milliseconds since 1970, by its name and all of its values."""
    named = names.is_calendar(column.name) or names.says(column.name, names.BEFORE | names.AFTER | {"epoch"})
    if not named or not column.whole or kind_of(column.type) != "number" or column.distinct < FEWEST_DAYS:
        return None
    for unit, (low, high) in EPOCHS.items():
        if low <= column.minimum and column.maximum <= high:
            return "seconds" if unit == "s" else "milliseconds"
    return None


def hint_at_hidden(context: Context) -> None:
    """Times that are written as numbers: the split needs a column that is a time."""
    for name, column in context.table.columns.items():
        named = names.is_calendar(name) or names.says(name, names.BEFORE)
        if column.whole and kind_of(column.type) == "number" and column.distinct >= FEWEST_DAYS and named:
            unit = epoch_unit(column)
            if unit:
                context.told.ask(
                    name,
                    f"{name} looks like {unit} since 1970. Is it the rows' time? Rows are split by a hash until it is. "
                    f"Where every row has one: TIME={name}; in a query, to_timestamp({name}) makes a timestamp of it",
                )
            if is_day_number(column):
                context.told.ask(
                    name,
                    f"{name} looks like days written as 20260131. Is it the rows' time? For text files set "
                    f"data.sources.{context.table.name}.date_format to %Y%m%d and its type to DATE",
                )
