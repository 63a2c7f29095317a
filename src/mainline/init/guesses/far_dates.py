"""Dates that lie years behind or before all others, such as 9999-12-31: they stand for none, or are slips."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from mainline.data.split import quoted
from mainline.init.guesses.table import Context
from mainline.init.kinds import kind_of
from mainline.init.proposal import Column, Use

FAR = 366  # days without a row, and
WIDE = 0.5  # times as many days as the others spread over
FEW = 0.01  # of the rows, together
MOST_OF_ONE = 0.5  # of the rows, where all of them have one date
LATEST = dt.date(9999, 12, 30)  # that a cutoff can lie behind
MOST = 50_000  # different days


def last_day(context: Context, column: Column) -> dt.date:
    """The last day of all but the few rows that lie far behind the others."""
    days = counted(context, column)
    if not days:
        latest: dt.date = column.maximum.date() if isinstance(column.maximum, dt.datetime) else column.maximum
        return min(latest, LATEST)
    end = bulk(days)
    behind = days[end:]
    if behind:
        context.told.risk(
            column.name,
            f"{column.name} is {shown(behind)}, long after {days[end - 1][0]} in all others. They are put behind "
            "data.until, where no row is used: correct them, or leave them out, if they are slips",
        )
    return min(days[end - 1][0], LATEST)


def warn(context: Context, time: str | None, uses: Mapping[str, Use]) -> None:
    """Say which dates stand for none, in the columns that features are made of and in the rows' time."""
    for name, column in context.table.columns.items():
        if kind_of(column.type) != "time" or not column.distinct or uses[name].role in ("label", "key"):
            continue
        days = counted(context, column)
        turned = [(dt.date.fromordinal(dt.date.max.toordinal() + 1 - day.toordinal()), n) for day, n in days[::-1]]
        before, behind = days[: len(days) - bulk(turned)], days[bulk(days) :]
        for part, where in ((before, "before"), ([] if name == time else behind, "after")):
            if part:
                context.told.risk(
                    name,
                    f"{name} is {shown(part)}, long {where} all others: if that means that there is none, make it "
                    "null in the preparation",
                )


def counted(context: Context, column: Column) -> list[tuple[dt.date, int]]:
    """Rows by day, in order; empty where there are too many different ones."""
    if column.minimum is None or (column.maximum - column.minimum).days < FAR:
        return []
    day = f"{quoted(column.name)}::DATE"
    found = context.table.all(
        f"{day}, count(*)", f"WHERE {quoted(column.name)} IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT {MOST + 1}"
    )
    return [] if len(found) > MOST else [(each, int(rows)) for each, rows in found if isinstance(each, dt.date)]


def bulk(days: list[tuple[dt.date, int]]) -> int:
    """How many of the days belong together: those behind the widest gap near the end do not."""
    every, end, behind = sum(rows for _, rows in days), len(days), 0
    for place in range(len(days) - 1, 0, -1):
        behind += days[place][1]
        if behind > max(1, (FEW if place < len(days) - 1 else MOST_OF_ONE) * every):
            break
        before = days[place - 1][0]
        if (days[place][0] - before).days > max(FAR, WIDE * (before - days[0][0]).days):
            end = place
    return end


def shown(days: list[tuple[dt.date, int]]) -> str:
    rows, first, last = sum(rows for _, rows in days), days[0][0], days[-1][0]
    span = str(first) if first == last else f"{first} to {last}"
    return f"{span} in {rows:,} row{'s' if rows > 1 else ''}"
